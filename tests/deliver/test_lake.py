"""A lake as a destination: each unit is a source of its ledger, taken once."""

from __future__ import annotations

from collections import Counter

import pytest

from deliver.flows import app_of, batch, flow_log, nothing, row, rows_of, send
from deliver.test_crash import ROUNDS, Story, check, points
from vpcflow.analyze.plan import Scope
from vpcflow.analyze.records import plan
from vpcflow.app.deliver import LakeDestination
from vpcflow.lake.lake import Lake
from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT


def in_lake(app):
    """Return the records of the app's lake."""
    columns = [FIELDS[name].column for name in DEFAULT.names]
    with app.lake() as lake, app.asker(lake) as asker:
        return rows_of(asker.ask(plan(Scope("flows"), asker.schema(), columns, limit=None)).batches)


def test_a_unit_that_comes_twice_is_there_once(tmp_path):
    app = app_of(tmp_path)
    destination = LakeDestination(app, flow_log("lake"))
    batches = [batch([row(number) for number in range(5)]), batch([nothing("eni-7", "NODATA")])]
    [first] = send(destination, *batches, name="1-ab")
    [second] = send(destination, *batches, name="1-ab")
    send(destination, batch([row(9)]), name="2-cd")
    assert (first.accepted, first.known) == (6, 0)
    assert (second.accepted, second.known) == (0, 6)
    assert in_lake(app) == rows_of([*batches, batch([row(9)])])


def test_another_lake_than_that_of_the_settings_may_be_named(tmp_path):
    app = app_of(tmp_path)
    destination = LakeDestination(app, flow_log("lake", tmp_path / "other"))
    send(destination, batch([row(1)]))
    assert destination.uri == str(tmp_path / "other")
    assert not (tmp_path / "lake").exists()
    with app.with_lake(str(tmp_path / "other")).lake() as lake:
        assert lake.newest("flow_logs")


def test_batches_with_other_columns_come_whole(tmp_path):
    app = app_of(tmp_path)
    send(LakeDestination(app, flow_log("lake")), batch([row(1)]), batch([row(2, vpc_id="vpc-1")]))
    with app.lake() as lake, app.asker(lake) as asker:
        table = asker.ask(plan(Scope("flows"), asker.schema(), ["packets", "vpc_id"], limit=None)).table()
    assert sorted(table.to_pylist(), key=lambda one: one["packets"]) == [
        {"packets": 2, "vpc_id": None},
        {"packets": 3, "vpc_id": "vpc-1"},
    ]


@pytest.mark.slow
def test_killed_at_any_point_the_lake_has_everything_once(tmp_path):
    def make(place):
        app = app_of(place)
        flow = flow_log("lake")
        return app, lambda: (flow, LakeDestination(app, flow))

    steps, rounds = Story(make(tmp_path)[1], tmp_path / "spool").run(None, "before")
    assert rounds == ROUNDS
    for number, (step, how) in enumerate(points(steps, 16)):
        place = tmp_path / str(number)
        app, made = make(place)
        story = Story(made, place / "spool")
        _, rounds = story.run(step, how)
        story.finish()
        if not rounds and not app.lake_home.exists():
            continue
        Lake(app.lake_home, create=True).close()
        found = in_lake(app)
        packets = [FIELDS[name].column for name in DEFAULT.names].index("packets")
        numbers = Counter()
        for record, count in found.items():
            numbers[record[packets] - 1] += count
        check(numbers, rounds)
