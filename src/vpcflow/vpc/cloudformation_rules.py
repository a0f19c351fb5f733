"""Security groups, network ACLs and prefix lists of CloudFormation.

Source: AWS CloudFormation Template Reference, `AWS::EC2::…`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.vpc.cloudformation_stack import Document, Resource, Stack
from vpcflow.vpc.document import UNRESOLVED
from vpcflow.vpc.implied import all_outbound
from vpcflow.vpc.intrinsics import UnresolvedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _group(stack: Stack, one: Resource) -> None:
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


def _permission(stack: Stack, one: Resource, rule: object) -> Document:
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


def _peers(values: Mapping[str, Any], key: str, *names: str) -> list[Document]:
    return [{key: values[name], "Description": values.get("Description")} for name in names if values.get(name)]


def _group_rule(stack: Stack, one: Resource) -> None:
    group = one.get("GroupId")
    if not group:
        return
    found = stack.document("SecurityGroups", group, one.name, GroupId=group)
    part = "IpPermissions" if one.type == "AWS::EC2::SecurityGroupIngress" else "IpPermissionsEgress"
    found.setdefault(part, []).append(_permission(stack, one, dict(one.properties)))


def _acl(stack: Stack, one: Resource) -> None:
    stack.document(
        "NetworkAcls", one.id, one.name, NetworkAclId=one.id, VpcId=one.get("VpcId"), Entries=[], **one.tags()
    )


def _acl_entry(stack: Stack, one: Resource) -> None:
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


def _acl_of(stack: Stack, one: Resource) -> None:
    acl, subnet = one.get("NetworkAclId"), one.get("SubnetId")
    if acl and subnet:
        stack.document("NetworkAcls", acl, one.name, NetworkAclId=acl).setdefault("Associations", []).append(
            {"SubnetId": subnet}
        )


def _prefix_list(stack: Stack, one: Resource) -> None:
    values: Document = {
        "PrefixListId": one.id, "PrefixListName": one.get("PrefixListName", quiet=True), "MaxEntries": one.get("MaxEntries"),
    }  # fmt: skip
    try:
        values["Cidrs"] = [entry["Cidr"] for entry in one.strict("Entries") or ()]
    except UnresolvedError as error:
        stack.missing(f"Resources.{one.name}.Properties.Entries", str(error))
    stack.document("PrefixLists", one.id, one.name, **values)


READERS: Final[dict[str, Callable[[Stack, Resource], None]]] = {
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _group_rule,
    "AWS::EC2::SecurityGroupEgress": _group_rule,
    "AWS::EC2::NetworkAcl": _acl,
    "AWS::EC2::NetworkAclEntry": _acl_entry,
    "AWS::EC2::SubnetNetworkAclAssociation": _acl_of,
    "AWS::EC2::PrefixList": _prefix_list,
}
"""Reader of each type of resource."""
