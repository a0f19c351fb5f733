"""Terraform state and plans → documents in the shape of the EC2 API.

Source: Terraform AWS provider, schemas of the resources named in `_READERS`. Interfaces that services make are in no
state: they are missing, and `incomplete` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc.document import UNRESOLVED, Documents, Item
from vpcflow.vpc.ids import derived
from vpcflow.vpc.implied import add_local_routes, default_entries
from vpcflow.vpc.terraform_values import Resource, module_config, resources, without_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    _Document = dict[str, Any]

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
_TOLD: Final = ("Vpcs", "Subnets", "SecurityGroups", "NetworkAcls", "RouteTables", "VpcPeeringConnections")
_HOPS: Final = 32


def read(document: object, file: str, into: Documents) -> None:
    """Take the network of a Terraform document; RecordError for what has not the form of one."""
    root = Item(document, file, "")
    found = resources(root)
    state = _State(root, found, into)
    order = {name: place for place, name in enumerate(_READERS)}
    wanted = [one for one in found if one.type in order and (one.managed or one.type in _DATA)]
    for one in sorted(wanted, key=lambda one: order[one.type]):
        try:
            _READERS[one.type](state, one)
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            raise RecordError("network.bad_resource", file=file, place=one.address, reason=str(error)) from error
    state.finish()
    into.told.update(_TOLD)
    into.partial.add("NetworkInterfaces")


class _State:
    """All resources of one document, by address, and what they refer to. Collects what several resources tell of one thing."""

    def __init__(self, root: Item, found: list[Resource], into: Documents) -> None:
        self.root, self.into, self.file = root, into, root.file
        self._by_plain: dict[str, list[Resource]] = {}
        for one in found:
            self._by_plain.setdefault(_no_indices(one.address), []).append(one)
        self.made: dict[tuple[str, str], _Document] = {}

    def document(self, key: str, own: str, place: str, **values: Any) -> _Document:  # noqa: ANN401 - JSON
        """Return the document of *own* in the list *key*, with *values* added; lists in it grow."""
        found = self.made.setdefault((key, own), {"@": place})
        found.update({name: value for name, value in values.items() if value not in (None, "")})
        return found

    def finish(self) -> None:
        """Hand all documents on."""
        vpcs = {own: values for (key, own), values in self.made.items() if key == "Vpcs"}
        add_local_routes([values for (key, _), values in self.made.items() if key == "RouteTables"], vpcs)
        for (key, _), values in self.made.items():
            place = values.pop("@")
            self.into.add(key, values, self.file, place)

    # --- attributes --------------------------------------------------------------------------------------------

    def ids(self, one: Resource, name: str) -> list[str]:
        """Return the ids in an attribute (a string or a list), those of a plan's references too."""
        value = one.values.get(name)
        known = [value] if isinstance(value, str) else [found for found in value or () if isinstance(found, str)]
        if known and not one.is_unknown(name):
            return [found for found in known if found]
        return list(dict.fromkeys([*filter(None, known), *self.referred(one, one.config.get(name))]))

    def id(self, one: Resource, name: str) -> str:
        """Return the id in an attribute; empty where there is none or it cannot be told."""
        found = self.ids(one, name)
        return found[0] if found else ""

    def referred(self, one: Resource, expression: object) -> list[str]:
        """Return the ids of the resources that an expression of *one*'s configuration refers to."""
        found = []
        for reference in _references(expression):
            found += self._resolved(reference, one.module, one.index, 0)
        return list(dict.fromkeys(found))

    def _resolved(self, reference: str, module: str, index: object, hops: int) -> list[str]:
        if hops > _HOPS:
            return []
        words = reference.split(".")
        if words[0] == "var" and module:
            parent, call = _parent(self.root, module)
            given = call.item("expressions").values.get(words[1]) if call else None
            return [own for inner in _references(given) for own in self._resolved(inner, parent, index, hops + 1)]
        if words[0] == "module" and len(words) > 2:
            inside = f"{module}.module.{words[1]}".lstrip(".")
            config = module_config(self.root.item("configuration").item("root_module"), inside)
            told = config.item("outputs").item(words[2].partition("[")[0]).values.get("expression") if config else None
            return [own for inner in _references(told) for own in self._resolved(inner, inside, index, hops + 1)]
        start = 1 if words[0] == "data" else 0
        plain = without_index(".".join(words[: start + 2]))
        candidates = self._by_plain.get(".".join(filter(None, (_no_indices(module), plain))), [])
        exact = [found for found in candidates if found.address.endswith(".".join(words[: start + 2]))]
        same = [found for found in candidates if found.index is not None and found.index == index]
        chosen = exact if len(exact) == 1 else same if len(same) == 1 else candidates
        attribute = words[start + 2] if len(words) > start + 2 else "id"
        return [own for found in chosen if (own := _attribute_id(found, attribute))]

    def blocks(self, one: Resource, name: str) -> Iterator[_Block]:
        """Yield the nested blocks of an attribute."""
        configured = one.config.get(name)
        configured = configured if isinstance(configured, list) else []
        if one.is_unknown(name):
            if not configured:
                yield _Block(self, one, {}, {}, resolved=False)
            for expressions in configured:
                yield _Block(self, one, {}, expressions if isinstance(expressions, dict) else {})
            return
        for values in one.values.get(name) or ():
            if isinstance(values, dict):
                yield _Block(self, one, values, {})


