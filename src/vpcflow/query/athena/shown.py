"""Answers as Athena prints them: what DuckDB holds in another form goes back to Trino's.

timestamp → `2026-11-23 10:00:00.000`, with its zone after a space; ipaddress and ipprefix → text. Typed forms (Arrow, Parquet)
get timestamps, with their zone.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from vpcflow.query.athena.binder import Column
    from vpcflow.query.athena.types import Type

_UNITS: Final = ("s", "ms", "us")


def shown(batches: Iterable[pa.RecordBatch], columns: Sequence[Column], *, typed: bool) -> Iterator[pa.RecordBatch]:
    """Yield *batches* with each column in its form. typed: timestamps stay timestamps."""
    names = [column.name for column in columns]
    for batch in batches:
        arrays = [
            _column(array, column.type, typed=typed) for array, column in zip(batch.columns, columns, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, names)


def _column(array: pa.Array, kind: Type, *, typed: bool) -> pa.Array:
    if kind.name.startswith("timestamp"):
        return _timestamps(array, kind, typed=typed)
    if kind.name in ("ipaddress", "ipprefix"):
        encoded = array.dictionary_encode()
        texts = [_address(value) for value in encoded.dictionary.to_pylist()]
        return pa.array(texts, pa.string()).take(encoded.indices)
    if kind.name == "unknown":
        return pa.nulls(len(array), pa.string())
    if kind.name.startswith("interval"):
        return pa.array([_inner(value, kind) for value in array.to_pylist()], pa.string())
    if kind.inner and _holds(kind):
        values = [_inner(value, kind) for value in array.to_pylist()]
        if kind.name != "array":
            values = [None if value is None else str(value) for value in values]
        return pa.array(values)
    return array


def _timestamps(array: pa.Array, kind: Type, *, typed: bool) -> pa.Array:
    unit = _UNITS[min(2, (max(kind.numbers[0], 3) + 2) // 3)]
    zoned = kind.name.endswith("zone")
    exact = pc.cast(array, pa.timestamp(unit), safe=False)
    if zoned:
        exact = pc.assume_timezone(exact, "UTC").cast(pa.timestamp(unit, kind.zone))
    if typed:
        return exact
    texts = pc.strftime(pc.local_timestamp(exact) if zoned else exact, format="%Y-%m-%d %H:%M:%S")
    return pc.binary_join_element_wise(texts, kind.zone, " ") if zoned else texts


def _address(value: str | None) -> str | None:
    if value is None:
        return None
    digits, slash, length = value.partition("/")
    number = int(digits, 16)
    address = (
        ipaddress.IPv4Address(number & 0xFFFFFFFF)
        if digits.startswith("0" * 20 + "ffff")
        else ipaddress.IPv6Address(number)
    )
    return f"{address}{slash}{length}"


def _holds(kind: Type) -> bool:
    """Tell whether something inside is held in another form than it is shown in."""
    names = (
        "ipaddress",
        "ipprefix",
        "timestamp",
        "timestamp with time zone",
        "interval day to second",
        "interval year to month",
    )
    return kind.name in names or any(_holds(part) for part in kind.inner)


def _inner(value: Any, kind: Type) -> Any:  # noqa: ANN401, PLR0911 - whatever a collection holds
    if value is None:
        return None
    if kind.name in ("ipaddress", "ipprefix"):
        return _address(value)
    if kind.name == "interval year to month":
        return f"{'-' if value.months < 0 else ''}{abs(value.months) // 12}-{abs(value.months) % 12}"
    if kind.name == "interval day to second":
        total = value.days * 86_400_000 + value.nanoseconds // 1_000_000
        rest, sign = abs(total), "-" if total < 0 else ""
        clock = f"{rest // 3_600_000 % 24:02d}:{rest // 60_000 % 60:02d}:{rest // 1000 % 60:02d}.{rest % 1000:03d}"
        return f"{sign}{rest // 86_400_000} {clock}"
    if kind.name.startswith("timestamp"):
        return _column(pa.array([value], pa.timestamp("us")), kind, typed=False)[0].as_py()
    if kind.name == "array":
        return [_inner(one, kind.inner[0]) for one in value]
    if kind.name == "map":
        return {_inner(key, kind.inner[0]): _inner(one, kind.inner[1]) for key, one in value}
    if kind.name == "row":
        return [_inner(one, part) for one, part in zip(value.values(), kind.inner, strict=True)]
    return value
