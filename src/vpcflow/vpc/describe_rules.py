"""Security groups, network ACLs and prefix lists of the EC2 API's answers.

A group's rules come from `describe-security-groups` (without ids), from `describe-security-group-rules` (with), or both: a
rule that both tell is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.record.numbers import BY_NAME
from vpcflow.vpc.matching import ICMP, ICMPV6, WITH_PORTS
from vpcflow.vpc.rules import ANY, LAST_RULE, NetworkAcl, NetworkAclEntry, PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.tags import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vpcflow.vpc.document import Documents, Item

    _Rules = dict[tuple[object, ...], SecurityGroupRule]

_MAX_PROTOCOL: Final = 255
_MAX_PORT: Final = 65535


# --- security groups -----------------------------------------------------------------------------------------------


def security_groups(documents: Documents, vpc_of: Mapping[str, str]) -> dict[str, SecurityGroup]:
    """Return all groups by id. vpc_of: group → VPC, as interfaces tell it, for groups of which only the rules are told."""
    told = {one.text("GroupId"): one for one in documents.all("SecurityGroups")}
    rules: dict[tuple[str, bool], _Rules] = {}
    for key, one in told.items():
        for egress, part in ((False, "IpPermissions"), (True, "IpPermissionsEgress")):
            for rule in _permissions(one, part):
                rules.setdefault((key, egress), {})[_same(rule)] = rule
    for one in documents.all("SecurityGroupRules"):
        rule = _rule(one)
        key = one.text("GroupId")
        rules.setdefault((key, one.flag("IsEgress")), {})[_same(rule)] = rule
    ids = [*told, *(key for key, _ in rules if key not in told)]
    return {key: _group(key, told.get(key), rules, vpc_of) for key in dict.fromkeys(ids)}


def _group(
    key: str, one: Item | None, rules: Mapping[tuple[str, bool], _Rules], vpc_of: Mapping[str, str]
) -> SecurityGroup:
    vpc = one.text("VpcId") if one else vpc_of.get(key, "")
    name = one.text("GroupName") or name_of(one) if one else ""
    inbound, outbound = (tuple(rules.get((key, egress), {}).values()) for egress in (False, True))
    return SecurityGroup(key, vpc, name, inbound, outbound)


def _same(rule: SecurityGroupRule) -> tuple[object, ...]:
    return rule.protocol, rule.from_port, rule.to_port, rule.peer


def _permissions(group: Item, key: str) -> Iterator[SecurityGroupRule]:
    for one in group.items(key):
        protocol = protocol_of(one, "IpProtocol")
        first, last = ports_of(one, protocol, "FromPort", "ToPort")
        for part, field in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
            for peer in one.items(part):
                cidr = peer.cidr(field)
                yield SecurityGroupRule("", protocol, first, last, cidr, peer.text("Description"))
        for peer in one.items("PrefixListIds"):
            yield SecurityGroupRule("", protocol, first, last, peer.text("PrefixListId"), peer.text("Description"))
        for peer in one.items("UserIdGroupPairs"):
            yield SecurityGroupRule(
                "", protocol, first, last, peer.text("GroupId"), peer.text("Description"),
                *_elsewhere(peer, group.text("VpcId"), group.text("OwnerId")),
            )  # fmt: skip


def _rule(one: Item) -> SecurityGroupRule:
    protocol = protocol_of(one, "IpProtocol")
    first, last = ports_of(one, protocol, "FromPort", "ToPort")
    referred = one.item("ReferencedGroupInfo")
    own = one.text("SecurityGroupRuleId")
    for key in ("CidrIpv4", "CidrIpv6"):
        if one.text(key):
            return SecurityGroupRule(own, protocol, first, last, one.cidr(key), one.text("Description"))
    peer = one.text("PrefixListId") or referred.text("GroupId")
    if not peer:
        raise one.wrong("", "peer", None)
    elsewhere = _elsewhere(referred, "", one.text("GroupOwnerId"))
    return SecurityGroupRule(own, protocol, first, last, peer, one.text("Description"), *elsewhere)


def _elsewhere(peer: Item, vpc: str, account: str) -> tuple[str, str]:
    """Return VPC and account of a group, where they are others than the rule's own."""
    found, owner = peer.text("VpcId"), peer.text("UserId")
    return ("" if found == vpc else found), ("" if owner == account else owner)


