"""One source walks over the ports of one server; those that are open for everybody answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import HURRY_S, Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

SOURCE: Final = "198.51.100.23"
PORTS: Final = (
    *range(20, 27), 53, *range(79, 90), 110, 111, 135, 137, 139, 143, 161, 179, 389, 443, 445, 465, 514, 587, 631, 636, 873, 993,
    995, 1080, 1433, 1521, 1723, 2049, 2375, 2379, 3000, 3128, 3306, 3389, 4444, 5000, 5060, 5432, 5601, 5672, 5900, 5984, 5985,
    6379, 6443, 7001, 8000, 8008, 8080, 8081, 8086, 8443, 8500, 8888, 9000, 9042, 9090, 9092, 9200, 9300, 10000, 11211, 15672,
    27017, 50070,
)  # fmt: skip


def run(stage: Stage) -> None:
    """Try each port once."""
    for port in (80, 443):
        stage.serve("web", port)
    client, server = Client("internet", SOURCE), stage.public("web")
    stage.together(partial(stage.call, client, server, port, patience_s=HURRY_S) for port in PORTS)
