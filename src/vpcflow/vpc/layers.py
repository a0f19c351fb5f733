"""The two layers at one interface: its security groups and the network ACL of its subnet.

Source: VPC User Guide "Security group rules", "Network ACL rules"; EC2 User Guide "Security group connection tracking".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.record.flow_counts import NETWORK_ACL, SECURITY_GROUP
from vpcflow.vpc.addresses import block, text
from vpcflow.vpc.decision import RuleCheck, Step
from vpcflow.vpc.exempt import exempt
from vpcflow.vpc.matching import WITH_PORTS, match
from vpcflow.vpc.peers import peer
from vpcflow.vpc.routing import route, table_of
from vpcflow.vpc.rules import ANY, LAST_RULE, NetworkAclEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.vpc.decision import Action, Direction, Why
    from vpcflow.vpc.inventory import Inventory
    from vpcflow.vpc.matching import Packet
    from vpcflow.vpc.rules import SecurityGroup, SecurityGroupRule
    from vpcflow.vpc.topology import NetworkInterface

WITHOUT_GROUPS: Final = frozenset(
    {
        "nat_gateway", "transit_gateway", "network_load_balancer", "gateway_load_balancer", "gateway_load_balancer_endpoint",
        "regional_nat_gateway", "vpn_gateway",
    }
)  # fmt: skip
"""Types of interfaces that may have no security groups; all others have one at least."""

_ALWAYS_TRACKED: Final = frozenset(
    {"nat_gateway", "network_load_balancer", "vpc_endpoint", "lambda", "gateway_load_balancer_endpoint"}
)
_ALWAYS_TRACKED_BY: Final = ("eigw-", "nat-", "vpce-")
_EVERYBODY: Final = frozenset({"0.0.0.0/0", "::/0"})
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet is looked at: one interface, in one direction."""

    inventory: Inventory
    interface: NetworkInterface
    direction: Direction
    packet: Packet

    @property
    def inbound(self) -> bool:
        """Whether the packet comes in."""
        return self.direction == "ingress"

    @property
    def exempt(self) -> bool:
        """Whether nothing is filtered, for the sake of the other side's address."""
        blocks = exempt(self.inventory.network, self.interface.vpc_id, self.interface.subnet_id)
        return any(found.holds(self.packet.far) for found in blocks)


# --- security groups ---------------------------------------------------------------------------------------------


def security_groups(place: Place, *, tracked: bool) -> Step:
    """Ask the security groups of the interface. tracked: the packet is of a connection that they let through before."""
    ids = place.interface.security_groups
    step = _StepOf(SECURITY_GROUP, place, ",".join(ids))
    if place.exempt:
        return step.make("ACCEPT", "not_filtered")
    if not ids and place.interface.type in WITHOUT_GROUPS:
        return step.make("ACCEPT", "no_groups")
    if tracked:
        return step.make("ACCEPT", "tracked")
    return _asked_groups(place, step)


def _asked_groups(place: Place, step: _StepOf) -> Step:
    ids = place.interface.security_groups
    checks = tuple(_asked(place))
    matching = [check for check in checks if check.matched]
    if matching:
        chosen = next((check for check in matching if not check.assumed), matching[0])
        everybody = any(getattr(check.rule, "peer", "") in _EVERYBODY for check in matching)
        untracked = everybody and _is_untracked(place)
        return Step(
            SECURITY_GROUP, place.direction, place.interface.id, "ACCEPT", "rule", chosen.resource, chosen.rule, checks,
            chosen.assumed, untracked,
        )  # fmt: skip
    unknown = [group for group in ids if group not in place.inventory.network.security_groups]
    if unknown or not ids:
        return step.make("UNKNOWN", "unknown_group", checks, ",".join(unknown))
    open_rules = [check for check in checks if check.unknown]
    if open_rules:
        return step.make("UNKNOWN", "unknown_peer", checks, open_rules[0].resource, open_rules[0].rule)
    return step.make("REJECT", "no_rule", checks)


def _asked(place: Place) -> Iterator[RuleCheck]:
    for group in _groups(place):
        for rule in group.inbound if place.inbound else group.outbound:
            yield _held_against(place, group.id, rule)


def _groups(place: Place) -> Iterator[SecurityGroup]:
    known = place.inventory.network.security_groups
    return (known[group] for group in place.interface.security_groups if group in known)


