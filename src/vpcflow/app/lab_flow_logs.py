"""A lab's counts for the flow logs of its VPC too: what `vpcflow run` is for a host, its keeper is for the lab."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vpcflow.aggregate.records import Identity
from vpcflow.app.daemon import Daemon, Wiring
from vpcflow.app.run import Deliveries, Running
from vpcflow.errors import VpcFlowError
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.app import App
    from vpcflow.lab.keeper import Sink
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.vpc.topology import Network

_CLOSE_S = 10.0
"""How long the end of a lab waits for destinations; what is left is delivered by whoever comes next."""


class WithFlowLogs:
    """A sink that hands counts on to *records* and to the flow logs of the lab's network.

    What goes wrong with flow logs is told in the lab's log, and harms nothing else.
    """

    def __init__(self, records: Sink, app: App, network: Network) -> None:
        from vpcflow.state.store import State

        self._records, self._network = records, network
        self._state = State(app.state_path)
        spools = app.state_path.parent / "spool"
        identity = Identity()
        wiring = Wiring(
            self._state,
            lambda: self._network,
            Deliveries(app, Running(), spools),
            Identity(network.account or identity.account, network.region or identity.region),
            spools,
            memory=app.flow_memory(),
            close_s=_CLOSE_S,
        )
        self._daemon = Daemon(wiring, _say, now_ns=time.time_ns(), interfaces=tuple(network.interfaces))

    def take(self, counts: FlowCounts, at_ns: int) -> None:
        """Take what was counted since the last time."""
        own = replace(counts, rows=counts.rows.copy())
        try:
            self._records.take(counts, at_ns)
        finally:
            try:
                self._daemon.take(at_ns, own)
            except VpcFlowError as error:
                _say("run.state", reason=error.message)

    def flush(self) -> dict[str, Any]:
        """Have all records of what was taken in the lake; those of flow logs come at the end of their intervals."""
        return self._records.flush()

    def told(self) -> dict[str, Any]:
        """Tell what has come of all that was written so far."""
        return self._records.told()

    def finish(self) -> None:
        """Have everything written and delivered."""
        try:
            self._records.finish()
        finally:
            self._daemon.close(time.time_ns())
            self._state.close()

    def change(self, network: Network) -> None:
        """Take what comes for records of *network* from now on."""
        self._network = network
        self._records.change(network)


def _say(key: str, **values: object) -> None:
    sys.stderr.write(f"{t(key, **values)}\n")
