"""What finds shapes and differences: that nothing is lost on the way, and that times and bounds are what they say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake import lakes
from query.insights_table import Table, drawn
from vpcflow.app import App
from vpcflow.app.insights import insights
from vpcflow.config import load
from vpcflow.errors import MalformedQuery, QueryError
from vpcflow.query.insights import tokens
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.commands import append_cols, diff, fill_missing, relevant_fields
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.shown import texts


@pytest.fixture(scope="module")
def table():
    table = Table()
    yield table
    table.close()


def _patterns(table, *messages):
    return texts(table.ask("pattern @message", [{"@message": one} for one in messages]))


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("at 2026-11-24T02:00:00.123Z", "at <Time-1>"),
        ("at 2026-11-24 02:00:00,1 on", "at <Time-1> on"),
        ("[24/Nov/2026:02:00:00 +0000] x", "[<Time-1>] x"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <UUID-1>"),
        ("from 10.0.0.1:443 to 2001:db8::1", "from <IP-1>:<Number-2> to <IPv6-3>"),
        ("eni-0a1b2c3d4e5f60718 i-0123456789abcdef0", "<ResourceId-1> <ResourceId-2>"),
        ("0xff deadbeefdeadbeef -2.5 abc1 x7y", "<Hex-1> <Hex-2> -<Number-3> abc1 x7y"),
        ("123456789012 in us-east-1", "<Number-1> in us-east-<Number-2>"),
        ('"GET / HTTP/1.1" 404 12', '"GET / HTTP/<Number-1>" <HTTPError-2> <Number-3>'),
        ('"GET / HTTP/1.1" 200 404', '"GET / HTTP/<Number-1>" <Number-2> <Number-3>'),
        ('{"status": 503}', '{"status": <HTTPError-1>}'),
        ("took 450 ms", "took <Number-1> ms"),
        ("\ue000 odd \ue00f", " odd "),
    ],
)
def test_what_changes_becomes_a_token_of_its_kind(table, text, pattern):
    assert _patterns(table, text)[0][0] == pattern


def test_shapes_that_share_most_words_are_one(table):
    found = _patterns(
        table, "user ann logged in ok", "user bob logged in ok", "user eve logged in ok", "user ann ate two pies"
    )
    assert [(row[0], row[2]) for row in found] == [("user <Token-1> logged in ok", "3"), ("user ann ate two pies", "1")]


def test_shapes_that_share_only_tokens_are_two(table):
    assert len(_patterns(table, "a 1 2 3", "b 4 5 6")) == 2
    assert len(_patterns(table, "1 2", "3 4")) == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a FATAL thing", "FATAL"),
        ("java.io.Exception", "ERROR"),
        ("warning: x", "WARN"),
        ("Info x", "INFO"),
        ("information", "NONE"),
    ],
)
def test_words_tell_how_bad_it_is(table, text, label):
    assert _patterns(table, text)[0][3] == label


WORDS = st.sampled_from(["a", "bc", "10.0.0.1", "7", "ERROR", "x1", "-", "  ", "2026-11-24T02:00:00Z", "서울"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=25))
def test_every_text_is_in_one_pattern_that_it_fits(table, messages):
    found = _patterns(table, *messages)
    assert sum(int(row[2]) for row in found) == len(messages)
    assert sum(float(row[1]) for row in found) == pytest.approx(1, abs=0.0002 * len(found))
    shapes = [
        re.compile(re.sub(r"<[A-Za-z0-9]+-\d+>", ".*", re.sub(r"([.*+?^$()\[\]{}|\\])", r"\\\1", row[0])))
        for row in found
    ]
    loose = [re.compile(re.sub(r"(\\ |\s)+", r"\\s+", shape.pattern)) for shape in shapes]
    for message in messages:
        assert any(shape.fullmatch(message) for shape in loose), (message, found)


def test_only_what_is_there_is_looked_at(table):
    rows = table.ask("pattern a", [{"a": "x"}, {"@message": "m"}])
    assert drawn(rows).splitlines()[1:] == ["x | 1 | 1 | NONE"]
    assert drawn(table.ask("pattern a", [])) == "@pattern | @ratio | @sampleCount | @severityLabel"


# --- times ---------------------------------------------------------------------------------------------------------


def _ms(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("to", "start", "end", "before"),
    [
        ("", "2026-03-31T10:00", "2026-03-31T11:00", ("2026-03-31T08:59:59.999", "2026-03-31T09:59:59.999")),
        ("previousday", "2026-03-31T10:00", "2026-03-31T11:00", ("2026-03-30T10:00", "2026-03-30T11:00")),
        ("previousweek", "2026-03-31T10:00", "2026-03-31T11:00", ("2026-03-24T10:00", "2026-03-24T11:00")),
        ("previousmonth", "2026-03-31T10:00", "2026-03-31T11:00", ("2026-02-28T10:00", "2026-02-28T11:00")),
        ("previousmonth", "2026-01-15T10:00", "2026-01-15T11:00", ("2025-12-15T10:00", "2025-12-15T11:00")),
    ],
)
def test_the_time_before_is_as_long(to, start, end, before):
    found = diff.earlier(Range(_ms(start), _ms(end)), to)
    assert (found.start, found.end) == tuple(map(_ms, before))


@pytest.mark.parametrize(
    "query", ["pattern @message | diff", "pattern @message | anomaly", "stats count(*) | logcompare timeshift 1d"]
)
def test_what_compares_needs_a_begin(table, query):
    with pytest.raises(MalformedQuery) as refused:
        table.ask(query, [{"a": "x"}])
    assert refused.value.code == "insights.needs_time"


def test_an_open_end_is_now(table):
    rows = table.ask("pattern @message | diff", [{"@timestamp": "1", "@message": "x"}], span=Range(1_795_499_999_000))
    assert drawn(rows).count("\n") == 0


def test_stages_before_a_comparison_count_for_both_times(table):
    events = [
        {"@timestamp": str(second), "a": name}
        for second, name in ((86_400_100, "x"), (86_400_200, "y"), (100, "x"), (200, "y"), (300, "y"))
    ]
    query = "filter a = 'y' | stats count(*) as n, sum(n) as s by a | logcompare timeshift 1d"
    rows = table.ask(query, events, span=Range(86_400_000, 86_500_000))
    assert drawn(rows) == "a | n | n_baseline | s | s_baseline\ny | 1 | 2 |  | "


# --- bounds --------------------------------------------------------------------------------------------------------


def test_an_operator_that_takes_fewer_rows_says_so(table):
    rows = table.ask("fields a | appendcols max=2 ( fields b )", [{"a": "1", "b": "x"}] * 3)
    assert drawn(rows) == "a | b\n1 | x\n1 | x"
    assert {note.key for note in rows.notes} == {"note.insights_bounded"}


def test_filling_a_gap_of_years_by_milliseconds_is_refused(table):
    events = [{"@timestamp": "2026-01-01 00:00:00.000"}, {"@timestamp": "2026-11-01 00:00:00.000"}]
    with pytest.raises(QueryError) as refused:
        table.ask("stats count(*) by bin(1ms) | fillmissing", events)
    assert refused.value.code == "insights.many_bins"


@pytest.mark.parametrize("fill", ["0", "2.5", "'x'", "true", "'7'"])
@pytest.mark.parametrize("aggregate", ["count(*)", "avg(b)", "max(a)", "count(*) > 1"])
def test_any_constant_fills_any_kind_of_column(table, fill, aggregate):
    events = [{"@timestamp": "0", "a": "x", "b": "1.5"}, {"@timestamp": "120000", "a": "7"}]
    rows = table.ask(f"stats {aggregate} as v by bin(1m) as t | fillmissing with {fill} for v", events)
    assert texts(rows)[1][1] == {"'x'": "x", "true": "1", "'7'": "7"}.get(fill, fill)


def test_appending_over_another_kind_of_column_makes_a_text(table):
    rows = table.ask(
        "stats count(*) as n by a | appendcols override=true ( SOURCE 'g' | fields n )",
        [{"a": "x"}, {"a": "y"}],
        {"g": [{"n": "many"}]},
    )
    assert drawn(rows) == "a | n\nx | many\ny | 1"
    assert append_cols.DEFAULT_ROWS == 10_000
    assert fill_missing.MAX_ROWS == 100_000


def test_a_field_whose_values_are_all_different_tells_nothing(table):
    events = [{"id": f"id{n}", "slow": "1" if n % 2 else "0"} for n in range(60)]
    assert drawn(table.ask("relevantfields id where slow = 1", events)).count("\n") == 0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_the_distance_of_two_distributions_is_what_its_definition_says(one, other):
    expected = max(
        abs(sum(v <= x for v in one) / len(one) - sum(v <= x for v in other) / len(other)) for x in {*one, *other}
    )
    assert relevant_fields._apart(list(map(float, one)), list(map(float, other))) == pytest.approx(expected)


# --- estimate ------------------------------------------------------------------------------------------------------


def test_an_estimate_is_what_the_query_then_reads(tmp_path):
    lines = [lakes.line(n, hour=lakes.HOUR + n % 3) for n in range(30)]
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "a.log", lines)])
    app = App(load({"lake": str(tmp_path / "lake")}, {}))
    for span in (Range(), Range(lakes.HOUR * 3_600_000, (lakes.HOUR + 1) * 3_600_000 - 1)):
        query = "filter action = 'REJECT' | stats count(*) by srcAddr"
        with app.lake() as lake, insights(app, lake) as asker:
            (told,) = texts(asker.ask(Question(f"{query} | estimate", span, 1_800_000_000)))[0]
        with app.lake() as lake, insights(app, lake) as asker:
            read = asker.ask(Question(query, span, 1_800_000_000)).bytes_scanned
        assert int(told) == read > 0


def test_templates_are_counted_by_the_engine_whatever_the_text(table):
    odd = ["", " ", "\t", "\n", "a\nb", "'", '"', "\\", "%", json.dumps({"a": [1, 2]}), "é" * 1000]
    assert sum(int(row[2]) for row in _patterns(table, *odd)) == len(odd)


def test_clusters_do_not_depend_on_the_rows_order():
    given_ = [("a \ue007 b", 3), ("a \ue007 c", 2), ("z", 1)]
    made = []
    for rows in (given_, given_[::-1]):
        counts = sorted(rows, key=lambda one: (-one[1], one[0]))
        found = tokens.Clusters()
        for template, count in counts:
            found.add(template, count)
        made.append([(one.pattern, one.count) for one in found.all()])
    assert made[0] == made[1]


def test_many_long_texts_that_are_all_different_cost_no_more_than_they_may():
    words = [f"{' '.join(f'w{n}x{place}' for place in range(100))}" for n in range(300)]
    bounded = tokens.Clusters(words=1000)
    for text in words:
        bounded.add(text, 1)
    assert len(bounded.all()) == len(words)
    assert bounded._left < 0
