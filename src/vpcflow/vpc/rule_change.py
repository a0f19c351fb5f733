"""One rule added to or taken from a security group or a network ACL, and a network with such changes made.

    GROUP inbound|outbound tcp 443 from 0.0.0.0/0         a rule of a security group, as in `rule_text`
    ACL   inbound|outbound 90 deny tcp 22 from 10.0.0.0/8  a rule of a network ACL; to take one away, its number is enough
    sgr-…                                                  to take a rule away, its id

GROUP and ACL are ids or names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from vpcflow.errors import UsageError
from vpcflow.vpc.rule_text import RuleTextError, entry, rule, written, written_entry
from vpcflow.vpc.rules import NetworkAcl, NetworkAclEntry, SecurityGroup, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vpcflow.vpc.topology import Network

Verb: TypeAlias = Literal["authorize", "revoke"]
_DIGITS: Final = 5
"""Of the number of a rule."""
_SIDES: Final = {"inbound": True, "outbound": False, "ingress": True, "egress": False}


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is added (`authorize`) or taken away (`revoke`). resource: id of the group or ACL."""

    verb: Verb
    resource: str
    inbound: bool
    rule: SecurityGroupRule | NetworkAclEntry

    @property
    def text(self) -> str:
        """The change as it is written."""
        side = "inbound" if self.inbound else "outbound"
        if isinstance(self.rule, NetworkAclEntry):
            return f"{self.resource} {side} {written_entry(self.rule, inbound=self.inbound)}"
        return f"{self.resource} {side} {written(self.rule, inbound=self.inbound)}"

    @property
    def to_everybody(self) -> bool:
        """Whether it is about every address of an IP version."""
        peer = self.rule.cidr if isinstance(self.rule, NetworkAclEntry) else self.rule.peer
        return peer in ("0.0.0.0/0", "::/0")


def parse(text: str, verb: Verb, network: Network) -> RuleChange:
    """Read a change; UsageError says what is wrong, or what *network* does not have."""
    words = text.split(None, 2)
    if verb == "revoke" and len(words) == 1 and words[0].startswith("sgr-"):
        return _by_id(words[0], network)
    if len(words) < 3 or words[1].lower() not in _SIDES:
        raise UsageError("change.form", text=text)
    name, side, rest = words
    inbound = _SIDES[side.lower()]
    resource = resource_of(name, network)
    try:
        if isinstance(resource, NetworkAcl):
            if verb == "revoke" and rest.isdecimal() and len(rest) <= _DIGITS:
                return RuleChange(verb, resource.id, inbound, _numbered(resource, inbound, int(rest)))
            number, allow, found = entry(rest, inbound=inbound)
            made = NetworkAclEntry(number, allow, found.protocol, found.peer, found.from_port, found.to_port)
            return RuleChange(verb, resource.id, inbound, made)
        found = rule(rest, inbound=inbound)
    except RuleTextError as error:
        raise UsageError(error.code, file=f"--{verb}", place=name, value=repr(rest)) from error
    peer = _peer(found.peer, network)
    return RuleChange(
        verb, resource.id, inbound, SecurityGroupRule("", found.protocol, found.from_port, found.to_port, peer)
    )


def resource_of(name: str, network: Network) -> SecurityGroup | NetworkAcl:
    """Return the group or ACL of this id or name; UsageError where there is none, or several."""
    groups: Mapping[str, SecurityGroup] = network.security_groups
    acls: Mapping[str, NetworkAcl] = network.network_acls
    if found := groups.get(name) or acls.get(name):
        return found
    every: list[SecurityGroup | NetworkAcl] = [*groups.values(), *acls.values()]
    named = [one for one in every if one.name == name]
    if len(named) > 1:
        raise UsageError("change.ambiguous", name=name, ids=", ".join(one.id for one in named))
    if not named:
        raise UsageError("change.unknown", name=name)
    return named[0]


def _peer(peer: str, network: Network) -> str:
    """Return a rule's peer with names of groups and prefix lists made ids."""
    kind, colon, name = peer.partition(":")
    if not colon or kind not in ("sg", "pl"):
        return peer
    known: Mapping[str, Any] = network.security_groups if kind == "sg" else network.prefix_lists
    named: list[str] = [one.id for one in known.values() if one.name == name]
    if len(named) != 1:
        raise UsageError("change.ambiguous" if named else "change.unknown", name=name, ids=", ".join(named))
    return named[0]


def _by_id(rule_id: str, network: Network) -> RuleChange:
    for group in network.security_groups.values():
        for inbound, rules in ((True, group.inbound), (False, group.outbound)):
            for one in rules:
                if one.id == rule_id:
                    return RuleChange("revoke", group.id, inbound, one)
    raise UsageError("change.unknown", name=rule_id)


def _numbered(acl: NetworkAcl, inbound: bool, number: int) -> NetworkAclEntry:  # noqa: FBT001 - one of two sides
    for one in acl.inbound if inbound else acl.outbound:
        if one.number == number:
            return one
    raise UsageError("change.no_number", acl=acl.id, number=number)


# --- made ----------------------------------------------------------------------------------------------------------


def changed(network: Network, changes: Iterable[RuleChange]) -> Network:
    """Return *network* with *changes* made, in order; UsageError for one that cannot be made."""
    groups, acls = dict(network.security_groups), dict(network.network_acls)
    for change in changes:
        if change.resource in acls and isinstance(change.rule, NetworkAclEntry):
            acls[change.resource] = _of_acl(acls[change.resource], change)
        elif change.resource in groups and isinstance(change.rule, SecurityGroupRule):
            groups[change.resource] = _of_group(groups[change.resource], change)
        else:
            raise UsageError("change.unknown", name=change.resource)
    return replace(network, security_groups=groups, network_acls=acls)


def _of_group(group: SecurityGroup, change: RuleChange) -> SecurityGroup:
    wanted = change.rule
    rules = group.inbound if change.inbound else group.outbound
    if not isinstance(wanted, SecurityGroupRule):
        raise TypeError(wanted)
    if change.verb == "authorize":
        if any(_same(one, replace(wanted, id="")) for one in rules):
            raise UsageError("change.rule_there", change=change.text)
        kept = (*rules, wanted)
    else:
        kept = tuple(one for one in rules if not _same(one, wanted))
        if len(kept) == len(rules):
            raise UsageError("change.no_rule", change=change.text)
    return replace(group, inbound=kept) if change.inbound else replace(group, outbound=kept)


def _same(one: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    """Tell whether two rules of a group allow the same; an id, where both have one, decides."""
    if one.id and other.id:
        return one.id == other.id
    return (one.protocol, one.from_port, one.to_port, one.peer) == (
        other.protocol, other.from_port, other.to_port, other.peer,
    )  # fmt: skip


def _of_acl(acl: NetworkAcl, change: RuleChange) -> NetworkAcl:
    wanted = change.rule
    entries = acl.inbound if change.inbound else acl.outbound
    taken = {one.number for one in entries}
    if not isinstance(wanted, NetworkAclEntry):
        raise TypeError(wanted)
    if change.verb == "authorize":
        if wanted.number in taken:
            raise UsageError("change.number_taken", acl=acl.id, number=wanted.number)
        kept = sorted((*entries, wanted), key=lambda one: one.number)
    else:
        if wanted.number not in taken:
            raise UsageError("change.no_number", acl=acl.id, number=wanted.number)
        kept = [one for one in entries if one.number != wanted.number]
    return replace(acl, inbound=tuple(kept)) if change.inbound else replace(acl, outbound=tuple(kept))
