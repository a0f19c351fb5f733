"""Results → the form asked for. Data goes to stdout; the human form is a table drawn here, the others are written by `record`.

Values of logs are data: whatever a terminal would obey is made visible instead.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import click

from vpcflow.cli.choices import one_of
from vpcflow.cli.shown import printable
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.record.write import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa
    from _typeshed import ReadableBuffer

    from vpcflow.cli.session import Session
    from vpcflow.record.format import LogFormat
    from vpcflow.record.write import Written

KINDS: Final = ("table", "wide", "text", "json", "jsonl", "csv", "parquet", "arrow")
_BINARY: Final = ("parquet", "arrow")
_COLORS: Final = {"ACCEPT": "\x1b[34m", "REJECT": "\x1b[31m", "head": "\x1b[1m"}
_RESET: Final = "\x1b[0m"

output_option = option("-o", "--output", "kind", metavar="KIND", callback=one_of(*KINDS, name="output"), default=None)


def chosen(kind: str | None) -> str:
    """Return the output asked for, else a table on a terminal and text for a pipe."""
    return kind or ("table" if sys.stdout.isatty() else "text")


def write_batches(
    batches: Iterable[pa.RecordBatch], kind: str, log_format: LogFormat | None = None, *, at_once: bool = False
) -> None:
    """Write records to stdout in a machine's form. at_once: each batch goes out before the next one is asked for."""
    with data_out(kind) as out:
        write(_flushed(batches, out) if at_once else batches, cast("Written", kind), out, log_format)


def _flushed(batches: Iterable[pa.RecordBatch], out: BinaryIO) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch
        out.flush()


@contextlib.contextmanager
def data_out(kind: str) -> Iterator[BinaryIO]:
    """Open stdout for bytes of *kind*: a terminal gets no binary form, and nothing that it would obey."""
    terminal = sys.stdout.isatty()
    if kind in _BINARY and terminal:
        raise UsageError("binary_terminal", kind=kind)
    sys.stdout.flush()
    out = standard_output()
    yield cast("BinaryIO", Harmless(out)) if terminal else out
    out.flush()


def standard_output() -> BinaryIO:
    """Return stdout for bytes.

    With PYTHONUNBUFFERED it has no buffer, and writes but a part of what it is given when a signal comes: the rest is lost.
    """
    out: BinaryIO = sys.stdout.buffer
    if isinstance(out, io.RawIOBase):
        out = io.BufferedWriter(io.FileIO(out.fileno(), "wb", closefd=False))
    return out


class Harmless(io.RawIOBase):
    """A way to a terminal on which control characters become replacement characters; line feeds and tabs stay.

    Each write must end at the end of a character, as those of our writers do.
    """

    _OBEYED: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write *data* with what a terminal would obey replaced; return how much of it was taken."""
        given = bytes(data)
        self._out.write(self._OBEYED.sub("\N{REPLACEMENT CHARACTER}".encode(), given))
        return len(given)


def write_table(
    session: Session, head: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> None:
    """Draw a table; right: columns of numbers. ACCEPT and REJECT have a glyph in their text and colour on a terminal."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max([width(title), *(width(row[place]) for row in cells)]) for place, title in enumerate(head)]
    last = len(head) - 1
    colored = session.color

    def line(row: Sequence[str], tint: str = "") -> str:
        parts = []
        for place, cell in enumerate(row):
            space = " " * (widths[place] - width(cell))
            text = space + cell if place in right else cell + ("" if place == last else space)
            shade = tint or next((code for word, code in _COLORS.items() if word in cell), "")
            parts.append(f"{shade}{text}{_RESET}" if colored and shade else text)
        return "  ".join(parts).rstrip()

    click.echo(line(head, _COLORS["head"]), color=True)
    for row in cells:
        click.echo(line(row), color=True)


def width(text: str) -> int:
    """Return the columns *text* takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def bar(share: float, cells: int = 20) -> str:
    """Return a bar for 0 to 1, in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    whole, part = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")


ACTIONS: Final = {"ACCEPT": "✓ ACCEPT", "REJECT": "✕ REJECT"}
