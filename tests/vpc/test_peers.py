"""Which addresses a rule's peer stands for, across VPCs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpcflow.vpc.addresses import address
from vpcflow.vpc.inventory import Inventory
from vpcflow.vpc.peers import peer
from vpcflow.vpc.rules import PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.topology import Gateway, Network, NetworkInterface, Route, RouteTable, Vpc

MEMBER, STRANGER, POD = "10.1.0.9", "10.1.0.10", "2001:db8:1::77"
NETWORK = Network(
    vpcs={key: Vpc(key, ("10.0.0.0/16",)) for key in ("vpc-a", "vpc-b")},
    interfaces={
        "eni-b": NetworkInterface(
            "eni-b", "vpc-b", "subnet-b", (MEMBER,), security_groups=("sg-b",), prefixes=("2001:db8:1::/80",)
        ),
        "eni-c": NetworkInterface("eni-c", "vpc-b", "subnet-b", (STRANGER,), security_groups=("sg-c",)),
    },
    security_groups={"sg-b": SecurityGroup("sg-b", "vpc-b")},
    prefix_lists={"pl-a": PrefixList("pl-a", cidrs=(f"{MEMBER}/32",)), "pl-b": PrefixList("pl-b", known=False)},
)
PEERED = {"pcx-1": Gateway("pcx-1", "pcx", "vpc-a", peer_vpc="vpc-b")}
ATTACHED = {
    f"tgw-attach-{vpc}": Gateway(
        f"tgw-attach-{vpc}", "tgw-attachment", vpc, transit_gateway="tgw-1", group_references=True
    )
    for vpc in ("vpc-a", "vpc-b")
}
ROUTES = {vpc: RouteTable(vpc, vpc, routes=(Route("10.0.0.0/8", "tgw-1"),)) for vpc in ("vpc-a", "vpc-b")}


def held(network, text=MEMBER, *, to="sg-b", vpc="vpc-a", inbound=True):
    rule = SecurityGroupRule("", -1, -1, -1, to)
    return peer(Inventory(network), rule, vpc, inbound=inbound).holds(address(text))


def tgw(*, refers):
    return {"tgw-1": Gateway("tgw-1", "tgw", group_references=refers)}


def test_a_group_counts_in_its_own_vpc():
    assert [held(NETWORK, text, vpc="vpc-b") for text in (MEMBER, STRANGER, POD)] == [True, False, True]


@pytest.mark.parametrize(
    ("gateways", "tables", "inbound", "outbound"),
    [
        ({}, {}, False, False),
        (PEERED, {}, True, True),
        ({**ATTACHED, **tgw(refers=True)}, {}, True, False),
        ({**ATTACHED, **tgw(refers=False)}, {}, False, False),
        (ATTACHED, {}, None, False),
        (tgw(refers=True), ROUTES, True, False),
        ({}, ROUTES, None, False),
    ],
    ids=["apart", "peered", "transit gateway", "not enabled", "attachments alone", "routes", "routes alone"],
)
def test_a_group_of_another_vpc_counts_where_the_two_are_joined(gateways, tables, inbound, outbound):
    network = replace(NETWORK, gateways=gateways, route_tables=tables)
    assert (held(network), held(network, inbound=False)) == (inbound, outbound)


def test_joins_that_are_not_described_are_unknown():
    network = replace(NETWORK, incomplete=("vpc_peering_connections",))
    assert held(network) is None
    assert held(network, STRANGER, vpc="vpc-b") is False


def test_interfaces_that_are_not_all_described_may_be_members():
    network = replace(NETWORK, incomplete=("network_interfaces",))
    assert held(network, "10.1.0.99", vpc="vpc-b") is None
    assert held(network, STRANGER, vpc="vpc-b") is False, "this one is described, and carries another group"


def test_prefix_lists():
    assert [held(NETWORK, to=one) for one in ("pl-a", "pl-b", "pl-gone")] == [True, None, None]
    assert held(NETWORK, STRANGER, to="pl-a") is False
