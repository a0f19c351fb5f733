"""A host wants out and its security group has no outbound rule: REJECT where it leaves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

TARGET: Final = "203.0.113.200"


def run(stage: Stage) -> None:
    """Have the database look for updates."""
    client = Client("db")
    stage.together([partial(stage.call, client, TARGET, 443), partial(stage.ping, client, TARGET)])
