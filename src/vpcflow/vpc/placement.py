"""Whose packets are these? Partial flows of a capture → the interfaces of a network that have their addresses.

A capture may be of one interface or of many (a mirror, a router). A flow belongs to the interface that has one of its
ends: source, it leaves; destination, it comes in. Where both ends are known, it is taken as it was captured: by what the
capture says of the direction, else by the interface that nearly all packets of that capture interface belong to, else as
what leaves its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.record.flow_counts import EGRESS, INGRESS, UNKNOWN, FlowCounts, Gap
from vpcflow.vpc.addresses import Address, address, block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from vpcflow.vpc.topology import Network, NetworkInterface

_SHARE: Final = 0.9
"""Part of a capture interface's packets that belong to one network interface, if it is the interface's own capture."""


class Placement:
    """Puts flows at interfaces. only: the id of the one that they are all of.

    ambiguous: addresses that several interfaces have (of several VPCs), which tell nothing.
    """

    def __init__(self, network: Network, only: str | None = None) -> None:
        interfaces = [one for one in network.interfaces.values() if only in (None, one.id)]
        self._interfaces = interfaces
        self._owners = _Owners(interfaces)
        self.ambiguous = self._owners.ambiguous
        vpcs, subnets = network.vpcs.values(), network.subnets.values()
        self._resolvers = _reserved(
            [cidr for vpc in vpcs for cidr in [one for one in vpc.cidrs if ":" not in one][:1]], 2
        )
        self._routers = _reserved([cidr for subnet in subnets for cidr in subnet.cidrs if ":" not in cidr], 1)
        self._dominant: dict[str, int] = {}
        self._placed: set[str] = set()
        self._found: set[int] = set()

    def place(self, counts: FlowCounts) -> None:
        """Set interface and direction of the rows of *counts* that it knows, in place; names of interfaces follow."""
        rows, names = counts.rows, list(counts.interfaces)
        src, dst = (self._owners.of(rows[end], rows["version"]) for end in ("src", "dst"))
        both = (src >= 0) & (dst >= 0) & (src != dst)
        self._learn(rows, names, src, dst)
        leaving = np.where(dst < 0, src >= 0, False) | (both & self._leaves(rows, names, src, dst))
        coming = np.where(src < 0, dst >= 0, False) | (both & ~leaving)
        rows["direction"][leaving] = EGRESS
        rows["direction"][coming] = INGRESS
        owner = np.select([leaving, coming, src == dst], [src, dst, src], -1)
        self._rename(counts, names, owner)

    def leave_out(self, counts: FlowCounts) -> None:
        """Take away what AWS does not log: packets of the VPCs' resolvers (UDP and TCP 53) and routers; they are counted."""
        rows = counts.rows
        for reason, addresses, ports in (("resolver", self._resolvers, (53,)), ("router", self._routers, ())):
            here = np.zeros(len(rows), bool)
            for end, port in (("src", "srcport"), ("dst", "dstport")):
                at = np.isin(rows[end][:, 1], addresses) & (rows["version"] == 4)
                here |= at & np.isin(rows[port], ports) if ports else at
            if here.any():
                counts.left_out[reason] += int(rows["packets"][here].sum())
                rows = rows[~here]
        counts.rows = rows

    def words(self, names: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return what interface ids stand for: *names* of captures as far as they are still in use, and those found."""
        found = {key: words for key, words in names if key not in self._placed}
        for number in sorted(self._found):
            one = self._interfaces[number]
            found[one.id] = " ".join(filter(None, (one.name, *one.addresses[:1])))
        return found

    def _learn(self, rows: NDArray[Any], names: list[str], src: NDArray[np.int32], dst: NDArray[np.int32]) -> None:
        """Find out which interface a capture's interface is, once for each, from the first packets of it."""
        for place, name in enumerate(names):
            if name in self._dominant:
                continue
            here = rows["interface"] == place
            if not here.any():
                continue
            size = len(self._interfaces)
            packets = np.zeros(size)
            for owner in (src, np.where(src == dst, -1, dst)):
                which = here & (owner >= 0)
                packets += np.bincount(owner[which], rows["packets"][which], size)
            best = int(packets.argmax()) if size else -1
            enough = size and packets[best] >= _SHARE * rows["packets"][here].sum()
            self._dominant[name] = best if enough else -1

    def _leaves(
        self, rows: NDArray[Any], names: list[str], src: NDArray[np.int32], dst: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Tell, for flows whose ends are both known, which are seen where they leave."""
        dominant = np.array([self._dominant.get(name, -1) for name in names] or [-1], np.int32)[rows["interface"]]
        told = rows["direction"]
        leaves: NDArray[np.bool_] = np.select(
            [told != UNKNOWN, dominant == src, dominant == dst], [told == EGRESS, True, False], True
        ).astype(bool)
        return leaves

    def _rename(self, counts: FlowCounts, names: list[str], owner: NDArray[np.int32]) -> None:
        """Number interfaces anew: those of the network that are in use, and the capture's own that are left."""
        rows = counts.rows
        known = np.unique(owner[owner >= 0]).tolist()
        self._found.update(known)
        self._placed.update(names[place] for place in np.unique(rows["interface"][owner >= 0]).tolist())
        left = set(np.unique(rows["interface"][owner < 0]).tolist())
        new: list[str] = []
        numbers: dict[int, int] = {}
        for place, name in enumerate(names):
            if place in left or name not in self._placed:
                numbers[place] = len(new)
                new.append(name)
        places = np.full(len(self._interfaces) + 1, -1, np.int64)
        for number in known:
            places[number] = self._number(new, self._interfaces[number].id)
        before = np.array([numbers.get(place, 0) for place in range(len(names))] or [0], np.int64)
        rows["interface"] = np.where(owner >= 0, places[owner], before[rows["interface"]])
        counts.gaps = tuple(self._gap(gap, names, numbers, new) for gap in counts.gaps)
        counts.interfaces = tuple(new)

    def _gap(self, gap: Gap, names: list[str], numbers: dict[int, int], new: list[str]) -> Gap:
        """Return a gap where the packets of its interface are now."""
        number = self._dominant.get(names[gap.interface], -1)
        if number >= 0:
            return Gap(self._number(new, self._interfaces[number].id), gap.at_ns, gap.packets)
        if gap.interface not in numbers:
            numbers[gap.interface] = self._number(new, names[gap.interface])
        return Gap(numbers[gap.interface], gap.at_ns, gap.packets)

    @staticmethod
    def _number(new: list[str], name: str) -> int:
        if name not in new:
            new.append(name)
        return new.index(name)


class _Owners:
    """Address → place of the interface that has it."""

    def __init__(self, interfaces: list[NetworkInterface]) -> None:
        owners: dict[Address, set[int]] = {}
        for place, one in enumerate(interfaces):
            for text in (*one.addresses, *one.ipv6):
                if found := address(text):
                    owners.setdefault(found, set()).add(place)
        self.ambiguous = sum(len(places) > 1 for places in owners.values())
        clear = sorted((found, next(iter(places))) for found, places in owners.items() if len(places) == 1)
        self._four, self._four_owner = _table(
            [(found.number, place) for found, place in clear if found.version == 4], 8
        )
        self._six, self._six_owner = _table([(found.number, place) for found, place in clear if found.version == 6], 16)

    def of(self, addresses: NDArray[np.uint64], version: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return the owner of each address (N × 2, halves), -1 for none."""
        found = np.full(len(addresses), -1, np.int32)
        packed = np.ascontiguousarray(addresses.astype(">u8"))
        long = version == 6
        for rows, keys, table, owner in (
            (~long, packed[:, 1].copy().view("S8"), self._four, self._four_owner),
            (long, packed.view("S16").ravel(), self._six, self._six_owner),
        ):
            if len(table) and rows.any():
                wanted = keys[rows]
                place = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
                found[rows] = np.where(table[place] == wanted, owner[place], -1)
        return found


def _reserved(cidrs: Iterable[str], place: int) -> NDArray[np.uint64]:
    """Return the *place*-th address of each IPv4 block. Source: VPC User Guide "Subnet CIDR blocks" (reserved addresses)."""
    return np.array([block(cidr).first + place for cidr in cidrs], np.uint64)


def _table(pairs: list[tuple[int, int]], size: int) -> tuple[NDArray[np.bytes_], NDArray[np.int32]]:
    keys = np.array([number.to_bytes(size, "big") for number, _ in pairs], f"S{size}")
    return keys, np.array([place for _, place in pairs], np.int32)
