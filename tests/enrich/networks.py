"""A VPC with one of everything that a record can tell of."""

from __future__ import annotations

from vpcflow.vpc.rules import PrefixList
from vpcflow.vpc.topology import Gateway, Instance, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

OWN, OTHER = "111111111111", "222222222222"

WEB, DB, NAT, TGW, PEER, THEIRS, NLB = (f"eni-{name}" for name in ("web", "db", "nat", "tgw", "peer", "theirs", "nlb"))
APPLIANCE = "eni-appliance"


def _interface(name, subnet, *addresses, vpc="vpc-a", **more):
    return NetworkInterface(name, vpc, subnet, addresses=addresses, **more)


INTERFACES = (
    _interface(WEB, "subnet-public", "10.0.1.10", "10.0.1.11", ipv6=("2001:db8:1::10", "2001:db8:1::11"), instance_id="i-web",
               tags={"Name": "web one", "team": "net/ops"}),
    _interface(DB, "subnet-private", "10.0.2.20", instance_id="i-db"),
    _interface(NAT, "subnet-public", "10.0.1.5", type="nat_gateway"),
    _interface(TGW, "subnet-private", "10.0.2.9", type="transit_gateway",
               description="Network Interface for Transit Gateway Attachment tgw-attach-0123456789abcdef0"),
    _interface(NLB, "subnet-private", "10.0.2.7", type="network_load_balancer"),
    _interface(THEIRS, "subnet-private", "10.0.2.30", account=OTHER),
    _interface(APPLIANCE, "subnet-edge", "10.0.3.3", instance_id="i-appliance"),
    _interface(PEER, "subnet-peer", "10.9.0.9", vpc="vpc-b"),
)  # fmt: skip

NETWORK = Network(
    OWN,
    "eu-central-1",
    vpcs={"vpc-a": Vpc("vpc-a", ("10.0.0.0/16", "2001:db8:1::/56")), "vpc-b": Vpc("vpc-b", ("10.9.0.0/16",))},
    subnets={
        one.id: one
        for one in (
            Subnet("subnet-public", "vpc-a", ("10.0.1.0/24", "2001:db8:1::/64"), az_id="euc1-az1", route_table="rtb-public"),
            Subnet("subnet-private", "vpc-a", ("10.0.2.0/24",), az_id="euc1-az2"),
            Subnet("subnet-edge", "vpc-a", ("10.0.3.0/24",), az_id="euc1-az3", sublocation_type="localzone",
                   sublocation_id="euc1-ham1-az1", route_table="rtb-edge"),
            Subnet("subnet-peer", "vpc-b", ("10.9.0.0/24",), az_id="euc1-az1", route_table="rtb-peer"),
        )
    },
    interfaces={one.id: one for one in INTERFACES},
    instances={"i-web": Instance("i-web", asg="group", tags={"Name": "web"}), "i-db": Instance("i-db")},
    asg_tags={"group": {"stage": "test"}},
    prefix_lists={
        "pl-s3": PrefixList("pl-s3", cidrs=("52.95.0.0/16",)),
        "pl-far": PrefixList("pl-far", cidrs=("172.30.0.0/16",)),
    },
    route_tables={
        one.id: one
        for one in (
            RouteTable("rtb-public", "vpc-a", routes=(
                Route("10.0.0.0/16", "local"), Route("0.0.0.0/0", "igw-1"), Route("::/0", "eigw-1"),
                Route("10.9.0.0/16", "pcx-1"),
                Route("10.8.0.0/16", "pcx-far"), Route("10.10.0.0/16", "vgw-1"), Route("pl-s3", "vpce-s3"),
                Route("10.7.0.0/16", ""), Route("10.6.0.0/16", "eni-appliance"), Route("10.5.0.0/16", "cagw-1"))),
            RouteTable("rtb-private", "vpc-a", main=True, routes=(
                Route("10.0.0.0/16", "local"), Route("0.0.0.0/0", "nat-1"), Route("pl-far", "tgw-1"))),
            RouteTable("rtb-edge", "vpc-a", routes=(Route("10.0.0.0/16", "local"),)),
            RouteTable("rtb-peer", "vpc-b", routes=(Route("10.9.0.0/16", "local"), Route("10.0.0.0/16", "pcx-1"))),
        )
    },
    gateways={
        one.id: one
        for one in (
            Gateway("igw-1", "igw", "vpc-a"), Gateway("nat-1", "nat", "vpc-a", interface_id=NAT), Gateway("tgw-1", "tgw"),
            Gateway("pcx-1", "pcx", "vpc-a", peer_vpc="vpc-b", peer_region="eu-central-1"),
            Gateway("pcx-far", "pcx", "vpc-a", peer_vpc="vpc-z", peer_region="us-east-1"),
        )
    },
)  # fmt: skip
