"""Log groups of CloudWatch Logs as sources: each window of ten minutes that had events is an object.

A stretch of windows is walked through by one FilterLogEvents after another, and cut where an event belongs to a later
window; four stretches are walked at once, long ones where little is found, short ones where much is. Events go straight
to disk, packed, so a window of millions takes no memory. A window's etag is the number of its events and a sum over their
contents, whatever their order: what was read before and has not changed is known to the lake by it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from isal import isal_zlib

from vpcflow.collect.log_group import LogGroup, find
from vpcflow.collect.s3_faults import SourceUnavailableError
from vpcflow.collect.selection import MARGIN_S
from vpcflow.collect.spool import Spool
from vpcflow.collect.windows import WINDOW_S, Stretch, due, window_of
from vpcflow.errors import SourceError
from vpcflow.types import Look, SourceObject

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

    from vpcflow.aws import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.types import Looks

_AT_ONCE: Final = 4
"""Stretches read at once. An account may ask FilterLogEvents a few times a second; what is throttled waits and asks again."""

_AHEAD_S: Final = 7200
"""Events may be two hours in the future. Source: CloudWatch Logs API reference, PutLogEvents."""

_FIRST: Final = 24
_LONGEST: Final = 30 * 144
"""Windows of a stretch: of the first, and at most."""

_FEW, _MANY = 1, 8
"""Pages of a stretch after which the next is longer, and after which it is shorter."""

_HELD_BYTES: Final = 64 << 20
_HELD_WINDOWS: Final = 500
"""Of one stretch on disk before what is whole of it is handed on."""

_GZIP: Final = 31
_MODULUS: Final = 1 << 128


def objects(
    source: str,
    selection: Selection,
    access: S3Access,
    left_out: Counter[str],
    looks: Looks | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Iterator[SourceObject]:
    """Yield the windows of the log group *source* in the order of time, as far as *selection* wants them.

    Windows without events come too, once they are over, with an empty etag.

    looks: what the lake knows of windows; those that cannot have changed, or are looked at again only later, are not read.
    SourceError when the group is missing, refuses, or cannot be reached.
    """
    group = find(source, access)
    if _refused(group, selection):
        left_out["not_selected"] += 1
        return
    now = int(clock())
    span = _span(group, selection, now)
    if span is None:
        left_out["no_events"] += bool(selection.time)
        return
    at: Callable[[list[int]], Mapping[int, Look]] = _Looked(group, looks).at
    stretches = due(*span, at, left_out, now_s=now, gone_before=group.gone_before(now))
    nothing = True
    for found in _Walk(group, clock, left_out).along(stretches):
        nothing = nothing and not found.etag
        yield found
    if nothing and selection.time and not left_out["read_before"]:
        left_out["no_events"] += 1


def _refused(group: LogGroup, selection: Selection) -> bool:
    return (selection.accounts is not None and group.account not in selection.accounts) or (
        selection.regions is not None and group.region not in selection.regions
    )


def _span(group: LogGroup, selection: Selection, now_s: int) -> tuple[int, int] | None:
    """Return the time (s) in which wanted events may be; an event has the time of its record's start, near enough."""
    since, until = selection.time.since, selection.time.until
    end = now_s + _AHEAD_S if until is None else min(until + MARGIN_S, now_s + _AHEAD_S)
    start = group.first_s(now_s) if since is None else max(0, since - MARGIN_S)
    return None if start is None or start >= end else (start, end)


def uri_of(group: LogGroup, window_s: int) -> str:
    """Return a window's name; no group's name has a colon."""
    return f"cloudwatch:{group.arn}:{datetime.fromtimestamp(window_s, UTC):%Y%m%dT%H%MZ}"


