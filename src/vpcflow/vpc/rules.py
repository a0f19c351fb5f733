"""Security groups and network ACLs, as the EC2 API describes them.

Source: VPC User Guide "Security group rules", "Network ACL rules"; EC2 API `SecurityGroupRule`, `NetworkAclEntry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANY: Final = -1
"""Every protocol; every ICMP type or code."""

LAST_RULE: Final = 32767
"""Number of the rule `*` of a network ACL, which refuses what no other rule matched."""


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """One thing that a security group allows.

    id: `sgr-…`, empty when the description has none. protocol: IANA number, `ANY` for all.
    from_port, to_port: inclusive; for ICMP the type and the code, `ANY` for all; `ANY` both where ports do not matter.
    peer: the other side: a CIDR block in canonical form, a prefix list (`pl-…`), or a security group (`sg-…`).
    peer_vpc, peer_account: of a group in another VPC or account, empty when it is in this one.
    """

    id: str
    protocol: int
    from_port: int
    to_port: int
    peer: str
    description: str = ""
    peer_vpc: str = ""
    peer_account: str = ""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group. inbound, outbound: in the order of the description, which means nothing to it."""

    id: str
    vpc_id: str
    name: str = ""
    inbound: tuple[SecurityGroupRule, ...] = ()
    outbound: tuple[SecurityGroupRule, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkAclEntry:
    """One numbered rule of a network ACL.

    protocol, from_port, to_port: as for `SecurityGroupRule`. cidr: the other side, canonical.
    """

    number: int
    allow: bool
    protocol: int
    cidr: str
    from_port: int = ANY
    to_port: int = ANY


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. inbound, outbound: sorted by number, the rule `*` (`LAST_RULE`, one for each IP version) included."""

    id: str
    vpc_id: str
    name: str = ""
    default: bool = False
    inbound: tuple[NetworkAclEntry, ...] = ()
    outbound: tuple[NetworkAclEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A named set of CIDR blocks. max_entries: what it counts as against the quota of rules, 0 when not known.

    known: whether the description told the blocks.
    """

    id: str
    name: str = ""
    cidrs: tuple[str, ...] = ()
    max_entries: int = 0
    known: bool = True
