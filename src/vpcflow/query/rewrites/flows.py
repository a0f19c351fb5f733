"""`flows` → a CTE over `flow_logs` with the derived columns, so that the name exists on every engine.

src, dst: packet-level address when the record has one, else the interface-level one ("who" as against "where").
start_time, end_time: timestamps, UTC; a record without `start` has the time of its event.
protocol_name: IANA's name, else the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.schema import FLOWS
from vpcflow.record.numbers import PROTOCOLS

if TYPE_CHECKING:
    from vpcflow.query.schema import Schema


NAMES: Final = ("src", "dst", "start_time", "end_time", "protocol_name")
"""The derived columns."""


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Put the CTE of each name of `FLOWS` that *tree* reads in front of it."""
    if not isinstance(tree, exp.Query):
        return tree
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    used = {table.name for table in tree.find_all(exp.Table)} & set(FLOWS)
    for name in sorted(used - defined):
        tree = tree.with_(name, as_=select(FLOWS[name], schema, wanted(tree)), copy=False)
        # Ours is read by the plan's own CTEs, so it comes first.
        ctes = tree.args["with_"].expressions
        ctes.insert(0, ctes.pop())
    return tree


def wanted(tree: exp.Expr) -> set[str]:
    """Return the derived columns that *tree* may read: those it names, all where it has a star."""
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return set(NAMES)
    return {column.name for column in tree.find_all(exp.Column)} & set(NAMES)


def select(table: str, schema: Schema, names: set[str]) -> exp.Select:
    """Return the SELECT behind a name of `FLOWS`, with the derived columns *names*."""
    columns = [exp.alias_(value, name) for name, value in derived(table, schema).items() if name in names]
    return exp.select("*", *columns).from_(table)


def derived(table: str, schema: Schema) -> dict[str, exp.Expr]:
    """Return the derived columns of *table* as expressions over its own."""
    return {
        "src": packet_level("srcaddr", table, schema),
        "dst": packet_level("dstaddr", table, schema),
        "start_time": exp.func("from_unixtime", _time(table, schema), dialect="athena"),
        "end_time": exp.func("from_unixtime", exp.column("end", quoted=True), dialect="athena"),
        "protocol_name": _protocol_name(),
    }


def packet_level(column: str, table: str, schema: Schema) -> exp.Expr:
    """Return the packet-level address, or the interface-level one where the lake knows no other."""
    packet = f"pkt_{column}"
    if not schema.has(table, packet):
        return exp.column(column)
    return exp.func("coalesce", exp.column(packet), exp.column(column))


def _time(table: str, schema: Schema) -> exp.Expr:
    start = exp.column("start")
    if not schema.has(table, "x_event_time"):
        return start
    # Rounded down, as the lake files it; a cast alone rounds to the nearest second.
    seconds = exp.Floor(this=exp.Div(this=exp.column("x_event_time"), expression=exp.Literal.number("1e3")))
    return exp.func("coalesce", start, exp.cast(seconds, "bigint"))


def _protocol_name() -> exp.Expr:
    case = exp.Case(this=exp.column("protocol"))
    for number, name in PROTOCOLS.items():
        case = case.when(exp.Literal.number(number), exp.Literal.string(name), copy=False)
    return case.else_(exp.cast(exp.column("protocol"), "varchar"), copy=False)
