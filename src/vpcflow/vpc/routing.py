"""Where a route table sends packets.

Source: VPC User Guide "Route tables" (longest prefix first; on a tie local and static routes come before propagated ones,
which the API lists last).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpcflow.vpc.addresses import address, block, prefix_length

if TYPE_CHECKING:
    from vpcflow.vpc.topology import Network, Route, RouteTable


def table_of(network: Network, subnet_id: str) -> RouteTable | None:
    """Return the route table that holds for a subnet, the VPC's main one where it names none; None when that is not known."""
    subnet = network.subnets.get(subnet_id)
    if subnet is None:
        return None
    if subnet.route_table:
        return network.route_tables.get(subnet.route_table)
    mains = [table for table in network.route_tables.values() if table.main and table.vpc_id == subnet.vpc_id]
    return mains[0] if mains else None


def route(network: Network, table: RouteTable, destination: str) -> Route | None:
    """Return the route of *table* that packets to *destination* (an address) take; None where it has none.

    A blackhole is a route without target. A prefix list that is not described matches nothing.
    """
    wanted = address(destination)
    best: tuple[int, Route] | None = None
    for one in table.routes if wanted else ():
        for cidr in _blocks(network, one.destination):
            found = block(cidr)
            if wanted and found.holds(wanted) and (best is None or prefix_length(found) > best[0]):
                best = prefix_length(found), one
    return best[1] if best else None


def _blocks(network: Network, destination: str) -> tuple[str, ...]:
    if not destination.startswith("pl-"):
        return (destination,)
    found = network.prefix_lists.get(destination)
    return found.cidrs if found else ()
