"""What a question can name: tables, their columns and types, and the columns `flows` adds.

Plans are sqlglot trees in Athena's (Trino's) dialect over these names; `compile` makes any engine's SQL of them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa

from vpcflow.record.fields import BY_ANY_NAME, TABLES
from vpcflow.record.schema import OWN, arrow_type

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTITION_KEYS: Final = ("aws_account_id", "aws_region", "year", "month", "day", "hour")

FLOWS: Final = {"flows": "flow_logs", "transit_gateway_flows": "transit_gateway_flow_logs"}
"""The names with derived columns and the tables behind them."""

Kind = Literal["address", "number", "time", "timestamp", "date", "text"]

_DERIVED: Final[dict[str, Kind]] = {
    "src": "address",
    "dst": "address",
    "start_time": "timestamp",
    "end_time": "timestamp",
    "protocol_name": "text",
    "date": "date",
    **dict.fromkeys(PARTITION_KEYS, "text"),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns that have data, by table of the lake; others exist and are null. keys: what tables are partitioned by."""

    present: Mapping[str, frozenset[str]]
    keys: frozenset[str] = frozenset(PARTITION_KEYS)

    def has(self, table: str, column: str) -> bool:
        """Tell whether some file of *table* has *column*."""
        return column in self.present.get(table, frozenset())


def sql_type(column: str) -> str:
    """Return the SQL type of a column of the lake."""
    return {"int32": "INTEGER", "int64": "BIGINT", "string": "VARCHAR"}[str(arrow_type(column))]


def columns_of(table: str) -> dict[str, Kind]:
    """Return everything a filter on *table* (one of `FLOWS`) may name, by column name."""
    known: dict[str, Kind] = {}
    for field in TABLES[FLOWS[table]]:
        kind: Kind = "number" if field.type != "string" else "text"
        known[field.column] = {"address": "address", "time": "time"}.get(field.kind, kind)  # type: ignore[assignment]
    own: dict[str, Kind] = {name: "number" if pa.types.is_integer(kind) else "text" for name, kind in OWN.items()}
    return known | _DERIVED | (own if table == "flows" else {})


def resolve(name: str, table: str) -> str | None:
    """Return the column that *name* means in any of AWS's spellings; None for an unknown one."""
    columns = columns_of(table)
    lowered = name.lower()
    if lowered in columns:
        return lowered
    field = BY_ANY_NAME.get(lowered)
    if field is not None and field.column in columns:
        return field.column
    underscored = lowered.replace("-", "_")
    return underscored if underscored in columns else None


def nearest(name: str, table: str) -> str:
    """Return the column that *name* may have been meant to be, "" when none is near."""
    near = difflib.get_close_matches(name.lower().replace("-", "_"), columns_of(table), 1, 0.5)
    return near[0] if near else ""
