"""What this program knows of the network it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.app import networks
from vpcflow.app.flow_log_request import bucket_of
from vpcflow.app.flow_logs import FlowLogService
from vpcflow.app.host import host_network, with_host
from vpcflow.app.live import host, naming
from vpcflow.capture.identity import interface_id, machine_id
from vpcflow.capture.links import LOOPBACK, links
from vpcflow.state.flow_logs import FlowLogs

if TYPE_CHECKING:
    from vpcflow.app import App
    from vpcflow.app.flow_log_request import Asked
    from vpcflow.app.live import Host
    from vpcflow.state.store import State
    from vpcflow.vpc.topology import Network

_PATIENCE_S: Final = 5


def described_network(app: App) -> Network | None:
    """Return the network that was described to us, None where nobody has."""
    found = networks.at(app)
    return found.network if found else None


def known_network(here: Host, described: Network | None) -> Network:
    """Return *described* with the interfaces of this machine that it does not know; without it, this machine as a network."""
    own = host_network(here, machine_id())
    return own if described is None else with_host(described, own)


def interfaces_here(app: App) -> frozenset[str]:
    """Return the ids that the interfaces of this machine have."""
    here, machine = host(app.config), machine_id()
    name_of = naming(here, described_network(app))
    return frozenset(
        name_of(link) or interface_id(machine, link.name) for link in links().values() if link.name != LOOPBACK
    )


def flow_log_service(app: App, state: State) -> FlowLogService:
    """Return the operations on flow logs, on the state of the settings."""
    here = host(app.config)
    network = known_network(here, described_network(app))
    return FlowLogService(
        FlowLogs(state),
        network,
        network.account or here.account,
        network.region or here.region,
        lake=app.lake_name,
        undeliverable=lambda asked: _undeliverable(app, asked),
    )


def _undeliverable(app: App, asked: Asked) -> tuple[str, str] | None:
    """Return AWS's code and text for a bucket that is not there; whether one may be written to is found out by delivering."""
    if asked.log_destination_type != "s3":
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    from vpcflow.aws import client_of, meaning
    from vpcflow.errors import SourceError

    bucket, _ = bucket_of(asked.log_destination)
    access = app.s3_access()
    style = "path" if access.endpoint_url else "auto"
    try:
        client = client_of(
            "s3", access, source=f"s3://{bucket}", region=access.region or "us-east-1", endpoint_url=access.endpoint_url,
            tries=1, read_timeout=_PATIENCE_S, s3={"addressing_style": style},
        )  # fmt: skip
        client.head_bucket(Bucket=bucket)
    except SourceError:
        return None
    except (BotoCoreError, ClientError) as error:
        if meaning(error).status == 404:
            return "400", f"LogDestination: {bucket} does not exist."
    return None
