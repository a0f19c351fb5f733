"""Values as Insights returns them: texts, and nothing for what is missing.

A number has no more digits than it needs, a time is `YYYY-MM-DD HH:MM:SS.mmm` in UTC, a condition 1 or 0, a map or list is JSON.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.query.insights.kinds import BOOL, DOUBLE, INT, JSON, TIME, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vpcflow.query.insights.ask import Rows

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def texts(rows: Rows) -> list[list[str | None]]:
    """Return each row's values as texts, None for what is missing."""
    columns = [
        [None if value is None else text(value, column.kind) for value in rows.rows.column(place).to_pylist()]
        for place, column in enumerate(rows.columns)
    ]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(rows.rows.num_rows)]


def text(value: object, kind: Kind) -> str | None:
    """Return one value as a text."""
    return _SHOWN.get(kind, str)(value)


def time(milliseconds: int) -> str:
    """Return epoch ms as Insights shows times; a number that no calendar has as it is."""
    try:
        when = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d}".rjust(23, "0")


def number(value: float) -> str | None:
    """Return a number; whole ones without a point."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        return None
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def _json(text_: str) -> str | None:
    """Return what JSON holds: a scalar as it is, a structure as JSON."""
    try:
        value = json.loads(text_)
    except ValueError:
        return text_
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else text_


_SHOWN: Final[Mapping[Kind, Callable[..., str | None]]] = {
    TIME: time,
    DOUBLE: number,
    INT: lambda value: str(int(value)),
    BOOL: lambda value: "1" if value else "0",
    JSON: _json,
}


RIGHT: Final = frozenset({INT, DOUBLE})
"""Kinds that stand to the right in a table."""


def batch(rows: Rows, *, typed: bool) -> pa.RecordBatch:
    """Return the answer under the columns' names: as texts, or typed where a machine's form has types (times as timestamps)."""
    arrays = []
    written = None if typed else texts(rows)
    for place, column in enumerate(rows.columns):
        if written is not None:
            arrays.append(pa.array([row[place] for row in written], pa.string()))
            continue
        values = rows.rows.column(place).combine_chunks()
        if column.kind is TIME:
            values = values.cast(pa.int64()).cast(pa.timestamp("ms"))
        elif pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        arrays.append(values)
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in rows.columns])


def results(rows: Rows) -> Iterator[list[dict[str, str]]]:
    """Yield rows as GetQueryResults has them: pairs of field and value, without those that are missing."""
    names = [column.name for column in rows.columns]
    for row in texts(rows):
        yield [{"field": name, "value": value} for name, value in zip(names, row, strict=True) if value is not None]
