"""Which network interfaces a resource has: what a flow log of a VPC, a subnet or one interface looks at.

Source: VPC User Guide "Flow logs basics"; Transit Gateway guide "Transit Gateway Flow Logs".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vpcflow.vpc.flow_logs import ResourceType
    from vpcflow.vpc.topology import Network, NetworkInterface

_ATTACHMENT: Final = re.compile(r"\btgw-attach-[0-9a-f]+\b")


def interfaces_of(network: Network, resource_type: ResourceType, resource_id: str) -> frozenset[str] | None:
    """Return the ids of the interfaces of a resource, None when the network knows no such resource.

    A regional NAT gateway has no interface.
    """
    if resource_id not in known_resources(network, resource_type):
        return None
    return frozenset(
        one.id for one in network.interfaces.values() if _resource_of(network, one, resource_type) == resource_id
    )


def _resource_of(network: Network, interface: NetworkInterface, resource_type: ResourceType) -> str:
    """Return the resource of a type that an interface belongs to, empty for none."""
    if resource_type == "TransitGateway":
        return transit_gateway_of(network, interface) if interface.type == "transit_gateway" else ""
    if resource_type == "TransitGatewayAttachment":
        return attachment_of(interface)
    places = {"VPC": interface.vpc_id, "Subnet": interface.subnet_id, "NetworkInterface": interface.id}
    return places.get(resource_type, "")


def known_resources(network: Network, resource_type: ResourceType) -> tuple[str, ...]:
    """Return the ids that flow logs of this type can be made for."""
    if resource_type == "VPC":
        return tuple(network.vpcs)
    if resource_type == "Subnet":
        return tuple(network.subnets)
    if resource_type == "NetworkInterface":
        return tuple(network.interfaces)
    if resource_type == "TransitGatewayAttachment":
        return tuple(sorted({found for one in network.interfaces.values() if (found := attachment_of(one))}))
    kind = "tgw" if resource_type == "TransitGateway" else "nat"
    return tuple(one.id for one in network.gateways.values() if one.kind == kind)


def attachment_of(interface: NetworkInterface) -> str:
    """Return the transit gateway attachment that an interface says it belongs to, empty for none."""
    found = _ATTACHMENT.search(interface.description) if interface.type == "transit_gateway" else None
    return found[0] if found else ""


def transit_gateway_of(network: Network, interface: NetworkInterface) -> str:
    """Return the transit gateway of an attachment's interface, empty when it cannot be told.

    The interface names its attachment only; that names the transit gateway, or its VPC's routes do, or there is just one.
    """
    attachment = network.gateways.get(attachment_of(interface))
    if attachment is not None and attachment.transit_gateway:
        return attachment.transit_gateway
    gateways = [one.id for one in network.gateways.values() if one.kind == "tgw"]
    routed = {
        route.target
        for table in network.route_tables.values()
        if table.vpc_id == interface.vpc_id
        for route in table.routes
        if route.target in gateways
    }
    found = list(routed) or gateways
    return found[0] if len(found) == 1 else ""
