"""Records that lie somewhere already → units, without a spool: where they come from they can be had again.

They come by account, region and `end` (`analyze.records.in_order_of_delivery`). For destinations that have files each window of
five minutes is a unit of its own, and always of the same name, so what is replayed twice is there once. For others units are so
and so many records; which of their shipments were accepted is kept until all of them were (`Journal`).
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from vpcflow.deliver.frames import FrameFile, frames, guarded
from vpcflow.deliver.windows import times
from vpcflow.record.layout import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from vpcflow.deliver.destination import Shipment
    from vpcflow.types import FlowBatch

ROWS: Final = 50_000
"""Records of a unit that is no file."""

OWNERS: Final = ("aws_account_id", "aws_region")
"""Columns that tell whose records they are."""


class Piece:
    """A unit that is read once. window_s: as `destination.Unit` has it."""

    def __init__(self, name: str, batches: Iterable[FlowBatch], window_s: int | None = None) -> None:
        self.id, self.window_s = name, window_s
        self._batches = batches

    def batches(self) -> Iterator[FlowBatch]:
        """Read it."""
        return iter(self._batches)


def by_owner(batches: Iterable[FlowBatch]) -> Iterator[tuple[tuple[str, str], Iterator[FlowBatch]]]:
    """Yield (account, region) and their records, without the columns `OWNERS`; each to be read before the next."""
    runs = (run for batch in batches for run in _runs(batch))
    for owner, mine in itertools.groupby(runs, lambda run: run[0]):
        yield owner, (batch for _, batch in mine)


def _runs(batch: FlowBatch) -> Iterator[tuple[tuple[str, str], FlowBatch]]:
    owners = [batch.column(name).cast(pa.string()).fill_null("").to_pylist() for name in OWNERS]
    rest = batch.select([name for name in batch.schema.names if name not in OWNERS])
    pairs = list(zip(*owners, strict=True))
    place = 0
    for owner, run in itertools.groupby(pairs):
        count = sum(1 for _ in run)
        yield owner, rest.slice(place, count)
        place += count


def windows(batches: Iterable[FlowBatch], otherwise: int) -> Iterator[Piece]:
    """Yield a unit for each window, in order; each is to be read before the next. otherwise: time of records without any."""
    runs = (run for batch in batches for run in _window_runs(batch, otherwise))
    for window, mine in itertools.groupby(runs, lambda run: run[0]):
        yield Piece("replay", (batch for _, batch in mine), window)


def _window_runs(batch: FlowBatch, otherwise: int) -> Iterator[tuple[int, FlowBatch]]:
    ends = times(batch, ("end", "start"), otherwise)
    found = ends - ends % WINDOW_S
    edges = [0, *(np.flatnonzero(np.diff(found)) + 1).tolist(), len(found)]
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            yield int(found[start]), batch.slice(start, stop - start)


def pieces(batches: Iterable[FlowBatch], rows: int = ROWS) -> Iterator[Piece]:
    """Yield units of *rows* records."""
    held: list[FlowBatch] = []
    count = number = 0
    for batch in batches:
        place = 0
        while place < batch.num_rows:
            part = batch.slice(place, rows - count)
            held.append(part)
            count += part.num_rows
            place += part.num_rows
            if count == rows:
                yield Piece(str(number), held)
                held, count, number = [], 0, number + 1
    if held:
        yield Piece(str(number), held)


class Always:
    """Progress of what may be sent again: nothing is kept."""

    def left(self, number: int, shipment: Shipment) -> Sequence[int] | None:
        """Send all of it."""
        del number, shipment
        return None

    def acknowledge(self, number: int, shipment: Shipment, left: Sequence[int]) -> None:
        """Forget it."""


class Journal:
    """Progress that outlives the process: the digests of shipments that were accepted, in a folder until `finish`.

    resumed: whether a run before this one left something. DeliveryError while another process makes the same replay.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._guard = guarded(folder)
        path = folder / "accepted"
        self._left: dict[str, tuple[int, ...]] = {}
        end = 0
        for frame in frames(path) if path.exists() else ():
            digest, *left = frame.payload.decode().split(" ")
            self._left[digest] = tuple(map(int, left))
            end = frame.end
        self.resumed = end > 0
        self._file = FrameFile(path, end)

    def left(self, number: int, shipment: Shipment) -> Sequence[int] | None:
        """Return what is left of a shipment."""
        del number
        return self._left.get(shipment.digest)

    def acknowledge(self, number: int, shipment: Shipment, left: Sequence[int]) -> None:
        """Keep what is left of it."""
        del number
        digest = shipment.digest
        self._file.add(" ".join([digest, *map(str, left)]).encode())
        self._left[digest] = tuple(left)

    def finish(self) -> None:
        """Forget it all: everything was accepted."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()
        self._guard.close()
