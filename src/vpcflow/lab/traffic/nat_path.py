"""From a private subnet through the NAT gateway and back: two legs, each seen on both sides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

TARGETS: Final = ("203.0.113.220", "198.51.100.220")


def run(stage: Stage) -> None:
    """Fetch packages, and ping."""
    client = Client("app")
    stage.serve("internet", 443, b"package" * 2000)
    works = [partial(stage.call, client, target, 443, say=b"GET /\r\n") for target in TARGETS for _ in range(3)]
    stage.together([*works, partial(stage.ping, client, TARGETS[0])])