def _held_against(place: Place, group_id: str, rule: SecurityGroupRule) -> RuleCheck:
    if "/" in rule.peer and block(rule.peer).version != place.packet.far.version:
        return RuleCheck(group_id, rule, "ip_version")
    found = match(rule, place.packet)
    if found.mismatch:
        return RuleCheck(group_id, rule, found.mismatch)
    holds = peer(place.inventory, rule, place.interface.vpc_id, inbound=place.inbound).holds(place.packet.far)
    if holds is None:
        return RuleCheck(group_id, rule, "", unknown=True)
    return RuleCheck(group_id, rule, "" if holds else "peer", assumed=holds and found.assumed)


def _is_untracked(place: Place) -> bool:
    """Tell whether a flow let through for everybody is not remembered: answers have a rule for everybody and all ports."""
    packet, interface = place.packet, place.interface
    if packet.protocol not in WITH_PORTS or interface.type in _ALWAYS_TRACKED:
        return False
    network = place.inventory.network
    table = table_of(network, interface.subnet_id)
    way = route(network, table, text(packet.far)) if table else None
    if way and way.target.startswith(_ALWAYS_TRACKED_BY):
        return False
    everybody = "0.0.0.0/0" if packet.far.version == 4 else "::/0"
    return any(
        rule.peer == everybody and rule.protocol in (ANY, packet.protocol) and _all_ports(rule)
        for group in _groups(place)
        for rule in (group.outbound if place.inbound else group.inbound)
    )


def _all_ports(rule: SecurityGroupRule) -> bool:
    return ANY in (rule.protocol, rule.from_port) or (rule.from_port <= 0 and rule.to_port >= _MAX_PORT)


# --- network ACL -------------------------------------------------------------------------------------------------


def network_acl(place: Place) -> Step:
    """Ask the network ACL of the interface's subnet, which has no memory."""
    network, interface, far = place.inventory.network, place.interface, place.packet.far
    subnet = network.subnets.get(interface.subnet_id)
    step = _StepOf(NETWORK_ACL, place, subnet.network_acl if subnet else "")
    if place.exempt:
        return step.make("ACCEPT", "not_filtered")
    if subnet is None:
        return step.make("UNKNOWN", "unknown_subnet", resource=interface.subnet_id)
    if any(block(cidr).holds(far) for cidr in subnet.cidrs):
        return step.make("ACCEPT", "same_subnet", resource=subnet.id)
    acl = network.network_acls.get(subnet.network_acl)
    if acl is None:
        return step.make("UNKNOWN", "unknown_acl")
    checks: list[RuleCheck] = []
    decided: RuleCheck | None = None
    allow = False
    for entry in complete(acl.inbound if place.inbound else acl.outbound, far.version):
        check = RuleCheck(acl.id, entry, "not_reached") if decided else _entry(place, acl.id, entry)
        if check.matched:
            decided = check
            allow = entry.allow
        checks.append(check)
    rule, assumed = (decided.rule, decided.assumed) if decided else (None, False)
    action: Action = "ACCEPT" if allow else "REJECT"
    return Step(NETWORK_ACL, place.direction, interface.id, action, "rule", acl.id, rule, tuple(checks), assumed)


def complete(entries: Sequence[NetworkAclEntry], version: int) -> Sequence[NetworkAclEntry]:
    """Return the entries of one direction with the rule `*` of this IP version, which every ACL has."""
    everybody = "0.0.0.0/0" if version == 4 else "::/0"
    if any(entry.number >= LAST_RULE and entry.cidr == everybody for entry in entries):
        return entries
    return (*entries, NetworkAclEntry(LAST_RULE, False, ANY, everybody))


def _entry(place: Place, acl_id: str, entry: NetworkAclEntry) -> RuleCheck:
    there = block(entry.cidr)
    if there.version != place.packet.far.version:
        return RuleCheck(acl_id, entry, "ip_version")
    found = match(entry, place.packet)
    if found.mismatch:
        return RuleCheck(acl_id, entry, found.mismatch)
    if not there.holds(place.packet.far):
        return RuleCheck(acl_id, entry, "peer")
    return RuleCheck(acl_id, entry, assumed=found.assumed)


@dataclass(frozen=True, slots=True)
class _StepOf:
    """Steps of one layer at one place that no matching rule decided."""

    layer: int
    place: Place
    resource: str

    def make(
        self,
        action: Action,
        why: Why,
        checks: tuple[RuleCheck, ...] = (),
        resource: str = "",
        rule: SecurityGroupRule | NetworkAclEntry | None = None,
    ) -> Step:
        place = self.place
        return Step(
            self.layer, place.direction, place.interface.id, action, why, resource or self.resource, rule, checks
        )
