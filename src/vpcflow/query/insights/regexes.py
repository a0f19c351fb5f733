"""Regular expressions: RE2's, so that none takes longer than its text is long. Checked here before an engine sees them.

Groups may have names that RE2 would not take (`(?<@level>…)`), so names are kept beside the pattern, by position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_PIECE: Final = re.compile(
    r"""\\Q.*?(?:\\E|\Z) | \\. | \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*+(?:\]|\\?\Z)
      | (?P<named>\((?:\?P?<(?P<name>[^>=!\s][^>\s]*)>)) | (?P<other>\(\?) | (?P<group>\() | .""",
    re.VERBOSE | re.DOTALL,
)

_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Pattern:
    """text: for the engine, names of groups left out. groups: the name of each, "" where it has none."""

    text: str
    groups: tuple[str, ...]


class BadPattern(Exception):  # noqa: N818 - told as a fault of the query by whoever has its place
    """RE2 does not take it; args: why."""


def read(pattern: str) -> Pattern:
    """Return *pattern* as the engine takes it; BadPattern says what is wrong with it."""
    pieces, groups = [], []
    for found in _PIECE.finditer(pattern):
        if found.lastgroup == "name" or found["named"]:
            groups.append(found["name"])
            pieces.append("(")
            continue
        if found["group"]:
            groups.append("")
        pieces.append(found.group())
    text = "".join(pieces)
    try:
        pc.match_substring_regex(pa.array([""]), pattern=text)
    except pa.ArrowInvalid as error:
        reason = str(error).rpartition("regular expression: ")[2] or str(error)
        raise BadPattern(reason if len(reason) <= _SHOWN else f"{reason[:_SHOWN]}…") from None
    return Pattern(text, tuple(groups))


def of_glob(glob: str) -> Pattern:
    """Return the pattern of a glob: each `*` is a group, as short as it can be, a last one takes the rest of the text."""
    parts = [_quoted(part) for part in glob.split("*")]
    ends = len(parts) > 1 and not parts[-1]
    text = "(.*?)".join(parts[:-1] if ends else parts) + ("(.*)" if ends else "")
    return Pattern(f"(?s){text}", ("",) * (len(parts) - 1))


def _quoted(text: str) -> str:
    """Return a pattern that is *text* itself."""
    return "".join(
        c if c.isalnum() or c == "_" or ord(c) > 127 else f"\\{c}" if c.isprintable() else f"\\x{{{ord(c):x}}}"
        for c in text
    )
