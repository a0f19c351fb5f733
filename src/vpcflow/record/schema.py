"""Arrow types of flow log records, made from the field registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.record.fields import BY_COLUMN, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

ARROW: Final = {"int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}
"""AWS's Parquet types as Arrow's."""

ENCODED: Final = pa.dictionary(pa.int32(), pa.string())
"""How string columns travel between reading and writing: each value once, rows as codes."""

HIDDEN: Final = {
    "x_source": pa.int32(),
    "x_event_time": pa.int64(),
    "x_extra": pa.map_(pa.string(), pa.string()),
}
"""Columns of ours beside AWS's: ledger id of the source, event time (ms since the epoch), fields no registry has."""


def arrow_type(column: str) -> pa.DataType:
    """Return the Arrow type of a column of the lake; KeyError for a name that is none."""
    return HIDDEN[column] if column in HIDDEN else ARROW[BY_COLUMN[column].type]


def in_order(table: str, columns: Iterable[str]) -> list[str]:
    """Return *columns* in the order of the registry, ours last."""
    given = set(columns)
    known = [field.column for field in TABLES[table] if field.column in given]
    return known + [name for name in HIDDEN if name in given]


def schema_of(columns: Iterable[str]) -> pa.Schema:
    """Return the Parquet schema of these columns, strings plain."""
    return pa.schema([(name, arrow_type(name)) for name in columns])
