"""Addresses that neither security groups nor network ACLs filter.

Source: VPC User Guide "Network ACL basics", "Security group basics": Amazon DNS, DHCP, instance metadata, ECS task
metadata, licence activation for Windows, Time Sync, and the reserved addresses of the VPC router.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.vpc.addresses import Block, block

if TYPE_CHECKING:
    from vpcflow.vpc.topology import Network

EVERYWHERE: Final = tuple(
    map(
        block,
        (
            "169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.169.250", "169.254.169.251", "169.254.169.123",
            "0.0.0.0/32", "255.255.255.255", "fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::123", "fe80::/10", "ff02::1:2",
        ),
    )
)  # fmt: skip
"""DNS, instance metadata, ECS, Windows (2), Time Sync; DHCP's two; the same in IPv6, and DHCPv6's."""


def exempt(network: Network, vpc_id: str, subnet_id: str) -> tuple[Block, ...]:
    """Return what is not filtered at an interface of *subnet_id*: the above, the VPC's resolver and the subnet's router.

    The resolver has the third address of the VPC's primary block, the router the second one of the subnet.
    """
    found = list(EVERYWHERE)
    vpc, subnet = network.vpcs.get(vpc_id), network.subnets.get(subnet_id)
    found += [_at(cidr, 2) for cidr in (vpc.cidrs if vpc else ()) if ":" not in cidr][:1]
    found += [_at(cidr, 1) for cidr in (subnet.cidrs if subnet else ())]
    return tuple(found)


def _at(cidr: str, place: int) -> Block:
    whole = block(cidr)
    return Block(whole.version, whole.first + place, whole.first + place)
