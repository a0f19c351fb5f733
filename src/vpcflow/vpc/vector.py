"""The evaluator over whole batches of records: the same decisions as `vpc/evaluator.py`, millions a second.

Texts are read once for each distinct value. Interfaces that are alike share one `Policy`, whose tables give the outcome of
a flow by two searches and a look-up. Records have no ICMP types: rules for one match by their protocol, and say so (`assumed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from vpcflow.record.flow_counts import ACCEPT, EGRESS, INGRESS, REJECT
from vpcflow.vpc.address_columns import Addresses, Coded
from vpcflow.vpc.addresses import Address, address
from vpcflow.vpc.inventory import inventory
from vpcflow.vpc.matching import TCP, UDP
from vpcflow.vpc.outcomes import WHYS, Outcome, RuleRef, Rules
from vpcflow.vpc.policy import PORTS, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vpcflow.vpc.decision import Direction
    from vpcflow.vpc.topology import Network

_DIRECTIONS: Final[tuple[Direction, Direction]] = ("ingress", "egress")
_BITS: Final = 32
_ACTIONS: Final = pa.array(["ACCEPT", "REJECT"])


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Decisions on N records. outcome: of each, a place in *outcomes*. rules: what outcomes refer to.

    action: 0 unknown, or no flow (NODATA, SKIPDATA, a field missing), `ACCEPT` 1, `REJECT` 2. layer: who refuses
    (`SECURITY_GROUP` 1, `NETWORK_ACL` 2), 0 for nobody or not known. why: a place in `WHYS`. rule: that decides, as in
    `Decision.rule`; group_rule, acl_entry: those of the two layers that let through or refuse; all places in *rules*, -1
    for none. assumed: see `Decision`. direction: `INGRESS` 1, `EGRESS` 2, as told by the record or its addresses; 0 not known.
    """

    outcome: NDArray[np.int32]
    direction: NDArray[np.uint8]
    outcomes: Sequence[Outcome]
    rules: Sequence[RuleRef]

    def _column(self, place: int, kind: type[Any]) -> NDArray[Any]:
        table = np.array([outcome[place] for outcome in self.outcomes] or [0], kind)
        found: NDArray[Any] = table[self.outcome]
        return found

    @property
    def action(self) -> NDArray[np.uint8]:
        """0, `ACCEPT`, `REJECT`."""
        return self._column(0, np.uint8)

    @property
    def layer(self) -> NDArray[np.uint8]:
        """0, `SECURITY_GROUP`, `NETWORK_ACL`."""
        return self._column(1, np.uint8)

    @property
    def why(self) -> NDArray[np.uint8]:
        """Places in `WHYS`."""
        return self._column(2, np.uint8)

    @property
    def rule(self) -> NDArray[np.int32]:
        """Places in *rules* of what decides."""
        return self._column(3, np.int32)

    @property
    def group_rule(self) -> NDArray[np.int32]:
        """Places in *rules* of what a security group says."""
        return self._column(4, np.int32)

    @property
    def acl_entry(self) -> NDArray[np.int32]:
        """Places in *rules* of what the network ACL says."""
        return self._column(5, np.int32)

    @property
    def assumed(self) -> NDArray[np.bool_]:
        """Whether an ICMP type was taken for what a rule asks."""
        return self._column(6, np.bool_)

    def actions(self) -> pa.Array:
        """Return ACCEPT, REJECT or null for each record, as records have them."""
        action = self.action
        codes = pa.array((np.maximum(action, 1) - 1).astype(np.int32), mask=action == 0)
        return pa.DictionaryArray.from_arrays(codes, _ACTIONS)

    def counts(self) -> dict[str, int]:
        """Return how many records there are of each reason (`WHYS`) among those that are not decided."""
        numbers = np.bincount(self.why[self.action == 0], minlength=len(WHYS))
        return {why: int(count) for why, count in zip(WHYS, numbers, strict=True) if count}


