"""By which way egress left its VPC: `traffic-path`.

Source: VPC User Guide "Flow log records" (`traffic-path`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.enrich.columns import filled, numbers

if TYPE_CHECKING:
    from vpcflow.enrich.routes import Hop, Routes
    from vpcflow.types import FlowBatch

FILLS: Final = ("traffic_path",)

_NONE: Final = 0
_SAME_VPC, _VIRTUAL_PRIVATE_GATEWAY, _PEERING, _PEERING_ELSEWHERE = 1, 3, 4, 5
_LOCAL_ZONE, _GATEWAY_ENDPOINT, _INTERNET_GATEWAY = 6, 7, 8

_CODES: Final = {
    "local": _SAME_VPC, "interface": _SAME_VPC, "vgw": _VIRTUAL_PRIVATE_GATEWAY, "pcx": _PEERING, "carrier": _LOCAL_ZONE,
    "vpce": _GATEWAY_ENDPOINT, "igw": _INTERNET_GATEWAY,
}  # fmt: skip
"""2 (internet gateway or gateway endpoint) is for those who cannot tell the two apart; a route table can. NAT gateways, transit
gateways and appliances are interfaces in the VPC."""


def code(hop: Hop) -> int:
    """Return the number of a way, 0 for none."""
    return _PEERING_ELSEWHERE if hop.kind == "pcx" and hop.region else _CODES.get(hop.kind, _NONE)


class TrafficPath:
    """Fills it for egress."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with the ways its packets left by."""
        ways = self._routes.ways(batch)
        codes = np.array([*map(code, ways.hops), _NONE])[ways.places]
        return filled(batch, {"traffic_path": numbers(codes, ways.egress & (codes > 0))})
