"""A file of frames, which may end anywhere: length, checksum, payload.

    frame = <u32 length of the payload> <u32 CRC-32 of the payload> <payload>       little-endian

A frame counts when it is whole. What a killed process or a full disk left of one is cut off by whoever opens the file next.
"""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isal import isal_zlib

from vpcflow.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

_HEAD: Final = struct.Struct("<II")
MAX_FRAME: Final = 256 << 20


def framed(payload: bytes) -> bytes:
    """Return a frame of *payload*."""
    return _HEAD.pack(len(payload), isal_zlib.crc32(payload)) + payload


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame. end: where the next one begins."""

    payload: bytes
    end: int


def frames(path: Path) -> Iterator[Frame]:
    """Yield the whole frames of a file, up to the first that is not."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while place + _HEAD.size <= size:
            length, checksum = _HEAD.unpack(file.read(_HEAD.size))
            place += _HEAD.size + length
            # A disk may give zeros for what was never written; no frame of ours is empty.
            if place > size or not 0 < length <= MAX_FRAME:
                return
            payload = file.read(length)
            if isal_zlib.crc32(payload) != checksum:
                return
            yield Frame(payload, place)


class FrameFile:
    """A file that frames are added to, each on disk when `add` returns.

    A frame that cannot be written (OSError) is not in the file. end: its bytes.
    """

    def __init__(self, path: Path, end: int = 0) -> None:
        self.path, self.end = path, end
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(self._handle, end)
            os.lseek(self._handle, end, os.SEEK_SET)
        except OSError:
            self.close()
            raise

    def add(self, *payloads: bytes) -> None:
        """Add frames, all or none of them."""
        data = b"".join(framed(payload) for payload in payloads)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.end)
            os.lseek(self._handle, self.end, os.SEEK_SET)
            raise
        self.end += len(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* last."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def guarded(folder: Path) -> IO[str]:
    """Return a lock on *folder*, held until it is closed or the process ends; DeliveryError when another one has it."""
    guard = (folder / "lock").open("w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        guard.close()
        raise DeliveryError("deliver.spool_locked", folder=str(folder)) from None
    return guard
