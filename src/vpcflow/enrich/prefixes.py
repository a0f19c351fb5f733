"""Addresses → the CIDR block each lies in, for whole columns at once.

All blocks are laid out beforehand as stretches of the address space that do not overlap, each with the block that holds there, so
that looking up is one binary search. Later blocks of the list hold over earlier ones.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_NONE: Final = -1


class Addresses:
    """Distinct addresses as numbers; what is no address is in no block."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        self.count = len(texts)
        short, long = [], []
        four, six = [], []
        for place, text in enumerate(texts):
            if text is None:
                continue
            try:
                if ":" in text:
                    six.append(socket.inet_pton(socket.AF_INET6, text))
                    long.append(place)
                else:
                    four.append(socket.inet_pton(socket.AF_INET, text))
                    short.append(place)
            except OSError:
                continue
        self.places = {4: np.array(short, np.int64), 6: np.array(long, np.int64)}
        self.numbers: dict[int, NDArray[Any]] = {
            4: np.frombuffer(b"".join(four), ">u4").astype(np.int64),
            6: np.frombuffer(b"".join(six), "S16"),
        }


class PrefixTable:
    """CIDR blocks with a code each. blocks: (block, code ≥ 0), the ones that hold over others last."""

    def __init__(self, blocks: Iterable[tuple[str, int]]) -> None:
        found: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for text, code in blocks:
            network = ipaddress.ip_network(text, strict=False)
            first = int(network.network_address)
            found[network.version].append((first, first + network.num_addresses, code))
        self._stretches = {version: _stretches(version, spans) for version, spans in found.items()}

    def lookup(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the code of each address's block, -1 for one that is in none."""
        result = np.full(addresses.count, _NONE, np.int64)
        for version, (begins, codes) in self._stretches.items():
            numbers = addresses.numbers[version]
            if len(numbers):
                result[addresses.places[version]] = codes[np.searchsorted(begins, numbers, side="right") - 1]
        return result


def most_specific_last(blocks: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return *blocks* so that of two that hold an address the longer one counts; of two alike the later."""
    return sorted(blocks, key=lambda block: ipaddress.ip_network(block[0], strict=False).prefixlen)


def _stretches(version: int, spans: Sequence[tuple[int, int, int]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return where each stretch begins and whose it is; the first begins at 0."""
    end = 1 << (32 if version == 4 else 128)
    edges = sorted({0, *(edge for first, last, _ in spans for edge in (first, last) if edge < end)})
    place = {edge: number for number, edge in enumerate(edges)}
    codes = np.full(len(edges), _NONE, np.int64)
    for first, last, code in spans:
        codes[place[first] : place.get(last, len(edges))] = code
    if version == 4:
        return np.array(edges, np.int64), codes
    # Fixed strings compare byte by byte, and a null byte at the end is as good as none: the order of the numbers.
    return np.array([edge.to_bytes(16, "big") for edge in edges], "S16"), codes
