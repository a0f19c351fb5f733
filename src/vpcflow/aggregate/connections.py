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
import pyarrow.compute as pc

from vpcflow.record.schema import ENCODED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch

_TCP: Final = 6
_SYN: Final = 2
_IDLE_S: Final = {_TCP: 432_000, 17: 180}
"""How long a silent connection is remembered, by protocol; the longest that is the default."""
_IDLE_OTHER_S: Final = 600
_WORDS: Final = pa.array(["ACCEPT", "REJECT"])
_ACCEPT: Final = 1
"""Code of the first of them; 0 is null."""

_MASK: Final = (1 << 64) - 1


class Connections:
    """Fills `action` of FlowBatches, which must come in order of time.

    decide: given a batch and whether each row is of a tracked connection, returns ACCEPT, REJECT or null for each row.
    capacity: connections remembered; the one silent for longest is forgotten first.

    Connections are told apart by a hash of 64 bits: of a million, two fall together once in thirty million times. Row by row goes
    only what its connection decides; where both answers are the same, whole columns do.
    """

    def __init__(self, decide: Callable[[FlowBatch, pa.Array], pa.Array], *, capacity: int = 1 << 20) -> None:
        self._decide, self._capacity = decide, capacity
        self._last: dict[int, int] = {}

    def evaluate(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with its actions; NODATA and SKIPDATA have none."""
        count = batch.num_rows
        if not count or batch.column("srcaddr").null_count == count:
            return batch
        alone, tracked = (_codes(self._decide(batch, pa.array(np.full(count, known)))) for known in (False, True))
        keys = self._keys(batch)
        ends = _numbers(batch, "end")
        differ = alone != tracked
        asked = np.isin(keys, keys[differ]) if differ.any() else differ
        actions = alone.copy()
        self._ask(batch, np.flatnonzero(asked), (alone, tracked, actions), keys)
        self._remember(keys[~asked & (actions == _ACCEPT)], ends[~asked & (actions == _ACCEPT)])
        column = pa.DictionaryArray.from_arrays(pa.array(actions - 1, mask=actions == 0), _WORDS).cast(ENCODED)
        return batch.set_column(batch.schema.get_field_index("action"), "action", column)

    def _ask(
        self,
        batch: FlowBatch,
        rows: NDArray[np.int64],
        answers: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
        keys: NDArray[np.uint64],
    ) -> None:
        """Choose the answer that holds for each of *rows*, in order. answers: alone, tracked, and the one chosen."""
        if not len(rows):
            return
        alone, tracked, actions = answers
        some = batch.take(rows)
        allowed = set(keys[rows][alone[rows] == _ACCEPT].tolist())
        columns = (some.column(name).to_pylist() for name in ("protocol", "tcp_flags", "start", "end"))
        for place, key, protocol, flags, start, end in zip(rows.tolist(), keys[rows].tolist(), *columns, strict=True):
            known = self._known(key, protocol, start) or (key in allowed and _goes_on(protocol, flags))
            actions[place] = (tracked if known else alone)[place]
            if actions[place] == _ACCEPT:
                self._put(key, end)
        self._forget()

    def _known(self, key: int, protocol: int, start: int) -> bool:
        last = self._last.get(key)
        return last is not None and start - last <= _IDLE_S.get(protocol, _IDLE_OTHER_S)

    def _remember(self, keys: NDArray[np.uint64], ends: NDArray[np.int64]) -> None:
        order = np.lexsort((ends, keys))
        keys, ends = keys[order], ends[order]
        last = np.ones(len(keys), bool)
        last[:-1] = keys[1:] != keys[:-1]
        keys, ends = keys[last], ends[last]
        in_time = np.argsort(ends, kind="stable")
        for key, end in zip(keys[in_time].tolist(), ends[in_time].tolist(), strict=True):
            self._put(key, end)
        self._forget()

    def _put(self, key: int, end: int) -> None:
        self._last[key] = max(end, self._last.pop(key, end))

    def _forget(self) -> None:
        while len(self._last) > self._capacity:
            del self._last[next(iter(self._last))]

    # --- connections → numbers ---------------------------------------------------------------------------------

    def _keys(self, batch: FlowBatch) -> NDArray[np.uint64]:
        """Return a number for the connection of each row, the same for both directions."""
        interface, src, dst = (self._hashed(batch.column(name)) for name in ("interface_id", "srcaddr", "dstaddr"))
        one, other = (_mixed(side, _numbers(batch, port)) for side, port in ((src, "srcport"), (dst, "dstport")))
        return _mixed(
            _mixed(_mixed(np.minimum(one, other), np.maximum(one, other)), interface), _numbers(batch, "protocol")
        )

    @staticmethod
    def _hashed(column: pa.Array) -> NDArray[np.uint64]:
        """Return a number for each text, a distinct one computed once."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        values = [hash(text) & _MASK for text in coded.dictionary.to_pylist()]
        table = np.array([*values, 0], np.uint64)
        found: NDArray[np.uint64] = table[coded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)]
        return found


def _mixed(one: NDArray[np.uint64], other: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a hash of two numbers for each row, in which their order counts (the finishing steps of SplitMix64)."""
    found = one * np.uint64(0x9E3779B97F4A7C15) + other.astype(np.uint64)
    found = (found ^ found >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ found >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return found ^ found >> np.uint64(31)


def _codes(answers: pa.Array) -> NDArray[np.int32]:
    """Return 0 for null, else 1 and the place in `_WORDS`."""
    found: NDArray[np.int32] = (
        pc.index_in(answers.cast(pa.string()), _WORDS).fill_null(-1).to_numpy(zero_copy_only=False) + 1
    )
    return found


def _numbers(batch: FlowBatch, name: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = batch.column(name).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return found


def _goes_on(protocol: int, flags: int | None) -> bool:
    """Tell whether a record is of a TCP connection that had begun before."""
    return protocol == _TCP and flags is not None and not flags & _SYN
