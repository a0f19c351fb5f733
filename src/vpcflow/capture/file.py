"""A capture file, from its first byte to its last: bytes → an engine → FlowCounts.

The file is read into one buffer, not mapped: a mapped file that somebody shortens meanwhile kills the process that reads it. What
an engine has not taken moves to the buffer's begin; the buffer grows only for a record that does not fit, up to the longest
record there may be. So memory does not depend on what a file says of itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from vpcflow.capture.cursor import Cursor
from vpcflow.capture.reasons import CUT_OFF
from vpcflow.capture.walk import (
    AT,
    BLOCK,
    BLOCKS,
    CLASSIC,
    DAMAGED,
    DRAIN,
    DROPPED,
    DROPPED_AT,
    ENHANCED,
    FIRST_LINK,
    INTERFACE,
    LAST_NS,
    LINK_TYPES,
    LINKS,
    MAX_RECORD,
    OBSOLETE,
    SECOND,
    SECTION,
    SIMPLE,
    STATISTICS,
    TIME_DIVIDE,
    TIME_MULTIPLY,
    TIME_SHIFT,
)  # fmt: skip
from vpcflow.errors import RecordError
from vpcflow.record.flow_counts import FlowCounts, Gap
from vpcflow.record.inflate import GZIP, ZSTD, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vpcflow.capture.cursor import Engine
    from vpcflow.telemetry import ReadReport

_CLASSIC: Final = {
    b"\xd4\xc3\xb2\xa1": (False, 1000),
    b"\xa1\xb2\xc3\xd4": (True, 1000),
    b"\x4d\x3c\xb2\xa1": (False, 1),
    b"\xa1\xb2\x3c\x4d": (True, 1),
}
"""How a pcap file begins: whether numbers are big-endian, and the nanoseconds of a time's second part."""

_BLOCKS: Final = b"\x0a\x0d\x0d\x0a"
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": False, b"\x1a\x2b\x3c\x4d": True}
_HEADER: Final = 24
_CHUNK: Final = 1 << 20
_CHEAP: Final = 1 << 16
"""Bytes moved without a thought to have the buffer's whole room again."""
_MAX_LINKS: Final = 1 << 14
"""Interfaces in one file, all sections together."""
_MAX_NAME: Final = 256
_MAX_OFFSET_S: Final = 1 << 32
_NAME, _TIME_UNIT, _TIME_OFFSET, _DROPPED_BY_INTERFACE, _DROPPED_BY_SYSTEM = 2, 9, 14, 5, 7
"""Options of interface and statistics blocks."""


@dataclass(slots=True)
class _Interfaces:
    """Interfaces of one file: their ids, by number; names that are the same mean the same interface."""

    named: Callable[[str], str]
    ids: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """Return the number of the interface that the capture calls *name* ("" where it says nothing)."""
        found = self.named(name)
        if found not in self._numbers:
            self._numbers[found] = len(self.ids)
            self.ids.append(found)
        return self._numbers[found]


