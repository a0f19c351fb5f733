"""Records cut by the five minutes their `end` lies in: the object that each belongs to.

Source: VPC User Guide "Flow log files".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.record.layout import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch


def times(batch: FlowBatch, names: tuple[str, ...], otherwise: int) -> NDArray[np.int64]:
    """Return the first of the columns *names* (s) that a record has, *otherwise* where it has none of them."""
    found = pa.nulls(batch.num_rows, pa.int64())
    for name in names:
        if name in batch.schema.names:
            found = pc.coalesce(found, batch.column(name).cast(pa.int64()))
    return np.asarray(found.fill_null(otherwise), np.int64)


def by_window(batches: Iterable[FlowBatch], otherwise: int) -> dict[int, list[FlowBatch]]:
    """Return the records of each window by its start (s), windows in order. otherwise: the time of records without one."""
    found: dict[int, list[FlowBatch]] = {}
    for batch in batches:
        ends = times(batch, ("end", "start"), otherwise)
        windows = ends - ends % WINDOW_S
        distinct = np.unique(windows)
        for window in distinct.tolist():
            part = batch if len(distinct) == 1 else batch.filter(pa.array(windows == window))
            found.setdefault(window, []).append(part)
    return dict(sorted(found.items()))
