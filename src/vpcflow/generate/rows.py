"""Conversations, and the records that interfaces write of them, as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1

ACCEPT, REJECT, REJECT_BPA = 0, 1, 2
"""Codes of `Rows.action`. BPA: refused by VPC Block Public Access, which reports no bytes."""

OK, NODATA, SKIPDATA = 0, 1, 2
"""Codes of `Rows.status`."""

NO_HOP: Final = -1
SAME_VPC, GATEWAY_ENDPOINT, INTERNET_GATEWAY = 1, 7, 8
"""Codes of traffic-path (spec: VPC User Guide "Flow log records"); 0 is none."""


@dataclass(frozen=True, slots=True)
class Talk:
    """N conversations, each within one aggregation interval; every column has N values.

    client, server: places in `Network.addresses`. sent: client to server; received: back. start, end: epoch seconds.
    """

    client: Ints
    server: Ints
    client_port: Ints
    server_port: Ints
    protocol: Ints
    sent_packets: Ints
    sent_bytes: Ints
    received_packets: Ints
    received_bytes: Ints
    sent_flags: Ints
    received_flags: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class Rows:
    """N records; every column has N values.

    interface, hop: places in the network's interfaces (hop may be `NO_HOP`). src, dst, pkt_src, pkt_dst: places in
    `Network.addresses`. action, status, path: codes above. ingress: 0 or 1.
    """

    interface: Ints
    src: Ints
    dst: Ints
    pkt_src: Ints
    pkt_dst: Ints
    src_port: Ints
    dst_port: Ints
    protocol: Ints
    packets: Ints
    bytes: Ints
    flags: Ints
    start: Ints
    end: Ints
    action: Ints
    status: Ints
    ingress: Ints
    path: Ints
    hop: Ints

    def __len__(self) -> int:
        return len(self.interface)

    def take(self, places: Ints) -> Rows:
        """Return the rows at *places*, in that order."""
        return Rows(*(getattr(self, name)[places] for name in COLUMNS))

    def part(self, begin: int, stop: int) -> Rows:
        """Return rows *begin* to *stop* without copying."""
        return Rows(*(getattr(self, name)[begin:stop] for name in COLUMNS))

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """Return all rows of *parts*."""
        return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))


COLUMNS: Final = tuple(field.name for field in fields(Rows))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a direction of a talk is recorded; columns of N values, or one number for all.

    own: address written in place of the packet's at this interface (a NAT gateway's), None for the packet's own.
    """

    interface: Ints
    ingress: bool
    hop: Ints | int = NO_HOP
    path: int = 0
    action: Ints | int = ACCEPT
    own: Ints | None = None


def request(talk: Talk, place: Place) -> Rows:
    """Return the records of client to server at *place*."""
    return _record(talk, place, forward=True)


def reply(talk: Talk, place: Place) -> Rows:
    """Return the records of server to client at *place*."""
    return _record(talk, place, forward=False)


def _record(talk: Talk, place: Place, *, forward: bool) -> Rows:
    src, dst = (talk.client, talk.server) if forward else (talk.server, talk.client)
    src_port, dst_port = talk.client_port, talk.server_port
    if not forward:
        src_port, dst_port = dst_port, src_port
    own = place.own
    return Rows(
        interface=place.interface,
        # The recording interface writes its own address where the packet has another (spec §3.4).
        src=src if own is None or place.ingress else own,
        dst=own if own is not None and place.ingress else dst,
        pkt_src=src,
        pkt_dst=dst,
        src_port=src_port,
        dst_port=dst_port,
        protocol=talk.protocol,
        packets=talk.sent_packets if forward else talk.received_packets,
        bytes=talk.sent_bytes if forward else talk.received_bytes,
        flags=talk.sent_flags if forward else talk.received_flags,
        start=talk.start,
        end=talk.end,
        action=_filled(place.action, len(src)),
        status=_filled(OK, len(src)),
        ingress=_filled(int(place.ingress), len(src)),
        path=_filled(place.path, len(src)),
        hop=_filled(place.hop, len(src), np.int32),
    )


def quiet(interface: Ints, start: Ints, end: Ints, status: int) -> Rows:
    """Return NODATA or SKIPDATA records: no flow, the window's edges as times."""
    none = np.zeros(len(interface), np.int32)
    code = none.astype(np.int8)
    return Rows(
        interface, none, none, none, none, none, none, none, none, none, code, start, end, code,
        _filled(status, len(interface)), code, code, none + NO_HOP,
    )  # fmt: skip


def _filled(value: Ints | int, rows: int, kind: type[np.signedinteger[Any]] = np.int8) -> Ints:
    return value if isinstance(value, np.ndarray) else np.full(rows, value, kind)
