"""What belongs to the recording interface: VPC, subnet, zone, instance, owner, type.

Filled for NODATA and SKIPDATA too, which are about an interface as well.

Source: VPC User Guide "Flow log records" (`vpc-id`, `subnet-id`, `instance-id`, `az-id`, `sublocation-type`, `interface-type`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.enrich.columns import encoded, filled, words

if TYPE_CHECKING:
    import pyarrow as pa

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network, NetworkInterface

FILLS: Final = (
    "account_id", "vpc_id", "subnet_id", "instance_id", "region", "az_id", "sublocation_type", "sublocation_id",
    "interface_type",
)  # fmt: skip

TYPES: Final = frozenset(
    {"nat_gateway", "network_load_balancer", "regional_nat_gateway", "transit_gateway", "vpc_endpoint"}
)
"""The interface types that records name; any other is ``-``."""


class InterfaceFields:
    """Fills them from a network, by interface id."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with the fields of its interfaces."""
        ids, places = encoded(batch, "interface_id")
        told = [self._tell(self._network.interfaces.get(name or "")) for name in ids]
        new: dict[str, pa.Array] = {
            name: words([values[number] for values in told], places) for number, name in enumerate(FILLS)
        }
        return filled(batch, new)

    def _tell(self, interface: NetworkInterface | None) -> tuple[str, ...]:
        """Return the values of `FILLS`, empty where nothing is known."""
        if interface is None:
            return ("",) * len(FILLS)
        subnet = self._network.subnets.get(interface.subnet_id)
        zone, place, place_id = (subnet.az_id, subnet.sublocation_type, subnet.sublocation_id) if subnet else ("",) * 3
        return (
            interface.account or self._network.account,
            interface.vpc_id,
            interface.subnet_id,
            interface.instance_id,
            self._network.region,
            "" if place else zone,
            place,
            place_id,
            interface.type if interface.type in TYPES else "",
        )
