"""Conversations at an interface, as one row each: what came in and went out, accepted and refused, when, with which flags.

A *case* is one episode of one 5-tuple at one interface: records of both directions with no silence between them longer than the
window. Its four quarters (`in_accept`, `in_reject`, `out_accept`, `out_reject`; `in` is towards the interface) hold counts,
times and what the tcp-flags told. Cases are made by the engine, so that their number is bounded by what it may spill, and
come in batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp, parse_one

from vpcflow.analyze.explain.own import interface_column, table_of, with_
from vpcflow.analyze.plan import bounded, select
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.analyze.explain.own import Own
    from vpcflow.analyze.plan import Scope
    from vpcflow.query.schema import Schema

WINDOW_S: Final = 600
"""Records of one conversation further apart than this are two episodes: the longest aggregation interval there is."""

QUARTERS: Final = ("in_accept", "in_reject", "out_accept", "out_reject")

FIN, SYN, RST, SYN_ACK = 1, 2, 4, 16
NO_FLAGS, FLAGS = 64, 128
"""Bits of a quarter's flags. SYN: a record with SYN and no SYN-ACK. NO_FLAGS, FLAGS: records without, and with, the field."""

_CONVERSATION: Final = "interface_id, own, own_port, far, far_port, protocol"
_MASK: Final = (
    "CASE WHEN tcp_flags IS NULL THEN 64 ELSE 128 + (bitwise_and(tcp_flags, 21)) + "
    "CASE WHEN (bitwise_and(tcp_flags, 16)) = 0 THEN (bitwise_and(tcp_flags, 2)) ELSE 0 END END"
)
"""The brackets are needed: engines do not agree on what `|` and `&` bind stronger than."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The conversations of two ends, each one of some addresses. port: of *other*, other_port: of *one*; None for all."""

    one: tuple[str, ...]
    other: tuple[str, ...]
    port: int | None = None
    other_port: int | None = None
    protocol: int | None = None


def plan(scope: Scope, schema: Schema, own: Sequence[Own], *, pair: Pair | None = None) -> exp.Select:
    """Return the plan for the cases of *scope*: those of *pair*, or all that have a refused record in it.

    own: own addresses of interfaces whose records have no direction. Accepted records up to `WINDOW_S` before and after the
    scope belong to a case, refused ones of the scope alone.
    """
    wide = replace(scope, condition=None, time=_widened(scope.time))
    final = _parsed(_final(only_refused=pair is None))
    if pair is not None:
        records = select(_records(scope, schema, table="flows"), wide, schema)
        records.where(*of_pair(pair), copy=False)
        if scope.condition is not None:
            records.where(scope.condition.copy(), copy=False)
        tree = with_(final, "records", records)
    else:
        refused = select(
            "SELECT DISTINCT src, dst, coalesce(srcport, -1) AS srcport, coalesce(dstport, -1) AS dstport, "
            "coalesce(protocol, -1) AS protocol FROM flows WHERE action = 'REJECT' AND src IS NOT NULL AND dst IS NOT NULL",
            scope,
            schema,
        )
        # Not `flows`: an engine may keep a name that is read twice, with all its rows.
        records = select(_records(scope, schema, table=scope.base), wide, schema)
        wanted = parse_one(
            f"({_end('src', scope, schema)}, {_end('dst', scope, schema)}, coalesce(srcport, -1), coalesce(dstport, -1), "
            "coalesce(protocol, -1)) IN (SELECT src, dst, srcport, dstport, protocol FROM refused "
            "UNION SELECT dst, src, dstport, srcport, protocol FROM refused)",
            dialect="athena",
        )
        records.where(wanted, copy=False)
        tree = with_(with_(final, "refused", refused), "records", records)
    tree = with_(tree, "sided", _sided(own))
    tree = with_(tree, "marked", _parsed(_MARKED))
    tree = with_(tree, "numbered", _parsed(_NUMBERED))
    return with_(tree, "cases", _parsed(_cases()))


def _widened(time: TimeRange) -> TimeRange:
    since = None if time.since is None else max(0, time.since - WINDOW_S)
    return TimeRange(since, None if time.until is None else time.until + WINDOW_S)


