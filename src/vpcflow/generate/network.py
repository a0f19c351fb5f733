"""The VPC that talks: its interfaces by role, and every address it may meet."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from vpcflow.generate.config import Config
    from vpcflow.generate.rows import Flags, Floats, Ints

ZONES: Final = 3
_SUBNET_HOSTS: Final = 4_080
_STRIDE: Final = 2_003  # no common factor with _SUBNET_HOSTS: hosts look scattered and never meet
_VPC: Final = int(ipaddress.IPv4Address("10.0.0.0"))
_VPC6: Final = int(ipaddress.IPv6Address("2001:db8:1234:1a00::"))
_PEERS6: Final = int(ipaddress.IPv6Address("2001:db8:8000::"))
_SCANNERS: Final = 24

TIERS: Final = ("public", "web", "app", "db", "staging")
ROLES: Final = ("nat", "lb", "bastion", "web", "app", "db", "staging")
TIER_OF: Final = {"nat": 0, "lb": 0, "bastion": 0, "web": 1, "app": 2, "db": 3, "staging": 4}

# One prefix of AWS's published ranges a service.
_SERVICES: Final = (
    ("S3", "52.216.0.0", 400),
    ("DYNAMODB", "52.94.0.0", 60),
)
_PEER_SERVICES: Final = ("EC2", "CLOUDFRONT", "AMAZON", "GLOBALACCELERATOR", "ROUTE53_HEALTHCHECKS")
SERVICES: Final = (*(name for name, _, _ in _SERVICES), *_PEER_SERVICES)
_AWS_PEER_EVERY: Final = 20

# First octets that are neither reserved, private, nor ranges of documentation.
_PUBLIC: Final = np.array([n for n in range(1, 224) if n not in {10, 100, 127, 169, 172, 192, 198, 203}])
_DOCUMENTATION: Final = ("203.0.113.0", "198.51.100.0", "192.0.2.0")
"""RFC 5737: the busiest peers get these, so a small set names no real host."""


BRUTE_FORCE: Final = "203.0.113.66"
PORT_SCANNER: Final = "198.51.100.23"
"""The planted sources."""

_BUSIEST: Final = 8  # flattens the head of Zipf's law: the first peer has about 1 % of the visits, not 8 %


@dataclass(frozen=True, slots=True)
class Span:
    """A run of neighbours in a list."""

    first: int
    count: int

    def pick(self, chance: Floats) -> Ints:
        """Return a place for each *chance* (0 to 1), the first ones likelier."""
        place: Ints = self.first + (chance * chance * self.count).astype(np.int32)
        return place

    def zipf(self, chance: Floats) -> Ints:
        """Return a place for each *chance*: the n-th about 1/n as often, save for the first few."""
        rank = _BUSIEST * (np.exp(chance * np.log1p(self.count / _BUSIEST)) - 1)
        place: Ints = self.first + np.minimum(rank.astype(np.int32), self.count - 1)
        return place


class Network:
    """Interfaces 0 … N-1 in the order of `ROLES`; addresses: their IPv4, their IPv6, then the world's.

    addresses: strings, each once. version6: whether each address is IPv6. service: its place in `SERVICES`, or -1.
    """

    def __init__(self, config: Config) -> None:
        self.interfaces = config.interfaces
        self.role = _roles(config.interfaces)
        rng = np.random.Generator(np.random.PCG64([config.seed, 1]))
        self.zone = np.arange(config.interfaces) % ZONES
        self.tier = np.array([TIER_OF[name] for name in ROLES])[_role_codes(self.role)]
        own, own6 = self._own_addresses()
        self._places = len(own) + len(own6)
        peers6 = max(1, config.peers // 50)
        self.peers, world = self._next(_peers(config.peers, rng))
        self.peers6, world6 = self._next(_peers6(peers6, rng))
        self.scanners, scanners = self._next(_scanners(config.peers))
        self.services: dict[str, Span] = {}
        parts = [own, own6, world, world6, scanners]
        for name, first, count in _SERVICES:
            offsets = np.arange(count) * 37 + 1
            self.services[name], addresses = self._next(_text(int(ipaddress.IPv4Address(first)) + offsets))
            parts.append(addresses)
        self.addresses = pa.concat_arrays(parts)
        self.version6 = self._version6()
        self.service = self._service()

    def _next(self, addresses: pa.Array) -> tuple[Span, pa.Array]:
        span = Span(self._places, len(addresses))
        self._places += len(addresses)
        return span, addresses

    def address6(self, interface: Ints) -> Ints:
        """Return the places of these interfaces' IPv6 addresses (that of the IPv4 one is the interface's own)."""
        return interface + np.int32(self.interfaces)

    @property
    def subnet(self) -> Ints:
        """The number of each interface's subnet: tier x 3 + zone."""
        return self.tier * ZONES + self.zone

    def _own_addresses(self) -> tuple[pa.Array, pa.Array]:
        subnet = self.subnet
        host = np.empty(self.interfaces, np.int64)
        for number in np.unique(subnet):
            inside = np.flatnonzero(subnet == number)
            host[inside] = 10 + (np.arange(len(inside)) * _STRIDE + 7 * number) % _SUBNET_HOSTS
        own6 = [str(ipaddress.IPv6Address(_VPC6 + (int(s) << 64) + int(h))) for s, h in zip(subnet, host, strict=True)]
        return _text(_VPC + subnet * 4_096 + host), pa.array(own6, pa.string())

    def _version6(self) -> Flags:
        flags = np.zeros(len(self.addresses), bool)
        flags[self.interfaces : 2 * self.interfaces] = True
        flags[self.peers6.first : self.peers6.first + self.peers6.count] = True
        return flags

    def _service(self) -> Ints:
        codes = np.full(len(self.addresses), -1, np.int8)
        aws = np.arange(_AWS_PEER_EVERY - 1, self.peers.count, _AWS_PEER_EVERY)
        codes[self.peers.first + aws] = len(_SERVICES) + aws // _AWS_PEER_EVERY % len(_PEER_SERVICES)
        for name, span in self.services.items():
            codes[span.first : span.first + span.count] = SERVICES.index(name)
        return codes


