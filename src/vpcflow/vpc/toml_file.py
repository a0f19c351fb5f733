"""A network written by hand in TOML → Network.

What is not written is as AWS makes it: a subnet without a network ACL has the VPC's default one, an interface without security
groups the group `default` (in from itself, out to everybody), a subnet without a route table the main one, with local
routes alone.

    [vpc]                       name, cidr, id, account, region
    [subnet.NAME]               cidr, az, route-table, network-acl, id
    [route-table.NAME]          routes = ["DESTINATION TARGET"], main, id
    [interface.NAME]            subnet, address, ipv6, security-groups, public, type, mac, instance, description, requester,
                                source-dest-check, tags, id
    [gateway.NAME]              kind (igw, eigw, nat, tgw, vgw, vpce, pcx), subnet, address, public, peer-vpc,
                                peer-region, peer-cidr, id
    [security-group.NAME]       inbound, outbound (`vpc/rule_text.py`), id
    [network-acl.NAME]          inbound, outbound, default, id
    [prefix-list.NAME]          cidrs, max-entries, id

References are by name or by id. Ids that are not written are derived from the names (`vpc/ids.py`).
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final, TypeVar

from vpcflow.errors import ConfigError
from vpcflow.vpc import rule_text
from vpcflow.vpc.addresses import MAC, Block, address, block, canonical, text
from vpcflow.vpc.ids import PREFIXES, derived
from vpcflow.vpc.rules import ANY, LAST_RULE, NetworkAcl, NetworkAclEntry, PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.service import service
from vpcflow.vpc.toml_table import Table
from vpcflow.vpc.topology import Gateway, Instance, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

_KINDS: Final = ("igw", "eigw", "nat", "tgw", "vgw", "vpce", "pcx")
_TARGET: Final = re.compile(r"(igw|eigw|nat|tgw|vgw|vpce|pcx|eni|i|lgw|cagw)-[0-9a-z]+")
_SECTIONS: Final = ("subnet", "route-table", "interface", "gateway", "security-group", "network-acl", "prefix-list")
_RESERVED: Final = 4
"""Addresses at the beginning of an IPv4 block that AWS keeps; it keeps the last one too."""

DEFAULT: Final = "default"


def parse(content: str, file: str) -> Network:
    """Read the TOML text *content* of *file* (which errors name); ConfigError says what is wrong, and where."""
    try:
        values = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError("network.not_toml", file=file, reason=str(error)) from error
    return _File(Table(file, "", values)).network()


class _File:
    """One file. ids: kind → name → id."""

    def __init__(self, root: Table) -> None:
        self._tables = {section: dict(root.tables(section)) for section in _SECTIONS}
        self._vpc_table = root.table("vpc")
        root.finish()
        self._ids: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
        for section, tables in self._tables.items():
            for name, table in tables.items():
                kind = table.text("kind") if section == "gateway" else section
                if kind not in PREFIXES:
                    raise table.refusal("not_one_of", "kind", value=kind, words=", ".join(_KINDS))
                self._ids[section][name] = self._id(table, kind, name)
        for section in ("security-group", "network-acl"):
            if DEFAULT not in self._ids[section]:
                self._ids[section][DEFAULT] = derived(section, DEFAULT)
        self._vpc = self._read_vpc()
        self._blocks = [block(cidr) for cidr in self._vpc.cidrs]

    def network(self) -> Network:
        subnets = {one.id: one for one in self._all("subnet", self._subnet)}
        self._subnets = subnets
        nat = list(self._nat_interfaces())
        interfaces = {one.id: one for one in (*self._all("interface", self._interface), *nat)}
        self._distinct_addresses(interfaces.values())
        used_groups = {group for one in interfaces.values() for group in one.security_groups}
        instances = {
            one.instance_id: Instance(one.instance_id, one.name, tags=one.tags)
            for one in interfaces.values()
            if one.instance_id
        }
        vpc_table = self._vpc_table
        network = Network(
            account=vpc_table.text("account"),
            region=vpc_table.text("region"),
            vpcs={self._vpc.id: self._vpc},
            subnets=subnets,
            interfaces=interfaces,
            instances=instances,
            security_groups={one.id: one for one in self._groups(used_groups)},
            network_acls={one.id: one for one in self._acls()},
            prefix_lists={one.id: one for one in self._all("prefix-list", self._prefix_list)},
            route_tables={one.id: one for one in self._route_tables()},
            gateways={one.id: one for one in self._all("gateway", self._gateway)},
        )
        vpc_table.finish()
        for tables in self._tables.values():
            for table in tables.values():
                table.finish()
        return network

    # --- names and ids -----------------------------------------------------------------------------------------

    def _id(self, table: Table, kind: str, name: str) -> str:
        found = table.text("id")
        if found and not found.startswith(f"{PREFIXES[kind]}-"):
            raise table.refusal("bad_id", "id", value=found, prefix=f"{PREFIXES[kind]}-")
        return found or derived(kind, name)

    def _all(self, section: str, read: Callable[[Table, str, str], T]) -> Iterator[T]:
        for name, table in self._tables[section].items():
            yield read(table, name, self._ids[section][name])

    def _reference(self, table: Table, key: str, section: str, name: str) -> str:
        ids = self._ids[section]
        if name in ids:
            return ids[name]
        if name in ids.values():
            return name
        raise table.refusal("no_such", key, kind=section, name=name, known=", ".join(ids) or "-")

    # --- VPC, subnets, routes ----------------------------------------------------------------------------------

    def _read_vpc(self) -> Vpc:
        table = self._vpc_table
        name = table.text("name", "vpc")
        cidrs = self._cidrs(table, "cidr")
        if not cidrs:
            raise table.refusal("missing", "cidr")
        return Vpc(self._id(table, "vpc", name), cidrs, name, table.text("account"))

    def _cidrs(self, table: Table, key: str) -> tuple[str, ...]:
        found = []
        for cidr in table.texts(key) or ():
            try:
                found.append(canonical(cidr))
            except ValueError:
                raise table.refusal("bad_cidr", key, value=cidr) from None
        return tuple(found)

    def _subnet(self, table: Table, name: str, own: str) -> Subnet:
        cidrs = self._cidrs(table, "cidr")
        if not cidrs:
            raise table.refusal("missing", "cidr")
        for cidr in cidrs:
            if not any(_within(block(cidr), whole) for whole in self._blocks):
                raise table.refusal("not_in_vpc", "cidr", value=cidr)
        routes, acl = table.text("route-table"), table.text("network-acl", DEFAULT)
        return Subnet(
            own, self._vpc.id, cidrs, name, table.text("az"),
            self._reference(table, "route-table", "route-table", routes) if routes else "",
            self._reference(table, "network-acl", "network-acl", acl),
        )  # fmt: skip

    def _route_tables(self) -> Iterator[RouteTable]:
        local = tuple(Route(cidr, "local") for cidr in self._vpc.cidrs)
        main = False
        for name, table in self._tables["route-table"].items():
            routes = tuple(self._route(table, place, one) for place, one in enumerate(table.texts("routes") or ()))
            is_main = table.flag("main", default=False)
            main = main or is_main
            yield RouteTable(self._ids["route-table"][name], self._vpc.id, name, is_main, (*local, *routes))
        if not main:
            yield RouteTable(derived("route-table", "main"), self._vpc.id, "main", True, local)

    def _route(self, table: Table, place: int, written: str) -> Route:
        key = f"routes[{place}]"
        destination, _, target = " ".join(written.split()).partition(" ")
        if not target or " " in target:
            raise table.refusal("bad_route", key, value=written)
        if destination.startswith(("pl:", "pl-")):
            destination = self._reference(table, key, "prefix-list", destination.removeprefix("pl:"))
        else:
            try:
                destination = canonical(destination)
            except ValueError:
                raise table.refusal("bad_route", key, value=written) from None
        return Route(destination, self._target(table, key, target))

    def _target(self, table: Table, key: str, target: str) -> str:
        if target in ("local", "blackhole"):
            return "" if target == "blackhole" else target
        for section in ("gateway", "interface"):
            if target in self._ids[section]:
                return self._ids[section][target]
        if _TARGET.fullmatch(target):
            return target
        self._reference(table, key, "gateway", target)
        return target

    # --- interfaces and gateways -------------------------------------------------------------------------------

    def _interface(self, table: Table, name: str, own: str) -> NetworkInterface:
        subnet = self._subnets[self._reference(table, "subnet", "subnet", table.required("subnet"))]
        kind, requester, described = table.text("type", "interface"), table.text("requester"), table.text("description")
        groups = table.texts("security-groups")
        if groups == () and kind == "interface":
            raise table.refusal("no_groups", "security-groups")
        instance = table.text("instance", derived("instance", name) if kind == "interface" else "")
        addresses, ipv6 = self._addresses(table, "address", subnet, 4), self._addresses(table, "ipv6", subnet, 6)
        if not addresses and not ipv6:
            raise table.refusal("missing", "address")
        return NetworkInterface(
            own, self._vpc.id, subnet.id, addresses, ipv6,
            tuple(
                self._reference(table, "security-groups", "security-group", group)
                for group in ((DEFAULT,) if groups is None and kind == "interface" else groups or ())
            ),
            name, self._mac(table), self._public(table), kind, requester, service(kind, requester, described), described,
            instance, table.text("account"), table.flag("source-dest-check", default=True), table.map("tags"),
        )  # fmt: skip

    def _addresses(self, table: Table, key: str, subnet: Subnet, version: int) -> tuple[str, ...]:
        blocks = [block(cidr) for cidr in subnet.cidrs]
        found = []
        for written in table.texts(key) or ():
            one = address(written)
            if one is None or one.version != version:
                raise table.refusal("bad_address", key, value=written, version=version)
            whole = next((whole for whole in blocks if whole.holds(one)), None)
            if whole is None:
                raise table.refusal("not_in_subnet", key, value=written, subnet=subnet.name or subnet.id)
            place = one.number - whole.first
            if place < _RESERVED or (version == 4 and one.number == whole.last):
                raise table.refusal("reserved", key, value=written)
            found.append(text(one))
        return tuple(found)

    def _mac(self, table: Table) -> str:
        found = table.text("mac")
        if found and not MAC.fullmatch(found):
            raise table.refusal("bad_mac", "mac", value=found)
        return found

    def _public(self, table: Table) -> tuple[str, ...]:
        found = []
        for written in table.texts("public") or ():
            one = address(written)
            if one is None or one.version != 4:
                raise table.refusal("bad_address", "public", value=written, version=4)
            found.append(text(one))
        return tuple(found)

    def _distinct_addresses(self, interfaces: Iterable[NetworkInterface]) -> None:
        owners: dict[str, str] = {}
        for one in interfaces:
            for own in (*one.addresses, *one.ipv6, *one.public):
                if owners.setdefault(own, one.name) != one.name:
                    raise self._vpc_table.refusal("address_twice", "", value=own, one=owners[own], other=one.name)

    def _nat_interfaces(self) -> Iterator[NetworkInterface]:
        for name, table in self._tables["gateway"].items():
            if table.text("kind") != "nat":
                continue
            subnet = self._subnets[self._reference(table, "subnet", "subnet", table.required("subnet"))]
            addresses = self._addresses(table, "address", subnet, 4)
            if not addresses:
                raise table.refusal("missing", "address")
            yield NetworkInterface(
                derived("interface", name), self._vpc.id, subnet.id, addresses, name=name, public=self._public(table),
                type="nat_gateway", service="NAT gateway", source_dest_check=False,
            )  # fmt: skip

    def _gateway(self, table: Table, name: str, own: str) -> Gateway:
        kind, subnet = table.text("kind"), table.text("subnet")
        return Gateway(
            own, kind, self._vpc.id,
            self._reference(table, "subnet", "subnet", subnet) if subnet else "",
            derived("interface", name) if kind == "nat" else "",
            self._public(table), name, table.text("peer-vpc"), table.text("peer-region"), self._cidrs(table, "peer-cidr"),
        )  # fmt: skip

    # --- rules -------------------------------------------------------------------------------------------------

    def _groups(self, used: set[str]) -> Iterator[SecurityGroup]:
        for name, table in self._tables["security-group"].items():
            own = self._ids["security-group"][name]
            yield SecurityGroup(
                own, self._vpc.id, name,
                tuple(self._rules(table, name, "inbound")), tuple(self._rules(table, name, "outbound")),
            )  # fmt: skip
        own = self._ids["security-group"][DEFAULT]
        referred = any(
            rule.peer == own
            for name, table in self._tables["security-group"].items()
            for direction in ("inbound", "outbound")
            for rule in self._rules(table, name, direction)
        )
        if DEFAULT not in self._tables["security-group"] and (own in used or referred):
            yield SecurityGroup(
                own, self._vpc.id, DEFAULT, (_derived_rule(DEFAULT, "inbound", own),),
                tuple(_derived_rule(DEFAULT, "outbound", peer) for peer in self._everybody()),
            )  # fmt: skip

    def _everybody(self) -> list[str]:
        return ["0.0.0.0/0", *(["::/0"] if any(found.version == 6 for found in self._blocks) else [])]

    def _rules(self, table: Table, group: str, direction: str) -> Iterator[SecurityGroupRule]:
        seen = set()
        for place, written in enumerate(table.texts(direction) or ()):
            key = f"{direction}[{place}]"
            found = self._written(table, key, written, direction)
            peer = found.peer
            if peer.startswith(("sg:", "sg-")):
                peer = self._reference(table, key, "security-group", peer.removeprefix("sg:"))
            elif peer.startswith(("pl:", "pl-")):
                peer = self._reference(table, key, "prefix-list", peer.removeprefix("pl:"))
            own = derived("security-group-rule", f"{group} {direction} {' '.join(written.split())}")
            if own in seen:
                raise table.refusal("rule_twice", key, value=written)
            seen.add(own)
            yield SecurityGroupRule(own, found.protocol, found.from_port, found.to_port, peer)

    def _written(self, table: Table, key: str, written: str, direction: str) -> rule_text.Written:
        try:
            return rule_text.rule(written, inbound=direction == "inbound")
        except rule_text.RuleTextError as error:
            raise table.refusal(error.code.removeprefix("network."), key, value=written) from None

    def _acls(self) -> Iterator[NetworkAcl]:
        for name, table in self._tables["network-acl"].items():
            own = self._ids["network-acl"][name]
            inbound, outbound = (tuple(self._entries(table, way)) for way in ("inbound", "outbound"))
            yield NetworkAcl(own, self._vpc.id, name, table.flag("default", default=name == DEFAULT), inbound, outbound)
        if DEFAULT not in self._tables["network-acl"]:
            allowed = [
                NetworkAclEntry(100 + place, True, ANY, peer) for place, peer in enumerate(self._everybody())
            ]  # AWS's own numbers
            entries = with_last(allowed)
            own = self._ids["network-acl"][DEFAULT]
            yield NetworkAcl(own, self._vpc.id, DEFAULT, True, entries, entries)

    def _entries(self, table: Table, direction: str) -> tuple[NetworkAclEntry, ...]:
        found: dict[int, NetworkAclEntry] = {}
        for place, written in enumerate(table.texts(direction) or ()):
            key = f"{direction}[{place}]"
            try:
                number, allow, rest = rule_text.entry(written, inbound=direction == "inbound")
            except rule_text.RuleTextError as error:
                raise table.refusal(error.code.removeprefix("network."), key, value=written) from None
            if number in found:
                raise table.refusal("number_twice", key, value=number)
            found[number] = NetworkAclEntry(number, allow, rest.protocol, rest.peer, rest.from_port, rest.to_port)
        return with_last(sorted(found.values(), key=lambda one: one.number))

    def _prefix_list(self, table: Table, name: str, own: str) -> PrefixList:
        return PrefixList(own, name, self._cidrs(table, "cidrs"), table.number("max-entries"))


def with_last(entries: Sequence[NetworkAclEntry]) -> tuple[NetworkAclEntry, ...]:
    """Return *entries* with the rule `*` for both IP versions."""
    return (*entries, *(NetworkAclEntry(LAST_RULE, False, ANY, peer) for peer in ("0.0.0.0/0", "::/0")))


def _derived_rule(group: str, direction: str, peer: str) -> SecurityGroupRule:
    return SecurityGroupRule(derived("security-group-rule", f"{group} {direction} all {peer}"), ANY, ANY, ANY, peer)


def _within(inner: Block, outer: Block) -> bool:
    return inner.version == outer.version and outer.first <= inner.first and inner.last <= outer.last
