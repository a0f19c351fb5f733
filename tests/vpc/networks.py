"""Small networks for tests, written as users write them."""

from __future__ import annotations

from vpcflow.vpc.decision import Flow
from vpcflow.vpc.toml_file import parse

LAB = """
[vpc]
name = "lab"
cidr = ["10.0.0.0/16", "fd00:10::/56"]
[subnet.public]
cidr = ["10.0.1.0/24", "fd00:10:0:1::/64"]
az = "local-az1"
route-table = "public"
network-acl = "public"
[subnet.private]
cidr = ["10.0.2.0/24", "fd00:10:0:2::/64"]
route-table = "private"
[route-table.public]
routes = ["0.0.0.0/0 igw", "10.9.0.0/16 pcx-1"]
[route-table.private]
routes = ["0.0.0.0/0 nat"]
[interface.web]
subnet = "public"
address = ["10.0.1.10", "10.0.1.11"]
ipv6 = ["fd00:10:0:1::10"]
security-groups = ["web"]
public = ["203.0.113.10"]
[interface.bastion]
subnet = "public"
address = ["10.0.1.20"]
security-groups = ["bastion"]
[interface.db]
subnet = "private"
address = ["10.0.2.30"]
ipv6 = ["fd00:10:0:2::30"]
security-groups = ["db"]
[gateway.igw]
kind = "igw"
[gateway.nat]
kind = "nat"
subnet = "public"
address = ["10.0.1.5"]
public = ["203.0.113.5"]
[security-group.web]
inbound = ["tcp 443 from 0.0.0.0/0", "tcp 22 from sg:bastion", "icmp 8/0 from 10.0.0.0/8", "all from pl:office"]
outbound = ["all to 0.0.0.0/0", "all to ::/0"]
[security-group.bastion]
inbound = ["tcp 22 from pl:office"]
outbound = ["tcp 22 to sg:web"]
[security-group.db]
inbound = ["tcp 5432 from sg:web", "tcp 5432 from fd00:10:0:1::/64"]
[network-acl.public]
inbound = ["90 deny tcp 22 from 198.51.100.0/24", "100 allow all from 0.0.0.0/0", "101 allow all from ::/0"]
outbound = ["100 allow tcp 1024-65535 to 0.0.0.0/0", "110 allow icmp 0/0 to 10.0.0.0/8"]
[prefix-list.office]
cidrs = ["192.0.2.0/24"]
"""


def network(text=LAB, **replaced):
    for old, new in replaced.items():
        text = text.replace(old, new)
    return parse(text, "lab.toml")


def named(found, name):
    """The interface, group … of that name."""
    for part in (
        found.interfaces,
        found.security_groups,
        found.network_acls,
        found.subnets,
        found.route_tables,
        found.gateways,
    ):
        for one in part.values():
            if one.name == name:
                return one
    raise KeyError(name)


def flow(srcaddr, dstaddr, dstport=443, protocol=6, **rest):
    return Flow(srcaddr, dstaddr, protocol, dstport=dstport, **rest)