class Evaluator:
    """Decides on batches of records by *network*. Not for several threads at once: it learns as it goes."""

    def __init__(self, network: Network) -> None:
        self._inventory = inventory(network)
        self._interfaces = {key: place for place, key in enumerate(network.interfaces)}
        self._all = list(network.interfaces.values())
        self._rules = Rules()
        self._no_flow, self._no_interface, self._no_direction, self._bad_address = (
            self._rules.alone(why) for why in ("no_flow", "unknown_interface", "unknown_direction", "bad_address")
        )
        self._policies: dict[tuple[object, ...], int] = {}
        self._made: list[Policy] = []
        self._policy_of = np.full(2 * len(self._all), -1, np.int32)
        self._own = _Own(self._all)

    def decide(self, batch: pa.RecordBatch | pa.Table, tracked: pa.Array | None = None) -> Verdicts:
        """Decide on each record of *batch* at its interface.

        Needs the columns interface_id, srcaddr, dstaddr, dstport and protocol; flow_direction, if there, tells the
        direction, else the addresses do. tracked: whether each belongs to a connection that security groups let through
        before; None for none.
        """
        count = batch.num_rows
        src, dst = (_Side(Coded.of(batch.column(name))) for name in ("srcaddr", "dstaddr"))
        places = self._places(Coded.of(batch.column("interface_id")))
        services, told = _services(batch)
        told &= (src.codes >= 0) & (dst.codes >= 0)
        version = src.version
        same = (version != 0) & (version == dst.version)
        direction = _directions(batch, count)
        self._tell(direction, places, src, dst, told & same)
        outcome = np.select(
            [~told, ~same, places < 0, direction == 0],
            [self._no_flow, self._bad_address, self._no_interface, self._no_direction],
            -1,
        ).astype(np.int32)
        known = None if tracked is None else _flags(tracked)
        if not told.all():  # what is no flow has no direction either
            direction = np.where(told, direction, 0).astype(np.uint8)
        open_rows = np.flatnonzero(outcome < 0)
        if len(open_rows):
            self._fill(outcome, open_rows, places, direction, (src, dst), services, known)
        return Verdicts(outcome, direction, self._rules.outcomes, self._rules.all)

    def __call__(self, batch: pa.RecordBatch, tracked: pa.Array) -> pa.Array:
        """Return ACCEPT, REJECT or null for each record: what `aggregate.connections.Connections` asks for."""
        return self.decide(batch, tracked).actions()

    def _fill(
        self,
        outcome: NDArray[np.int32],
        rows: NDArray[np.int64],
        places: NDArray[np.int32],
        direction: NDArray[np.uint8],
        sides: tuple[_Side, _Side],
        services: NDArray[np.int32],
        tracked: NDArray[np.bool_] | None,
    ) -> None:
        """Set the outcome of *rows*, policy by policy."""
        whole = len(rows) == len(outcome)
        if not whole:
            places, direction, services = places[rows], direction[rows], services[rows]
        ingress = direction == INGRESS
        version, four, six = (_far(sides, rows, ingress, whole=whole, name=name) for name in ("version", "four", "six"))
        for number, which in _grouped(self._policy_numbers(places, direction)):
            outcome[rows[which]] = self._made[number].decide(
                version[which], four[which], None if six is None else six[which], services[which],
                None if tracked is None else tracked[rows[which]],
            )  # fmt: skip

    def _policy_numbers(self, places: NDArray[np.int32], direction: NDArray[np.uint8]) -> NDArray[np.int32]:
        keys = places * np.int32(2) + (direction - np.uint8(1))
        numbers: NDArray[np.int32] = self._policy_of[keys]
        missing = numbers < 0
        if missing.any():
            for key in np.unique(keys[missing]).tolist():
                self._policy_of[key] = self._policy(key // 2, _DIRECTIONS[key % 2])
            numbers = self._policy_of[keys]
        return numbers

    def _policy(self, place: int, direction: Direction) -> int:
        interface = self._all[place]
        key = Policy.key(interface, direction)
        if key not in self._policies:
            self._policies[key] = len(self._made)
            self._made.append(Policy(self._inventory, interface, direction, self._rules))
        return self._policies[key]

    def _places(self, coded: Coded) -> NDArray[np.int32]:
        """Return the number of each record's interface, -1 for one that is not described."""
        numbers = [self._interfaces.get(name, -1) for name in coded.values.to_pylist()]
        return np.array([*numbers, -1], np.int32)[coded.codes]

    def _tell(
        self, direction: NDArray[np.uint8], places: NDArray[np.int32], src: _Side, dst: _Side, usable: NDArray[np.bool_]
    ) -> None:
        """Set directions that no record tells, by which end is the interface's own."""
        rows = np.flatnonzero((direction == 0) & usable & (places >= 0))
        if not len(rows):
            return
        out, into = (self._own.holds(side.addresses, side.codes[rows], places[rows]) for side in (src, dst))
        direction[rows] = np.select([out & ~into, into & ~out], [EGRESS, INGRESS], 0)


class _Side:
    """One end of all records."""

    def __init__(self, coded: Coded) -> None:
        self.codes = coded.codes
        self.addresses = Addresses.of(coded.values)
        self.version = self.addresses.version[coded.codes]


def _far(
    sides: tuple[_Side, _Side], rows: NDArray[np.int64], ingress: NDArray[np.bool_], *, whole: bool, name: str
) -> Any:  # noqa: ANN401 - an array of the field's type, None for no IPv6 at all
    src, dst = (getattr(side.addresses, name) for side in sides)
    if name == "six" and not any((side.addresses.version == 6).any() for side in sides):
        return None
    from_src, from_dst = (side.codes if whole else side.codes[rows] for side in sides)
    return np.where(ingress, src[from_src], dst[from_dst])


def _grouped(numbers: NDArray[np.int32]) -> list[tuple[int, Any]]:
    """Return the rows of each number; all of them at once where there is one number."""
    if (numbers == numbers[0]).all():
        return [(int(numbers[0]), slice(None))]
    # Numbers below 65,536 are sorted by counting.
    order = np.argsort(numbers.astype(np.uint16) if numbers.max() < 1 << 16 else numbers, kind="stable")
    ordered = numbers[order]
    cuts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return [(int(numbers[piece[0]]), piece) for piece in np.split(order, cuts)]


def _services(batch: pa.RecordBatch | pa.Table) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return each record's service (`policy.SERVICES`), and whether it tells one."""
    protocol, port = (_numbers(batch, name) for name in ("protocol", "dstport"))
    has_port = (protocol == TCP) | (protocol == UDP)
    told = (protocol >= 0) & (protocol < 256) & (~has_port | ((port >= 0) & (port < PORTS)))
    by_port = port + np.where(protocol == UDP, PORTS, 0)
    services = np.where(has_port, by_port, 2 * PORTS + protocol)
    return np.where(told, services, 0).astype(np.int32), told


def _numbers(batch: pa.RecordBatch | pa.Table, name: str) -> NDArray[np.int64]:
    column = batch.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    found: NDArray[np.int64] = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def _flags(column: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = column.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _directions(batch: pa.RecordBatch | pa.Table, count: int) -> NDArray[np.uint8]:
    if "flow_direction" not in batch.schema.names:
        return np.zeros(count, np.uint8)
    coded = Coded.of(batch.column("flow_direction"))
    words = [{"ingress": INGRESS, "egress": EGRESS}.get(word, 0) for word in coded.values.to_pylist()]
    return np.array([*words, 0], np.uint8)[coded.codes]


class _Own:
    """Which addresses are an interface's own. Addresses get numbers; pairs of interface and number are looked for."""

    def __init__(self, interfaces: Sequence[Any]) -> None:
        numbers: dict[Address, int] = {}
        pairs = set()
        for place, interface in enumerate(interfaces):
            for text in (*interface.addresses, *interface.ipv6):
                if found := address(text):
                    pairs.add(place << _BITS | numbers.setdefault(found, len(numbers)))
        four = sorted((one.number, number) for one, number in numbers.items() if one.version == 4)
        self._four = np.array([one for one, _ in four], np.uint32)
        self._four_numbers = np.array([number for _, number in four], np.int64)
        self._six = {
            one.number.to_bytes(16, "big").rstrip(b"\0"): number for one, number in numbers.items() if one.version == 6
        }
        self._pairs = np.array(sorted(pairs), np.int64)

    def holds(self, addresses: Addresses, codes: NDArray[np.int32], places: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell for each row whether its address (*codes* of *addresses*) is its interface's own."""
        numbers = self._numbers(addresses)[codes]
        wanted = places.astype(np.int64) << _BITS | np.maximum(numbers, 0)
        found = np.searchsorted(self._pairs, wanted)
        inside = (numbers >= 0) & (found < len(self._pairs))
        inside[inside] = self._pairs[found[inside]] == wanted[inside]
        return inside

    def _numbers(self, addresses: Addresses) -> NDArray[np.int64]:
        numbers = np.full(len(addresses.version), -1, np.int64)
        short = np.flatnonzero(addresses.version == 4)
        if len(self._four) and len(short):
            at = np.minimum(np.searchsorted(self._four, addresses.four[short]), len(self._four) - 1)
            same = self._four[at] == addresses.four[short]
            numbers[short[same]] = self._four_numbers[at[same]]
        for place in np.flatnonzero(addresses.version == 6).tolist() if self._six else ():
            numbers[place] = self._six.get(bytes(addresses.six[place]), -1)
        return numbers


__all__ = ["ACCEPT", "REJECT", "WHYS", "Evaluator", "Outcome", "RuleRef", "Verdicts"]
