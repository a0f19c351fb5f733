"""Rows of numbers → FlowBatch: what each field of a format says of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from vpcflow.generate.attributes import ATTRIBUTES, attribute
from vpcflow.generate.network import SERVICES
from vpcflow.generate.rows import GATEWAY_ENDPOINT, OK, REJECT_BPA, SAME_VPC
from vpcflow.record.fields import FIELDS
from vpcflow.record.schema import ARROW, in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.generate.config import Config
    from vpcflow.generate.network import Network
    from vpcflow.generate.rows import Flags, Ints, Rows
    from vpcflow.types import FlowBatch

_ADDRESSES: Final = {"srcaddr": "src", "dstaddr": "dst", "pkt-srcaddr": "pkt_src", "pkt-dstaddr": "pkt_dst"}
_NUMBERS: Final = {
    "srcport": "src_port",
    "dstport": "dst_port",
    "protocol": "protocol",
    "packets": "packets",
    "bytes": "bytes",
    "start": "start",
    "end": "end",
    "tcp-flags": "flags",
}
_HOP: Final = "next-hop-"
_ENCRYPTED_BY_NITRO, _ENCRYPTED_BY_APPLICATION = 1, 2


class Columns:
    """Makes the columns of one format; what belongs to interfaces and addresses is written once, rows carry codes."""

    def __init__(self, config: Config, network: Network) -> None:
        self._names = config.log_format.names
        self._version = config.log_format.version
        self._order = in_order("flow_logs", [FIELDS[name].column for name in self._names])
        self._network = network
        wanted = {name.removeprefix(_HOP) for name in self._names} & set(ATTRIBUTES)
        self._attributes = {name: attribute(name, config, network) for name in sorted(wanted)}

    def batch(self, rows: Rows) -> FlowBatch:
        """Return *rows* as records."""
        quiet = rows.status != OK
        columns = {FIELDS[name].column: self._column(name, rows, quiet) for name in self._names}
        return pa.RecordBatch.from_arrays([columns[name] for name in self._order], names=self._order)

    def _column(self, name: str, rows: Rows, quiet: Flags) -> pa.Array:
        if name in _ADDRESSES:
            return _coded(getattr(rows, _ADDRESSES[name]), self._network.addresses, quiet)
        if name in _NUMBERS:
            return _numbers(name, rows, quiet)
        if name in self._attributes:
            return self._of_interface(name, rows.interface)
        if name.startswith(_HOP) and name.removeprefix(_HOP) in self._attributes:
            return self._of_interface(name.removeprefix(_HOP), rows.hop)
        return self._by_rule(name, rows, quiet)

    def _by_rule(self, name: str, rows: Rows, quiet: Flags) -> pa.Array:
        if name == "version":
            return pa.array(np.full(len(rows), self._version, np.int32))
        if name in _RULES:
            return _RULES[name](self._network, rows, quiet)
        # sublocation-…, resource-id: nothing in this network has one.
        return pa.nulls(len(rows), ARROW[FIELDS[name].type])

    def _of_interface(self, name: str, interfaces: Ints) -> pa.Array:
        codes, values = self._attributes[name]
        found = codes[interfaces]
        return _coded(found, values, (found < 0) | (interfaces < 0))


def _coded(codes: Ints, values: object, missing: Flags | None = None) -> pa.Array:
    indices = pa.array(codes.astype(np.int32, copy=False), mask=missing)
    dictionary = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return pa.DictionaryArray.from_arrays(indices, dictionary)


def _numbers(name: str, rows: Rows, quiet: Flags) -> pa.Array:
    values = getattr(rows, _NUMBERS[name])
    missing: Flags | None = quiet
    if FIELDS[name].kind == "time":
        missing = None
    elif name == "bytes":
        # Block Public Access reports packets only (VPC User Guide "Flow log limitations").
        missing = quiet | (rows.action == REJECT_BPA)
    return pa.array(values.astype(ARROW[FIELDS[name].type].to_pandas_dtype(), copy=False), mask=missing)


def _encryption(rows: Rows) -> Ints:
    """Return encryption-status: Nitro encrypts between instances; 443 to a gateway endpoint counts by its port."""
    inside = (rows.hop >= 0) | (rows.path == SAME_VPC)
    endpoint = (rows.path == GATEWAY_ENDPOINT) & (rows.dst_port == 443)
    status: Ints = (inside * _ENCRYPTED_BY_NITRO + endpoint * _ENCRYPTED_BY_APPLICATION).astype(np.int32)
    return status


def _service(network: Network, addresses: Ints, quiet: Flags) -> pa.Array:
    codes = network.service[addresses]
    return _coded(codes, SERVICES, quiet | (codes < 0))


def _type(network: Network, rows: Rows, quiet: Flags) -> pa.Array:
    return _coded(network.version6[rows.pkt_src].astype(np.int8), ["IPv4", "IPv6"], quiet)


def _reject_reason(rows: Rows) -> pa.Array:
    return _coded(np.zeros(len(rows), np.int8), ["BPA"], rows.action != REJECT_BPA)


_RULES: Final[dict[str, Callable[[Network, Rows, Flags], pa.Array]]] = {
    "action": lambda _, rows, quiet: _coded((rows.action > 0).astype(np.int8), ["ACCEPT", "REJECT"], quiet),
    "log-status": lambda _, rows, __: _coded(rows.status, ["OK", "NODATA", "SKIPDATA"]),
    "type": _type,
    "pkt-src-aws-service": lambda network, rows, quiet: _service(network, rows.pkt_src, quiet),
    "pkt-dst-aws-service": lambda network, rows, quiet: _service(network, rows.pkt_dst, quiet),
    "flow-direction": lambda _, rows, quiet: _coded(rows.ingress, ["egress", "ingress"], quiet),
    "traffic-path": lambda _, rows, __: pa.array(rows.path.astype(np.int32), mask=rows.path == 0),
    "reject-reason": lambda _, rows, __: _reject_reason(rows),
    "encryption-status": lambda _, rows, quiet: pa.array(_encryption(rows), mask=quiet),
}
"""Fields that follow from a record's other values."""
