"""Network interfaces of this machine (of the network namespace we are in), asked of the kernel by rtnetlink.

Source: man pages rtnetlink(7), packet(7); the kernel's include/uapi/linux/if_link.h, if_addr.h.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from vpcflow.capture.netlink import ROUTE, attributes, dump

_GET_LINK, _GET_ADDRESS = 18, 22
_LINK_ADDRESS, _LINK_NAME, _LINK_MASTER = 1, 3, 10
_ADDRESS, _LOCAL = 1, 2
_ETHERNET: Final = 1
_ALL_PROTOCOLS: Final = 3

LOOPBACK: Final = "lo"


@dataclass(frozen=True, slots=True)
class Link:
    """An interface. index: the kernel's number. mac: empty where it has none. port: it belongs to a bridge or another master.

    addresses: IPv4 and IPv6, as the records write them. blocks: the same with the length of their prefix; those that hold on
    the link alone go last.
    """

    index: int
    name: str
    mac: str = ""
    port: bool = False
    blocks: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses without their prefixes."""
        return tuple(block.partition("/")[0] for block in self.blocks)


def links() -> dict[int, Link]:
    """Return all interfaces by number."""
    blocks: dict[int, list[str]] = {}
    for body in dump(ROUTE, _GET_ADDRESS, bytes(8)):
        family, prefix, _, _, index = struct.unpack_from("=BBBBI", body)
        found = dict(attributes(body[8:]))
        raw = found.get(_LOCAL, found.get(_ADDRESS, b""))
        if family in (socket.AF_INET, socket.AF_INET6) and len(raw) in (4, 16):
            blocks.setdefault(index, []).append(f"{ipaddress.ip_address(raw)}/{prefix}")
    answer = {}
    for body in dump(ROUTE, _GET_LINK, bytes(16)):
        _, _, kind, index = struct.unpack_from("=BBHi", body)
        found = dict(attributes(body[16:]))
        name = found.get(_LINK_NAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")
        mac = found.get(_LINK_ADDRESS, b"").hex(":") if kind == _ETHERNET else ""
        own = sorted(blocks.get(index, ()), key=lambda block: ipaddress.ip_interface(block).is_link_local)
        answer[index] = Link(index, name, mac, _LINK_MASTER in found, tuple(own))
    return answer


def names() -> tuple[str, ...]:
    """Return the names of all interfaces."""
    return tuple(name for _, name in socket.if_nameindex())


def bind_packets(asked: socket.socket, index: int) -> None:
    """Give a packet socket all packets of an interface, by number: a name may change hands meanwhile. 0: of all interfaces."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=HHi12x", socket.AF_PACKET, socket.htons(_ALL_PROTOCOLS), index)
    if libc.bind(asked.fileno(), address, len(address)) < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason))
