"""Password after password: many short connections to SSH where it is open, and as many refused where it is not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import HURRY_S, Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

SOURCE: Final = "192.0.2.233"
TRIES: Final = 80
REFUSED: Final = 40


def run(stage: Stage) -> None:
    """Log in, in vain."""
    stage.serve("bastion", 22, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", greet=True)
    client = Client("internet", SOURCE)
    guess = b"SSH-2.0-libssh2_1.10.0\r\n" + b"\0" * 500
    works = [partial(stage.call, client, stage.public("bastion"), 22, say=guess)] * TRIES
    works += [partial(stage.call, client, stage.public("web"), 22, patience_s=HURRY_S)] * REFUSED
    stage.together(works)