def _end(side: str, scope: Scope, schema: Schema) -> str:
    """Return the expression of an end as `flows` has it: the packet's own address, else the interface-level one."""
    packet = f"pkt_{side}addr"
    return f"coalesce({packet}, {side}addr)" if schema.has(scope.base, packet) else f"{side}addr"


def _records(scope: Scope, schema: Schema, *, table: str) -> str:
    """Return the SELECT of the records that matter, with the columns that cases are made of."""

    def given(column: str, otherwise: str) -> str:
        return column if schema.has(scope.base, column) else otherwise

    moment = "start"
    if schema.has(scope.base, "x_event_time"):
        moment = "coalesce(start, CAST(floor(x_event_time / 1e3) AS BIGINT))"
    inside = [f"{moment} >= {scope.time.since}"] if scope.time.since is not None else []
    inside += [f"{moment} < {scope.time.until}"] if scope.time.until is not None else []
    scoped = f"CASE WHEN {' AND '.join(inside)} THEN 1 ELSE 0 END" if inside else "1"
    src, dst = _end("src", scope, schema), _end("dst", scope, schema)
    flags = given("tcp_flags", "CAST(NULL AS INTEGER)")
    return (
        f"SELECT {interface_column(scope, schema)} AS interface_id, {src} AS src, {dst} AS dst, srcaddr, dstaddr, "
        "coalesce(srcport, -1) AS srcport, coalesce(dstport, -1) AS dstport, coalesce(protocol, -1) AS protocol, "
        f'coalesce({moment}, 0) AS first_s, coalesce("end", {moment}, 0) AS last_s, '
        "coalesce(packets, 0) AS packets, coalesce(bytes, 0) AS bytes, action, "
        f"{_MASK.replace('tcp_flags', flags)} AS flags, {given('reject_reason', 'CAST(NULL AS VARCHAR)')} AS reason, "
        f"{given('flow_direction', 'CAST(NULL AS VARCHAR)')} AS flow_direction, {scoped} AS scoped FROM {table}"
    )


def of_pair(pair: Pair) -> list[exp.Expr]:
    """Return the conditions that hold for records of *pair*, in both directions."""
    both = tuple(dict.fromkeys((*pair.one, *pair.other)))
    there = [among("src", pair.one), among("dst", pair.other)]
    back = [among("src", pair.other), among("dst", pair.one)]
    for ports, column, reverse in ((pair.port, "dstport", "srcport"), (pair.other_port, "srcport", "dstport")):
        if ports is not None:
            there.append(exp.column(column).eq(exp.Literal.number(ports)))
            back.append(exp.column(reverse).eq(exp.Literal.number(ports)))
    # The first two are for the engine, which finds files by them.
    tests = [among("src", both), among("dst", both), exp.paren(exp.or_(exp.and_(*there), exp.and_(*back)))]
    if pair.protocol is not None:
        tests.append(exp.column("protocol").eq(exp.Literal.number(pair.protocol)))
    return tests


def among(column: str, values: Sequence[str]) -> exp.Expr:
    """State that *column* is one of *values*, which may be anything."""
    return exp.In(this=exp.column(column), expressions=[exp.Literal.string(value) for value in values])


