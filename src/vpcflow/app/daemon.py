"""The daemon: what a source counts becomes records, which go to the destination of each flow log.

Theory of operation. Drains of one source are folded by one aggregator for each interval length in use. What an aggregator gives
is enriched once, and each flow log of that interval takes the records of its own resource to its own spool: an interface that
three flow logs look at has three records. From the spool on delivery goes by itself (`deliver.delivery`).

A record is safe when its spool has it. Each interval that a spool has is marked in the state file, beside the flow logs. A daemon
that was killed leaves its mark; the next one tells the time between by SKIPDATA records, as nobody knows what passed then. So it
is told when a spool could not be opened for a while.

Flow logs and the network are read again when somebody else has changed the state file; the network now and then besides, as
interfaces of this machine come and go.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.aggregate.aggregator import Aggregator, Totals
from vpcflow.aggregate.records import status_records
from vpcflow.enrich.columns import encoded
from vpcflow.enrich.enrichment import Enrichment
from vpcflow.enrich.tags import TagFields
from vpcflow.enrich.transit_gateway import TransitGatewayRecords
from vpcflow.errors import VpcFlowError
from vpcflow.record.fields import FIELDS
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.runs import Runs
from vpcflow.vpc.flow_logs import ACCESS_ERROR, DeliveryStatus
from vpcflow.vpc.membership import interfaces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from vpcflow.aggregate.records import Identity
    from vpcflow.capture.conntrack import Translations
    from vpcflow.deliver.delivery import Delivery
    from vpcflow.enrich.aws_service import AwsRanges
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.state.store import State
    from vpcflow.types import FlowBatch, Transform
    from vpcflow.vpc.flow_logs import FlowLog
    from vpcflow.vpc.topology import Network

    Say = Callable[..., None]
    """Called with a text's key and its values."""

_SECOND: Final = 1_000_000_000
_BYTES_A_FLOW: Final = 1000
"""Memory for each partial flow held, merging and writing it included."""

_RETRY_S: Final = 60
"""A destination that could not be opened is tried again after this time."""

