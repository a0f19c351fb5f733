"""Pieces of bytes → blocks that end at a newline, with the number of their first line.

A line longer than `MAX_LINE` is dropped and counted while it streams by, so it never needs memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.telemetry import ReadReport

MAX_LINE: Final = 1 << 20
"""Bytes. The longest documented record (54 fields with tags) stays under 8 KiB; CloudWatch events end at 1 MiB."""

_NEWLINE: Final = 10

BLOCK: Final = 16 << 20
"""Bytes of text that are parsed at once."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; first_line counts from 1. The last line of a source may lack its newline."""

    data: bytes
    first_line: int


def blocks(pieces: Iterable[bytes], source: str, report: ReadReport, *, size: int = BLOCK) -> Iterator[Block]:
    """Cut *pieces* into blocks of about *size* bytes.

    When the source was cut off, the last line without a newline is counted as
    `cut_off` and dropped: half a record is none.
    """
    held: list[bytes] = []
    held_bytes = 0
    line = 1
    skipping = newline_held = False
    for piece in pieces:
        rest = piece
        if skipping:
            _, newline, rest = piece.partition(b"\n")
            if not newline:
                continue
            skipping = False
            line += 1
        held.append(rest)
        held_bytes += len(rest)
        newline_held = newline_held or b"\n" in rest
        if held_bytes < size and (newline_held or held_bytes <= MAX_LINE):
            continue
        data = b"".join(held)
        end = data.rfind(b"\n") + 1
        if end:
            yield Block(data[:end], line)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8, end) == _NEWLINE))
        tail = data[end:]
        if len(tail) > MAX_LINE:
            _drop(tail, source, line, report)
            skipping, tail = True, b""
        held, held_bytes, newline_held = ([tail] if tail else []), len(tail), False
    tail = b"".join(held)
    if not tail:
        return
    if is_cut(source, report):
        end = tail.rfind(b"\n") + 1
        if end < len(tail):
            number = line + tail.count(b"\n")
            shown = tail[end : end + SHOWN_WIDTH].decode("utf-8", "replace")
            report.bad_line(BadLine(source, number, "cut_off", text=shown), tail[end:])
        tail = tail[:end]
    if tail:
        yield Block(tail, line)


def is_cut(source: str, report: ReadReport) -> bool:
    """Tell whether the end of *source* is known to be missing."""
    return any(loss.source == source and loss.kind != "trailing" for loss in report.losses)


def _drop(tail: bytes, source: str, line: int, report: ReadReport) -> None:
    shown = tail[:SHOWN_WIDTH].decode("utf-8", "replace")
    report.bad_line(BadLine(source, line, "line_too_long", text=shown), tail[:MAX_LINE])
