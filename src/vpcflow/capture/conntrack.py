"""Who really talks, behind address translation: from the kernel's table of connections.

A connection that is translated has two pairs of ends: those it was opened between, and those its answers come from and go to. The
real ones are the source of the first and the source of the second, whichever of its packets an interface sees, on whichever side.

Source: the kernel's include/uapi/linux/netfilter/nfnetlink_conntrack.h; VPC User Guide "Flow log records" (pkt-srcaddr,
pkt-dstaddr).
"""

from __future__ import annotations

import ipaddress
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from vpcflow.capture.netlink import NETFILTER, attribute, attributes, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.types import FlowBatch

    _End = tuple[str, int]
    _Key = tuple[int, str, int, str, int]

_GET: Final = 1 << 8 | 1
_ORIGINAL, _REPLY, _STATUS, _STATUS_MASK = 1, 2, 3, 26
_ADDRESSES, _PROTOCOL = 1, 2
_SOURCE_TRANSLATED, _DESTINATION_TRANSLATED = 1 << 4, 1 << 5
_EVERY_S: Final = 1.0
_ENTRIES_A_SECOND: Final = 20_000
"""A large table is read less often: it costs about as many microseconds as it has entries."""

_COUNT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_count")


def count() -> int | None:
    """Return the connections the kernel tracks, None where it tracks none: then nothing is asked, as that would make it begin."""
    try:
        return int(_COUNT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


class Connection(NamedTuple):
    """A translated connection: from whom to whom it was opened, and from whom to whom its answers go. Ends: address, port."""

    protocol: int
    client: tuple[str, int]
    asked: tuple[str, int]
    server: tuple[str, int]
    answered: tuple[str, int]


def translated() -> Iterator[Connection]:
    """Yield the translated connections; it takes CAP_NET_ADMIN. Raises OSError."""
    for bit in (_SOURCE_TRANSLATED, _DESTINATION_TRANSLATED):
        wanted = struct.pack("!I", bit)
        body = bytes(4) + attribute(_STATUS, wanted) + attribute(_STATUS_MASK, wanted)
        for message in dump(NETFILTER, _GET, body):
            found = dict(attributes(message[4:]))
            (status,) = struct.unpack("!I", found.get(_STATUS, bytes(4)))
            if not status & bit or _ORIGINAL not in found or _REPLY not in found:
                continue  # a kernel that cannot choose tells all
            try:
                protocol, client, asked = _tuple(found[_ORIGINAL])
                _, server, answered = _tuple(found[_REPLY])
            except (LookupError, ValueError, struct.error):
                continue  # an end that is not told, of a protocol that has no such things
            yield Connection(protocol, client, asked, server, answered)


class Translations:
    """Translated connections, remembered for *keep_s* after they were last seen. Reading them takes CAP_NET_ADMIN."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._ends: dict[_Key, tuple[str, str]] = {}
        self._last: dict[_Key, float] = {}
        self._next = 0.0

    def refresh(self) -> None:
        """Look at the table of connections, if it is time to. Raises OSError."""
        now = time.monotonic()
        if now < self._next:
            return
        entries = count()
        self._next = now + max(_EVERY_S, (entries or 0) / _ENTRIES_A_SECOND)
        for found in translated() if entries else ():
            self._remember(found, now)
        for key in [key for key, last in self._last.items() if now - last > self._keep_s]:
            del self._ends[key], self._last[key]

    def _remember(self, found: Connection, now: float) -> None:
        there, back = (found.client[0], found.server[0]), (found.server[0], found.client[0])
        for source, destination, ends in (
            (found.client, found.asked, there), (found.answered, found.server, there),
            (found.server, found.answered, back), (found.asked, found.client, back),
        ):  # fmt: skip
            key = (found.protocol, *source, *destination)
            self._ends[key], self._last[key] = ends, now

    def fill(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with the real ends of translated connections in `pkt_srcaddr` and `pkt_dstaddr`."""
        if not self._ends or "pkt_srcaddr" not in batch.schema.names:
            return batch
        names = ("protocol", "srcaddr", "srcport", "dstaddr", "dstport")
        keys = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        found = [self._ends.get(key) for key in keys]
        if not any(found):
            return batch
        for name, place in (("pkt_srcaddr", 0), ("pkt_dstaddr", 1)):
            column = batch.column(name)
            values = [ends[place] if ends else old for ends, old in zip(found, column.to_pylist(), strict=True)]
            batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(values, pa.string()))
        return batch


def _tuple(data: bytes) -> tuple[int, _End, _End]:
    """Return protocol, source and destination; without ports, or of ICMP, ports are 0 as in the records."""
    parts = dict(attributes(data))
    addresses = [str(ipaddress.ip_address(raw)) for _, raw in sorted(attributes(parts[_ADDRESSES]))]
    protocol = dict(attributes(parts[_PROTOCOL]))
    ports = [struct.unpack("!H", protocol[kind])[0] if kind in protocol else 0 for kind in (2, 3)]
    return protocol[1][0], (addresses[0], ports[0]), (addresses[1], ports[1])
