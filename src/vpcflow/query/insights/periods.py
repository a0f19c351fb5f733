"""Lengths of time: how they are spelled, and how far they go.

Source: CloudWatch Logs User Guide, "stats", units of `bin` and their caps.
"""

from __future__ import annotations

import re
from typing import Final

SPELLINGS: Final = {
    "millisecond": ("millisecond", "ms", "msec"),
    "second": ("second", "s", "sec"),
    "minute": ("minute", "m", "min"),
    "hour": ("hour", "h", "hr"),
    "day": ("day", "d"),
    "week": ("week", "w"),
    "month": ("month", "mo", "mon"),
    "quarter": ("quarter", "q", "qtr"),
    "year": ("year", "y", "yr"),
}
"""Each unit and how it may be written; those longer than a letter may end in s."""

CAPS: Final = {"millisecond": 1000, "second": 60, "minute": 60, "hour": 24}
"""A larger number is silently taken for this one: `bin(300s)` is `bin(60s)`."""

MILLISECONDS: Final = {
    "millisecond": 1,
    "second": 1000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 7 * 86_400_000,
}
"""Of the units that are always equally long."""

_FORM: Final = re.compile(r"([0-9]{1,9})([A-Za-z]+)")
_UNITS: Final = {
    form: unit
    for unit, spelled in SPELLINGS.items()
    for word in spelled
    for form in ((word,) if len(word) == 1 or word == "ms" else (word, f"{word}s"))
}


def read(text: str) -> tuple[int, str] | None:
    """Return the number and the unit of `5m`, None for what is no period; the cap is applied by `capped`."""
    found = _FORM.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    return (int(found[1]), unit) if found and unit and int(found[1]) else None


def capped(number: int, unit: str) -> int:
    """Return the number that a bin of *unit* has."""
    return min(number, CAPS.get(unit, number))


def milliseconds(number: int, unit: str) -> int:
    """Return how long a period is; months count 30 days, quarters 91, years 365, where only the length matters."""
    days = {"month": 30, "quarter": 91, "year": 365}
    return number * (MILLISECONDS[unit] if unit in MILLISECONDS else days[unit] * 86_400_000)
