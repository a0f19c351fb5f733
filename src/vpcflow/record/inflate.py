"""Compressed bytes → bytes, in bounded pieces, keeping what could be read when the rest is cut off or damaged.

The kind of compression is told by content (gzip of any number of members, zstd), never by name, and one inside another
is undone too (Firehose packs envelopes that were packed before). Memory is bounded by the piece, so a gzip bomb costs time
only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
from isal import igzip_lib

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import BinaryIO

    from vpcflow.telemetry import ReadReport

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = tuple(bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60))
_PIECE: Final = 1 << 22
_READ: Final = 1 << 20
_FED: Final = 1 << 16
"""Damage loses what was inflated in the same call, so little is fed at once."""
_ZSTD_READ: Final = 1 << 12
"""Arrow's stream drops the piece in which damage is met, so pieces are small and joined again."""
_LEVELS: Final = 3
_DAMAGED: Final[type[Exception]] = igzip_lib.error  # type: ignore[assignment]  # isal's stub names an instance


class PieceReader:
    """Pieces of bytes as a file to read from; Arrow's readers and `inflate` take it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Return *size* bytes, fewer only at the end; all that is left for a negative size."""
        held, have = [self._rest], len(self._rest)
        while (have < size or size < 0) and (piece := next(self._pieces, None)) is not None:
            held.append(piece)
            have += len(piece)
        data = b"".join(held)
        self._rest = data[size:] if size >= 0 else b""
        return data[:size] if size >= 0 else data

    def readable(self) -> bool:
        """Say yes, as files do."""
        return True

    def close(self) -> None:
        """Be closed, as files are."""
        self.closed = True


def inflate(raw: BinaryIO, source: str, report: ReadReport) -> Iterator[bytes]:
    """Yield the content of *raw* in pieces of at most 4 MiB.

    Damage ends the stream: what came before is kept and *report* names the loss (`cut_off`, `damaged`, `trailing`).
    report.bytes_in counts the bytes as stored.
    """
    return unpack(_counted(raw, report), source, report)


def _counted(raw: BinaryIO, report: ReadReport) -> Iterator[bytes]:
    while data := raw.read(_READ):
        report.bytes_in += len(data)
        yield data


def unpack(pieces: Iterable[bytes], source: str, report: ReadReport, *, levels: int = _LEVELS) -> Iterator[bytes]:
    """Yield the content of *pieces*, inflated as often as its begin says, at most *levels* times."""
    stream = iter(pieces)
    head = b""
    while len(head) < len(ZSTD) and (piece := next(stream, None)) is not None:
        head += piece
    if head.startswith(GZIP) and levels:
        yield from unpack(_gunzip(head, stream, source, report), source, report, levels=levels - 1)
    elif head.startswith((ZSTD, *_SKIPPABLE)) and levels:
        yield from unpack(_unzstd(head, stream, source, report), source, report, levels=levels - 1)
    else:
        if head:
            yield head
        yield from stream


def _gunzip(head: bytes, stream: Iterator[bytes], source: str, report: ReadReport) -> Iterator[bytes]:
    # Members follow one another (RFC 1952 §2.2); zero padding after the last one is allowed, as gzip(1) does.
    def more() -> bytes:
        return next(stream, b"")

    rest: bytes | None = head
    while rest:
        if not rest.startswith(GZIP):
            report.lost(source, "trailing")
            return
        rest = yield from _member(rest, more, source, report)
        if rest is not None:
            rest = _next_member(rest, more)


def _member(
    data: bytes, more: Callable[[], bytes], source: str, report: ReadReport
) -> Generator[bytes, None, bytes | None]:
    """Yield the content of the member that *data* begins with; return what follows it, None when the rest is lost."""
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    place = 0
    while True:
        fed = data[place : place + _FED] if member.needs_input else b""
        place += len(fed)
        try:
            piece = member.decompress(fed, _PIECE)
        except _DAMAGED as error:
            report.lost(source, "damaged", str(error))
            return None
        if piece:
            yield piece
        if member.eof:
            return bytes(member.unused_data) + data[place:]
        if member.needs_input and place >= len(data):
            data, place = more(), 0
            if not data:
                report.lost(source, "cut_off")
                return None


def _next_member(data: bytes, more: Callable[[], bytes]) -> bytes:
    data = data.lstrip(b"\0")
    while len(data) < len(GZIP) and (piece := more()):
        data = (data + piece).lstrip(b"\0")
    return data


def _unzstd(head: bytes, stream: Iterator[bytes], source: str, report: ReadReport) -> Iterator[bytes]:
    file = pa.PythonFile(PieceReader(_before(head, stream)), mode="r")
    inflated = pa.CompressedInputStream(file, "zstd")
    held: list[bytes] = []
    while True:
        try:
            piece = inflated.read(_ZSTD_READ)
        except (OSError, MemoryError) as error:
            if held:
                yield b"".join(held)
            report.lost(source, "cut_off" if "runcated" in str(error) else "damaged", str(error))
            return
        if piece:
            held.append(piece)
        if held and (not piece or len(held) * _ZSTD_READ >= _READ):
            yield b"".join(held)
            held.clear()
        if not piece:
            return


def _before(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from stream
