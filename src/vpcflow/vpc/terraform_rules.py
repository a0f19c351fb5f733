"""Security groups, network ACLs and prefix lists of Terraform.

Source: Terraform AWS provider, schemas of the resources named in `READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.vpc.document import UNRESOLVED
from vpcflow.vpc.terraform_state import Block, Document, State, common

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.vpc.terraform_values import Resource


def _group(state: State, one: Resource) -> None:
    found = state.document(
        "SecurityGroups", one.id, one.address, GroupId=one.id, VpcId=state.id(one, "vpc_id"),
        GroupName=one.values.get("name") or ("default" if one.type.startswith("aws_default") else ""), **common(one),
    )  # fmt: skip
    for name, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if one.is_computed(name):
            continue
        for block in state.blocks(one, name):
            found.setdefault(key, []).append(_permission(state, block, one))


def _permission(state: State, block: Block, group: Resource) -> Document:
    lists = {
        "IpRanges": ("CidrIp", "cidr_blocks"),
        "Ipv6Ranges": ("CidrIpv6", "ipv6_cidr_blocks"),
        "PrefixListIds": ("PrefixListId", "prefix_list_ids"),
        "UserIdGroupPairs": ("GroupId", "security_groups"),
    }
    if not block.resolved or any(block.unresolved(name) for _, name in lists.values()):
        state.into.incomplete.append(f"{group.address}: a rule")
        return {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": UNRESOLVED}]}
    found: Document = {
        "IpProtocol": block.value("protocol"), "FromPort": block.value("from_port"), "ToPort": block.value("to_port"),
    }  # fmt: skip
    for key, (part, name) in lists.items():
        found[key] = [{part: peer, "Description": block.value("description")} for peer in block.value(name) or ()]
    if block.value("self") is True:
        found["UserIdGroupPairs"].append({"GroupId": group.id})
    return found


def _group_rule(state: State, one: Resource) -> None:
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


def _vpc_group_rule(state: State, one: Resource) -> None:
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


def _add_rules(state: State, one: Resource, group: str, peers: list[tuple[str, str]], common: Document) -> None:
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


def _acl(state: State, one: Resource) -> None:
    default = one.type == "aws_default_network_acl"
    own = state.id(one, "default_network_acl_id") or one.id if default else one.id
    found = state.document(
        "NetworkAcls",
        own,
        one.address,
        NetworkAclId=own,
        VpcId=state.id(one, "vpc_id"),
        IsDefault=default,
        **common(one),
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


def _unreadable_acl(state: State, own: str, one: Resource) -> None:
    """Leave out an ACL of which a rule is not known: any answer of it would be a guess."""
    state.into.incomplete.append(f"{one.address}: a rule")
    state.into.unreadable.add(own)


def _acl_rule(state: State, one: Resource) -> None:
    own = state.id(one, "network_acl_id")
    found = state.document("NetworkAcls", own, one.address, NetworkAclId=own)
    names = {"rule_no": "rule_number", "action": "rule_action"}
    if not (one.values.get("cidr_block") or one.values.get("ipv6_cidr_block")):
        _unreadable_acl(state, own, one)
        return
    found.setdefault("Entries", []).append(
        _entry(lambda name: one.values.get(names.get(name, name)), egress=one.values.get("egress") is True)
    )


def _entry(value: Callable[[str], Any], *, egress: bool) -> Document:
    found = {
        "RuleNumber": value("rule_no"), "RuleAction": value("action"), "Protocol": str(value("protocol")), "Egress": egress,
        "CidrBlock": value("cidr_block"), "Ipv6CidrBlock": value("ipv6_cidr_block"),
        "PortRange": {"From": value("from_port"), "To": value("to_port")},
        "IcmpTypeCode": {"Type": value("icmp_type"), "Code": value("icmp_code")},
    }  # fmt: skip
    return {key: one for key, one in found.items() if one not in (None, "")}


def _acl_of(state: State, one: Resource) -> None:
    own = state.id(one, "network_acl_id")
    found = state.document("NetworkAcls", own, one.address, NetworkAclId=own)
    found.setdefault("Associations", []).append({"SubnetId": state.id(one, "subnet_id")})


def _prefix_list(state: State, one: Resource) -> None:
    if one.type == "aws_prefix_list":
        cidrs = list(one.values.get("cidr_blocks") or ())
    else:
        cidrs = [block.value("cidr") for name in ("entry", "entries") for block in state.blocks(one, name)]
    found = state.document(
        "PrefixLists", one.id, one.address, PrefixListId=one.id, PrefixListName=one.values.get("name"),
        MaxEntries=one.values.get("max_entries"),
    )  # fmt: skip
    found.setdefault("Cidrs", []).extend(cidr for cidr in cidrs if cidr)


def _prefix_entry(state: State, one: Resource) -> None:
    own = state.id(one, "prefix_list_id")
    found = state.document("PrefixLists", own, one.address, PrefixListId=own)
    found.setdefault("Cidrs", []).append(one.values.get("cidr"))


READERS: Final[dict[str, Callable[[State, Resource], None]]] = {
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
}
"""Reader of each type of resource."""
