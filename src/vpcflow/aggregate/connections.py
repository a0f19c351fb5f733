"""Decisions on single flows → actions of records, with the memory that security groups have.

Whoever decides (a network model) is asked twice about each record: as if nothing were known of its connection, and as if it
belonged to a tracked one. Which answer holds is told by what was accepted before at the same interface, in either direction. A
network ACL has no memory; that is in the second answer. What began before the capture did is taken for tracked when either
direction is allowed by itself.

Source: EC2 User Guide "Security group connection tracking" (what is tracked, idle timeouts); VPC User Guide "Flow log record
examples" (security group and network ACL rules).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from vpcflow.record.schema import ENCODED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vpcflow.types import FlowBatch

    _Key = tuple[Any, ...]

_TCP: Final = 6
_SYN: Final = 2
_IDLE_S: Final = {_TCP: 432_000, 17: 180}
"""How long a silent connection is remembered, by protocol; the longest that is the default."""
_IDLE_OTHER_S: Final = 600


class Connections:
    """Fills `action` of FlowBatches, which must come in order of time.

    decide: given a batch and whether each row is of a tracked connection, returns ACCEPT, REJECT or null for each row.
    capacity: connections remembered; the one silent for longest is forgotten first.
    """

    def __init__(self, decide: Callable[[FlowBatch, pa.Array], pa.Array], *, capacity: int = 1 << 20) -> None:
        self._decide, self._capacity = decide, capacity
        self._last: dict[_Key, int] = {}

    def evaluate(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with its actions; NODATA and SKIPDATA have none."""
        if not batch.num_rows or batch.column("srcaddr").null_count == batch.num_rows:
            return batch
        alone, tracked = (
            self._decide(batch, pa.array(np.full(batch.num_rows, known))).to_pylist() for known in (False, True)
        )
        keys = list(_keys(batch))
        allowed = {key for key, action in zip(keys, alone, strict=True) if action == "ACCEPT"}
        times = zip(
            *(batch.column(name).to_pylist() for name in ("protocol", "tcp_flags", "start", "end")), strict=True
        )
        actions = []
        for place, (key, (protocol, flags, start, end)) in enumerate(zip(keys, times, strict=True)):
            known = self._known(key, protocol, start) or (key in allowed and _goes_on(protocol, flags))
            actions.append(tracked[place] if known else alone[place])
            if actions[-1] == "ACCEPT":
                self._remember(key, end)
        column = pa.array(actions, pa.string()).dictionary_encode().cast(ENCODED)
        return batch.set_column(batch.schema.get_field_index("action"), "action", column)

    def _known(self, key: _Key, protocol: int, start: int) -> bool:
        last = self._last.get(key)
        return last is not None and start - last <= _IDLE_S.get(protocol, _IDLE_OTHER_S)

    def _remember(self, key: _Key, end: int) -> None:
        self._last[key] = max(end, self._last.pop(key, end))
        if len(self._last) > self._capacity:
            del self._last[next(iter(self._last))]


def _goes_on(protocol: int, flags: int | None) -> bool:
    """Tell whether a record is of a TCP connection that had begun before."""
    return protocol == _TCP and flags is not None and not flags & _SYN


def _keys(batch: FlowBatch) -> Iterator[_Key]:
    """Yield the connection of each row, the same for both directions."""
    names = ("interface_id", "protocol", "srcaddr", "srcport", "dstaddr", "dstport")
    for interface, protocol, src, sport, dst, dport in zip(
        *(batch.column(name).to_pylist() for name in names), strict=True
    ):
        one, other = (src, sport), (dst, dport)
        yield (interface, protocol, *((one, other) if one <= other else (other, one)))
