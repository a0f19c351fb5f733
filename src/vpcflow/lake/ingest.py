"""Sources → lake, exactly once. The one way rows get in.

Objects are taken in groups of about `rows_per_file` rows, in their order (which is the order of time in AWS's layout); a
thread reads one group, and what it read is cut by hour, sorted and written as one file an hour, so five-minute objects do
not become five-minute files. A group's sources and files are committed together. A group that turns out to hold a
source someone else has committed meanwhile is dropped and done again without it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.errors import RecordError, SourceError, VpcFlowError
from vpcflow.lake import datafile
from vpcflow.lake.ledger import SourceEntry
from vpcflow.record.blocks import BLOCK
from vpcflow.record.log_events import read_log_events
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vpcflow.lake.lake import Lake, Writer
    from vpcflow.lake.ledger import FileEntry
    from vpcflow.record.format import LogFormat
    from vpcflow.record.log_events import Filing
    from vpcflow.telemetry import BadLine
    from vpcflow.types import FlowBatch, SourceObject

ROWS: Final = 1_500_000
_PACKED_RECORD: Final = 33
"""Bytes a packed version 2 record takes, near enough to size a group before reading it."""
_AHEAD: Final = 4
_MESSAGES: Final = 1 << 30
"""Bytes of log events held at most: an Arrow column of texts ends at 2 GB."""
_MAX_HOURS: Final = 20_000
_BASE_MEMORY: Final = 200 << 20
_TIMED: Final = frozenset({"start", "x_event_time", "timestamp"})
_FLUSH_SHARE: Final = 5
"""A flush needs about this many times the rows it holds: they are united, ordered and taken."""


@dataclass(frozen=True, slots=True)
class Config:
    """How to ingest.

    memory: bytes the process may take; fewer means smaller flushes and one thread. threads: None for one a core.
    log_format: of text without a header. on_bad: called with each bad line and its bytes, from any thread, one at a time.
    filing: where all of it is kept as log events, whatever it is; None for flow logs.
    """

    memory: int = 1 << 30
    threads: int | None = None
    log_format: LogFormat | None = None
    on_bad: Callable[[BadLine, bytes], None] | None = None
    filing: Filing | None = None

    @property
    def workers(self) -> int:
        """Groups read at once."""
        wanted = self.threads or min(os.cpu_count() or 1, 8)
        return max(1, min(wanted, (self.memory - _BASE_MEMORY) // (256 << 20)))

    @property
    def flush_bytes(self) -> int:
        """Arrow bytes a worker holds before it writes them out."""
        share = max(8 << 20, (self.memory - _BASE_MEMORY) // (self.workers * _FLUSH_SHARE))
        return share if self.filing is None else min(share, _MESSAGES)

    @property
    def block_bytes(self) -> int:
        """Text parsed at once."""
        return min(BLOCK, max(1 << 20, self.flush_bytes // 8))


@dataclass(slots=True)
class Progress:
    """What an ingest has done so far; handed to a callback and returned at the end."""

    objects: int = 0
    known: int = 0
    failed: list[tuple[str, VpcFlowError]] = field(default_factory=list)
    report: ReadReport = field(default_factory=ReadReport)
    bytes_done: int = 0
    files: int = 0
    elapsed_s: float = 0.0


class Ingest:
    """One run of ingest into one lake.

    on_progress: called from any thread after each object, one call at a time.
    """

    def __init__(
        self, lake: Lake, writer: Writer, config: Config, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._lake, self._writer, self._config = lake, writer, config
        self._progress = Progress()
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, objects: Iterable[SourceObject]) -> Progress:
        """Ingest all *objects* that the lake does not have yet; an object that cannot be read is named in `failed`.

        KeyboardInterrupt and errors of the lake stop it: groups committed by then stay, nothing else does. When *objects* raise
        a SourceError, what came before it is ingested first.
        """
        began = time.perf_counter()
        pool = ThreadPoolExecutor(self._config.workers, thread_name_prefix="ingest")
        running: set[Future[None]] = set()
        try:
            for group in self._groups(objects):
                if len(running) > self._config.workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    _raise_first(done)
                running.add(pool.submit(self._group, group))
            _raise_first(wait(running).done)
        except SourceError:
            _raise_first(wait(running).done)
            raise
        finally:
            self._stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._progress.elapsed_s = time.perf_counter() - began
        return self._progress

    def _groups(self, objects: Iterable[SourceObject]) -> Iterator[list[SourceObject]]:
        limit = min(ROWS, self._config.flush_bytes // 64) * _PACKED_RECORD
        group: list[SourceObject] = []
        size = 0
        try:
            for known, found in self._new(objects, limit):
                if known:
                    with self._lock:
                        self._progress.known += 1
                    continue
                if group and size + found.bytes > limit * 5 // 4:
                    yield group
                    group, size = [], 0
                group.append(found)
                size += found.bytes
        except SourceError:
            if group:
                yield group
            raise
        if group:
            yield group

    def _new(self, objects: Iterable[SourceObject], limit: int) -> Iterator[tuple[bool, SourceObject]]:
        waiting: list[SourceObject] = []
        size = 0
        try:
            for found in objects:
                waiting.append(found)
                size += found.bytes
                # A group's worth does not wait for more: it may be spooled, and lie on disk until it is read.
                if len(waiting) == 500 or size > limit:
                    yield from self._looked_up(waiting)
                    waiting, size = [], 0
        except SourceError:
            yield from self._looked_up(waiting)
            raise
        yield from self._looked_up(waiting)

    def _looked_up(self, objects: list[SourceObject]) -> Iterator[tuple[bool, SourceObject]]:
        etags = self._lake.ledger.live_etags([found.uri for found in objects])
        self._lake.ledger.looked(
            {f.uri: f.looked_at for f in objects if f.looked_at is not None and etags.get(f.uri, "") == f.etag}
        )
        for found in objects:
            if found.etag or found.looked_at is None:
                yield etags.get(found.uri) == found.etag, found

    def _group(self, group: list[SourceObject]) -> None:
        while group:
            work = _GroupWork(self, group)
            try:
                present = work.run()
            except _Unreadable as unreadable:
                work.discard()
                with self._lock:
                    self._progress.failed.append((unreadable.source.uri, unreadable.error))
                group = [found for found in group if found.uri != unreadable.source.uri]
                continue
            except BaseException:
                work.discard()
                raise
            if not present:
                self._done(work)
                return
            work.discard()
            with self._lock:
                self._progress.known += len(present)
            group = [found for found in group if found.uri not in present]

    def _done(self, work: _GroupWork) -> None:
        with self._lock:
            self._progress.files += len(work.files)
            for report in work.reports.values():
                self._progress.report.add(report)
            self._progress.objects += len(work.reports)
            self._notify()

    def _read_some(self, count: int) -> None:
        with self._lock:
            self._progress.bytes_done += count
            self._notify()

    def _notify(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._progress)

    def bad(self, line: BadLine, raw: bytes) -> None:
        """Hand a bad line on, one at a time."""
        if self._config.on_bad is not None:
            with self._lock:
                self._config.on_bad(line, raw)


class _Unreadable(Exception):  # noqa: N818 - takes one object out of a group
    def __init__(self, source: SourceObject, error: VpcFlowError) -> None:
        super().__init__(source.uri)
        self.source, self.error = source, error


class _GroupWork:
    """One group on its way: what is held, what is written, what was met."""

    def __init__(self, ingest: Ingest, group: list[SourceObject]) -> None:
        self._ingest, self._group = ingest, group
        self._config = ingest._config  # noqa: SLF001 - one class in two parts
        self._lake, self._writer = ingest._lake, ingest._writer  # noqa: SLF001
        self._held: dict[str, list[pa.RecordBatch]] = {}
        self._held_bytes = self._held_rows = 0
        self.files: list[FileEntry] = []
        self.reports: dict[str, ReadReport] = {}
        self._sources: list[SourceEntry] = []

    def run(self) -> set[str]:
        """Read, write and commit the group; return the uris that were in the lake already (then nothing is committed)."""
        ids = self._lake.ledger.reserve(len(self._group))
        for source_id, (found, stream) in zip(ids, _ahead(self._group), strict=True):
            self._read(source_id, found, stream)
        self._flush()
        present = self._lake.ledger.stage(self._sources, self.files)
        if present:
            return {source.uri for source in self._sources if source.id in present}
        self._lake.publish([(file.id, file.staging, file.path) for file in self.files])
        return set()

    def _read(self, source_id: int, found: SourceObject, stream: Callable[[], BinaryIO]) -> None:
        report = ReadReport(on_bad=self._ingest.bad if self._config.on_bad else None)
        origin = Origin()
        seen = 0
        span = _Hours(found.uri)
        try:
            with stream() as raw:
                for table, batch in self._batches(raw, found, report, origin):
                    self._check_stopped()
                    span.add(batch)
                    self._hold(table, _filed(batch, source_id, found, origin))
                    self._ingest._read_some(report.bytes_in - seen)  # noqa: SLF001
                    seen = report.bytes_in
        except (RecordError, SourceError) as error:
            raise _Unreadable(found, error) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise _Unreadable(found, SourceError("source.unreadable", source=found.uri, reason=reason)) from error
        report.on_bad = None
        self.reports[found.uri] = report
        self._sources.append(_entry(source_id, found, origin, report))

    def _batches(
        self, raw: BinaryIO, found: SourceObject, report: ReadReport, origin: Origin
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        config = self._config
        if config.filing is None:
            return read(
                raw, found.uri, report, origin, log_format=config.log_format, block_bytes=config.block_bytes
            )  # fmt: skip
        return read_log_events(
            raw, found.uri, report, origin, config.filing,
            changed_s=found.changed_s, now_s=int(time.time()), block_bytes=config.block_bytes,
        )  # fmt: skip

    def _check_stopped(self) -> None:
        if self._ingest._stop.is_set():  # noqa: SLF001
            raise KeyboardInterrupt

    def _hold(self, table: str, batch: pa.RecordBatch) -> None:
        self._held.setdefault(table, []).append(batch)
        self._held_bytes += batch.nbytes
        self._held_rows += batch.num_rows
        if self._held_bytes >= self._config.flush_bytes or self._held_rows >= 2 * ROWS:
            self._flush()

    def _flush(self) -> None:
        for table, batches in self._held.items():
            rows = datafile.combine(table, batches)
            batches.clear()
            for entry in datafile.write_sorted(table, rows, self._writer):
                self._check_stopped()
                self.files.append(entry)
        self._held.clear()
        self._held_bytes = self._held_rows = 0

    def discard(self) -> None:
        """Delete what was written."""
        self._writer.discard(file.staging for file in self.files)


class _Hours:
    """Watches over how many hours one source spreads: a file that makes millions of partitions is an attack or a mistake."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: set[int] = set()

    def add(self, batch: FlowBatch) -> None:
        name, hour = ("start", 3600) if "start" in batch.schema.names else ("timestamp", 3_600_000)
        if name not in batch.schema.names:
            return
        when = batch.column(name)
        bounds = pc.min_max(when)
        if not bounds["min"].is_valid:
            return
        low, high = bounds["min"].as_py() // hour, bounds["max"].as_py() // hour
        if high - low < 48:
            self._seen.update(range(low, high + 1))
        else:
            self._seen.update(np.unique(np.asarray(when.drop_null()) // hour).tolist())
        if len(self._seen) > _MAX_HOURS:
            raise RecordError("too_many_hours", source=self._source, hours=_MAX_HOURS)


def _filed(batch: pa.RecordBatch, source_id: int, found: SourceObject, origin: Origin) -> pa.RecordBatch:
    """Add what the lake knows of a row beside its fields: source, place, and the key's time where the row has none."""
    rows = batch.num_rows
    batch = batch.append_column("x_source", pa.array(np.full(rows, source_id, np.int32)))
    if found.time_s is not None and not _TIMED.intersection(batch.schema.names):
        batch = batch.append_column("x_event_time", pa.array(np.full(rows, found.time_s * 1000, np.int64)))
    # An envelope tells whose log group it was; a record tells it in each row.
    owner = origin.owner if "timestamp" in batch.schema.names else None
    return datafile.place(batch, found.account or owner or None, found.region)


def _ahead(group: list[SourceObject]) -> Iterator[tuple[SourceObject, Callable[[], BinaryIO]]]:
    """Yield each object with the way to its bytes; remote ones are fetched while the ones before are read."""
    if not group or not group[0].remote:
        yield from ((found, found.open) for found in group)
        return
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="fetch") as pool:
        waiting: deque[tuple[SourceObject, Future[BinaryIO]]] = deque()
        rest = iter(group)
        try:
            while True:
                while len(waiting) <= _AHEAD and (found := next(rest, None)) is not None:
                    waiting.append((found, pool.submit(found.open)))
                if not waiting:
                    return
                ready, future = waiting.popleft()
                yield ready, future.result
        finally:
            for _, future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().close()


def _entry(source_id: int, found: SourceObject, origin: Origin, report: ReadReport) -> SourceEntry:
    return SourceEntry(
        id=source_id,
        uri=found.uri,
        etag=found.etag,
        kind=origin.kind,
        formats=[str(log_format) for log_format in origin.formats],
        log_group=origin.log_group,
        log_stream=origin.log_stream,
        bytes=report.bytes_in,
        rows=report.rows,
        bad=dict(report.bad),
        losses=[(loss.kind, loss.detail) for loss in report.losses],
        unknown_fields=dict(report.unknown_fields),
        looked_at=found.looked_at,
    )


def _raise_first(done: Iterable[Future[None]]) -> None:
    for future in done:
        future.result()
