"""No record of a conversation: what is recorded at the interfaces of its two ends in that time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vpcflow.analyze.explain.cases import among
from vpcflow.analyze.explain.own import interface_column, own_addresses
from vpcflow.analyze.plan import select
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vpcflow.analyze.explain.cases import Pair
    from vpcflow.analyze.plan import Asker, Scope


@dataclass(frozen=True, slots=True)
class Silence:
    """An interface that is one end of a conversation without records.

    address: its own. records, nodata, skipdata: records of each log status in the time asked about. A time with no record of
    any kind is one that no flow log covers.
    """

    interface_id: str
    address: str
    records: int
    nodata: int
    skipdata: int

    @property
    def verdict(self) -> str:
        """What is likely: `skipdata`, `nodata` (nothing came or went), `uncovered`, or `elsewhere` (only other traffic did)."""
        if self.skipdata:
            return "skipdata"
        if self.records:
            return "elsewhere"
        return "nodata" if self.nodata else "uncovered"


def silences(asker: Asker, scope: Scope, pair: Pair, modelled: Mapping[str, Sequence[str]]) -> tuple[Silence, ...]:
    """Tell for each end of *pair* that is an interface's own address what else there is in *scope*."""
    ends = tuple(dict.fromkeys((*pair.one, *pair.other)))
    owners = _owners(asker, replace(scope, condition=None, time=TimeRange()), ends, modelled)
    if not owners:
        return ()
    schema = asker.schema()
    counted = select(
        f"SELECT {interface_column(scope, schema)} AS place, count(*) FILTER (WHERE log_status = 'OK') AS records, "
        "count(*) FILTER (WHERE log_status = 'NODATA') AS nodata, "
        "count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipdata FROM flows GROUP BY 1",
        replace(scope, condition=among("interface_id", sorted({place for place, _ in owners}))),
        schema,
    )
    rows = {row["place"]: row for row in asker.ask(counted).table().to_pylist()}
    none = {"records": 0, "nodata": 0, "skipdata": 0}
    return tuple(
        Silence(place, address, *(rows.get(place, none)[name] for name in none)) for place, address in sorted(owners)
    )


def _owners(
    asker: Asker, scope: Scope, ends: Sequence[str], modelled: Mapping[str, Sequence[str]]
) -> set[tuple[str, str]]:
    """Return the interfaces that have one of *ends* as their own address, with it."""
    found = {(name, address) for name, addresses in modelled.items() for address in addresses if address in ends}
    schema = asker.schema()
    directed = schema.has(scope.base, "flow_direction")
    direction = "flow_direction" if directed else "CAST(NULL AS VARCHAR) AS flow_direction"
    place = interface_column(scope, schema)
    for side, told in (("src", "egress"), ("dst", "ingress")):
        tree = select(f"SELECT DISTINCT {place} AS place, {side} AS address, {direction} FROM flows", scope, schema)
        rows = asker.ask(tree.where(among(side, ends), copy=False)).table().to_pylist()
        found |= {(row["place"], row["address"]) for row in rows if row["flow_direction"] == told}
        found |= _undirected(asker, scope, rows, modelled)
    return found


def _undirected(
    asker: Asker, scope: Scope, rows: Iterable[dict[str, str]], modelled: Mapping[str, Sequence[str]]
) -> set[tuple[str, str]]:
    seen = {(row["place"], row["address"]) for row in rows if row["flow_direction"] is None}
    places = sorted({place for place, _ in seen})
    if not places:
        return set()
    known = own_addresses(asker, [replace(scope, condition=among("interface_id", places))], modelled, places)
    own = {(one.interface_id, one.address) for one in known.addresses}
    return seen & own
