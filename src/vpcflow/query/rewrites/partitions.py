"""What a plan's time range says of partitions: for the ledger as a `PartitionFilter`, for other engines as predicates.

A table lies in folders by the UTC hour of its records' time, so `start >= a AND start < b` leaves out every hour outside. A
record ends after it starts, so `end < b` does too; `end >= a` cannot (a record may have begun long before), and only the
ledger, which knows the last `end` of each file, uses it. `date`, and the keys (`keys.py`), say the same of whole days and hours.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.rewrites import keys
from vpcflow.query.rewrites.constants import DAY, SECONDS, seconds
from vpcflow.query.schema import FLOWS
from vpcflow.record.schema import LAKE_TABLES
from vpcflow.types import PartitionFilter, TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from vpcflow.query.schema import Schema

_FLIPPED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE,
}  # fmt: skip
_KEYS: Final = {"aws_account_id": "accounts", "aws_region": "regions", "log_group": "log_groups"}
_TIMES: Final = ("start", "end", "date", "timestamp")
"""Columns of time; `timestamp`, of log events, is that of `start` in milliseconds."""


def scans(tree: exp.Expr) -> dict[str, PartitionFilter]:
    """Return for each table of the lake that *tree* reads the part it needs: the hull of what each reading of it states."""
    found: dict[str, PartitionFilter] = {}
    for table in tree.find_all(exp.Table):
        base = FLOWS.get(table.name, table.name)
        if base in LAKE_TABLES and not table.db:
            stated = _stated(table, keyed=True)
            found[base] = _hull(found[base], stated) if base in found else stated
    return found


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Add predicates on year, month, day and hour beside each range of `start`."""
    shadowed = {cte.alias for cte in tree.find_all(exp.CTE)}
    for select in list(tree.find_all(exp.Select)):
        source = select.args.get("from_")
        if source is None or not isinstance(source.this, exp.Table) or select.args.get("joins"):
            continue
        if FLOWS.get(source.this.name, source.this.name) in FLOWS.values() and source.this.name not in shadowed:
            for predicate in _predicates(_stated(source.this)):
                if {column.name for column in predicate.find_all(exp.Column)} <= schema.keys:
                    select.where(predicate, copy=False)
    return tree


