"""Compressed bytes → bytes, in bounded pieces, keeping what could be read when the rest is cut off or damaged.

The kind of compression is told by content (gzip of any number of members, zstd), never by name. Memory is bounded by the
piece, so a gzip bomb costs time only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
from isal import igzip_lib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from vpcflow.telemetry import ReadReport

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = tuple(bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60))
_PIECE: Final = 1 << 22
_READ: Final = 1 << 20


def inflate(raw: BinaryIO, source: str, report: ReadReport) -> Iterator[bytes]:
    """Yield the content of *raw* in pieces of at most 4 MiB.

    Damage ends the stream: what came before is kept and *report* names the loss (`cut_off`, `damaged`, `trailing`).
    report.bytes_in counts the bytes as stored.
    """
    head = raw.read(_READ)
    report.bytes_in += len(head)
    if head.startswith(GZIP):
        yield from _gunzip(head, raw, source, report)
    elif head.startswith((ZSTD, *_SKIPPABLE)):
        yield from _unzstd(head, raw, source, report)
    else:
        while head:
            yield head
            head = raw.read(_READ)
            report.bytes_in += len(head)


def _gunzip(data: bytes, raw: BinaryIO, source: str, report: ReadReport) -> Iterator[bytes]:
    # Members follow one another (RFC 1952 §2.2); zero padding after the last one is allowed, as gzip(1) does.
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    begun = True
    while True:
        if member.eof:
            data = (member.unused_data or data).lstrip(b"\0") if begun else data.lstrip(b"\0")
            begun = False
        if not data and (begun is False or member.needs_input):
            data = raw.read(_READ)
            report.bytes_in += len(data)
            if not data:
                if begun:
                    report.lost(source, "cut_off")
                return
            if not begun:
                data = data.lstrip(b"\0")
                if not data:
                    continue
        if not begun:
            if len(data) < len(GZIP):
                more = raw.read(_READ)
                report.bytes_in += len(more)
                data += more
            if not data.startswith(GZIP):
                report.lost(source, "trailing", str(len(data)))
                return
            member, begun = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), True
        try:
            piece = member.decompress(data, _PIECE)
        except igzip_lib.error as error:
            report.lost(source, "damaged", str(error))
            return
        data = b""
        if piece:
            yield piece


class _Counted:
    """The stream's begin, already read, and its rest, counted."""

    def __init__(self, head: bytes, raw: BinaryIO, report: ReadReport) -> None:
        self._head, self._raw, self._report = head, raw, report
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        if self._head:
            size = len(self._head) if size < 0 else size
            data, self._head = self._head[:size], self._head[size:]
            return data
        data = self._raw.read(size)
        self._report.bytes_in += len(data)
        return data

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _unzstd(head: bytes, raw: BinaryIO, source: str, report: ReadReport) -> Iterator[bytes]:
    counted = _Counted(head, raw, report)
    stream = pa.CompressedInputStream(pa.PythonFile(counted, mode="r"), "zstd")
    while True:
        try:
            piece = stream.read(_PIECE)
        except OSError as error:
            text = str(error)
            report.lost(source, "cut_off" if "runcated" in text else "damaged", text)
            return
        if not piece:
            return
        yield piece
