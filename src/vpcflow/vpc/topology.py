"""A VPC and what is in it, as the EC2 API describes it; one `Network` is what was true at one time.

Names are AWS's ids throughout; maps are by id, in the order of the description. Addresses are text in the form of the records
(IPv6 as RFC 5952 has it).

Source: EC2 API Reference (`Vpc`, `Subnet`, `NetworkInterface`, `RouteTable` …); VPC User Guide "Route tables".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.vpc.rules import NetworkAcl, PrefixList, SecurityGroup


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC. cidrs: all IPv4 and IPv6 blocks that are associated."""

    id: str
    cidrs: tuple[str, ...]
    name: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet with the route table and the network ACL that hold for it; empty when the description does not tell.

    sublocation_type: `wavelength`, `outpost` or `localzone` of one that is not in a zone of the region; sublocation_id: of
    that.
    """

    id: str
    vpc_id: str
    cidrs: tuple[str, ...]
    name: str = ""
    az_id: str = ""
    route_table: str = ""
    network_acl: str = ""
    sublocation_type: str = ""
    sublocation_id: str = ""


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """A network interface.

    addresses: private IPv4, the primary one first, those of delegated prefixes last. ipv6: its IPv6 addresses. prefixes: IPv6
    blocks that are delegated to it. public: public or Elastic IPv4, if any.
    type: of the EC2 API (`interface`, `nat_gateway`, `network_load_balancer`, `vpc_endpoint`, `transit_gateway`, `lambda` …).
    requester: who made it when a service did (`amazon-elb`, `amazon-rds`, an account …).
    service: what it serves, told from type, requester and description: `ELB`, `RDS`, `ElastiCache`, `Redshift`, `WorkSpaces`,
    `NAT gateway`, `EFS` …; empty for an instance's. name: its Name tag, or its instance's.
    """

    id: str
    vpc_id: str
    subnet_id: str
    addresses: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    name: str = ""
    mac: str = ""
    public: tuple[str, ...] = ()
    type: str = "interface"
    requester: str = ""
    service: str = ""
    description: str = ""
    instance_id: str = ""
    account: str = ""
    source_dest_check: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance."""

    id: str
    name: str = ""
    asg: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    destination: a CIDR block or a prefix list. target: `local`, `igw-…`, `nat-…`, `eni-…`, `pcx-…` …; empty for a blackhole.
    """

    destination: str
    target: str


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table. main: of those subnets of the VPC that name no other."""

    id: str
    vpc_id: str
    name: str = ""
    main: bool = False
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a route leads to.

    kind: `igw`, `eigw`, `nat`, `tgw`, `vgw`, `vpce`, `pcx`; `tgw-attachment`, which joins a VPC to a `tgw`.
    interface_id, public: of a NAT gateway. peer_vpc, peer_region, peer_cidrs: of a peering's other side.
    transit_gateway: of an attachment. group_references: whether a transit gateway, or an attachment, lets security groups be
    referred to across VPCs.
    """

    id: str
    kind: str
    vpc_id: str = ""
    subnet_id: str = ""
    interface_id: str = ""
    public: tuple[str, ...] = ()
    name: str = ""
    peer_vpc: str = ""
    peer_region: str = ""
    peer_cidrs: tuple[str, ...] = ()
    transit_gateway: str = ""
    group_references: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """All that was described together: one account and region, any number of VPCs.

    asg_tags: tags of Auto Scaling groups, by the group's name.
    incomplete: what the description did not hold (`network_acls`, …): answers that would need it say so.
    """

    account: str = ""
    region: str = ""
    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    interfaces: Mapping[str, NetworkInterface] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    network_acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    asg_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    incomplete: tuple[str, ...] = ()