class CaptureFile:
    """One pcap or pcapng file, as it is or packed with gzip or zstd.

    raw: its bytes, need not be seekable. name: for messages. named: a capture's word for an interface → interface id.
    report: told of damage. Raises RecordError `capture.unknown_kind` for what is no capture.
    """

    def __init__(
        self, raw: BinaryIO, name: str, engine: Engine, named: Callable[[str], str], report: ReadReport
    ) -> None:
        self._feed = _Feed(raw, name, report)
        self._name, self._engine, self._report = name, engine, report
        self._interfaces = _Interfaces(named)
        self._gaps: list[Gap] = []
        self._dropped: dict[int, int] = {}
        self._foreign: set[int] = set()
        self.cursor = Cursor()

    def counts(self) -> Iterator[FlowCounts]:
        """Yield all that the file holds, drained when the engine needs room and at the end."""
        feed, cursor = self._feed, self.cursor
        if not self._begin():
            return
        while True:
            status = self._engine.fold(feed.data, feed.end, cursor)
            feed.at = int(cursor.state[AT])
            if status == DRAIN:
                yield self._drained()
            elif status == BLOCK:
                if not self._block():
                    break
            elif status == DAMAGED:
                self._damaged()
                break
            elif not self._hold(feed.held + 1):
                self._ended()
                break
        yield self._drained()

    def _drained(self) -> FlowCounts:
        dropped = int(self.cursor.state[DROPPED])
        if dropped:
            self._gaps.append(Gap(int(self.cursor.state[DROPPED_AT]), self._last_ns, dropped))
            self.cursor.state[DROPPED] = 0
        gaps, self._gaps = tuple(self._gaps), []
        rows = self._engine.drain()
        return FlowCounts(rows, tuple(self._interfaces.ids), self.cursor.taken_reasons(), gaps)

    @property
    def _last_ns(self) -> int:
        return int(self.cursor.state[LAST_NS])

    # --- begin and end -----------------------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Read the file's header; return False for an empty file."""
        feed, cursor = self._feed, self.cursor
        if not self._hold(4):
            if feed.held:
                raise RecordError("capture.unknown_kind", source=self._name)
            return False
        magic = feed.peek(4)
        if magic == _BLOCKS:
            cursor.form = BLOCKS
            return True
        if magic not in _CLASSIC:
            raise RecordError("capture.unknown_kind", source=self._name)
        if not self._hold(_HEADER):
            self._report.lost(self._name, "cut_off")
            return False
        cursor.form = CLASSIC
        cursor.big, factor = _CLASSIC[magic]
        (link,) = struct.unpack_from(">I" if cursor.big else "<I", feed.peek(_HEADER), 20)
        self._link(link & 0xFFFF, "", TIME_MULTIPLY, factor, 0)  # the high bits tell of checksums
        self._advance(_HEADER)
        return True

    def _hold(self, wanted: int) -> bool:
        """Read on until *wanted* bytes are held; return whether there were so many."""
        feed = self._feed
        while feed.held < wanted and feed.read():
            pass
        self.cursor.state[AT] = feed.at
        return feed.held >= wanted

    def _advance(self, count: int) -> None:
        self._feed.at += count
        self.cursor.state[AT] = self._feed.at

    def _ended(self) -> None:
        """Account for what is left when nothing more comes."""
        left = self._feed.held
        if not left:
            return
        self._report.lost(self._name, "cut_off")
        if left >= 16 and self._holds_packet():
            self.cursor.skip(CUT_OFF)
        self._lost_some()

    def _holds_packet(self) -> bool:
        if self.cursor.form == CLASSIC:
            return True
        (kind,) = struct.unpack(">I" if self.cursor.big else "<I", self._feed.peek(4))
        return kind in (ENHANCED, OBSOLETE, SIMPLE)

    def _damaged(self) -> None:
        self._report.lost(self._name, "bad_record", f"{self._feed.place:,}")
        self._lost_some()

    def _lost_some(self) -> None:
        """Note that packets of each interface may be missing from here on."""
        if self._last_ns:
            self._gaps += [Gap(number, self._last_ns) for number in range(len(self._interfaces.ids))]

    # --- blocks ------------------------------------------------------------------------------------------------

    def _block(self) -> bool:
        """Take the block at the cursor (a section, an interface, statistics); return False when the file ends with it."""
        feed = self._feed
        if not self._hold(12):
            self._ended()
            return False
        head = feed.peek(12)
        (kind,) = struct.unpack_from("<I", head)
        section = kind == SECTION  # reads the same in both orders
        if section:
            big = _ORDERS.get(head[8:12])
            if big is None:
                self._damaged()
                return False
            self.cursor.big = big
        order = ">" if self.cursor.big else "<"
        kind, size = struct.unpack_from(order + "II", head)
        if size < (28 if section else 12) or size > MAX_RECORD or size & 3:
            self._damaged()
            return False
        if not self._hold(size):
            self._ended()
            return False
        body = feed.peek(size)[8:-4]
        if section:
            self.cursor.state[FIRST_LINK] = self.cursor.state[LINKS]
        elif kind == INTERFACE and not self._interface(body, order):
            self._damaged()
            return False
        elif kind == STATISTICS:
            self._statistics(body, order)
        self._advance(size)
        return True

    def _interface(self, body: bytes, order: str) -> bool:
        if len(body) < 8 or self.cursor.state[LINKS] >= _MAX_LINKS:
            return False
        (link,) = struct.unpack_from(order + "H", body)
        options = _options(body[8:], order)
        place = int(self.cursor.state[LINKS] - self.cursor.state[FIRST_LINK])
        name = options.get(_NAME, b"")[:_MAX_NAME].decode("utf-8", "replace") or str(place)
        unit = options.get(_TIME_UNIT, b"\x06")[:1] or b"\x06"
        mode, factor = _time_unit(unit[0])
        offset = options.get(_TIME_OFFSET, b"")
        offset_s = struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0
        offset_s = max(-_MAX_OFFSET_S, min(_MAX_OFFSET_S, offset_s))
        self._link(link, name, mode, factor, offset_s * SECOND)
        return True

    def _link(self, kind: int, name: str, mode: int, factor: int, offset_ns: int) -> None:
        cursor = self.cursor
        place = int(cursor.state[LINKS])
        if place == len(cursor.links):
            cursor.links = np.concatenate([cursor.links, np.zeros_like(cursor.links)])
        cursor.links[place] = (LINK_TYPES.get(kind, 0), mode, factor, offset_ns, self._interfaces.number(name))
        cursor.state[LINKS] = place + 1
        if kind not in LINK_TYPES and kind not in self._foreign:
            self._foreign.add(kind)
            self._report.lost(self._name, "link_type", str(kind))

    def _statistics(self, body: bytes, order: str) -> None:
        """Take what the capture says it lost: totals since it began, so the last ones count."""
        if len(body) < 12:
            return
        (place,) = struct.unpack_from(order + "I", body)
        link = place + int(self.cursor.state[FIRST_LINK])
        if link >= self.cursor.state[LINKS] or not self._last_ns:
            return
        options = _options(body[12:], order)
        counts = [options.get(code, b"") for code in (_DROPPED_BY_INTERFACE, _DROPPED_BY_SYSTEM)]
        total = sum(struct.unpack(order + "Q", count)[0] for count in counts if len(count) == 8)
        new = total - self._dropped.get(link, 0)
        if 0 < new < 1 << 48:
            self._dropped[link] = total
            self._gaps.append(Gap(int(self.cursor.links[link, 4]), self._last_ns, new))


