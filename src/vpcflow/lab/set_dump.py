"""Elements of an nftables set with their counters, read and set to zero by netlink, as NumPy arrays without a loop.

All elements of a set have the same attributes in the same order, so one message is a table of fixed width; where it is not (it
never was on the kernels tried), elements are walked one by one.

Source: linux/netlink.h, linux/netfilter/nfnetlink.h, nf_tables.h (NFT_MSG_GETSETELEM_RESET since Linux 6.5).
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NETFILTER: Final = 12
_TABLES: Final = 10 << 8
_GET, _GET_AND_RESET = _TABLES | 13, _TABLES | 33
_REQUEST_DUMP: Final = 0x301
_DONE, _ERROR = 3, 2
_INET: Final = 1

_TABLE, _SET, _ELEMENTS = 1, 2, 3
"""Attributes of a message."""
_KEY, _TIMEOUT, _EXPIRATION, _EXPRESSION = 1, 4, 5, 7
"""Attributes of an element."""

_BUFFER: Final = 1 << 18
_RECEIVE_BUFFER: Final = 8 << 20
_TIMEOUT_S: Final = 10


class Elements(NamedTuple):
    """N elements. key: N × bytes of the key; packets, bytes: counted since the last reset; age_ms: since the last packet."""

    key: NDArray[np.uint8]
    packets: NDArray[np.uint64]
    bytes: NDArray[np.uint64]
    age_ms: NDArray[np.int64]


class SetReader:
    """Reads sets of one table of the family `inet`, through *netlink*, a socket of the namespace that has it.

    timeout_ms: of the sets. reset: counters are set to zero as they are read; the first use says where the kernel cannot.
    """

    def __init__(self, netlink: socket.socket, table: str, timeout_ms: int, *, reset: bool = True) -> None:
        self._socket, self._table, self._timeout_ms = netlink, table, timeout_ms
        self._command = _GET_AND_RESET if reset else _GET
        self._number = 0
        netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        netlink.settimeout(_TIMEOUT_S)

    @staticmethod
    def open() -> socket.socket:
        """Return a netlink socket of the namespace this thread is in."""
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)

    def read(self, name: str) -> Elements | None:
        """Return all elements of the set *name*, None for an empty one."""
        found = [part for message in self._dump(name) for part in self._elements(message)]
        if not found:
            return None
        return Elements(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _dump(self, name: str) -> Iterator[bytes]:
        """Yield the payload of each message that answers. What was set to zero is in one of them, interrupted or not."""
        self._number += 1
        body = struct.pack("=BBH", _INET, 0, 0) + _text(_TABLE, self._table) + _text(_SET, name)
        self._socket.send(struct.pack("=IHHII", 16 + len(body), self._command, _REQUEST_DUMP, self._number, 0) + body)
        while True:
            data = self._socket.recv(_BUFFER)
            place = 0
            while place + 16 <= len(data):
                length, kind, _, number, _ = struct.unpack_from("=IHHII", data, place)
                if number == self._number:
                    if kind == _DONE:
                        _check(struct.unpack_from("=i", data, place + 16)[0] if length >= 20 else 0, name)
                        return
                    if kind == _ERROR:
                        _check(struct.unpack_from("=i", data, place + 16)[0], name)
                        return
                    yield data[place + 20 : place + length]
                place += max(16, (length + 3) & ~3)

    def _elements(self, payload: bytes) -> Iterator[Elements]:
        for kind, value in _attributes(payload):
            if kind == _ELEMENTS and value:
                yield from self._table_of(value)

    def _table_of(self, value: bytes) -> Iterator[Elements]:
        width = (struct.unpack_from("=H", value)[0] + 3) & ~3
        if len(value) % width == 0:
            rows = np.frombuffer(value, np.uint8).reshape(-1, width)
            places = _Places.of(value[4:width])
            heads = places.heads
            if np.array_equal(rows[:, heads], np.broadcast_to(rows[0, heads], (len(rows), len(heads)))):
                yield self._read(rows, places)
                return
        place = 0
        while place + 4 <= len(value):
            length = struct.unpack_from("=H", value, place)[0]
            one = value[place : place + length]
            yield self._read(np.frombuffer(one, np.uint8).reshape(1, -1), _Places.of(one[4:]))
            place += max(4, (length + 3) & ~3)

    def _read(self, rows: NDArray[np.uint8], places: _Places) -> Elements:
        def number(place: int) -> NDArray[np.uint64]:
            return np.ascontiguousarray(rows[:, place : place + 8]).view(">u8")[:, 0].astype(np.uint64)

        key = np.ascontiguousarray(rows[:, places.key : places.key + places.key_bytes])
        timeout = number(places.timeout).astype(np.int64) if places.timeout else self._timeout_ms
        left = number(places.expiration).astype(np.int64) if places.expiration else timeout
        age = np.maximum(0, np.broadcast_to(timeout, len(rows)) - left)
        return Elements(key, number(places.packets), number(places.octets), age)


class _Places(NamedTuple):
    """Where things lie in an element, and all bytes that say what lies where."""

    key: int
    key_bytes: int
    timeout: int
    expiration: int
    packets: int
    octets: int
    heads: list[int]

    @classmethod
    def of(cls, element: bytes) -> _Places:
        heads = [0, 1, 2, 3]
        found: dict[str, int] = {}

        def walk(data: bytes, base: int, path: tuple[int, ...]) -> None:
            place = 0
            while place + 4 <= len(data):
                length, kind = struct.unpack_from("=HH", data, place)
                kind &= 0x3FFF
                heads.extend(range(base + place, base + place + 4))
                begin, inner = base + place + 4, data[place + 4 : place + length]
                here = (*path, kind)
                if here in _INNER:
                    walk(inner, begin, here)
                elif here in _NAMES:
                    found[_NAMES[here]] = begin
                    found[f"{_NAMES[here]}_bytes"] = len(inner)
                place += max(4, (length + 3) & ~3)

        walk(element, 4, ())
        return cls(
            found["key"],
            found["key_bytes"],
            found.get("timeout", 0),
            found.get("expiration", 0),
            found["packets"],
            found["bytes"],
            heads,
        )


_INNER: Final = {(_KEY,), (_EXPRESSION,), (_EXPRESSION, 2)}
_NAMES: Final = {
    (_KEY, 1): "key",
    (_TIMEOUT,): "timeout",
    (_EXPIRATION,): "expiration",
    (_EXPRESSION, 2, 1): "bytes",
    (_EXPRESSION, 2, 2): "packets",
}


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        if length < 4:
            return
        yield kind & 0x3FFF, data[place + 4 : place + length]
        place += (length + 3) & ~3


def _text(kind: int, text: str) -> bytes:
    value = text.encode() + b"\0"
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def _check(result: int, name: str) -> None:
    if result < 0:
        raise ConfigError("lab.counters", set=name, reason=errno.errorcode.get(-result, str(-result)))
