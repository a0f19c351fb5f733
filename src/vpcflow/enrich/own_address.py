"""Whose address a record shows: `srcaddr` and `dstaddr` of the interface, `pkt-srcaddr` and `pkt-dstaddr` of the packet.

At the recording interface the receiving side of ingress and the sending side of egress is the interface's primary private IPv4
address, whatever the packet says; the far side is never changed. Of several IPv6 addresses the packet's own stays.

Source: VPC User Guide "Flow log records" (`srcaddr`, `dstaddr`, `pkt-srcaddr`, `pkt-dstaddr`), "Flow log record examples" (NAT
gateway, transit gateway).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.enrich.columns import column_or_null, encoded, equals, ordered, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network

FILLS: Final = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")


class OwnAddress:
    """Puts the interface's own address in its place, the packet's into `pkt_srcaddr` and `pkt_dstaddr`."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with both views of its addresses."""
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        ids, places = encoded(batch, "interface_id")
        four, six = self._own(ids)
        for name, packet, direction in (("srcaddr", "pkt_srcaddr", "egress"), ("dstaddr", "pkt_dstaddr", "ingress")):
            seen = column_or_null(batch, name)
            ours = equals(batch, "flow_direction", direction)
            columns[packet] = pc.coalesce(column_or_null(batch, packet), seen)
            columns[name] = _with_own(seen, places, ours, four, six)
        return ordered(columns)

    def _own(self, ids: Sequence[str | None]) -> tuple[list[str | None], list[tuple[str, ...]]]:
        """Return the primary IPv4 and all IPv6 addresses of each interface."""
        found = [self._network.interfaces.get(name or "") for name in ids]
        return [one.addresses[0] if one and one.addresses else None for one in found], [
            one.ipv6 if one else () for one in found
        ]


def _with_own(
    seen: pa.Array,
    places: NDArray[np.int64],
    ours: NDArray[np.bool_],
    four: Sequence[str | None],
    six: Sequence[tuple[str, ...]],
) -> pa.Array:
    """Return the addresses *seen* with those of rows in *ours* made the interface's."""
    is_six = pc.fill_null(pc.match_substring(seen, ":"), fill_value=False).to_numpy(zero_copy_only=False)
    nobody = pc.is_null(seen).to_numpy(zero_copy_only=False)
    primary = words(four, np.where(ours & ~is_six & ~nobody, places, -1)).cast(pa.string())
    result = pc.coalesce(primary, seen)
    for place in np.unique(places[ours & is_six]).tolist():
        if place < 0 or not six[place]:
            continue
        foreign = ours & is_six & (places == place)
        foreign &= ~pc.is_in(seen, pa.array(six[place], pa.string())).to_numpy(zero_copy_only=False)
        if foreign.any():
            result = pc.if_else(pa.array(foreign), six[place][0], result)
    return result
