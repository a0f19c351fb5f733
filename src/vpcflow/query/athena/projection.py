"""Partition projection: table properties → the values each partition column can have, and where their rows lie.

Source: Athena User Guide, "Set up partition projection", "Supported types for partition projection".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from vpcflow.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vpcflow.state.tables import UserTable

MOST: Final = 1_000_000
"""Partitions a scan may have: Athena's limit."""

_NOW: Final = re.compile(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?\s*)?", re.IGNORECASE)
_UNITS: Final = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLIS")
_PATTERN: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_PLACE: Final = re.compile(r"\$\{([^}]*)\}")
_LETTERS: Final = {"y": "year", "u": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}


@dataclass(frozen=True, slots=True)
class Projected:
    """What a table's properties say. columns: for each key its values, None where the question must name them (injected).

    template: where the rows of a partition lie, with `${key}` in it.
    """

    columns: Mapping[str, tuple[str, ...] | None]
    template: str

    def location(self, values: Mapping[str, str]) -> str:
        """Return the folder of one partition, with "/" at its end."""
        found = _PLACE.sub(lambda match: values.get(match[1].lower(), match.group()), self.template)
        return found if found.endswith("/") else f"{found}/"

    def open_places(self) -> list[str]:
        """Return what the template asks for that is no partition column, as AWS's own example does with `${account_id}`."""
        return [name for name in _PLACE.findall(self.template) if name.lower() not in self.columns]


def projected(table: UserTable, now: datetime) -> Projected | None:
    """Return what *table*'s properties project, None where it has no projection; QueryError for wrong properties."""
    said = {key.lower(): value for key, value in table.properties.items()}
    if said.get("projection.enabled", "").strip().lower() != "true":
        return None
    missing = [key.name for key in table.keys if f"projection.{key.name}.type" not in said]
    if missing:
        raise QueryError("query.projection_missing", table=f"{table.database}.{table.name}", columns=", ".join(missing))
    columns = {key.name: _values(key.name, said, now) for key in table.keys}
    template = said.get("storage.location.template") or _default(table)
    unnamed = [name for name in columns if name not in [place.lower() for place in _PLACE.findall(template)]]
    if unnamed:
        raise QueryError("query.projection_template", template=template, columns=", ".join(unnamed))
    return Projected(columns, template)


def _default(table: UserTable) -> str:
    return "/".join([table.location.rstrip("/"), *(f"{key.name}=${{{key.name}}}" for key in table.keys)])


def _values(column: str, said: Mapping[str, str], now: datetime) -> tuple[str, ...] | None:
    kind = said[f"projection.{column}.type"].strip().lower()
    if kind == "injected":
        return None
    readers = {"enum": _enum, "integer": _integers, "date": _dates}
    if kind not in readers:
        raise _wrong(column, "type", said[f"projection.{column}.type"])
    prefix = f"projection.{column}."
    return tuple(readers[kind](column, {key.removeprefix(prefix): value for key, value in said.items()}, now))


def _wrong(column: str, what: str, value: str) -> QueryError:
    return QueryError("query.projection_value", property=f"projection.{column}.{what}", value=value)


def _enum(column: str, said: Mapping[str, str], now: datetime) -> Iterator[str]:
    del now
    if not said.get("values"):
        raise _wrong(column, "values", said.get("values", ""))
    yield from said["values"].split(",")


def _edges(column: str, said: Mapping[str, str]) -> tuple[str, str]:
    low, comma, high = said.get("range", "").partition(",")
    if not comma or "," in high:
        raise _wrong(column, "range", said.get("range", ""))
    return low, high


def _integers(column: str, said: Mapping[str, str], now: datetime) -> Iterator[str]:
    del now
    low, high = _edges(column, said)
    try:
        first, last, step = int(low), int(high), int(said.get("interval", "1"))
        digits = int(said.get("digits", "1"))
    except ValueError:
        raise _wrong(column, "range", said.get("range", "")) from None
    if step < 1 or digits < 1 or last < first or not all(-(1 << 63) <= edge < 1 << 63 for edge in (first, last)):
        raise _wrong(column, "range", said["range"])
    if (last - first) // step >= MOST:
        raise QueryError("query.partitions_many", most=f"{MOST:,}")
    for number in range(first, last + 1, step):
        yield f"{'-' if number < 0 else ''}{abs(number):0{digits}d}"


