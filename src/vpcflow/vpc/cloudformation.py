"""CloudFormation templates → documents in the shape of the EC2 API.

A template has no ids and seldom addresses: ids are derived from logical ids, and what only a stack knows is named in
`incomplete`.

Source: AWS CloudFormation Template Reference, `AWS::EC2::…`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc.document import UNRESOLVED, Documents, Item
from vpcflow.vpc.ids import derived
from vpcflow.vpc.implied import add_local_routes, all_outbound, default_entries
from vpcflow.vpc.intrinsics import NOTHING, Template, UnresolvedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Document = dict[str, Any]

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
    stack = _Stack(Template(root.values, given), file, into)
    for logical, values in root.item("Resources").values.items():
        one = Item(values, file, f"Resources.{logical}")
        if stack.wanted(one, logical):
            stack.found.append(_Resource(stack, logical, one.text("Type"), one.item("Properties").values))
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


class _Stack:
    """What the resources of one template come to."""

    def __init__(self, template: Template, file: str, into: Documents) -> None:
        self.template, self.file, self.into = template, file, into
        self.found: list[_Resource] = []
        self.made: dict[tuple[str, str], _Document] = {}

    def wanted(self, one: Item, logical: str) -> bool:
        """Tell whether a resource's condition holds; one that cannot be told is named, and taken."""
        condition = one.values.get("Condition")
        if condition is None:
            return True
        try:
            return self.template.condition(condition)
        except UnresolvedError as error:
            self.missing(f"Resources.{logical}.Condition", str(error))
            return True

    def missing(self, place: str, what: str) -> None:
        """Name something that the template does not tell."""
        self.into.incomplete.append(f"{place}: {what}")

    def document(self, key: str, own: str, place: str, **values: Any) -> _Document:  # noqa: ANN401 - JSON
        """Return the document of *own* in the list *key*, with *values* added."""
        found = self.made.setdefault((key, own), {"@": f"Resources.{place}"})
        found.update({name: value for name, value in values.items() if value not in (None, "")})
        return found

    def finish(self) -> None:
        """Hand all documents on."""
        vpcs = {own: values for (key, own), values in self.made.items() if key == "Vpcs"}
        add_local_routes([values for (key, _), values in self.made.items() if key == "RouteTables"], vpcs)
        for (key, _), values in self.made.items():
            place = values.pop("@")
            self.into.add(key, values, self.file, place)


