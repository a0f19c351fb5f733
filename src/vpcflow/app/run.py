"""The daemon of a Linux host, wired: its packets, its flow logs, their destinations."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from vpcflow.app.daemon import Daemon, Wiring
from vpcflow.app.notify import notify
from vpcflow.app.resources import described_network, identity, known_network
from vpcflow.app.run_lock import only_one
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.spool import MAX_BYTES, Spool
from vpcflow.errors import VpcFlowError
from vpcflow.record.layout import WINDOW_S
from vpcflow.vpc.inventory import inventory

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vpcflow.app import App
    from vpcflow.app.daemon import Say, Status
    from vpcflow.capture.backends import Backend
    from vpcflow.capture.links import Link
    from vpcflow.capture.live import Source
    from vpcflow.deliver.destination import Destination, Shipment, Unit
    from vpcflow.state.store import State
    from vpcflow.vpc.flow_logs import FlowLog
    from vpcflow.vpc.topology import Network

INTERVAL_S: Final = 60
"""The shortest interval of flow logs; the others are multiples of it."""


@dataclass(frozen=True, slots=True)
class Running:
    """How the daemon runs.

    interfaces: those that are captured, none for all. duration_s: how long, None until it is told to stop. spool_bytes: what may
    wait for one destination. out: where the destination `stdout` is. ip_ranges: AWS's published file.
    """

    interfaces: tuple[str, ...] = ()
    backend: Backend = "auto"
    keep_all: bool = False
    max_flows: int | None = None
    ip_ranges: Path | None = None
    spool_bytes: int = MAX_BYTES
    duration_s: float | None = None
    out: BinaryIO | None = None


def run(app: App, how: Running, say: Say, on_status: Callable[[Status], None], stop: threading.Event) -> bool:
    """Run until it is to stop; tell whether everything was delivered. ConfigError where nothing can be captured."""
    from vpcflow.app.live import drains
    from vpcflow.enrich.aws_service import AwsRanges

    ranges = AwsRanges.read(how.ip_ranges) if how.ip_ranges else None
    home = app.state_path.parent
    with only_one(home), app.state() as state:
        known = _Known(app, state)
        source = _source(how, known, say)
        try:
            _keep_privileges()
            deliveries = _Deliveries(app, how, home / "spool")
            wiring = Wiring(state, known.network, deliveries, identity(app), home / "spool", ranges, app.flow_memory())
            until = None if how.duration_s is None else time.time_ns() + int(how.duration_s * 1e9)
            daemon = Daemon(wiring, say, now_ns=time.time_ns())
            try:
                notify(READY=1)
                for now_ns, counts in drains(source, INTERVAL_S, stop, until):
                    daemon.take(now_ns, counts)
                    on_status(daemon.status())
            finally:
                notify(STOPPING=1)
                done = daemon.close(time.time_ns())
                on_status(daemon.status())
        finally:
            source.close()
    return done


class _Known:
    """What is known of the network; what was described is read again when the state file has changed."""

    def __init__(self, app: App, state: State) -> None:
        self._app, self._state = app, state
        self._changes: int | None = -1
        self._described: Network | None = None
        self.network()

    def network(self) -> Network:
        """Return the network as it is now."""
        changes = self._state.changes()
        if changes != self._changes:
            self._changes, self._described = changes, described_network(self._app)
        return known_network(self._app, self._described)

    def id_of(self, link: Link) -> str | None:
        """Return the id that an interface of this host has in the described network, by MAC or address."""
        if self._described is None:
            return None
        known = inventory(self._described)
        found = known.by_mac(link.mac) if link.mac else None
        for address in link.addresses:
            found = found or known.by_address(address)
        return found.id if found else None


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """Opens the delivery of flow logs, each with its spool below *spools*."""

    app: App
    how: Running
    spools: Path

    def __call__(self, flow_log: FlowLog, shared: bool) -> Delivery:  # noqa: FBT001 - as `Wiring` has it
        from vpcflow.app.deliver import destination, reaching

        how = replace(reaching(self.app), shared=shared, out=self.how.out)

        def opened() -> Destination:
            return destination(self.app, flow_log, how)

        where: Destination
        try:
            where = opened()
        except VpcFlowError:
            # Records wait in the spool until it can be opened.
            where = _Later(opened, files=flow_log.log_destination_type in ("s3", "folder"))
        delivery = Delivery(flow_log, where, Spool(self.spools / flow_log.id, max_bytes=self.how.spool_bytes))
        delivery.start()
        return delivery


class _Later:
    """A destination that cannot be opened now (no credentials, no such profile …): each delivery tries again."""

    uri = ""
    at_once = 4
    unit_bytes = 8 << 20

    def __init__(self, opened: Callable[[], Destination], *, files: bool) -> None:
        self._opened = opened
        self.seal_every_s = WINDOW_S if files else 0
        self._there: Destination | None = None

    def shipments(self, unit: Unit) -> Iterator[Shipment]:
        """Yield what *unit* is sent as; the destination's own error when it still cannot be opened."""
        if self._there is None:
            self._there = self._opened()
        yield from self._there.shipments(unit)

    def close(self) -> None:
        """Let go of everything."""
        if self._there is not None:
            self._there.close()


def _source(how: Running, known: _Known, say: Say) -> Source:
    from vpcflow.app.live import open_source
    from vpcflow.capture.identity import machine_id
    from vpcflow.capture.live import MAX_FLOWS, Config

    config = Config(
        interfaces=how.interfaces,
        backend=how.backend,
        interval_s=INTERVAL_S,
        machine=machine_id(),
        name_of=known.id_of,
        max_flows=how.max_flows or MAX_FLOWS,
        keep_all=how.keep_all,
    )
    return open_source(config, say)


def _keep_privileges() -> None:
    """Let go of all privileges but those of a capture, and of what root needs to write into folders of others."""
    from vpcflow.capture import privilege

    privilege.drop_all_but([*privilege.NEEDED, *([privilege.DAC_OVERRIDE] if os.geteuid() == 0 else [])])
