"""This machine as a network: one VPC and one subnet with its interfaces, where nobody has described a real one."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vpcflow.capture.host import host_interfaces, machine_id
from vpcflow.capture.identity import interface_id
from vpcflow.vpc.topology import Instance, Network, NetworkInterface, Subnet, Vpc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.capture.host import HostInterface

_NAME: Final = "local"
"""What its VPC and its subnet are called."""


def host_network(
    account: str, region: str, *, interfaces: Sequence[HostInterface] | None = None, machine: str | None = None
) -> Network:
    """Return the network of this machine. Ids follow from the machine's own id, so they are the same each time."""
    found = host_interfaces() if interfaces is None else interfaces
    origin = machine_id() if machine is None else machine
    vpc_id, subnet_id, instance_id = (_id(kind, origin) for kind in ("vpc", "subnet", "i"))
    cidrs = _blocks(found)
    own = [
        NetworkInterface(
            interface_id(origin, one.name),
            vpc_id,
            subnet_id,
            addresses=one.addresses(4),
            ipv6=one.addresses(6),
            name=one.name,
            mac=one.mac,
            instance_id=instance_id,
            account=account,
        )
        for one in found
    ]
    return Network(
        account,
        region,
        vpcs={vpc_id: Vpc(vpc_id, cidrs, name=_NAME, account=account)},
        subnets={subnet_id: Subnet(subnet_id, vpc_id, cidrs, name=_NAME)},
        interfaces={one.id: one for one in own},
        instances={instance_id: Instance(instance_id)},
        incomplete=("route_tables", "security_groups", "network_acls"),
    )


def with_host(network: Network, host: Network) -> Network:
    """Return *network* with those interfaces of *host* that it does not know, by MAC or address; they are in none of its VPCs."""
    known = {one.mac.lower() for one in network.interfaces.values() if one.mac}
    known |= {address for one in network.interfaces.values() for address in (*one.addresses, *one.ipv6)}
    more = {
        one.id: replace(one, vpc_id="", subnet_id="", instance_id="")
        for one in host.interfaces.values()
        if one.mac.lower() not in known and known.isdisjoint((*one.addresses, *one.ipv6))
    }
    return replace(network, interfaces={**more, **network.interfaces})


def _blocks(interfaces: Sequence[HostInterface]) -> tuple[str, ...]:
    """Return the networks on the machine's own links; what is local to each link is none."""
    found = [ipaddress.ip_interface(block).network for one in interfaces for block in one.blocks]
    return tuple(dict.fromkeys(str(block) for block in found if not block.is_link_local))


def _id(kind: str, origin: str) -> str:
    digest = hashlib.sha256(f"{origin}\0{kind}".encode()).hexdigest()
    return f"{kind}-{digest[:17]}"
