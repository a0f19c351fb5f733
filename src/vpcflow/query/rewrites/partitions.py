"""What a plan's time range says of partitions: for the ledger as a `PartitionFilter`, for other engines as predicates.

A table lies in folders by the UTC hour of its records' time, so `start >= a AND start < b` leaves out every hour outside. A
record ends after it starts, so `end < b` does too; `end >= a` cannot (a record may have begun long before), and only the
ledger, which knows the last `end` of each file, uses it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.schema import FLOWS
from vpcflow.types import PartitionFilter, TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.query.schema import Schema

_FLIPPED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE,
}  # fmt: skip
_KEYS: Final = {"aws_account_id": "accounts", "aws_region": "regions"}


def scans(tree: exp.Expr) -> dict[str, PartitionFilter]:
    """Return for each table of the lake that *tree* reads the part it needs: the hull of what each reading of it states."""
    found: dict[str, PartitionFilter] = {}
    for table in tree.find_all(exp.Table):
        base = FLOWS.get(table.name, table.name)
        if base in FLOWS.values() and not table.db:
            stated = _stated(table)
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


def _stated(table: exp.Table) -> PartitionFilter:
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if select is None or where is None or not _is_source(table, select):
        return PartitionFilter()
    alone = not select.args.get("joins")
    ranges = {"start": [None, None], "end": [None, None]}  # type: dict[str, list[int | None]]
    keys: dict[str, frozenset[str]] = {}
    for test in where.this.unnest().flatten() if isinstance(where.this.unnest(), exp.And) else [where.this.unnest()]:
        for name, low, high in _bounds(test.unnest(), table.alias_or_name, alone=alone):
            _narrow(ranges[name], low, high)
        for name, values in _listed(test.unnest(), table.alias_or_name, alone=alone):
            keys[name] = keys[name] & values if name in keys else values
    return PartitionFilter(
        time=TimeRange(*ranges["start"]),
        end=TimeRange(*ranges["end"]),
        accounts=keys.get("accounts"),
        regions=keys.get("regions"),
    )


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
    if isinstance(test, exp.Between):
        column, low, high = (
            _time_column(test.this, name, alone=alone),
            _number(test.args["low"]),
            _number(test.args["high"]),
        )
        if column and low is not None and high is not None:
            yield column, low, high + 1
        return
    if not isinstance(test, (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        return
    kind: type[exp.Expr] = type(test)
    left, right = test.left, test.right
    if _number(left) is not None:
        left, right = right, left
        kind = _FLIPPED.get(kind, kind)
    column, value = _time_column(left, name, alone=alone), _number(right)
    if column is None or value is None:
        return
    low = None if kind in (exp.LT, exp.LTE) else value + (kind is exp.GT)
    high = None if kind in (exp.GT, exp.GTE) else value + (kind is not exp.LT)
    yield column, low, high


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


def _time_column(node: exp.Expr, name: str, *, alone: bool) -> str | None:
    if isinstance(node, exp.Coalesce):
        # coalesce(start, x_event_time / 1000) is the record's time where `start` may be missing.
        node = node.this
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "trino_from_unixtime":
        # Athena SQL, bound: the time of a record as a timestamp.
        (node,) = node.expressions
    if isinstance(node, exp.Column) and node.name in ("start", "end") and _belongs(node, name, alone=alone):
        return str(node.name)
    return None


def _belongs(column: exp.Column, name: str, *, alone: bool) -> bool:
    return column.table == name or (not column.table and alone)


def _number(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Neg):
        inner = _number(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.is_string and node.this.isdecimal():
        return int(node.this)
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        return _moment(node)
    return None


def _moment(node: exp.Cast) -> int | None:
    """Return a literal date's or timestamp's second, None for one between two seconds."""
    if not node.is_type(exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATE):
        return None
    try:
        when = datetime.fromisoformat(node.this.name)
    except ValueError:
        return None
    return None if when.microsecond or when.tzinfo else int(when.replace(tzinfo=UTC).timestamp())


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
