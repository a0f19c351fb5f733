"""The wiring, top to bottom: the only module that names concrete classes of several stages."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.errors import SourceError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vpcflow.cache import ObjectCache
    from vpcflow.collect.probe import Probe
    from vpcflow.collect.queue import Queue
    from vpcflow.collect.s3_access import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.config import Config
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
    from vpcflow.state.store import State
    from vpcflow.telemetry import BadLine
    from vpcflow.types import SourceObject

_SPARE: Final = 0.6
"""Part of the memory setting that the query engine may take; the rest is for Arrow and Python."""


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
    """How sources are read. on_bad: called with each bad line and its bytes."""

    log_format: LogFormat | None = None
    on_bad: Callable[[BadLine, bytes], None] | None = None
    on_progress: Callable[[Progress], None] | None = None


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
        return self._state_folder() / "lakes" / hashlib.sha256(name.rstrip("/").encode()).hexdigest()[:16]

    def _state_folder(self) -> Path:
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
        objects = open_sources(sources, self._selection(wanted), self._access(), left_out, lake.ledger.looks)
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

        def look() -> Iterator[SourceObject]:
            left_out.clear()
            try:
                yield from open_sources(sources, self._selection(wanted), self._access(), left_out, lake.ledger.looks)
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
        intake = Intake(queue, sources, self._selection(wanted), self._access())
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
                    told.settle({uri for uri, _ in progress.failed})
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

    def _round(
        self, lake: Lake, objects: Iterable[SourceObject], left_out: Counter[str], reading: Reading, *, compact: bool
    ) -> Ingested:
        """Ingest *objects*, then merge the files of closed hours."""
        from vpcflow.lake import compaction
        from vpcflow.lake.ingest import Ingest

        config = self._ingest_config(reading)
        with lake.writer() as writer:
            progress = Ingest(lake, writer, config, reading.on_progress).run(objects)
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
                memory=int(_SPARE * self._query_memory()),
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

    def _query_memory(self) -> int:
        """Return what questions may take: the setting, else up to 8 GB of what the machine has."""
        if self.config.values["memory"].origin != "default":
            return self._memory()
        return min(8 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))

    def _ingest_config(self, reading: Reading) -> IngestConfig:
        from vpcflow.lake.ingest import Config

        threads = self.config.number("threads")
        config = Config(self._memory(), threads, log_format=reading.log_format)
        return replace(config, on_bad=reading.on_bad) if reading.on_bad else config

    def _selection(self, wanted: Wanted) -> Selection:
        from vpcflow.collect.selection import Selection

        return Selection(
            accounts=frozenset(wanted.accounts) or None, regions=frozenset(wanted.regions) or None, time=wanted.time
        )

    def _access(self) -> S3Access:
        from vpcflow.collect.s3_access import S3Access

        return S3Access(
            profile=self.config.text("profile") or None,
            region=self.config.text("bucket_region") or None,
            endpoint_url=self.config.text("endpoint_url") or None,
            no_sign_request=bool(self.config.get("no_sign_request")),
            aws_region=self.config.text("aws_region") or None,
        )


def _remove_left_over() -> None:
    """Remove folders that a killed process left in the temporary folder: their names carry its number."""
    import shutil

    for folder in Path(tempfile.gettempdir()).glob("vpcflow-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdecimal() and folder.is_dir() and folder.stat().st_uid == os.geteuid() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
