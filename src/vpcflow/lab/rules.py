"""Security groups and network ACLs → what nftables matches by.

Source: VPC User Guide "Security group rules", "Network ACL rules": a rule for ports asks the destination port; for ICMP its ports
are type and code; for other protocols they mean nothing.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from vpcflow.lab.accounting import LAYER_SHIFT
from vpcflow.record.flow_counts import NETWORK_ACL, SECURITY_GROUP
from vpcflow.vpc.rules import ANY, LAST_RULE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule

_ICMP, _TCP, _UDP, _ICMP6 = 1, 6, 17, 58
_LAST_PORT: Final = 65535
_ANYWHERE: Final = {"0.0.0.0/0", "::/0"}


class Sets:
    """Names of the sets that rules refer to. groups, lists: id → place, of the groups and prefix lists there are."""

    def __init__(self, groups: Sequence[str], lists: Sequence[str]) -> None:
        self.groups = {found: f"group{place}" for place, found in enumerate(groups)}
        self.lists = {found: f"list{place}" for place, found in enumerate(lists)}

    def peers(self, peer: str, side: str) -> Iterator[str]:
        """Yield a match for each IP version that *peer* can be of. side: `saddr` or `daddr`.

        A group that is not described has no members here, and matches nothing.
        """
        name = self.groups.get(peer) or self.lists.get(peer)
        if name:
            for version, family in ((4, "ip"), (6, "ip6")):
                yield f"{family} {side} @{name}_{version}"
        elif not peer.startswith(("sg-", "pl-")):
            yield block(peer, side)


def block(cidr: str, side: str) -> str:
    """Return the match for a CIDR block."""
    version = 6 if ":" in cidr else 4
    if cidr in _ANYWHERE:
        return f"meta nfproto ipv{version}"
    return f"{'ip6' if version == 6 else 'ip'} {side} {ipaddress.ip_network(cidr, strict=False)}"


def service(rule: SecurityGroupRule | NetworkAclEntry, *, all_types: bool = False) -> str:
    """Return the match for protocol and ports, or ICMP type and code; all_types: whatever the type."""
    if rule.protocol == ANY:
        return ""
    found = f"meta l4proto {rule.protocol}"
    low, high = rule.from_port, rule.to_port
    if rule.protocol in (_TCP, _UDP):
        if low == ANY or (low, high) == (0, _LAST_PORT):
            return found
        return f"{found} th dport {low}" + (f"-{high}" if high != low else "")
    if rule.protocol in (_ICMP, _ICMP6) and low != ANY and not all_types:
        return f"{found} @th,0,8 {low}" + (f" @th,8,8 {high}" if high != ANY else "")
    return found


def acl_chain(entries: Sequence[NetworkAclEntry], direction: str) -> Iterator[str]:
    """Yield the rules of a network ACL. An entry that allows returns, with its number as the mark."""
    side = "saddr" if direction == "in" else "daddr"
    for entry in sorted(entries, key=lambda one: one.number):
        number = min(entry.number, LAST_RULE)
        end = f"meta mark set {number} return" if entry.allow else refuse(direction, NETWORK_ACL, number)
        short = ":" not in entry.cidr
        matched = service(entry, all_types=entry.protocol == _ICMP6 and short)
        yield " ".join(filter(None, (block(entry.cidr, side), matched, end)))
    yield refuse(direction, NETWORK_ACL, LAST_RULE)


def group_chain(
    own: Sequence[SecurityGroupRule], opposite: Sequence[SecurityGroupRule], direction: str, sets: Sets
) -> Iterator[str]:
    """Yield the rules of all security groups of an interface in one direction; one that allows returns.

    opposite: the rules of the other direction, which tell what is not tracked.
    """
    side = "saddr" if direction == "in" else "daddr"

    def allowed(rules: list[SecurityGroupRule]) -> list[str]:
        found = (
            " ".join(filter(None, (peer, service(rule), "return")))
            for rule in rules
            for peer in sets.peers(rule.peer, side)
        )
        return list(dict.fromkeys(found))

    yield "ct state established,related return"
    free = [rule for rule in own if is_untracked(rule, opposite)]
    yield from allowed(free)
    # What goes on after its connection was closed, or forgotten, is refused (VPC User Guide "Flow log limitations").
    late = refuse(direction, SECURITY_GROUP, 0)
    yield f"meta l4proto tcp ct state invalid {late}"
    yield f"meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn {late}"
    yield from allowed([rule for rule in own if rule not in free])
    yield late


def is_untracked(rule: SecurityGroupRule, opposite: Sequence[SecurityGroupRule]) -> bool:
    """Tell whether security groups do not track what *rule* lets pass (EC2 User Guide "Untracked connections")."""
    if rule.peer not in _ANYWHERE or rule.protocol not in (ANY, _TCP, _UDP):
        return False
    return any(
        other.peer == rule.peer and (other.protocol == ANY or (other.protocol == rule.protocol and _all_ports(other)))
        for other in opposite
    )


def _all_ports(rule: SecurityGroupRule) -> bool:
    return rule.from_port == ANY or (rule.from_port, rule.to_port) == (0, _LAST_PORT)


def refuse(direction: str, layer: int, number: int) -> str:
    """Return what ends a packet: layer and rule as its mark, then to the chain that counts and drops."""
    return f"meta mark set {layer << LAYER_SHIFT | number} goto {direction}_drop"
