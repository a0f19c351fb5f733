"""What can be made to happen in a lab: one module a scenario, real sockets, an end to everything.

A scenario says which hosts it needs (`HOSTS`) and runs in a `Stage`. They are written for the lab of `lab/default.toml`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

SCENARIOS: Final = {
    "web": "web",
    "inbound-reject": "inbound_reject",
    "outbound-reply-reject": "outbound_reply_reject",
    "outbound-reject": "outbound_reject",
    "inbound-reply-reject": "inbound_reply_reject",
    "nat": "nat_path",
    "port-scan": "port_scan",
    "ssh-brute-force": "ssh_brute_force",
}
"""Scenarios by name, and the module of each; what happens is the text ``lab.scenario.<name>``."""

HOSTS: Final = {
    "web": ("web", "app", "db"),
    "inbound-reject": ("web",),
    "outbound-reply-reject": ("mail",),
    "outbound-reject": ("db",),
    "inbound-reply-reject": ("batch",),
    "nat": ("app",),
    "port-scan": ("web",),
    "ssh-brute-force": ("bastion", "web"),
}
"""The hosts each needs, beside `internet`."""


class Scenario(Protocol):
    """A module of this folder."""

    def run(self, stage: Stage) -> None:
        """Make it happen; everything has ended when it returns."""
        ...


def scenario(name: str) -> Scenario:
    """Return the module of a scenario; KeyError for another name."""
    return cast("Scenario", importlib.import_module(f"vpcflow.lab.traffic.{SCENARIOS[name]}"))
