"""Live capture, wired: a source of this host's packets, drained as time passes, into records.

The command `capture` and the daemon use it alike. `open_source` chooses the source, `drains` asks it each second and at each
interval's end, `LiveCapture` makes records of one interval length of that.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from vpcflow.aggregate.aggregator import Totals
    from vpcflow.aggregate.records import Identity
    from vpcflow.app import App, Ingested
    from vpcflow.capture.conntrack import Translations
    from vpcflow.capture.links import Link
    from vpcflow.capture.live import Config as SourceConfig
    from vpcflow.capture.live import Source
    from vpcflow.config import Config
    from vpcflow.lake.lake import Lake
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network

    Say = Callable[..., None]
    """Called with a text's key and its values, once for each thing to be said."""

PERIOD_NS: Final = 1_000_000_000
"""Time between two drains: what the kernel's tables must have room for."""

_BYTES_A_FLOW: Final = 1000
"""Memory for each partial flow held, merging and writing it included."""

_LINGER_S: Final = 60
"""How long a translated connection is remembered after the records of its last interval are due."""

_AFTER_NS: Final = 2_000_000
"""An interval's last drain comes this long after its end."""


@dataclass(frozen=True, slots=True)
class Host:
    """Who this host is.

    account, region, vpc_id: of its interfaces. interface_ids: those that EC2 told, by MAC. origin: where that was found:
    `config`, `ec2`, or `default`. why_not: what came of asking EC2, when it did not answer.
    """

    account: str = "000000000000"
    region: str = "local-1"
    vpc_id: str | None = None
    interface_ids: Mapping[str, str] = field(default_factory=dict)
    origin: str = "default"
    why_not: str = ""


def host(config: Config) -> Host:
    """Return who this host is: by the settings `identity.…`, for what they leave open by EC2 if they say that it be asked."""
    named = {name: config.text(f"identity.{name}") for name in ("account", "region", "vpc")}
    found = Host(origin="config" if any(named.values()) else "default")
    if config.get("identity.ec2_metadata"):
        from vpcflow.capture.ec2_metadata import instance

        told = instance()
        if told.why_not:
            found = replace(found, why_not=told.why_not)
        else:
            found = Host(told.account, told.region, told.vpc_id or None, told.interfaces, "ec2")
    return replace(
        found,
        account=named["account"] or found.account,
        region=named["region"] or found.region,
        vpc_id=named["vpc"] or found.vpc_id,
    )


def naming(host: Host, network: Network | None) -> Callable[[Link], str | None]:
    """Return what tells an interface's id: *network* (by MAC or address), else EC2; it answers None where neither does."""
    from vpcflow.vpc.inventory import inventory

    known = None if network is None else inventory(network)

    def id_of(link: Link) -> str | None:
        found = None
        if known is not None:
            found = known.by_mac(link.mac) if link.mac else None
            for address in link.addresses:
                found = found or known.by_address(address)
        return found.id if found else host.interface_ids.get(link.mac)

    return id_of


def open_source(config: SourceConfig, say: Say) -> Source:
    """Open the best source of packets that this host lets us have, or the one that *config* names.

    say: told what was not to be had, and what the source cannot tell. Raises ConfigError for an interface that is not there, and
    where nothing can be opened, with the privileges that are missing.
    """
    source = _best(config, say) if config.backend == "auto" else _named(config, config.backend)
    for word, reason in source.without.items():
        say(f"live.without.{word}", reason=reason)
    return source


def _best(config: SourceConfig, say: Say) -> Source:
    try:
        return _named(config, "ebpf")
    except ConfigError as refused:
        if refused.code == "live.no_interface":
            raise
        try:
            source = _named(config, "af_packet")
        except ConfigError:
            raise refused from None
        say("live.instead", reason=refused.message, backend=source.name)
        return source


