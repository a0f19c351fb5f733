"""Answers of the EC2 API's `Describe…` operations → Network.

Source: EC2 API Reference, data types `Vpc`, `Subnet`, `RouteTable`, `NetworkInterface`, `Instance`, `SecurityGroup`,
`SecurityGroupRule`, `NetworkAcl`, `ManagedPrefixList`, `NatGateway`, `VpcPeeringConnection`, `VpcEndpoint` and their parts.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vpcflow.vpc.addresses import Address, address, block, text
from vpcflow.vpc.describe_gateways import gateways
from vpcflow.vpc.describe_rules import network_acl, prefix_lists, security_groups
from vpcflow.vpc.service import service
from vpcflow.vpc.tags import name_of, tags_of
from vpcflow.vpc.topology import Instance, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.vpc.document import Documents, Item
    from vpcflow.vpc.rules import NetworkAcl

_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+")
_LOCAL_ZONE: Final = re.compile(r"[a-z]+[0-9]+-[a-z]+[0-9]+-az[0-9]+")
_WAVELENGTH_ZONE: Final = re.compile(r"[a-z]+[0-9]+-wl[0-9]+-.+")
_NEEDED: Final = {
    "Vpcs": "vpcs",
    "Subnets": "subnets",
    "NetworkInterfaces": "network_interfaces",
    "SecurityGroups": "security_groups",
    "NetworkAcls": "network_acls",
    "RouteTables": "route_tables",
    "VpcPeeringConnections": "vpc_peering_connections",
}
"""Lists without which some answer is UNKNOWN, and what `Network.incomplete` calls them."""

_TARGETS: Final = (
    "GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId",
    "EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
)  # fmt: skip
_DELEGATED: Final = 28
"""Length of an IPv4 prefix that is delegated to an interface, 16 addresses."""


def network(documents: Documents) -> Network:
    """Return what *documents* describe; RecordError names the file and the place of what is not as the API has it."""
    acls = {one.id: one for one in map(network_acl, documents.all("NetworkAcls"))}
    instances = {one.text("InstanceId"): one for one in _instances(documents)}
    interfaces = {one.id: one for one in _interfaces(documents, instances)}
    subnets = {one.id: one for one in map(_subnet, documents.all("Subnets"))}
    tables = {one.text("RouteTableId"): one for one in documents.all("RouteTables")}
    vpcs = {one.id: one for one in map(_vpc, documents.all("Vpcs"))}
    groups = security_groups(documents, {one: eni.vpc_id for eni in interfaces.values() for one in eni.security_groups})
    lists = prefix_lists(documents)
    found = Network(
        account=documents.account or _account(documents),
        region=documents.region or _region(documents),
        vpcs=vpcs,
        subnets=dict(_associated(subnets, documents, acls)),
        interfaces=interfaces,
        instances={key: _instance(one) for key, one in instances.items()},
        security_groups=groups,
        network_acls={key: acl for key, acl in acls.items() if key not in documents.unreadable},
        prefix_lists=lists,
        route_tables={key: _route_table(one) for key, one in tables.items()},
        gateways={one.id: one for one in gateways(documents, vpcs)},
        asg_tags={one.text("AutoScalingGroupName"): tags_of(one) for one in documents.all("AutoScalingGroups")},
    )
    return replace(found, incomplete=tuple(_incomplete(documents, found)))


def _incomplete(documents: Documents, found: Network) -> Iterator[str]:
    yield from (name for key, name in _NEEDED.items() if key not in documents.told - documents.partial)
    referred = {
        rule.peer
        for group in found.security_groups.values()
        for rule in (*group.inbound, *group.outbound)
        if rule.peer.startswith("pl-")
    }
    referred |= {
        route.destination
        for table in found.route_tables.values()
        for route in table.routes
        if route.destination.startswith("pl-")
    }
    unknown = {one for one in referred if one not in found.prefix_lists or not found.prefix_lists[one].known}
    yield from (f"prefix_lists: {one}" for one in sorted(unknown - {"pl-unresolved"}))
    yield from dict.fromkeys(documents.incomplete)


def _account(documents: Documents) -> str:
    for key in ("Vpcs", "Subnets", "NetworkInterfaces", "SecurityGroups"):
        owners = Counter(owner for one in documents.all(key) if (owner := one.text("OwnerId")))
        if owners:
            return owners.most_common(1)[0][0]
    return ""


def _region(documents: Documents) -> str:
    for key in ("Subnets", "NetworkInterfaces"):
        for one in documents.all(key):
            found = _REGION.match(one.text("AvailabilityZone"))
            if found:
                return found[0]
    return ""


# --- VPCs, subnets, route tables -----------------------------------------------------------------------------------


def _vpc(one: Item) -> Vpc:
    cidrs = [one.text("CidrBlock")]
    cidrs += [
        part.text("CidrBlock")
        for part in one.items("CidrBlockAssociationSet")
        if _associated_now(part, "CidrBlockState")
    ]
    cidrs += [
        part.text("Ipv6CidrBlock")
        for part in one.items("Ipv6CidrBlockAssociationSet")
        if _associated_now(part, "Ipv6CidrBlockState")
    ]
    return Vpc(_id(one, "VpcId"), _cidrs(one, cidrs), name_of(one), one.text("OwnerId"))


def _subnet(one: Item) -> Subnet:
    cidrs = [one.text("CidrBlock")]
    cidrs += [
        part.text("Ipv6CidrBlock")
        for part in one.items("Ipv6CidrBlockAssociationSet")
        if _associated_now(part, "Ipv6CidrBlockState")
    ]
    zone = one.text("AvailabilityZoneId") or one.text("AvailabilityZone")
    where = _sublocation(one.text("OutpostArn"), zone)
    return Subnet(_id(one, "SubnetId"), one.text("VpcId"), _cidrs(one, cidrs), name_of(one), zone, "", "", *where)


def _sublocation(outpost: str, zone: str) -> tuple[str, str]:
    """Return type and id of where a subnet is that is in no zone of the Region itself; ids of zones tell their kind.

    Source: EC2 User Guide "Local Zones", "Wavelength Zones" (ids as `usw2-lax1-az1`, `use1-wl1-bos-wlz1`).
    """
    if outpost:
        return "outpost", outpost.rpartition("/")[2]
    if _LOCAL_ZONE.fullmatch(zone):
        return "localzone", zone
    return ("wavelength", zone) if _WAVELENGTH_ZONE.fullmatch(zone) else ("", "")


def _associated_now(part: Item, key: str) -> bool:
    return part.item(key).text("State") in ("", "associated", "associating")


def _cidrs(one: Item, cidrs: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for cidr in filter(None, cidrs):
        found[one.cidr("", cidr)] = None
    return tuple(found)


def _id(one: Item, key: str) -> str:
    found = one.text(key)
    # It becomes a part of commands and reports, so it is one word.
    if not found.isprintable() or not found or " " in found:
        raise one.wrong(key, "id", found or None)
    return found


def _associated(
    subnets: dict[str, Subnet], documents: Documents, acls: dict[str, NetworkAcl]
) -> Iterator[tuple[str, Subnet]]:
    """Yield the subnets with their network ACL and route table; those that none names have the VPC's default and main ones."""
    default = {acl.vpc_id: acl.id for acl in acls.values() if acl.default}
    acl_of = {
        part.text("SubnetId"): one.text("NetworkAclId")
        for one in documents.all("NetworkAcls")
        for part in one.items("Associations")
    }
    main, table_of = {}, {}
    for one in documents.all("RouteTables"):
        for part in one.items("Associations"):
            if part.flag("Main"):
                main[one.text("VpcId")] = one.text("RouteTableId")
            elif part.text("SubnetId"):
                table_of[part.text("SubnetId")] = one.text("RouteTableId")
    for key, subnet in subnets.items():
        yield (
            key,
            replace(
                subnet,
                network_acl=acl_of.get(key) or default.get(subnet.vpc_id, ""),
                route_table=table_of.get(key) or main.get(subnet.vpc_id, ""),
            ),
        )


