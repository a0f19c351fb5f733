"""Which side of a record is the interface's own: `flow-direction` says it, else the one address that all its records have.

Source: VPC User Guide "Flow log records" (`srcaddr`, `dstaddr`): an interface is always one of the two ends of its records.
"""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlglot import exp, parse_one

from vpcflow.analyze.plan import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.query.schema import Schema

Origin = Literal["model", "records", "private"]
_FAMILY: Final = "strpos(srcaddr, ':')"


@dataclass(frozen=True, slots=True)
class Own:
    """An own address of an interface.

    origin: told by the network model, by *records* records that all have it, or, where all of them have both ends alike, by the
    other end being public: an interface's own IPv4 address in a record is the private one.
    """

    interface_id: str
    address: str
    origin: Origin
    records: int = 0


@dataclass(frozen=True, slots=True)
class Owned:
    """The own addresses known, and the interfaces whose records have no direction and whose own address is not known."""

    addresses: tuple[Own, ...]
    unknown: tuple[str, ...]


def interface_column(scope: Scope, schema: Schema) -> str:
    """Return the expression of where a record was made: its interface, or a regional NAT gateway's resource."""
    if schema.has(scope.base, "resource_id"):
        return "coalesce(interface_id, resource_id, '-')"
    return "coalesce(interface_id, '-')"


def own_addresses(
    asker: Asker, scopes: Sequence[Scope], modelled: Mapping[str, Sequence[str]], interfaces: Sequence[str]
) -> Owned:
    """Tell the own addresses of *interfaces*, whose records have no `flow-direction`.

    scopes: records to learn from, each wider than the one before and only asked for what is still open. modelled: own addresses
    by interface, from a network model, which is believed first.
    """
    found: dict[tuple[str, bool], Own] = {}
    wanted = set(interfaces) - set(modelled)
    open_: set[tuple[str, bool]] | None = None
    from_model = [Own(name, address, "model") for name, addresses in modelled.items() for address in addresses]
    for scope in scopes:
        pairs = [row for row in _pairs(asker, scope) if row["place"] in wanted]
        candidates = pairs if open_ is None else [row for row in pairs if (row["place"], row["v6"]) in open_]
        open_ = {(row["place"], row["v6"]) for row in candidates}
        if not candidates:
            break
        for own in _common(asker, scope, candidates):
            found[own.interface_id, ":" in own.address] = own
        open_ -= {key for key, own in found.items() if own.origin == "records"}
        if not open_:
            break
    unknown = {name for name, v6 in open_ or () if (name, v6) not in found}
    return Owned((*from_model, *found.values()), tuple(sorted(unknown)))


def _pairs(asker: Asker, scope: Scope) -> list[dict[str, Any]]:
    """Return two addresses for each interface and IP version that has records without a direction: one of them is its own."""
    schema = asker.schema()
    place = interface_column(scope, schema)
    tree = select(
        f"SELECT {place} AS place, {_FAMILY} > 0 AS v6, min(concat(srcaddr, ' ', dstaddr)) AS pair FROM flows "
        "WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL GROUP BY 1, 2",
        scope,
        schema,
    )
    if schema.has(scope.base, "flow_direction"):
        tree.where("flow_direction IS NULL", copy=False)
    rows: list[dict[str, Any]] = asker.ask(tree).table().to_pylist()
    return rows


def _common(asker: Asker, scope: Scope, candidates: Iterable[dict[str, Any]]) -> list[Own]:
    """Return the candidates that all records of their interface have, where that is one of the two alone."""
    schema = asker.schema()
    values = [
        exp.Tuple(
            expressions=[
                exp.Literal.string(row["place"]),
                exp.convert(bool(row["v6"])),
                *(exp.Literal.string(text) for text in row["pair"].split(" ", 1)),
            ]
        )
        for row in candidates
    ]
    place = interface_column(scope, schema)
    tree = select(
        f"SELECT {place} AS place, {_FAMILY} > 0 AS v6, srcaddr, dstaddr FROM flows "
        "WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL",
        scope,
        schema,
    )
    if schema.has(scope.base, "flow_direction"):
        tree.where("flow_direction IS NULL", copy=False)
    outer: exp.Expr = parse_one(
        "SELECT c.place, c.one, c.other, count(*) AS records, "
        "count(*) FILTER (WHERE r.srcaddr = c.one OR r.dstaddr = c.one) AS with_one, "
        "count(*) FILTER (WHERE r.srcaddr = c.other OR r.dstaddr = c.other) AS with_other "
        "FROM r JOIN c ON r.place = c.place AND r.v6 = c.v6 GROUP BY 1, 2, 3",
        dialect="athena",
    )
    outer = with_(outer, "r", tree)
    outer = with_(outer, "c", table_of(values, ("place", "v6", "one", "other")))
    found = []
    for row in asker.ask(outer).table().to_pylist():
        common = [row[name] for name in ("one", "other") if row[f"with_{name}"] == row["records"]]
        if len(common) == 1:
            found.append(Own(row["place"], common[0], "records", row["records"]))
        elif len(private := [text for text in common if _is_private(text)]) == 1:
            found.append(Own(row["place"], private[0], "private", row["records"]))
    return found


_INSIDE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
)
"""Blocks that VPCs are made of and the internet is not. Source: VPC User Guide "VPC CIDR blocks"."""


def _is_private(text: str) -> bool:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(text)
        return any(address in network for network in _INSIDE if network.version == address.version)
    return False


def with_(tree: exp.Expr, name: str, as_: exp.Expr) -> exp.Select:
    """Put a CTE behind those that *tree* has."""
    if not isinstance(tree, exp.Select):
        raise TypeError(tree)
    return tree.with_(name, as_=as_, copy=False)


def table_of(rows: Sequence[exp.Tuple], names: Sequence[str]) -> exp.Select:
    """Return a SELECT of literal rows; at least one."""
    alias = exp.TableAlias(this=exp.to_identifier("v"), columns=[exp.to_identifier(name) for name in names])
    return exp.select(*names).from_(exp.Values(expressions=list(rows), alias=alias))
