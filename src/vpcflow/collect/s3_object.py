"""The bytes of one S3 object: small ones at once, large ones in ranges, always of the version that was listed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import obstore

from vpcflow.collect.s3_faults import FAULTS, fault

if TYPE_CHECKING:
    from obstore.store import S3Store

WHOLE: Final = 16 << 20
"""Bytes up to which an object is fetched at once."""

RANGE: Final = 8 << 20
"""Bytes of a larger one fetched at a time. Each range is a request of its own, so a slow reader keeps no connection."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """Where the bytes are. etag: as the listing gave it, None when it gave none."""

    store: S3Store
    key: str
    uri: str
    endpoint: str
    bytes: int
    etag: str | None

    def open(self) -> BinaryIO:
        """Return the bytes as a file; SourceError, here or while reading, when it is gone, changed or refused."""
        if self.bytes <= WHOLE:
            return io.BytesIO(self.fetch())
        return io.BufferedReader(_Ranges(self), RANGE)

    def fetch(self, start: int = 0, end: int | None = None) -> memoryview:
        """Fetch the bytes from *start* to *end* (exclusive)."""
        options: dict[str, Any] = {"if_match": self.etag} if self.etag else {}
        if end is not None:
            options["range"] = (start, end)
        try:
            return memoryview(obstore.get(self.store, self.key, options=options).bytes())
        except FAULTS as error:
            raise fault(error, self.uri, endpoint=self.endpoint) from error


class _Ranges(io.RawIOBase):
    """A large object as a file that can be read in order or from anywhere."""

    def __init__(self, source: S3Object) -> None:
        self._source = source
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._source.bytes}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a Buffer, which Python 3.11 has no name for
        """Fill *buffer* with the next bytes, `RANGE` at most."""
        wanted = min(len(buffer), RANGE, self._source.bytes - self._place)
        if wanted <= 0:
            return 0
        piece = self._source.fetch(self._place, self._place + wanted)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
