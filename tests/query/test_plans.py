"""Whatever is asked of a lake, the engine finds the rows that a plain reading of the filter finds, each once."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import select

from query import filters
from query.worlds import EDGES, World
from vpcflow.analyze.plan import Scope
from vpcflow.analyze.plan import select as narrowed
from vpcflow.lake.lake import Lake
from vpcflow.query.answer import Asker
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.query.filter import parse
from vpcflow.types import PartitionFilter, TimeRange

EXAMPLES = settings(max_examples=80, deadline=None)


class Asked:
    """A world with an engine on its lake."""

    def __init__(self, world: World) -> None:
        self.rows = world.rows
        self.packet_level = any(row["pkt_srcaddr"] for row in world.rows)
        self.lake = Lake(world.root)
        self._engine = DuckDBEngine([world.root], threads=1)
        self.asker = Asker(self._engine, self.lake)

    def close(self) -> None:
        self._engine.close()
        self.lake.close()

    def found(self, plan) -> list[str]:
        return sorted(self.asker.ask(plan).table().column(0).to_pylist())

    def check(self, wanted: filters.Filter) -> None:
        condition = parse(wanted.text)
        assert self.found(select("instance_id").from_("flows").where(condition)) == self.expected(wanted.of)

    def expected(self, of) -> list[str]:
        return sorted(row["instance_id"] for row in self.rows if of(row) is True)


@pytest.fixture(scope="module", params=["mixed", "interface-level"])
def asked(request, tmp_path_factory):
    packet_level = request.param == "mixed"
    found = Asked(World(tmp_path_factory.mktemp(request.param), seed=len(request.param), packet_level=packet_level))
    yield found
    found.close()


def test_the_lake_has_what_the_plain_rows_have(asked):
    assert asked.found(select("instance_id").from_("flows")) == asked.expected(lambda _: True)
    assert any(file.dead for file in asked.lake.scan("flow_logs").files)
    assert len({file.columns for file in asked.lake.scan("flow_logs").files}) >= (4 if asked.packet_level else 1)


@EXAMPLES
@given(wanted=filters.anything)
def test_any_filter_finds_what_it_says(asked, wanted):
    asked.check(wanted)


@EXAMPLES
@given(wanted=filters.lookups)
def test_address_look_ups_find_each_row_once(asked, wanted):
    asked.check(wanted)


@EXAMPLES
@given(wanted=filters.pruned)
def test_time_ranges_leave_out_no_row_that_is_wanted(asked, wanted):
    asked.check(wanted)


@settings(max_examples=40, deadline=None)
@given(since=st.none() | st.sampled_from(EDGES), until=st.none() | st.sampled_from(EDGES), wanted=filters.comparisons)
@example(
    since=EDGES[1],
    until=EDGES[6],
    wanted=filters.Filter("packets >= 0", lambda row: None if row["packets"] is None else True),
)
def test_since_is_inclusive_and_until_exclusive_by_the_records_time(asked, since, until, wanted):
    scope = Scope(condition=parse(wanted.text), time=TimeRange(since, until))
    plan = narrowed("SELECT instance_id FROM flows", scope, asked.asker.schema())

    def inside(row):
        moment = row["_moment"]
        if moment is None:
            return since is None and until is None
        return (since is None or since <= moment) and (until is None or moment < until)

    assert asked.found(plan) == asked.expected(lambda row: inside(row) and wanted.of(row))


def test_a_range_of_one_hour_reads_the_files_of_that_hour_alone(asked):
    all_files = asked.lake.scan("flow_logs").files
    one_hour = asked.lake.scan("flow_logs", PartitionFilter(time=TimeRange(EDGES[1], EDGES[6]))).files
    assert 0 < len(one_hour) < len(all_files)
    assert all("hour=23" in file.path for file in one_hour)
