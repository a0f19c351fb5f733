"""A plan → namespaces, devices and routes: what `ip` is told.

Every packet between hosts passes the router, as in a VPC: hosts have no neighbors but it, and all neighbors are written down, so
that no packet ever waits for ARP or neighbor discovery.

    host eth0 ── <device> router igw ── vpc (igw) net ── eth0 internet
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from vpcflow.lab import nat
from vpcflow.lab.linux import NetworkNamespace, set_system, turn_offloads_off
from vpcflow.lab.plan import GATEWAY_DEVICE, INTERNET, ROUTER, SINK_DEVICE
from vpcflow.lab.programs import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.lab.plan import Device, Hop, Host, Plan

_ROUTER_MAC: Final = "02:00:00:00:00:01"
_GATEWAY_MAC: Final = "02:00:00:00:00:02"
_INTERNET_MAC: Final = "02:00:00:00:00:03"
_LINK: Final = {ROUTER: "169.254.100.1", "igw": "169.254.100.2", "outer": "169.254.100.5", INTERNET: "169.254.100.6"}
"""Addresses of the links between router, internet gateway and internet."""

INTERNET_ADDRESS, INTERNET_ADDRESS6 = "198.51.100.1", "2001:db8:ffff::1"
"""Where a connection of the internet comes from that does not say where it comes from."""

_ROUTER_SETTINGS: Final = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv4/icmp_ratelimit": "0",
    # EC2 User Guide "Security group connection tracking": idle times; a connection begins with SYN.
    "net/netfilter/nf_conntrack_tcp_loose": "0",
    "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
    "net/netfilter/nf_conntrack_udp_timeout": "30",
    "net/netfilter/nf_conntrack_udp_timeout_stream": "180",
}
_HOST_SETTINGS: Final = {
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/ping_group_range": "0 0",
}
_FORWARDING: Final = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
_INTERNET_SETTINGS: Final = {
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/ip_nonlocal_bind": "1",
    "net/ipv6/ip_nonlocal_bind": "1",
}


class Wiring:
    """The namespaces of a lab. The thread that makes it is in the router's, and must stay there.

    spaces: by name of the host, `internet` and the router among them.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._gateway = NetworkNamespace.new()
        self.spaces = {ROUTER: NetworkNamespace.own(), INTERNET: NetworkNamespace.new()}
        self.spaces |= {host.name: NetworkNamespace.new() for host in plan.hosts}
        _set(_ROUTER_SETTINGS)
        self._ip(ROUTER, self._router())
        for device in [one.name for one in plan.devices] + [GATEWAY_DEVICE, SINK_DEVICE]:
            turn_offloads_off(device)
        for host in plan.hosts:
            self._build_host(host)
        self._build_internet()
        self._ip(ROUTER, _router_routes(plan))

    def close(self) -> None:
        """Let go of all namespaces; what nothing runs in ends."""
        for space in (self._gateway, *self.spaces.values()):
            space.close()

    # --- the router --------------------------------------------------------------------------------------------

    def _router(self) -> Iterator[str]:
        yield "link set dev lo up"
        yield f"address add {_LINK[ROUTER]}/32 dev lo"
        for host in self.plan.hosts:
            for device in host.devices:
                peer = f"name {device.inner} address {device.mac} netns {self._path(host.name)}"
                yield f"link add name {device.name} address {_ROUTER_MAC} type veth peer {peer}"
        yield (
            f"link add name {GATEWAY_DEVICE} address {_ROUTER_MAC} type veth "
            f"peer name vpc address {_GATEWAY_MAC} netns {_path(self._gateway)}"
        )
        yield f"link add name {SINK_DEVICE} type veth peer name void netns {self._path(INTERNET)}"
        yield f"link set dev {SINK_DEVICE} arp off"
        for name in [one.name for one in self.plan.devices] + [GATEWAY_DEVICE, SINK_DEVICE]:
            yield f"link set dev {name} up"

    # --- hosts -------------------------------------------------------------------------------------------------

    def _build_host(self, host: Host) -> None:
        with self.spaces[host.name].entered():
            _set(_HOST_SETTINGS | (_FORWARDING if host.nat else {}))
            for device in host.devices:
                turn_offloads_off(device.inner)
        self._ip(host.name, _host(host))
        if host.nat:
            with self.spaces[host.name].entered():
                run("nft", ["-f", "-"], nat.gateway(host.devices[0].interface, self.plan.cidrs(4)))

    def _build_internet(self) -> None:
        with self._gateway.entered():
            _set(_HOST_SETTINGS | _FORWARDING)
            turn_offloads_off("vpc")
            _ip(self._igw(), [self.spaces[INTERNET].handle])
            turn_offloads_off("net")
            run("nft", ["-f", "-"], nat.internet_gateway(self.plan.public, self.plan.closed))
        with self.spaces[INTERNET].entered():
            _set(_HOST_SETTINGS | _INTERNET_SETTINGS)
            turn_offloads_off("eth0")
        self._ip(INTERNET, _internet(self.plan))

    def _igw(self) -> Iterator[str]:
        yield (
            f"link add name net address {_GATEWAY_MAC} type veth "
            f"peer name eth0 address {_INTERNET_MAC} netns {self._path(INTERNET)}"
        )
        for name in ("lo", "vpc", "net"):
            yield f"link set dev {name} up"
        yield f"address add {_LINK['igw']}/32 dev vpc"
        yield f"address add {_LINK['outer']}/32 dev net"
        yield from _neighbor("vpc", _LINK[ROUTER], _ROUTER_MAC)
        yield from _neighbor("vpc", "fe80::1", _ROUTER_MAC)
        yield from _neighbor("net", _LINK[INTERNET], _INTERNET_MAC)
        yield from _neighbor("net", "fe80::3", _INTERNET_MAC)
        yield f"route add default via {_LINK[INTERNET]} dev net onlink"
        yield "-6 route add default via fe80::3 dev net"
        for cidr in self.plan.cidrs(4):
            yield f"route add {cidr} via {_LINK[ROUTER]} dev vpc onlink"
        for cidr in self.plan.cidrs(6):
            yield f"-6 route add {cidr} via fe80::1 dev vpc"

    # --- telling ip --------------------------------------------------------------------------------------------

    def _ip(self, name: str, lines: Iterable[str]) -> None:
        with self.spaces[name].entered():
            handles = [space.handle for space in (self._gateway, *self.spaces.values())]
            _ip(lines, handles)

    def _path(self, name: str) -> str:
        return _path(self.spaces[name])


