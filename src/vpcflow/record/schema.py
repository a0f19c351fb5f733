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

OWN: Final = {"x_layer": pa.string(), "x_rule": pa.int32()}
"""What our own sources tell beside AWS's fields: who refused a packet (`security-group`, `network-acl`), and the number of the
network ACL's rule that decided, for accepted ones too; null where none did. No form of AWS's has them."""

HIDDEN: Final = {
    "x_source": pa.int32(),
    "x_event_time": pa.int64(),
    **OWN,
    "x_extra": pa.map_(pa.string(), pa.string()),
}
"""Columns of ours beside AWS's: ledger id of the source, event time (ms since the epoch), `OWN`, fields no registry has."""

LOG_EVENTS: Final = "log_events"
"""The table of log groups that hold no flow logs."""

EVENT_COLUMNS: Final = {
    "log_group": pa.string(),
    "log_stream": pa.string(),
    "timestamp": pa.int64(),
    "ingestion_time": pa.int64(),
    "message": pa.string(),
}
"""Its columns; times are ms since the epoch."""

LAKE_TABLES: Final = (*TABLES, LOG_EVENTS)
"""Every table of a lake."""


def arrow_type(column: str) -> pa.DataType:
    """Return the Arrow type of a column of the lake; KeyError for a name that is none."""
    if column in HIDDEN:
        return HIDDEN[column]
    return EVENT_COLUMNS[column] if column in EVENT_COLUMNS else ARROW[BY_COLUMN[column].type]


def columns_of(table: str) -> list[str]:
    """Return the columns a table of the lake may have, in their order, ours that are hidden not among them."""
    return list(EVENT_COLUMNS) if table == LOG_EVENTS else [field.column for field in TABLES[table]]


def in_order(table: str, columns: Iterable[str]) -> list[str]:
    """Return *columns* in the order of the registry, ours last."""
    given = set(columns)
    known = [column for column in columns_of(table) if column in given]
    return known + [name for name in HIDDEN if name in given]


def schema_of(columns: Iterable[str]) -> pa.Schema:
    """Return the Parquet schema of these columns, strings plain."""
    return pa.schema([(name, arrow_type(name)) for name in columns])
