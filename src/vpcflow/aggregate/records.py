"""Rows of one aggregation interval → FlowBatch.

Source: VPC User Guide "Flow log records", "No data and skipped records".
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.record.flow_counts import FLAGS_UNKNOWN
from vpcflow.record.schema import OWN, arrow_type, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch

_SECOND: Final = 1_000_000_000
_OF_FLOWS: Final = (
    "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action", "tcp_flags", "type", "pkt_srcaddr",
    "pkt_dstaddr", "flow_direction",
)  # fmt: skip
"""Columns that are null where there is no flow."""

_OCTETS: Final = pa.array([str(octet) for octet in range(256)], pa.string())


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the interfaces belong to, and the version that records say they have. vpc_id: None where nobody has said."""

    account: str = "000000000000"
    region: str = "local-1"
    version: int = 2
    vpc_id: str | None = None


_LAYERS: Final = (None, "security-group", "network-acl")
"""`x_layer` by the code that rows have."""


def flow_records(
    rows: NDArray[Any], interfaces: Sequence[str], identity: Identity, *, decided: bool = False
) -> FlowBatch:
    """Return one OK record for each row, in their order. decided: with the layer and the rule that decided."""
    count = len(rows)
    flags = rows["flags"]
    src, dst = _addresses(rows["src"], rows["version"]), _addresses(rows["dst"], rows["version"])
    columns = {
        **_common(count, identity),
        "interface_id": _coded(rows["interface"], interfaces),
        "srcaddr": src,
        "dstaddr": dst,
        "srcport": pa.array(rows["srcport"].astype(np.int32)),
        "dstport": pa.array(rows["dstport"].astype(np.int32)),
        "protocol": pa.array(rows["protocol"].astype(np.int32)),
        "packets": pa.array(rows["packets"].astype(np.int64)),
        "bytes": pa.array(rows["bytes"].astype(np.int64)),
        "start": pa.array(rows["first"] // _SECOND),
        "end": pa.array(rows["last"] // _SECOND),
        "action": _coded(rows["action"], (None, "ACCEPT", "REJECT")),
        "log_status": _coded(np.zeros(count, np.int32), ("OK",)),
        "tcp_flags": pa.array((flags & 31).astype(np.int32), mask=(flags & FLAGS_UNKNOWN) != 0),
        "type": _coded(rows["version"] == 6, ("IPv4", "IPv6")),
        "pkt_srcaddr": src,
        "pkt_dstaddr": dst,
        "flow_direction": _coded(rows["direction"], (None, "ingress", "egress")),
    }
    if decided:
        rule = rows["rule"].astype(np.int32)
        columns["x_layer"] = _coded(rows["layer"], _LAYERS)
        columns["x_rule"] = pa.array(rule, mask=rule == 0)
    return _batch(columns)


def status_records(
    spans: Sequence[tuple[str, int, int]], status: str, identity: Identity, *, decided: bool = False
) -> FlowBatch:
    """Return a NODATA or SKIPDATA record for each (interface id, first second, last second)."""
    count = len(spans)
    columns = {
        **{name: pa.nulls(count, arrow_type(name)) for name in (*_OF_FLOWS, *(OWN if decided else ()))},
        **_common(count, identity),
        "interface_id": pa.array([span[0] for span in spans], pa.string()).dictionary_encode(),
        "start": pa.array([span[1] for span in spans], pa.int64()),
        "end": pa.array([span[2] for span in spans], pa.int64()),
        "log_status": _coded(np.zeros(count, np.int32), (status,)),
    }
    return _batch(columns)


def _common(count: int, identity: Identity) -> dict[str, pa.Array]:
    zeros = np.zeros(count, np.int32)
    vpc = {} if identity.vpc_id is None else {"vpc_id": _coded(zeros, (identity.vpc_id,))}
    return {
        **vpc,
        "version": pa.array(np.full(count, identity.version, np.int32)),
        "account_id": _coded(zeros, (identity.account,)),
        "region": _coded(zeros, (identity.region,)),
    }


def _batch(columns: dict[str, pa.Array]) -> FlowBatch:
    names = in_order("flow_logs", columns)
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)


def _coded(codes: NDArray[Any], words: Sequence[str | None]) -> pa.Array:
    """Return *words* by code; None is null."""
    places = np.asarray(codes).astype(np.int32)
    nothing = np.array([word is None for word in words] or [False], bool)
    values = pa.array([word or "" for word in words], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=nothing[places]), values)


def _addresses(addresses: NDArray[np.uint64], version: NDArray[np.uint8]) -> pa.Array:
    """Return addresses (N × 2, halves) as text, IPv6 as RFC 5952 has it."""
    short, long = np.flatnonzero(version != 6), np.flatnonzero(version == 6)
    if not len(long):
        return _ipv4(addresses[:, 1])
    distinct, places = np.unique(addresses[long], axis=0, return_inverse=True)
    words = [socket.inet_ntop(socket.AF_INET6, pair) for pair in map(bytes, distinct.astype(">u8"))]
    texts = pa.array(words, pa.string()).take(pa.array(places.ravel()))
    if not len(short):
        return texts
    order = np.empty(len(addresses), np.int64)
    order[short] = np.arange(len(short))
    order[long] = np.arange(len(short), len(addresses))
    return pa.concat_arrays([_ipv4(addresses[short, 1]), texts]).take(pa.array(order))


def _ipv4(numbers: NDArray[np.uint64]) -> pa.Array:
    octets = [
        _OCTETS.take(pa.array((numbers >> np.uint64(shift) & np.uint64(255)).astype(np.uint8)))
        for shift in (24, 16, 8, 0)
    ]
    return pc.binary_join_element_wise(*octets, ".")