def protocol_of(one: Item, key: str) -> int:
    """Return a protocol given as a number or a name; RecordError for no such."""
    written = one.text(key).lower()
    if written in ("", "-1", "all"):
        return ANY
    number = int(written) if written.isdecimal() and len(written) <= 3 else BY_NAME.get(written, -2)
    if not 0 <= number <= _MAX_PROTOCOL:
        raise one.wrong(key, "protocol", written)
    return number


def ports_of(one: Item, protocol: int, first_key: str, last_key: str) -> tuple[int, int]:
    """Return ports, or ICMP type and code; `ANY` for all, and where a protocol has none."""
    first, last = one.number(first_key), one.number(last_key)
    for key, found in ((first_key, first), (last_key, last)):
        if found is not None and not ANY <= found <= _MAX_PORT:
            raise one.wrong(key, "port", found)
    first, last = ANY if first is None else first, ANY if last is None else last
    if protocol in (ICMP, ICMPV6):
        return first, ANY if first == ANY else last
    if protocol not in WITH_PORTS or first == ANY:
        return ANY, ANY
    return first, first if last == ANY else last


# --- network ACLs --------------------------------------------------------------------------------------------------


def network_acl(one: Item) -> NetworkAcl:
    """Return a network ACL; the rule `*`, whatever its number in the answer, has that of `LAST_RULE` for both IP versions."""
    entries: dict[bool, list[NetworkAclEntry]] = {False: [], True: []}
    for part in one.items("Entries"):
        found = _entry(part)
        if found.number < LAST_RULE:
            entries[part.flag("Egress")].append(found)
    last = [NetworkAclEntry(LAST_RULE, False, ANY, peer) for peer in ("0.0.0.0/0", "::/0")]
    inbound, outbound = ((*sorted(entries[egress], key=lambda entry: entry.number), *last) for egress in (False, True))
    return NetworkAcl(
        one.text("NetworkAclId"), one.text("VpcId"), name_of(one), one.flag("IsDefault"), inbound, outbound
    )


def _entry(one: Item) -> NetworkAclEntry:
    number = one.number("RuleNumber")
    if number is None or number < 0:
        raise one.wrong("RuleNumber", "number", one.values.get("RuleNumber"))
    action = one.text("RuleAction").lower()
    if action not in ("allow", "deny"):
        raise one.wrong("RuleAction", "action", action)
    protocol = protocol_of(one, "Protocol")
    key = "CidrBlock" if one.text("CidrBlock") else "Ipv6CidrBlock"
    part = one.item("IcmpTypeCode" if protocol in (ICMP, ICMPV6) else "PortRange")
    names = ("Type", "Code") if protocol in (ICMP, ICMPV6) else ("From", "To")
    first, last = ports_of(part, protocol, *names)
    return NetworkAclEntry(number, action == "allow", protocol, one.cidr(key), first, last)


# --- prefix lists --------------------------------------------------------------------------------------------------


def prefix_lists(documents: Documents) -> dict[str, PrefixList]:
    """Return prefix lists by id; `known` where their blocks were told."""
    cidrs: dict[str, list[str]] = {}
    for one in documents.all("Entries"):
        cidrs.setdefault(one.text("PrefixListId"), []).extend([one.cidr("Cidr")] if one.text("Cidr") else [])
    for one in documents.all("PrefixLists"):
        if "Cidrs" in one.values:
            known = cidrs.setdefault(one.text("PrefixListId"), [])
            known += [one.cidr("Cidrs", cidr) for cidr in one.texts("Cidrs")]
    found: dict[str, PrefixList] = {}
    for one in documents.all("PrefixLists"):
        key = one.text("PrefixListId")
        name = one.text("PrefixListName") or found.get(key, PrefixList(key)).name
        size = one.number("MaxEntries") or found.get(key, PrefixList(key)).max_entries
        found[key] = PrefixList(key, name, tuple(dict.fromkeys(cidrs.get(key, ()))), size, key in cidrs)
    for key, known in cidrs.items():
        found.setdefault(key, PrefixList(key, "", tuple(dict.fromkeys(known))))
    return found
