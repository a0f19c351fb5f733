"""Standard input: spooled, because its identity is its content, and that is known at its end."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from typing import BinaryIO, Final

from vpcflow.errors import SourceError
from vpcflow.types import SourceObject

_PIECE: Final = 1 << 20


def spool(stream: BinaryIO | None = None) -> SourceObject:
    """Read *stream* (standard input by default) to its end into a temporary file and return it as an object.

    The file has no name, so it is gone with the object, however the process ends. One reader at a time.
    SourceError when there is no room for it.
    """
    source = sys.stdin.buffer if stream is None else stream
    try:
        with tempfile.TemporaryFile() as nameless:
            file = _Spool(os.dup(nameless.fileno()))
        digest, size = hashlib.sha256(), 0
        while piece := source.read(_PIECE):
            digest.update(piece)
            file.write(piece)
            size += len(piece)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError("source.spool", folder=tempfile.gettempdir(), reason=reason) from error
    identity = digest.hexdigest()
    return SourceObject(uri=f"stdin:sha256:{identity}", etag=identity, bytes=size, open=file.open)


class _Spool:
    """A nameless temporary file that lives as long as somebody holds it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __del__(self) -> None:
        os.close(self._handle)

    def write(self, piece: bytes) -> None:
        """Append *piece*, whole."""
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def open(self) -> BinaryIO:
        """Return a reader from the beginning on."""
        file = os.fdopen(os.dup(self._handle), "rb")
        file.seek(0)
        return file
