"""Trino's types, what becomes what by itself, and how DuckDB holds each.

    Trino                              in DuckDB
    boolean … double, decimal, date    the same
    varchar, varchar(n), char(n)       VARCHAR
    timestamp(p)                       TIMESTAMP (microseconds; p is kept for printing)
    timestamp(p) with time zone        TIMESTAMP of the instant in UTC; the zone is known when the query is compiled
    interval                           INTERVAL
    ipaddress                          VARCHAR, the 16 bytes as 32 hexadecimal digits (IPv4 mapped), so that they sort
    ipprefix                           VARCHAR, the digits of the network, "/", its length as written
    array, map, row                    LIST, MAP, STRUCT

Source: Trino documentation, "Data types".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INTEGERS: Final = ("tinyint", "smallint", "integer", "bigint")
_DIGITS: Final = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_NUMBERS: Final = (*INTEGERS, "decimal", "real", "double")
_DUCKDB: Final = {
    "timestamp": "TIMESTAMP", "timestamp with time zone": "TIMESTAMP", "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL", "ipaddress": "VARCHAR", "ipprefix": "VARCHAR", "varbinary": "BLOB",
    "char": "VARCHAR", "varchar": "VARCHAR", "real": "FLOAT", "unknown": "INTEGER", "time": "TIME",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """One type.

    numbers: precision and scale of a decimal, length of a varchar, precision of a timestamp. inner: elements of an array, key
    and value of a map, fields of a row. names: of a row's fields ("" where it has none). zone: of a timestamp with time zone.
    """

    name: str
    numbers: tuple[int, ...] = ()
    inner: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()
    zone: str = "UTC"

    def __str__(self) -> str:
        if self.name == "row":
            pairs = zip(self.names, self.inner, strict=True)
            return f"row({', '.join(f'{name} {kind}'.strip() for name, kind in pairs)})"
        if self.name == "timestamp with time zone":
            return f"timestamp({self.numbers[0]}) with time zone"
        told = [str(part) for part in (*self.numbers, *self.inner)]
        return f"{self.name}({', '.join(told) if self.inner else ','.join(told)})" if told else self.name

    @property
    def is_number(self) -> bool:
        """Whether one can reckon with it."""
        return self.name in _NUMBERS

    @property
    def is_integer(self) -> bool:
        """Whether it is a whole number of some size."""
        return self.name in INTEGERS

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a timestamp of either kind."""
        return self.name in ("date", "timestamp", "timestamp with time zone")


BOOLEAN: Final = Type("boolean")
INTEGER: Final = Type("integer")
BIGINT: Final = Type("bigint")
REAL: Final = Type("real")
DOUBLE: Final = Type("double")
VARCHAR: Final = Type("varchar")
VARBINARY: Final = Type("varbinary")
DATE: Final = Type("date")
TIMESTAMP: Final = Type("timestamp", (3,))
INSTANT: Final = Type("timestamp with time zone", (3,))
INTERVAL: Final = Type("interval day to second")
MONTHS: Final = Type("interval year to month")
IPADDRESS: Final = Type("ipaddress")
IPPREFIX: Final = Type("ipprefix")
JSON: Final = Type("json")
UNKNOWN: Final = Type("unknown")


def array(of: Type) -> Type:
    """Return the type of an array of *of*."""
    return Type("array", inner=(of,))


def decimal(precision: int, scale: int) -> Type:
    """Return a decimal's type; more than 38 digits are cut, as Trino does."""
    return Type("decimal", (min(38, precision), scale))


def as_decimal(kind: Type) -> Type:
    """Return the decimal that holds all values of an integer's type."""
    return decimal(_DIGITS[kind.name], 0) if kind.is_integer else kind


def duckdb(kind: Type) -> str:
    """Return the name of the type that holds *kind* in DuckDB."""
    if kind.name == "array":
        return f"{duckdb(kind.inner[0])}[]"
    if kind.name == "map":
        return f"MAP({duckdb(kind.inner[0])}, {duckdb(kind.inner[1])})"
    if kind.name == "row":
        fields = (f'"{field_name(kind, place)}" {duckdb(part)}' for place, part in enumerate(kind.inner))
        return f"STRUCT({', '.join(fields)})"
    if kind.name == "decimal":
        return f"DECIMAL({kind.numbers[0]},{kind.numbers[1]})"
    return _DUCKDB.get(kind.name, kind.name.upper())


def field_name(row: Type, place: int) -> str:
    """Return the name that DuckDB's struct has for a field of *row*."""
    return (row.names[place] or f"field{place}").replace('"', '""')


def common(one: Type, other: Type) -> Type | None:  # noqa: PLR0911 - a rule each
    """Return the type both become by themselves, None where they do not."""
    if one == other:
        return one
    if one.name == "unknown":
        return other
    if other.name == "unknown":
        return one
    if one.is_number and other.is_number:
        return _wider(one, other)
    names = {one.name, other.name}
    if names <= {"varchar", "char"}:
        return VARCHAR
    if one.is_time and other.is_time:
        return _later(one, other)
    if one.name == other.name and len(one.inner) == len(other.inner) and one.inner:
        inner = [common(a, b) for a, b in zip(one.inner, other.inner, strict=True)]
        if any(part is None for part in inner):
            return None
        return Type(one.name, inner=tuple(part for part in inner if part), names=one.names)
    return one if one.name == other.name else None


def _wider(one: Type, other: Type) -> Type:
    for name in ("double", "real"):
        if name in (one.name, other.name):
            return Type(name)
    if one.is_integer and other.is_integer:
        return max(one, other, key=lambda kind: INTEGERS.index(kind.name))
    a, b = as_decimal(one), as_decimal(other)
    scale = max(a.numbers[1], b.numbers[1])
    return decimal(max(a.numbers[0] - a.numbers[1], b.numbers[0] - b.numbers[1]) + scale, scale)


def _later(one: Type, other: Type) -> Type:
    precision = max([*one.numbers, *other.numbers, 0])
    zoned = [kind for kind in (one, other) if kind.name == "timestamp with time zone"]
    if zoned:
        return Type("timestamp with time zone", (precision,), zone=zoned[0].zone)
    return Type("timestamp", (precision,))


def becomes(given: Type, wanted: Type) -> bool:
    """Tell whether *given* becomes *wanted* by itself."""
    found = common(given, wanted)
    return found is not None and found.name == wanted.name and (found.inner == wanted.inner)
