"""What kind of content a source has, told by its first bytes (already inflated), never by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from vpcflow.errors import RecordError
from vpcflow.record.fields import BY_ANY_NAME
from vpcflow.record.format import LogFormat
from vpcflow.record.guess import SAMPLE, default_format, has_leading_time
from vpcflow.record.schema import HIDDEN

if TYPE_CHECKING:
    from vpcflow.record.lines import Leading

Name = Literal["empty", "text", "export", "json", "base64", "csv", "parquet", "arrow"]

HEAD: Final = 1 << 20
"""Bytes looked at."""

_MARKS: Final[dict[bytes, Name]] = {b"PAR1": "parquet", b"\xff\xff\xff\xff": "arrow", b"{": "json", b"[": "json"}
_BASE64_GZIP: Final = re.compile(rb"\s*H4sI[A-Za-z0-9+/]{8}")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Kind:
    """What was recognised; log_format and leading only for text."""

    name: Name
    log_format: LogFormat | None = None
    leading: Leading = ""


def recognise(head: bytes, source: str, log_format: LogFormat | None, *, cut: bool = False) -> Kind:
    """Return the kind of content that begins with *head* (all of it when shorter than `HEAD`).

    log_format: of text without a header, if the caller knows it. cut: the head ends where the source was cut off; too
    little to tell anything is then nothing.
    Raises RecordError `unknown_kind` for what is no flow log, or not one that can be told.
    """
    begin = head.lstrip(b" \t\r\n")
    if not begin:
        return Kind("empty")
    for mark, name in _MARKS.items():
        if begin.startswith(mark):
            return Kind(name)
    if _BASE64_GZIP.match(head):
        return Kind("base64")
    lines = _first_lines(head, cut=cut)
    if lines and _is_csv(lines[0]):
        return Kind("csv")
    kind = _text(lines, log_format)
    # A picture with a few newlines is no text, whatever format it is said to have.
    if kind is None or (b"\0" in head and not _any_fits(lines, kind)):
        if cut:
            return Kind("empty")
        raise RecordError("unknown_kind", source=source, text=_shown(begin))
    return kind


def _first_lines(head: bytes, *, cut: bool) -> list[str]:
    """Return the first lines that hold something; the last one only when it is whole."""
    whole = head if len(head) < HEAD and not cut else head[: head.rfind(b"\n") + 1]
    texts = whole.decode("utf-8", "replace").split("\n", 2 * SAMPLE)[: 2 * SAMPLE]
    return [text.strip(" \t\r") for text in texts if text.strip(" \t\r")][:SAMPLE]


def _is_csv(line: str) -> bool:
    names = csv_names(line)
    known = sum(name.lower() in BY_ANY_NAME or name in HIDDEN for name in names)
    return (len(names) > 1 or line.startswith('"')) and 2 * known >= len(names)


def csv_names(line: str) -> list[str]:
    """Return the names in a CSV header; none of ours has a comma or a quote in it."""
    return [name.strip('" ') for name in line.split(",")]


def _text(lines: list[str], log_format: LogFormat | None) -> Kind | None:
    place, header = _first_header(lines)
    if header is not None and place == 0:
        return Kind("text", header)
    before = lines[:place]
    if has_leading_time(before, log_format):
        records = [line.partition(" ")[2] for line in before]
        found = log_format or default_format(records)
        return Kind("export", found, "iso") if found else None
    found = log_format or default_format(before) or header
    return Kind("text", found) if found else None


def _first_header(lines: list[str]) -> tuple[int, LogFormat | None]:
    """Return the place of the first header and its format; the number of lines and None when there is no header."""
    for place, line in enumerate(lines):
        if "a" <= line[0] <= "z" and (header := LogFormat.from_header(line)) is not None:
            return place, header
    return len(lines), None


def _any_fits(lines: list[str], kind: Kind) -> bool:
    width = len(kind.log_format.names) + bool(kind.leading) if kind.log_format else 0
    return any(len(line.split()) == width for line in lines)


def _shown(begin: bytes) -> str:
    line = begin[: 4 * _SHOWN].decode("utf-8", "replace").partition("\n")[0]
    return "".join(c if c.isprintable() else "·" for c in line)[:_SHOWN]
