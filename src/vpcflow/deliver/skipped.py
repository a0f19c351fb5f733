"""Records that had to go → what is told of them: a SKIPDATA record for each interface, over the time they were of.

Source: VPC User Guide "Flow log records", `log-status`; "No data and skipped records".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.deliver.encode import STATUS_COLUMNS, united
from vpcflow.record.schema import arrow_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vpcflow.types import FlowBatch

_WHO = ("account_id", "interface_id", "resource_id", "tgw_attachment_id")


def skipped(batches: Iterable[FlowBatch]) -> FlowBatch | None:
    """Return a record for each interface of *batches*: NODATA where there was nothing else, else SKIPDATA; None for none."""
    found = [part for batch in batches if (part := _spans(batch)) is not None]
    return _spans(united(found)) if found else None


def _spans(batch: FlowBatch) -> FlowBatch | None:
    if not batch.num_rows:
        return None
    rows = pa.Table.from_batches([_with_times(batch)])
    rows = rows.append_column("place", pa.array(np.arange(batch.num_rows)))
    nodata = pc.fill_null(pc.equal(rows["log_status"], "NODATA"), False)
    rows = rows.append_column("nothing", nodata)
    keys = [name for name in _WHO if name in rows.column_names]
    sums = [("start", "min"), ("end", "max"), ("place", "min"), ("nothing", "all")]
    groups = rows.group_by(keys).aggregate(sums).sort_by("place_min")
    first = rows.select(batch.schema.names).take(groups["place_min"])
    status = pc.if_else(groups["nothing_all"], "NODATA", "SKIPDATA")
    told = {"start": groups["start_min"], "end": groups["end_max"], "log_status": status}
    columns = {}
    for name in rows.column_names:
        if name in told:
            columns[name] = told[name].combine_chunks()
        elif name in STATUS_COLUMNS:
            columns[name] = first[name].combine_chunks()
        elif name in batch.schema.names:
            columns[name] = pa.nulls(len(first), arrow_type(name))
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _with_times(batch: FlowBatch) -> FlowBatch:
    """Return *batch* with plain strings, and with the columns that the record tells."""
    names = [*batch.schema.names, *(name for name in ("start", "end", "log_status") if name not in batch.schema.names)]
    present = batch.schema.names
    columns = [
        batch.column(name).cast(arrow_type(name)) if name in present else pa.nulls(batch.num_rows, arrow_type(name))
        for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)
