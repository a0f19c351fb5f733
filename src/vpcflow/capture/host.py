"""The network interfaces of this machine, as its kernel tells them."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_RTM_GETADDR, _RTM_NEWADDR, _NLMSG_DONE, _NLMSG_ERROR = 22, 20, 3, 2
_NLM_F_REQUEST_DUMP: Final = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFA_F_SECONDARY: Final = 1
_LOOPBACK: Final = "772"
_MACHINE_ID: Final = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class HostInterface:
    """An interface. blocks: its addresses with their prefix length, the primary ones first, those local to the link last."""

    name: str
    mac: str
    blocks: tuple[str, ...]

    def addresses(self, version: int) -> tuple[str, ...]:
        """Return its addresses of one IP version."""
        return tuple(block.partition("/")[0] for block in self.blocks if (":" in block) == (version == 6))


def host_interfaces() -> list[HostInterface]:
    """Return all interfaces of this network namespace but loopback, in the kernel's order."""
    found: dict[int, list[tuple[bool, str]]] = {}
    for index, block, last in _addresses():
        found.setdefault(index, []).append((last, block))
    return [
        HostInterface(
            name, _read(name, "address"), tuple(block for _, block in sorted(found.get(index, []), key=_last))
        )
        for index, name in socket.if_nameindex()
        if _read(name, "type") != _LOOPBACK
    ]


def machine_id() -> str:
    """Return what tells this machine from others and stays the same: its machine-id, else its name."""
    try:
        return _MACHINE_ID.read_text(encoding="ascii").strip() or socket.gethostname()
    except (OSError, UnicodeDecodeError):
        return socket.gethostname()


def _last(item: tuple[bool, str]) -> bool:
    return item[0]


def _read(name: str, what: str) -> str:
    try:
        return (Path("/sys/class/net") / name / what).read_text(encoding="ascii").strip()
    except OSError:  # sysfs shows the namespace it was mounted in only
        return ""


def _addresses() -> Iterator[tuple[int, str, bool]]:
    """Yield (interface index, address with its prefix length, whether others go before it). Source: rtnetlink(7)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.settimeout(5)
        netlink.send(struct.pack("=IHHIIBxxx", 20, _RTM_GETADDR, _NLM_F_REQUEST_DUMP, 1, 0, socket.AF_UNSPEC))
        while True:
            data = netlink.recv(1 << 17)
            place = 0
            while place + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, place)
                if kind in (_NLMSG_DONE, _NLMSG_ERROR) or length < 16:
                    return
                if kind == _RTM_NEWADDR:
                    yield from _address(data[place + 16 : place + length])
                place += (length + 3) & ~3


def _address(message: bytes) -> Iterator[tuple[int, str, bool]]:
    family, prefix, flags, scope, index = struct.unpack_from("=BBBBI", message)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    values: dict[int, bytes] = {}
    place = 8
    while place + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, place)
        if length < 4:
            break
        values[kind] = message[place + 4 : place + length]
        place += (length + 3) & ~3
    # Of a point-to-point link IFA_ADDRESS is the other end's.
    raw = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
    if raw:
        yield index, f"{socket.inet_ntop(family, raw)}/{prefix}", bool(flags & _IFA_F_SECONDARY or scope)
