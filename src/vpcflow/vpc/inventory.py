"""Address, MAC or interface id → what it is: the nearest thing a network knows of it.

An address is looked for among the interfaces first, then in the subnets and the VPCs, the longest prefix first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from vpcflow.vpc.addresses import Address, Block, address, block, prefix_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vpcflow.vpc.topology import Network, NetworkInterface, Subnet, Vpc

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of an address; each None where it is not.

    interface: that has it; public: as a public or Elastic address. subnet, vpc: of the interface, else those whose blocks
    hold it.
    """

    interface: NetworkInterface | None = None
    subnet: Subnet | None = None
    vpc: Vpc | None = None
    public: bool = False


class Inventory:
    """All look-ups in one network. Several VPCs may have the same addresses: then the VPC has to be told."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._by_address: dict[Address, list[NetworkInterface]] = {}
        self._by_public: dict[Address, list[NetworkInterface]] = {}
        self._by_mac: dict[str, NetworkInterface] = {}
        for interface in network.interfaces.values():
            _index(self._by_address, (*interface.addresses, *interface.ipv6), interface)
            _index(self._by_public, interface.public, interface)
            if interface.mac:
                self._by_mac[_mac(interface.mac)] = interface
        self._members = _grouped((group, one) for one in network.interfaces.values() for group in one.security_groups)
        self._prefixes = [(block(cidr), one) for one in network.interfaces.values() for cidr in one.prefixes]
        self._in_vpc = _grouped((one.vpc_id, one) for one in network.interfaces.values())
        self._subnets = _Prefixes((cidr, subnet) for subnet in network.subnets.values() for cidr in subnet.cidrs)
        self._vpcs = _Prefixes((cidr, vpc) for vpc in network.vpcs.values() for cidr in vpc.cidrs)

    def interface(self, interface_id: str) -> NetworkInterface | None:
        """Return the interface with this id."""
        return self.network.interfaces.get(interface_id)

    def by_mac(self, mac: str) -> NetworkInterface | None:
        """Return the interface with this MAC address (`0a:…`, `0a-…`, any case)."""
        return self._by_mac.get(_mac(mac))

    def by_address(self, text: str, vpc_id: str = "") -> NetworkInterface | None:
        """Return the interface that has a private or IPv6 address.

        None too when several have it and *vpc_id* does not tell which.
        """
        wanted = address(text)
        if wanted is None:
            return None
        return _only(
            self._by_address.get(wanted) or [one for found, one in self._prefixes if found.holds(wanted)], vpc_id
        )

    def by_public(self, text: str) -> NetworkInterface | None:
        """Return the interface that has a public or Elastic IPv4 address."""
        return _only(self._by_public.get(address(text) or Address(0, 0), ()), "")

    def subnet(self, text: str, vpc_id: str = "") -> Subnet | None:
        """Return the subnet whose block holds an address."""
        found = [subnet for subnet in self._subnets.find(address(text)) if vpc_id in ("", subnet.vpc_id)]
        return found[0] if len({subnet.vpc_id for subnet in found}) == 1 else None

    def vpc(self, text: str) -> Vpc | None:
        """Return the VPC whose block holds an address; None too when several do."""
        found = self._vpcs.find(address(text))
        return found[0] if len({vpc.id for vpc in found}) == 1 else None

    def find(self, text: str, vpc_id: str = "") -> Found:
        """Return all that is known of an address (private, IPv6 or public)."""
        interface, public = self.by_address(text, vpc_id), False
        if interface is None:
            interface, public = self.by_public(text), True
        if interface is not None:
            network = self.network
            return Found(
                interface, network.subnets.get(interface.subnet_id), network.vpcs.get(interface.vpc_id), public
            )
        subnet = self.subnet(text, vpc_id)
        return Found(None, subnet, self.network.vpcs.get(subnet.vpc_id) if subnet else self.vpc(text))

    def members(self, group_id: str) -> frozenset[Address]:
        """Return the private and IPv6 addresses of all interfaces that carry a security group."""
        return self._members.get(group_id, frozenset())

    def member_blocks(self, group_id: str) -> tuple[Block, ...]:
        """Return the blocks that are delegated to interfaces which carry a security group."""
        return tuple(found for found, one in self._prefixes if group_id in one.security_groups)

    def in_vpc(self, vpc_id: str) -> frozenset[Address]:
        """Return the private and IPv6 addresses of all interfaces of a VPC."""
        return self._in_vpc.get(vpc_id, frozenset())

    def owners(self, found: Address) -> Sequence[NetworkInterface]:
        """Return all interfaces that have a private or IPv6 address; several VPCs may have the same."""
        return self._by_address.get(found, ())


def primary(interface: NetworkInterface, version: int = 4) -> str | None:
    """Return the address that records name as the interface's own: the primary private IPv4, or the first IPv6 one."""
    return next(iter(interface.addresses if version == 4 else interface.ipv6), None)


@dataclass(frozen=True, eq=False, slots=True)
class _ById:
    """A network as a key: itself, whatever is equal to it."""

    network: Network

    def __hash__(self) -> int:
        return id(self.network)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.network is self.network


@lru_cache(maxsize=4)
def _inventory(key: _ById) -> Inventory:
    return Inventory(key.network)


def inventory(network: Network) -> Inventory:
    """Return the inventory of a network; made once for each of the few that are in use."""
    return _inventory(_ById(network))


class _Prefixes(Generic[T]):
    """Blocks by their length, longest first."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        lengths: dict[tuple[int, int], dict[int, list[T]]] = {}
        for cidr, item in items:
            found = block(cidr)
            lengths.setdefault((found.version, prefix_length(found)), {}).setdefault(found.first, []).append(item)
        self._lengths = sorted(lengths.items(), key=lambda one: -one[0][1])

    def find(self, wanted: Address | None) -> list[T]:
        """Return what has the longest block that holds *wanted*."""
        if wanted is None:
            return []
        for (version, length), blocks in self._lengths:
            if version == wanted.version:
                rest = (32 if version == 4 else 128) - length
                found = blocks.get(wanted.number >> rest << rest)
                if found:
                    return found
        return []


def _grouped(pairs: Iterable[tuple[str, NetworkInterface]]) -> dict[str, frozenset[Address]]:
    found: dict[str, set[Address]] = {}
    for key, interface in pairs:
        own = (address(text) for text in (*interface.addresses, *interface.ipv6))
        found.setdefault(key, set()).update(filter(None, own))
    return {key: frozenset(own) for key, own in found.items()}


def _index(into: dict[Address, list[NetworkInterface]], texts: Iterable[str], interface: NetworkInterface) -> None:
    for text in texts:
        if found := address(text):
            into.setdefault(found, []).append(interface)


def _only(found: Iterable[NetworkInterface], vpc_id: str) -> NetworkInterface | None:
    matching = [interface for interface in found if vpc_id in ("", interface.vpc_id)]
    return matching[0] if len(matching) == 1 else None


def _mac(mac: str) -> str:
    return mac.lower().replace("-", ":")
