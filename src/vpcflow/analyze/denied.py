"""Who (or what) is refused again and again: attempts, how many ports and targets, since when, and whether it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.analyze.plan import bounded, quoted, select
from vpcflow.analyze.top import PACKET_LEVEL

if TYPE_CHECKING:
    from sqlglot import exp

    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.query.schema import Schema

KEYS: Final = ("srcaddr", "dstaddr", "dstport", "interface_id")
STILL_S: Final = 3600
"""Someone refused within the last hour of the data is still trying."""


@dataclass(frozen=True, slots=True)
class Denied:
    """One who is refused. attempts: REJECT records; packets, bytes: in them. first_s, last_s: epoch seconds."""

    key: object
    attempts: int
    packets: int
    bytes: int
    ports: int
    targets: int
    sources: int
    first_s: int | None
    last_s: int | None
    still: bool


@dataclass(frozen=True, slots=True)
class Denials:
    """The most refused, how many there are, and the time of the newest record that `still` is measured from."""

    by: str
    rows: tuple[Denied, ...]
    distinct: int
    newest_s: int | None
    sql: str


def plan(by: str, scope: Scope, schema: Schema, *, limit: int, at_least: int) -> exp.Select:
    """Return the plan for REJECT records of *scope* grouped by one of `KEYS`, most attempts first."""
    column = PACKET_LEVEL.get(by, by)
    grouped = select(
        f"SELECT {quoted(column)} AS refused, count(*) AS attempts, {bounded('sum(packets)')} AS packets, "
        f"{bounded('sum(bytes)')} AS bytes, count(DISTINCT dstport) AS ports, count(DISTINCT dst) AS targets, "
        'count(DISTINCT src) AS sources, min(start) AS first_s, max(coalesce("end", start)) AS last_s, '
        f"count(*) OVER () AS distinct_count FROM flows GROUP BY 1 HAVING count(*) >= {at_least}",
        scope,
        schema,
    )
    grouped.where("action = 'REJECT'", f"{quoted(column)} IS NOT NULL", copy=False)
    return grouped.order_by("attempts DESC", "refused ASC", copy=False).limit(limit, copy=False)


def find(asker: Asker, by: str, scope: Scope, *, limit: int, at_least: int) -> Denials:
    """Ask who is refused at least *at_least* times."""
    schema = asker.schema()
    answer = asker.ask(plan(by, scope, schema, limit=limit, at_least=at_least))
    rows = answer.table().to_pylist()
    latest = asker.newest(scope.base)
    if latest is not None and scope.time.until is not None:
        latest = min(latest, scope.time.until - 1)
    found = tuple(
        Denied(
            key=row["refused"],
            attempts=row["attempts"],
            packets=row["packets"] or 0,
            bytes=row["bytes"] or 0,
            ports=row["ports"],
            targets=row["targets"],
            sources=row["sources"],
            first_s=row["first_s"],
            last_s=row["last_s"],
            still=row["last_s"] is not None and latest is not None and row["last_s"] > latest - STILL_S,
        )
        for row in rows
    )
    return Denials(by, found, rows[0]["distinct_count"] if rows else 0, latest, answer.sql)
