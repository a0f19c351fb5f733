"""Addresses and CIDR blocks: text → numbers, and back in the form that records have."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple


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
    found = ipaddress.ip_network(cidr, strict=False)
    return Block(found.version, int(found.network_address), int(found.broadcast_address))


def canonical(cidr: str) -> str:
    """Return a CIDR block or an address as EC2 keeps it: without host bits, IPv6 as RFC 5952 has it; ValueError for others."""
    return str(ipaddress.ip_network(cidr.strip(), strict=False))


def text(found: Address) -> str:
    """Return an address as records have it."""
    return str(ipaddress.IPv4Address(found.number) if found.version == 4 else ipaddress.IPv6Address(found.number))


def prefix_length(found: Block) -> int:
    """Return how many bits all addresses of a block share."""
    return (32 if found.version == 4 else 128) - (found.last - found.first).bit_length()
