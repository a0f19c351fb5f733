"""Standard input: spooled, because its identity is its content, and that is known at its end."""

from __future__ import annotations

import hashlib
import sys
from typing import BinaryIO, Final

from vpcflow.collect.spool import Spool
from vpcflow.errors import SourceError
from vpcflow.types import SourceObject

_PIECE: Final = 1 << 20


def spool(stream: BinaryIO | None = None) -> SourceObject:
    """Read *stream* (standard input by default) to its end into a temporary file and return it as an object.

    The file has no name, so it is gone with the object, however the process ends.
    SourceError when there is no room for it.
    """
    source = sys.stdin.buffer if stream is None else stream
    file, digest = Spool(), hashlib.sha256()
    try:
        while piece := source.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError("source.unreadable", source="-", reason=reason) from error
    identity = digest.hexdigest()
    return SourceObject(uri=f"stdin:sha256:{identity}", etag=identity, bytes=file.size, open=file.part(0, file.size))
