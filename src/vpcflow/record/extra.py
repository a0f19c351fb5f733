"""`x_extra`: the fields of a record that no registry has, by name; as a map, and as JSON where there are no maps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from vpcflow.record.schema import HIDDEN

if TYPE_CHECKING:
    from vpcflow.types import FlowBatch


def as_map(column: pa.Array) -> pa.Array:
    """Return a map column of what was read: a map, a struct or JSON text; null for anything else."""
    if column.type == HIDDEN["x_extra"]:
        return column
    return pa.array([_pairs(value) for value in column.to_pylist()], HIDDEN["x_extra"])


def _pairs(value: object) -> list[tuple[str, str | None]] | None:
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)
    if not isinstance(value, dict):
        return None
    return [(str(name), None if text is None else str(text)) for name, text in value.items()]


def json_texts(batch: FlowBatch) -> list[str]:
    """Return each row's `x_extra` as a JSON object, "" for a row without any."""
    if "x_extra" not in batch.schema.names:
        return [""] * batch.num_rows
    return [json.dumps(dict(pairs)) if pairs else "" for pairs in batch.column("x_extra").to_pylist()]