def _options(data: bytes, order: str) -> dict[int, bytes]:
    """Return a block's options by code, the first of each."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + length > len(data):
            break
        found.setdefault(code, data[at + 4 : at + 4 + length])
        at += 4 + (length + 3 & ~3)
    return found


def _time_unit(unit: int) -> tuple[int, int]:
    """Return how a time of `if_tsresol` *unit* becomes nanoseconds: mode and factor."""
    if unit & 0x80:
        return TIME_SHIFT, min(unit & 0x7F, 63)
    if unit <= 9:
        return TIME_MULTIPLY, 10 ** (9 - unit)
    return TIME_DIVIDE, 10 ** min(unit - 9, 18)


class _Feed:
    """A buffer over a file's bytes, inflated where they are packed."""

    def __init__(self, raw: BinaryIO, name: str, report: ReadReport) -> None:
        self._raw, self._report = raw, report
        self.data = np.zeros(_CHUNK, np.uint8)
        self.at = self.end = 0
        self._gone = 0
        head = raw.read(4)
        report.bytes_in += len(head)
        self._pieces: Iterator[bytes] | None = None
        self._rest = memoryview(head)
        if head.startswith((GZIP, ZSTD)):
            self._pieces = unpack(self._stored(head), name, report)
            self._rest = memoryview(b"")

    def _stored(self, head: bytes) -> Iterator[bytes]:
        yield head
        while data := self._raw.read(_CHUNK):
            self._report.bytes_in += len(data)
            yield data

    @property
    def held(self) -> int:
        """Bytes read and not yet taken."""
        return self.end - self.at

    @property
    def place(self) -> int:
        """Bytes taken so far, counted from the file's first."""
        return self._gone + self.at

    def peek(self, count: int) -> bytes:
        """Return the next *count* bytes, which must be held."""
        return self.data[self.at : self.at + count].tobytes()

    def read(self) -> bool:
        """Read some more; return False at the end."""
        held = self.held
        if held == len(self.data):
            # A record longer than the buffer: no longer than MAX_RECORD, or the engine would have said so.
            self.data = np.concatenate([self.data, np.zeros_like(self.data)])
        elif self.at and (held <= _CHEAP or self.end == len(self.data)):
            self.data[:held] = self.data[self.at : self.end]
            self._gone += self.at
            self.at, self.end = 0, held
        got = self._fill(self.data[self.end :].data)
        self.end += got
        return got > 0

    def _fill(self, room: memoryview) -> int:
        if not self._rest and self._pieces is not None:
            self._rest = memoryview(next(self._pieces, b""))
        if self._rest:
            taken = min(len(room), len(self._rest))
            room[:taken] = self._rest[:taken]
            self._rest = self._rest[taken:]
            return taken
        if self._pieces is not None:
            return 0
        got = self._raw.readinto(room) or 0  # type: ignore[attr-defined]  # every binary file has it
        self._report.bytes_in += got
        return got
