"""Somebody outside tries what the security group does not allow: REJECT on the way in, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

SOURCE: Final = "198.51.100.77"


def run(stage: Stage) -> None:
    """Try MySQL and a ping, at a server that is for the web."""
    client, server = Client("internet", SOURCE), stage.public("web")
    stage.together([partial(stage.call, client, server, 3306), partial(stage.ping, client, server)])