def _ip(lines: Iterable[str], handles: list[int]) -> None:
    """Tell `ip` the lines, in the namespace this thread is in; those of IPv6 begin with -6 and come last."""
    given = list(lines)
    short, long = (
        [line.removeprefix("-6 ") for line in given if line.startswith("-6 ") is six] for six in (False, True)
    )
    run("ip", ["-batch", "-"], "\n".join(short), handles=handles)
    if long:
        run("ip", ["-6", "-batch", "-"], "\n".join(long), handles=handles)


def _router_routes(plan: Plan) -> Iterator[str]:
    for device in plan.devices:
        for address in (*device.interface.addresses, *device.interface.ipv6):
            yield from _neighbor(device.name, address, device.mac)
            yield f"{_family(address)}route add {address} dev {device.name}"
        yield f"-6 address add fe80::1/64 dev {device.name} nodad"
        for family in ("", "-6 "):
            yield f"{family}rule add pref {1000 + device.number} iif {device.name} lookup {device.table}"
    yield f"-6 address add fe80::1/64 dev {GATEWAY_DEVICE} nodad"
    yield from _neighbor(GATEWAY_DEVICE, _LINK["igw"], _GATEWAY_MAC)
    yield from _neighbor(GATEWAY_DEVICE, "fe80::2", _GATEWAY_MAC)
    yield f"route add default dev {SINK_DEVICE}"
    yield f"-6 route add default dev {SINK_DEVICE}"
    for table, hops in plan.tables.items():
        for hop in hops:
            yield _route(hop, table)


