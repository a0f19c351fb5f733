"""Which addresses the peer of a security group's rule stands for.

Source: VPC User Guide "Security group rules", "Security group referencing": a group stands for the private addresses of
the interfaces that carry it, in this VPC, in one that is peered, and for inbound rules in one behind the same transit
gateway, if that is enabled there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vpcflow.vpc.addresses import Block, block

if TYPE_CHECKING:
    from vpcflow.vpc.addresses import Address
    from vpcflow.vpc.inventory import Inventory
    from vpcflow.vpc.rules import SecurityGroupRule
    from vpcflow.vpc.topology import Network


@dataclass(frozen=True, slots=True)
class Peer:
    """Addresses that a rule's peer certainly holds; open: whether it may hold others, except those in *not_others*."""

    blocks: tuple[Block, ...] = ()
    hosts: frozenset[Address] = frozenset()
    open: bool = False
    not_others: frozenset[Address] = field(default=frozenset())

    def holds(self, address: Address) -> bool | None:
        """Tell whether it holds *address*; None when nobody knows."""
        if address in self.hosts or any(found.holds(address) for found in self.blocks):
            return True
        return None if self.open and address not in self.not_others else False


def peer(inventory: Inventory, rule: SecurityGroupRule, vpc_id: str, *, inbound: bool) -> Peer:
    """Return what the peer of *rule* stands for at an interface in *vpc_id*."""
    if rule.peer.startswith("pl-"):
        found = inventory.network.prefix_lists.get(rule.peer)
        if found is None or not found.known:
            return Peer(open=True)
        return Peer(tuple(block(cidr) for cidr in found.cidrs))
    if rule.peer.startswith("sg-"):
        return _group(inventory, rule, vpc_id, inbound=inbound)
    return Peer((block(rule.peer),))


def _group(inventory: Inventory, rule: SecurityGroupRule, vpc_id: str, *, inbound: bool) -> Peer:
    network = inventory.network
    group = network.security_groups.get(rule.peer)
    partial = "network_interfaces" in network.incomplete
    if group is None:
        # Interfaces here carry groups that are told: theirs is another, unless they are among its members.
        members = inventory.members(rule.peer)
        return Peer(
            inventory.member_blocks(rule.peer), members, open=True, not_others=inventory.in_vpc(vpc_id) - members
        )
    if group.vpc_id != vpc_id:
        joined = _joined(network, vpc_id, group.vpc_id, inbound=inbound)
        if joined is None:
            return Peer(open=True, not_others=inventory.in_vpc(vpc_id))
        if not joined:
            return Peer()
    members = inventory.members(rule.peer)
    others = inventory.in_vpc(group.vpc_id) - members if partial else frozenset()
    return Peer(inventory.member_blocks(rule.peer), members, open=partial, not_others=others)


def _joined(network: Network, one: str, other: str, *, inbound: bool) -> bool | None:
    """Tell whether groups of VPC *other* may be referred to in *one*; None when gateways are not described."""
    if any(
        gateway.kind == "pcx" and {gateway.vpc_id, gateway.peer_vpc} == {one, other}
        for gateway in network.gateways.values()
    ):
        return True
    if inbound:
        through = _through_transit_gateway(network, one, other)
        if through is not False:
            return through
    return None if "vpc_peering_connections" in network.incomplete else False


def _through_transit_gateway(network: Network, one: str, other: str) -> bool | None:
    """Tell whether a transit gateway of both VPCs lets groups be referred to; None when it is not described."""
    attached: dict[str, set[str]] = {}
    for gateway in network.gateways.values():
        if gateway.kind == "tgw-attachment" and gateway.group_references:
            attached.setdefault(gateway.transit_gateway, set()).add(gateway.vpc_id)
    routed: dict[str, set[str]] = {}
    for table in network.route_tables.values():
        for route in table.routes:
            if route.target.startswith("tgw-"):
                routed.setdefault(route.target, set()).add(table.vpc_id)
    both = [key for key, vpcs in (*attached.items(), *routed.items()) if {one, other} <= vpcs]
    known = [network.gateways[key] for key in both if key in network.gateways]
    if any(gateway.group_references for gateway in known):
        return True
    return None if len(known) < len(both) else False
