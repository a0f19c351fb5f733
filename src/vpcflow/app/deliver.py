"""Flow logs → where their records go: the destinations by name, and records that are delivered once more."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

from vpcflow.analyze.records import in_order_of_delivery
from vpcflow.deliver.destination import Counts, Receipt
from vpcflow.deliver.replay import Always, Journal, by_owner, pieces, windows
from vpcflow.deliver.ship import Backoff, ship
from vpcflow.errors import DeliveryError
from vpcflow.record.fields import FIELDS
from vpcflow.types import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from vpcflow.analyze.plan import Scope
    from vpcflow.app import App
    from vpcflow.aws import S3Access
    from vpcflow.deliver.destination import Destination, Unit
    from vpcflow.errors import VpcFlowError
    from vpcflow.query.answer import Asker
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FlowLog

NOBODY: Final = ("000000000000", "local-1")
"""Account and region of records that tell none."""

_GIVE_UP_S: Final = 300.0
"""How long a replay goes on trying when nothing is accepted."""

_COMPACT_EVERY_S: Final = 900.0
"""How often the small files that a daemon makes are merged."""

_FILES: Final = ("s3", "folder")


@dataclass(frozen=True, slots=True)
class Reaching:
    """How destinations are reached. access: credentials and regions. endpoint_url: of whatever service it is.

    shared: other flow logs publish to the same log group. out: where `stdout` is.
    """

    access: S3Access
    endpoint_url: str | None = None
    shared: bool = False
    temporary: Path | None = None
    out: BinaryIO | None = None
    clock: Callable[[], float] = time.time


def reaching(app: App, endpoint_url: str | None = None) -> Reaching:
    """Return how the settings reach destinations. endpoint_url: of the destination, else that of the settings."""
    access = app._access()  # noqa: SLF001 - the wiring, in two parts
    return Reaching(access, endpoint_url or access.endpoint_url)


def destination(app: App, flow_log: FlowLog, how: Reaching) -> Destination:
    """Return where *flow_log* delivers to; asks nobody yet. DeliveryError or SourceError for what can never be reached."""
    kind = flow_log.log_destination_type
    if kind == "s3":
        from vpcflow.deliver.s3 import S3Destination

        access = replace(how.access, endpoint_url=how.endpoint_url)
        return S3Destination(flow_log, access, temporary=how.temporary, clock=how.clock)
    if kind == "cloud-watch-logs":
        from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination

        return CloudWatchLogsDestination(
            flow_log, how.access, shared=how.shared, endpoint_url=how.endpoint_url, clock=how.clock
        )
    if kind == "kinesis-data-firehose":
        from vpcflow.deliver.firehose import FirehoseDestination

        return FirehoseDestination(flow_log, how.access, endpoint_url=how.endpoint_url)
    if kind == "folder":
        from vpcflow.deliver.folder import FolderDestination

        return FolderDestination(flow_log, temporary=how.temporary, clock=how.clock)
    if kind == "lake":
        return LakeDestination(app, flow_log)
    if how.out is None:
        raise DeliveryError("deliver.no_stdout")
    from vpcflow.deliver.stdout import StreamDestination

    return StreamDestination(flow_log, how.out)


class LakeDestination:
    """A lake; each unit is one of its sources, so the ledger takes it exactly once."""

    at_once = 1
    seal_every_s = 60
    unit_bytes = 32 << 20

    def __init__(self, app: App, flow_log: FlowLog) -> None:
        self._app = app.with_lake(flow_log.log_destination) if flow_log.log_destination else app
        self._flow_log = flow_log
        self.uri = self._app.lake_name
        self._compact_at = time.monotonic() + _COMPACT_EVERY_S

    def shipments(self, unit: Unit) -> Iterator[_IntoLake]:
        """Yield *unit*, whole."""
        yield _IntoLake(self, unit)

    def take(self, unit: Unit) -> Receipt:
        """Put *unit* into the lake, if it is not there already."""
        from vpcflow.app import Reading
        from vpcflow.record.arrow_file import ArrowFile
        from vpcflow.types import SourceObject

        def opened() -> BinaryIO:
            return cast("BinaryIO", ArrowFile(_alike(list(unit.batches()))))

        source = SourceObject(
            f"{self._flow_log.arn}/{unit.id}",
            "1",
            1,
            opened,
            account=self._flow_log.account,
            region=self._flow_log.region,
        )
        compact = time.monotonic() >= self._compact_at
        if compact:
            self._compact_at = time.monotonic() + _COMPACT_EVERY_S
        with self._app.lake(create=True) as lake:
            done = self._app._round(lake, [source], Counter(), Reading(), compact=compact)  # noqa: SLF001
        progress = done.progress
        for _, error in progress.failed:
            raise error
        rows = progress.report.rows
        return Receipt(rows, known=0 if progress.objects else sum(batch.num_rows for batch in unit.batches()))

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class _IntoLake:
    destination: LakeDestination
    unit: Unit

    @property
    def digest(self) -> str:
        return self.unit.id

    @property
    def lane(self) -> str:
        return ""

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        del left, again
        return self.destination.take(self.unit)

    def close(self) -> None:
        """Nothing is held."""


def _alike(batches: list[FlowBatch]) -> Iterator[FlowBatch]:
    """Yield *batches*, all with the columns of all of them."""
    from vpcflow.record.parquet import fitted
    from vpcflow.record.schema import schema_of

    schema = schema_of(dict.fromkeys(name for batch in batches for name in batch.schema.names))
    return (fitted(batch, schema) for batch in batches)


@dataclass(frozen=True, slots=True)
class Replaying:
    """What is delivered once more, and how.

    flow_log: its id is made of *named* and of whose records they are; account and region are the records' own.
    named: what tells this replay from another: the same words, the same names of objects.
    on_trouble: told of an attempt that failed and will be made again, and in how many seconds.
    """

    flow_log: FlowLog
    named: str
    how: Reaching
    on_trouble: Callable[[VpcFlowError, float], None]


@dataclass(slots=True)
class Replayed:
    """What came of a replay. resumed: shipments that an interrupted run had made are not made again."""

    counts: Counts = field(default_factory=Counts)
    uri: str = ""
    resumed: bool = False
    elapsed_s: float = 0.0


def replay(app: App, asker: Asker, scope: Scope, replaying: Replaying, done: Replayed) -> None:
    """Deliver the records of *scope*; *done* is filled on the way. DeliveryError when the destination takes no more."""
    began = time.perf_counter()
    flow_log = replaying.flow_log
    files = flow_log.log_destination_type in _FILES
    present = asker.schema().present[scope.base]
    wanted = [FIELDS[name].column for name in flow_log.log_format.names]
    routing = ["interface_id", "resource_id", "tgw_attachment_id", "start", "end", "log_status", "action"]
    columns = [name for name in dict.fromkeys((*wanted, *routing)) if name in present]
    try:
        if columns:
            plan = in_order_of_delivery(scope, asker.schema(), columns, exact=not files)
            for owner, batches in by_owner(asker.ask(plan, Limits()).batches):
                _replay_owner(app, _owned(replaying, *owner), replaying, batches, done, files=files)
    finally:
        done.elapsed_s += time.perf_counter() - began


def _replay_owner(
    app: App, flow_log: FlowLog, replaying: Replaying, batches: Iterator[FlowBatch], done: Replayed, *, files: bool
) -> None:
    from vpcflow.deliver.encode import selected

    where = destination(app, flow_log, replaying.how)
    done.uri = where.uri
    mine = (selected(batch, flow_log) for batch in batches)
    journal = None if files else Journal(app.state_folder / "deliver" / flow_log.id)
    try:
        retry = _Retry(replaying.on_trouble)
        again = journal is not None and journal.resumed
        done.resumed = done.resumed or again
        for unit in windows(mine, int(replaying.how.clock())) if files else pieces(mine):
            ship(unit, where, journal or Always(), done.counts, again=again, retry=retry.again)
            retry.worked()
        if journal is not None:
            journal.finish()
    finally:
        if journal is not None:
            journal.close()
        where.close()


def _owned(replaying: Replaying, account: str, region: str) -> FlowLog:
    known = account.isdecimal() and len(account) == 12
    account = account if known else NOBODY[0]
    region = NOBODY[1] if region in ("", "unknown") else region
    flow_log = replaying.flow_log
    told = (replaying.named, flow_log.log_destination, str(flow_log.log_format), flow_log.options, account, region)
    unique = hashlib.sha256(repr((*told, flow_log.traffic_type)).encode()).hexdigest()[:17]
    return replace(flow_log, id=f"fl-{unique}", account=account, region=region)


class _Retry:
    """Waits after failures that may pass, as long as something is accepted now and then."""

    def __init__(self, on_trouble: Callable[[VpcFlowError, float], None]) -> None:
        self._on_trouble = on_trouble
        self._backoff = Backoff()
        self._since: float | None = None
        self._lock = threading.Lock()

    def again(self, error: VpcFlowError, stop: threading.Event) -> bool:
        with self._lock:
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            if not error.retryable or now - self._since > _GIVE_UP_S:
                return False
            wait = self._backoff.failed()
            self._on_trouble(error, wait)
        return not stop.wait(wait)

    def worked(self) -> None:
        self._backoff.worked()
        self._since = None
