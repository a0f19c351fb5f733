"""Drains of a source → records of aggregation intervals.

Intervals begin at multiples of their length. Of captures that are read, one is closed once a later drain can hardly bring
anything for it: when packets two intervals newer have been seen. Of a capture that goes on now, the clock closes it
(`pass_time`). What comes after all makes records of its own, as with AWS, where a flow may have several in one interval. So it is
when there are more flows than may be held: those held are written early, and counted.

Source: VPC User Guide "Flow logs basics" (aggregation interval), "Flow log records" (log-status).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.aggregate.records import Identity, flow_records, status_records
from vpcflow.record.flow_counts import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.record.flow_counts import FlowCounts, Gap
    from vpcflow.types import FlowBatch

_SECOND: Final = 1_000_000_000
_BATCH: Final = 1 << 16
_MAX_NODATA: Final = 1440
"""Intervals without traffic in a row that get a NODATA record each; more of them share one."""


@dataclass(slots=True)
class Totals:
    """What an aggregator has written. early: records written before their interval was over, for want of room."""

    records: int = 0
    packets: int = 0
    early: int = 0
    no_direction: int = 0
    nodata: int = 0
    skipdata: int = 0
    lost: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, other: Totals) -> None:
        """Add another aggregator's."""
        for name in ("records", "packets", "early", "no_direction", "nodata", "skipdata", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.left_out.update(other.left_out)


class Aggregator:
    """Folds drains into aggregation intervals of *interval_s* seconds.

    totals: counted up. capacity: partial flows held at most, apart from those of the drain at hand. began_ns: when a capture that
    goes on now began; intervals without packets are told from then on, and NODATA and SKIPDATA tell of no time before. decided:
    records tell the layer and the rule that decided, which rows have.
    """

    def __init__(
        self,
        interval_s: int,
        identity: Identity,
        totals: Totals,
        *,
        capacity: int = 1 << 20,
        began_ns: int | None = None,
        decided: bool = False,
    ) -> None:
        self._interval_s, self._identity, self._capacity, self._decided = interval_s, identity, capacity, decided
        self._interfaces: list[str] = []
        self._numbers: dict[str, int] = {}
        self._open: dict[int, list[NDArray[Any]]] = {}
        self._traffic: defaultdict[int, set[int]] = defaultdict(set)
        self._skipped: defaultdict[int, set[int]] = defaultdict(set)
        self._told: dict[int, int] = {}
        self._idle: set[int] = set()
        self._held = 0
        self._oldest = self._newest = -1
        self._listed: set[int] = set()
        self._clock = None if began_ns is None else self._interval(began_ns)
        self._edges_s = (0 if began_ns is None else began_ns // _SECOND, 1 << 62)
        if self._clock is not None:
            self._oldest = self._newest = self._clock
        self.totals = totals

    def fold(self, counts: FlowCounts) -> Iterator[FlowBatch]:
        """Take what a source has drained; yield the records of intervals that are over."""
        numbers = np.array([self._number(name) for name in counts.interfaces] or [0], np.uint32)
        self._listed = set(numbers.tolist()) if counts.interfaces else set()
        self.totals.left_out.update(counts.left_out)
        rows = counts.rows
        if len(rows):
            rows["interface"] = numbers[rows["interface"]]
            rows["interval"] = rows["first"] // (self._interval_s * _SECOND)
            self._take(rows)
        for gap in counts.gaps:
            self._skip(gap, int(numbers[gap.interface]))
        yield from self._close(self._newest - 1)
        if self._held > self._capacity:
            self._merge()
            if self._held > self._capacity * 3 // 4:
                yield from self._early()

    def pass_time(self, now_ns: int) -> Iterator[FlowBatch]:
        """Yield the records of intervals that were over at *now_ns*, when a drain that has been folded began.

        Interfaces that this drain no longer listed are told of no more.
        """
        self._clock = self._interval(now_ns)
        self._newest = max(self._newest, self._clock)
        yield from self._close(self._clock)
        for number in {*self._told, *self._idle} - self._listed:
            self._told.pop(number, None)
            self._idle.discard(number)

    def finish(self, now_ns: int | None = None) -> Iterator[FlowBatch]:
        """Yield the records of all intervals that are open; the sources so far have ended (a live one at *now_ns*)."""
        silent = None
        if now_ns is not None:
            silent = self._interval(now_ns - _SECOND) + 1  # of an interval that began just now nothing is told
            self._edges_s = (self._edges_s[0], now_ns // _SECOND)
        yield from self._close(self._newest + 1, silent)
        self._told.clear()
        self._idle.clear()
        self._oldest = self._newest = -1

    def so_far(self) -> Iterator[FlowBatch]:
        """Yield the records of all flows held, of intervals that go on; what goes on of them makes records of its own."""
        for interval in sorted(self._open):
            yield from self._flows(self._open.pop(interval))

    def _interval(self, at_ns: int) -> int:
        return at_ns // (self._interval_s * _SECOND)

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._interfaces))
        if number == len(self._interfaces):
            self._interfaces.append(name)
        if number not in self._told:
            if self._clock is None:
                self._idle.add(number)
            else:
                self._told[number] = self._clock - 1
        return number

    def _take(self, rows: NDArray[Any]) -> None:
        intervals = rows["interval"]
        low, high = int(intervals.min()), int(intervals.max())
        self._newest = max(self._newest, high)
        self._oldest = low if self._oldest < 0 else min(self._oldest, low)
        self._held += len(rows)
        if low == high:
            self._hold(low, rows)
            return
        order = np.argsort(intervals, kind="stable")
        rows, intervals = rows[order], intervals[order]
        cuts = np.flatnonzero(intervals[1:] != intervals[:-1]) + 1
        for piece in np.split(rows, cuts):
            self._hold(int(piece["interval"][0]), piece)

    def _hold(self, interval: int, rows: NDArray[Any]) -> None:
        self._open.setdefault(interval, []).append(rows)
        self._traffic[interval].update(np.unique(rows["interface"]).tolist())

    def _skip(self, gap: Gap, interface: int) -> None:
        interval = self._interval(gap.at_ns)
        self._newest = max(self._newest, interval)
        self._oldest = interval if self._oldest < 0 else min(self._oldest, interval)
        self._skipped[interval].add(interface)
        self.totals.lost += gap.packets or 0

    # --- out ---------------------------------------------------------------------------------------------------

    def _close(self, until: int, silent: int | None = None) -> Iterator[FlowBatch]:
        """Yield the records of open intervals before *until*, in order of time; silence is told of those before *silent*."""
        for interval in sorted(number for number in {*self._open, *self._skipped} if number < until):
            yield from self._flows(self._open.pop(interval, []))
            skipped = sorted(self._skipped.pop(interval, ()))
            active = sorted(self._traffic.pop(interval, set()).union(skipped))
            yield from self._nodata(active, interval)
            yield from self._status("SKIPDATA", [(number, interval, interval + 1) for number in skipped])
            for number in active:
                self._told[number] = max(self._told.get(number, -1), interval)
        if self._oldest >= 0:
            yield from self._nodata([*self._told, *self._idle], until if silent is None else silent)

    def _nodata(self, interfaces: Iterable[int], until: int) -> Iterator[FlowBatch]:
        """Tell of intervals before *until* in which *interfaces* had no traffic."""
        spans: list[tuple[int, int, int]] = []
        for number in list(interfaces):
            begin = self._told.get(number, self._oldest - 1) + 1
            self._idle.discard(number)
            if until - begin > _MAX_NODATA:
                spans.append((number, begin, until))
            else:
                spans += [(number, interval, interval + 1) for interval in range(begin, until)]
            if until > begin:
                self._told[number] = until - 1
            if len(spans) >= _BATCH:
                yield from self._status("NODATA", spans)
                spans = []
        yield from self._status("NODATA", spans)

    def _status(self, status: str, spans: Sequence[tuple[int, int, int]]) -> Iterator[FlowBatch]:
        if not spans:
            return
        if status == "NODATA":
            self.totals.nodata += len(spans)
        else:
            self.totals.skipdata += len(spans)
        length, (begin, end) = self._interval_s, self._edges_s
        edges = [
            (self._interfaces[number], max(first * length, begin), min(last * length, end))
            for number, first, last in spans
        ]
        yield status_records(edges, status, self._identity, decided=self._decided)

    def _flows(self, pieces: list[NDArray[Any]]) -> Iterator[FlowBatch]:
        if not pieces:
            return
        self._held -= sum(map(len, pieces))
        rows = merged(np.concatenate(pieces) if len(pieces) > 1 else pieces[0])
        rows = rows[np.argsort(rows["first"], kind="stable")]
        self.totals.records += len(rows)
        self.totals.packets += int(rows["packets"].sum())
        self.totals.no_direction += int(np.count_nonzero(rows["direction"] == 0))
        for begin in range(0, len(rows), _BATCH):
            piece = rows[begin : begin + _BATCH]
            yield flow_records(piece, self._interfaces, self._identity, decided=self._decided)

    def _merge(self) -> None:
        for interval, pieces in self._open.items():
            if len(pieces) > 1:
                self._held -= sum(map(len, pieces))
                self._open[interval] = [merged(np.concatenate(pieces))]
                self._held += len(self._open[interval][0])

    def _early(self) -> Iterator[FlowBatch]:
        before = self.totals.records
        yield from self.so_far()
        self.totals.early += self.totals.records - before
