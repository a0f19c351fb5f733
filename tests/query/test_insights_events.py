"""Insights on log groups of other events: their fields, what they are joined with, and what is said of names nobody has."""

from __future__ import annotations

import json

import pytest

from lake import lakes
from vpcflow.app import App
from vpcflow.app.insights import insights
from vpcflow.config import load
from vpcflow.errors import MalformedQuery, QueryError
from vpcflow.query import event_fields
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.shown import texts
from vpcflow.record.log_events import Filing

AT = lakes.HOUR * 3600
ALWAYS = Range()


def _event(second, **fields):
    return json.dumps({"time": AT + second, **fields})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("events")
    web = [
        _event(1, level="warn", req={"ip": "10.0.0.1", "took": 12}, tags=["a", "b"]),
        _event(2, level="info", req={"ip": "10.0.0.2", "took": 3.5}),
        "plain text",
    ]
    (root / "web.log").write_text("\n".join(web))
    (root / "jobs.log").write_text(_event(5, job="clean", **{"a.b": "dotted"}))
    lakes.ingest(root / "lake", [lakes.write_source(root / "flow.log", [lakes.line(n) for n in range(8)])])
    lakes.ingest(root / "lake", [root / "web.log"], filing=Filing("/web"))
    (root / "long.log").write_text(_event(1, short=1) + "\n" + _event(2, deep={"down": 5}, pad="x" * 20_000))
    lakes.ingest(root / "lake", [root / "long.log"], filing=Filing("long"))
    lakes.ingest(root / "lake", [root / "jobs.log"], filing=Filing("/jobs", "night"))
    return root


@pytest.fixture
def ask(root):
    app = App(load({"lake": str(root / "lake")}, {}))

    def answer(query, *groups, span=ALWAYS, strict=False):
        with app.lake() as lake, insights(app, lake, groups) as asker:
            rows = asker.ask(Question(query, span, AT + 100, strict=strict))
            answer.notes = [(note.key, dict(note.values)) for note in rows.notes]
            return [[column.name for column in rows.columns], *texts(rows)]

    return answer


def test_fields_of_json_are_fields_and_numbers_where_they_look_like_them(ask):
    query = "filter req.took > 3 | fields level, req.ip, req.took * 2 as twice, tags.1 | sort req.took"
    assert ask(query, "/web") == [
        ["level", "req.ip", "twice", "tags.1"],
        ["info", "10.0.0.2", "7", None],
        ["warn", "10.0.0.1", "24", "b"],
    ]


def test_system_fields_tell_where_an_event_is_from(ask):
    head, row = ask("fields @timestamp, @log, @logStream, @message", "/jobs")
    assert head == ["@timestamp", "@log", "@logStream", "@message"]
    assert row == [
        "2023-11-14 23:00:05.000",
        "123456789012:/jobs",
        "night",
        _event(5, job="clean", **{"a.b": "dotted"}),
    ]


def test_several_groups_are_asked_at_once_with_flow_logs_too(ask):
    counted = ask("stats count(*) as n by @log | sort n", "/web", "/jobs", "flow_logs")
    assert counted[1:] == [["123456789012:/jobs", "1"], ["123456789012:/web", "3"], ["123456789012:flow_logs", "8"]]
    assert ask("filter ispresent(level) or ispresent(action) | stats count(*) as n", "/web", "flow_logs")[1] == ["10"]


def test_source_chooses_groups_by_the_begin_of_their_names(ask):
    assert ask("SOURCE logGroups(namePrefix: ['/']) | stats count(*) as n by @logStream | sort n")[1:] == [
        ["night", "1"],
        ["web", "3"],
    ]
    assert ask("SOURCE '/jobs' | fields job, a.b")[1:] == [["clean", "dotted"]]


def test_events_are_partners_of_flow_logs(ask):
    query = (
        "filter srcAddr in ( SOURCE '/web' | filter level = 'warn' | fields req.ip ) | stats count(*) as n by srcAddr"
    )
    assert ask(query)[1:] == [["10.0.0.1", "1"]]


def test_time_leaves_events_out(ask):
    assert len(ask("fields level", "/web", span=Range((AT + 2) * 1000, (AT + 10) * 1000))) == 3
    assert len(ask("fields level", "/web", span=Range((AT + 20) * 1000))) == 1


def test_a_name_that_no_event_has_is_missing_and_said_with_the_near_one(ask):
    assert ask("fields lvel | limit 1", "/web")[1:] == [[None]]
    assert ask.notes == [("note.insights_unknown_near", {"name": "lvel", "near": "level"})]
    with pytest.raises(MalformedQuery):
        ask("fields lvel", "/web", strict=True)
    with pytest.raises(QueryError, match="ResourceNotFoundException"):
        ask("fields a", "/nothing")


def test_a_name_that_only_old_events_have_is_found_where_the_newest_do_not_tell_all(ask, monkeypatch):
    monkeypatch.setattr(event_fields, "SAMPLE", 1)
    assert ask("fields req.ip | filter ispresent(req.ip) | sort req.ip", "/web")[1:] == [["10.0.0.1"], ["10.0.0.2"]]
    parsed = "fields jsonParse(@message) as js | filter ispresent(js.req.took) | sort @timestamp | display js.req.took"
    assert ask(parsed, "/web")[1:] == [["12"], ["3.5"]]
    assert ask("fields nothing", "/web")[1:] == [[None]] * 3


def test_a_name_that_only_a_long_event_has_is_found(ask):
    assert ask("fields deep.down | filter ispresent(deep.down)", "long")[1:] == [["5"]]
    assert ask("fields nothing", "long")[1:] == [[None]] * 2
