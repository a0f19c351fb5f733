"""Who (or what) has most: ranked by bytes, packets or records over one to three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from vpcflow.analyze.plan import bounded, quoted, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.query.schema import Schema

Measure = Literal["bytes", "packets", "records"]
MEASURES: Final[tuple[Measure, ...]] = ("bytes", "packets", "records")
PACKET_LEVEL: Final = {"srcaddr": "src", "dstaddr": "dst"}
"""Who talks is told by the packet's own addresses, so that a NAT gateway is no talker."""


@dataclass(frozen=True, slots=True)
class Talker:
    """One row of the ranking.

    share, cumulated: of the whole, 0 to 1. accepted: the measure's part with ACCEPT, 0 to 1, None where nothing has an action.
    """

    key: tuple[object, ...]
    bytes: int
    packets: int
    records: int
    share: float
    cumulated: float
    accepted: float | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first talkers, what the others add up to, and how many there are."""

    dimensions: tuple[str, ...]
    measure: Measure
    talkers: tuple[Talker, ...]
    total: int
    distinct: int
    sql: str

    @property
    def other(self) -> int:
        """What all talkers not shown have together."""
        shown = sum(getattr(talker, self.measure) for talker in self.talkers)
        return self.total - int(shown)


def plan(
    dimensions: Sequence[str],
    measure: Measure,
    scope: Scope,
    schema: Schema,
    *,
    limit: int,
    interface_level: bool = False,
) -> exp.Select:
    """Return the plan: the dimensions, then bytes, packets, records, accepted and refused measure, total and distinct count."""
    columns = [name if interface_level else PACKET_LEVEL.get(name, name) for name in dimensions]
    keys = ", ".join(f"{quoted(column)} AS {quoted(name)}" for column, name in zip(columns, dimensions, strict=True))
    value = {"bytes": "sum(bytes)", "packets": "sum(packets)", "records": "count(*)"}[measure]
    has_action = scope.table == "flows"
    split = [f"{value} FILTER (WHERE action = '{action}')" if has_action else "NULL" for action in ("ACCEPT", "REJECT")]
    places = ", ".join(str(place) for place in range(1, len(columns) + 1))
    grouped = select(
        f"SELECT {keys}, {bounded('sum(bytes)')} AS total_bytes, {bounded('sum(packets)')} AS total_packets, "
        f"count(*) AS total_records, {bounded(split[0])} AS accepted, {bounded(split[1])} AS refused, "
        f"{bounded(f'sum({value}) OVER ()')} AS whole, count(*) OVER () AS distinct_count "
        f"FROM flows GROUP BY {places}",
        scope,
        schema,
    )
    for column in columns:
        grouped.where(f"{quoted(column)} IS NOT NULL", copy=False)
    order = [f"total_{measure} DESC NULLS LAST", *(f"{quoted(name)} ASC" for name in dimensions)]
    return grouped.order_by(*order, dialect="athena", copy=False).limit(limit, copy=False)


def rank(
    asker: Asker,
    dimensions: Sequence[str],
    measure: Measure,
    scope: Scope,
    *,
    limit: int,
    interface_level: bool = False,
) -> Ranking:
    """Ask for the ranking. Records without a value in a dimension (NODATA, SKIPDATA) do not count."""
    schema = asker.schema()
    answer = asker.ask(plan(dimensions, measure, scope, schema, limit=limit, interface_level=interface_level))
    rows = answer.table().to_pylist()
    total = int(rows[0]["whole"] or 0) if rows else 0
    talkers, so_far = [], 0
    for row in rows:
        value = int(row[f"total_{measure}"] or 0)
        so_far += value
        accepted, refused = row["accepted"], row["refused"]
        decided = (accepted or 0) + (refused or 0)
        talkers.append(
            Talker(
                key=tuple(row[name] for name in dimensions),
                bytes=row["total_bytes"] or 0,
                packets=row["total_packets"] or 0,
                records=row["total_records"],
                share=value / total if total else 0.0,
                cumulated=so_far / total if total else 0.0,
                accepted=(accepted or 0) / decided if decided else None,
            )
        )
    distinct = rows[0]["distinct_count"] if rows else 0
    return Ranking(tuple(dimensions), measure, tuple(talkers), total, distinct, answer.sql)
