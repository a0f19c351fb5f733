"""What came in, and what of it was refused → what was accepted.

A packet that comes in is counted before a firewall sees it, and again if one refuses it. So accepted is the difference. Counts
are read one table after the other, so a packet may be refused in one reading and seen in the next; what is owed is carried
over, for as long as it can still come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.record.flow_counts import ACCEPT, INGRESS, REJECT, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

_READINGS: Final = 3
"""Readings after which nobody waits for a refused packet to have been seen (some firewalls refuse before that)."""


class Verdicts:
    """Tells accepted from refused. owed: refused packets of a reading that no reading has seen yet."""

    def __init__(self) -> None:
        self._owed: list[NDArray[Any]] = []

    def settle(self, seen: NDArray[Any], refused: NDArray[Any]) -> NDArray[Any]:
        """Return accepted and refused rows. seen, refused: rows of one reading, the second read after the first.

        Rows have `interval` set. What goes out is seen behind the firewall: nothing is taken off there.
        """
        seen["action"], refused["action"] = ACCEPT, REJECT
        came_in = refused[refused["direction"] == INGRESS]
        owed = [*self._owed, _taken_off(came_in)]
        if not any(map(len, owed)):
            self._owed = []
            return np.concatenate([seen, refused])
        left = []
        for rows in owed:
            rest = rows
            for back in (0, 1):  # seen at the end of an interval, refused at the begin of the next
                if len(rest):
                    rest["interval"] -= np.uint32(back)
                    seen, rest = _difference(seen, rest)
                    rest["interval"] += np.uint32(back)
            left.append(rest)
        self._owed = left[-_READINGS:]
        return np.concatenate([seen, refused])


def _taken_off(refused: NDArray[Any]) -> NDArray[Any]:
    """Return *refused* as rows to be added: negative counts, nothing that would change times or flags."""
    rows = refused.copy()
    rows["action"], rows["layer"], rows["rule"], rows["flags"] = ACCEPT, 0, 0, 0
    for name in ("packets", "bytes"):
        rows[name] = -rows[name].astype(np.int64)
    rows["first"], rows["last"] = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    return rows


def _difference(seen: NDArray[Any], taken_off: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return *seen* without *taken_off*, and what of that is more than was seen."""
    rows = merged(np.concatenate([seen, taken_off])).copy()
    packets = rows["packets"].view(np.int64)
    octets = rows["bytes"].view(np.int64)
    octets[(packets > 0) & (octets < 0)] = 0  # fragments are seen one by one, and refused as one
    return rows[packets > 0], rows[packets < 0]


def with_details(refused: NDArray[Any], seen: NDArray[Any]) -> NDArray[Any]:
    """Return *refused*, of which only numbers are known, with times and flags of the same flows among *seen*."""
    if len(refused) and len(seen):
        there, wanted = _hashed(seen), _hashed(refused)
        order = np.argsort(there)
        places = order[np.minimum(np.searchsorted(there[order], wanted), len(order) - 1)]
        same = there[places] == wanted
        for name in ("first", "last", "flags"):
            refused[name][same] = seen[name][places[same]]
    return refused


def _hashed(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a number for each row's flow and interface."""
    words = np.zeros((6, len(rows)), np.uint64)
    words[:2], words[2:4] = rows["src"].T, rows["dst"].T
    words[4] = rows["srcport"].astype(np.uint64) << np.uint64(16) | rows["dstport"]
    words[5] = rows["interface"].astype(np.uint64) << np.uint64(16) | rows["protocol"].astype(np.uint64) << np.uint64(8)
    words[5] |= rows["direction"]
    hashed = np.zeros(len(rows), np.uint64)
    for word in words:
        hashed = (hashed ^ word) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    return hashed
