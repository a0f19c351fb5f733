"""Records of transit gateway attachments → records as transit gateways have them.

A Linux router stands for a transit gateway when its interfaces are, in the network, those of attachments: what comes in on one
has come from that attachment's VPC, and leaves by the attachment of the VPC that holds the other address. Both sides make a
record. Packets lost inside (`packets-lost-…`) are not known here, and of `tcp-flags` only those that VPC flow logs report.

Source: Transit Gateway guide "Transit Gateway Flow Logs".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.enrich.columns import column_or_null, encoded, equals, words
from vpcflow.enrich.prefixes import PrefixTable, most_specific_last
from vpcflow.record.schema import in_order
from vpcflow.vpc.address_columns import Addresses, Coded
from vpcflow.vpc.membership import attachment_of, transit_gateway_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network, NetworkInterface

_KEPT: Final = (
    "version", "account_id", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "log_status", "type",
    "tcp_flags", "region", "flow_direction", "pkt_src_aws_service", "pkt_dst_aws_service",
)  # fmt: skip

_OF_SIDE: Final = ("vpc_account_id", "vpc_id", "subnet_id", "eni", "az_id")


@dataclass(frozen=True, slots=True)
class _Attachment:
    """One attachment's interface. side: values of `_OF_SIDE`."""

    interface_id: str
    gateway: str
    id: str
    side: tuple[str, ...]


class TransitGatewayRecords:
    """Makes them of the records of attachments' interfaces; those of other interfaces must not come."""

    def __init__(self, network: Network) -> None:
        found = [one for one in network.interfaces.values() if attachment_of(one)]
        self._attachments = [_described(network, one) for one in found]
        self._number = {one.interface_id: number for number, one in enumerate(self._attachments)}
        blocks = [
            (block, number)
            for number, one in enumerate(found)
            if (vpc := network.vpcs.get(one.vpc_id)) is not None
            for block in vpc.cidrs
        ]
        self._by_address = PrefixTable(most_specific_last(blocks))
        self._owner = network.account

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* as a batch of the other table."""
        ids, places = encoded(batch, "interface_id")
        here = np.array([*(self._number.get(name or "", -1) for name in ids), -1])[places]
        ingress, egress = (equals(batch, "flow_direction", word) for word in ("ingress", "egress"))
        source, target = (
            pc.coalesce(*(column_or_null(batch, f"{packet}{side}addr") for packet in ("pkt_", "")))
            for side in ("src", "dst")
        )
        there = self._other(np.where(ingress, self._at(target), np.where(egress, self._at(source), -1)), here)
        known = ingress | egress
        columns = {name: batch.column(name) for name in _KEPT if name in batch.schema.names}
        columns |= {"srcaddr": source, "dstaddr": target}
        every = self._attachments
        columns["resource_type"] = words(["TransitGateway"], np.zeros(batch.num_rows, np.int64))
        columns["account_id"] = words([self._owner], np.zeros(batch.num_rows, np.int64))
        columns["tgw_id"] = words([one.gateway for one in every], here)
        columns["tgw_attachment_id"] = words([one.id for one in every], here)
        columns["tgw_pair_attachment_id"] = words([one.id for one in every], there)
        for side, number in (("src", np.where(ingress, here, there)), ("dst", np.where(ingress, there, here))):
            for place, name in enumerate(_OF_SIDE):
                columns[f"tgw_{side}_{name}"] = words([one.side[place] for one in every], np.where(known, number, -1))
        names = in_order("transit_gateway_flow_logs", columns)
        return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)

    def _at(self, addresses: pa.Array) -> NDArray[np.int64]:
        """Return the attachment of the VPC that holds each address, -1 for none."""
        coded = Coded.of(addresses)
        found: NDArray[np.int64] = self._by_address.lookup(Addresses.of(coded.values))[coded.codes]
        return found

    def _other(self, there: NDArray[np.int64], here: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return *there*, but the interface in the zone of *here* where the VPC has one in it."""
        if not self._attachments:
            return there
        best = np.array([[self._near(other, one) for one in self._attachments] for other in self._attachments])
        return np.where((there >= 0) & (here >= 0), best[np.maximum(there, 0), np.maximum(here, 0)], there)

    def _near(self, other: _Attachment, one: _Attachment) -> int:
        zone = _OF_SIDE.index("az_id")
        same = [at for at in self._attachments if at.id == other.id and at.side[zone] == one.side[zone]]
        return self._number[(same or [other])[0].interface_id]


def _described(network: Network, interface: NetworkInterface) -> _Attachment:
    subnet, vpc = network.subnets.get(interface.subnet_id), network.vpcs.get(interface.vpc_id)
    zone = "" if subnet is None or subnet.sublocation_type else subnet.az_id
    account = (vpc.account if vpc else "") or network.account
    side = (account, interface.vpc_id, interface.subnet_id, interface.id, zone)
    return _Attachment(interface.id, transit_gateway_of(network, interface), attachment_of(interface), side)
