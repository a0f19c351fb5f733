"""When something happened, told from the text of a log event.

The rule: of a JSON object the first of `KEYS` at its top that is a time; of a plain line the ISO time that it begins with, in
brackets or not. A time is ISO (date and time of day; without a zone it is UTC) or a number of seconds, milliseconds,
microseconds or nanoseconds since the epoch, told apart by their size.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Final = ("@timestamp", "timestamp", "time", "eventTime")
"""Names under which JSON objects keep their time, the first that has one wins."""

LAST_MS: Final = 100_000_000_000_000
"""The year 5138, where milliseconds begin to look like microseconds."""

_ISO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?"
    r" ?(?P<zone>[Zz]|UTC|[+-]\d\d:?\d\d)?(?![\d:])",
    re.ASCII,
)
_LEADING: Final = re.compile(r"[\[(\"']?", re.ASCII)
_DIGITS: Final = re.compile(r"\d{9,19}(\.\d{1,9})?", re.ASCII)
_SCALES: Final = ((100_000_000_000, 1000.0), (LAST_MS, 1.0), (LAST_MS * 1000, 1e-3), (1 << 63, 1e-6))
"""Below which number a unit ends, and how many milliseconds it is."""


def of_object(document: Mapping[str, object]) -> int | None:
    """Return the time (ms since the epoch) that a JSON object has under one of `KEYS`, None when there is none."""
    for key in KEYS:
        if key in document:
            found = of_value(document[key])
            if found is not None:
                return found
    return None


def of_value(value: object) -> int | None:
    """Return the time (ms) that a JSON value is, None when it is none."""
    if isinstance(value, str):
        match = _ISO.match(value)
        if match is not None:
            return _of_iso(match)
        return of_number(float(value)) if _DIGITS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return of_number(value)


def of_number(value: float) -> int | None:
    """Return the time (ms) that a number since the epoch is, by its size."""
    if not 0 <= value < 1 << 63:
        return None
    for below, scale in _SCALES:
        if value < below:
            return int(value // round(1 / scale)) if scale < 1 else int(value * scale)
    return None


def leading(line: str) -> int | None:
    """Return the ISO time (ms) that a line begins with, None when it begins with something else."""
    match = _ISO.match(line, _LEADING.match(line).end())  # type: ignore[union-attr]  # it always matches
    return None if match is None else _of_iso(match)


def _of_iso(match: re.Match[str]) -> int | None:
    zone = match["zone"]
    text = f"{match['day']}T{match['time']}" + ("" if zone in (None, "Z", "z", "UTC") else str(zone))
    try:
        when = datetime.fromisoformat(text)
    except ValueError:  # the 31st of February
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    found = round(when.timestamp()) * 1000 + int((match["part"] or "0").ljust(3, "0")[:3])
    return found if 0 <= found < LAST_MS else None
