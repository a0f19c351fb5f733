"""Small lakes for tests: sources on disk, and what a lake holds as plain rows."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from vpcflow.lake import compaction
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake
from vpcflow.types import SourceObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from vpcflow.lake.ingest import Progress

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
HOUR = 1_700_002_800 // 3600
"""A full hour in November 2023, long closed."""


def line(number: int, *, hour: int = HOUR, mark: int = 0) -> str:
    start = hour * 3600 + number % 3000
    return (
        f"2 123456789012 eni-{number % 5:017x} 10.0.{mark}.{number % 250} 198.51.100.{number % 200} {1024 + number} 443 6 "
        f"{1 + number} {40 * (1 + number)} {start} {start + 55} {'REJECT' if number % 7 == 0 else 'ACCEPT'} OK"
    )


def write_source(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "\n" + "".join(f"{text}\n" for text in lines))
    return path


def objects(paths: Iterable[Path]) -> Iterator[SourceObject]:
    for path in paths:
        found = path.stat()
        yield SourceObject(
            uri=path.resolve().as_uri(),
            etag=f"{found.st_size}-{found.st_mtime_ns}",
            bytes=found.st_size,
            open=lambda path=path: path.open("rb"),
            account="123456789012",
            region="us-east-1",
        )


def ingest(
    root: Path, paths: Iterable[Path], *, compact: bool = True, durable: bool = True, **config: object
) -> Progress:
    """Ingest as the CLI does, with one thread unless told otherwise."""
    settings = Config(**{"threads": 1, **config})
    lake = Lake(root, create=True, durable=durable)
    try:
        with lake.writer() as writer:
            progress = Ingest(lake, writer, settings).run(objects(paths))
            if compact:
                compaction.compact(lake, writer, memory=settings.memory, threads=settings.workers)
    finally:
        lake.close()
    return progress


def rows(root: Path) -> Counter[tuple[object, ...]]:
    """Return the visible records of `flow_logs`, read with Arrow from the files the ledger lists, dead rows left out."""
    lake = Lake(root)
    found: Counter[tuple[object, ...]] = Counter()
    try:
        for file in lake.scan("flow_logs").files:
            for row in pq.ParquetFile(file.path).read().to_pylist():
                if row["x_source"] not in file.dead:
                    found[tuple(row[name.replace("-", "_")] for name in HEADER.split())] += 1
    finally:
        lake.close()
    return found


def expected(*texts: Iterable[str]) -> Counter[tuple[object, ...]]:
    """Return what lines are as rows, by a way of their own."""
    found: Counter[tuple[object, ...]] = Counter()
    for lines in texts:
        for text in lines:
            tokens = [None if token == "-" else token for token in text.split()]
            whole = (0, 5, 6, 7, 8, 9, 10, 11)
            found[tuple(int(t) if t is not None and n in whole else t for n, t in enumerate(tokens))] += 1
    return found


def on_disk(root: Path) -> set[str]:
    """Return all Parquet files below the tables' folders, seen as somebody else's engine would."""
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
        if "_vpcflow" not in folder and not name.startswith((".", "_"))
    }


def listed(root: Path) -> set[str]:
    lake = Lake(root)
    try:
        return {os.path.relpath(file.path, root) for file in lake.scan("flow_logs").files}
    finally:
        lake.close()
