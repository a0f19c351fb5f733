"""What is wrong with a query, by its place."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from vpcflow.errors import MalformedQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH: Final = 60
MAX_LENGTH: Final = 10_000


def malformed(code: str, text: str, start: int, end: int, **values: object) -> MalformedQuery:
    """Return the error *code* (below `insights.`) at a place of *text*."""
    return MalformedQuery(f"insights.{code}", text=text, start=start, end=end, **values)


def unexpected(text: str, start: int, end: int, wanted: str) -> MalformedQuery:
    """Return what AWS says of a symbol out of place: its line and position, both from 1."""
    line_start = text.rfind("\n", 0, start) + 1
    found = text[start:end] or "<EOF>"
    line, position = text.count("\n", 0, start) + 1, start - line_start + 1
    return malformed("unexpected", text, start, end, symbol=found, line=line, position=position, wanted=wanted)


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the name that *name* may have been meant to be, "" when none is near; spelling as known."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, 1, cutoff)
    return by_lower[found[0]] if found else ""
