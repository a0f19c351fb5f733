"""Recorded traffic, added up as far as rules can tell it apart: what a replay against rules needs, and no more.

A row is one (interface, direction, source, destination, protocol, service port, role, action). The role is told by
`tcp-flags`, else by
the ports: packets of the side that opened, answers, or either. Ports that clients pick decide nothing but which rule of a
network ACL an answer meets, so they are kept only as far as the ACLs' rules tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp, parse_one

from vpcflow.analyze.explain.own import interface_column
from vpcflow.analyze.plan import bounded, select
from vpcflow.vpc.matching import WITH_PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vpcflow.analyze.plan import Scope
    from vpcflow.query.schema import Schema
    from vpcflow.vpc.topology import Network

EITHER, OPENING, ANSWER = 0, 1, 2
"""Roles."""

_MAX_CUTS: Final = 64
"""More rules than this that cut the ports make ports be kept one by one."""


def plan(
    scope: Scope,
    schema: Schema,
    cuts: Sequence[int] | None,
    *,
    interfaces: Sequence[str] | None = None,
    action: str = "",
) -> exp.Select:
    """Return the plan for the flows of *scope*.

    cuts: ports at which network ACLs begin to decide otherwise; None keeps all ports. interfaces: only these; None for all.
    action: only `ACCEPT` or `REJECT` records. Columns: interface_id, flow_direction, src, dst, protocol, port (of the
    service), role, action, client (the smallest of the clients' ports that are taken together), records, packets, bytes,
    first_s, last_s.
    """

    def given(column: str, otherwise: str) -> str:
        return column if schema.has(scope.base, column) else otherwise

    way = given("flow_direction", "CAST(NULL AS VARCHAR)")
    flags = given("tcp_flags", "CAST(NULL AS INTEGER)")
    role = (
        f"CASE WHEN protocol NOT IN (6, 17) OR srcport IS NULL OR dstport IS NULL THEN {EITHER} "
        f"WHEN protocol = 6 AND (bitwise_and({flags}, 16)) > 0 THEN {ANSWER} "
        f"WHEN protocol = 6 AND (bitwise_and({flags}, 2)) > 0 THEN {OPENING} "
        f"WHEN {_serves('dstport', 'srcport')} THEN {OPENING} WHEN {_serves('srcport', 'dstport')} THEN {ANSWER} "
        f"ELSE {EITHER} END"
    )
    inner = select(
        f"SELECT {interface_column(scope, schema)} AS interface_id, {way} AS flow_direction, "
        "src, dst, protocol, coalesce(srcport, 0) AS srcport, coalesce(dstport, 0) AS dstport, action, packets, bytes, start, "
        f'coalesce("end", start) AS last_s, {role} AS role FROM flows '
        "WHERE src IS NOT NULL AND dst IS NOT NULL AND protocol IS NOT NULL AND action IN ('ACCEPT', 'REJECT')",
        scope,
        schema,
    )
    if action:
        inner.where(exp.column("action").eq(exp.Literal.string(action)), copy=False)
    if interfaces is not None:
        names = [exp.Literal.string(name) for name in interfaces]
        inner.where(exp.In(this=exp.column("interface_id"), expressions=names), copy=False)
    client = f"CASE WHEN role = {ANSWER} THEN dstport ELSE srcport END"
    piece = f"CASE WHEN role = {OPENING} THEN 0 WHEN role = {ANSWER} THEN {_piece('dstport', cuts)} ELSE srcport END"
    outer = parse_one(
        "SELECT interface_id, flow_direction, src, dst, protocol, "
        f"CASE WHEN role = {ANSWER} THEN srcport ELSE dstport END AS port, role, action, {piece} AS piece, "
        f"min({client}) AS client, count(*) AS records, {bounded('coalesce(sum(packets), 0)')} AS packets, "
        f"{bounded('coalesce(sum(bytes), 0)')} AS bytes, min(start) AS first_s, max(last_s) AS last_s "
        "FROM told GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9",
        dialect="athena",
    )
    if not isinstance(outer, exp.Select):
        raise TypeError(outer)
    return outer.with_("told", as_=inner, copy=False)


def _serves(port: str, other: str) -> str:
    """State that a port is a service's, held against the other end's."""
    return f"(({port} < 1024 AND {other} >= 1024) OR ({port} < 32768 AND {other} >= 32768))"


def _piece(column: str, cuts: Sequence[int] | None) -> str:
    """Return the number of the piece of the ports that *column* is in."""
    if cuts is None:
        return column
    whens = " ".join(f"WHEN {column} < {cut} THEN {place}" for place, cut in enumerate(cuts))
    return f"CASE {whens} ELSE {len(cuts)} END" if cuts else "0"


def port_cuts(networks: Iterable[Network]) -> list[int] | None:
    """Return the ports at which any network ACL begins to decide otherwise, in order; None where there are too many."""
    cuts: set[int] = set()
    for network in networks:
        for acl in network.network_acls.values():
            for entry in (*acl.inbound, *acl.outbound):
                if entry.protocol in WITH_PORTS and entry.from_port >= 0:
                    cuts |= {entry.from_port, entry.to_port + 1}
    found = sorted(cuts - {0, 65536})
    return found if len(found) <= _MAX_CUTS else None
