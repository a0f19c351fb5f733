"""The plain engine: records are walked in Python, headers read and counts folded in NumPy. Needs no compiler."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture.headers import Frames, Headers
from vpcflow.capture.reasons import BAD_TIME, NO_INTERFACE, NO_TIME, RECORDED
from vpcflow.capture.walk import (
    AT,
    BLOCK,
    CLASSIC,
    DAMAGED,
    DRAIN,
    DROPPED,
    DROPPED_AT,
    ENHANCED,
    FIRST_LINK,
    INTERFACE,
    LAST_NS,
    LAST_SECOND,
    LINKS,
    MAX_OPTIONS,
    MAX_RECORD,
    MORE,
    OBSOLETE,
    PACKETS,
    SECOND,
    SECTION,
    SIMPLE,
    STATISTICS,
    STATUS,
    TIME_DIVIDE,
    TIME_MULTIPLY,
)  # fmt: skip
from vpcflow.record.flow_counts import ROW, merged, no_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.capture.cursor import Cursor

_AT_ONCE: Final = 1 << 17
"""Records walked before their headers are read."""

_END_NS: Final = LAST_SECOND * SECOND

_Found = tuple[int, int, int, int, int, int]
"""A record: start, end, bytes on the wire, time (ns), link, direction."""


class PlainEngine:
    """Folds packets with NumPy. max_bytes: what the rows held may take; keep_nd: count neighbor discovery too."""

    name = "numpy"

    def __init__(self, interval_s: int, *, max_bytes: int = 128 << 20, keep_nd: bool = False) -> None:
        self._interval_s, self._keep_nd = interval_s, keep_nd
        self._max_rows = max(1 << 10, max_bytes // ROW.itemsize // 2)
        self._held: list[NDArray[Any]] = []
        self._rows = 0

    def fold(self, data: NDArray[np.uint8], end: int, cursor: Cursor) -> int:
        """See `Engine`."""
        view = data[:end].data
        status = -1
        while status < 0:
            if self._rows > self._max_rows:
                self._merge()
                if self._rows > self._max_rows // 2:
                    status = DRAIN
                    break
            walk = _Walk(view, cursor)
            status = walk.classic() if cursor.form == CLASSIC else walk.blocks()
            if walk.found.size:
                self._add(data, walk.found, cursor)
        cursor.state[STATUS] = status
        return status

    def _add(self, data: NDArray[np.uint8], found: NDArray[np.int64], cursor: Cursor) -> None:
        start, end, wire, time, link, direction = np.ascontiguousarray(found)
        links = cursor.links[link]
        frames = Frames(start, end, np.maximum(wire, end - start), links[:, 0], direction)
        headers = Headers(data, frames, keep_nd=self._keep_nd)
        cursor.reasons += np.bincount(headers.reason, minlength=len(cursor.reasons))
        cursor.reasons[RECORDED] = 0
        kept = headers.reason == RECORDED
        rows = headers.rows[kept]
        rows["interface"] = links[kept, 4]
        rows["first"] = rows["last"] = time[kept]
        rows["interval"] = time[kept] // (self._interval_s * SECOND)
        self._held.append(merged(rows))
        self._rows += len(self._held[-1])

    def _merge(self) -> None:
        self._held = [merged(np.concatenate(self._held))]
        self._rows = len(self._held[0])

    def drain(self) -> NDArray[Any]:
        """See `Engine`."""
        if not self._held:
            return no_rows()
        self._merge()
        rows = self._held[0]
        self._held, self._rows = [], 0
        return rows


class _Walk:
    """One way along records, until something is met or there is enough.

    found: 6 × N: start, end, bytes on the wire, time (ns), link and direction of each.
    """

    def __init__(self, data: memoryview, cursor: Cursor) -> None:
        self._data, self._cursor = data, cursor
        order = ">" if cursor.big else "<"
        self._one = struct.Struct(order + "I").unpack_from
        self._two = struct.Struct(order + "II").unpack_from
        self._packet = struct.Struct(order + "IIIII").unpack_from
        self._obsolete = struct.Struct(order + "HHIIII").unpack_from
        self._option = struct.Struct(order + "HH").unpack_from
        self._count = struct.Struct(order + "Q").unpack_from
        self.found = np.zeros((6, 0), np.int64)

    def classic(self) -> int:
        """Walk along pcap records; return the status, -1 for "there is more"."""
        data, state, captured_at = self._data, self._cursor.state, self._one
        at, last = int(state[AT]), len(data) - 16
        heads: list[int] = []
        take = heads.append
        status = -1
        for _ in range(_AT_ONCE):
            if at > last:
                status = MORE
                break
            (captured,) = captured_at(data, at + 8)
            if captured > MAX_RECORD:
                status = DAMAGED
                break
            after = at + 16 + captured
            if after > last + 16:
                status = MORE
                break
            take(at)
            at = after
        state[AT] = at
        state[PACKETS] += len(heads)
        self._records(np.array(heads, np.int64))
        return status

    def _records(self, heads: NDArray[np.int64]) -> None:
        """Take the records whose headers begin at *heads*."""
        if not len(heads):
            return
        data, cursor = np.frombuffer(self._data, np.uint8), self._cursor
        words = data[heads[:, None] + np.arange(16)].view(">u4" if cursor.big else "<u4").astype(np.int64)
        seconds, part, captured, wire = words.T
        time = seconds * SECOND + part * cursor.links[0, 2]
        good = time < _END_NS
        cursor.reasons[BAD_TIME] += len(good) - np.count_nonzero(good)
        if good.any():
            start = heads + 16
            zeros = np.zeros_like(start)
            self.found = np.array([start, start + captured, wire, time, zeros, zeros])[:, good]
            cursor.state[LAST_NS] = self.found[3, -1]

    def blocks(self) -> int:
        """Walk along pcapng blocks; return the status, -1 for "there is more"."""
        data, state = self._data, self._cursor.state
        at, end = int(state[AT]), len(data)
        found: list[_Found] = []
        status = -1
        while status < 0 and len(found) < _AT_ONCE:
            if at + 12 > end:
                status = MORE
                break
            kind, size = self._two(data, at)
            if kind == SECTION:
                status = BLOCK
            elif size < 12 or size > MAX_RECORD or size & 3:
                status = DAMAGED
            elif at + size > end:
                status = MORE
            elif kind in (INTERFACE, STATISTICS):
                status = BLOCK
            elif kind in (ENHANCED, OBSOLETE) and not self._block(at, size, kind, found):
                status = DAMAGED
            else:
                if kind == SIMPLE:
                    self._cursor.skip(NO_TIME)
                at += size
        state[AT] = at
        if found:
            self.found = np.array(found, np.int64).T
        return status

    def _block(self, at: int, size: int, kind: int, found: list[_Found]) -> bool:
        """Add a packet block to *found*; return whether it is one."""
        if size < 32:
            return False
        state = self._cursor.state
        if kind == ENHANCED:
            link, high, low, captured, wire = self._packet(self._data, at + 8)
        else:
            link, _, high, low, captured, wire = self._obsolete(self._data, at + 8)
        if captured > size - 32:
            return False
        if link >= state[LINKS] - state[FIRST_LINK]:
            self._cursor.skip(NO_INTERFACE)
            return True
        link += int(state[FIRST_LINK])
        time = self._time(high << 32 | low, link)
        start, padded = at + 28, captured + 3 & ~3
        direction = self._options(start + padded, at + size - 4, link) if size > 32 + padded else 0
        if not 0 <= time < _END_NS:
            self._cursor.skip(BAD_TIME)
            return True
        state[PACKETS] += 1
        state[LAST_NS] = time
        found.append((start, start + captured, wire, time, link, direction))
        return True

    def _time(self, ticks: int, link: int) -> int:
        _, mode, factor, offset_ns, *_ = self._cursor.links[link].tolist()
        if mode == TIME_MULTIPLY:
            time = ticks * factor
        elif mode == TIME_DIVIDE:
            time = ticks // factor
        else:
            part = ticks & (1 << factor) - 1
            if factor > 32:
                time = (ticks >> factor) * SECOND + ((part >> factor - 32) * SECOND >> 32)
            else:
                time = (ticks >> factor) * SECOND + (part * SECOND >> factor)
        return time + offset_ns if time < _END_NS else -1

    def _options(self, at: int, end: int, link: int) -> int:
        """Look at a packet block's options: count what was dropped before it, return its direction or 0."""
        direction = 0
        for _ in range(MAX_OPTIONS):
            if at + 4 > end:
                break
            code, length = self._option(self._data, at)
            if code == 0 or at + 4 + length > end:
                break
            if code == 2 and length == 4:
                direction = self._one(self._data, at + 4)[0] & 3
            elif code == 4 and length == 8:
                dropped = self._count(self._data, at + 4)[0]
                if 0 < dropped < 1 << 32:
                    self._cursor.state[DROPPED] += dropped
                    self._cursor.state[DROPPED_AT] = self._cursor.links[link, 4]
            at += 4 + (length + 3 & ~3)
        return direction if direction < 3 else 0
