"""Hypothesis: networks with anything in them or missing, and flows through them."""

from __future__ import annotations

from hypothesis import strategies as st

from vpcflow.vpc.rules import LAST_RULE, NetworkAcl, NetworkAclEntry, PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.topology import Gateway, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

VPCS = ("vpc-1", "vpc-2")
SUBNETS = ("subnet-1", "subnet-2", "subnet-3", "subnet-4")
GROUPS = ("sg-1", "sg-2", "sg-3", "sg-4")
ACLS = ("acl-1", "acl-2")
INTERFACES = ("eni-0", "eni-1", "eni-2")
CIDRS4 = (
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.8/29",
    "10.0.2.0/24",
    "10.1.0.0/16",
    "192.0.2.0/24",
    "192.0.2.7/32",
    "0.0.0.0/0",
    "255.255.255.0/24",
)
CIDRS6 = ("2001:db8::/32", "2001:db8:0:1::/64", "2001:db8:0:1::8/125", "::/0", "2001:db8:0:1::a/128", "ffff::/16")
ADDRESSES4 = (
    "10.0.1.8",
    "10.0.1.9",
    "10.0.1.20",
    "10.0.2.9",
    "10.0.2.77",
    "10.1.0.9",
    "192.0.2.7",
    "198.51.100.1",
    "169.254.169.254",
    "10.0.0.2",
    "10.0.1.1",
    "255.255.255.255",
)
ADDRESSES6 = (
    "2001:db8:0:1::9",
    "2001:db8:0:1::a",
    "2001:db8:0:2::9",
    "2001:db8:0:2::",
    "2600::1",
    "fd00:ec2::254",
    "fe80::1",
    "::",
)
PROTOCOLS = (1, 6, 17, 47, 58)
PORTS = (0, 22, 80, 443, 1023, 1024, 40000, 65535)


def _ports(protocol):
    if protocol in (6, 17):
        return st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(sorted) | st.just((-1, -1))
    if protocol in (1, 58):
        return st.tuples(st.sampled_from([0, 8, 128]), st.sampled_from([-1, 0])) | st.just((-1, -1))
    return st.just((-1, -1))


@st.composite
def _group_rule(draw):
    protocol = draw(st.sampled_from((*PROTOCOLS, -1)))
    first, last = draw(_ports(protocol))
    peer = draw(
        st.sampled_from((*CIDRS4, "0.0.0.0/0", *CIDRS6, "::/0", *GROUPS, *GROUPS, "sg-gone", "pl-1", "pl-2", "pl-gone"))
    )
    where = draw(st.sampled_from(("", "", "vpc-2", "vpc-far")))
    return SecurityGroupRule(draw(st.sampled_from(("", "sgr-1"))), protocol, first, last, peer, "", where)


@st.composite
def _entry(draw):
    protocol = draw(st.sampled_from((*PROTOCOLS, -1)))
    first, last = draw(_ports(protocol))
    number = draw(st.integers(1, 300))
    return NetworkAclEntry(number, draw(st.booleans()), protocol, draw(st.sampled_from(CIDRS4 + CIDRS6)), first, last)


@st.composite
def _entries(draw):
    allow = [NetworkAclEntry(400 + place, True, -1, cidr) for place, cidr in enumerate(("0.0.0.0/0", "::/0"))]
    found = {one.number: one for one in (*draw(st.lists(_entry(), max_size=5)), *draw(st.sampled_from((allow, []))))}
    last = [
        NetworkAclEntry(LAST_RULE, False, -1, peer)
        for peer in draw(st.sampled_from([(), ("0.0.0.0/0", "::/0"), ("0.0.0.0/0",)]))
    ]
    return (*sorted(found.values(), key=lambda one: one.number), *last)


def _some(ids, *, least=0):
    return st.lists(st.sampled_from(ids), unique=True, min_size=least, max_size=len(ids))


_rules = st.lists(_group_rule(), min_size=1, max_size=6).map(tuple)
_subnet_cidrs = st.sampled_from(
    [("10.0.1.0/24",), ("10.0.2.0/24", "2001:db8:0:2::/64"), ("10.0.1.0/24", "2001:db8:0:1::/64")]
)


