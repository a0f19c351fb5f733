"""The wiring: the only room that names concrete classes of several stages; a topic of its own has a module here."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from vpcflow.app.capture_network import Judge, Judged
from vpcflow.app.log_events import Filed
from vpcflow.config import Value
from vpcflow.errors import RecordError, SourceError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from vpcflow.aggregate.aggregator import Totals
    from vpcflow.aggregate.records import Identity
    from vpcflow.app.capture_network import Model
    from vpcflow.cache import ObjectCache
    from vpcflow.capture.direction import Guess
    from vpcflow.capture.read import Config as CaptureConfig
    from vpcflow.collect.probe import Probe
    from vpcflow.collect.queue import Queue
    from vpcflow.collect.s3_access import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.config import Config
    from vpcflow.errors import VpcFlowError
    from vpcflow.lake.compaction import Compacted
    from vpcflow.lake.ingest import Config as IngestConfig
    from vpcflow.lake.ingest import Progress
    from vpcflow.lake.lake import Lake
    from vpcflow.lake.s3_storage import S3Storage
    from vpcflow.places import TablePlaces
    from vpcflow.query.amazon_athena import AthenaEngine
    from vpcflow.query.answer import Asker
    from vpcflow.query.athena.user_tables import UserTables
    from vpcflow.query.remote import RemoteAsker
    from vpcflow.record.format import LogFormat
    from vpcflow.record.log_events import Filing
    from vpcflow.state.store import State
    from vpcflow.telemetry import BadLine, ReadReport
    from vpcflow.types import FlowBatch, SourceObject

_SPARE: Final = 0.6
"""Part of the memory setting that the query engine may take; the rest is for Arrow and Python."""


_PROGRAMS: Final = 250 << 20
"""What the program and its libraries take of the memory setting."""

_TABLE_SHARE: Final = 6
"""A capture's flow table takes this part of the memory there is for flows."""

_BYTES_A_FLOW: Final = 1000
"""Memory for each partial flow held: 96 bytes of its own, the rest for merging, sorting and writing it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects of the sources are wanted, told from their keys before anything is fetched."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    time: TimeRange = field(default_factory=TimeRange)


@dataclass(frozen=True, slots=True)
class AthenaPlace:
    """Where on Amazon Athena a question is put; None leaves it to the profile or the workgroup."""

    workgroup: str | None = None
    database: str = "default"
    output_location: str | None = None
    s3_endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How sources are read. on_bad: called with each bad line and its bytes. filing: as events of a log group."""

    log_format: LogFormat | None = None
    on_bad: Callable[[BadLine, bytes], None] | None = None
    on_progress: Callable[[Progress], None] | None = None
    filing: Filing | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """How sources are watched.

    interval_s: between two looks at them, or of taking messages together. on_trouble: told when a look fails; the next one tries
    again. queue_url: of an SQS queue that tells of new objects; the sources are then listed each list_every_s only.
    """

    interval_s: float
    stop: threading.Event
    on_trouble: Callable[[SourceError], None]
    compact: bool = True
    queue_url: str | None = None
    list_every_s: float = 3600


@dataclass(slots=True)
class Ingested:
    """What came of an ingest. left_out: objects that were not read, by reason."""

    progress: Progress
    left_out: Counter[str]
    compacted: Compacted | None = None


@dataclass(frozen=True, slots=True)
class Capturing:
    """How captures become records.

    model: the network that tells interfaces and decides each record's action; None leaves the action null.
    """

    config: CaptureConfig
    identity: Identity
    on_guess: Callable[[Guess], None]
    model: Model | None = None

    @property
    def digest(self) -> str:
        """What the records depend on, in 12 hex digits: a capture that is read in another way makes other records."""
        config = self.config
        local = [network.text for network in config.local]
        parts: tuple[object, ...] = (config.interval_s, local, config.keep_all, config.interface_id, self.identity)
        if self.model is not None:
            parts += (self.model.digest,)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@dataclass(slots=True)