def _sided(own: Sequence[Own]) -> exp.Select:
    """Return the SELECT that turns source and destination into own and far side."""
    columns = (
        "r.interface_id AS interface_id, r.protocol AS protocol, r.first_s AS first_s, r.last_s AS last_s, r.packets AS packets, "
        "r.bytes AS bytes, r.action AS action, r.flags AS flags, r.reason AS reason, r.scoped AS scoped, "
    )
    told = "r.flow_direction = 'ingress'", "r.flow_direction = 'egress'"
    joins = ""
    if own:
        told = (
            f"({told[0]} OR (r.flow_direction IS NULL AND t.address IS NOT NULL AND f.address IS NULL))",
            f"({told[1]} OR (r.flow_direction IS NULL AND f.address IS NOT NULL AND t.address IS NULL))",
        )
        joins = (
            " LEFT JOIN owned AS f ON r.interface_id = f.interface_id AND r.srcaddr = f.address"
            " LEFT JOIN owned AS t ON r.interface_id = t.interface_id AND r.dstaddr = t.address"
        )
    into = f"CASE WHEN {told[0]} THEN 1 WHEN {told[1]} THEN 0 ELSE -1 END"
    # Where nobody knows which side is own, the greater end stands for it: both directions then still meet.
    greater = "CASE WHEN r.dst > r.src OR (r.dst = r.src AND r.dstport >= r.srcport) THEN 1 ELSE 0 END"
    tree = _parsed(
        f"SELECT interface_id, protocol, first_s, last_s, packets, bytes, action, flags, reason, scoped, known, into_, "
        "CASE WHEN into_ = 1 THEN dst ELSE src END AS own, CASE WHEN into_ = 1 THEN dstport ELSE srcport END AS own_port, "
        "CASE WHEN into_ = 1 THEN src ELSE dst END AS far, CASE WHEN into_ = 1 THEN srcport ELSE dstport END AS far_port FROM "
        f"(SELECT {columns} r.src AS src, r.dst AS dst, r.srcport AS srcport, r.dstport AS dstport, "
        f"CASE WHEN {into} = -1 THEN 0 ELSE 1 END AS known, CASE WHEN {into} = -1 THEN {greater} ELSE {into} END AS into_ "
        f"FROM records AS r{joins}) AS told"
    )
    if own:
        rows = [
            exp.Tuple(expressions=[exp.Literal.string(one.interface_id), exp.Literal.string(one.address)])
            for one in own
        ]
        inner = table_of(rows, ("interface_id", "address"))
        tree = with_(tree, "owned", inner)
    return tree


_MARKED: Final = (
    f"SELECT *, CASE WHEN first_s - max(last_s) OVER (PARTITION BY {_CONVERSATION} ORDER BY first_s, last_s "
    f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > {WINDOW_S} THEN 1 ELSE 0 END AS fresh FROM sided"
)
_NUMBERED: Final = (
    f"SELECT *, sum(fresh) OVER (PARTITION BY {_CONVERSATION} ORDER BY first_s, last_s "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS episode FROM marked"
)


def _cases() -> str:
    parts = []
    for name in QUARTERS:
        into = 1 if name.startswith("in") else 0
        action = name.partition("_")[2].upper()
        # Refused records before and after the scope do not count. That is asked here, not in WHERE: moved into the table's
        # scan, it would make an engine take the table for the smaller side of the look-up.
        scoped = " AND scoped = 1" if action == "REJECT" else ""
        where = f"FILTER (WHERE into_ = {into} AND action = '{action}'{scoped})"
        parts += [
            f"count(*) {where} AS {name}_records",
            f"{bounded(f'coalesce(sum(packets) {where}, 0)')} AS {name}_packets",
            f"{bounded(f'coalesce(sum(bytes) {where}, 0)')} AS {name}_bytes",
            f"min(first_s) {where} AS {name}_first",
            f"max(last_s) {where} AS {name}_last",
            f"coalesce(bitwise_or_agg(flags) {where}, 0) AS {name}_flags",
        ]
        if action == "ACCEPT":
            closing = f"FILTER (WHERE into_ = {into} AND action = 'ACCEPT' AND (bitwise_and(flags, 5)) > 0)"
            parts += [f"min(first_s) {closing} AS {name}_closing", f"max(last_s) {closing} AS {name}_closed"]
        else:
            parts.append(f"max(reason) {where} AS {name}_reason")
    return f"SELECT {_CONVERSATION}, min(known) AS known, {', '.join(parts)} FROM numbered GROUP BY {_CONVERSATION}, episode"


def _final(*, only_refused: bool) -> str:
    """Return the outermost SELECT: the cases, and whether the same conversation was let through at another interface."""
    tuple_ = "own, own_port, far, far_port, protocol"

    def elsewhere(side: str) -> str:
        accepted = f"sum({side}_accept_records * known)"
        return (
            f"CAST({accepted} OVER (PARTITION BY {tuple_}) - {accepted} OVER (PARTITION BY {_CONVERSATION}) AS BIGINT) "
            f"AS {side}_elsewhere"
        )

    told = f"SELECT *, {elsewhere('in')}, {elsewhere('out')} FROM cases"
    return f"SELECT * FROM ({told}) AS told" + (
        " WHERE in_reject_records + out_reject_records > 0" if only_refused else ""
    )


def _parsed(sql: str) -> exp.Select:
    tree = parse_one(sql, dialect="athena")
    if not isinstance(tree, exp.Select):
        raise TypeError(sql)
    return tree
