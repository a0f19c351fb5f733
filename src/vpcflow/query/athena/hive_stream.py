"""Text files of a user's table as a stream of record batches, some files at a time, that can be read again."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.record import hive
from vpcflow.telemetry import ReadReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.types import SourceObject

_END: Final = object()


@dataclass(slots=True)
class TextStream:
    """The *wanted* columns of *files*, and *keys* that their places tell.

    files: each object with the values of *keys*. reports: what was lost, by uri; a second reading counts nothing twice.
    """

    layout: hive.Layout
    wanted: tuple[str, ...]
    keys: tuple[pa.Field, ...]
    files: Sequence[tuple[SourceObject, tuple[object, ...]]]
    threads: int
    reports: dict[str, ReadReport] = field(default_factory=dict)
    fault: Exception | None = None

    @property
    def schema(self) -> pa.Schema:
        """Return the columns of the stream: at least one."""
        kinds = dict(self.layout.columns)
        names = self.wanted or (() if self.keys else (self.layout.columns[0][0],))
        return pa.schema([*((name, kinds[name]) for name in names), *self.keys])

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Begin to read; nothing is opened before the first batch is asked for."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        reading = _Reading(self)
        try:
            yield from reading.batches()
        except Exception as error:
            self.fault = error
            raise
        finally:
            reading.stop()

    def read(self, found: SourceObject, told: tuple[object, ...]) -> Iterator[pa.RecordBatch]:
        """Yield the batches of one file."""
        report = ReadReport()
        schema = self.schema
        with found.open() as raw:
            for batch in hive.read(raw, self.layout, self.wanted, found.uri, report):
                columns = batch.columns if self.wanted or not self.keys else []
                constants = [
                    pa.repeat(pa.scalar(value, key.type), batch.num_rows)
                    for key, value in zip(self.keys, told, strict=True)
                ]
                yield pa.RecordBatch.from_arrays([*columns, *constants], schema=schema)
        self.reports[found.uri] = report


class _Reading:
    """One pass over the files: threads read them, a short queue holds what nobody has taken yet."""

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream
        self._queue: queue.Queue[object] = queue.Queue(2 * stream.threads)
        self._stopped = threading.Event()
        self._files = iter(stream.files)
        self._next = threading.Lock()

    def batches(self) -> Iterator[pa.RecordBatch]:
        threads = [
            threading.Thread(target=self._work, name="hive", daemon=True)
            for _ in range(min(self._stream.threads, len(self._stream.files)))
        ]
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            item = self._queue.get()
            if item is _END:
                left -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield item

    def stop(self) -> None:
        self._stopped.set()

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                with self._next:
                    found, told = next(self._files, (None, ()))
                if found is None:
                    break
                for batch in self._stream.read(found, told):
                    if not self._put(batch):
                        return
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits is told
            self._put(error)
        self._put(_END)

    def _put(self, item: object) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
