"""Least privilege from records: rules for one security group or network ACL that cover what was accepted, and prove it.

A security group needs a rule for what opens a connection; a network ACL for both directions. Answers go to ports that clients
pick, so an ACL gets the smallest usual range of such ports that holds those seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.analyze.explain import flows
from vpcflow.analyze.explain.narrow import Point, Suggested, suggest
from vpcflow.analyze.explain.replay import Replay, Side, opening_of, recorded, replay
from vpcflow.record.flow_counts import EGRESS, INGRESS
from vpcflow.vpc.addresses import canonical
from vpcflow.vpc.rule_change import RuleChange
from vpcflow.vpc.rules import LAST_RULE, NetworkAcl, NetworkAclEntry, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.vector import ACCEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.analyze.explain.replay import Seen
    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.vpc.topology import Network
    from vpcflow.vpc.vector import Verdicts

QUOTA: Final = {"security_group": 60, "network_acl": 20}
"""Rules in one direction, by default. Source: VPC User Guide "Amazon VPC quotas"."""
EPHEMERAL: Final = (49152, 32768, 1024)
"""Where the usual ranges of ports that clients pick begin. Source: VPC User Guide "Ephemeral ports"."""
MANY: Final = 2_000
"""Of more addresses than this for one port, networks are taken instead, so that joining them stays quick."""
_COARSE: Final = ((24, 64), (16, 48), (8, 32))
_FIRST, _STEP = 100, 10


@dataclass(frozen=True, slots=True)
class Unused:
    """A rule that nothing accepted needed. inbound: its direction."""

    inbound: bool
    rule: SecurityGroupRule | NetworkAclEntry


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Rules for one group or ACL.

    inbound, outbound: what to allow. unused: rules there are that no accepted record needed. changes: from what there is to
    what is suggested, additions first. proof: accepted records replayed against the suggestion. records: accepted ones that
    they were made of.
    coarse: whether addresses were taken as networks from the start, for there being so many. after: the network with the
    suggestion.
    """

    resource: str
    inbound: tuple[Suggested, ...]
    outbound: tuple[Suggested, ...]
    unused: tuple[Unused, ...]
    changes: tuple[RuleChange, ...]
    records: int
    coarse: bool
    proof: Replay
    after: Network

    @property
    def proved(self) -> bool:
        """Whether no accepted record would be refused."""
        return self.proof.uncovered == 0


def suggested(asker: Asker, scope: Scope, network: Network, resource: str, *, at_most: int | None = None) -> Suggestion:
    """Suggest rules for a group or ACL of *network* from the accepted records of *scope*. at_most: rules in each direction."""
    found = network.security_groups.get(resource) or network.network_acls[resource]
    kind = "security_group" if isinstance(found, SecurityGroup) else "network_acl"
    concerned = _interfaces(network, found)
    gathering = _Gathering(found)
    side = Side(network)
    if concerned:
        batches, _ = recorded(asker, scope, (network,), interfaces=concerned, action="ACCEPT")
        for batch in batches:
            gathering.take(batch, side.see(batch), side)
    limit = QUOTA[kind] if at_most is None else at_most
    ways = {inbound: suggest(gathering.points(inbound=inbound), at_most=limit) for inbound in (True, False)}
    made = _made(found, ways)
    after = _with(network, made)
    proof = replay(asker, scope, network, after, action="ACCEPT", interfaces=concerned)
    return Suggestion(
        resource,
        tuple(ways[True]),
        tuple(ways[False]),
        tuple(_unused(found, gathering.hits)),
        tuple(_changes(found, made)),
        gathering.records,
        gathering.coarse,
        proof,
        after,
    )


def _interfaces(network: Network, found: SecurityGroup | NetworkAcl) -> list[str]:
    if isinstance(found, SecurityGroup):
        return [one.id for one in network.interfaces.values() if found.id in one.security_groups]
    subnets = {subnet.id for subnet in network.subnets.values() if subnet.network_acl == found.id}
    return [one.id for one in network.interfaces.values() if one.subnet_id in subnets]