class _Looked:
    """What the lake knows, by window instead of uri."""

    def __init__(self, group: LogGroup, looks: Looks | None) -> None:
        self._group, self._looks = group, looks

    def at(self, windows: list[int]) -> Mapping[int, Look]:
        if self._looks is None:
            return {}
        uris = {uri_of(self._group, window): window for window in windows}
        return {uris[uri]: look for uri, look in self._looks(list(uris)).items()}


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of walking through a stretch. rest: of it, not walked through yet; fewer: windows with less than before."""

    objects: list[SourceObject]
    rest: Stretch | None
    pages: int
    fewer: int


class _OutOfOrder(Exception):  # noqa: N818 - a way out, nothing fails
    """An event came after those of a later window, so a stretch cannot be cut by its events."""


class _Walk:
    """Walks through stretches, some at once, and gives their windows in order."""

    def __init__(self, group: LogGroup, clock: Callable[[], float], left_out: Counter[str]) -> None:
        self._group, self._clock, self._left_out = group, clock, left_out
        self._windows = _FIRST
        self._ordered = True
        self._stopped = threading.Event()

    def along(self, stretches: Iterator[Stretch]) -> Iterator[SourceObject]:
        """Yield the windows of *stretches*."""
        waiting: deque[tuple[Stretch, Future[_Read]]] = deque()
        ahead: deque[Stretch] = deque()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log-group") as pool:
            try:
                while True:
                    while len(waiting) < _AT_ONCE and (part := self._part(stretches, ahead)) is not None:
                        waiting.append((part, pool.submit(self._read, part)))
                    if not waiting:
                        return
                    part, future = waiting.popleft()
                    try:
                        read = future.result()
                    except _OutOfOrder:
                        # AWS documents the order of time. Whoever does not keep it is asked for each window by itself.
                        self._ordered = False
                        ahead.extendleft(again for again, _ in reversed([(part, future), *waiting]))
                        waiting.clear()
                        continue
                    if read.rest is not None:
                        waiting.appendleft((read.rest, pool.submit(self._read, read.rest)))
                    self._adapt(read)
                    yield from read.objects
            finally:
                self._stopped.set()
                for _, future in waiting:
                    future.cancel()

    def _part(self, stretches: Iterator[Stretch], ahead: deque[Stretch]) -> Stretch | None:
        stretch = ahead.popleft() if ahead else next(stretches, None)
        if stretch is None:
            return None
        part, rest = stretch.cut(stretch.start + (self._windows if self._ordered else 1) * WINDOW_S)
        if rest is not None:
            ahead.appendleft(rest)
        return part

    def _adapt(self, read: _Read) -> None:
        self._left_out["fewer_events"] += read.fewer
        if read.pages <= _FEW and read.rest is None:
            self._windows = min(2 * self._windows, _LONGEST)
        elif read.pages > _MANY:
            self._windows = max(1, self._windows // 2)

    def _read(self, stretch: Stretch) -> _Read:
        cut = _Cut(self._group, stretch, int(self._clock()))
        pages = 0
        for page in self._group.pages(stretch.start * 1000, stretch.end * 1000 - 1):
            pages += 1
            if self._stopped.is_set():
                break
            rest_at = cut.take(page)
            if rest_at is not None:
                whole, rest = stretch.cut(rest_at)
                return cut.done(whole, rest, pages)
        return cut.done(stretch, None, pages)


class _Cut:
    """Events in order of time, cut into windows, on disk."""

    def __init__(self, group: LogGroup, stretch: Stretch, looked_at: int) -> None:
        self._group, self._stretch, self._looked_at = group, stretch, looked_at
        self._spool = Spool()
        self._window: _Window | None = None
        self._done: list[_Window] = []
        self._ids: tuple[set[str], set[str]] = set(), set()

    def take(self, page: list[dict[str, Any]]) -> int | None:
        """Take a page of events; return where the rest begins (s) when enough is held."""
        self._ids = self._ids[1], set()
        for event in page:
            name = event.get("eventId", "")
            if name and (name in self._ids[0] or name in self._ids[1]):
                continue  # two pages may share an event
            self._ids[1].add(name)
            at = window_of(self._time_ms(event) // 1000)
            if not self._stretch.start <= at < self._stretch.end:
                continue  # not asked for
            if self._window is None or at > self._window.start:
                self._end_window()
                if len(self._done) >= _HELD_WINDOWS or (self._done and self._spool.size > _HELD_BYTES):
                    return at
                self._window = _Window(at, self._spool)
            elif at < self._window.start:
                raise _OutOfOrder
            self._window.add(event, self._group.name)
        return None

    def _time_ms(self, event: dict[str, Any]) -> int:
        found = event.get("timestamp")
        if not isinstance(found, int):
            reason = "FilterLogEvents: timestamp missing"
            raise SourceError("source.unreadable", source=uri_of(self._group, self._stretch.start), reason=reason)
        return found

    def _end_window(self) -> None:
        if self._window is not None:
            self._window.end()
            self._done.append(self._window)
            self._window = None

    def done(self, whole: Stretch, rest: Stretch | None, pages: int) -> _Read:
        """Return the objects of *whole*; *rest* was not walked through."""
        self._end_window()
        found = {window.start: self._object(window) for window in self._done}
        for start in range(whole.start, min(whole.end, self._looked_at - WINDOW_S + 1), WINDOW_S):
            if start not in found:
                found[start] = self._named(start, "")
        fewer = 0
        for start, look in whole.known.items():
            if start not in found or _count(found[start].etag) < _count(look.etag):
                # A stream was deleted, or events have expired: what was read stays as it was, and was looked at again.
                found[start] = self._named(start, look.etag)
                fewer += 1
        return _Read([found[start] for start in sorted(found)], rest, pages, fewer)

    def _object(self, window: _Window) -> SourceObject:
        return SourceObject(
            uri=uri_of(self._group, window.start),
            etag=window.etag,
            bytes=window.last_byte - window.first_byte,
            open=self._spool.part(window.first_byte, window.last_byte),
            account=self._group.account or None,
            region=self._group.region,
            time_s=window.start,
            looked_at=self._looked_at,
        )

    def _named(self, start: int, etag: str) -> SourceObject:
        """Return a window without its content: nothing, or what the lake has."""
        uri = uri_of(self._group, start)
        return SourceObject(uri, etag, 0, partial(_changed, uri), time_s=start, looked_at=self._looked_at)


class _Window:
    """The events of one window on their way to disk, as `record.events` reads them: one JSON object a line, gzip."""

    def __init__(self, start: int, spool: Spool) -> None:
        self.start = start
        self.first_byte = self.last_byte = spool.size
        self._spool = spool
        self._gzip = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
        self._count = self._sum = 0

    @property
    def etag(self) -> str:
        """Tell the content, whatever its order."""
        return f"{self._count}-{self._sum:032x}"

    def add(self, event: dict[str, Any], log_group: str) -> None:
        line = json.dumps({"logGroup": log_group, **event}, sort_keys=True).encode()
        self._count += 1
        self._sum = (self._sum + int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())) % _MODULUS
        self._spool.write(self._gzip.compress(line + b"\n"))

    def end(self) -> None:
        self._spool.write(self._gzip.flush())
        self.last_byte = self._spool.size


def _count(etag: str) -> int:
    number = etag.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _changed(uri: str) -> BinaryIO:
    """Refuse to open what the lake was to have already: somebody else has replaced it meanwhile."""
    raise SourceUnavailableError("source.changed", source=uri)
