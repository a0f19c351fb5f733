"""This machine as a network: one VPC and one subnet with its interfaces, where nobody has described a real one."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vpcflow.capture.identity import interface_id
from vpcflow.capture.links import LOOPBACK, links
from vpcflow.vpc.topology import Instance, Network, NetworkInterface, Subnet, Vpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vpcflow.app.live import Host
    from vpcflow.capture.links import Link

_NAME: Final = "local"
"""What its VPC and its subnet are called."""


def host_network(host: Host, machine: str, found: Iterable[Link] | None = None) -> Network:
    """Return the network of this machine; *found*: its interfaces, asked of the kernel by default.

    machine: what ids are made from, so that they are the same each time and those that a capture gives.
    """
    own = [one for one in (links().values() if found is None else found) if one.name != LOOPBACK]
    vpc_id = host.vpc_id or _id("vpc", machine)
    subnet_id, instance_id = _id("subnet", machine), _id("i", machine)
    cidrs = _blocks(own)
    interfaces = [
        NetworkInterface(
            host.interface_ids.get(one.mac) or interface_id(machine, one.name),
            vpc_id,
            subnet_id,
            addresses=tuple(address for address in one.addresses if ":" not in address),
            ipv6=tuple(address for address in one.addresses if ":" in address),
            name=one.name,
            mac=one.mac,
            instance_id=instance_id,
            account=host.account,
        )
        for one in own
    ]
    return Network(
        host.account,
        host.region,
        vpcs={vpc_id: Vpc(vpc_id, cidrs, name=_NAME, account=host.account)},
        subnets={subnet_id: Subnet(subnet_id, vpc_id, cidrs, name=_NAME)},
        interfaces={one.id: one for one in interfaces},
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


def _blocks(found: Sequence[Link]) -> tuple[str, ...]:
    """Return the networks on the machine's own links; what is local to each link is none."""
    networks = [ipaddress.ip_interface(block).network for one in found for block in one.blocks]
    return tuple(dict.fromkeys(str(block) for block in networks if not block.is_link_local))


def _id(kind: str, machine: str) -> str:
    digest = hashlib.sha256(f"{machine}\0{kind}".encode()).hexdigest()
    return f"{kind}-{digest[:17]}"