def _named(config: SourceConfig, backend: str) -> Source:
    """Open the source *backend*; ConfigError says why not."""
    from vpcflow.capture import privilege
    from vpcflow.capture.ebpf import bpf

    needed = {"ebpf": privilege.NEEDED, "af_packet": (privilege.NET_RAW,)}
    try:
        if backend == "af_packet":
            from vpcflow.capture.af_packet import Ring

            return Ring(config)
        if backend == "nft":
            from vpcflow.capture.nft import Sandwich

            return Sandwich(config)
        if not bpf.supported():
            raise ConfigError("live.no_bpf_here")
        from vpcflow.capture.ebpf.tap import Tap

        return Tap(config)
    except PermissionError as error:
        names = ", ".join(privilege.missing(needed.get(backend, (privilege.NET_RAW, privilege.NET_ADMIN))))
        code = "live.no_privilege" if names else "live.not_permitted"
        raise ConfigError(code, names=names, reason=error.strerror or str(error)) from error
    except OSError as error:
        raise ConfigError("live.refused", backend=backend, reason=error.strerror or str(error)) from error


def open_translations(interval_s: int, say: Say) -> Translations | None:
    """Return what knows the ends of translated connections; None where we may not ask, which is said if there are any."""
    from vpcflow.capture import conntrack, privilege

    if privilege.NET_ADMIN not in privilege.held():
        if conntrack.count() is not None:
            say("live.without.translations")
        return None
    found = conntrack.Translations(2 * interval_s + _LINGER_S)
    try:
        found.refresh()
    except OSError as error:
        say("live.translations_refused", reason=error.strerror or str(error))
        return None
    return found


def drains(
    source: Source, interval_s: int, stop: threading.Event, until_ns: int | None = None
) -> Iterator[tuple[int, FlowCounts]]:
    """Drain *source* each second, and just after each interval's end, until it is to stop; then once more.

    Yields when a drain began (ns since the epoch), and what it brought. All packets of intervals that were over then are in it or
    in the ones before.
    """
    length = interval_s * PERIOD_NS
    while True:
        now = time.time_ns()
        wake = min(now + PERIOD_NS, (now // length + 1) * length + _AFTER_NS)
        if until_ns is not None:
            wake = min(wake, until_ns)
        ended = stop.wait(max(0, wake - now) / 1e9)
        now = time.time_ns()
        yield now, source.drain(now)
        if ended or (until_ns is not None and now >= until_ns):
            return


@dataclass(slots=True)
class LiveCapture:
    """Records of what a source counts, in intervals of one length.

    totals: counted up. memory: bytes that flows may take. translations: fill in who really talks. began_ns: now, by default.
    """

    interval_s: int
    identity: Identity
    totals: Totals
    memory: int = 256 << 20
    translations: Translations | None = None
    began_ns: int = field(default_factory=time.time_ns)

    def records(self, drained: Iterator[tuple[int, FlowCounts]]) -> Iterator[list[FlowBatch]]:
        """Yield the records of each interval as soon as it is over; of the last one when there is nothing more to drain.

        Lists are never empty. What an interval holds is in one list, unless there was no room for so many flows.
        """
        from vpcflow.aggregate.aggregator import Aggregator

        aggregator = Aggregator(
            self.interval_s, self.identity, self.totals, capacity=self.memory // _BYTES_A_FLOW, began_ns=self.began_ns
        )
        now = self.began_ns
        for now, counts in drained:
            if self.translations is not None:
                with contextlib.suppress(OSError):  # what was known goes on being known
                    self.translations.refresh()
            found = [*aggregator.fold(counts), *aggregator.pass_time(now)]
            if found:
                yield self._filled(found)
        found = list(aggregator.finish(now))
        if found:
            yield self._filled(found)

    def _filled(self, batches: list[FlowBatch]) -> list[FlowBatch]:
        return batches if self.translations is None else [self.translations.fill(batch) for batch in batches]


def put_into_lake(
    app: App, lake: Lake, machine: str, began_ns: int, number: int, batches: Sequence[FlowBatch]
) -> Ingested:
    """Put the records of one interval into *lake*: a source of its own, the *number*-th of the capture that began then."""
    from vpcflow.record.arrow_file import ArrowFile
    from vpcflow.types import SourceObject

    def opened(held: Sequence[FlowBatch]) -> BinaryIO:
        return cast("BinaryIO", ArrowFile(iter(held)))

    uri = f"capture:{machine}/{began_ns}/{number}"
    size = sum(batch.nbytes for batch in batches)
    return app.take_in(lake, [SourceObject(uri, "live", size, partial(opened, list(batches)))])
