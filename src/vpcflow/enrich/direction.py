"""Which way a flow went, where the capture did not see it: towards an address of the interface, or from one.

Source: VPC User Guide "Flow log records" (`flow-direction`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.enrich.columns import column_or_null, encoded, filled, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network

FILLS: Final = ("flow_direction",)


class Direction:
    """Fills `flow_direction` where it is null and just one side is the interface."""

    def __init__(self, network: Network) -> None:
        self._own = {one.id: pa.array([*one.addresses, *one.ipv6], pa.string()) for one in network.interfaces.values()}

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with the directions that addresses tell."""
        old = column_or_null(batch, "flow_direction")
        source, target = (
            pc.coalesce(*(column_or_null(batch, f"{packet}{side}addr") for packet in ("pkt_", "")))
            for side in ("src", "dst")
        )
        unknown = pc.is_null(old).to_numpy(zero_copy_only=False) & ~pc.is_null(target).to_numpy(zero_copy_only=False)
        if not unknown.any():
            return batch
        ids, places = encoded(batch, "interface_id")
        code = np.full(batch.num_rows, -1, np.int64)
        for place in np.unique(places[unknown]).tolist():
            own = self._own.get(ids[place] or "") if place >= 0 else None
            if own is not None:
                here = unknown & (places == place)
                from_us, to_us = _among(source, own), _among(target, own)
                code[here & to_us & ~from_us] = 0
                code[here & from_us & ~to_us] = 1
        told = words(["ingress", "egress"], code)
        return filled(batch, {"flow_direction": pc.coalesce(old, told.cast(pa.string())).dictionary_encode()})


def _among(column: pa.Array, own: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.is_in(column, own).to_numpy(zero_copy_only=False)
    return found
