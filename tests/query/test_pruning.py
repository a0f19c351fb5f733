"""What a question's WHERE says of time leaves files out, and never a file with a row it wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.worlds import EDGES, World
from vpcflow.lake.lake import Lake
from vpcflow.query.answer import Asker
from vpcflow.query.athena.binder import bind
from vpcflow.query.athena.lake_tables import LakeTables
from vpcflow.query.athena.parse import parse
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.query.rewrites.partitions import scans
from vpcflow.query.schema import Schema
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2023, 11, 15, 1, 30, tzinfo=UTC)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
Test = tuple[str, "Callable[[datetime], bool]"]


def written(column: str, of: Callable[[datetime], Any], literal: str, value: Any) -> st.SearchStrategy[Test]:
    """Return tests of a column with one value: a comparison either way round."""

    def test(operator: str, flipped: bool) -> Test:  # noqa: FBT001
        text = f"{literal} {FLIPPED[operator]} {column}" if flipped else f"{column} {operator} {literal}"
        return text, lambda when: OPERATORS[operator](of(when), value)

    return st.builds(test, st.sampled_from(sorted(OPERATORS)), st.booleans())


def key(name: str, form: str, values: list[str]) -> st.SearchStrategy[Test]:
    """Return tests of a key: comparisons, IN, BETWEEN."""

    def of(when: datetime) -> str:
        return when.strftime(form)

    one = st.sampled_from(values).flatmap(lambda value: written(name, of, f"'{value}'", value))
    pair = st.tuples(st.sampled_from(values), st.sampled_from(values))
    return st.one_of(
        one,
        pair.map(lambda two: (f"{name} BETWEEN '{two[0]}' AND '{two[1]}'", lambda when: two[0] <= of(when) <= two[1])),
        pair.map(lambda two: (f"{name} IN ('{two[0]}', '{two[1]}')", lambda when: of(when) in two)),
    )


def conditions(first: datetime, last: datetime) -> st.SearchStrategy[Test]:
    """Return tests whose values lie between two times, on the keys, on `date`, on `start` in several forms."""
    moments = [first + timedelta(hours=hour) for hour in range(0, int((last - first).total_seconds()) // 3600 + 1, 7)]
    keys = [
        key(name, form, sorted({when.strftime(form) for when in moments}))
        for name, form in (("year", "%Y"), ("month", "%m"), ("day", "%d"), ("hour", "%H"))
    ]
    together = [
        key(f"({text})", form, sorted({when.strftime(form) for when in moments[::5]}))
        for text, form in (
            ("year || month || day", "%Y%m%d"), ("concat(year, '-', month)", "%Y-%m"),
            ("year || month || day || hour", "%Y%m%d%H"),
            ("concat(year, '/', month, '/', day)", "%Y/%m/%d"),
        )
    ]  # fmt: skip
    dates = st.sampled_from(moments).flatmap(
        lambda when: written("date", lambda one: one.date(), f"DATE '{when:%Y-%m-%d}'", when.date())
    )
    back = st.integers(0, 40).flatmap(
        lambda days: written(
            "date",
            lambda one: one.date(),
            f"current_date - interval '{days}' day",
            NOW.date() - timedelta(days=days),
        )
    )
    stamps = st.sampled_from(moments).flatmap(
        lambda when: written("from_unixtime(start)", lambda one: one, f"TIMESTAMP '{when:%Y-%m-%d %H:%M:%S}'", when)
    )
    cut = st.sampled_from(moments).flatmap(
        lambda when: written(
            "date_trunc('hour', from_unixtime(start))",
            lambda one: one.replace(minute=0, second=0),
            f"TIMESTAMP '{when:%Y-%m-%d %H:%M:%S}.500'",
            when + timedelta(milliseconds=500),
        )
    )
    numbers = st.sampled_from(moments).flatmap(
        lambda when: written(
            "start", lambda one: one.timestamp(), f"to_unixtime(TIMESTAMP '{when:%Y-%m-%d %H:%M:%S}')", when.timestamp()
        )
    )
    return st.one_of(*keys, *together, dates, back, stamps, cut, numbers)


FIRST, LAST = datetime(2022, 11, 20, tzinfo=UTC), datetime(2024, 3, 5, tzinfo=UTC)
MOMENTS = st.integers(0, int((LAST - FIRST).total_seconds())).map(lambda seconds: FIRST + timedelta(seconds=seconds))


def stated(where: str) -> TimeRange:
    sql = f"SELECT count(*) FROM flow_logs WHERE {where}"
    bound = bind(parse(sql).tree, sql, LakeTables(Schema({"flow_logs": frozenset({"start"})})), NOW)
    return scans(bound.tree)["flow_logs"].time


@settings(max_examples=400, deadline=None)
@given(chosen=st.lists(conditions(FIRST, LAST), min_size=1, max_size=4), when=MOMENTS)
def test_a_row_that_is_wanted_lies_in_what_is_read(chosen, when):
    wanted = all(passes(when) for _, passes in chosen)
    time = stated(" AND ".join(f"({text})" for text, _ in chosen))
    if wanted:
        assert time.since is None or when.timestamp() >= time.since
        assert time.until is None or when.timestamp() < time.until


@pytest.mark.parametrize(
    ("where", "since", "until"),
    [
        ("date = DATE '2023-12-01'", "2023-12-01", "2023-12-02"),
        ("date > current_date - interval '7' day", "2023-11-09", None),
        ("date >= date_add('day', -1, current_date) and date < current_date", "2023-11-14", "2023-11-15"),
        ("date between date('2023-11-30') and date '2023-12-01'", "2023-11-30", "2023-12-02"),
        ("date > date_add('month', -1, date '2023-03-31')", "2023-03-01", None),
        ("date in (date '2023-11-30', date '2023-12-05')", "2023-11-30", "2023-12-06"),
        ("year = '2023'", "2023-01-01", "2024-01-01"),
        ("year = '2024' and month = '02'", "2024-02-01", "2024-03-01"),
        ("year = '2023' and month = '12' and day >= '30'", "2023-12-30", "2024-01-01"),
        ("year = '2023' and month = '11' and day = '14' and hour >= '23'", "2023-11-14 23:00", "2023-11-15"),
        ("year >= '2023' and year < '2025'", "2023-01-01", "2025-01-01"),
        ("year = '2023' and month in ('03', '05')", "2023-03-01", "2023-06-01"),
        ("date = date '2023-11-14' and hour between '03' and '04'", "2023-11-14 03:00", "2023-11-14 05:00"),
        ("concat(year, month, day) >= '20231114'", "2023-11-14", None),
        ("year || '/' || month || '/' || day = '2023/11/14'", "2023-11-14", "2023-11-15"),
        ("from_unixtime(start) > now() - interval '90' minute", "2023-11-15 00:00:01", None),
        ("date(from_unixtime(start)) = date '2023-11-14'", "2023-11-14", "2023-11-15"),
        ("start >= to_unixtime(timestamp '2023-11-14 12:00:00')", "2023-11-14 12:00", None),
        ("month = '11'", None, None),
        ("hour = '11'", None, None),
        ("year = '2023' or month = '11'", None, None),
        ("date <> date '2023-11-14'", None, None),
        ("not (date = date '2023-11-14')", None, None),
    ],
)
def test_a_range_is_what_it_says(where, since, until):
    edges = [
        None if text is None else int(datetime.fromisoformat(f"{text}+00:00").timestamp()) for text in (since, until)
    ]
    assert stated(where) == TimeRange(*edges)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("pruning"), seed=11, packet_level=True)


@pytest.fixture(scope="module")
def asker(world):
    lake = Lake(world.root, durable=False)
    engine = DuckDBEngine([lake.root], threads=1)
    yield Asker(engine, lake)
    engine.close()
    lake.close()


AROUND = [datetime.fromtimestamp(edge, UTC) for edge in (EDGES[0], EDGES[-1])]


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(conditions(AROUND[0] - timedelta(days=2), AROUND[1] + timedelta(days=2)), min_size=1, max_size=3)
)
def test_no_row_of_a_lake_is_lost(asker, world, chosen):
    timed = [row for row in world.rows if row["_moment"] is not None]
    of_start = any("start" in text for text, _ in chosen)
    wanted = sorted(
        row["instance_id"]
        for row in timed
        if (row["start"] is not None or not of_start)
        and all(passes(datetime.fromtimestamp(row["_moment"], UTC)) for _, passes in chosen)
    )
    where = " AND ".join(text for text, _ in chosen)
    answer = asker.query(f"SELECT instance_id FROM flow_logs WHERE {where} ORDER BY 1", now=NOW)
    assert [one for batch in answer.batches for one in batch.column(0).to_pylist()] == wanted


def test_a_day_reads_fewer_bytes(asker):
    def scanned(where: str) -> int:
        answer = asker.query(f"SELECT count(*) FROM flow_logs WHERE {where}")
        list(answer.batches)
        return answer.status.bytes_scanned

    everything = scanned("true")
    for where in ("date = DATE '2023-11-14'", "year = '2023' AND month = '11' AND day = '15' AND hour = '00'"):
        assert 0 < scanned(where) < everything
    assert scanned("date = DATE '2020-01-01'") == 0
