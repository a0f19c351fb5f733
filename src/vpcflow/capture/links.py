"""Network interfaces of this machine (of the network namespace we are in), asked of the kernel by rtnetlink.

Source: man page rtnetlink(7); the kernel's include/uapi/linux/if_link.h, if_addr.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUTE: Final = 0
_GET_LINK, _GET_ADDRESS = 18, 22
_REQUEST, _DUMP = 1, 0x300
_ERROR, _DONE = 2, 3
_LINK_ADDRESS, _LINK_NAME, _LINK_MASTER = 1, 3, 10
_ADDRESS, _LOCAL = 1, 2
_ETHERNET, _LOOPBACK = 1, 772
_BUFFER: Final = 1 << 18

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
    ethernet: bool = True
    blocks: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses without their prefixes."""
        return tuple(block.partition("/")[0] for block in self.blocks)


def links() -> dict[int, Link]:
    """Return all interfaces by number."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as asked:
        asked.bind((0, 0))
        blocks: dict[int, list[str]] = {}
        for body in _dump(asked, _GET_ADDRESS, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
            family, prefix, _, _, index = struct.unpack_from("=BBBBI", body)
            found = dict(_attributes(body[8:]))
            raw = found.get(_LOCAL, found.get(_ADDRESS, b""))
            if family in (socket.AF_INET, socket.AF_INET6) and len(raw) in (4, 16):
                blocks.setdefault(index, []).append(f"{ipaddress.ip_address(raw)}/{prefix}")
        answer = {}
        for body in _dump(asked, _GET_LINK, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)):
            _, _, kind, index, _, _ = struct.unpack_from("=BBHiII", body)
            found = dict(_attributes(body[16:]))
            name = found.get(_LINK_NAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")
            mac = found.get(_LINK_ADDRESS, b"").hex(":") if kind == _ETHERNET else ""
            ethernet = kind in (_ETHERNET, _LOOPBACK)
            own = sorted(blocks.get(index, ()), key=lambda block: ipaddress.ip_interface(block).is_link_local)
            answer[index] = Link(index, name, mac, _LINK_MASTER in found, ethernet, tuple(own))
        return answer


def names() -> tuple[str, ...]:
    """Return the names of all interfaces."""
    return tuple(name for _, name in socket.if_nameindex())


def _dump(asked: socket.socket, kind: int, body: bytes) -> Iterator[bytes]:
    """Yield the bodies of all messages that answer a request for everything of a *kind*."""
    asked.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | _DUMP, 1, 0) + body)
    while True:
        data = asked.recv(_BUFFER)
        at = 0
        while at + 16 <= len(data):
            length, answer, _, _, _ = struct.unpack_from("=IHHII", data, at)
            if answer == _DONE:
                return
            if answer == _ERROR:
                (number,) = struct.unpack_from("=i", data, at + 16)
                raise OSError(-number, "netlink")
            if length < 16:
                return
            yield data[at + 16 : at + length]
            at += length + 3 & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += length + 3 & ~3
