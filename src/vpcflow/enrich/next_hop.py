"""The interface at the other end of the first step: the receiver of egress, the sender of ingress.

Nothing is told of a hop without an interface (an internet gateway), in another Region, or, for ingress, of a transit gateway or a
Network Load Balancer; of one in another account only its zone.

Source: VPC User Guide "Flow log records" (`next-hop-interface-id` and the fields after it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.enrich.columns import Words, encoded, filled
from vpcflow.enrich.interface import TYPES
from vpcflow.enrich.prefixes import PrefixTable, PrefixTables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.enrich.routes import Routes, Ways
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network, NetworkInterface

FILLS: Final = (
    "next_hop_interface_id", "next_hop_subnet_id", "next_hop_az_id", "next_hop_vpc_id", "next_hop_interface_type",
)  # fmt: skip

_SILENT: Final = frozenset({"transit_gateway", "network_load_balancer"})
_ZONE: Final = FILLS.index("next_hop_az_id")


class NextHop:
    """Fills them from routes and interfaces of a network."""

    def __init__(self, network: Network, routes: Routes) -> None:
        self._routes, self._network = routes, network
        every = list(network.interfaces.values())
        self._number = {one.id: number for number, one in enumerate(every)}
        self._vpcs = {vpc_id: number for number, vpc_id in enumerate(dict.fromkeys(one.vpc_id for one in every))}
        own: list[list[tuple[str, int]]] = [[] for _ in self._vpcs]
        for number, one in enumerate(every):
            own[self._vpcs[one.vpc_id]] += [(address, number) for address in (*one.addresses, *one.ipv6)]
        self._by_address = PrefixTables(list(map(PrefixTable, own)))
        told = [self._tell(one) for one in every]
        self._words = [Words([values[number] for values in told]) for number in range(len(FILLS))]
        self._accounts = [one.account or network.account for one in every]
        self._silent = np.array([*(one.type in _SILENT for one in every), False])

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with what is known of the next hops."""
        ways = self._routes.ways(batch)
        hops = self._interfaces(ways)
        hops[~ways.egress & self._silent[hops]] = -1
        foreign = self._foreign(batch, hops)
        new = {}
        for number, name in enumerate(FILLS):
            places = hops if number == _ZONE else np.where(foreign, -1, hops)
            new[name] = self._words[number].at(places)
        return filled(batch, new)

    def _interfaces(self, ways: Ways) -> NDArray[np.int64]:
        """Return the number of each row's next interface, -1 for none."""
        found, vpcs = np.full((2, len(ways.places)), -1, np.int64)
        for place in np.unique(ways.places).tolist():
            if place < 0:
                continue
            hop, rows = ways.hops[place], ways.places == place
            if hop.kind == "interface":
                found[rows] = self._number.get(hop.interface_id, -1)
            elif hop.kind in ("local", "pcx") and hop.vpc_id:
                vpcs[rows] = self._vpcs.get(hop.vpc_id, -1)
        by_address = np.flatnonzero(vpcs >= 0)
        found[by_address] = self._by_address.lookup(ways.far, vpcs[by_address], ways.at[by_address])
        return found

    def _foreign(self, batch: FlowBatch, hops: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which hops another account owns than the recording interface."""
        ids, places = encoded(batch, "interface_id")
        accounts = {account: number for number, account in enumerate(dict.fromkeys([*self._accounts, ""]))}
        own = np.array([*(self._account_of(name, accounts) for name in ids), -1])[places]
        theirs = np.array([*(accounts[account] for account in self._accounts), -1])[hops]
        foreign: NDArray[np.bool_] = (hops >= 0) & (own >= 0) & (own != theirs)
        return foreign

    def _account_of(self, interface_id: str | None, accounts: dict[str, int]) -> int:
        number = self._number.get(interface_id or "")
        return -1 if number is None else accounts[self._accounts[number]]

    def _tell(self, interface: NetworkInterface) -> tuple[str, ...]:
        """Return the values of `FILLS`, empty where nothing is known."""
        subnet = self._network.subnets.get(interface.subnet_id)
        kind = interface.type if interface.type in TYPES else ""
        return interface.id, interface.subnet_id, subnet.az_id if subnet else "", interface.vpc_id, kind
