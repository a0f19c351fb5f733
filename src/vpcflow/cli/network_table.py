"""Networks, and what changed in them, as people read them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.cli.render import write_table
from vpcflow.cli.shown import json_text, printable
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.vpc.rule_text import written, written_entry
from vpcflow.vpc.rules import NetworkAcl, SecurityGroup
from vpcflow.vpc.topology import RouteTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vpcflow.cli.session import Session
    from vpcflow.vpc.diff import Change
    from vpcflow.vpc.topology import Network

COUNTED: Final = {
    "vpcs": "network.count.vpcs",
    "subnets": "network.count.subnets",
    "interfaces": "network.count.interfaces",
    "security_groups": "network.count.security_groups",
    "network_acls": "network.count.network_acls",
}
"""Parts of a network that its summary counts, and the text of each: "one|many"."""

_PARTS: Final = (
    "interfaces", "instances", "security_groups", "network_acls", "subnets", "vpcs", "route_tables", "gateways", "prefix_lists",
)  # fmt: skip
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}


def counts(network: Network) -> dict[str, int]:
    """Return how many there are of what `COUNTED` names."""
    return {part: len(getattr(network, part)) for part in COUNTED}


def summary(found: Mapping[str, int]) -> str:
    """Return ``1 VPC, 6 subnets, …``."""
    return ", ".join(_count(key, found.get(part, 0)) for part, key in COUNTED.items())


def _count(key: str, number: int) -> str:
    words = t(key, count=f"{number:,}").split("|")
    return words[0] if number == 1 else words[-1]


# --- a whole network -----------------------------------------------------------------------------------------------


def draw_network(session: Session, network: Network) -> None:
    """Draw all interfaces by subnet, after a line for each VPC."""
    click.echo(summary(counts(network)))
    for vpc in network.vpcs.values():
        click.echo(printable(f"{vpc.id}  {vpc.name or '-'}  {', '.join(vpc.cidrs)}"))
    _table(
        session,
        ("subnet", "name", "cidr", "az", "route-table", "network-acl"),
        (
            (one.id, one.name, " ".join(one.cidrs), one.az_id, one.route_table, one.network_acl)
            for one in network.subnets.values()
        ),
    )
    _table(
        session,
        ("interface", "name", "address", "public", "type", "subnet", "security-groups"),
        (
            (
                one.id, one.name, " ".join((*one.addresses, *one.ipv6)), " ".join(one.public), one.service or one.type,
                _name(network.subnets, one.subnet_id),
                " ".join(_name(network.security_groups, group) for group in one.security_groups),
            )
            for one in network.interfaces.values()
        ),
    )  # fmt: skip
    _table(
        session,
        ("security-group", "name", "inbound", "outbound"),
        ((one.id, one.name, str(len(one.inbound)), str(len(one.outbound))) for one in network.security_groups.values()),
        right=frozenset({2, 3}),
    )
    _table(
        session,
        ("network-acl", "name", "inbound", "outbound"),
        ((one.id, one.name, str(len(one.inbound)), str(len(one.outbound))) for one in network.network_acls.values()),
        right=frozenset({2, 3}),
    )
    _table(
        session,
        ("gateway", "name", "kind", "public"),
        ((one.id, one.name, one.kind, " ".join(one.public)) for one in network.gateways.values()),
    )


def _name(part: Mapping[str, Any], key: str) -> str:
    found = part.get(key)
    return found.name or key if found else key


def _table(
    session: Session, head: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: frozenset[int] = frozenset()
) -> None:
    cells = [[cell or "-" for cell in row] for row in rows]
    if cells:
        click.echo()
        write_table(session, head, cells, right=right)


# --- one resource --------------------------------------------------------------------------------------------------


def draw_resource(session: Session, network: Network, wanted: str, kind: str) -> None:
    """Draw all that is known of the resources with an id or a name; UsageError where there is none."""
    found = [
        (part, one)
        for part in _PARTS
        for one in getattr(network, part).values()
        if wanted in (one.id, one.name) or wanted in getattr(one, "addresses", ())
    ]
    if not found:
        raise UsageError("network.no_resource", value=wanted)
    if kind == "json":
        click.echo(json_text([{"part": part, **asdict(one)} for part, one in found], 2))
        return
    for place, (part, one) in enumerate(found):
        if place:
            click.echo()
        for name, value in _fields(one):
            click.echo(printable(f"{name:<20}{value}"))
        if part in ("security_groups", "network_acls"):
            _rules(session, one)


def _fields(one: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - of any part
    for name, value in asdict(one).items():
        if name in ("inbound", "outbound") or value in ("", (), {}, 0):
            continue
        if isinstance(one, RouteTable) and name == "routes":
            yield from (("route", f"{route.destination} {route.target or 'blackhole'}") for route in one.routes)
        elif isinstance(value, dict):
            yield name, " ".join(f"{key}={text}" for key, text in value.items())
        else:
            yield name, " ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _rules(session: Session, one: SecurityGroup | NetworkAcl) -> None:
    rows = []
    for side, inbound in (("inbound", True), ("outbound", False)):
        if isinstance(one, NetworkAcl):
            entries = one.inbound if inbound else one.outbound
            rows += [(side, written_entry(entry, inbound=inbound), "") for entry in entries]
        else:
            rules = one.inbound if inbound else one.outbound
            rows += [(side, written(rule, inbound=inbound), f"{rule.id} {rule.description}".strip()) for rule in rules]
    _table(session, ("side", "rule", ""), rows)


# --- changes -------------------------------------------------------------------------------------------------------


def draw_changes(found: Iterable[Change]) -> None:
    """Draw one line for each change."""
    for one in found:
        name = f" ({one.name})" if one.name else ""
        what = f"  {one.field.replace('_', '-')}" if one.field else ""
        values = {"added": one.after, "removed": one.before, "changed": f"{one.before or '-'} → {one.after or '-'}"}
        value = f": {values[one.kind]}" if one.field else ""
        click.echo(printable(f"{_SIGNS[one.kind]} {one.id}{name}{what}{value}"))
