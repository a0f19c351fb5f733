"""A daemon without a kernel: a source that counts what it is told, flow logs, spools and folders of its own."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np

from vpcflow.aggregate.records import Identity
from vpcflow.app.daemon import Daemon, Wiring
from vpcflow.app.flow_logs import FlowLogService
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.spool import Spool
from vpcflow.record.flow_counts import ACCEPT, EGRESS, INGRESS, REJECT, ROW, FlowCounts
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.store import State
from vpcflow.vpc.topology import Network, NetworkInterface, Subnet, Vpc

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
T0 = 1_800_000_000  # begins an hour
ACCOUNT, REGION = "123456789012", "eu-central-1"


def network(*interfaces):
    """Return a VPC with two subnets; interfaces: (id, subnet, address)."""
    own = interfaces or (("eni-a", "subnet-1", "10.0.1.10"), ("eni-b", "subnet-2", "10.0.2.20"))
    return Network(
        ACCOUNT,
        REGION,
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))},
        subnets={
            f"subnet-{n}": Subnet(f"subnet-{n}", "vpc-1", (f"10.0.{n}.0/24",), az_id=f"euc1-az{n}") for n in (1, 2)
        },
        interfaces={
            name: NetworkInterface(name, "vpc-1", subnet, addresses=(address,)) for name, subnet, address in own
        },
    )


def counts(*flows, interfaces=("eni-a", "eni-b"), gaps=()):
    """Return a drain; flows: (interface, seconds after T0, source port, direction, action)."""
    rows = np.zeros(len(flows), ROW)
    for row, (interface, second, port, direction, action) in zip(rows, flows, strict=True):
        own, far = (
            int(ip_address("10.0.1.10" if interface == "eni-a" else "10.0.2.20")),
            int(ip_address("198.51.100.7")),
        )
        row["src"][1], row["dst"][1] = (own, far) if direction == EGRESS else (far, own)
        row["srcport"], row["dstport"], row["protocol"], row["version"] = port, 443, 6, 4
        row["direction"], row["action"], row["interface"] = direction, action, interfaces.index(interface)
        row["packets"], row["bytes"], row["flags"] = 2, 120, 2
        row["first"] = row["last"] = (T0 + second) * SECOND
    return FlowCounts(rows, interfaces, Counter(), gaps)


def flow(interface, second, port, direction=INGRESS, action=ACCEPT):
    """Return a flow for `counts`."""
    return interface, second, port, direction, action


@dataclass
class House:
    """A folder with a state file, spools and what was delivered.

    broken: flow log ids whose destination cannot be opened. put: called after each batch that a spool has taken.
    """

    root: Path
    network: Network = field(default_factory=network)
    broken: bool = False
    said: list = field(default_factory=list)

    def __post_init__(self):
        self.state = State(self.root / "state.sqlite", create=True)

    def create(self, *, own_state=False, **changes):
        """Create a flow log as another process would; return its id."""
        state = self.state if own_state else State(self.root / "state.sqlite")
        service = FlowLogService(FlowLogs(state), self.network, ACCOUNT, REGION, clock=lambda: float(T0))
        request = {
            "ResourceType": "VPC",
            "ResourceIds": ["vpc-1"],
            "TrafficType": "ALL",
            "LogDestination": f"file://{self.root / 'out'}",
            "MaxAggregationInterval": 60,
            **changes,
        }
        (made,) = service.create({name: value for name, value in request.items() if value is not None})["FlowLogIds"]
        if state is not self.state:
            state.close()
        return made

    def delete(self, flow_log_id):
        """Delete one as another process would."""
        state = State(self.root / "state.sqlite")
        FlowLogs(state).remove([flow_log_id])
        state.close()

    def delivery(self, flow_log, shared):
        """Open a delivery that is asked to deliver only at the end."""
        del shared
        if self.broken:
            from vpcflow.errors import DeliveryError  # noqa: PLC0415 - here only

            raise DeliveryError("deliver.no_stdout")
        if not flow_log.log_destination:
            flow_log = replace(flow_log, log_destination=str(self.root / "out"))
        destination = FolderDestination(flow_log)
        return Delivery(flow_log, destination, Spool(self.root / "spool" / flow_log.id), clock=lambda: float(T0))

    def daemon(self, second=0, *, interfaces=(), **changes):
        """Start a daemon at a second after T0; interfaces: known to be captured before there is a drain."""
        wiring = Wiring(
            **{
                "state": self.state,
                "network": lambda: self.network,
                "delivery": self.delivery,
                "identity": Identity(ACCOUNT, REGION),
                "spools": self.root / "spool",
                "close_s": 10.0,
                **changes,
            }
        )
        return Daemon(
            wiring,
            lambda key, **values: self.said.append((key, values)),
            now_ns=(T0 + second) * SECOND,
            interfaces=interfaces,
        )

    def take(self, daemon, second, *flows, **more):
        """Give a daemon a drain."""
        daemon.take((T0 + second) * SECOND, counts(*flows, **more))

    def close(self, daemon, second):
        """Stop it."""
        return daemon.close((T0 + second) * SECOND)

    def delivered(self, flow_log_id):
        """Return the records that were delivered, as dicts of texts; each file's name must be of the flow log."""
        found = []
        for path in sorted((self.root / "out").rglob(f"*_{flow_log_id}_*.log.gz")):
            header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
            found += [dict(zip(header.split(), line.split(), strict=True)) for line in lines]
        return found

    def ports(self, flow_log_id):
        """Return (interface, source port) of all OK records delivered."""
        return Counter(
            (one["interface-id"], int(one["srcport"]))
            for one in self.delivered(flow_log_id)
            if one["log-status"] == "OK"
        )

    def statuses(self, flow_log_id):
        """Return (interface, log status, start, end) of what is no flow, times after T0."""
        return sorted(
            (one["interface-id"], one["log-status"], int(one["start"]) - T0, int(one["end"]) - T0)
            for one in self.delivered(flow_log_id)
            if one["log-status"] != "OK"
        )


REFUSED = REJECT
