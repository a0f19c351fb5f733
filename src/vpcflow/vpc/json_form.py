"""A Network as JSON of our own, and back: what `vpcflow network show -o json` prints and the state store keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
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
        return Network(**parts, incomplete=tuple(document.get("incomplete", ())))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise RecordError("network.bad_form", file=name, reason=str(error)) from error


def _made(kind: type[Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of the classes above
    found = {}
    for key, value in values.items():
        inner = _INNER.get((kind, key))
        if inner is not None:
            found[key] = tuple(_made(inner, one) for one in value)
        else:
            found[key] = tuple(value) if isinstance(value, list) else value
    return kind(**found)
