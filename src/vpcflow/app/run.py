"""The daemon of a Linux host, wired: its packets, its flow logs, their destinations."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from vpcflow.aggregate.records import Identity
from vpcflow.app.daemon import Daemon, Wiring
from vpcflow.app.live import naming
from vpcflow.app.notify import notify
from vpcflow.app.resources import described_network, known_network
from vpcflow.app.run_lock import only_one
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.spool import MAX_BYTES, Spool
from vpcflow.errors import VpcFlowError
from vpcflow.record.layout import WINDOW_S

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vpcflow.app import App
    from vpcflow.app.daemon import Say, Status
    from vpcflow.app.live import Host
    from vpcflow.capture.backends import Backend
    from vpcflow.capture.links import Link
    from vpcflow.capture.live import Source
    from vpcflow.deliver.destination import Destination, Shipment, Unit
    from vpcflow.state.store import State
    from vpcflow.vpc.flow_logs import FlowLog
    from vpcflow.vpc.topology import Network

INTERVAL_S: Final = 60
"""The shortest interval of flow logs; the others are multiples of it."""

_LONGEST_S: Final = 600
_SHOWN: Final = 6


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
    from vpcflow.app.live import drains, host, open_translations
    from vpcflow.enrich.aws_service import AwsRanges

    ranges = AwsRanges.read(how.ip_ranges) if how.ip_ranges else None
    home = app.state_path.parent
    with only_one(home), app.state() as state:
        here = host(app.config)
        known = _Known(app, state, here)
        source = _source(how, known, say)
        try:
            translations = open_translations(_LONGEST_S, say)
            _keep_privileges(source, translations)
            _say_who(here, source, say)
            deliveries = Deliveries(app, how, home / "spool")
            wiring = Wiring(
                state,
                known.network,
                deliveries,
                Identity(here.account, here.region),
                home / "spool",
                ranges,
                translations,
                app.flow_memory(),
            )
            until = None if how.duration_s is None else time.time_ns() + int(how.duration_s * 1e9)
            daemon = Daemon(wiring, say, now_ns=time.time_ns(), interfaces=tuple(source.ids))
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

    def __init__(self, app: App, state: State, here: Host) -> None:
        self._app, self._state, self._here = app, state, here
        self._changes: int | None = -1
        self._described: Network | None = None
        self._naming: Callable[[Link], str | None]
        self.network()

    def network(self) -> Network:
        """Return the network as it is now."""
        changes = self._state.changes()
        if changes != self._changes:
            self._changes, self._described = changes, described_network(self._app)
            self._naming = naming(self._here, self._described)
        return known_network(self._here, self._described)

    def id_of(self, link: Link) -> str | None:
        """Return the id that an interface of this host has, None where nobody tells one."""
        return self._naming(link)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Opens the delivery of flow logs, each with its spool below *spools*."""

    app: App
    how: Running
    spools: Path

    def __call__(self, flow_log: FlowLog, shared: bool) -> Delivery:  # noqa: FBT001 - as `Wiring` has it
        """Open one, started; shared: other flow logs publish to the same log group."""
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


def _keep_privileges(source: Source, translations: object) -> None:
    """Let go of all privileges but those of a capture, and of what root needs to write into folders of others."""
    from vpcflow.capture import privilege

    kept = [*privilege.NEEDED]
    if translations is not None or source.name == "nft":
        kept.append(privilege.NET_ADMIN)
    if os.geteuid() == 0:
        kept.append(privilege.DAC_OVERRIDE)
    privilege.drop_all_but(kept)


def _say_who(here: Host, source: Source, say: Say) -> None:
    """Say who this host is taken for, and which interface has which id."""
    if here.why_not:
        say("live.no_metadata", reason=here.why_not)
    if (here.account, here.region) == (Identity().account, Identity().region):
        say("live.identity_default")
    for interface, name in list(source.ids.items())[:_SHOWN]:
        say("note.capture_interface", interface=interface, words=name)
    if len(source.ids) > _SHOWN:
        say("note.capture_more_interfaces", count=f"{len(source.ids) - _SHOWN:,}")