@st.composite
def _subnet(draw, key, *, whole):
    acl = draw(st.sampled_from(ACLS if whole else (*ACLS, "acl-gone", "")))
    return Subnet(key, draw(st.sampled_from(VPCS)), draw(_subnet_cidrs), network_acl=acl)


@st.composite
def _interface(draw, key, *, whole):
    return NetworkInterface(
        key,
        draw(st.sampled_from(VPCS)),
        draw(st.sampled_from(SUBNETS if whole else (*SUBNETS, "subnet-gone"))),
        tuple(draw(_some(ADDRESSES4[:6], least=1))),
        tuple(draw(_some(ADDRESSES6[:4]))),
        tuple(draw(_some(GROUPS, least=1) if whole else _some((*GROUPS, "sg-gone")))),
        type=draw(st.sampled_from(("interface",) if whole else ("interface", "nat_gateway", "transit_gateway"))),
        prefixes=draw(st.sampled_from(((), (), ("2001:db8:0:1::8/125",)))),
    )


@st.composite
def networks(draw):
    """A network of up to two VPCs that all addresses above may belong to; most of them lack nothing."""
    whole = draw(st.sampled_from((True, True, True, False)))

    def keys(ids):
        return ids if whole else draw(_some(ids))

    groups = {
        key: SecurityGroup(key, draw(st.sampled_from(VPCS)), key, draw(_rules), draw(_rules)) for key in keys(GROUPS)
    }
    lists = {
        "pl-1": PrefixList("pl-1", "", ("10.0.2.0/24", "2001:db8:0:1::/64")),
        "pl-2": PrefixList("pl-2", cidrs=("198.51.100.0/24",) if whole else (), known=whole),
    }
    joins = {
        "pcx-1": Gateway("pcx-1", "pcx", "vpc-1", peer_vpc="vpc-2"),
        "tgw-1": Gateway("tgw-1", "tgw", group_references=draw(st.booleans())),
        "tgw-attach-1": Gateway(
            "tgw-attach-1", "tgw-attachment", "vpc-1", transit_gateway="tgw-1", group_references=True
        ),
        "tgw-attach-2": Gateway(
            "tgw-attach-2", "tgw-attachment", "vpc-2", transit_gateway="tgw-1", group_references=True
        ),
    }
    routes = (Route("10.1.0.0/16", draw(st.sampled_from(("tgw-1", "tgw-2", "pcx-1")))),)
    return Network(
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16", "2001:db8::/56"))},
        subnets={key: draw(_subnet(key, whole=whole)) for key in keys(SUBNETS)},
        interfaces={key: draw(_interface(key, whole=whole)) for key in INTERFACES},
        security_groups=groups,
        network_acls={
            key: NetworkAcl(key, "vpc-1", inbound=draw(_entries()), outbound=draw(_entries())) for key in keys(ACLS)
        },
        prefix_lists=lists,
        route_tables={
            f"rtb-{place}": RouteTable(f"rtb-{place}", vpc, main=True, routes=routes) for place, vpc in enumerate(VPCS)
        },
        gateways={key: joins[key] for key in draw(_some(tuple(joins)))},
        incomplete=() if whole else tuple(draw(_some(("network_interfaces", "vpc_peering_connections")))),
    )


@st.composite
def records(draw):
    """Columns of a record as far as the evaluator reads them, and whether it is of a tracked connection."""
    odd = (*ADDRESSES4, *ADDRESSES6, "10.0.1", "-", None)
    addresses = draw(st.sampled_from((ADDRESSES4, ADDRESSES4, ADDRESSES4, ADDRESSES6, ADDRESSES6, odd)))
    protocol = draw(st.sampled_from((*PROTOCOLS, None) if None in addresses else (*PROTOCOLS, 6, 6, 17)))
    return {
        "interface_id": draw(st.sampled_from((*INTERFACES, *INTERFACES, "eni-gone"))),
        "srcaddr": draw(st.sampled_from(addresses)),
        "dstaddr": draw(st.sampled_from(addresses)),
        "srcport": draw(st.sampled_from(PORTS)),
        "dstport": draw(st.sampled_from(PORTS)),
        "protocol": protocol,
        "flow_direction": draw(st.sampled_from(("ingress", "egress", "ingress", "egress", None))),
        "tracked": draw(st.sampled_from((False, False, True))),
    }