class _Gathering:
    """Accepted flows on their way to points, and how often each rule there is was needed."""

    def __init__(self, found: SecurityGroup | NetworkAcl) -> None:
        self._resource, self._group = found.id, isinstance(found, SecurityGroup)
        self._points: Counter[tuple[int, int, int, str]] = Counter()
        self.hits: Counter[tuple[bool, SecurityGroupRule | NetworkAclEntry]] = Counter()
        self.records = 0
        self.coarse = False

    def take(self, batch: pa.Table, seen: Seen, side: Side) -> None:
        """Take a batch of accepted flows and what the network says of it."""
        if self._group:
            self._of_group(batch, seen, side)
        else:
            self._of_acl(batch, seen)

    def _of_group(self, batch: pa.Table, seen: Seen, side: Side) -> None:
        role = np.asarray(batch.column("role").combine_chunks(), np.int64)
        turned = role == flows.ANSWER
        either = role == flows.EITHER
        told = seen.opening
        packets = opening_of(batch, turned)
        if (either & (told.action != ACCEPT)).any():
            # Not an opening by the rules there are: an answer then, to an opening from the other end.
            other = opening_of(batch, either, to_client=True)
            verdicts = side.decide(other)
            swap = either & (told.action != ACCEPT) & (verdicts.action == ACCEPT)
            self._add(other, verdicts, batch, swap)
            self._add(packets, told, batch, ~swap)
            return
        self._add(packets, told, batch, np.ones(batch.num_rows, bool))

    def _add(self, packets: pa.Table, told: Verdicts, batch: pa.Table, which: np.ndarray[Any, Any]) -> None:
        rule = told.group_rule
        own = np.array([*(ref.resource == self._resource for ref in told.rules), True], bool)[rule]
        self._count(packets, told.direction, rule, told, batch, which & own & (told.direction > 0))

    def _of_acl(self, batch: pa.Table, seen: Seen) -> None:
        told = seen.answer
        asked = told.acl_entry >= 0
        packets = pa.table(
            {
                "srcaddr": batch.column("src"),
                "dstaddr": batch.column("dst"),
                "protocol": batch.column("protocol"),
                "dstport": _acl_port(batch),
            }
        )
        self._count(packets, told.direction, told.acl_entry, told, batch, asked & (told.direction > 0))

    def _count(
        self,
        packets: pa.Table,
        direction: np.ndarray[Any, Any],
        rule: np.ndarray[Any, Any],
        told: Verdicts,
        batch: pa.Table,
        which: np.ndarray[Any, Any],
    ) -> None:
        rows = pa.array(np.flatnonzero(which))
        into = pa.array(direction == INGRESS)
        table = pa.table(
            {
                "direction": pa.array(direction.astype(np.int64)),
                "protocol": packets.column("protocol").cast(pa.int64()),
                "port": packets.column("dstport").cast(pa.int64()),
                "far": pc.if_else(into, packets.column("srcaddr"), packets.column("dstaddr")),
                "rule": pa.array(rule.astype(np.int64)),
                "records": batch.column("records"),
            }
        ).take(rows)
        keys = ["direction", "protocol", "port", "far", "rule"]
        for row in table.group_by(keys).aggregate([("records", "sum")]).to_pylist():
            ref = told.rules[row["rule"]] if row["rule"] >= 0 else None
            peer = row["far"]
            if ref is not None and ref.resource == self._resource:
                self.hits[ref.inbound, ref.rule] += row["records_sum"]
                named = getattr(ref.rule, "peer", "")
                peer = named if named.startswith(("sg-", "pl-")) else peer
            self._points[row["direction"], row["protocol"], row["port"], peer] += row["records_sum"]
            self.records += row["records_sum"]

    def points(self, *, inbound: bool) -> Iterator[Point]:
        """Yield the points of one direction; of very many addresses at one port, networks."""
        way = INGRESS if inbound else EGRESS
        by_port: dict[tuple[int, int], Counter[str]] = {}
        for (direction, protocol, port, peer), count in self._points.items():
            if direction == way:
                by_port.setdefault((protocol, port), Counter())[peer] += count
        for (protocol, port), peers in by_port.items():
            low, high = (-port, 65535) if port < 0 else (port, port)
            records, seen = peers, Counter(dict.fromkeys(peers, 1))
            for lengths in _COARSE:
                if len(records) <= MANY:
                    break
                self.coarse = True
                records, seen = _coarser(records, lengths), _coarser(seen, lengths)
            for peer, number in records.items():
                yield Point(protocol, low, high, peer, number, seen[peer])


