"""Patterns of dates and times: MySQL's and Joda's → DuckDB's strftime and strptime."""

from __future__ import annotations

import re
from typing import Final

MYSQL_FORMAT: Final = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "j": "%j",
    "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S",
    "v": "%V", "W": "%A", "Y": "%Y", "y": "%y", "x": "%G", "%": "%%",
}  # fmt: skip
"""What date_format and date_parse know; %D, %U, %u, %V, %X and %w are refused by Trino too."""

_JODA: Final = {
    "yyyy": "%Y", "YYYY": "%Y", "y": "%-Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "SSSSSS": "%f",
    "a": "%p", "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a", "DDD": "%j", "D": "%-j", "e": "%u", "ww": "%V", "xxxx": "%G",
}  # fmt: skip
_TOKEN: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'")


def mysql(pattern: str) -> str:
    """Translate a pattern of date_format; ValueError has the part that cannot be."""
    found, place = "", 0
    while place < len(pattern):
        character = pattern[place]
        if character != "%":
            found += character
            place += 1
            continue
        letter = pattern[place + 1 : place + 2]
        if letter not in MYSQL_FORMAT:
            raise ValueError(f"%{letter}")
        found += MYSQL_FORMAT[letter]
        place += 2
    return found


def joda(pattern: str) -> str:
    """Translate a pattern of format_datetime; ValueError has the part that cannot be."""
    found, place = "", 0
    for match in _TOKEN.finditer(pattern):
        if match.start() != place:
            raise ValueError(pattern[place:])
        place = match.end()
        word = match[0]
        if word == "''":
            found += "'"
        elif word.startswith("'"):
            if len(word) == 1:
                raise ValueError(word)
            found += word[1:-1].replace("''", "'").replace("%", "%%")
        elif word[0].isalpha():
            if word not in _JODA:
                raise ValueError(word)
            found += _JODA[word]
        else:
            found += word.replace("%", "%%")
    return found


def parsing(pattern: str) -> str:
    """Make a pattern that prints one that reads: a number may have fewer digits than it is printed with."""
    return pattern.replace("%-", "%").replace("%u", "").replace("%e", "%d")
