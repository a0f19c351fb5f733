"""Many files of an hour → one, and rows of replaced sources out, once the hour is closed.

Small files are what makes a lake slow. An hour is closed two hours after its end; what comes later makes a second file and is
merged again. Files stay under 512 MB, and under the rows that fit the memory given.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vpcflow.lake import datafile
from vpcflow.record.schema import LOG_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.lake.lake import Lake, Writer
    from vpcflow.lake.ledger import FileEntry

LATENESS_H: Final = 2
MAX_BYTES: Final = 512 << 20
_ROW_BYTES: Final = 600
"""Memory a row takes while it is merged (read, united, taken, written), v5 fields."""


@dataclass(slots=True)
class Compacted:
    """What a compaction did: files merged, files made, partitions left for later because someone else changed them."""

    merged: int = 0
    made: int = 0
    skipped: int = 0


def compact(
    lake: Lake, writer: Writer, *, memory: int, threads: int, now_s: float | None = None, thorough: bool = True
) -> Compacted:
    """Merge the files of each closed hour and drop dead rows; safe beside readers and other writers.

    thorough: False leaves an hour of two large files as it is: one file would answer no sooner, and writing costs time.
    """
    closed = int((time.time() if now_s is None else now_s) // 3600) - LATENESS_H
    max_rows = max(datafile.ROW_GROUP, memory // _ROW_BYTES // threads)
    done = Compacted()
    partitions = lake.ledger.partitions(closed_before_hour=closed)
    with ThreadPoolExecutor(threads, thread_name_prefix="compact") as pool:
        for merged, made in pool.map(
            lambda bin_: _merge(lake, writer, bin_),
            [
                bin_
                for files in partitions.values()
                for bin_ in _bins(lake, files, max_rows)
                if thorough or _worth_it(lake, bin_)
            ],
        ):
            done.merged += merged
            done.made += made
            done.skipped += not merged
    return done


def _bins(lake: Lake, files: list[FileEntry], max_rows: int) -> Iterator[list[FileEntry]]:
    """Yield groups of files to merge: small ones first, each group under the limits; a lone file only for its dead rows."""
    dead = lake.ledger.dead(file.id for file in files)
    waiting: list[FileEntry] = []
    weight = 0
    for file in sorted(files, key=lambda entry: entry.bytes):
        size = sum(entry.bytes for entry in waiting)
        weighed = _weight(lake, file)
        if waiting and (size + file.bytes > MAX_BYTES or weight + weighed > max_rows):
            if len(waiting) > 1 or waiting[0].id in dead:
                yield waiting
            waiting, weight = [], 0
        waiting.append(file)
        weight += weighed
    if len(waiting) > 1 or (waiting and waiting[0].id in dead):
        yield waiting


def _weight(lake: Lake, file: FileEntry) -> int:
    """Return how many rows of flow logs take the memory that *file* takes: an event's message may have a megabyte."""
    if file.table != LOG_EVENTS:
        return file.rows
    try:
        with lake.file(file.path) as path:
            metadata = pq.read_metadata(path)
    except FileNotFoundError:
        return file.rows
    size: int = sum(metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    return max(file.rows, 3 * size // _ROW_BYTES)


def _worth_it(lake: Lake, files: list[FileEntry]) -> bool:
    small = min(file.rows for file in files) < datafile.ROW_GROUP
    return len(files) > 2 or small or bool(lake.ledger.dead(file.id for file in files))


def _merge(lake: Lake, writer: Writer, files: list[FileEntry]) -> tuple[int, int]:
    dead = lake.ledger.dead(file.id for file in files)
    try:
        tables = [_rows(lake, file, dead.get(file.id, ())) for file in files]
    except FileNotFoundError:
        return 0, 0  # another process merged and deleted it
    batches = [batch for table in tables for batch in table.to_batches() if batch.num_rows]
    tables.clear()
    new: list[FileEntry] = []
    if batches:
        first = files[0]
        batches = [datafile.place(batch, first.account, first.region) for batch in batches]
        rows = datafile.combine(first.table, batches)
        new = list(datafile.write_sorted(first.table, rows, writer))
    if not lake.ledger.supersede(files, dead, new):
        writer.discard(entry.staging for entry in new)
        return 0, 0
    lake.publish([(entry.id, entry.staging, entry.path) for entry in new])
    return len(files), len(new)


def _rows(lake: Lake, file: FileEntry, dead: tuple[int, ...]) -> pa.Table:
    strings = [name for name in file.columns if datafile.is_encoded(name)]
    with lake.file(file.path) as path, pq.ParquetFile(path, read_dictionary=strings) as parquet:
        rows = parquet.read()
    if dead:
        rows = rows.filter(pc.invert(pc.is_in(rows["x_source"], pa.array(dead, pa.int32()))))
    return rows