def _dates(column: str, said: Mapping[str, str], now: datetime) -> Iterator[str]:
    pattern = said.get("format", "")
    parts = _compiled(column, pattern)
    low, high = (_moment(column, edge, parts, now) for edge in _edges(column, said))
    finest = next((name for name in ("second", "minute", "hour", "day", "month", "year") if name in _names(parts)), "")
    unit = said.get("interval.unit", "").strip().upper().removesuffix("S") + "S"
    if "interval" not in said and unit == "S":
        if finest not in ("day", "month"):
            raise _wrong(column, "interval", "")
        unit = f"{finest.upper()}S"
    if unit not in _UNITS and unit != "MILLIS":
        raise _wrong(column, "interval.unit", said.get("interval.unit", ""))
    try:
        step = int(said.get("interval", "1"))
    except ValueError:
        step = 0
    if step < 1:
        raise _wrong(column, "interval", said["interval"])
    count, at = 0, low
    while at <= high:
        yield _formatted(at, parts)
        count += 1
        if count > MOST:
            raise QueryError("query.partitions_many", most=f"{MOST:,}")
        at = _later(low, unit, step * count)


def _later(when: datetime, unit: str, count: int) -> datetime:
    if unit in ("YEARS", "MONTHS"):
        months = when.year * 12 + when.month - 1 + count * (12 if unit == "YEARS" else 1)
        year, month = divmod(months, 12)
        last = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
        return when.replace(year=year, month=month + 1, day=min(when.day, last))
    seconds = {"WEEKS": 604_800, "DAYS": 86_400, "HOURS": 3600, "MINUTES": 60, "SECONDS": 1, "MILLIS": 0.001}
    return when + timedelta(seconds=count * seconds[unit])


def _moment(column: str, edge: str, parts: list[str], now: datetime) -> datetime:
    """Return the time that one end of a range names: by the column's format, or as NOW with something added."""
    relative = _NOW.fullmatch(edge)
    if relative:
        at = now.astimezone(UTC)
        if relative[1]:
            at = _later(at, f"{relative[3].upper()}S", int(f"{relative[1]}{relative[2]}"))
        # A range steps in whole units of its format.
        return _read(_formatted(at, parts), parts) or at
    found = _read(edge.strip(), parts)
    if found is None:
        raise _wrong(column, "range", edge)
    return found


def _compiled(column: str, pattern: str) -> list[str]:
    """Cut a Java pattern into runs of one letter, quoted text, and signs."""
    parts = [match.group() for match in _PATTERN.finditer(pattern)]
    names = [part for part in parts if part[0].isalpha()]
    unknown = [part for part in names if part[0] not in _LETTERS or (part[0] == "M" and len(part) > 2)]
    if not names or "".join(parts) != pattern or unknown:
        raise _wrong(column, "format", pattern)
    return parts


def _names(parts: list[str]) -> set[str]:
    return {_LETTERS[part[0]] for part in parts if part[0].isalpha()}


def _literal(part: str) -> str:
    return (part[1:-1].replace("''", "'") or "'") if part.startswith("'") else part


def _formatted(at: datetime, parts: list[str]) -> str:
    def one(part: str) -> str:
        if not part[0].isalpha():
            return _literal(part)
        number = getattr(at, _LETTERS[part[0]])
        if part in ("yy", "uu"):
            number %= 100
        return f"{number:0{len(part)}d}"

    return "".join(one(part) for part in parts)


def _read(text: str, parts: list[str]) -> datetime | None:
    # "yyyyMMdd" has nothing between its parts, so each takes as many digits as it has letters.
    pattern = "".join(
        f"(?P<{_LETTERS[part[0]]}>\\d{{{len(part)}}})"
        if part[0].isalpha() and len(part) > 1
        else (f"(?P<{_LETTERS[part[0]]}>\\d+)" if part[0].isalpha() else re.escape(_literal(part)))
        for part in parts
    )
    try:
        found = re.fullmatch(pattern, text, re.ASCII)
        if found is None:
            return None
        told = {name: int(value) for name, value in found.groupdict().items()}
        if told.get("year", 100) < 100:
            told["year"] += 2000
        return datetime(**({"year": 1970, "month": 1, "day": 1} | told), tzinfo=UTC)
    except (re.error, ValueError):
        return None
