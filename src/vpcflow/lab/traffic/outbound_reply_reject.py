"""A request gets in, its answer does not get out: the security group remembers the request, the network ACL does not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

SOURCE: Final = "203.0.113.142"


def run(stage: Stage) -> None:
    """Send mail to a server whose subnet lets out no answers, and ping it."""
    client, server = Client("internet", SOURCE), stage.public("mail")
    stage.serve("mail", 25, b"220 mail\r\n", greet=True)
    stage.together([partial(stage.call, client, server, 25), partial(stage.ping, client, server)])
