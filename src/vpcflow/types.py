"""The contracts between the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    import pyarrow as pa

FlowBatch: TypeAlias = "pa.RecordBatch"
"""N flow log records; columns a subset of the registry's (and of ``record.schema.HIDDEN``), in its order; strings plain
or dictionary-encoded; null where AWS writes "-"."""


Transform: TypeAlias = "Callable[[FlowBatch], FlowBatch]"
"""One enrichment: adds or fills columns, keeps rows and their order."""


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One thing to read: what it is called, which version of it this is, and what its name already tells.

    uri, etag: identity; the same uri with another etag is new content of the same source.
    account, region, time_s: from the object's key, None where it does not say; time_s is the start of its window (s).
    remote: reading ahead pays. open: gives its bytes as stored; raises SourceError.
    looked_at: of a source that may still grow: when it was read (s); the lake keeps it (`Look`), new or not. An empty etag then
    says that there was nothing in it, and only the look is kept.
    changed_s: when its content was last changed (s), where that is told.
    """

    uri: str
    etag: str
    bytes: int
    open: Callable[[], BinaryIO]
    account: str | None = None
    region: str | None = None
    time_s: int | None = None
    remote: bool = False
    looked_at: int | None = None
    changed_s: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a lake knows of a source that may still grow: when it was last read (s), and its etag then, empty for nothing."""

    at_s: int
    etag: str


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds since the epoch, UTC; *since* inclusive, *until* exclusive; None is open."""

    since: int | None = None
    until: int | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None


@dataclass(frozen=True, slots=True)
class PartitionFilter:
    """What a question says of where its rows lie; each part only ever leaves out files without a wanted row.

    time: of the record (its ``start``, else its event time). end: of ``end``.
    accounts, regions: values of the partition keys, None for all. log_groups: names of log groups, as `LogGroup` has them.
    """

    time: TimeRange = TimeRange()
    end: TimeRange = TimeRange()
    accounts: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    log_groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LogGroup:
    """One log group of a lake, as Insights asks it. A name may be two: flow logs and other events may share it.

    name: as its sources told it; those that told none are in the group called as their *table*. Times in s, as far as the files'
    spans tell. accounts: those its rows are filed under.
    """

    name: str
    table: str
    rows: int
    sources: int
    first_s: int | None
    last_s: int | None
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table. dead: ids of replaced sources whose rows in it no longer count."""

    path: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    dead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table as an engine binds it: its name, the columns that have data, and the files to read."""

    name: str
    columns: tuple[str, ...]
    files: tuple[DataFile, ...] = ()


class ArrowStream(Protocol):
    """Rows that can be read again and again: each call begins anew. fault: why the last reading ended early, if it did."""

    fault: Exception | None

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a stream of record batches as Arrow's C interface has it."""
        ...


@dataclass(frozen=True, slots=True)
class TableFile:
    """One Parquet file of a user's table. told: what its place says of each row, a value for each of the table's *keys*.

    columns: name of a column of the table → name and type of it in the file.
    """

    path: str
    columns: tuple[tuple[str, str], ...]
    told: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class HiveTable:
    """A user's table as an engine binds it, as far as one question needs it.

    columns, keys: names and DuckDB types of those in the files, and of those that their places tell. Rows come from *files*
    (Parquet), or from *stream* (everything else), which has both. bytes: what is read.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: tuple[tuple[str, str], ...] = ()
    files: tuple[TableFile, ...] = ()
    stream: ArrowStream | None = None
    bytes: int = 0


class Places(Protocol):
    """Where users' tables lie: `file:///…` and `s3://…`. SourceError where a place cannot be read."""

    def objects(self, location: str) -> Iterator[SourceObject]:
        """Yield all objects under *location*; none where there is no such place."""
        ...

    def folders(self, location: str) -> list[str]:
        """Return the names of the folders directly in *location*."""
        ...

    def paths(self, found: Sequence[SourceObject]) -> list[str]:
        """Return where on this machine each of *found* can be read; what lies elsewhere is fetched first."""
        ...

    def new(self, location: str) -> AbstractContextManager[Path]:
        """Give a folder to write in; what is there when the block ends becomes *location*, all of it or nothing.

        SourceError when *location* holds something already.
        """
        ...


class Remote(Protocol):
    """A place elsewhere to write files to and read them from, by path. SourceError for what is refused."""

    uri: str

    def put(self, path: str, source: Path) -> None:
        """Upload a file; it is there whole or not at all."""
        ...

    def get(self, path: str, target: Path) -> None:
        """Fetch one into a file; FileNotFoundError when there is none."""
        ...

    def size(self, path: str) -> int | None:
        """Return its bytes, None when there is none."""
        ...

    def remove(self, path: str) -> None:
        """Delete one; nothing happens when there is none."""
        ...


class Catalog(Protocol):
    """The lake, as questions see it."""

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the columns that some file of *table* has, in the registry's order."""
        ...

    def keys(self) -> frozenset[str]:
        """Return the names that all tables are partitioned by."""
        ...

    def scan(self, table: str, where: PartitionFilter) -> TableRef:
        """Return the files of *table* that may hold rows of *where*."""
        ...

    def newest(self, table: str) -> int | None:
        """Return when the newest record of *table* ends (epoch s), None for an empty table."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take; None is no limit."""

    timeout_s: float | None = None
    max_rows: int | None = None


Looks: TypeAlias = "Callable[[Sequence[str]], Mapping[str, Look]]"
"""The last look at each of these uris, where there was one."""

State = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]


@dataclass(slots=True)
class Status:
    """How a question stands; bytes_scanned counts the files bound for it."""

    state: State = "QUEUED"
    elapsed_s: float = 0.0
    bytes_scanned: int = 0
    error: Exception | None = field(default=None, repr=False)


class Engine(Protocol):
    """Something that answers SQL in one dialect. Translation is `query.compile`, never the engine's."""

    name: str
    dialect: str
    traits: frozenset[str]

    def bind(self, table: TableRef) -> None:
        """Make *table* the one that the next questions read under its name."""
        ...

    def submit(self, sql: str, limits: Limits) -> str:
        """Start a question, answer its id at once."""
        ...

    def status(self, query_id: str) -> Status:
        """Tell how a question stands."""
        ...

    def result(self, query_id: str) -> Iterator[pa.RecordBatch]:
        """Return the answer, waiting for it; QueryError says why there is none."""
        ...

    def cancel(self, query_id: str) -> None:
        """Stop a question; nothing happens to one that has ended."""
        ...

    def close(self) -> None:
        """Stop all questions and let go of everything."""
        ...
