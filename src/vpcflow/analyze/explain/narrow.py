"""The narrowest rules that cover what was accepted: observed traffic → at most so many rules, and what is given up for that.

Each accepted flow is a point (direction, protocol, port, far end). Points become rules without opening anything more:
neighbouring ports and whole blocks of addresses are joined. While there are more rules than allowed, the two are made one
that open least by it: the measure is addresses × ports beyond those that the two had (IPv6 counts in networks of /64). What
each rule opens beyond what was seen is told with it. Where a rule for a security group or a prefix list had let traffic in,
its peer stays and only its ports are narrowed.
"""

from __future__ import annotations

import heapq
import ipaddress
from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from vpcflow.vpc.addresses import block
from vpcflow.vpc.matching import WITH_PORTS
from vpcflow.vpc.rules import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_HALF: Final = 64
_EVERY_WAY: Final = 400
"""Of so many boxes, all neighbours are compared in each step; of more, only those that differ in one way."""
BROAD: Final = {4: 8, 6: 24}
"""Blocks shorter than this are called broad, by IP version."""


@dataclass(frozen=True, slots=True)
class Point:
    """Observed traffic.

    port, to_port: 0 for protocols without ports. peer: an address, a block, a group or a prefix list. seen: of a block, how
    many of its addresses were.
    """

    protocol: int
    port: int
    to_port: int
    peer: str
    records: int = 1
    seen: int = 1


@dataclass(frozen=True, slots=True)
class Suggested:
    """One rule.

    peer: CIDR block, group or prefix list. records: accepted ones it covers. seen, opened: combinations of address (IPv6: /64
    network) and port that were seen, and that the rule allows; 0 for a group or prefix list.
    """

    protocol: int
    from_port: int
    to_port: int
    peer: str
    records: int
    seen: int
    opened: int

    @property
    def broad(self) -> bool:
        """Whether its block is so large that it is hardly a rule."""
        if "/" not in self.peer:
            return False
        network = ipaddress.ip_network(self.peer)
        return network.prefixlen < BROAD[network.version]


