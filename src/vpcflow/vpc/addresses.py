"""Addresses and CIDR blocks: text → numbers, and back in the form that records have."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple

MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
"""The hardware address of an interface, as EC2 writes it."""


class Address(NamedTuple):
    """An address. version: 4 or 6."""

    version: int
    number: int


class Block(NamedTuple):
    """A CIDR block, as the numbers of its first and its last address."""

    version: int
    first: int
    last: int

    def holds(self, address: Address) -> bool:
        """Tell whether *address* lies in it."""
        return self.version == address.version and self.first <= address.number <= self.last


@lru_cache(maxsize=1 << 16)
def address(text: str) -> Address | None:
    """Read an address; None for what is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        return None
    return Address(found.version, int(found))


@lru_cache(maxsize=1 << 16)
def block(cidr: str) -> Block:
    """Read a CIDR block, whatever its host bits; ValueError for what is none."""
    found = _network(cidr)
    return Block(found.version, int(found.network_address), int(found.broadcast_address))


def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    # What stands behind a % (RFC 4007) may be any text at all; blocks of a VPC have no such thing.
    if "%" in cidr:
        raise ValueError(cidr)
    return ipaddress.ip_network(cidr, strict=False)


def canonical(cidr: str) -> str:
    """Return a CIDR block or an address as EC2 keeps it: without host bits, IPv6 as RFC 5952 has it; ValueError for others."""
    return str(_network(cidr.strip()))


def text(found: Address) -> str:
    """Return an address as records have it."""
    return str(ipaddress.IPv4Address(found.number) if found.version == 4 else ipaddress.IPv6Address(found.number))


def prefix_length(found: Block) -> int:
    """Return how many bits all addresses of a block share."""
    return (32 if found.version == 4 else 128) - (found.last - found.first).bit_length()
