"""What this program knows of the network it looks at, and who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpcflow.aggregate.records import Identity
from vpcflow.app.flow_logs import FlowLogService
from vpcflow.app.host import host_network
from vpcflow.state.flow_logs import FlowLogs

if TYPE_CHECKING:
    from vpcflow.app import App
    from vpcflow.state.store import State
    from vpcflow.vpc.topology import Network


def identity(app: App) -> Identity:
    """Return whose records are made here."""
    del app
    return Identity()


def known_network(app: App, state: State) -> Network:
    """Return the network that was described to us, else the one that this machine's interfaces are."""
    del state
    who = identity(app)
    return host_network(who.account, who.region)


def flow_log_service(app: App, state: State) -> FlowLogService:
    """Return the operations on flow logs, on the state of the settings."""
    who, network = identity(app), known_network(app, state)
    return FlowLogService(
        FlowLogs(state), network, network.account or who.account, network.region or who.region, lake=app.lake_name
    )
