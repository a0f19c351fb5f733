"""What waits for a destination, on disk: batches in the order they came, through crashes, in bounded room.

Theory of operation. A folder holds segments, files of frames (`frames.py`): a head, then a batch a frame. A batch is on disk
when `append` returns. The newest segment is open (`….open`); sealing renames it (`….sealed`), and from then on it never changes:
it is a *unit* of delivery, so what is made of it is the same each time. What was acknowledged of it is added to a file beside it
(`….acks`), and when all of it was, it is deleted. Names begin with a number that grows, and have a random part, so that no two
segments ever make objects of the same name.

When there is no room, the oldest segment that is not just being delivered is replaced by one that tells only what is missing
(`skipped.py`); such segments next to each other become one. The new segment names those it stands for, so that a crash
between its rename and their deletion doubles nothing.

A killed process leaves at most one frame that is not whole, at the end of the open segment. The next one cuts it off, counts
it, and seals the segment.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import os
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.deliver.encode import united
from vpcflow.deliver.frames import FrameFile, frames, guarded, sync_folder
from vpcflow.deliver.skipped import skipped
from vpcflow.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vpcflow.deliver.destination import Shipment
    from vpcflow.types import FlowBatch

MAX_BYTES: Final = 1 << 30
_LEAST_SEGMENTS: Final = 4
_ROWS: Final = 131_072
"""Of a frame, at most."""

_WHO: Final = ("interface_id", "resource_id", "tgw_attachment_id")
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(slots=True)
class Dropped:
    """What there was no room for. spans: by interface, the first and the last second."""

    records: int = 0
    segments: int = 0
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)


class Segment:
    """One sealed segment; a unit of delivery."""

    window_s: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = path.stat().st_size
        self.damaged = False
        self._acks: FrameFile | None = None
        self._known: dict[int, tuple[str, tuple[int, ...]]] | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.stem

    @property
    def acks_path(self) -> Path:
        """Where it is kept what was acknowledged of it."""
        return self.path.with_suffix(".acks")

    def batches(self) -> Iterator[FlowBatch]:
        """Read its records; then `damaged` tells whether there were more than could be read."""
        end = 0
        for number, frame in enumerate(frames(self.path)):
            end = frame.end
            if number:
                yield _batch(frame.payload)
        self.damaged = end < self.bytes

    def head(self) -> dict[str, object]:
        """Return what its head says."""
        return _head(self.path)

    def left(self, number: int, shipment: Shipment) -> Sequence[int] | None:
        """Return what is left of a shipment; all of one that another version of the program would have made otherwise."""
        mark, left = self._read().get(number, ("", ()))
        return left if mark == _mark(shipment) else None

    def acknowledge(self, number: int, shipment: Shipment, left: Sequence[int]) -> None:
        """Keep what is left of a shipment."""
        known = self._read()
        if self._acks is None:
            end = max((frame.end for frame in frames(self.acks_path)), default=0) if self.acks_path.exists() else 0
            self._acks = FrameFile(self.acks_path, end)
            sync_folder(self.path.parent)
        mark = _mark(shipment)
        self._acks.add(json.dumps([number, mark, *left]).encode())
        known[number] = mark, tuple(left)

    @property
    def begun(self) -> bool:
        """Whether some of it was acknowledged."""
        return bool(self._read())

    def _read(self) -> dict[int, tuple[str, tuple[int, ...]]]:
        if self._known is None:
            self._known = {}
            for frame in frames(self.acks_path) if self.acks_path.exists() else ():
                number, mark, *left = json.loads(frame.payload)
                self._known[number] = mark, tuple(left)
        return self._known

    def close(self) -> None:
        """Let go of its files."""
        if self._acks is not None:
            self._acks.close()
            self._acks = None


class Spool:
    """The segments of one flow log; any thread may call. DeliveryError when another process has it, or it cannot be made.

    max_bytes: of all segments together. segment_bytes: an open segment is sealed when it has this much.
    unique: gives the random part of names.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = MAX_BYTES,
        segment_bytes: int = 32 << 20,
        unique: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._folder = folder
        self._max = max_bytes
        self._segment_bytes = max(1, min(segment_bytes, max_bytes // _LEAST_SEGMENTS))
        self._unique = unique
        self._lock = threading.RLock()
        self._open: FrameFile | None = None
        self._busy: Segment | None = None
        self._unwritten: list[FlowBatch] = []
        self.dropped = Dropped()
        self.torn = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._guard = guarded(folder)
            try:
                self._segments = self._recovered()
            except OSError:
                self._guard.close()
                raise
        except OSError as error:
            raise DeliveryError("deliver.spool", folder=str(folder), reason=error.strerror or str(error)) from error

    # --- what comes in -------------------------------------------------------------------------------------------

    def append(self, batch: FlowBatch) -> None:
        """Keep a batch, on disk; where there is no room for it even so, it is dropped and counted."""
        with self._lock:
            for place in range(0, batch.num_rows, _ROWS):
                self._append(batch.slice(place, _ROWS))

    def _append(self, batch: FlowBatch) -> None:
        waiting, self._unwritten = self._unwritten, []
        if not self._add([*map(_payload, waiting), _payload(batch)]):
            self._count(batch)
            missing = skipped([*waiting, batch, *self._unwritten])
            self._unwritten = [] if missing is None else [missing]

    def _add(self, payloads: list[bytes]) -> bool:
        needed = sum(map(len, payloads))
        while self.used + needed > self._max and self._drop():
            pass
        if self.used + needed > self._max:
            return False
        while True:
            try:
                if self._open is None:
                    self._open = self._begun()
                self._open.add(*payloads)
            except OSError:
                # A disk may be full before the spool is.
                self._abandon()
                if not self._drop():
                    return False
                continue
            if self._open.end >= self._segment_bytes:
                with contextlib.suppress(OSError):  # it is sealed another time
                    self.seal()
            return True

    def _begun(self) -> FrameFile:
        path = self._folder / f"{self._next_number():012d}-{self._unique()}.open"
        file = FrameFile(path)
        try:
            file.add(_head_payload())
            sync_folder(self._folder)
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        return file

    def _abandon(self) -> None:
        """Seal what is whole of the open segment after a write failed; a later one begins anew."""
        if self._open is not None and self._open.end > 0:
            try:
                self.seal()
            except OSError:
                self._open.close()
                self._open = None

    def _next_number(self) -> int:
        last = self._segments[-1].path.name if self._segments else "0"
        return int(last.partition("-")[0]) + 1

    def seal(self) -> None:
        """Make a unit of what came since the last time."""
        with self._lock:
            if self._open is None:
                return
            sealed = self._open.path.with_suffix(".sealed")
            self._open.path.rename(sealed)
            self._open.close()
            self._open = None
            self._segments.append(Segment(sealed))
            sync_folder(self._folder)

    def limit_segments(self, most: int) -> None:
        """Seal segments at *most* bytes already."""
        self._segment_bytes = min(self._segment_bytes, most)

    @property
    def waiting(self) -> bool:
        """Whether there are units that wait for their delivery."""
        return bool(self._segments)

    @property
    def is_open(self) -> bool:
        """Whether something came since the last sealing."""
        return self._open is not None

    @property
    def used(self) -> int:
        """What it takes."""
        with self._lock:
            return sum(segment.bytes for segment in self._segments) + (self._open.end if self._open else 0)

    # --- what goes out -------------------------------------------------------------------------------------------

    def oldest(self) -> Segment | None:
        """Return the segment that is to be delivered next; it is not dropped until it is `released` or `removed`."""
        with self._lock:
            self._busy = self._segments[0] if self._segments else None
            return self._busy

    def release(self) -> None:
        """Say that nothing is being delivered now."""
        with self._lock:
            if self._busy is not None:
                self._busy.close()
                self._busy = None

    def remove(self, segment: Segment) -> None:
        """Forget a segment that was delivered."""
        with self._lock:
            self.release()
            self._segments.remove(segment)
            self._delete(segment)

    def _delete(self, segment: Segment) -> None:
        segment.close()
        segment.path.unlink(missing_ok=True)
        # Never acknowledgements without their segment's being gone for good: it would come back as if it had not been delivered.
        sync_folder(self._folder)
        segment.acks_path.unlink(missing_ok=True)

    # --- when there is no room -----------------------------------------------------------------------------------

    def _drop(self) -> bool:
        """Replace the oldest segment that may go by what is told of it; False when there is none that would make room."""
        for place, segment in enumerate(self._segments):
            if segment is self._busy or segment.begun or segment.head().get("skipped"):
                continue
            # What is told of those before it is told in one with it.
            before = self._segments[place - 1] if place else None
            old = [before] if before and before is not self._busy and before.head().get("skipped") else []
            self._replace([*old, segment])
            return True
        return False

    def _replace(self, old: list[Segment]) -> None:
        dropped = old[-1]
        missing = skipped([batch for segment in old for batch in segment.batches()])
        records = sum(self._count(batch) for batch in dropped.batches())
        self.dropped.segments += 1
        place = self._segments.index(old[0])
        if missing is not None:
            number = dropped.path.name.partition("-")[0]
            name = f"{number}-{self._unique()}"
            total = records + sum(_number(segment.head().get("skipped")) for segment in old)
            head = _head_payload(skipped=total, replaces=[segment.path.name for segment in old])
            new = self._made(name, [head, _payload(missing)])
            if new is None:
                self._unwritten.append(missing)
            self._segments[place : place + len(old)] = [new] if new else []
        for segment in old:
            if segment in self._segments:
                self._segments.remove(segment)
            self._delete(segment)

    def _made(self, name: str, payloads: list[bytes]) -> Segment | None:
        """Write a whole segment; None when there is no room even for that."""
        temporary = self._folder / f"{name}.tmp"
        sealed = self._folder / f"{name}.sealed"
        try:
            file = FrameFile(temporary)
            try:
                file.add(*payloads)
            finally:
                file.close()
            temporary.rename(sealed)
            sync_folder(self._folder)
        except OSError:
            temporary.unlink(missing_ok=True)
            return None
        return Segment(sealed)

    def _count(self, batch: FlowBatch) -> int:
        """Count what is dropped; return how many records that is."""
        self.dropped.records += batch.num_rows
        told = skipped([batch])
        if told is not None:
            for row in told.to_pylist():
                who = next(filter(None, (row.get(name) for name in _WHO)), "-")
                start, end = row["start"] or row["end"] or 0, row["end"] or row["start"] or 0
                first, last = self.dropped.spans.get(who, (start, end))
                self.dropped.spans[who] = (min(first, start), max(last, end))
        return int(batch.num_rows)

    # --- after a crash -------------------------------------------------------------------------------------------

    def _recovered(self) -> list[Segment]:
        """Put in order what another process left; return its segments, the oldest first."""
        for path in self._folder.glob("*.tmp"):
            path.unlink()
        told = [_head(path).get("replaces") for path in self._folder.glob("*.sealed")]
        for name in itertools.chain.from_iterable(names for names in told if isinstance(names, list)):
            self._forget_file(str(name))
        for path in self._folder.glob("*.open"):
            self._recover(path)
        found = [Segment(path) for path in sorted(self._folder.glob("*.sealed"))]
        for path in self._folder.glob("*.acks"):
            if not path.with_suffix(".sealed").exists():
                path.unlink()
        sync_folder(self._folder)
        return found

    def _forget_file(self, name: str) -> None:
        path = self._folder / name
        if path.parent == self._folder and path.suffix == ".sealed":
            path.unlink(missing_ok=True)

    def _recover(self, path: Path) -> None:
        ends = [frame.end for frame in frames(path)]
        end = ends[-1] if ends else 0
        if end < path.stat().st_size:
            self.torn += 1
            with path.open("r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())
        if len(ends) < 2:
            path.unlink()
        else:
            path.rename(path.with_suffix(".sealed"))

    def close(self) -> None:
        """Let go of it; what waits is on disk."""
        with self._lock:
            self.release()
            if self._open is not None:
                self.seal()
            self._guard.close()


def _mark(shipment: Shipment) -> str:
    return hashlib.sha256(shipment.digest.encode()).hexdigest()[:16]


def _head_payload(*, skipped: int = 0, replaces: Sequence[str] = ()) -> bytes:
    return json.dumps({"spool": 1, "skipped": skipped, "replaces": list(replaces)}).encode()


def _head(path: Path) -> dict[str, object]:
    first = next(iter(frames(path)), None)
    found = json.loads(first.payload) if first is not None else {}
    return found if isinstance(found, dict) else {}


def _payload(batch: FlowBatch) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return out.getvalue()


def _batch(payload: bytes) -> FlowBatch:
    return united(list(pa.ipc.open_stream(payload)))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
