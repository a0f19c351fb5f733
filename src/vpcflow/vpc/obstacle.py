"""What keeps a conversation with the outside from coming about, whatever the rules say: addresses and routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.vpc.inventory import inventory
from vpcflow.vpc.routing import route, table_of

if TYPE_CHECKING:
    from vpcflow.vpc.decision import Path
    from vpcflow.vpc.topology import Network

_ONLY_OUTWARD: Final = ("nat-", "eigw-")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """kind: no_public_address, only_outward or no_way_back. far: the end outside."""

    kind: str
    interface_id: str
    far: str


def obstacle(network: Network, found: Path) -> Obstacle | None:
    """Return what keeps packets between an interface and the outside from passing a gateway; None where nothing is known to."""
    at_source, at_destination = found.ends
    here = at_source or at_destination
    if here is None or (at_source and at_destination):
        return None
    inward = at_source is None
    far = here.srcaddr if inward else here.dstaddr
    interface = inventory(network).interface(here.interface_id)
    table = table_of(network, interface.subnet_id) if interface else None
    if interface is None or table is None:
        return None
    way = route(network, table, far)
    target = way.target if way else ""
    if not target:
        # A network without any gateway is a sketch of rules, not one that nobody reaches.
        return Obstacle("no_way_back", interface.id, far) if inward and network.gateways else None
    if inward and target.startswith(_ONLY_OUTWARD):
        return Obstacle("only_outward", interface.id, far)
    told = "network_interfaces" not in network.incomplete
    if target.startswith("igw-") and ":" not in far and told and not interface.public:
        return Obstacle("no_public_address", interface.id, far)
    return None
