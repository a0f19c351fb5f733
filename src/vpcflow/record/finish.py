"""Parsed values → FlowBatch: what is done to columns after parsing, the same for each way of reading.

Milliseconds become seconds, times outside the calendar are refused, tag values are decoded, fields no registry has go to
`x_extra`, columns take the registry's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.record.fields import FIELDS, TABLES
from vpcflow.record.schema import HIDDEN, OWN, in_order
from vpcflow.record.tags import decode_tag

if TYPE_CHECKING:
    from vpcflow.record.format import LogFormat
    from vpcflow.types import FlowBatch

TIMESTAMP: Final = "@timestamp"
"""The event time's name among parsed columns; no field of a format can be called so."""

MILLISECONDS_FROM: Final = 100_000_000_000
"""Seconds reach this in the year 5138; as milliseconds it is March 1973, before any flow log."""

_LAST_MS: Final = MILLISECONDS_FROM * 1000


class NotARecord(Exception):  # noqa: N818 - no error of the user's: it sends a block to the line codec
    """A value of the block is outside what a record may hold."""


def finish(
    columns: dict[str, pa.Array], log_format: LogFormat, more: pa.Array | None = None, *, tags_encoded: bool = True
) -> FlowBatch:
    """Return the FlowBatch of *columns* (by text name, parsed); NotARecord if a time is none.

    tags_encoded: tag values are percent-encoded, as AWS writes them.
    more: an `x_extra` column that was read as such; fields without a place of their own are added to it.
    """
    done: dict[str, pa.Array] = {}
    extra: dict[str, pa.Array] = {}
    fields = TABLES[log_format.table]
    for name, column in columns.items():
        field = FIELDS.get(name)
        if name == TIMESTAMP:
            done["x_event_time"] = _event_time(column)
        elif name in OWN:
            done[name] = column
        elif field is None or field not in fields:
            extra[name] = column
        elif field.kind == "time":
            done[field.column] = seconds(column)
        elif field.kind == "tag":
            done[field.column] = decode_tag(column) if tags_encoded else column
        else:
            done[field.column] = column
    if extra:
        done["x_extra"] = _extra_map(extra) if more is None else _added(more, extra)
    elif more is not None:
        done["x_extra"] = more
    order = in_order(log_format.table, done)
    return pa.RecordBatch.from_arrays([done[name] for name in order], names=order)


def seconds(column: pa.Array) -> pa.Array:
    """Return epoch seconds of a column that may hold milliseconds; NotARecord for what is neither."""
    bounds = pc.min_max(column)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is None:
        return column
    if low < 0 or high >= _LAST_MS:
        raise NotARecord
    if high < MILLISECONDS_FROM:
        return column
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    scaled = np.where(values >= MILLISECONDS_FROM, values // 1000, values)
    return pa.array(scaled, pa.int64(), mask=column.is_null().to_numpy(zero_copy_only=False))


def _event_time(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    bounds = pc.min_max(column)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is not None and (low < 0 or high >= _LAST_MS):
        raise NotARecord
    return column


def _added(more: pa.Array, extra: dict[str, pa.Array]) -> pa.Array:
    pairs = [dict(row or ()) for row in more.to_pylist()]
    for name, column in extra.items():
        for row, value in zip(pairs, column.cast(pa.string()).to_pylist(), strict=True):
            row.setdefault(name, value)
    return pa.array([list(row.items()) for row in pairs], HIDDEN["x_extra"])


def _extra_map(extra: dict[str, pa.Array]) -> pa.Array:
    rows, width = len(next(iter(extra.values()))), len(extra)
    values = pa.concat_arrays([column.cast(pa.string()) for column in extra.values()])
    by_row = np.arange(rows * width).reshape(width, rows).T.ravel()
    keys = pa.array(list(extra), pa.string()).take(pa.array(np.tile(np.arange(width), rows)))
    offsets = pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    return pa.MapArray.from_arrays(offsets, keys, values.take(pa.array(by_row)), type=HIDDEN["x_extra"])