_RATE_S: Final = 60
_TROUBLE_S: Final = 600
_LOOK_NS: Final = 10 * _SECOND


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a daemon is made of.

    network: what is known now; called again and again, and quick when nothing has changed. delivery: opens one, started; its
    second argument tells that other flow logs have the same log group. memory: bytes that flows may take. spools: the folder
    that holds a folder for each flow log. translations: tells who really talks behind address translation. close_s: how long
    to wait for destinations at the end.
    """

    state: State
    network: Callable[[], Network]
    delivery: Callable[[FlowLog, bool], Delivery]
    identity: Identity
    spools: Path
    ranges: AwsRanges | None = None
    translations: Translations | None = None
    memory: int = 256 << 20
    close_s: float = 30.0


@dataclass(slots=True)
class Status:
    """How it goes.

    flow_logs: all there are. intervals, destinations: of those that look at interfaces which are captured. records: of the last
    minute. skipped: SKIPDATA records. failed: flow log id → what its destination says.
    """

    interfaces: int = 0
    flow_logs: int = 0
    intervals: tuple[int, ...] = ()
    destinations: tuple[str, ...] = ()
    records: int = 0
    all_records: int = 0
    skipped: int = 0
    waiting_bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Stream:
    """One flow log on its way.

    since_s: when it was first seen; it has nothing of before. begun: it looks at an interface that is captured here; what is
    not so is nobody's business, or another daemon's. delivery: None as long as it cannot be opened. until_s: all before is in the
    spool. gap_s: since when that is not so. shape: what makes of records of interfaces those that it has.
    """

    flow_log: FlowLog
    since_s: int
    begun: bool = False
    members: frozenset[str] | None = None
    shape: Transform | None = None
    delivery: Delivery | None = None
    shared: bool = False
    retry_at: float = 0.0
    until_s: int = 0
    gap_s: int | None = None
    status: DeliveryStatus = field(default_factory=DeliveryStatus)

    def put(self, batch: FlowBatch) -> int:
        """Take the records of its resource; return how many."""
        mine = _of_interfaces(batch, self.members or frozenset())
        late = pc.greater_equal(mine.column("end"), self.since_s)
        if late.true_count < mine.num_rows:
            mine = mine.filter(late)
        if not mine.num_rows:
            return 0
        if self.delivery is None or not self.begun:
            self.gap_s = self.until_s if self.gap_s is None else self.gap_s
            return 0
        self.delivery.put(mine if self.shape is None else self.shape(mine))
        return int(mine.num_rows)


class Daemon:
    """Everything between a source and the destinations. One thread calls it; deliveries have threads of their own.

    interfaces: ids of those that are captured from now on; what passes there is not lost in silence, even before the first drain.
    """

    def __init__(self, wiring: Wiring, say: Say, *, now_ns: int, interfaces: tuple[str, ...] = ()) -> None:
        self._wiring, self._say = wiring, say
        self._flow_logs, self._runs = FlowLogs(wiring.state), Runs(wiring.state)
        self._streams: dict[str, _Stream] = {}
        self._aggregators: dict[int, Aggregator] = {}
        self._enrich: Callable[[FlowBatch], FlowBatch] = lambda batch: batch
        self._network: Network | None = None
        self._changes: int | None = None
        self._looked_ns = self._taken_ns = now_ns
        self._interfaces = interfaces
        self._recent: deque[tuple[int, int]] = deque()
        self._records = self._skipped = 0
        self._trouble_told = float("-inf")
        self.totals = Totals()
        self.reload(now_ns)
        self._begin()
        self._deliver_left_over()
        self._clear_left_over()

    # --- flow logs and network -----------------------------------------------------------------------------------

    def _refresh(self, now_ns: int, interfaces: tuple[str, ...]) -> bool:
        """Take up what has changed and tell whether anything has; where it cannot be read, go on as before."""
        with self._going_on():
            if self._is_stale(now_ns, interfaces):
                self.reload(now_ns)
                return True
        return False

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Go on where the state file cannot be read or written just now, and say so now and then."""
        try:
            yield
        except VpcFlowError as error:
            now = time.monotonic()
            if now > self._trouble_told + _TROUBLE_S:
                self._trouble_told = now
                self._say("run.state", reason=error.message)

    def reload(self, now_ns: int) -> None:
        """Take the flow logs and the network as they are now."""
        changes = self._wiring.state.changes()
        self._looked_ns = now_ns
        network = self._wiring.network()
        found = {one.id: one for one in self._flow_logs.all()}
        for gone in [self._streams.pop(one) for one in list(self._streams) if one not in found]:
            self._leave(gone)
        for flow_log in found.values():
            if flow_log.id not in self._streams:
                self._streams[flow_log.id] = _Stream(flow_log, now_ns // _SECOND)
        for stream in self._streams.values():
            self._look(stream, network)
        self._runs.forget([one for one in self._runs.broken_off() if one not in found])
        wanted = {FIELDS[name].column for one in found.values() for name in one.log_format.names}
        self._enrich = Enrichment(network, self._wiring.ranges, wanted)
        self._network = network
        self._set_intervals()
        self._changes = changes

    def _look(self, stream: _Stream, network: Network) -> None:
        """Find out which interfaces a flow log looks at now."""
        flow_log = stream.flow_log
        members = interfaces_of(network, flow_log.resource_type, flow_log.resource_id)
        if members is None and stream.members != frozenset():
            self._say("run.no_resource", flow_log=flow_log.id, resource=flow_log.resource_id)
        stream.members = members or frozenset()
        if flow_log.is_transit_gateway:
            stream.shape = TransitGatewayRecords(network)
        else:
            stream.shape = TagFields(network, flow_log.tag_fields) if flow_log.tag_fields else None
        if stream.delivery is not None and stream.shared != self._is_shared(flow_log):
            # Several flow logs of one log group have one stream, so its name is another one from now on.
            stream.delivery.close(self._wiring.close_s)
            stream.delivery = None
            self._open(stream)

    def _begin(self) -> None:
        """Begin with the flow logs that look at interfaces which are captured."""
        here = frozenset(self._interfaces)
        new = [one for one in self._streams.values() if not one.begun and not here.isdisjoint(one.members or ())]
        if not new:
            return
        broken_off = self._runs.broken_off()
        for stream in new:
            stream.begun = True
            stream.gap_s = broken_off.get(stream.flow_log.id)
            # The aggregators begin with what came since the drain before this.
            stream.until_s = max(stream.since_s, self._taken_ns // _SECOND) if stream.gap_s is None else stream.gap_s
            if stream.delivery is None:
                self._open(stream)
        self._set_intervals()
        self._runs.mark({one.flow_log.id: one.until_s for one in new if one.gap_s is None})

    def _deliver_left_over(self) -> None:
        """Deliver what waits of flow logs whose interfaces are not captured any more, unless another daemon does."""
        for stream in self._streams.values():
            if stream.delivery is None and not stream.begun and self._has_left(stream.flow_log):
                with suppress(VpcFlowError):
                    stream.delivery = self._wiring.delivery(stream.flow_log, self._is_shared(stream.flow_log))

    def _has_left(self, flow_log: FlowLog) -> bool:
        """Tell whether records of a flow log wait on disk."""
        folder = self._wiring.spools / flow_log.id
        return any(path.suffix in (".sealed", ".open") for path in folder.iterdir()) if folder.is_dir() else False

    def _is_shared(self, flow_log: FlowLog) -> bool:
        """Tell whether other flow logs publish to the same log group."""
        group = _group(flow_log)
        return bool(group) and any(
            _group(other.flow_log) == group for other in self._streams.values() if other.flow_log.id != flow_log.id
        )

    def _open(self, stream: _Stream) -> None:
        stream.shared = self._is_shared(stream.flow_log)
        try:
            stream.delivery = self._wiring.delivery(stream.flow_log, stream.shared)
        except VpcFlowError as error:
            stream.retry_at = time.monotonic() + _RETRY_S
            self._report(stream, DeliveryStatus("FAILED", ACCESS_ERROR, error.message))

    def _leave(self, stream: _Stream) -> None:
        """Deliver what is left of a flow log that is no more, beside the others."""
        self._runs.forget([stream.flow_log.id])
        if stream.delivery is not None:
            threading.Thread(target=self._close_for_good, args=(stream,), daemon=True).start()

    def _close_for_good(self, stream: _Stream) -> None:
        if stream.delivery is None:
            return
        if not stream.delivery.close(self._wiring.close_s):
            self._say("run.left_over", flow_log=stream.flow_log.id, bytes=f"{stream.delivery.waiting_bytes:,}")
        shutil.rmtree(self._wiring.spools / stream.flow_log.id, ignore_errors=True)

    def _clear_left_over(self) -> None:
        """Remove what waits for flow logs that were deleted while nobody delivered: where to is not known any more."""
        spools = self._wiring.spools
        folders = sorted(spools.glob("fl-*"))
        # Read after the folders: another daemon may have begun with a new flow log meanwhile.
        known = {one.id for one in self._flow_logs.all()}
        for folder in folders:
            if folder.name not in known:
                waiting = sum(path.stat().st_size for path in folder.glob("*.sealed"))
                if waiting:
                    self._say("run.left_over", flow_log=folder.name, bytes=f"{waiting:,}")
                shutil.rmtree(folder, ignore_errors=True)

    def _set_intervals(self) -> None:
        """Have an aggregator for each interval length in use; a new one has all that came since the drain before this."""
        wanted = {stream.flow_log.interval_s for stream in self._streams.values() if stream.begun}
        for interval_s in set(self._aggregators) - wanted:
            del self._aggregators[interval_s]
        capacity = max(1, self._wiring.memory // _BYTES_A_FLOW // max(1, len(wanted)))
        for interval_s in sorted(wanted - set(self._aggregators)):
            self._aggregators[interval_s] = Aggregator(
                interval_s, self._wiring.identity, self.totals, capacity=capacity, began_ns=self._taken_ns
            )

    # --- drains --------------------------------------------------------------------------------------------------

    def take(self, now_ns: int, counts: FlowCounts) -> None:
        """Take one drain that began at *now_ns*."""
        changed = self._refresh(now_ns, counts.interfaces)
        self._interfaces = counts.interfaces
        with self._going_on():
            self._begin()
        if changed:
            self._deliver_left_over()
        self._look_after(time.monotonic())
        for stream in self._streams.values():
            self._tell_gap(stream, now_ns // _SECOND)
        if self._wiring.translations is not None:
            self._wiring.translations.refresh()
        for interval_s, aggregator in self._aggregators.items():
            self._hand_on(interval_s, aggregator.fold(replace(counts, rows=counts.rows.copy())))
            self._hand_on(interval_s, aggregator.pass_time(now_ns))
        self._mark(now_ns // _SECOND)
        self._taken_ns = now_ns

    def _is_stale(self, now_ns: int, interfaces: tuple[str, ...]) -> bool:
        """Tell whether flow logs or network may be others than those in use."""
        if self._wiring.state.changes() != self._changes or {*interfaces} != {*self._interfaces}:
            return True
        if now_ns - self._looked_ns < _LOOK_NS:
            return False
        self._looked_ns = now_ns
        return self._wiring.network() != self._network

    def _hand_on(self, interval_s: int, batches: Iterable[FlowBatch]) -> None:
        streams = [one for one in self._streams.values() if one.flow_log.interval_s == interval_s]
        translations = self._wiring.translations
        for batch in batches:
            self._put(self._enrich(batch if translations is None else translations.fill(batch)), streams)

    def _put(self, batch: FlowBatch, streams: Sequence[_Stream]) -> None:
        count = sum(stream.put(batch) for stream in streams)
        self._records += count
        self._recent.append((time.monotonic_ns(), count))

    def _tell_gap(self, stream: _Stream, now_s: int) -> None:
        """Say of a time whose records are not kept that nobody knows what passed."""
        if stream.gap_s is None or stream.delivery is None or not self._interfaces:
            return
        spans = [(one, stream.gap_s, max(stream.gap_s, now_s)) for one in self._interfaces]
        self._skipped += stream.put(self._enrich(status_records(spans, "SKIPDATA", self._wiring.identity)))
        self._say("run.gap", flow_log=stream.flow_log.id, since_s=stream.gap_s)
        stream.gap_s, stream.until_s = None, now_s
        with self._going_on():
            self._runs.mark({stream.flow_log.id: now_s})

    def _mark(self, now_s: int) -> None:
        """Keep how far each flow log has come, once an interval."""
        marks = {}
        for stream in self._streams.values():
            length = stream.flow_log.interval_s
            if stream.begun and stream.gap_s is None and now_s // length * length > stream.until_s:
                marks[stream.flow_log.id] = stream.until_s = now_s // length * length
        with self._going_on():
            self._runs.mark(marks)

    # --- deliveries ----------------------------------------------------------------------------------------------

    def _look_after(self, now: float) -> None:
        """Tell of deliveries that go otherwise than before; try again those that could not be opened."""
        for stream in self._streams.values():
            if stream.delivery is not None:
                self._report(stream, stream.delivery.status())
            elif stream.begun and now >= stream.retry_at:
                self._open(stream)

    def _report(self, stream: _Stream, status: DeliveryStatus) -> None:
        before = stream.status
        if status.status is None or status == before:
            return
        stream.status = status
        with self._going_on():
            self._flow_logs.report(stream.flow_log.id, status)
        if status.status == "FAILED":
            self._say("run.failed", flow_log=stream.flow_log.id, message=status.error_message, reason=status.reason)
        elif before.status == "FAILED":
            self._say("run.works_again", flow_log=stream.flow_log.id)

    def status(self) -> Status:
        """Return how it goes."""
        since = time.monotonic_ns() - _RATE_S * _SECOND
        while self._recent and self._recent[0][0] < since:
            self._recent.popleft()
        opened = [stream.delivery for stream in self._streams.values() if stream.delivery is not None]
        begun = [stream.flow_log for stream in self._streams.values() if stream.begun]
        return Status(
            interfaces=len(self._interfaces),
            flow_logs=len(self._streams),
            intervals=tuple(sorted({one.interval_s for one in begun})),
            destinations=tuple(dict.fromkeys(map(_where, begun))),
            records=sum(count for _, count in self._recent),
            all_records=self._records,
            skipped=self._skipped + self.totals.skipdata + sum(one.dropped.records for one in opened),
            waiting_bytes=sum(one.waiting_bytes for one in opened),
            failed={
                one.flow_log.id: one.status.reason for one in self._streams.values() if one.status.status == "FAILED"
            },
        )

    # --- the end -------------------------------------------------------------------------------------------------

    def close(self, now_ns: int) -> bool:
        """Make records of what is open and deliver what can be delivered; tell whether nothing is left on disk."""
        for interval_s, aggregator in self._aggregators.items():
            self._hand_on(interval_s, aggregator.finish(now_ns))
        whole = [one for one, stream in self._streams.items() if stream.begun and stream.gap_s is None]
        with self._going_on():
            self._runs.mark(dict.fromkeys(whole, now_ns // _SECOND), stopped=True)
        opened = [stream.delivery for stream in self._streams.values() if stream.delivery is not None]
        if not opened:
            return True
        with ThreadPoolExecutor(len(opened)) as pool:
            done = list(pool.map(lambda one: one.close(self._wiring.close_s), opened))
        self._look_after(float("-inf"))
        return all(done)


def _of_interfaces(batch: FlowBatch, members: frozenset[str]) -> FlowBatch:
    """Return the records of some interfaces."""
    ids, places = encoded(batch, "interface_id")
    wanted = np.array([*(name in members for name in ids), False])[places]
    return batch if wanted.all() else batch.filter(pa.array(wanted))


def _group(flow_log: FlowLog) -> str:
    """Return the log group a flow log publishes to, empty for none."""
    if flow_log.log_destination_type != "cloud-watch-logs":
        return ""
    return flow_log.log_group_name or flow_log.log_destination.partition(":log-group:")[2].removesuffix(":*")


def _where(flow_log: FlowLog) -> str:
    """Return a destination in a word or two."""
    kind = flow_log.log_destination_type
    name = _group(flow_log) or flow_log.log_destination.rpartition(":::")[2] or kind
    return name if name == kind else f"{kind}:{name}"
