"""Addresses → the CIDR block each lies in, for whole columns at once.

All blocks are laid out beforehand as stretches of the address space that do not overlap, each with the block that holds there, so
that looking up is one binary search. Several tables of blocks are laid out one behind the other, so that rows which ask different
tables are still looked up together.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from vpcflow.vpc.address_columns import Addresses

_NONE: Final = -1
_FOUR: Final = 32


class PrefixTable:
    """CIDR blocks with a code each. blocks: (block, code ≥ 0), the ones that hold over others last."""

    def __init__(self, blocks: Iterable[tuple[str, int]]) -> None:
        found: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for text, code in blocks:
            network = ipaddress.ip_network(text, strict=False)
            first = int(network.network_address)
            found[network.version].append((first, first + network.num_addresses, code))
        self.four = _stretches(found[4], 1 << _FOUR)
        begins, codes = _stretches(found[6], 1 << 128)
        # Fixed strings compare byte by byte, and a null byte at the end is as good as none: the order of the numbers.
        self.six = np.array([begin.to_bytes(16, "big") for begin in begins], "S16"), codes

    def lookup(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the code of each address's block, -1 for one that is in none; the last one is for null."""
        return PrefixTables([self]).lookup(
            addresses, np.zeros(len(addresses.version), np.int64), np.arange(len(addresses.version))
        )


class PrefixTables:
    """Several tables, each row of a question asks one of them."""

    def __init__(self, tables: Sequence[PrefixTable]) -> None:
        self._tables = tables
        begins = [np.array(one.four[0], np.int64) + (number << _FOUR) for number, one in enumerate(tables)]
        self._begins = np.concatenate(begins) if begins else np.zeros(0, np.int64)
        self._codes = np.concatenate([one.four[1] for one in tables]) if begins else np.zeros(0, np.int64)

    def lookup(self, addresses: Addresses, tables: NDArray[Any], at: NDArray[Any]) -> NDArray[np.int64]:
        """Return a code for each row: of address *at* in its table, -1 for no block, no table (-1) and no address (-1)."""
        result = np.full(len(at), _NONE, np.int64)
        version = np.where(tables >= 0, addresses.version[at], 0)
        four = np.flatnonzero(version == 4)
        if len(four):
            wanted = (tables[four].astype(np.int64) << _FOUR) + addresses.four[at[four]]
            result[four] = self._codes[np.searchsorted(self._begins, wanted, side="right") - 1]
        six = np.flatnonzero(version == 6)
        for number in np.unique(tables[six]).tolist():
            rows = six[tables[six] == number]
            begins, codes = self._tables[number].six
            result[rows] = codes[np.searchsorted(begins, addresses.six[at[rows]], side="right") - 1]
        return result


def most_specific_last(blocks: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return *blocks* so that of two that hold an address the longer one counts; of two alike the later."""
    return sorted(blocks, key=lambda block: ipaddress.ip_network(block[0], strict=False).prefixlen)


def _stretches(spans: Sequence[tuple[int, int, int]], end: int) -> tuple[list[int], NDArray[np.int64]]:
    """Return where each stretch begins and whose it is; the first begins at 0."""
    edges = sorted({0, *(edge for first, last, _ in spans for edge in (first, last) if edge < end)})
    place = {edge: number for number, edge in enumerate(edges)}
    codes = np.full(len(edges), _NONE, np.int64)
    for first, last, code in spans:
        codes[place[first] : place.get(last, len(edges))] = code
    return edges, codes