@dataclass(frozen=True, slots=True)
class _Block:
    """One nested block, by its values, or by the expressions of a plan's configuration.

    resolved: False for one that is wholly unknown.
    """

    state: _State
    resource: Resource
    values: Mapping[str, Any]
    expressions: Mapping[str, Any]
    resolved: bool = True

    def value(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return an attribute; the ids that a reference stands for, as a list; None where there is none."""
        if name in self.values:
            return self.values[name]
        expression = self.expressions.get(name)
        if not isinstance(expression, dict):
            return None
        if "constant_value" in expression:
            return expression["constant_value"]
        return self.state.referred(self.resource, expression) or None

    def unresolved(self, name: str) -> bool:
        """Tell whether an attribute is there and its value cannot be told."""
        return name not in self.values and bool(_references(self.expressions.get(name))) and self.value(name) is None


def _references(expression: object) -> list[str]:
    """Return the references of an expression, those to attributes only where Terraform names their resources beside them."""
    if not isinstance(expression, dict):
        return []
    found = expression.get("references")
    found = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [one for one in found if not any(other.startswith(f"{one}.") for other in found)]


def _attribute_id(one: Resource, attribute: str) -> str:
    value = one.values.get(attribute)
    if isinstance(value, str) and value:
        return value
    if attribute.startswith("default_"):
        kind = attribute.removeprefix("default_").removesuffix("_id").replace("_", "-")
        return (
            derived(kind, f"{one.address} default") if kind in ("security-group", "network-acl", "route-table") else ""
        )
    return one.id if attribute in ("id", "security_group_id", "allocation_id") else ""


def _parent(root: Item, module: str) -> tuple[str, Item | None]:
    parent, _, name = module.rpartition("module.")
    parent = parent.rstrip(".")
    config = module_config(root.item("configuration").item("root_module"), parent)
    return parent, config.item("module_calls").item(without_index(name)) if config else None


def _no_indices(address: str) -> str:
    return re.sub(r'\[(?:[0-9]+|"[^"]*")\]', "", address)


# --- resources -----------------------------------------------------------------------------------------------------


def _common(one: Resource) -> _Document:
    tags = one.values.get("tags_all") or one.values.get("tags")
    found: _Document = {"OwnerId": one.values.get("owner_id")}
    if isinstance(tags, dict):
        found["Tags"] = [{"Key": key, "Value": str(value)} for key, value in tags.items()]
    return found


def _blocks6(cidr: object) -> list[_Document]:
    return [{"Ipv6CidrBlock": cidr}] if cidr else []


def _vpc(state: _State, one: Resource) -> None:
    state.document(
        "Vpcs", one.id, one.address, VpcId=one.id, CidrBlock=one.values.get("cidr_block"),
        Ipv6CidrBlockAssociationSet=_blocks6(one.values.get("ipv6_cidr_block")), **_common(one),
    )  # fmt: skip
    if not one.managed:
        return
    # The default ACL and the main route table are there, as AWS makes them, unless a resource takes them over.
    _default(state, one, "NetworkAcls", "NetworkAclId", "default_network_acl_id", "network-acl")
    table = _default(state, one, "RouteTables", "RouteTableId", "default_route_table_id", "route-table")
    table.setdefault("Associations", []).append({"Main": True})


def _default(state: _State, vpc: Resource, key: str, id_key: str, attribute: str, kind: str) -> _Document:
    own = str(vpc.values.get(attribute) or derived(kind, f"{vpc.address} default"))
    found = state.document(key, own, vpc.address, VpcId=vpc.id, **{id_key: own})
    if kind == "network-acl" and "Entries" not in found:
        found |= {"IsDefault": True, "Entries": default_entries()}
    return found


def _vpc_block(state: _State, one: Resource) -> None:
    vpc = state.document("Vpcs", state.id(one, "vpc_id"), one.address)
    key = (
        "Ipv6CidrBlockAssociationSet"
        if one.type == "aws_vpc_ipv6_cidr_block_association"
        else "CidrBlockAssociationSet"
    )
    cidr = one.values.get("ipv6_cidr_block" if key.startswith("Ipv6") else "cidr_block")
    if cidr:
        vpc.setdefault(key, []).append({"Ipv6CidrBlock" if key.startswith("Ipv6") else "CidrBlock": cidr})


def _subnet(state: _State, one: Resource) -> None:
    state.document(
        "Subnets", one.id, one.address, SubnetId=one.id, VpcId=state.id(one, "vpc_id"), CidrBlock=one.values.get("cidr_block"),
        Ipv6CidrBlockAssociationSet=_blocks6(one.values.get("ipv6_cidr_block")),
        AvailabilityZone=one.values.get("availability_zone"), AvailabilityZoneId=one.values.get("availability_zone_id"),
        **_common(one),
    )  # fmt: skip


def _route_table(state: _State, one: Resource) -> None:
    default = one.type == "aws_default_route_table"
    own = state.id(one, "default_route_table_id") or one.id if default else one.id
    table = state.document(
        "RouteTables", own, one.address, RouteTableId=own, VpcId=state.id(one, "vpc_id"), **_common(one)
    )
    routes = table.setdefault("Routes", [])
    for block in state.blocks(one, "route"):
        routes.append(_route_of(block.value))


def _route(state: _State, one: Resource) -> None:
    table = state.document("RouteTables", state.id(one, "route_table_id"), one.address)

    def value(name: str) -> Any:  # noqa: ANN401 - JSON
        return state.id(one, name) if name in _TARGETS else one.values.get(name)

    table.setdefault("Routes", []).append(_route_of(value))


def _route_of(value: Callable[[str], Any]) -> _Document:
    found = {
        "DestinationCidrBlock": value("destination_cidr_block") or value("cidr_block"),
        "DestinationIpv6CidrBlock": value("destination_ipv6_cidr_block") or value("ipv6_cidr_block"),
        "DestinationPrefixListId": _one(value("destination_prefix_list_id")),
    }
    for name, key in _TARGETS.items():
        if target := _one(value(name)):
            found[key] = target
    return {key: one for key, one in found.items() if one}


def _one(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value or None


def _route_table_of(state: _State, one: Resource) -> None:
    table = state.document("RouteTables", state.id(one, "route_table_id"), one.address)
    main = one.type == "aws_main_route_table_association"
    if main:
        vpc = state.id(one, "vpc_id")
        for (key, _), other in state.made.items():
            if key == "RouteTables" and other.get("VpcId") == vpc:
                other["Associations"] = [part for part in other.get("Associations", ()) if not part.get("Main")]
    part = {"Main": True} if main else {"SubnetId": state.id(one, "subnet_id")}
    table.setdefault("Associations", []).append(part)


def _interface(state: _State, one: Resource) -> None:
    values = one.values
    addresses = values.get("private_ip_list") or values.get("private_ips") or ()
    primary = values.get("private_ip")
    ordered = list(dict.fromkeys([*([primary] if primary else []), *addresses]))
    attachments = [
        block for name in ("attachment", "attachments") for block in state.blocks(one, name) if block.value("instance")
    ]
    subnet = state.id(one, "subnet_id")
    state.document(
        "NetworkInterfaces", one.id, one.address, NetworkInterfaceId=one.id, SubnetId=subnet, VpcId=_vpc_of(state, subnet),
        PrivateIpAddresses=[{"PrivateIpAddress": address, "Primary": address == primary} for address in ordered],
        Ipv6Addresses=[{"Ipv6Address": address} for address in values.get("ipv6_addresses") or ()],
        Groups=[{"GroupId": group} for group in state.ids(one, "security_groups")],
        MacAddress=values.get("mac_address"), Description=values.get("description"), InterfaceType=values.get("interface_type"),
        SourceDestCheck=values.get("source_dest_check"),
        Attachment={"InstanceId": _one(attachments[0].value("instance"))} if attachments else None,
        **_common(one),
    )  # fmt: skip


def _vpc_of(state: _State, subnet: str) -> str:
    return str(state.made.get(("Subnets", subnet), {}).get("VpcId", ""))


def _instance(state: _State, one: Resource) -> None:
    values, subnet = one.values, state.id(one, "subnet_id")
    interface = str(values.get("primary_network_interface_id") or derived("interface", f"{one.address} primary"))
    private = values.get("private_ip")
    addresses = [*([private] if private else []), *(values.get("secondary_private_ips") or ())]
    state.document(
        "Reservations", one.id, one.address,
        Instances=[{"InstanceId": one.id, "State": {"Name": values.get("instance_state")}, **_common(one)}],
    )  # fmt: skip
    state.document(
        "NetworkInterfaces", interface, one.address, NetworkInterfaceId=interface, SubnetId=subnet, VpcId=_vpc_of(state,
        subnet), PrivateIpAddresses=[{"PrivateIpAddress": address, "Primary": address == private} for address in addresses],
        Ipv6Addresses=[{"Ipv6Address": address} for address in values.get("ipv6_addresses") or ()],
        Groups=[{"GroupId": group} for group in state.ids(one, "vpc_security_group_ids")],
        SourceDestCheck=values.get("source_dest_check"), Attachment={"InstanceId": one.id},
        Association={"PublicIp": values["public_ip"]} if values.get("public_ip") else None,
    )  # fmt: skip


# --- rules ---------------------------------------------------------------------------------------------------------


def _group(state: _State, one: Resource) -> None:
    found = state.document(
        "SecurityGroups", one.id, one.address, GroupId=one.id, VpcId=state.id(one, "vpc_id"),
        GroupName=one.values.get("name") or ("default" if one.type.startswith("aws_default") else ""), **_common(one),
    )  # fmt: skip
    for name, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if one.is_computed(name):
            continue
        for block in state.blocks(one, name):
            found.setdefault(key, []).append(_permission(state, block, one))


def _permission(state: _State, block: _Block, group: Resource) -> _Document:
    lists = {
        "IpRanges": ("CidrIp", "cidr_blocks"),
        "Ipv6Ranges": ("CidrIpv6", "ipv6_cidr_blocks"),
        "PrefixListIds": ("PrefixListId", "prefix_list_ids"),
        "UserIdGroupPairs": ("GroupId", "security_groups"),
    }
    if not block.resolved or any(block.unresolved(name) for _, name in lists.values()):
        state.into.incomplete.append(f"{group.address}: a rule")
        return {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": UNRESOLVED}]}
    found: _Document = {
        "IpProtocol": block.value("protocol"), "FromPort": block.value("from_port"), "ToPort": block.value("to_port"),
    }  # fmt: skip
    for key, (part, name) in lists.items():
        found[key] = [{part: peer, "Description": block.value("description")} for peer in block.value(name) or ()]
    if block.value("self") is True:
        found["UserIdGroupPairs"].append({"GroupId": group.id})
    return found


def _group_rule(state: _State, one: Resource) -> None:
    """Read `aws_security_group_rule`, which may stand for several rules of the API."""
    own, values = state.id(one, "security_group_id"), one.values
    peers: list[tuple[str, str]] = []
    for name, key in (("cidr_blocks", "CidrIpv4"), ("ipv6_cidr_blocks", "CidrIpv6")):
        peers += [(key, cidr) for cidr in values.get(name) or ()]
    peers += [("PrefixListId", found) for found in state.ids(one, "prefix_list_ids")]
    peers += [("Group", found) for found in state.ids(one, "source_security_group_id")]
    if values.get("self") is True:
        peers.append(("Group", own))
    told = values.get("security_group_rule_id") if len(peers) == 1 else None
    _add_rules(state, one, own, peers, {
        "SecurityGroupRuleId": told, "IsEgress": values.get("type") == "egress", "IpProtocol": values.get("protocol"),
    })  # fmt: skip


def _vpc_group_rule(state: _State, one: Resource) -> None:
    """Read `aws_vpc_security_group_ingress_rule` and its twin."""
    values = one.values
    peers = [
        (key, str(values[name]))
        for name, key in (("cidr_ipv4", "CidrIpv4"), ("cidr_ipv6", "CidrIpv6"))
        if values.get(name)
    ]
    peers += [("PrefixListId", found) for found in state.ids(one, "prefix_list_id")]
    peers += [("Group", found) for found in state.ids(one, "referenced_security_group_id")]
    _add_rules(state, one, state.id(one, "security_group_id"), peers, {
        "SecurityGroupRuleId": values.get("security_group_rule_id") or one.id,
        "IsEgress": one.type == "aws_vpc_security_group_egress_rule", "IpProtocol": values.get("ip_protocol"),
    })  # fmt: skip


def _add_rules(state: _State, one: Resource, group: str, peers: list[tuple[str, str]], common: _Document) -> None:
    if not group:
        state.into.incomplete.append(f"{one.address}.security_group_id")
        return
    if not peers:
        state.into.incomplete.append(f"{one.address}: its peer")
        peers, common = [("PrefixListId", UNRESOLVED)], {**common, "IpProtocol": "-1"}
    for place, (key, peer) in enumerate(peers):
        referred = {"ReferencedGroupInfo": {"GroupId": peer}} if key == "Group" else {key: peer}
        state.document(
            "SecurityGroupRules", f"{one.address} {place}", one.address, GroupId=group, FromPort=one.values.get("from_port"),
            ToPort=one.values.get("to_port"), Description=one.values.get("description"), **common, **referred,
        )  # fmt: skip


def _acl(state: _State, one: Resource) -> None:
    default = one.type == "aws_default_network_acl"
    own = state.id(one, "default_network_acl_id") or one.id if default else one.id
    found = state.document(
        "NetworkAcls",
        own,
        one.address,
        NetworkAclId=own,
        VpcId=state.id(one, "vpc_id"),
        IsDefault=default,
        **_common(one),
    )
    found["Entries"] = []
    found.setdefault("Associations", []).extend({"SubnetId": subnet} for subnet in state.ids(one, "subnet_ids"))
    for name in ("ingress", "egress"):
        if one.is_computed(name):
            continue
        for block in state.blocks(one, name):
            if not block.resolved or any(
                block.unresolved(part) for part in ("cidr_block", "ipv6_cidr_block", "rule_no")
            ):
                _unreadable_acl(state, own, one)
                return
            found["Entries"].append(_entry(block.value, egress=name == "egress"))


def _unreadable_acl(state: _State, own: str, one: Resource) -> None:
    """Leave out an ACL of which a rule is not known: any answer of it would be a guess."""
    state.into.incomplete.append(f"{one.address}: a rule")
    state.into.unreadable.add(own)


def _acl_rule(state: _State, one: Resource) -> None:
    own = state.id(one, "network_acl_id")
    found = state.document("NetworkAcls", own, one.address, NetworkAclId=own)
    names = {"rule_no": "rule_number", "action": "rule_action"}
    if not (one.values.get("cidr_block") or one.values.get("ipv6_cidr_block")):
        _unreadable_acl(state, own, one)
        return
    found.setdefault("Entries", []).append(
        _entry(lambda name: one.values.get(names.get(name, name)), egress=one.values.get("egress") is True)
    )


def _entry(value: Callable[[str], Any], *, egress: bool) -> _Document:
    found = {
        "RuleNumber": value("rule_no"), "RuleAction": value("action"), "Protocol": str(value("protocol")), "Egress": egress,
        "CidrBlock": value("cidr_block"), "Ipv6CidrBlock": value("ipv6_cidr_block"),
        "PortRange": {"From": value("from_port"), "To": value("to_port")},
        "IcmpTypeCode": {"Type": value("icmp_type"), "Code": value("icmp_code")},
    }  # fmt: skip
    return {key: one for key, one in found.items() if one not in (None, "")}


def _acl_of(state: _State, one: Resource) -> None:
    own = state.id(one, "network_acl_id")
    found = state.document("NetworkAcls", own, one.address, NetworkAclId=own)
    found.setdefault("Associations", []).append({"SubnetId": state.id(one, "subnet_id")})


def _prefix_list(state: _State, one: Resource) -> None:
    if one.type == "aws_prefix_list":
        cidrs = list(one.values.get("cidr_blocks") or ())
    else:
        cidrs = [block.value("cidr") for name in ("entry", "entries") for block in state.blocks(one, name)]
    found = state.document(
        "PrefixLists", one.id, one.address, PrefixListId=one.id, PrefixListName=one.values.get("name"),
        MaxEntries=one.values.get("max_entries"),
    )  # fmt: skip
    found.setdefault("Cidrs", []).extend(cidr for cidr in cidrs if cidr)


def _prefix_entry(state: _State, one: Resource) -> None:
    own = state.id(one, "prefix_list_id")
    found = state.document("PrefixLists", own, one.address, PrefixListId=own)
    found.setdefault("Cidrs", []).append(one.values.get("cidr"))


# --- gateways ------------------------------------------------------------------------------------------------------


def _igw(state: _State, one: Resource) -> None:
    vpc = state.id(one, "vpc_id")
    key, own = (
        ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId")
        if one.type == "aws_egress_only_internet_gateway"
        else ("InternetGateways", "InternetGatewayId")
    )
    found = state.document(key, one.id, one.address, **{own: one.id}, **_common(one))
    if vpc:
        found["Attachments"] = [{"VpcId": vpc}]


def _igw_of(state: _State, one: Resource) -> None:
    own = state.id(one, "internet_gateway_id")
    found = state.document("InternetGateways", own, one.address, InternetGatewayId=own)
    found["Attachments"] = [{"VpcId": state.id(one, "vpc_id")}]


def _nat(state: _State, one: Resource) -> None:
    values, subnet = one.values, state.id(one, "subnet_id")
    interface = str(values.get("network_interface_id") or derived("interface", f"{one.address} primary"))
    private, public = values.get("private_ip"), values.get("public_ip")
    state.document(
        "NatGateways", one.id, one.address, NatGatewayId=one.id, SubnetId=subnet, VpcId=_vpc_of(state, subnet),
        NatGatewayAddresses=[{"NetworkInterfaceId": interface, "PublicIp": public, "PrivateIp": private}], **_common(one),
    )  # fmt: skip
    if private:
        state.document(
            "NetworkInterfaces", interface, one.address, NetworkInterfaceId=interface, SubnetId=subnet,
            VpcId=_vpc_of(state, subnet), PrivateIpAddresses=[{"PrivateIpAddress": private, "Primary": True}],
            InterfaceType="nat_gateway", SourceDestCheck=False, Association={"PublicIp": public} if public else None,
            **_common(one),
        )  # fmt: skip


def _tgw(state: _State, one: Resource) -> None:
    refers = {"SecurityGroupReferencingSupport": one.values.get("security_group_referencing_support")}
    state.document("TransitGateways", one.id, one.address, TransitGatewayId=one.id, Options=refers, **_common(one))


def _tgw_of(state: _State, one: Resource) -> None:
    own = one.id or one.address
    state.document(
        "TransitGatewayVpcAttachments", own, one.address, TransitGatewayAttachmentId=own, VpcId=state.id(one, "vpc_id"),
        TransitGatewayId=state.id(one, "transit_gateway_id"),
        Options={"SecurityGroupReferencingSupport": one.values.get("security_group_referencing_support")}, **_common(one),
    )  # fmt: skip


def _vgw(state: _State, one: Resource) -> None:
    state.document(
        "VpnGateways",
        one.id,
        one.address,
        VpnGatewayId=one.id,
        VpcAttachments=[{"VpcId": state.id(one, "vpc_id")}],
        **_common(one),
    )


def _peering(state: _State, one: Resource) -> None:
    accepted = one.values.get("accept_status")
    state.document(
        "VpcPeeringConnections", one.id, one.address, VpcPeeringConnectionId=one.id,
        Status={"Code": accepted if accepted in ("rejected", "expired", "deleted", "failed") else "active"},
        RequesterVpcInfo={"VpcId": state.id(one, "vpc_id")},
        AccepterVpcInfo={"VpcId": state.id(one, "peer_vpc_id"), "Region": one.values.get("peer_region")}, **_common(one),
    )  # fmt: skip


def _endpoint(state: _State, one: Resource) -> None:
    state.document(
        "VpcEndpoints", one.id, one.address, VpcEndpointId=one.id, VpcId=state.id(one, "vpc_id"),
        ServiceName=one.values.get("service_name"), NetworkInterfaceIds=state.ids(one, "network_interface_ids"),
        SubnetIds=state.ids(one, "subnet_ids"), **_common(one),
    )  # fmt: skip
    listed = one.values.get("prefix_list_id")
    if listed and one.values.get("cidr_blocks"):
        found = state.document(
            "PrefixLists", listed, one.address, PrefixListId=listed, PrefixListName=one.values.get("service_name")
        )
        found["Cidrs"] = list(one.values["cidr_blocks"])


def _eip(state: _State, one: Resource) -> None:
    interface, public = state.id(one, "network_interface"), one.values.get("public_ip")
    found = state.made.get(("NetworkInterfaces", interface))
    if found is not None and public:
        found.setdefault("Association", {"PublicIp": public})


_DATA: Final = frozenset(
    {"aws_vpc", "aws_subnet", "aws_prefix_list", "aws_ec2_managed_prefix_list", "aws_network_interface"}
)
"""Data sources that tell as much as the resource of their name."""

_READERS: Final[dict[str, Callable[[_State, Resource], None]]] = {
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
    "aws_security_group": _group,
    "aws_default_security_group": _group,
    "aws_security_group_rule": _group_rule,
    "aws_vpc_security_group_ingress_rule": _vpc_group_rule,
    "aws_vpc_security_group_egress_rule": _vpc_group_rule,
    "aws_network_acl": _acl,
    "aws_default_network_acl": _acl,
    "aws_network_acl_rule": _acl_rule,
    "aws_network_acl_association": _acl_of,
    "aws_ec2_managed_prefix_list": _prefix_list,
    "aws_prefix_list": _prefix_list,
    "aws_ec2_managed_prefix_list_entry": _prefix_entry,
    "aws_internet_gateway": _igw,
    "aws_internet_gateway_attachment": _igw_of,
    "aws_egress_only_internet_gateway": _igw,
    "aws_nat_gateway": _nat,
    "aws_ec2_transit_gateway": _tgw,
    "aws_ec2_transit_gateway_vpc_attachment": _tgw_of,
    "aws_vpn_gateway": _vgw,
    "aws_vpc_peering_connection": _peering,
    "aws_vpc_endpoint": _endpoint,
    "aws_eip": _eip,
}
"""Reader of each type of resource."""
