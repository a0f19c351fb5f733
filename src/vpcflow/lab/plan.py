"""A Network → what is to be built of it: hosts, their devices, the tables that route them. Pure; what cannot be built is refused.

An interface is a device of the router (`device`) and the other end of it in a host (`eth0`). Interfaces of one instance are
one host. Beside them there are the router itself, and `internet`, which has every address that the network has not.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError
from vpcflow.vpc import addresses
from vpcflow.vpc.routing import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vpcflow.vpc.topology import Network, NetworkInterface, Subnet

ROUTER, INTERNET = "router", "internet"
GATEWAY_DEVICE, SINK_DEVICE = "igw", "sink"
"""Devices of the router: to the internet, and to nowhere (what has no route, or no interface, ends there)."""

_RESERVED: Final = {ROUTER, INTERNET, GATEWAY_DEVICE, SINK_DEVICE, "lo", "all", "default"}
_DEVICE: Final = re.compile(r"[a-z][a-z0-9_-]{0,14}")
_MAX_INTERFACES: Final = 500
_FIRST_TABLE: Final = 1000

NAT: Final = "nat_gateway"


@dataclass(frozen=True, slots=True)
class Device:
    """An interface as it is built. name: at the router; inner: in the host; number: from 1; table: routes of its subnet."""

    interface: NetworkInterface
    subnet: Subnet
    name: str
    host: str
    inner: str
    number: int
    table: int

    def addresses(self, version: int) -> tuple[str, ...]:
        """Its private IPv4 or its IPv6 addresses."""
        return self.interface.addresses if version == 4 else self.interface.ipv6

    @property
    def mac(self) -> str:
        """The host's side."""
        return self.interface.mac or f"02:00:00:01:{self.number >> 8:02x}:{self.number & 255:02x}"


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace with one or more devices. nat: it is a NAT gateway."""

    name: str
    devices: tuple[Device, ...]
    nat: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """A route of the router: to an address behind a device, to the device itself, or (neither) to what the VPC has."""

    destination: str
    device: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be built. tables: routes by the number of the table. public: public address → private one.

    closed: IPv6 blocks that only answers from outside get into (behind an egress-only internet gateway).
    """

    network: Network
    hosts: tuple[Host, ...]
    tables: Mapping[int, tuple[Hop, ...]]
    public: Mapping[str, str] = field(default_factory=dict)
    closed: tuple[str, ...] = ()

    @property
    def devices(self) -> tuple[Device, ...]:
        """All devices, in the order of their numbers."""
        return tuple(sorted((device for host in self.hosts for device in host.devices), key=lambda one: one.number))

    def cidrs(self, version: int) -> list[str]:
        """All blocks of all VPCs."""
        return [cidr for vpc in self.network.vpcs.values() for cidr in vpc.cidrs if _version(cidr) == version]

    def shape(self) -> tuple[object, ...]:
        """Return what rules can be changed without: two plans of one shape differ in rules alone."""
        hosts = [
            (host.name, host.nat, [(d.interface.id, d.name, d.inner, d.mac, d.table, d.interface.addresses, d.interface.ipv6)
             for d in host.devices])
            for host in self.hosts
        ]  # fmt: skip
        return (hosts, sorted(self.tables.items()), sorted(self.public.items()), self.closed)


def make(network: Network) -> Plan:
    """Return the plan of *network*; ConfigError for what no lab can be."""
    if not network.interfaces:
        raise ConfigError("lab.no_interfaces")
    if len(network.interfaces) > _MAX_INTERFACES:
        raise ConfigError("lab.too_many", count=len(network.interfaces), limit=_MAX_INTERFACES)
    _check_addresses(network)
    _check_rules(network)
    tables = {subnet_id: _FIRST_TABLE + place for place, subnet_id in enumerate(network.subnets)}
    hosts = tuple(_hosts(network, tables))
    devices = {device.interface.id: device for host in hosts for device in host.devices}
    routes = {tables[subnet.id]: tuple(_routes(network, subnet, devices)) for subnet in network.subnets.values()}
    return Plan(network, hosts, routes, _public(network), tuple(_closed(network)))