def _route(hop: Hop, table: int) -> str:
    family = _family(hop.destination)
    if not hop.device:
        return f"{family}route add throw {hop.destination} table {table}"
    if hop.device == SINK_DEVICE:
        return f"{family}route add {hop.destination} dev {hop.device} table {table}"
    via = hop.via or ("fe80::2" if family else _LINK["igw"])
    return f"{family}route add {hop.destination} via {via} dev {hop.device} onlink table {table}"


def _host(host: Host) -> Iterator[str]:
    yield "link set dev lo up"
    for place, device in enumerate(host.devices):
        yield f"link set dev {device.inner} up"
        for address, length in _with_lengths(device):
            family = _family(address)
            yield f"{family}address add {address}/{length} dev {device.inner} {'nodad ' if family else ''}noprefixroute"
        for version, family in ((4, ""), (6, "-6 ")):
            addresses = device.addresses(version)
            if not addresses:
                continue
            gateway = "fe80::1" if family else router_address(device)
            yield from _neighbor(device.inner, gateway, _ROUTER_MAC)
            onward = f"default via {gateway} dev {device.inner} onlink src {addresses[0]}"
            if place == 0:
                yield f"{family}route add {onward}"
            else:
                yield f"{family}route add {onward} table {device.number}"
                for address in addresses:
                    yield f"{family}rule add pref {100 + device.number} from {address} lookup {device.number}"


def _with_lengths(device: Device) -> Iterator[tuple[str, int]]:
    for address in (*device.interface.addresses, *device.interface.ipv6):
        found = ipaddress.ip_address(address)
        networks = (ipaddress.ip_network(cidr, strict=False) for cidr in device.subnet.cidrs)
        yield address, next((one.prefixlen for one in networks if found in one), found.max_prefixlen)


def router_address(device: Device) -> str:
    """Return the subnet's second address, which is the VPC router's (VPC User Guide "Subnet CIDR blocks")."""
    for cidr in device.subnet.cidrs:
        if ":" not in cidr:
            return str(ipaddress.ip_network(cidr, strict=False)[1])
    return _LINK[ROUTER]


def _internet(plan: Plan) -> Iterator[str]:
    for name in ("lo", "eth0", "void"):
        yield f"link set dev {name} up"
    yield f"address add {INTERNET_ADDRESS}/32 dev lo"
    yield f"-6 address add {INTERNET_ADDRESS6}/128 dev lo nodad noprefixroute"
    yield "-6 address add fe80::3/64 dev eth0 nodad"
    yield from _neighbor("eth0", _LINK["outer"], _GATEWAY_MAC)
    yield from _neighbor("eth0", "fe80::2", _GATEWAY_MAC)
    for address in plan.public:
        yield f"route add {address} via {_LINK['outer']} dev eth0 onlink src {INTERNET_ADDRESS}"
    for cidr in plan.cidrs(6):
        yield f"-6 route add {cidr} via fe80::2 dev eth0 src {INTERNET_ADDRESS6}"
    # What is not the VPC's is an address of this host: every other address of the internet answers here.
    for family in ("", "-6 "):
        yield f"{family}rule add pref 10 lookup main"
        yield f"{family}rule add pref 20 lookup local"
        yield f"{family}rule del pref 0"
        yield f"{family}route add local default dev lo table local"


def _neighbor(device: str, address: str, mac: str) -> Iterator[str]:
    yield f"{_family(address)}neighbor replace {address} lladdr {mac} dev {device} nud permanent"


def _family(address: str) -> str:
    return "-6 " if ":" in address else ""


def _set(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        set_system(name, value)


def _path(space: NetworkNamespace) -> str:
    return f"/proc/self/fd/{space.handle}"
