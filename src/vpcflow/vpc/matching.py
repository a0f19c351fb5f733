"""One rule against one packet: does it match, and if not, why.

Source: VPC User Guide "Security group rules", "Network ACL rules"; EC2 API `IpPermission`, `NetworkAclEntry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vpcflow.vpc.rules import ANY

if TYPE_CHECKING:
    from vpcflow.vpc.addresses import Address
    from vpcflow.vpc.decision import Mismatch
    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
WITH_PORTS: Final = frozenset({TCP, UDP})
WITH_TYPES: Final = frozenset({ICMP, ICMPV6})


class Packet(NamedTuple):
    """What rules see: the other side's address, protocol, destination port, ICMP type and code where known."""

    far: Address
    protocol: int
    dstport: int
    icmp_type: int | None
    icmp_code: int | None


class Match(NamedTuple):
    """mismatch: "" where all but the peer matches. assumed: for one ICMP type or code, which the packet does not tell."""

    mismatch: Mismatch
    assumed: bool = False


def match(rule: SecurityGroupRule | NetworkAclEntry, packet: Packet) -> Match:
    """Hold protocol, ports or ICMP type and code of *rule* against *packet*; its peer is the caller's to ask."""
    if rule.protocol not in (ANY, packet.protocol):
        return Match("protocol")
    if rule.protocol in WITH_PORTS:
        fits = rule.from_port == ANY or rule.from_port <= packet.dstport <= rule.to_port
        return Match("" if fits else "port")
    return _types(rule, packet) if asks_type(rule) else Match("")


def asks_type(rule: SecurityGroupRule | NetworkAclEntry) -> bool:
    """Tell whether *rule* is for one ICMP type; rules for ICMPv6 with an IPv4 block are for all types."""
    if rule.protocol not in WITH_TYPES or rule.from_port == ANY:
        return False
    cidr = getattr(rule, "cidr", None)
    return not (rule.protocol == ICMPV6 and cidr is not None and ":" not in cidr)


def _types(rule: SecurityGroupRule | NetworkAclEntry, packet: Packet) -> Match:
    if packet.icmp_type is None:
        return Match("", assumed=True)
    if rule.from_port != packet.icmp_type:
        return Match("icmp_type")
    if rule.to_port in (ANY, packet.icmp_code):
        return Match("")
    return Match("", assumed=True) if packet.icmp_code is None else Match("icmp_code")