@dataclass(frozen=True, slots=True)
class _Resource:
    """One resource. name: its logical id."""

    stack: _Stack
    name: str
    type: str
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id it is given here."""
        return self.stack.template.id_of(self.name)

    def get(self, key: str, *, quiet: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Return a property; None where there is none, or the template does not tell it: that is noted unless *quiet*."""
        try:
            return self.strict(key)
        except UnresolvedError as error:
            if not quiet:
                self.stack.missing(f"Resources.{self.name}.Properties.{key}", str(error))
            return None

    def strict(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """Return a property; UnresolvedError where the template does not tell it."""
        found = self.stack.template.resolve(self.properties.get(key))
        return None if found is NOTHING else found

    def tags(self) -> _Document:
        """Return its tags, as far as they are told."""
        found = []
        tags = self.properties.get("Tags")
        for tag in tags if isinstance(tags, list) else ():
            try:
                told = self.stack.template.resolve(tag)
                found.append({"Key": str(told["Key"]), "Value": str(told["Value"])})
            except (UnresolvedError, TypeError, KeyError):
                continue
        return {"Tags": found}


def _unread(stack: _Stack, one: _Resource) -> None:
    """Name what would hold more of the network: nested stacks and macros."""
    if one.type in ("AWS::CloudFormation::Stack", "AWS::CloudFormation::Macro") or one.name.startswith("Fn::"):
        stack.missing(f"Resources.{one.name}", one.type or one.name)


# --- VPC, subnets, routes ------------------------------------------------------------------------------------------


def _vpc(stack: _Stack, one: _Resource) -> None:
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


def _vpc_block(stack: _Stack, one: _Resource) -> None:
    vpc = stack.document("Vpcs", str(one.get("VpcId")), one.name)
    for key, part in (("CidrBlock", "CidrBlockAssociationSet"), ("Ipv6CidrBlock", "Ipv6CidrBlockAssociationSet")):
        if cidr := one.get(key):
            vpc.setdefault(part, []).append({key: cidr})
    if one.get("AmazonProvidedIpv6CidrBlock"):
        stack.missing(f"Resources.{one.name}.Properties.AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock")


def _subnet(stack: _Stack, one: _Resource) -> None:
    ipv6 = one.get("Ipv6CidrBlock")
    stack.document(
        "Subnets", one.id, one.name, SubnetId=one.id, VpcId=one.get("VpcId"), CidrBlock=one.get("CidrBlock"),
        Ipv6CidrBlockAssociationSet=[{"Ipv6CidrBlock": ipv6}] if ipv6 else None,
        AvailabilityZone=one.get("AvailabilityZone", quiet=True), AvailabilityZoneId=one.get("AvailabilityZoneId", quiet=True),
        **one.tags(),
    )  # fmt: skip


def _route_table(stack: _Stack, one: _Resource) -> None:
    stack.document("RouteTables", one.id, one.name, RouteTableId=one.id, VpcId=one.get("VpcId"), **one.tags())


def _route(stack: _Stack, one: _Resource) -> None:
    table = one.get("RouteTableId")
    if not table:
        return
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    route = {key: found for key in keys if (found := one.get(key))}
    route |= {key: found for name, key in _TARGETS.items() if (found := one.get(name))}
    stack.document("RouteTables", table, one.name).setdefault("Routes", []).append(route)


def _route_table_of(stack: _Stack, one: _Resource) -> None:
    table, subnet = one.get("RouteTableId"), one.get("SubnetId")
    if table and subnet:
        stack.document("RouteTables", table, one.name).setdefault("Associations", []).append({"SubnetId": subnet})


# --- interfaces ----------------------------------------------------------------------------------------------------


def _interface(stack: _Stack, one: _Resource) -> None:
    _add_interface(stack, one, one.id, {
        key: one.get(key)
        for key in ("SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses", "GroupSet", "SourceDestCheck",
                    "InterfaceType", "Description")
    })  # fmt: skip


def _instance(stack: _Stack, one: _Resource) -> None:
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


def _add_interface(stack: _Stack, one: _Resource, own: str, values: Mapping[str, Any]) -> None:
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


def _attachment(stack: _Stack, one: _Resource) -> None:
    interface, instance = one.get("NetworkInterfaceId"), one.get("InstanceId")
    if interface and instance:
        stack.document("NetworkInterfaces", interface, one.name, Attachment={"InstanceId": instance})


# --- rules ---------------------------------------------------------------------------------------------------------


def _group(stack: _Stack, one: _Resource) -> None:
    vpc = one.get("VpcId")
    found = stack.document(
        "SecurityGroups", one.id, one.name, GroupId=one.id, VpcId=vpc, GroupName=one.get("GroupName", quiet=True) or one.name,
        **one.tags(),
    )  # fmt: skip
    for key, part in (("SecurityGroupIngress", "IpPermissions"), ("SecurityGroupEgress", "IpPermissionsEgress")):
        rules = one.properties.get(key)
        for rule in rules if isinstance(rules, list) else [rules] if rules else ():
            found.setdefault(part, []).append(_permission(stack, one, rule))
    if "SecurityGroupEgress" not in one.properties:
        ipv6 = bool(stack.made.get(("Vpcs", str(vpc)), {}).get("Ipv6CidrBlockAssociationSet"))
        found["IpPermissionsEgress"] = all_outbound(ipv6=ipv6)


def _permission(stack: _Stack, one: _Resource, rule: object) -> _Document:
    try:
        values = stack.template.resolve(rule)
        peers = {
            "IpRanges": _peers(values, "CidrIp", "CidrIp"),
            "Ipv6Ranges": _peers(values, "CidrIpv6", "CidrIpv6"),
            "PrefixListIds": _peers(values, "PrefixListId", "SourcePrefixListId", "DestinationPrefixListId"),
            "UserIdGroupPairs": _peers(values, "GroupId", "SourceSecurityGroupId", "DestinationSecurityGroupId"),
        }
        if not any(peers.values()):
            raise UnresolvedError("SourceSecurityGroupName" if "SourceSecurityGroupName" in values else "peer")  # noqa: TRY301
    except UnresolvedError as error:
        stack.missing(f"Resources.{one.name}: a rule", str(error))
        return {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": UNRESOLVED}]}
    return {**{key: values.get(key) for key in ("IpProtocol", "FromPort", "ToPort")}, **peers}


def _peers(values: Mapping[str, Any], key: str, *names: str) -> list[_Document]:
    return [{key: values[name], "Description": values.get("Description")} for name in names if values.get(name)]


def _group_rule(stack: _Stack, one: _Resource) -> None:
    group = one.get("GroupId")
    if not group:
        return
    found = stack.document("SecurityGroups", group, one.name, GroupId=group)
    part = "IpPermissions" if one.type == "AWS::EC2::SecurityGroupIngress" else "IpPermissionsEgress"
    found.setdefault(part, []).append(_permission(stack, one, dict(one.properties)))


def _acl(stack: _Stack, one: _Resource) -> None:
    stack.document(
        "NetworkAcls", one.id, one.name, NetworkAclId=one.id, VpcId=one.get("VpcId"), Entries=[], **one.tags()
    )


def _acl_entry(stack: _Stack, one: _Resource) -> None:
    acl = one.get("NetworkAclId")
    if not acl:
        return
    found = stack.document("NetworkAcls", acl, one.name, NetworkAclId=acl)
    keys = ("RuleNumber", "RuleAction", "Protocol", "Egress", "CidrBlock", "Ipv6CidrBlock", "PortRange")
    try:
        entry = {key: one.strict(key) for key in keys}
        icmp = one.strict("Icmp")
    except UnresolvedError as error:
        stack.missing(f"Resources.{one.name}", str(error))
        stack.into.unreadable.add(acl)
        return
    entry["IcmpTypeCode"] = icmp
    found.setdefault("Entries", []).append({key: value for key, value in entry.items() if value is not None})


def _acl_of(stack: _Stack, one: _Resource) -> None:
    acl, subnet = one.get("NetworkAclId"), one.get("SubnetId")
    if acl and subnet:
        stack.document("NetworkAcls", acl, one.name, NetworkAclId=acl).setdefault("Associations", []).append(
            {"SubnetId": subnet}
        )


def _prefix_list(stack: _Stack, one: _Resource) -> None:
    values: _Document = {
        "PrefixListId": one.id, "PrefixListName": one.get("PrefixListName", quiet=True), "MaxEntries": one.get("MaxEntries"),
    }  # fmt: skip
    try:
        values["Cidrs"] = [entry["Cidr"] for entry in one.strict("Entries") or ()]
    except UnresolvedError as error:
        stack.missing(f"Resources.{one.name}.Properties.Entries", str(error))
    stack.document("PrefixLists", one.id, one.name, **values)


# --- gateways ------------------------------------------------------------------------------------------------------


def _gateway(stack: _Stack, one: _Resource) -> None:
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


def _gateway_of(stack: _Stack, one: _Resource) -> None:
    vpc = one.get("VpcId")
    for name, key, own, attached in (
        ("InternetGatewayId", "InternetGateways", "InternetGatewayId", "Attachments"),
        ("VpnGatewayId", "VpnGateways", "VpnGatewayId", "VpcAttachments"),
    ):
        if gateway := one.get(name):
            stack.document(key, gateway, one.name, **{own: gateway})[attached] = [{"VpcId": vpc}]


def _nat(stack: _Stack, one: _Resource) -> None:
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


def _tgw_of(stack: _Stack, one: _Resource) -> None:
    own = f"tgw-attach-{one.name}"
    stack.document(
        "TransitGatewayVpcAttachments", own, one.name, TransitGatewayAttachmentId=own, VpcId=one.get("VpcId"),
        TransitGatewayId=one.get("TransitGatewayId"), Options=one.get("Options", quiet=True),
    )  # fmt: skip


def _peering(stack: _Stack, one: _Resource) -> None:
    stack.document(
        "VpcPeeringConnections", one.id, one.name, VpcPeeringConnectionId=one.id, RequesterVpcInfo={"VpcId": one.get("VpcId")},
        AccepterVpcInfo={"VpcId": one.get("PeerVpcId"), "Region": one.get("PeerRegion", quiet=True)}, **one.tags(),
    )  # fmt: skip


def _endpoint(stack: _Stack, one: _Resource) -> None:
    stack.document(
        "VpcEndpoints", one.id, one.name, VpcEndpointId=one.id, VpcId=one.get("VpcId"),
        ServiceName=one.get("ServiceName", quiet=True), SubnetIds=one.get("SubnetIds"),
    )  # fmt: skip


_READERS: Final[dict[str, Callable[[_Stack, _Resource], None]]] = {
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::VPCCidrBlock": _vpc_block,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::RouteTable": _route_table,
    "AWS::EC2::Route": _route,
    "AWS::EC2::SubnetRouteTableAssociation": _route_table_of,
    "AWS::EC2::NetworkInterface": _interface,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::NetworkInterfaceAttachment": _attachment,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _group_rule,
    "AWS::EC2::SecurityGroupEgress": _group_rule,
    "AWS::EC2::NetworkAcl": _acl,
    "AWS::EC2::NetworkAclEntry": _acl_entry,
    "AWS::EC2::SubnetNetworkAclAssociation": _acl_of,
    "AWS::EC2::PrefixList": _prefix_list,
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
"""Reader of each type of resource."""
