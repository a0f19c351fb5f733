"""Which side of a flow is ours: flow-direction from local addresses, given or guessed.

A capture may tell the direction of each packet itself (Linux cooked headers, pcapng flags); the rest is told by addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture.networks import Network, within
from vpcflow.record.flow_counts import EGRESS, INGRESS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

_SHARE: Final = 0.9
"""Part of an interface's packets that its own address has an end of."""

_SAMPLE: Final = 1 << 15
"""Flows that a guess is made from."""

_PRIVATE: Final = tuple(map(Network.parse, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")))
_NO_HOST: Final = tuple(map(Network.parse, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8")))
_DIRECTIONS: Final = np.array([UNKNOWN, EGRESS, INGRESS, UNKNOWN], np.uint8)
"""By "source is local" + 2 × "destination is local"; where both or neither is, nobody can tell."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What was taken for local at an interface, from how many packets."""

    interface: str
    networks: tuple[Network, ...]
    packets: int


class Directions:
    """Tells the direction of rows. local: what is local everywhere; when empty it is guessed, once an interface and IP version.

    on_guess: told each guess.
    """

    def __init__(self, local: Sequence[Network], on_guess: Callable[[Guess], None]) -> None:
        self._local, self._on_guess = tuple(local), on_guess
        self._guessed: dict[tuple[str, int], tuple[Network, ...]] = {}

    def tell(self, rows: NDArray[Any], interfaces: Sequence[str]) -> None:
        """Set the direction of *rows*, in place. Given ranges beat what the capture says, a guess does not."""
        if self._local:
            found = _told(rows, self._local)
            rows["direction"] = np.where(found == UNKNOWN, rows["direction"], found)
            return
        unknown = rows["direction"] == UNKNOWN
        if not unknown.any():
            return
        for which in _by_interface(rows["interface"]):
            there, open_here = rows[which], unknown[which]
            networks = self._networks(there, open_here, interfaces[there["interface"][0]])
            rows["direction"][which] = np.where(open_here, _told(there, networks), there["direction"])

    def _networks(self, rows: NDArray[Any], unknown: NDArray[np.bool_], interface: str) -> tuple[Network, ...]:
        """Return what is local at an interface, guessing it for each IP version whose direction is asked for the first time."""
        found: tuple[Network, ...] = ()
        for version in (4, 6):
            asked = unknown & (rows["version"] == version)
            if asked.any():
                found += self._guess(rows[np.flatnonzero(asked)[:_SAMPLE]], interface, version)
        return found

    def _guess(self, rows: NDArray[Any], interface: str, version: int) -> tuple[Network, ...]:
        key = interface, version
        if key not in self._guessed:
            self._guessed[key] = guess(rows)
            self._on_guess(Guess(interface, self._guessed[key], int(rows["packets"].sum())))
        return self._guessed[key]


def _by_interface(numbers: NDArray[np.uint32]) -> Iterator[slice | NDArray[np.int64]]:
    """Yield the places of each interface's rows; all of them at once for one interface, which need no copying then."""
    if (numbers == numbers[0]).all():
        yield slice(None)
        return
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    yield from np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _told(rows: NDArray[Any], networks: Sequence[Network]) -> NDArray[np.uint8]:
    src, dst = (within(networks, rows[end], rows["version"]).astype(np.uint8) for end in ("src", "dst"))
    found: NDArray[np.uint8] = _DIRECTIONS[src + 2 * dst]
    return found


def guess(rows: NDArray[Any]) -> tuple[Network, ...]:
    """Return what seems local in *rows* (of one interface and IP version); nothing when nothing stands out.

    An interface's own address has an end of nearly every packet. If no address has, private ranges are local where the
    others are public. Of two addresses that talk with each other only, the private one is taken, else the one that began.
    """
    version = rows["version"]
    hosts = ~within(_NO_HOST, rows["src"], version) & ~within(_NO_HOST, rows["dst"], version)
    rows, version = rows[hosts], version[hosts]
    if not len(rows):
        return ()
    ends = np.concatenate([rows["src"], rows["dst"]])
    packets = np.concatenate([rows["packets"], rows["packets"]]).astype(np.float64)
    addresses, places = _distinct(ends)
    share = np.bincount(places, packets) / rows["packets"].sum()
    versions = np.full(len(addresses), version[0])
    private = within(_PRIVATE, addresses, versions)
    often = np.flatnonzero(share >= _SHARE)
    if len(often):
        first = rows[np.argmin(rows["first"])]["src"]
        began = (addresses[often] == first).all(axis=1)
        best = often[np.lexsort((began, share[often] if len(often) > 2 else np.zeros(len(often)), private[often]))[-1]]
        return (Network.host(int(version[0]), int(addresses[best, 0]), int(addresses[best, 1])),)
    if private.any() and not private.all():
        return tuple(network for network in _PRIVATE if network.version == version[0])
    return ()


def _distinct(addresses: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the different ones of *addresses* (N × 2, halves), and the place of each among them."""
    order = np.lexsort((addresses[:, 1], addresses[:, 0]))
    ordered = addresses[order]
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(new) - 1
    return ordered[new], places
