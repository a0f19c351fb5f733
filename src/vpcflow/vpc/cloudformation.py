"""CloudFormation templates → documents in the shape of the EC2 API.

A template has no ids and seldom addresses: ids are derived from logical ids, and what only a stack knows is named in
`incomplete`.

Source: AWS CloudFormation Template Reference, `AWS::EC2::…`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc import cloudformation_rules
from vpcflow.vpc.cloudformation_stack import Resource, Stack
from vpcflow.vpc.document import Documents, Item
from vpcflow.vpc.ids import derived
from vpcflow.vpc.implied import all_outbound, default_entries
from vpcflow.vpc.intrinsics import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOLD: Final = ("Vpcs", "Subnets", "SecurityGroups", "NetworkAcls", "RouteTables", "VpcPeeringConnections")
_TARGETS: Final = {
    "GatewayId": "GatewayId",
    "NatGatewayId": "NatGatewayId",
    "TransitGatewayId": "TransitGatewayId",
    "VpcPeeringConnectionId": "VpcPeeringConnectionId",
    "NetworkInterfaceId": "NetworkInterfaceId",
    "InstanceId": "InstanceId",
    "EgressOnlyInternetGatewayId": "EgressOnlyInternetGatewayId",
    "VpcEndpointId": "GatewayId",
    "LocalGatewayId": "LocalGatewayId",
    "CarrierGatewayId": "CarrierGatewayId",
    "CoreNetworkArn": "CoreNetworkArn",
}


def read(document: object, file: str, into: Documents, given: Mapping[str, str]) -> None:
    """Take the network of a template. given: values of its parameters. RecordError for what has not the form of a template."""
    root = Item(document, file, "")
    stack = Stack(Template(root.values, given), file, into)
    for logical, values in root.item("Resources").values.items():
        one = Item(values, file, f"Resources.{logical}")
        if stack.wanted(one, logical):
            stack.found.append(Resource(stack, logical, one.text("Type"), one.item("Properties").values))
    order = {name: place for place, name in enumerate(_READERS)}
    for resource in sorted(stack.found, key=lambda found: order.get(found.type, len(order))):
        try:
            _READERS.get(resource.type, _unread)(stack, resource)
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            raise RecordError(
                "network.bad_resource", file=file, place=f"Resources.{resource.name}", reason=str(error)
            ) from error
    stack.finish()
    into.told.update(_TOLD)
    into.partial.add("NetworkInterfaces")


def _unread(stack: Stack, one: Resource) -> None:
    """Name what would hold more of the network: nested stacks and macros."""
    if one.type in ("AWS::CloudFormation::Stack", "AWS::CloudFormation::Macro") or one.name.startswith("Fn::"):
        stack.missing(f"Resources.{one.name}", one.type or one.name)


# --- VPC, subnets, routes ------------------------------------------------------------------------------------------


def _vpc(stack: Stack, one: Resource) -> None:
    stack.document("Vpcs", one.id, one.name, VpcId=one.id, CidrBlock=one.get("CidrBlock"), **one.tags())
    acl, table = derived("network-acl", f"{one.name} default"), derived("route-table", f"{one.name} default")
    stack.document(
        "NetworkAcls", acl, one.name, NetworkAclId=acl, VpcId=one.id, IsDefault=True, Entries=default_entries()
    )
    stack.document("RouteTables", table, one.name, RouteTableId=table, VpcId=one.id, Associations=[{"Main": True}])
    group = derived("security-group", f"{one.name} default")
    stack.document(
        "SecurityGroups", group, one.name, GroupId=group, GroupName="default", VpcId=one.id,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}],
        IpPermissionsEgress=all_outbound(ipv6=False),
    )  # fmt: skip


def _vpc_block(stack: Stack, one: Resource) -> None:
    vpc = stack.document("Vpcs", str(one.get("VpcId")), one.name)
    for key, part in (("CidrBlock", "CidrBlockAssociationSet"), ("Ipv6CidrBlock", "Ipv6CidrBlockAssociationSet")):
        if cidr := one.get(key):
            vpc.setdefault(part, []).append({key: cidr})
    if one.get("AmazonProvidedIpv6CidrBlock"):
        stack.missing(f"Resources.{one.name}.Properties.AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock")


def _subnet(stack: Stack, one: Resource) -> None:
    ipv6 = one.get("Ipv6CidrBlock")
    stack.document(
        "Subnets", one.id, one.name, SubnetId=one.id, VpcId=one.get("VpcId"), CidrBlock=one.get("CidrBlock"),
        Ipv6CidrBlockAssociationSet=[{"Ipv6CidrBlock": ipv6}] if ipv6 else None,
        AvailabilityZone=one.get("AvailabilityZone", quiet=True), AvailabilityZoneId=one.get("AvailabilityZoneId", quiet=True),
        **one.tags(),
    )  # fmt: skip


def _route_table(stack: Stack, one: Resource) -> None:
    stack.document("RouteTables", one.id, one.name, RouteTableId=one.id, VpcId=one.get("VpcId"), **one.tags())


def _route(stack: Stack, one: Resource) -> None:
    table = one.get("RouteTableId")
    if not table:
        return
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    route = {key: found for key in keys if (found := one.get(key))}
    route |= {key: found for name, key in _TARGETS.items() if (found := one.get(name))}
    stack.document("RouteTables", table, one.name).setdefault("Routes", []).append(route)


def _route_table_of(stack: Stack, one: Resource) -> None:
    table, subnet = one.get("RouteTableId"), one.get("SubnetId")
    if table and subnet:
        stack.document("RouteTables", table, one.name).setdefault("Associations", []).append({"SubnetId": subnet})


# --- interfaces ----------------------------------------------------------------------------------------------------


def _interface(stack: Stack, one: Resource) -> None:
    _add_interface(stack, one, one.id, {
        key: one.get(key)
        for key in ("SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses", "GroupSet", "SourceDestCheck",
                    "InterfaceType", "Description")
    })  # fmt: skip


def _instance(stack: Stack, one: Resource) -> None:
    stack.document("Reservations", one.id, one.name, Instances=[{"InstanceId": one.id, **one.tags()}])
    told = one.get("NetworkInterfaces")
    if not told:
        keys = ("SubnetId", "PrivateIpAddress", "Ipv6Addresses", "SourceDestCheck")
        told = [{key: one.get(key) for key in keys} | {"GroupSet": one.get("SecurityGroupIds")}]
    for place, values in enumerate(told):
        given = values.get("NetworkInterfaceId")
        if given:
            stack.document("NetworkInterfaces", given, one.name, Attachment={"InstanceId": one.id})
        elif values.get("SubnetId"):
            interface = derived("interface", f"{one.name} {place}")
            _add_interface(stack, one, interface, values)
            stack.document("NetworkInterfaces", interface, one.name, Attachment={"InstanceId": one.id})


def _add_interface(stack: Stack, one: Resource, own: str, values: Mapping[str, Any]) -> None:
    addresses = list(values.get("PrivateIpAddresses") or ())
    if values.get("PrivateIpAddress"):
        addresses.insert(0, {"PrivateIpAddress": values["PrivateIpAddress"], "Primary": True})
    subnet = values.get("SubnetId")
    stack.document(
        "NetworkInterfaces", own, one.name, NetworkInterfaceId=own, SubnetId=subnet,
        VpcId=stack.made.get(("Subnets", str(subnet)), {}).get("VpcId"), PrivateIpAddresses=addresses,
        Ipv6Addresses=values.get("Ipv6Addresses"), Groups=[{"GroupId": group} for group in values.get("GroupSet") or ()],
        SourceDestCheck=values.get("SourceDestCheck"), InterfaceType=values.get("InterfaceType"),
        Description=values.get("Description"), **one.tags(),
    )  # fmt: skip


def _attachment(stack: Stack, one: Resource) -> None:
    interface, instance = one.get("NetworkInterfaceId"), one.get("InstanceId")
    if interface and instance:
        stack.document("NetworkInterfaces", interface, one.name, Attachment={"InstanceId": instance})


# --- gateways ------------------------------------------------------------------------------------------------------


def _gateway(stack: Stack, one: Resource) -> None:
    key, own, attached = {
        "AWS::EC2::InternetGateway": ("InternetGateways", "InternetGatewayId", "Attachments"),
        "AWS::EC2::EgressOnlyInternetGateway": (
            "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", "Attachments",
        ),
        "AWS::EC2::VPNGateway": ("VpnGateways", "VpnGatewayId", "VpcAttachments"),
        "AWS::EC2::TransitGateway": ("TransitGateways", "TransitGatewayId", "Attachments"),
    }[one.type]  # fmt: skip
    found = stack.document(key, one.id, one.name, **{own: one.id}, **one.tags())
    if refers := one.get("SecurityGroupReferencingSupport"):
        found["Options"] = {"SecurityGroupReferencingSupport": refers}
    if vpc := one.get("VpcId"):
        found[attached] = [{"VpcId": vpc}]


def _gateway_of(stack: Stack, one: Resource) -> None:
    vpc = one.get("VpcId")
    for name, key, own, attached in (
        ("InternetGatewayId", "InternetGateways", "InternetGatewayId", "Attachments"),
        ("VpnGatewayId", "VpnGateways", "VpnGatewayId", "VpcAttachments"),
    ):
        if gateway := one.get(name):
            stack.document(key, gateway, one.name, **{own: gateway})[attached] = [{"VpcId": vpc}]


def _nat(stack: Stack, one: Resource) -> None:
    subnet, private = one.get("SubnetId"), one.get("PrivateIpAddress")
    vpc = stack.made.get(("Subnets", str(subnet)), {}).get("VpcId")
    interface = derived("interface", f"{one.name} primary")
    stack.document(
        "NatGateways", one.id, one.name, NatGatewayId=one.id, SubnetId=subnet, VpcId=vpc,
        NatGatewayAddresses=[{"NetworkInterfaceId": interface if private else None}], **one.tags(),
    )  # fmt: skip
    if private:
        stack.document(
            "NetworkInterfaces", interface, one.name, NetworkInterfaceId=interface, SubnetId=subnet, VpcId=vpc,
            PrivateIpAddresses=[{"PrivateIpAddress": private, "Primary": True}], InterfaceType="nat_gateway",
            SourceDestCheck=False,
        )  # fmt: skip


def _tgw_of(stack: Stack, one: Resource) -> None:
    own = f"tgw-attach-{one.name}"
    stack.document(
        "TransitGatewayVpcAttachments", own, one.name, TransitGatewayAttachmentId=own, VpcId=one.get("VpcId"),
        TransitGatewayId=one.get("TransitGatewayId"), Options=one.get("Options", quiet=True),
    )  # fmt: skip


def _peering(stack: Stack, one: Resource) -> None:
    stack.document(
        "VpcPeeringConnections", one.id, one.name, VpcPeeringConnectionId=one.id, RequesterVpcInfo={"VpcId": one.get("VpcId")},
        AccepterVpcInfo={"VpcId": one.get("PeerVpcId"), "Region": one.get("PeerRegion", quiet=True)}, **one.tags(),
    )  # fmt: skip


def _endpoint(stack: Stack, one: Resource) -> None:
    stack.document(
        "VpcEndpoints", one.id, one.name, VpcEndpointId=one.id, VpcId=one.get("VpcId"),
        ServiceName=one.get("ServiceName", quiet=True), SubnetIds=one.get("SubnetIds"),
    )  # fmt: skip


_READERS: Final[dict[str, Callable[[Stack, Resource], None]]] = {
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::VPCCidrBlock": _vpc_block,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::RouteTable": _route_table,
    "AWS::EC2::Route": _route,
    "AWS::EC2::SubnetRouteTableAssociation": _route_table_of,
    "AWS::EC2::NetworkInterface": _interface,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::NetworkInterfaceAttachment": _attachment,
    **cloudformation_rules.READERS,
    "AWS::EC2::InternetGateway": _gateway,
    "AWS::EC2::EgressOnlyInternetGateway": _gateway,
    "AWS::EC2::VPNGateway": _gateway,
    "AWS::EC2::TransitGateway": _gateway,
    "AWS::EC2::VPCGatewayAttachment": _gateway_of,
    "AWS::EC2::NatGateway": _nat,
    "AWS::EC2::TransitGatewayAttachment": _tgw_of,
    "AWS::EC2::TransitGatewayVpcAttachment": _tgw_of,
    "AWS::EC2::VPCPeeringConnection": _peering,
    "AWS::EC2::VPCEndpoint": _endpoint,
}
"""Reader of each type of resource; they are read in this order, so that what others refer to is there."""
