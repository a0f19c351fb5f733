"""What changed from one network to another, in AWS's words: which rule of which group or ACL, which route, which interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from vpcflow.vpc.rule_text import written, written_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vpcflow.vpc.topology import Network

PARTS: Final = (
    "vpcs", "subnets", "route_tables", "gateways", "interfaces", "instances", "security_groups", "network_acls", "prefix_lists",
)  # fmt: skip
"""Parts of a Network, in the order in which their changes are told."""

_VALUES: Final = {
    "vpcs": ("name", "account"),
    "subnets": ("name", "az_id", "route_table", "network_acl"),
    "route_tables": ("name", "main"),
    "gateways": ("name", "kind", "vpc_id", "subnet_id", "interface_id", "peer_vpc", "peer_region"),
    "interfaces": ("name", "subnet_id", "mac", "type", "service", "instance_id", "source_dest_check"),
    "instances": ("name", "asg"),
    "security_groups": ("name", "vpc_id"),
    "network_acls": ("name", "vpc_id", "default"),
    "prefix_lists": ("name", "known"),
}
"""Fields that are compared as they are."""

_SETS: Final = {
    "vpcs": ("cidrs",),
    "subnets": ("cidrs",),
    "gateways": ("public", "peer_cidrs"),
    "interfaces": ("addresses", "ipv6", "security_groups", "public"),
    "prefix_lists": ("cidrs",),
}
"""Fields whose members are compared, whatever their order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    kind: of a whole resource or of a member of it (`added`, `removed`), or of a value (`changed`). part: of `PARTS`.
    field: what of it; empty for the whole. before, after: the member or the value, as text.
    """

    kind: Literal["added", "removed", "changed"]
    part: str
    id: str
    name: str
    field: str = ""
    before: str = ""
    after: str = ""


def changes(before: Network, after: Network) -> Iterator[Change]:
    """Yield what changed from *before* to *after*. Rules are compared by what they say, not by id."""
    for part in PARTS:
        one, other = getattr(before, part), getattr(after, part)
        for key in one.keys() - other.keys():
            yield Change("removed", part, key, one[key].name)
        for key, found in other.items():
            if key not in one:
                yield Change("added", part, key, found.name)
                yield from _members(part, key, found.name, {}, _sets(part, found))
            elif found != one[key]:
                yield from _changed(part, one[key], found)


def _changed(part: str, before: Any, after: Any) -> Iterator[Change]:  # noqa: ANN401 - one of the parts
    for name in _VALUES[part]:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change("changed", part, after.id, after.name, name, str(old), str(new))
    yield from _members(part, after.id, after.name, _sets(part, before), _sets(part, after))


def _members(
    part: str, key: str, name: str, before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> Iterator[Change]:
    for field, new in after.items():
        old = before.get(field, [])
        yield from (Change("removed", part, key, name, field, before=one) for one in old if one not in new)
        yield from (Change("added", part, key, name, field, after=one) for one in new if one not in old)


def _sets(part: str, found: Any) -> dict[str, list[str]]:  # noqa: ANN401 - one of the parts
    """Return the members of each field of *found* that has members, as text."""
    sets = {name: list(getattr(found, name)) for name in _SETS.get(part, ())}
    if part == "security_groups":
        sets |= _texts(found, lambda rule, inbound: written(rule, inbound=inbound))
    if part == "network_acls":
        sets |= _texts(found, lambda entry, inbound: written_entry(entry, inbound=inbound))
    if part == "route_tables":
        sets["routes"] = [f"{route.destination} {route.target or 'blackhole'}" for route in found.routes]
    return sets


def _texts(found: Any, write: Callable[[Any, bool], str]) -> dict[str, list[str]]:  # noqa: ANN401 - group or ACL
    sides: Iterable[tuple[str, bool]] = (("inbound", True), ("outbound", False))
    return {name: list(dict.fromkeys(write(one, inbound) for one in getattr(found, name))) for name, inbound in sides}