@dataclass(slots=True)
class _Box:
    """A rule on its way: ports *low* to *high*, addresses *first* to *last* (a block), or a named peer (version 0)."""

    protocol: int
    low: int
    high: int
    version: int
    first: int
    last: int
    peer: str
    records: int
    seen: int
    alive: bool = True

    @property
    def size(self) -> float:
        """Combinations of address and port."""
        return _addresses(self.version, self.first, self.last) * (self.high - self.low + 1)

    def holds(self, other: _Box) -> bool:
        """Whether *other* lies in it."""
        alike = (self.protocol, self.version, self.peer) == (other.protocol, other.version, other.peer)
        ports = self.low <= other.low and other.high <= self.high
        return alike and ports and self.first <= other.first and other.last <= self.last

    def sides(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return which boxes it can be joined with along addresses, and along ports."""
        return (
            ("addresses", self.protocol, self.low, self.high, self.version, self.peer),
            ("ports", self.protocol, self.version, self.first, self.last, self.peer),
        )

    def place(self, axis: int) -> tuple[int, int]:
        """Return where it stands among those."""
        return (self.first, self.last) if axis == 0 else (self.low, self.high)


def _addresses(version: int, first: int, last: int) -> float:
    if version == 0:
        return 1.0
    return float(last - first + 1) if version == 4 else max(1.0, (last - first + 1) / 2**_HALF)


def suggest(points: Iterable[Point], *, at_most: int) -> list[Suggested]:
    """Return at most *at_most* rules that cover *points*, those with most records first.

    There may be more where nothing can be joined: protocols and named peers stay apart.
    """
    boxes = _Boxes()
    for box in _exact(points):
        boxes.add(box)
    boxes.join_neighbours()
    boxes.reduce(at_most)
    found = [
        Suggested(
            box.protocol,
            box.low if box.protocol in WITH_PORTS else ANY,
            box.high if box.protocol in WITH_PORTS else ANY,
            box.peer or _cidr(box),
            box.records,
            box.seen if box.version else 0,
            int(box.size) if box.version else 0,
        )
        for box in boxes.all()
    ]
    return sorted(found, key=lambda one: (-one.records, one.protocol, one.from_port, one.peer))


def _exact(points: Iterable[Point]) -> Iterator[_Box]:
    """Yield a box for each distinct point."""
    totals: dict[tuple[int, int, int, str], tuple[int, int]] = {}
    for point in points:
        ports = (point.port, point.to_port) if point.protocol in WITH_PORTS else (0, 0)
        key = point.protocol, *ports, point.peer
        before = totals.get(key, (0, 0))
        totals[key] = before[0] + point.records, max(before[1], point.seen)
    for (protocol, low, high, peer), (records, seen) in totals.items():
        if peer.startswith(("sg-", "pl-")):
            yield _Box(protocol, low, high, 0, 0, 0, peer, records, 1)
        else:
            version, first, last = block(peer)
            yield _Box(protocol, low, high, version, first, last, "", records, seen)


def _cidr(box: _Box) -> str:
    bits = 32 if box.version == 4 else 128
    length = bits - (box.last - box.first).bit_length()
    kind = ipaddress.IPv4Address if box.version == 4 else ipaddress.IPv6Address
    return f"{kind(box.first)}/{length}"


class _Boxes:
    """Boxes in order along both sides, so that neighbours are found."""

    def __init__(self) -> None:
        self._orders: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
        self._at: dict[tuple[tuple[Any, ...], tuple[int, int]], _Box] = {}
        self._heap: list[tuple[float, int, _Box, _Box]] = []
        self._count = 0
        self._serial = 0

    def all(self) -> Iterator[_Box]:
        """Yield all boxes."""
        seen = set()
        for box in self._at.values():
            if id(box) not in seen:
                seen.add(id(box))
                yield box

    def add(self, box: _Box) -> None:
        """Add a box; one that stands at the same place is taken into it, and those that lie within it are."""
        for axis, side in enumerate(box.sides()):
            twin = self._at.get((side, box.place(axis)))
            if twin is not None:
                self._remove(twin)
                box.records, box.seen = box.records + twin.records, box.seen + twin.seen
        for axis, side in enumerate(box.sides()):
            for inner in self._within(side, box.place(axis)):
                self._remove(inner)
                box.records, box.seen = box.records + inner.records, box.seen + inner.seen
        for axis, side in enumerate(box.sides()):
            insort(self._orders.setdefault(side, []), box.place(axis))
            self._at[side, box.place(axis)] = box
        self._count += 1
        for axis, side in enumerate(box.sides()):
            for other in self._neighbours(side, box.place(axis)):
                self._offer(box, other, axis)

    def _within(self, side: tuple[Any, ...], place: tuple[int, int]) -> list[_Box]:
        order = self._orders.get(side, [])
        at = bisect_left(order, (place[0], -1))
        found = []
        while at < len(order) and order[at][0] <= place[1]:
            if order[at][1] <= place[1]:
                found.append(self._at[side, order[at]])
            at += 1
        return found

    def _neighbours(self, side: tuple[Any, ...], place: tuple[int, int]) -> Iterator[_Box]:
        order = self._orders[side]
        at = bisect_left(order, place)
        for near in (at - 1, at + 1):
            if 0 <= near < len(order):
                yield self._at[side, order[near]]

    def _remove(self, box: _Box) -> None:
        box.alive = False
        self._count -= 1
        for axis, side in enumerate(box.sides()):
            order = self._orders[side]
            del order[bisect_left(order, box.place(axis))]
            del self._at[side, box.place(axis)]

    def _offer(self, one: _Box, other: _Box, axis: int) -> None:
        made = _joined(one, other, axis)
        self._serial += 1
        heapq.heappush(self._heap, (made.size - one.size - other.size, self._serial, one, other))

    def join_neighbours(self) -> None:
        """Join boxes that open nothing by it."""
        self._join(lambda cost: cost <= 0)

    def reduce(self, at_most: int) -> None:
        """Join boxes, those that open least first, until there are at most so many."""
        self._join(lambda _: self._count > max(at_most, _EVERY_WAY))
        while self._count > at_most and (pair := self._cheapest()) is not None:
            made = _joined(_joined(*pair, 0), pair[1], 1)
            inner = [box for box in self.all() if made.holds(box)]
            made.records, made.seen = sum(box.records for box in inner), sum(box.seen for box in inner)
            for box in inner:
                self._remove(box)
            self.add(made)

    def _cheapest(self) -> tuple[_Box, _Box] | None:
        """Return the two neighbours, by address or by port, that open least when made one."""
        kinds: dict[tuple[int, int, str], list[_Box]] = {}
        for box in self.all():
            kinds.setdefault((box.protocol, box.version, box.peer), []).append(box)
        best: tuple[float, int, int, tuple[_Box, _Box]] | None = None
        for boxes in kinds.values():
            orders = (
                sorted(boxes, key=lambda one: (one.first, one.low)),
                sorted(boxes, key=lambda one: (one.low, one.first)),
            )
            for order in orders:
                for one, other in pairwise(order):
                    made = _joined(_joined(one, other, 0), other, 1)
                    found = (made.size - one.size - other.size, one.first, one.low, (one, other))
                    if best is None or found[:3] < best[:3]:
                        best = found
        return None if best is None else best[3]

    def _join(self, wanted: Callable[[float], bool]) -> None:
        while self._heap:
            cost, _, one, other = self._heap[0]
            if not (one.alive and other.alive):
                heapq.heappop(self._heap)
                continue
            if not wanted(cost):
                return
            heapq.heappop(self._heap)
            axis = 0 if one.sides()[0] == other.sides()[0] else 1
            made = _joined(one, other, axis)
            self._remove(one)
            self._remove(other)
            self.add(made)


def _joined(one: _Box, other: _Box, axis: int) -> _Box:
    """Return the smallest box that holds two: a block of addresses, or a range of ports."""
    records, seen = one.records + other.records, one.seen + other.seen
    if axis == 1:  # `one` may hold the addresses of both already
        low, high = min(one.low, other.low), max(one.high, other.high)
        return _Box(one.protocol, low, high, one.version, one.first, one.last, one.peer, records, seen)
    first, last = min(one.first, other.first), max(one.last, other.last)
    length = (first ^ last).bit_length()
    first = first >> length << length
    return _Box(one.protocol, one.low, one.high, one.version, first, first + (1 << length) - 1, one.peer, records, seen)