def without_ipv6(network: Network) -> Network:
    """Return *network* as far as a kernel without IPv6 can have it."""

    def short(cidrs: Iterable[str]) -> tuple[str, ...]:
        return tuple(cidr for cidr in cidrs if _version(cidr) == 4)

    return replace(
        network,
        vpcs={one.id: replace(one, cidrs=short(one.cidrs)) for one in network.vpcs.values()},
        subnets={one.id: replace(one, cidrs=short(one.cidrs)) for one in network.subnets.values()},
        interfaces={one.id: replace(one, ipv6=()) for one in network.interfaces.values()},
    )


def host_name(network: Network, interface: NetworkInterface) -> str:
    """Return the name that people give an interface: its own, its instance's, else its id."""
    instance = network.instances.get(interface.instance_id)
    return interface.name or (instance.name if instance else "") or interface.instance_id or interface.id


def _hosts(network: Network, tables: Mapping[str, int]) -> Iterator[Host]:
    groups: dict[str, list[NetworkInterface]] = {}
    for interface in network.interfaces.values():
        groups.setdefault(interface.instance_id or interface.id, []).append(interface)
    names: set[str] = set(_RESERVED)
    devices: set[str] = set(_RESERVED)
    number = 0
    for interfaces in groups.values():
        name = _unused(_plain(host_name(network, interfaces[0])), names)
        built = []
        for place, interface in enumerate(interfaces):
            number += 1
            subnet = network.subnets.get(interface.subnet_id)
            if subnet is None:
                raise ConfigError("lab.no_subnet", interface=interface.id, subnet=interface.subnet_id)
            wanted = name if place == 0 else f"{name}-{place}"
            device = wanted if _DEVICE.fullmatch(wanted) and wanted not in devices else f"eni{number}"
            devices.add(device)
            built.append(Device(interface, subnet, device, name, f"eth{place}", number, tables[subnet.id]))
        yield Host(name, tuple(built), interfaces[0].type == NAT)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-.") or "host"


def _unused(name: str, names: set[str]) -> str:
    found, count = name, 1
    while found in names:
        count += 1
        found = f"{name}-{count}"
    names.add(found)
    return found


def _check_addresses(network: Network) -> None:
    owners: dict[str, str] = {}
    for interface in network.interfaces.values():
        if not interface.addresses and not interface.ipv6:
            raise ConfigError("lab.no_address", interface=interface.id)
        for text in (*interface.addresses, *interface.ipv6, *interface.public):
            if addresses.address(text) is None:
                raise ConfigError("lab.bad_address", interface=interface.id, address=text)
            address = str(ipaddress.ip_address(text))
            if address in owners:
                raise ConfigError("lab.same_address", address=text, one=owners[address], other=interface.id)
            owners[address] = interface.id
        if interface.mac and not addresses.MAC.fullmatch(interface.mac):
            raise ConfigError("lab.bad_mac", interface=interface.id, mac=interface.mac)
    for gateway in network.gateways.values():
        for text in gateway.public:
            if addresses.address(text) is None:
                raise ConfigError("lab.bad_address", interface=gateway.id, address=text)


