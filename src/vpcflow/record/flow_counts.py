"""Partial flows, as every source of packets hands them on: counts of one direction of one 5-tuple, and what was lost.

A row is a row of a NumPy array, so that kernels, maps of the operating system and pcap readers fill it without an object a row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW: Final = np.dtype(
    [
        ("src", "<u8", (2,)),
        ("dst", "<u8", (2,)),
        ("srcport", "<u2"),
        ("dstport", "<u2"),
        ("protocol", "u1"),
        ("version", "u1"),
        ("direction", "u1"),
        ("action", "u1"),
        ("interface", "<u4"),
        ("interval", "<u4"),
        ("packets", "<u8"),
        ("bytes", "<u8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("flags", "u1"),
        ("layer", "u1"),
        ("rule", "<u2"),
        ("spare", "<u4"),
        ("spare2", "<u8"),
    ]
)
"""A partial flow, 96 bytes.

src, dst: high and low half of the address as numbers; an IPv4 address lies in the low half. version: 4 or 6.
direction, action, layer: codes below. interface: place in `FlowCounts.interfaces`. interval: scratch of whoever folds.
packets, bytes: bytes count from the IP header on. first, last: ns since the epoch, UTC.
flags: what AWS reports of TCP flags, OR-ed (`FLAGS_UNKNOWN` where a packet's were not captured). rule: number of the refusing
network ACL entry, 0 for none.
"""

UNKNOWN: Final = 0
INGRESS, EGRESS = 1, 2
ACCEPT, REJECT = 1, 2
SECURITY_GROUP, NETWORK_ACL = 1, 2
FLAGS_UNKNOWN: Final = 128


@dataclass(frozen=True, slots=True)
class Gap:
    """Packets of an interface that no row counts: when that was told (ns), how many (None when nobody knows)."""

    interface: int
    at_ns: int
    packets: int | None = None


@dataclass(slots=True)
class FlowCounts:
    """What a source has counted since it was last asked.

    rows: array of `ROW`, in any order. interfaces: interface ids, by the number rows have.
    left_out: packets that are in no row, by reason. gaps: where packets were lost before they could be counted.
    """

    rows: NDArray[Any]
    interfaces: tuple[str, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    gaps: tuple[Gap, ...] = ()


def no_rows() -> NDArray[Any]:
    """Return an empty array of `ROW`."""
    return np.zeros(0, ROW)


_WORDS: Final = ROW.itemsize // 8
_LAYER_AND_RULE: Final = np.uint64(0xFFFFFF00)


def merged(rows: NDArray[Any]) -> NDArray[Any]:
    """Return *rows* with those of the same interval, interface, direction, action, layer, rule and 5-tuple made one.

    Counts are added, times widened, flags OR-ed. The order is that of a fixed hash: the same rows give the same order.
    """
    if len(rows) < 2:
        return rows
    words = np.ascontiguousarray(rows).view(np.uint64).reshape(len(rows), _WORDS)
    keys = [*words.T[:6], words[:, 10] & _LAYER_AND_RULE]
    hashed = np.zeros(len(rows), np.uint64)
    for key in keys:
        hashed = (hashed ^ key) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    order = np.argsort(hashed)
    ordered = words[order]
    new = _begins(ordered)
    same_hash = hashed[order[1:]] == hashed[order[:-1]]
    if np.any(same_hash & new[1:]):  # two keys of one hash may lie mixed
        ordered = words[np.lexsort([*keys, hashed])]
        new = _begins(ordered)
    begins = np.flatnonzero(new)
    every = ordered.view(ROW)[:, 0]
    if len(begins) == len(rows):
        return every
    result = every[begins]
    result["packets"] = np.add.reduceat(every["packets"], begins)
    result["bytes"] = np.add.reduceat(every["bytes"], begins)
    result["first"] = np.minimum.reduceat(every["first"], begins)
    result["last"] = np.maximum.reduceat(every["last"], begins)
    result["flags"] = np.bitwise_or.reduceat(every["flags"], begins)
    return result


def _begins(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which rows, seen as words, have another key than the one before."""
    new = np.ones(len(words), bool)
    new[1:] = ((words[1:, 10] ^ words[:-1, 10]) & _LAYER_AND_RULE) != 0
    for place in range(6):
        new[1:] |= words[1:, place] != words[:-1, place]
    return new