def _coarser(peers: Counter[str], lengths: tuple[int, int]) -> Counter[str]:
    """Return what peers add up to in networks of these lengths."""
    wider: Counter[str] = Counter()
    for peer, count in peers.items():
        wider[_network(peer, lengths)] += count
    return wider


def _network(peer: str, lengths: tuple[int, int]) -> str:
    """Return the network of an address or block, of the length for its IP version."""
    if peer.startswith(("sg-", "pl-")):
        return peer
    length = lengths[1] if ":" in peer else lengths[0]
    return canonical(f"{peer.partition('/')[0]}/{length}")


def _acl_port(batch: pa.Table) -> pa.Array:
    """Return the destination port; of answers, minus the begin of the usual range of clients' ports that holds it."""
    role = np.asarray(batch.column("role").combine_chunks(), np.int64)
    port, client = (
        np.asarray(batch.column(name).combine_chunks().fill_null(0), np.int64) for name in ("port", "client")
    )
    begins = np.select([client >= begin for begin in EPHEMERAL], [-begin for begin in EPHEMERAL], client)
    return pa.array(np.where(role == flows.ANSWER, begins, port))


# --- rules ---------------------------------------------------------------------------------------------------------


def _made(found: SecurityGroup | NetworkAcl, ways: dict[bool, list[Suggested]]) -> SecurityGroup | NetworkAcl:
    """Return the group or ACL with the suggested rules; rules that are there already keep their id."""
    if isinstance(found, SecurityGroup):
        return replace(
            found,
            inbound=tuple(_group_rule(one, found.inbound) for one in ways[True]),
            outbound=tuple(_group_rule(one, found.outbound) for one in ways[False]),
        )
    return replace(found, inbound=_entries(found.inbound, ways[True]), outbound=_entries(found.outbound, ways[False]))


def _group_rule(one: Suggested, there: Iterable[SecurityGroupRule]) -> SecurityGroupRule:
    same = (one.protocol, one.from_port, one.to_port, one.peer)
    kept = next((rule for rule in there if (rule.protocol, rule.from_port, rule.to_port, rule.peer) == same), None)
    return kept or SecurityGroupRule("", *same)


def _entries(there: Iterable[NetworkAclEntry], wanted: list[Suggested]) -> tuple[NetworkAclEntry, ...]:
    last = [entry for entry in there if entry.number >= LAST_RULE]
    made = [
        NetworkAclEntry(_FIRST + place * _STEP, True, one.protocol, one.peer, one.from_port, one.to_port)
        for place, one in enumerate(wanted)
    ]
    return (*made, *last)


def _with(network: Network, made: SecurityGroup | NetworkAcl) -> Network:
    if isinstance(made, SecurityGroup):
        return replace(network, security_groups={**network.security_groups, made.id: made})
    return replace(network, network_acls={**network.network_acls, made.id: made})


def _changes(before: SecurityGroup | NetworkAcl, after: SecurityGroup | NetworkAcl) -> Iterator[RuleChange]:
    """Yield what leads from one to the other: a group first gets its new rules, an ACL first frees its numbers."""
    verbs = ("authorize", "revoke") if isinstance(before, SecurityGroup) else ("revoke", "authorize")
    for verb in verbs:
        for inbound in (True, False):
            old, new = ((one.inbound if inbound else one.outbound) for one in (before, after))
            wanted = (
                [one for one in new if one not in old]
                if verb == "authorize"
                else [one for one in old if one not in new]
            )
            yield from (RuleChange(verb, before.id, inbound, rule) for rule in wanted)  # type: ignore[arg-type]


def _unused(
    found: SecurityGroup | NetworkAcl, hits: Counter[tuple[bool, SecurityGroupRule | NetworkAclEntry]]
) -> Iterator[Unused]:
    for inbound in (True, False):
        for rule in found.inbound if inbound else found.outbound:
            if not hits[inbound, rule] and not (isinstance(rule, NetworkAclEntry) and rule.number >= LAST_RULE):
                yield Unused(inbound, rule)