def _check_rules(network: Network) -> None:
    """Refuse what is no block or number: all of it becomes text that `ip` and `nft` obey."""
    blocks = [cidr for vpc in network.vpcs.values() for cidr in vpc.cidrs]
    blocks += [cidr for subnet in network.subnets.values() for cidr in subnet.cidrs]
    blocks += [cidr for listed in network.prefix_lists.values() for cidr in listed.cidrs]
    blocks += [route.destination for table in network.route_tables.values() for route in table.routes]
    rules = [rule for group in network.security_groups.values() for rule in (*group.inbound, *group.outbound)]
    entries = [entry for acl in network.network_acls.values() for entry in (*acl.inbound, *acl.outbound)]
    blocks += [*(rule.peer for rule in rules), *(entry.cidr for entry in entries)]
    for text in blocks:
        if text.startswith(("sg-", "pl-")):
            continue
        try:
            addresses.block(text)
        except ValueError as error:
            raise ConfigError("lab.bad_block", block=text) from error
    numbers = [number for rule in rules for number in (rule.protocol, rule.from_port, rule.to_port)]
    numbers += [number for one in entries for number in (one.number, one.protocol, one.from_port, one.to_port)]
    for number in numbers:
        if not isinstance(number, int):
            raise ConfigError("lab.bad_number", number=number)


# --- routes --------------------------------------------------------------------------------------------------------


def _routes(network: Network, subnet: Subnet, devices: Mapping[str, Device]) -> Iterator[Hop]:
    """Yield the routes of a subnet: those of its table, what is local, and an end for everything else."""
    table = table_of(network, subnet.id)
    seen = set()
    for route in table.routes if table else ():
        for destination in _destinations(network, route.destination):
            if destination not in seen and route.target != "local":
                seen.add(destination)
                yield _hop(network, destination, route.target, devices)
    vpc = network.vpcs.get(subnet.vpc_id)
    for cidr in vpc.cidrs if vpc else ():
        if cidr not in seen:
            yield Hop(cidr)
    for default in ("0.0.0.0/0", "::/0"):
        if default not in seen:
            yield Hop(default, SINK_DEVICE)


def _destinations(network: Network, destination: str) -> Iterable[str]:
    if destination.startswith("pl-"):
        listed = network.prefix_lists.get(destination)
        return listed.cidrs if listed else ()
    return (str(ipaddress.ip_network(destination, strict=False)),)


def _hop(network: Network, destination: str, target: str, devices: Mapping[str, Device]) -> Hop:
    gateway = network.gateways.get(target)
    kind = gateway.kind if gateway else target.partition("-")[0]
    version = _version(destination)
    if kind in ("igw", "eigw"):
        return Hop(destination, GATEWAY_DEVICE)
    if kind in ("pcx", "tgw"):
        inside = any(_within(destination, cidr) for vpc in network.vpcs.values() for cidr in vpc.cidrs)
        return Hop(destination) if inside else Hop(destination, SINK_DEVICE)
    device = devices.get(gateway.interface_id if gateway and kind == "nat" else target)
    if device is None and target:
        device = next((one for one in devices.values() if one.interface.instance_id == target), None)
    if device is None or not device.addresses(version):
        return Hop(destination, SINK_DEVICE)
    return Hop(destination, device.name, device.addresses(version)[0])


def _public(network: Network) -> dict[str, str]:
    found: dict[str, str] = {}
    for interface in network.interfaces.values():
        public = interface.public
        if not public:
            gateways = (one for one in network.gateways.values() if one.interface_id == interface.id)
            public = next((one.public for one in gateways), ())
        found.update(zip(public, interface.addresses, strict=False))
    return found


def _closed(network: Network) -> Iterator[str]:
    for subnet in network.subnets.values():
        table = table_of(network, subnet.id)
        routes = table.routes if table else ()
        if any(route.destination == "::/0" and _is_egress_only(network, route.target) for route in routes):
            yield from (cidr for cidr in subnet.cidrs if _version(cidr) == 6)


def _is_egress_only(network: Network, target: str) -> bool:
    gateway = network.gateways.get(target)
    return gateway.kind == "eigw" if gateway else target.startswith("eigw-")


def _version(cidr: str) -> int:
    return 6 if ":" in cidr else 4


def _within(cidr: str, outer: str) -> bool:
    inner, whole = ipaddress.ip_network(cidr, strict=False), ipaddress.ip_network(outer, strict=False)
    return inner.version == whole.version and inner.subnet_of(whole)  # type: ignore[arg-type]