class Captured:
    """What came of captures. engines: those that read; interfaces: id → where it was; failed: what could not be read."""

    totals: Totals
    report: ReadReport
    packets: int = 0
    files: int = 0
    interfaces: dict[str, str] = field(default_factory=dict)
    engines: set[str] = field(default_factory=set)
    failed: list[tuple[str, VpcFlowError]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0
    judged: Judged = field(default_factory=Judged)

    @classmethod
    def nothing(cls) -> Captured:
        """Return one to be filled."""
        from vpcflow.aggregate.aggregator import Totals
        from vpcflow.telemetry import ReadReport

        return cls(Totals(), ReadReport())

    def add(self, other: Captured) -> None:
        """Add what came of other captures."""
        self.totals.add(other.totals)
        self.report.add(other.report)
        self.packets += other.packets
        self.files += other.files
        self.interfaces.update(other.interfaces)
        self.engines |= other.engines
        self.judged.add(other.judged)


class _Capture:
    """Captures on their way to records: one reader, one aggregator. memory: bytes their flows may take."""

    def __init__(self, how: Capturing, memory: int, total_bytes: int | None, done: Captured) -> None:
        from vpcflow.aggregate.aggregator import Aggregator
        from vpcflow.capture.read import Reader

        self._how, self._done = how, done
        self._judge = Judge(how.model, done.judged) if how.model else None
        place = self._judge.place if self._judge else None
        config = replace(how.config, max_bytes=memory // _TABLE_SHARE, place=place)
        self._reader = Reader(config, total_bytes, how.on_guess)
        self._aggregator = Aggregator(config.interval_s, how.identity, done.totals, capacity=memory // _BYTES_A_FLOW)
        self._joined = config.interface_id is not None
        done.engines.add(self._reader.engine)

    def records(self, found: SourceObject) -> Iterator[FlowBatch]:
        """Yield the records of one capture, and of intervals that it ends."""
        done = self._done
        before = self._reader.packets
        with found.open() as raw:
            try:
                for counts in self._reader.read(raw, found.uri, done.report):
                    yield from self._decided(self._aggregator.fold(counts))
            finally:
                done.packets += self._reader.packets - before
                names = self._reader.interfaces
                done.interfaces.update(self._judge.words(names) if self._judge else names)
        done.files += 1
        if not self._joined:
            yield from self.finish()

    def finish(self) -> Iterator[FlowBatch]:
        """Yield the records of all intervals that are open."""
        yield from self._decided(self._aggregator.finish())

    def _decided(self, batches: Iterator[FlowBatch]) -> Iterator[FlowBatch]:
        return batches if self._judge is None else map(self._judge.evaluate, batches)


class App:
    """Everything a door (CLI, later API and console) may ask for."""

    def __init__(self, config: Config) -> None:
        self.config = config

    # --- the lake ----------------------------------------------------------------------------------------------

    @property
    def lake_name(self) -> str:
        """Where the lake lies: a folder, or `s3://bucket/prefix`."""
        name = self.config.text("lake")
        return name if name.startswith("s3://") else str(Path(name).expanduser())

    @property
    def lake_home(self) -> Path:
        """The folder here that holds the ledger: the lake itself, or for one in S3 its place in the state folder."""
        name = self.lake_name
        if not name.startswith("s3://"):
            return Path(name)
        return self.state_folder / "lakes" / hashlib.sha256(name.rstrip("/").encode()).hexdigest()[:16]

    def with_lake(self, name: str) -> App:
        """Return an app of the same settings but for the lake."""
        return App(replace(self.config, values={**self.config.values, "lake": Value(name, "")}))

    @property
    def state_folder(self) -> Path:
        """The user's folder for what outlives a command."""
        given = self.config.text("state")
        if given:
            return Path(given).expanduser()
        return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "vpcflow"

    @functools.cached_property
    def cache(self) -> ObjectCache:
        """What is fetched from S3 to be read here."""
        from vpcflow.cache import ObjectCache

        given = self.config.text("cache")
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vpcflow"
        return ObjectCache(Path(given).expanduser() if given else base, self.config.number("cache_size") or 0)

    @contextlib.contextmanager
    def lake(self, *, create: bool = False) -> Iterator[Lake]:
        """Open the lake of the settings; LakeError when there is none and *create* is not set."""
        from vpcflow.lake.lake import Lake

        lake = Lake(self.lake_home, create=create, storage=self._storage(), name=self.lake_name)
        try:
            yield lake
        finally:
            lake.close()

    def _storage(self) -> S3Storage | None:
        if not self.lake_name.startswith("s3://"):
            return None
        from vpcflow.collect.s3_folder import S3Folder
        from vpcflow.lake.s3_storage import S3Storage

        return S3Storage(S3Folder(self.lake_name, self._access()), self.cache, self.lake_home)

    @contextlib.contextmanager
    def passing_lake(self, sources: Sequence[str], wanted: Wanted, reading: Reading) -> Iterator[tuple[Lake, Ingested]]:
        """Read *sources* into a lake that goes when the block ends: what ``--from`` asks."""
        from vpcflow.collect.source import is_remote
        from vpcflow.lake.lake import Lake

        if not any(is_remote(source) for source in sources):
            # What lies here is cheap to read, and the rows' own times are exact, which the times in names may not be.
            wanted = replace(wanted, time=TimeRange())
        _remove_left_over()
        with tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-", ignore_cleanup_errors=True) as folder:
            lake = Lake(Path(folder), create=True, durable=False)
            try:
                yield lake, self.ingest(lake, sources, wanted, reading, compact=False)
            finally:
                lake.close()

    def ingest(
        self, lake: Lake, sources: Sequence[str], wanted: Wanted, reading: Reading, *, compact: bool = True
    ) -> Ingested:
        """Ingest everything of *sources* that *lake* does not have; then merge the files of closed hours."""
        from vpcflow.collect.source import open_sources

        left_out: Counter[str] = Counter()
        selection, looks = self._selection(wanted, reading), Filed(reading.filing).looks(lake.ledger.looks)
        objects = open_sources(sources, selection, self._access(), left_out, looks)
        return self._round(lake, objects, left_out, reading, compact=compact)

    def watch(
        self, lake: Lake, sources: Sequence[str], wanted: Wanted, reading: Reading, watching: Watching
    ) -> Iterator[Ingested]:
        """Ingest what is new in *sources* again and again until it is to stop; yield each round that had anything."""
        if watching.queue_url is not None:
            yield from self._follow(lake, watching.queue_url, sources, wanted, reading, watching)
            return
        from vpcflow.collect.source import open_sources
        from vpcflow.collect.watch import watch

        left_out: Counter[str] = Counter()
        selection, looks = self._selection(wanted, reading), Filed(reading.filing).looks(lake.ledger.looks)

        def look() -> Iterator[SourceObject]:
            left_out.clear()
            try:
                yield from open_sources(sources, selection, self._access(), left_out, looks)
            except SourceError as error:
                if error.code != "source.empty":
                    watching.on_trouble(error)

        for objects in watch(look, watching.interval_s, watching.stop):
            done = self._round(lake, objects, left_out, reading, compact=watching.compact)
            if done.progress.objects or done.progress.failed or left_out["fewer_events"]:
                yield done

    def _follow(
        self, lake: Lake, url: str, sources: Sequence[str], wanted: Wanted, reading: Reading, watching: Watching
    ) -> Iterator[Ingested]:
        """Ingest what the queue *url* tells of *sources*, and now and then what a listing finds beside that.

        A message is deleted after the commit of its objects; what the lake raises ends it, and the messages come again.
        """
        from vpcflow.collect.queue import Intake, Round

        queue = self.queue(url)
        intake = Intake(queue, sources, self._selection(wanted, reading), self._access())
        listing = time.monotonic() + watching.list_every_s
        while not watching.stop.is_set():
            if time.monotonic() >= listing:
                yield from self._listed(lake, sources, wanted, reading, watching)
                listing = time.monotonic() + watching.list_every_s
            with Round(queue) as told:
                try:
                    intake.gather(told, watching.interval_s, watching.stop)
                except SourceError as error:
                    watching.on_trouble(error)
                    watching.stop.wait(watching.interval_s)
                if not len(told) and not told.left_out:
                    continue
                done = self._round(lake, told.objects, told.left_out, reading, compact=watching.compact)
                progress = done.progress
                gone = {uri for uri, error in progress.failed if error.code == "source.gone"}
                progress.failed = [(uri, error) for uri, error in progress.failed if uri not in gone]
                told.left_out["gone"] += len(gone)
                try:
                    told.settle({Filed(reading.filing).own(uri) for uri, _ in progress.failed})
                except SourceError as error:
                    watching.on_trouble(error)
            for trouble in told.troubles[:1]:
                watching.on_trouble(trouble)
            done.left_out = told.left_out
            if progress.objects or progress.failed or +told.left_out:
                yield done

    def probe(self, source: str) -> Probe:
        """Find out whether *source* can be read; SourceError says why not."""
        from vpcflow.collect.probe import probe

        return probe(source, self._access())

    def _listed(
        self, lake: Lake, sources: Sequence[str], wanted: Wanted, reading: Reading, watching: Watching
    ) -> Iterator[Ingested]:
        """Ingest what a listing finds; yield it if there was anything."""
        try:
            done = self.ingest(lake, sources, wanted, reading, compact=watching.compact)
        except SourceError as error:
            if error.code != "source.empty":
                watching.on_trouble(error)
            return
        if done.progress.objects or done.progress.failed:
            yield done

    def queue(self, url: str) -> Queue:
        """Return the queue *url*; SourceError for what is no URL of one, or for missing credentials."""
        from vpcflow.collect.queue import Queue

        return Queue(url, self._access())

    def take_in(self, lake: Lake, objects: Iterable[SourceObject], *, compact: bool = True) -> Ingested:
        """Ingest *objects* that are here already, each once; then merge the files of closed hours."""
        return self._round(lake, objects, Counter(), Reading(), compact=compact)

    def _round(
        self, lake: Lake, objects: Iterable[SourceObject], left_out: Counter[str], reading: Reading, *, compact: bool
    ) -> Ingested:
        """Ingest *objects*, then merge the files of closed hours."""
        from vpcflow.lake import compaction
        from vpcflow.lake.ingest import Ingest

        config = self._ingest_config(reading)
        with lake.writer() as writer:
            progress = Ingest(lake, writer, config, reading.on_progress).run(Filed(reading.filing).objects(objects))
            done = Ingested(progress, left_out)
            if compact and progress.files:
                began = time.perf_counter()
                done.compacted = compaction.compact(
                    lake, writer, memory=config.memory, threads=config.workers, thorough=False
                )
                progress.elapsed_s += time.perf_counter() - began
        done.left_out = Counter(left_out)
        return done

    def compact(self, lake: Lake) -> Compacted:
        """Merge the files of closed hours."""
        from vpcflow.lake import compaction

        config = self._ingest_config(Reading())
        with lake.writer() as writer:
            return compaction.compact(lake, writer, memory=config.memory, threads=config.workers)

    def total_bytes(self, sources: Sequence[str], wanted: Wanted) -> int | None:
        """Return the bytes of *sources* as stored, None when that is not cheap to know."""
        from vpcflow.collect.source import total

        found = total(sources, self._selection(wanted))
        return None if found is None else found.bytes

    # --- captures ----------------------------------------------------------------------------------------------

    def capture(self, sources: Sequence[str], how: Capturing, done: Captured) -> Iterator[FlowBatch]:
        """Yield the flow log records of captures; ``-`` alone is standard input, read as it comes.

        done: filled on the way. A capture that cannot be read is named there, and the others are read.
        """
        from vpcflow.collect.source import total

        streamed = list(sources) == ["-"]
        objects = [_standard_input()] if streamed else self._captures(sources, done)
        size = total(sources, self._selection(Wanted()))
        began = time.perf_counter()
        run = _Capture(how, self.flow_memory(), None if size is None else size.bytes, done)
        for found in objects:
            try:
                yield from run.records(found)
            except (RecordError, SourceError) as error:
                done.failed.append((found.uri, error))
        yield from run.finish()
        done.elapsed_s += time.perf_counter() - began

    def capture_into_lake(self, lake: Lake, sources: Sequence[str], how: Capturing, done: Captured) -> Ingested:
        """Put the flow log records of captures into *lake*, each capture once.

        A capture that is read in another way than before (interval, local addresses …) replaces what the lake has of it.
        """
        from vpcflow.lake.ingest import Ingest
        from vpcflow.record.arrow_file import ArrowFile

        config = self._ingest_config(Reading())
        memory = self.flow_memory() // (2 * config.workers)
        lock = threading.Lock()

        def opened(found: SourceObject) -> BinaryIO:
            def batches() -> Iterator[FlowBatch]:
                mine = Captured.nothing()
                run = _Capture(how, memory, found.bytes, mine)
                yield from run.records(found)
                yield from run.finish()
                with lock:
                    done.add(mine)

            return cast("BinaryIO", ArrowFile(batches()))

        objects = (
            replace(found, etag=f"{found.etag}-{how.digest}", open=partial(opened, found))
            for found in self._captures(sources, done)
        )
        with lake.writer() as writer:
            progress = Ingest(lake, writer, config).run(objects)
        done.elapsed_s, done.failed = progress.elapsed_s, progress.failed
        return Ingested(progress, done.left_out)

    def _captures(self, sources: Sequence[str], done: Captured) -> Iterator[SourceObject]:
        from vpcflow.collect.source import open_sources

        return open_sources(sources, self._selection(Wanted()), self._access(), done.left_out)

    # --- questions ---------------------------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        """Where tables, views and saved queries are kept."""
        given = self.config.text("state")
        if given and not self.lake_name.startswith("s3://"):
            return Path(given).expanduser() / "state.sqlite"
        return self.lake_home / "_vpcflow" / "state.sqlite"

    @contextlib.contextmanager
    def state(self) -> Iterator[State]:
        """Open what is kept beside the lake; reading it makes nothing."""
        from vpcflow.state.store import State

        state = State(self.state_path)
        try:
            yield state
        finally:
            state.close()

    @contextlib.contextmanager
    def asker(self, lake: Lake, *, tables: State | None = None, database: str = "default") -> Iterator[Asker]:
        """Open a way to put plans to *lake*; its files stay as they are until the block ends.

        tables: where tables that users declared are kept, None where only the lake's are asked.
        """
        from vpcflow.query.answer import Asker
        from vpcflow.query.duckdb import DuckDBEngine

        with lake.reading(), tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-") as spill:
            engine = DuckDBEngine(
                [lake.readable],
                memory=self.engine_memory,
                threads=self.config.number("threads"),
                temporary=Path(spill),
            )
            places = self._places()
            users = self._users(lake, tables, database, places) if tables else None
            try:
                yield Asker(engine, lake, users)
            finally:
                engine.close()
                places.close()

    def _places(self) -> TablePlaces:
        from vpcflow.places import TablePlaces

        return TablePlaces(self._access(), self.cache)

    def _users(self, lake: Lake, state: State, database: str, places: TablePlaces) -> UserTables:
        from vpcflow.query.athena.user_tables import UserTables
        from vpcflow.state.tables import Tables

        return UserTables(
            Tables(state),
            places,
            lake_location=lake.uri,
            new_tables=f"{lake.uri}/tables",
            database=database,
            threads=self.config.number("threads") or os.cpu_count() or 1,
        )

    @contextlib.contextmanager
    def athena(self, place: AthenaPlace) -> Iterator[RemoteAsker]:
        """Open a way to put SQL to Amazon Athena; what still runs is stopped when the block ends."""
        from vpcflow.query.remote import RemoteAsker

        with self._athena(place) as engine:
            yield RemoteAsker(engine)

    @contextlib.contextmanager
    def athena_asker(self, place: AthenaPlace) -> Iterator[Asker]:
        """Open a way to put plans to Amazon Athena, on the tables there that are called as the lake's are."""
        from vpcflow.query.amazon_athena import AthenaCatalog
        from vpcflow.query.answer import Asker

        with self._athena(place) as engine:
            yield Asker(engine, AthenaCatalog(engine))

    @contextlib.contextmanager
    def _athena(self, place: AthenaPlace) -> Iterator[AthenaEngine]:
        from vpcflow.query.amazon_athena import AthenaAccess, AthenaEngine

        endpoint = self.config.text("endpoint_url") or None
        engine = AthenaEngine(
            AthenaAccess(
                region=self.config.text("aws_region") or None,
                profile=self.config.text("profile") or None,
                endpoint_url=endpoint,
                s3_endpoint_url=place.s3_endpoint_url or endpoint,
                workgroup=place.workgroup,
                database=place.database,
                output_location=place.output_location,
            )
        )
        try:
            yield engine
        finally:
            engine.close()

    # --- settings → parts --------------------------------------------------------------------------------------

    def _memory(self) -> int:
        return self.config.number("memory") or 1 << 30

    @property
    def engine_memory(self) -> int:
        """What the engine of a question may take."""
        return int(_SPARE * self._query_memory())

    def flow_memory(self) -> int:
        """Return what flows of captures may take."""
        return max(64 << 20, self._memory() - _PROGRAMS)

    def _query_memory(self) -> int:
        """Return what questions may take: the setting, else up to 8 GB of what the machine has."""
        if self.config.values["memory"].origin != "default":
            return self._memory()
        return min(8 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))

    def _ingest_config(self, reading: Reading) -> IngestConfig:
        from vpcflow.lake.ingest import Config

        threads = self.config.number("threads")
        config = Config(self._memory(), threads, log_format=reading.log_format, filing=reading.filing)
        return replace(config, on_bad=reading.on_bad) if reading.on_bad else config

    def _selection(self, wanted: Wanted, reading: Reading | None = None) -> Selection:
        from vpcflow.collect.selection import Selection

        return Selection(
            accounts=frozenset(wanted.accounts) or None,
            regions=frozenset(wanted.regions) or None,
            time=wanted.time,
            any_log=reading is not None and reading.filing is not None,
        )

    def s3_access(self) -> S3Access:
        """Return who asks AWS, and where, as the settings have it."""
        return self._access()

    def _access(self) -> S3Access:
        from vpcflow.collect.s3_access import S3Access

        return S3Access(
            profile=self.config.text("profile") or None,
            region=self.config.text("bucket_region") or None,
            endpoint_url=self.config.text("endpoint_url") or None,
            no_sign_request=bool(self.config.get("no_sign_request")),
            aws_region=self.config.text("aws_region") or None,
        )


def _standard_input() -> SourceObject:
    from vpcflow.types import SourceObject

    return SourceObject("stdin", "", 0, lambda: cast("BinaryIO", contextlib.nullcontext(sys.stdin.buffer)))


def _remove_left_over() -> None:
    """Remove folders that a killed process left in the temporary folder: their names carry its number."""
    import shutil

    for folder in Path(tempfile.gettempdir()).glob("vpcflow-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdecimal() and _is_own(folder) and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    try:
        return folder.is_dir() and folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:  # somebody else removed it meanwhile
        return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
