"""A Network as JSON of our own, and back: what `vpcflow network show -o json` prints and the state store keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc.addresses import address, canonical, text
from vpcflow.vpc.rules import NetworkAcl, NetworkAclEntry, PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.topology import Gateway, Instance, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "vpcflow_network"
"""Says that a document is of this form; its value is the version of it."""

_VERSION: Final = 1
_PARTS: Final[dict[str, type[Any]]] = {
    "vpcs": Vpc,
    "subnets": Subnet,
    "interfaces": NetworkInterface,
    "instances": Instance,
    "security_groups": SecurityGroup,
    "network_acls": NetworkAcl,
    "prefix_lists": PrefixList,
    "route_tables": RouteTable,
    "gateways": Gateway,
}
_INNER: Final[dict[tuple[type[Any], str], type[Any]]] = {
    (SecurityGroup, "inbound"): SecurityGroupRule,
    (SecurityGroup, "outbound"): SecurityGroupRule,
    (NetworkAcl, "inbound"): NetworkAclEntry,
    (NetworkAcl, "outbound"): NetworkAclEntry,
    (RouteTable, "routes"): Route,
}
_BLOCKS: Final = {
    (Vpc, "cidrs"), (Subnet, "cidrs"), (NetworkInterface, "prefixes"), (SecurityGroupRule, "peer"), (NetworkAclEntry, "cidr"),
    (PrefixList, "cidrs"), (Route, "destination"), (Gateway, "peer_cidrs"),
}  # fmt: skip
_ADDRESSES: Final = {
    (NetworkInterface, "addresses"), (NetworkInterface, "ipv6"), (NetworkInterface, "public"), (Gateway, "public"),
}  # fmt: skip


def dumps(network: Network, *, indent: int | None = None) -> str:
    """Return *network* as JSON."""
    found: dict[str, Any] = {KEY: _VERSION}
    for part in fields(Network):
        value = getattr(network, part.name)
        found[part.name] = [asdict(one) for one in value.values()] if part.name in _PARTS else value
    return json.dumps(found, ensure_ascii=False, indent=indent)


def loads(text: str, name: str) -> Network:
    """Read what `dumps` wrote; *name* is for errors (RecordError)."""
    try:
        return read(json.loads(text), name)
    except (ValueError, RecursionError) as error:
        raise RecordError("network.not_json", file=name, line=1, column=1, reason=str(error)) from error


def read(document: Mapping[str, Any], name: str) -> Network:
    """Read a document of this form; RecordError for a newer version of it and for what has not its shape."""
    if document.get(KEY) != _VERSION:
        raise RecordError("network.newer_form", file=name, found=document.get(KEY), known=_VERSION)
    try:
        parts: dict[str, Any] = {
            part: {one["id"]: _made(kind, one) for one in document.get(part, ())} for part, kind in _PARTS.items()
        }
        parts["asg_tags"] = {name: dict(tags) for name, tags in document.get("asg_tags", {}).items()}
        parts |= {part: str(document.get(part, "")) for part in ("account", "region")}
        incomplete = document.get("incomplete", [])
        found = Network(**parts, incomplete=tuple(incomplete))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise RecordError("network.bad_form", file=name, reason=str(error)) from error
    if not _is("tuple", incomplete) or not all(_is("Mapping", tags) for tags in found.asg_tags.values()):
        raise RecordError("network.bad_form", file=name, reason="asg_tags, incomplete")
    return found


def _made(kind: type[Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of the classes above
    declared = {one.name: str(one.type) for one in fields(kind)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = _INNER.get((kind, key))
        if inner is not None:
            found[key] = tuple(_made(inner, one) for one in value)
            continue
        if not _is(declared[key], value):
            raise TypeError(f"{key}: {str(value)[:80]!r}")
        if declared[key] == "str":
            found[key] = _canonical(kind, key, value)
        elif declared[key].startswith("tuple"):
            found[key] = tuple(_canonical(kind, key, one) for one in value)
        else:
            found[key] = value
    return kind(**found)


def _is(declared: str, value: object) -> bool:
    """Tell whether a JSON value is what a field of a part is declared to be."""
    if declared.startswith("tuple"):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if declared.startswith("Mapping"):
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return type(value).__name__ == declared


def _canonical(kind: type[Any], key: str, value: str) -> str:
    """Return a value as records have it; ValueError for what is no block or address where one belongs."""
    if (kind, key) in _ADDRESSES:
        found = address(value)
        if found is None:
            raise ValueError(f"{key}: {value[:80]!r}")
        return text(found)
    if (kind, key) in _BLOCKS and not value.startswith(("sg-", "pl-")):
        return canonical(value)
    return value