def _stated(table: exp.Table, *, keyed: bool = False) -> PartitionFilter:
    """Return what the WHERE around *table* says of it. keyed: what it says of date, year, month, day and hour too."""
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if select is None or where is None or not _is_source(table, select):
        return PartitionFilter()
    alone, name = not select.args.get("joins"), table.alias_or_name
    ranges = {name: [None, None] for name in _TIMES}  # type: dict[str, list[int | None]]
    listed: dict[str, frozenset[str]] = {}
    tests = list(_conjuncts(where.this))
    for test in tests:
        for column, low, high in _bounds(test, name, alone=alone):
            _narrow(ranges["start" if column == "timestamp" else column], low, high)
        for key, values in _listed(test, name, alone=alone):
            listed[key] = listed[key] & values if key in listed else values
    time = TimeRange(*ranges["start"])
    if keyed:
        _narrow(ranges["start"], *ranges["date"])
        time = keys.left(tests, lambda column: _belongs(column, name, alone=alone), TimeRange(*ranges["start"]))
    return PartitionFilter(
        time=time,
        end=TimeRange(*ranges["end"]),
        accounts=listed.get("accounts"),
        regions=listed.get("regions"),
        log_groups=listed.get("log_groups"),
    )


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield what must hold together, without brackets; a filter may join thousands, so no recursion."""
    waiting = [condition]
    while waiting:
        part = waiting.pop().unnest()
        if isinstance(part, exp.And):
            waiting += [part.right, part.left]
        else:
            yield part


def _is_source(table: exp.Table, select: exp.Select) -> bool:
    return (
        table.find_ancestor(exp.From, exp.Join) is not None and table.parent_select is select and not _is_outer(table)
    )


def _is_outer(table: exp.Table) -> bool:
    """Tell whether a table is joined so that a condition in WHERE need not hold for its rows."""
    join = table.find_ancestor(exp.Join)
    select = table.parent_select
    sides = [join] if join is not None else []
    sides += (select.args.get("joins") or []) if select is not None else []
    return any(side is not None and side.side for side in sides)


def _bounds(test: exp.Expr, name: str, *, alone: bool) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield a column of time and the seconds from and before which *test* leaves it."""
    if isinstance(test, exp.Between):
        column = _time_column(test.this, name, alone=alone)
        low, high = seconds(test.args["low"]), seconds(test.args["high"])
        if column and low is not None and high is not None:
            scale = 1000 if column[0] == "timestamp" else 1
            yield column[0], _at(low / scale, column[1]), _after(high / scale, column[1])
        return
    if isinstance(test, exp.In) and test.expressions:
        column, values = _time_column(test.this, name, alone=alone), [seconds(value) for value in test.expressions]
        known = [value for value in values if value is not None]
        if column and len(known) == len(values):
            scale = 1000 if column[0] == "timestamp" else 1
            yield column[0], _at(min(known) / scale, column[1]), _after(max(known) / scale, column[1])
        return
    if not isinstance(test, (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        return
    kind: type[exp.Expr] = type(test)
    left, right = test.left, test.right
    if seconds(left) is not None:
        left, right = right, left
        kind = _FLIPPED.get(kind, kind)
    column, value = _time_column(left, name, alone=alone), seconds(right)
    if column is None or value is None:
        return
    found, unit = column
    if found == "timestamp":
        value /= 1000
    low_edge = None if kind in (exp.LT, exp.LTE) else _after(value, unit) if kind is exp.GT else _at(value, unit)
    high_edge = None if kind in (exp.GT, exp.GTE) else _at(value, unit) if kind is exp.LT else _after(value, unit)
    yield found, low_edge, high_edge


def _at(value: Fraction, unit: int) -> int:
    """Return the first full *unit* at or after *value*."""
    return math.ceil(value / unit) * unit


def _after(value: Fraction, unit: int) -> int:
    """Return the first full *unit* after *value*."""
    return (math.floor(value / unit) + 1) * unit


def _listed(test: exp.Expr, name: str, *, alone: bool) -> Iterator[tuple[str, frozenset[str]]]:
    column, values = None, []  # type: tuple[exp.Expr | None, list[exp.Expr]]
    if isinstance(test, exp.EQ):
        column, values = test.left, [test.right]
    elif isinstance(test, exp.In):
        column, values = test.this, test.expressions
    if (
        isinstance(column, exp.Column)
        and column.name in _KEYS
        and _belongs(column, name, alone=alone)
        and values
        and all(isinstance(value, exp.Literal) and value.is_string for value in values)
    ):
        yield _KEYS[column.name], frozenset(value.name for value in values)


def _time_column(node: exp.Expr, name: str, *, alone: bool) -> tuple[str, int] | None:
    """Return the column of time that *node* shows, and to how many seconds it is cut."""
    unit, shown = 1, node
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "date_trunc" and len(node.expressions) == 2:
        # Athena SQL, bound: as are trino_from_unixtime and the cast to a date.
        unit = SECONDS.get(node.expressions[0].name.lower(), 0) if node.expressions[0].name.lower() != "week" else 0
        node = node.expressions[1]
    elif isinstance(node, exp.Cast) and node.is_type(exp.DataType.Type.DATE):
        unit, node = DAY, node.this
    if not unit:
        return None
    if isinstance(node, exp.Coalesce):
        # coalesce(start, x_event_time / 1000) is the record's time where `start` may be missing.
        node = node.this
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "trino_from_unixtime":
        (node,) = node.expressions
    if not isinstance(node, exp.Column) or not _belongs(node, name, alone=alone):
        return None
    if node.name == "timestamp" and node is not shown:
        return None
    if node.name == "date":
        return "date", max(unit, DAY)
    return (str(node.name), unit) if node.name in _TIMES else None


def _belongs(column: exp.Column, name: str, *, alone: bool) -> bool:
    return column.table == name or (not column.table and alone)


def _narrow(bounds: list[int | None], low: int | None, high: int | None) -> None:
    if low is not None:
        bounds[0] = low if bounds[0] is None else max(bounds[0], low)
    if high is not None:
        bounds[1] = high if bounds[1] is None else min(bounds[1], high)


def _hull(one: PartitionFilter, other: PartitionFilter) -> PartitionFilter:
    def wide(a: TimeRange, b: TimeRange) -> TimeRange:
        since = None if a.since is None or b.since is None else min(a.since, b.since)
        until = None if a.until is None or b.until is None else max(a.until, b.until)
        return TimeRange(since, until)

    def either(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
        return None if a is None or b is None else a | b

    return PartitionFilter(
        wide(one.time, other.time),
        wide(one.end, other.end),
        either(one.accounts, other.accounts),
        either(one.regions, other.regions),
        either(one.log_groups, other.log_groups),
    )


def _predicates(where: PartitionFilter) -> Iterator[exp.Expr]:
    since = where.time.since
    until = min((edge for edge in (where.time.until, where.end.until) if edge is not None), default=None)
    edges = [
        ("GTE", None if since is None else since // 3600),
        ("LTE", None if until is None else (until - 1) // 3600),
    ]
    for operator, hour in edges:
        if hour is None or not 0 <= hour < 70_000_000:
            continue
        when = datetime.fromtimestamp(hour * 3600, UTC)
        compare = getattr(exp, operator)
        # `year` alone is what Glue can prune by; the four together are exact.
        yield compare(this=exp.column("year"), expression=exp.Literal.string(f"{when.year:04d}"))
        whole = exp.func("concat", *(exp.column(key) for key in ("year", "month", "day", "hour")))
        yield compare(this=whole, expression=exp.Literal.string(when.strftime("%Y%m%d%H")))