def _roles(interfaces: int) -> dict[str, Span]:
    counts = {
        "nat": min(ZONES, max(1, interfaces // 12)),
        "lb": max(2, interfaces // 100),
        "bastion": 1,
        "staging": max(1, interfaces // 50),
        "db": max(2, interfaces * 15 // 100),
    }
    rest = interfaces - sum(counts.values())
    counts["web"] = rest * 45 // 100
    counts["app"] = rest - counts["web"]
    spans, first = {}, 0
    for name in ROLES:
        spans[name] = Span(first, counts[name])
        first += counts[name]
    return spans


def _role_codes(roles: dict[str, Span]) -> Ints:
    return np.repeat(np.arange(len(ROLES)), [roles[name].count for name in ROLES])


def _text(numbers: Ints) -> pa.Array:
    octets = [pa.array(numbers >> shift & 255).cast(pa.string()) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(*octets, ".")


def _documentation() -> list[int]:
    taken = {int(ipaddress.IPv4Address(address)) for address in (BRUTE_FORCE, PORT_SCANNER)}
    networks = [int(ipaddress.IPv4Address(network)) for network in _DOCUMENTATION]
    hosts = [network + host for network in networks for host in range(1, 255)]
    return [host for host in hosts if host not in taken]


def _peers(count: int, rng: np.random.Generator) -> pa.Array:
    # The last of the documentation addresses are the scanners'.
    known = rng.permutation(np.array(_documentation()[:-_SCANNERS]))[:count]
    missing = count - len(known)
    drawn = np.empty(0, np.int64)
    while len(drawn) < missing:
        more = (rng.choice(_PUBLIC, missing + 1_000) << 24) + rng.integers(0, 1 << 24, missing + 1_000)
        drawn = np.unique(np.concatenate([drawn, more[more & 255 != 0]]))
    return _text(np.concatenate([known, rng.permutation(drawn)[:missing]]))


def _peers6(count: int, rng: np.random.Generator) -> pa.Array:
    hosts = rng.permutation(count * 8)[:count]
    return pa.array([str(ipaddress.IPv6Address(_PEERS6 + (int(h) << 64) + 1 + int(h) % 509)) for h in hosts])


def _scanners(peers: int) -> pa.Array:
    """The planted sources first, then the others."""
    others = _documentation()[-_SCANNERS:][: max(2, min(_SCANNERS, peers))]
    return pa.concat_arrays([pa.array([BRUTE_FORCE, PORT_SCANNER]), _text(np.array(others))])
