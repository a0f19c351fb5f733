"""What is true of interfaces in a time: own addresses, whether there are ACCEPT records, and where AWS left records out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from sqlglot import exp

from vpcflow.analyze.explain.cases import WINDOW_S
from vpcflow.analyze.explain.own import Owned, interface_column, own_addresses
from vpcflow.analyze.plan import Scope, select
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vpcflow.analyze.plan import Asker

_NAMED: Final = 500
"""As many interfaces are named in a question; for more, all are asked about."""


@dataclass(frozen=True, slots=True)
class Place:
    """An interface in the time asked about. undirected: records without `flow-direction`."""

    interface_id: str
    accepts: int
    rejects: int
    undirected: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the interfaces of a question.

    places: by interface. skipped: windows of SKIPDATA by interface, sorted (epoch s). owned: own addresses, and where none is
    known.
    """

    places: Mapping[str, Place]
    skipped: Mapping[str, NDArray[np.int64]]
    owned: Owned

    def skipdata(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Tell for each case whether a SKIPDATA record of its interface lies in its time."""
        found = np.zeros(batch.num_rows, bool)
        if not self.skipped:
            return found
        first, last = _span(batch)
        names, codes = _encoded(batch.column("interface_id"))
        for code, name in enumerate(names):
            windows = self.skipped.get(name)
            if windows is None:
                continue
            rows = np.flatnonzero(codes == code)
            place = np.searchsorted(windows[:, 0], last[rows], side="right") - 1
            found[rows] = (place >= 0) & (windows[np.maximum(place, 0), 1] >= first[rows])
        return found

    def accepts(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Tell for each case whether its interface has any ACCEPT record."""
        names, codes = _encoded(batch.column("interface_id"))
        known = [name in self.places and self.places[name].accepts > 0 for name in names]
        result: NDArray[np.bool_] = np.array(known, bool)[codes] if len(codes) else np.zeros(0, bool)
        return result


def _encoded(column: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    encoded = column.dictionary_encode() if not pa.types.is_dictionary(column.type) else column
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)


def _span(batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when each case begins and ends."""
    quarters = ("in_accept", "in_reject", "out_accept", "out_reject")
    firsts = [np.asarray(batch.column(f"{name}_first").fill_null(1 << 60), np.int64) for name in quarters]
    lasts = [np.asarray(batch.column(f"{name}_last").fill_null(-1), np.int64) for name in quarters]
    return np.minimum.reduce(firsts), np.maximum.reduce(lasts)


def widened(scope: Scope) -> Scope:
    """Return *scope* without its filter and with the window before and after it."""
    since, until = scope.time.since, scope.time.until
    wide = TimeRange(None if since is None else max(0, since - WINDOW_S), None if until is None else until + WINDOW_S)
    return replace(scope, condition=None, time=wide)


def gather(
    asker: Asker, scope: Scope, modelled: Mapping[str, Sequence[str]], interfaces: Sequence[str] | None = None
) -> Facts:
    """Ask what is true of *interfaces* (None: of all that refused something) in *scope*."""
    wide = widened(scope)
    places = _places(asker, wide, interfaces)
    if interfaces is None:
        places = {name: place for name, place in places.items() if place.rejects}
    names = tuple(places)
    undirected = tuple(name for name, place in places.items() if place.undirected)
    owned = Owned((), ())
    if undirected:
        scopes = [_narrowed(one, undirected) for one in (wide, replace(wide, time=TimeRange()))]
        wanted = {name: modelled[name] for name in undirected if name in modelled}
        owned = own_addresses(asker, scopes, wanted, undirected)
    return Facts(places, _skipped(asker, _narrowed(wide, names), names), owned)


def _narrowed(scope: Scope, interfaces: Sequence[str]) -> Scope:
    """Return *scope* with a condition that names *interfaces*, if there are not too many."""
    if not 0 < len(interfaces) <= _NAMED:
        return scope
    names = [exp.Literal.string(name) for name in interfaces]
    # A regional NAT gateway has no interface: its records are then looked through by whoever asks.
    named = exp.In(this=exp.column("interface_id"), expressions=names)
    condition = exp.paren(exp.or_(named, exp.column("interface_id").is_(exp.null())))
    return replace(scope, condition=condition)


def _places(asker: Asker, scope: Scope, interfaces: Sequence[str] | None) -> dict[str, Place]:
    schema = asker.schema()
    directed = schema.has(scope.base, "flow_direction")
    undirected = (
        "count(*) FILTER (WHERE action IS NOT NULL AND flow_direction IS NULL)" if directed else "count(action)"
    )
    tree = select(
        f"SELECT {interface_column(scope, schema)} AS place, count(*) FILTER (WHERE action = 'ACCEPT') AS accepts, "
        f"count(*) FILTER (WHERE action = 'REJECT') AS rejects, {undirected} AS undirected FROM flows GROUP BY 1",
        _narrowed(scope, interfaces or ()),
        schema,
    )
    rows: list[dict[str, Any]] = asker.ask(tree).table().to_pylist()
    return {
        row["place"]: Place(row["place"], row["accepts"], row["rejects"], row["undirected"])
        for row in rows
        if interfaces is None or row["place"] in interfaces
    }


def _skipped(asker: Asker, scope: Scope, wanted: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return for each interface the windows of its SKIPDATA records, merged where they lie within one of ten minutes."""
    schema = asker.schema()
    tree = select(
        f'SELECT {interface_column(scope, schema)} AS place, min(start) AS first_s, max(coalesce("end", start)) AS last_s '
        f"FROM flows WHERE log_status = 'SKIPDATA' AND start IS NOT NULL GROUP BY 1, start - start % {WINDOW_S}",
        scope,
        schema,
    )
    found: dict[str, list[tuple[int, int]]] = {}
    for row in asker.ask(tree.order_by("place", "first_s", copy=False)).table().to_pylist():
        if row["place"] in wanted:
            found.setdefault(row["place"], []).append((row["first_s"], row["last_s"]))
    windows = {}
    for name, spans in found.items():
        array = np.array(spans, np.int64)
        # The latest end so far: a long window may reach over later ones.
        array[:, 1] = np.maximum.accumulate(array[:, 1])
        windows[name] = array
    return windows
