"""Questions to the kernel over netlink: dumps, and the attributes they consist of.

Source: man pages netlink(7), rtnetlink(7); the kernel's include/uapi/linux/netlink.h.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTE, NETFILTER = 0, 12
_REQUEST, _DUMP = 1, 0x300
_ERROR, _DONE = 2, 3
_BUFFER: Final = 1 << 20
_KIND: Final = 0x3FFF
"""An attribute's type without the bits that tell of nesting and byte order."""
_PATIENCE_S: Final = 10


def dump(family: int, kind: int, body: bytes) -> Iterator[bytes]:
    """Yield the bodies of all messages that answer a request for everything of a *kind*. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as asked:
        asked.settimeout(_PATIENCE_S)
        asked.bind((0, 0))
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
                    raise OSError(-number, os.strerror(-number))
                if length < 16:
                    return
                yield data[at + 16 : at + length]
                at += length + 3 & ~3


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes of a message, or of a nested attribute: type and value."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & _KIND, data[at + 4 : at + length]
        at += length + 3 & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as a request carries it."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
