"""A request gets out, its answer does not get in: the network ACL has no inbound rule for ephemeral ports."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

TARGET: Final = "203.0.113.210"


def run(stage: Stage) -> None:
    """Have the batch host fetch something through the NAT gateway."""
    client = Client("batch")
    stage.serve("internet", 443, b"data" * 300)
    stage.together([partial(stage.call, client, TARGET, 443), partial(stage.ping, client, TARGET)])