def _route_table(one: Item) -> RouteTable:
    main = any(part.flag("Main") for part in one.items("Associations"))
    routes = sorted(one.items("Routes"), key=lambda route: route.text("Origin") == "EnableVgwRoutePropagation")
    found = [_route(route) for route in routes]
    return RouteTable(_id(one, "RouteTableId"), one.text("VpcId"), name_of(one), main, tuple(filter(None, found)))


def _route(one: Item) -> Route | None:
    destination = one.text("DestinationPrefixListId")
    if not destination:
        cidr = one.text("DestinationCidrBlock") or one.text("DestinationIpv6CidrBlock")
        if not cidr:
            return None
        destination = one.cidr("", cidr)
    targets = [found for key in _TARGETS if (found := one.text(key))]
    # A route to an instance names its interface as well: the interface tells more.
    target = next((found for found in targets if found.startswith("eni-")), targets[0] if targets else "")
    return Route(destination, "" if one.text("State") == "blackhole" else target)


# --- interfaces and instances --------------------------------------------------------------------------------------


def _instances(documents: Documents) -> Iterator[Item]:
    for reservation in documents.all("Reservations"):
        for one in reservation.items("Instances"):
            if one.item("State").text("Name") != "terminated":
                yield one


def _instance(one: Item) -> Instance:
    tags = tags_of(one)
    return Instance(one.text("InstanceId"), tags.get("Name", ""), tags.get("aws:autoscaling:groupName", ""), tags)


