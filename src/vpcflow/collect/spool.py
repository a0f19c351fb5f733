"""What comes once and must be read again, on disk: a nameless temporary file, and parts of it as files."""

from __future__ import annotations

import io
import os
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 1 << 18


class Spool:
    """A file without a name: it is gone with the last object that holds a part of it, however the process ends.

    SourceError ``source.spool`` when there is no room for it. size: bytes written so far.
    """

    def __init__(self) -> None:
        self.size = 0
        try:
            with tempfile.TemporaryFile() as nameless:
                self._handle = os.dup(nameless.fileno())
        except OSError as error:
            raise _no_room(error) from error

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)

    def write(self, piece: bytes) -> None:
        """Append *piece*, whole."""
        rest = memoryview(piece)
        try:
            while rest:
                written = os.write(self._handle, rest)
                self.size += written
                rest = rest[written:]
        except OSError as error:
            raise _no_room(error) from error

    def part(self, start: int, end: int) -> Callable[[], BinaryIO]:
        """Return what opens the bytes from *start* to *end* (exclusive); any number of readers may be open."""
        return partial(self._open, start, end)

    def _open(self, start: int, end: int) -> BinaryIO:
        return io.BufferedReader(_Part(self, start, end), _PIECE)

    def read(self, place: int, count: int) -> bytes:
        """Return up to *count* bytes from *place* on."""
        return os.pread(self._handle, count, place)


class _Part(io.RawIOBase):
    def __init__(self, spool: Spool, start: int, end: int) -> None:
        self._spool, self._start, self._end = spool, start, end
        self._place = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = max(self._start, base + offset)
        return self._place - self._start

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a Buffer, which Python 3.11 has no name for
        wanted = min(len(buffer), self._end - self._place)
        if wanted <= 0:
            return 0
        piece = self._spool.read(self._place, wanted)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def _no_room(error: OSError) -> SourceError:
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "TMPDIR"
    return SourceError("source.spool", folder=folder, reason=error.strerror or str(error))
