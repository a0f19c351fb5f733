"""VPCs, subnets, route tables, interfaces and instances of Terraform.

Source: Terraform AWS provider, schemas of the resources named in `READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.vpc.ids import derived
from vpcflow.vpc.implied import default_entries
from vpcflow.vpc.terraform_state import Document, State, common, first, vpc_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.vpc.terraform_values import Resource


_TARGETS: Final = {
    "gateway_id": "GatewayId",
    "nat_gateway_id": "NatGatewayId",
    "transit_gateway_id": "TransitGatewayId",
    "vpc_peering_connection_id": "VpcPeeringConnectionId",
    "network_interface_id": "NetworkInterfaceId",
    "egress_only_gateway_id": "EgressOnlyInternetGatewayId",
    "vpc_endpoint_id": "GatewayId",
    "local_gateway_id": "LocalGatewayId",
    "carrier_gateway_id": "CarrierGatewayId",
    "core_network_arn": "CoreNetworkArn",
}


def _blocks6(cidr: object) -> list[Document]:
    return [{"Ipv6CidrBlock": cidr}] if cidr else []


def _vpc(state: State, one: Resource) -> None:
    state.document(
        "Vpcs", one.id, one.address, VpcId=one.id, CidrBlock=one.values.get("cidr_block"),
        Ipv6CidrBlockAssociationSet=_blocks6(one.values.get("ipv6_cidr_block")), **common(one),
    )  # fmt: skip
    if not one.managed:
        return
    # The default ACL and the main route table are there, as AWS makes them, unless a resource takes them over.
    _default(state, one, "NetworkAcls", "NetworkAclId", "default_network_acl_id", "network-acl")
    table = _default(state, one, "RouteTables", "RouteTableId", "default_route_table_id", "route-table")
    table.setdefault("Associations", []).append({"Main": True})


def _default(state: State, vpc: Resource, key: str, id_key: str, attribute: str, kind: str) -> Document:
    own = str(vpc.values.get(attribute) or derived(kind, f"{vpc.address} default"))
    found = state.document(key, own, vpc.address, VpcId=vpc.id, **{id_key: own})
    if kind == "network-acl" and "Entries" not in found:
        found |= {"IsDefault": True, "Entries": default_entries()}
    return found


def _vpc_block(state: State, one: Resource) -> None:
    vpc = state.document("Vpcs", state.id(one, "vpc_id"), one.address)
    key = (
        "Ipv6CidrBlockAssociationSet"
        if one.type == "aws_vpc_ipv6_cidr_block_association"
        else "CidrBlockAssociationSet"
    )
    cidr = one.values.get("ipv6_cidr_block" if key.startswith("Ipv6") else "cidr_block")
    if cidr:
        vpc.setdefault(key, []).append({"Ipv6CidrBlock" if key.startswith("Ipv6") else "CidrBlock": cidr})


def _subnet(state: State, one: Resource) -> None:
    state.document(
        "Subnets", one.id, one.address, SubnetId=one.id, VpcId=state.id(one, "vpc_id"), CidrBlock=one.values.get("cidr_block"),
        Ipv6CidrBlockAssociationSet=_blocks6(one.values.get("ipv6_cidr_block")),
        AvailabilityZone=one.values.get("availability_zone"), AvailabilityZoneId=one.values.get("availability_zone_id"),
        **common(one),
    )  # fmt: skip


def _route_table(state: State, one: Resource) -> None:
    default = one.type == "aws_default_route_table"
    own = state.id(one, "default_route_table_id") or one.id if default else one.id
    table = state.document(
        "RouteTables", own, one.address, RouteTableId=own, VpcId=state.id(one, "vpc_id"), **common(one)
    )
    routes = table.setdefault("Routes", [])
    for block in state.blocks(one, "route"):
        routes.append(_route_of(block.value))


def _route(state: State, one: Resource) -> None:
    table = state.document("RouteTables", state.id(one, "route_table_id"), one.address)

    def value(name: str) -> Any:  # noqa: ANN401 - JSON
        return state.id(one, name) if name in _TARGETS else one.values.get(name)

    table.setdefault("Routes", []).append(_route_of(value))


def _route_of(value: Callable[[str], Any]) -> Document:
    found = {
        "DestinationCidrBlock": value("destination_cidr_block") or value("cidr_block"),
        "DestinationIpv6CidrBlock": value("destination_ipv6_cidr_block") or value("ipv6_cidr_block"),
        "DestinationPrefixListId": first(value("destination_prefix_list_id")),
    }
    for name, key in _TARGETS.items():
        if target := first(value(name)):
            found[key] = target
    return {key: one for key, one in found.items() if one}


def _route_table_of(state: State, one: Resource) -> None:
    table = state.document("RouteTables", state.id(one, "route_table_id"), one.address)
    main = one.type == "aws_main_route_table_association"
    if main:
        vpc = state.id(one, "vpc_id")
        for (key, _), other in state.made.items():
            if key == "RouteTables" and other.get("VpcId") == vpc:
                other["Associations"] = [part for part in other.get("Associations", ()) if not part.get("Main")]
    part = {"Main": True} if main else {"SubnetId": state.id(one, "subnet_id")}
    table.setdefault("Associations", []).append(part)


def _interface(state: State, one: Resource) -> None:
    values = one.values
    addresses = values.get("private_ip_list") or values.get("private_ips") or ()
    primary = values.get("private_ip")
    ordered = list(dict.fromkeys([*([primary] if primary else []), *addresses]))
    attachments = [
        block for name in ("attachment", "attachments") for block in state.blocks(one, name) if block.value("instance")
    ]
    subnet = state.id(one, "subnet_id")
    state.document(
        "NetworkInterfaces", one.id, one.address, NetworkInterfaceId=one.id, SubnetId=subnet, VpcId=vpc_of(state, subnet),
        PrivateIpAddresses=[{"PrivateIpAddress": address, "Primary": address == primary} for address in ordered],
        Ipv6Addresses=[{"Ipv6Address": address} for address in values.get("ipv6_addresses") or ()],
        Groups=[{"GroupId": group} for group in state.ids(one, "security_groups")],
        MacAddress=values.get("mac_address"), Description=values.get("description"), InterfaceType=values.get("interface_type"),
        SourceDestCheck=values.get("source_dest_check"),
        Attachment={"InstanceId": first(attachments[0].value("instance"))} if attachments else None,
        **common(one),
    )  # fmt: skip


def _instance(state: State, one: Resource) -> None:
    values, subnet = one.values, state.id(one, "subnet_id")
    interface = str(values.get("primary_network_interface_id") or derived("interface", f"{one.address} primary"))
    private = values.get("private_ip")
    addresses = [*([private] if private else []), *(values.get("secondary_private_ips") or ())]
    state.document(
        "Reservations", one.id, one.address,
        Instances=[{"InstanceId": one.id, "State": {"Name": values.get("instance_state")}, **common(one)}],
    )  # fmt: skip
    state.document(
        "NetworkInterfaces", interface, one.address, NetworkInterfaceId=interface, SubnetId=subnet, VpcId=vpc_of(state,
        subnet), PrivateIpAddresses=[{"PrivateIpAddress": address, "Primary": address == private} for address in addresses],
        Ipv6Addresses=[{"Ipv6Address": address} for address in values.get("ipv6_addresses") or ()],
        Groups=[{"GroupId": group} for group in state.ids(one, "vpc_security_group_ids")],
        SourceDestCheck=values.get("source_dest_check"), Attachment={"InstanceId": one.id},
        Association={"PublicIp": values["public_ip"]} if values.get("public_ip") else None,
    )  # fmt: skip


READERS: Final[dict[str, Callable[[State, Resource], None]]] = {
    "aws_vpc": _vpc,
    "aws_default_vpc": _vpc,
    "aws_vpc_ipv4_cidr_block_association": _vpc_block,
    "aws_vpc_ipv6_cidr_block_association": _vpc_block,
    "aws_subnet": _subnet,
    "aws_default_subnet": _subnet,
    "aws_route_table": _route_table,
    "aws_default_route_table": _route_table,
    "aws_route": _route,
    "aws_route_table_association": _route_table_of,
    "aws_main_route_table_association": _route_table_of,
    "aws_network_interface": _interface,
    "aws_instance": _instance,
}
"""Reader of each type of resource."""
