"""All transforms in their order, and of them those that some column is wanted of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpcflow.enrich import aws_service, direction, interface, next_hop, own_address, traffic_path
from vpcflow.enrich.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vpcflow.types import FlowBatch, Transform
    from vpcflow.vpc.topology import Network


class Enrichment:
    """Enriches batches from a network and, if given, the published address ranges.

    wanted: columns that somebody will look at, None for all. `srcaddr` and `dstaddr` are always made right.
    """

    def __init__(
        self, network: Network, ranges: aws_service.AwsRanges | None = None, wanted: Collection[str] | None = None
    ) -> None:
        self.transforms = tuple(_transforms(network, ranges, wanted))

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch*, enriched; the same rows in the same order."""
        for transform in self.transforms:
            batch = transform(batch)
        return batch


def _transforms(
    network: Network, ranges: aws_service.AwsRanges | None, wanted: Collection[str] | None
) -> Iterator[Transform]:
    def asked(names: Collection[str]) -> bool:
        return wanted is None or not set(wanted).isdisjoint(names)

    yield direction.Direction(network)  # whose the addresses are, and which way routes are looked up, follows from it
    yield own_address.OwnAddress(network)
    if asked(interface.FILLS):
        yield interface.InterfaceFields(network)
    if asked(traffic_path.FILLS) or asked(next_hop.FILLS):
        routes = Routes(network)
        if asked(traffic_path.FILLS):
            yield traffic_path.TrafficPath(routes)
        if asked(next_hop.FILLS):
            yield next_hop.NextHop(network, routes)
    if ranges is not None and asked(aws_service.FILLS):
        yield aws_service.AwsService(ranges)
