"""What one interface lets through in one direction, as tables: the evaluator's rules, compiled.

Addresses fall into classes, intervals in which no rule tells two of them apart; so do protocols with their ports. A
decision is a cell of class × class, computed from all rules at once when a flow first falls into it, in the words of
`vpc/layers.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.record.flow_counts import ACCEPT, NETWORK_ACL, REJECT, SECURITY_GROUP, UNKNOWN
from vpcflow.vpc.addresses import Block, block
from vpcflow.vpc.classes import Classes
from vpcflow.vpc.exempt import exempt
from vpcflow.vpc.layers import WITHOUT_GROUPS, complete
from vpcflow.vpc.matching import TCP, UDP, asks_type
from vpcflow.vpc.outcomes import CODE, Outcome, Rules
from vpcflow.vpc.peers import Peer, peer
from vpcflow.vpc.rules import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.vpc.decision import Direction, Why
    from vpcflow.vpc.inventory import Inventory
    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule
    from vpcflow.vpc.topology import NetworkInterface

PORTS: Final = 1 << 16
SERVICES: Final = 2 * PORTS + 256
"""Services: ports of TCP, those of UDP, then all protocols by number."""

_MAX_CELLS: Final = 1 << 22
"""Cells that a table is kept for; above, each batch computes its own."""

_AT_ONCE: Final = 1 << 24
"""Rules × cells that are held against one another at once."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rules as rows of matrices.

    places: their numbers. near: which classes of addresses they match; open: which they may. service: which classes of
    services. typed: for one ICMP type. allow: of entries of network ACLs.
    """

    places: NDArray[np.int32]
    near: NDArray[np.bool_]
    open: NDArray[np.bool_]
    service: NDArray[np.bool_]
    typed: NDArray[np.bool_]
    allow: NDArray[np.bool_]


class Policy:
    """Decisions of one interface in one direction; interfaces that are alike share one (`key`)."""

    def __init__(self, inventory: Inventory, interface: NetworkInterface, direction: Direction, rules: Rules) -> None:
        self._inventory, self._interface, self._rules = inventory, interface, rules
        self._inbound = direction == "ingress"
        network = inventory.network
        subnet = network.subnets.get(interface.subnet_id)
        acl = network.network_acls.get(subnet.network_acl) if subnet else None
        self._acl_why: Why = "unknown_subnet" if subnet is None else "unknown_acl"
        self._has_acl = acl is not None
        own = [block(cidr) for cidr in subnet.cidrs] if subnet else []
        free = exempt(network, interface.vpc_id, interface.subnet_id)
        group_rules = list(self._group_rules())
        peers = [peer(inventory, rule, interface.vpc_id, inbound=self._inbound) for _, _, rule in group_rules]
        entries = self._entries(acl.inbound if self._inbound else acl.outbound) if acl else []
        self._classes = Classes([*own, *free, *_of_peers(peers), *(block(entry.cidr) for entry in entries)])
        self._cuts = _service_cuts([*(rule for _, _, rule in group_rules), *entries])
        self._free, self._own = (self._holding(blocks) for blocks in (free, own))
        self._groups = self._rows(group_rules, [self._near(one) for one in peers])
        named = [(acl.id if acl else "", order, entry) for order, entry in enumerate(entries)]
        self._acl = self._rows(named, [(self._holding([block(entry.cidr)]), None) for entry in entries])
        self._table: NDArray[np.int32] | None = None
        if self._classes.count * len(self._cuts) * 2 <= _MAX_CELLS:
            self._table = np.full(self._classes.count * len(self._cuts) * 2, -1, np.int32)

    @staticmethod
    def key(interface: NetworkInterface, direction: Direction) -> tuple[object, ...]:
        """Return what tells policies apart."""
        groupless = not interface.security_groups and interface.type in WITHOUT_GROUPS
        return interface.vpc_id, interface.subnet_id, interface.security_groups, groupless, direction

    def decide(
        self,
        version: NDArray[np.uint8],
        four: NDArray[np.uint32],
        six: NDArray[np.bytes_] | None,
        services: NDArray[np.int32],
        tracked: NDArray[np.bool_] | None,
    ) -> NDArray[np.int32]:
        """Return the number of the outcome of each flow: far address, service, whether its connection is tracked."""
        cells = self._classes.of(version, four, six)
        cells *= len(self._cuts)
        cells += np.searchsorted(self._cuts, services, side="right") - 1
        cells *= 2
        if tracked is not None:
            cells += tracked
        if self._table is None:
            distinct, places = np.unique(cells, return_inverse=True)
            return self._outcomes(distinct)[places]
        found = self._table[cells]
        missing = found < 0
        if missing.any():
            new = np.unique(cells[missing])
            self._table[new] = self._outcomes(new)
            found = self._table[cells]
        return found

    # --- rules → matrices --------------------------------------------------------------------------------------

    def _group_rules(self) -> Iterator[tuple[str, int, SecurityGroupRule]]:
        for group_id in self._interface.security_groups:
            group = self._inventory.network.security_groups.get(group_id)
            if group is not None:
                for order, rule in enumerate(group.inbound if self._inbound else group.outbound):
                    yield group_id, order, rule

    @staticmethod
    def _entries(entries: Sequence[NetworkAclEntry]) -> list[NetworkAclEntry]:
        return list(complete(complete(entries, 4), 6))

    def _holding(self, blocks: Iterable[Block]) -> NDArray[np.bool_]:
        found = np.zeros(self._classes.count, bool)
        for one in blocks:
            found[self._classes.span(one)] = True
        return found

    def _near(self, one: Peer) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        near = self._holding(one.blocks)
        near[[self._classes.place(host) for host in one.hosts]] = True
        if not one.open:
            return near, None
        may = ~near
        may[[self._classes.place(host) for host in one.not_others]] = False
        return near, may

    def _rows(
        self,
        rules: Sequence[tuple[str, int, SecurityGroupRule | NetworkAclEntry]],
        near: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_] | None]],
    ) -> _Rows:
        count = len(rules)
        matching, may = (np.zeros((count, self._classes.count), bool) for _ in range(2))
        service = np.zeros((count, len(self._cuts)), bool)
        for row, ((_, _, rule), (holds, is_open)) in enumerate(zip(rules, near, strict=True)):
            matching[row] = holds
            if is_open is not None:
                may[row] = is_open
            first, last = _services(rule)
            service[row, bisect_left(self._cuts, first) : bisect_left(self._cuts, last + 1)] = True
        return _Rows(
            np.array([self._rules.place(name, self._inbound, order, rule) for name, order, rule in rules], np.int32),
            matching, may, service,
            np.array([asks_type(rule) for _, _, rule in rules], bool),
            np.array([getattr(rule, "allow", True) for _, _, rule in rules], bool),
        )  # fmt: skip

    # --- cells -------------------------------------------------------------------------------------------------

    def _outcomes(self, cells: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the numbers of the outcomes of *cells*."""
        rules = max(1, len(self._groups.places), len(self._acl.places))
        step = max(1, _AT_ONCE // rules)
        pieces = [self._computed(cells[begin : begin + step]) for begin in range(0, len(cells), step)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)

    def _computed(self, cells: NDArray[np.int64]) -> NDArray[np.int32]:
        tracked, rest = cells % 2 == 1, cells // 2
        services, classes = rest % len(self._cuts), rest // len(self._cuts)
        groups = self._asked_groups(classes, services, tracked)
        acl = self._asked_acl(classes, services)
        rows = _combined(groups, acl, inbound=self._inbound)
        distinct, places = np.unique(rows, axis=0, return_inverse=True)
        numbers = [self._rules.outcome(Outcome._make((*row[:6], bool(row[6])))) for row in distinct.tolist()]
        return np.array(numbers, np.int32)[places.ravel()]

    def _asked_groups(
        self, classes: NDArray[np.int64], services: NDArray[np.int64], tracked: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """Return action, why, rule and assumed of the security groups, for each cell."""
        rows, ids = self._groups, self._interface.security_groups
        service = rows.service[:, services]
        match = rows.near[:, classes] & service
        sure, row = _first(match & ~rows.typed[:, None])
        some, other = _first(match)
        may, which = _first(rows.open[:, classes] & service)
        unknown = not ids or any(one not in self._inventory.network.security_groups for one in ids)
        none = np.full(len(classes), -1)
        step = _step(
            np.select([some, np.full(len(classes), unknown), may], [ACCEPT, UNKNOWN, UNKNOWN], REJECT),
            np.select(
                [some, np.full(len(classes), unknown), may],
                [CODE["rule"], CODE["unknown_group"], CODE["unknown_peer"]],
                CODE["no_rule"],
            ),
            np.select(
                [sure, some, may & (not unknown)],
                [_numbers(rows, row), _numbers(rows, other), _numbers(rows, which)],
                none,
            ),
            some & ~sure,
        )
        groupless = not ids and self._interface.type in WITHOUT_GROUPS
        _let_through(step, tracked & (not groupless), "tracked")
        if groupless:
            _let_through(step, np.ones(len(classes), bool), "no_groups")
        _let_through(step, self._free[classes], "not_filtered")
        return step

    def _asked_acl(self, classes: NDArray[np.int64], services: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return action, why, rule and assumed of the network ACL, for each cell."""
        rows, count = self._acl, len(classes)
        if not self._has_acl:
            step = _step(
                np.full(count, UNKNOWN), np.full(count, CODE[self._acl_why]), np.full(count, -1), np.zeros(count, bool)
            )
        else:
            _, row = _first(rows.near[:, classes] & rows.service[:, services])
            step = _step(
                np.where(rows.allow[row], ACCEPT, REJECT),
                np.full(count, CODE["rule"]),
                rows.places[row],
                rows.typed[row],
            )
        _let_through(step, self._own[classes], "same_subnet")
        _let_through(step, self._free[classes], "not_filtered")
        return step


def _first(match: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Tell for each column whether any row matches, and the first that does."""
    if not len(match):
        return np.zeros(match.shape[1], bool), np.zeros(match.shape[1], np.int64)
    return np.logical_or.reduce(match), match.argmax(axis=0)


def _numbers(rows: _Rows, row: NDArray[np.int64]) -> NDArray[np.int32]:
    return rows.places[row] if len(rows.places) else np.full(len(row), -1, np.int32)


def _step(
    action: NDArray[Any], why: NDArray[Any], rule: NDArray[Any], assumed: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    return {"action": action, "why": why, "rule": rule.astype(np.int64), "assumed": assumed.copy()}


def _let_through(step: dict[str, NDArray[Any]], where: NDArray[np.bool_], why: Why) -> None:
    for name, value in (("action", ACCEPT), ("why", CODE[why]), ("rule", -1), ("assumed", False)):
        step[name][where] = value


def _combined(groups: dict[str, NDArray[Any]], acl: dict[str, NDArray[Any]], *, inbound: bool) -> NDArray[np.int64]:
    """Return rows of `Outcome` for what two layers come to: see `evaluator._decision`."""
    layers = (NETWORK_ACL, SECURITY_GROUP) if inbound else (SECURITY_GROUP, NETWORK_ACL)
    one, other = (acl, groups) if inbound else (groups, acl)
    refused = [step["action"] == REJECT for step in (one, other)]
    unknown = [step["action"] == UNKNOWN for step in (one, other)]
    cases = [refused[0], refused[1], unknown[0], unknown[1]]
    refusing = refused[0] | refused[1]

    def decisive(name: str) -> NDArray[Any]:
        return np.select(cases, [one[name], other[name], one[name], other[name]], groups[name])

    action = np.select([refusing, unknown[0] | unknown[1]], [REJECT, UNKNOWN], ACCEPT)
    # A refusal behind a layer that is not known: it is certain, who refuses is not.
    layer = np.select([refused[0], refused[1] & ~unknown[0]], [layers[0], layers[1]], 0)
    assumed = decisive("assumed") | (~refusing & (one["assumed"] | other["assumed"]))
    return np.stack([action, layer, decisive("why"), decisive("rule"), groups["rule"], acl["rule"], assumed], axis=1)


# --- classes -------------------------------------------------------------------------------------------------------


def _of_peers(peers: Iterable[Peer]) -> Iterator[Block]:
    for one in peers:
        yield from one.blocks
        yield from (Block(host.version, host.number, host.number) for host in (*one.hosts, *one.not_others))


def _services(rule: SecurityGroupRule | NetworkAclEntry) -> tuple[int, int]:
    """Return the services that a rule is for, first and last."""
    if rule.protocol == ANY:
        return 0, SERVICES - 1
    if rule.protocol in (TCP, UDP):
        base = 0 if rule.protocol == TCP else PORTS
        if rule.from_port == ANY:
            return base, base + PORTS - 1
        return base + max(rule.from_port, 0), base + min(rule.to_port, PORTS - 1)
    return 2 * PORTS + rule.protocol, 2 * PORTS + rule.protocol


def _service_cuts(rules: Iterable[SecurityGroupRule | NetworkAclEntry]) -> NDArray[np.int32]:
    cuts = {0, PORTS, 2 * PORTS}
    for rule in rules:
        first, last = _services(rule)
        if first <= last:
            cuts.update({first, last + 1})
    return np.array(sorted(cuts - {SERVICES}), np.int32)
