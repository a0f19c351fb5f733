"""Where the route table of an interface's subnet leads for the far side of each record.

For egress the far side is the packet's destination. For ingress it is the packet's source, and the way is taken for the one that
answers would go: AWS's next hop of ingress is the sender.

Source: VPC User Guide "Route tables" (the most specific route counts, `local` is implied), "Flow log records" (`traffic-path`,
`next-hop-…`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.enrich.columns import column_or_null, encoded, equals
from vpcflow.enrich.prefixes import PrefixTable, PrefixTables, most_specific_last
from vpcflow.vpc.address_columns import Addresses, Coded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network, NetworkInterface, Route, Subnet

Kind = Literal["local", "interface", "igw", "vgw", "pcx", "vpce", "carrier", "nowhere"]

_BY_PREFIX: Final[tuple[tuple[str, Kind], ...]] = (
    ("local", "local"), ("eni-", "interface"), ("i-", "interface"), ("nat-", "interface"), ("tgw-", "interface"),
    ("lgw-", "interface"), ("igw-", "igw"), ("eigw-", "igw"), ("vgw-", "vgw"), ("pcx-", "pcx"), ("cagw-", "carrier"),
)  # fmt: skip

_READ: Final = ("interface_id", "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "flow_direction")


@dataclass(frozen=True, slots=True)
class Hop:
    """What a route leads to.

    kind: `local` and `pcx` lead to whatever interface of the VPC *vpc_id* has the address, `interface` to *interface_id* (empty
    when the network does not tell it). region: of a peering's other side, empty for the network's own.
    """

    kind: Kind
    vpc_id: str = ""
    interface_id: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """For each row of a batch.

    hops, places: the hop of a row is ``hops[places[row]]``, -1 for none. far, at: the distinct far addresses, and which of them
    each row has (-1 for none). egress: whether it went out.
    """

    hops: Sequence[Hop]
    places: NDArray[np.int64]
    far: Addresses
    at: NDArray[np.int64]
    egress: NDArray[np.bool_]


class Routes:
    """The route tables of a network, ready to be looked up."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.hops: list[Hop] = []
        self._numbers: dict[Hop, int] = {}
        self._tables: list[PrefixTable] = []
        self._by_subnet = {subnet.id: self._table(subnet) for subnet in network.subnets.values()}
        self._prefixes = PrefixTables(self._tables)
        self._last: tuple[list[tuple[int, int]], list[pa.Array], Ways] | None = None
        self._subnets = {one.id: one.subnet_id for one in network.interfaces.values()}

    def ways(self, batch: FlowBatch) -> Ways:
        """Find the way of each row; that of the last batch is remembered, as several transforms ask."""
        columns = [batch.column(name) for name in _READ if name in batch.schema.names]
        key = [
            (buffer.address, column.offset) for column in columns for buffer in column.buffers() if buffer is not None
        ]
        if self._last is None or key != self._last[0]:
            # The columns are kept, so that no others can come to lie in their place.
            self._last = key, columns, self._ways(batch)
        return self._last[2]

    def _ways(self, batch: FlowBatch) -> Ways:
        egress, ingress = (equals(batch, "flow_direction", word) for word in ("egress", "ingress"))
        source, target = (
            pc.coalesce(*(column_or_null(batch, f"{packet}{side}addr") for packet in ("pkt_", "")))
            for side in ("src", "dst")
        )
        far = Coded.of(pc.if_else(pa.array(egress), target, source))
        at = np.where(egress | ingress, far.codes, -1)
        ids, interfaces = encoded(batch, "interface_id")
        of_interface = np.array([*(self._by_subnet.get(self._subnets.get(name or "", ""), -1) for name in ids), -1])
        addresses = Addresses.of(far.values)
        places = self._prefixes.lookup(addresses, of_interface[interfaces], at)
        return Ways(self.hops, places, addresses, at, egress)

    def _table(self, subnet: Subnet) -> int:
        """Make the table of one subnet; the order is that of what holds over what."""
        vpc = self._network.vpcs.get(subnet.vpc_id)
        local = self._number(Hop("local", vpc_id=subnet.vpc_id))
        blocks = [(block, local) for block in (vpc.cidrs if vpc else subnet.cidrs)]
        blocks += [
            (block, self._number(hop))
            for route in self._routes_of(subnet)
            for block, hop in self._blocks(route, subnet)
        ]
        self._tables.append(PrefixTable(most_specific_last(blocks)))
        return len(self._tables) - 1

    def _routes_of(self, subnet: Subnet) -> tuple[Route, ...]:
        tables = self._network.route_tables
        found = tables.get(subnet.route_table)
        if found is None and not subnet.route_table:
            found = next((one for one in tables.values() if one.main and one.vpc_id == subnet.vpc_id), None)
        return found.routes if found else ()

    def _blocks(self, route: Route, subnet: Subnet) -> Iterator[tuple[str, Hop]]:
        hop = self._hop(route, subnet)
        listed = self._network.prefix_lists.get(route.destination)
        for block in (route.destination,) if listed is None else listed.cidrs:
            if "/" in block:
                yield block, hop

    def _number(self, hop: Hop) -> int:
        number = self._numbers.setdefault(hop, len(self.hops))
        if number == len(self.hops):
            self.hops.append(hop)
        return number

    def _hop(self, route: Route, subnet: Subnet) -> Hop:
        target = route.target
        if target.startswith("vpce-"):
            # A gateway endpoint is reached by a prefix list; any other block leads to a Gateway Load Balancer's endpoint.
            return Hop("vpce") if route.destination.startswith("pl-") else self._through(target, subnet)
        kind: Kind = next((kind for prefix, kind in _BY_PREFIX if target.startswith(prefix)), "nowhere")
        if kind == "local":
            return Hop("local", vpc_id=subnet.vpc_id)
        if kind == "pcx":
            return self._peering(target, subnet)
        return self._through(target, subnet) if kind == "interface" else Hop(kind)

    def _peering(self, target: str, subnet: Subnet) -> Hop:
        peering = self._network.gateways.get(target)
        if peering is None:
            return Hop("pcx")
        # Either side may be the one that is described as the other's peer.
        other = peering.vpc_id if peering.peer_vpc == subnet.vpc_id else peering.peer_vpc
        region = "" if peering.peer_region == self._network.region else peering.peer_region
        return Hop("pcx", vpc_id="" if region else other, region=region)

    def _through(self, target: str, subnet: Subnet) -> Hop:
        """Find the interface that stands for an instance, a NAT gateway, a transit gateway or an endpoint."""
        network = self._network
        if target.startswith("eni-"):
            return Hop("interface", interface_id=target)
        gateway = network.gateways.get(target)
        if gateway is not None and gateway.interface_id:
            return Hop("interface", interface_id=gateway.interface_id)
        return Hop("interface", interface_id=next((one.id for one in self._standing_for(target, subnet)), ""))

    def _standing_for(self, target: str, subnet: Subnet) -> list[NetworkInterface]:
        """Return the interfaces of *subnet*'s VPC that belong to *target*, those in its zone first."""
        network = self._network
        found = [
            one
            for one in network.interfaces.values()
            if one.vpc_id == subnet.vpc_id and (one.instance_id == target or _names(one, target))
        ]
        return sorted(found, key=lambda one: _zone(network, one) != subnet.az_id)


def _names(interface: NetworkInterface, target: str) -> bool:
    """Tell whether an interface that a service made says that it belongs to *target*."""
    if target.startswith("tgw-") and interface.type == "transit_gateway":
        # It names its attachment only, and a VPC has one attachment to a transit gateway as a rule.
        return True
    return target.startswith(("nat-", "vpce-")) and target in interface.description


def _zone(network: Network, interface: NetworkInterface) -> str:
    subnet = network.subnets.get(interface.subnet_id)
    return subnet.az_id if subnet else ""