def _interfaces(documents: Documents, instances: dict[str, Item]) -> Iterator[NetworkInterface]:
    """Yield interfaces; of an instance that names its own, those too that no other list has."""
    names = {key: name_of(one) for key, one in instances.items()}
    seen = set()
    for one in documents.all("NetworkInterfaces"):
        seen.add(one.text("NetworkInterfaceId"))
        yield _interface(one, one.item("Attachment").text("InstanceId"), names)
    for key, instance in instances.items():
        for one in instance.items("NetworkInterfaces"):
            if one.text("NetworkInterfaceId") not in seen:
                yield _interface(one, key, names)


def _interface(one: Item, instance_id: str, names: dict[str, str]) -> NetworkInterface:
    kind, requester, described = (
        one.text("InterfaceType") or "interface",
        one.text("RequesterId"),
        one.text("Description"),
    )
    private = sorted(one.items("PrivateIpAddresses"), key=lambda part: not part.flag("Primary"))
    addresses = [part.text("PrivateIpAddress") for part in private] or [one.text("PrivateIpAddress")]
    addresses += [found for part in one.items("Ipv4Prefixes") for found in _delegated(part)]
    public = [part.item("Association").text("PublicIp") for part in private] + [
        one.item("Association").text("PublicIp")
    ]
    tags = tags_of(one, "TagSet", "Tags")
    return NetworkInterface(
        _id(one, "NetworkInterfaceId"), one.text("VpcId"), one.text("SubnetId"),
        _addresses(one, addresses), _addresses(one, [part.text("Ipv6Address") for part in one.items("Ipv6Addresses")]),
        tuple(part.text("GroupId") for part in one.items("Groups")), tags.get("Name") or names.get(instance_id, ""),
        one.text("MacAddress").lower(), _addresses(one, public), kind, requester, service(kind, requester, described), described,
        instance_id, one.text("OwnerId"), one.flag("SourceDestCheck", default=True), tags,
        tuple(part.cidr("Ipv6Prefix") for part in one.items("Ipv6Prefixes")),
    )  # fmt: skip


def _addresses(one: Item, texts: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for written in filter(None, texts):
        number = address(written)
        if number is None:
            raise one.wrong("", "address", written)
        found[text(number)] = None
    return tuple(found)


def _delegated(part: Item) -> Iterator[str]:
    """Yield the addresses of an IPv4 prefix that an interface was given whole (as for pods)."""
    cidr = part.cidr("Ipv4Prefix")
    whole = block(cidr)
    if whole.version == 4 and int(cidr.partition("/")[2]) >= _DELEGATED:
        for number in range(whole.first, whole.last + 1):
            yield text(Address(4, number))
