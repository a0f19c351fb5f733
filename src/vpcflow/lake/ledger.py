"""The ledger: which sources are in the lake, and which files hold their rows. A file the ledger does not list does not exist.

States of a file: `staged` (committed, still under its staging name) → `visible` → `removed` (no longer counts; deleted once no
reader is left). A source is `live` or `replaced`; a file that holds rows of a replaced source lists it among its dead ones.
SQLite in WAL mode with synchronous=FULL: a commit survives the machine. Each changing method is one transaction.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vpcflow.errors import LakeError
from vpcflow.state.connection import connect
from vpcflow.types import DataFile, LogGroup, Look, PartitionFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('next_source', 1), ('commit', 0);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, uri TEXT NOT NULL, etag TEXT NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL,
    formats TEXT NOT NULL, log_group TEXT NOT NULL, log_stream TEXT NOT NULL, bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL, bad TEXT NOT NULL, bad_rows INTEGER NOT NULL, losses TEXT NOT NULL,
    unknown_fields TEXT NOT NULL, late INTEGER NOT NULL, ingested_at INTEGER NOT NULL, commit_no INTEGER NOT NULL);
CREATE UNIQUE INDEX live_sources ON sources (uri) WHERE state = 'live';
CREATE INDEX replacing_sources ON sources (uri) WHERE state = 'replacing';
CREATE INDEX sources_by_uri ON sources (uri);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, tbl TEXT NOT NULL, path TEXT NOT NULL UNIQUE, staging TEXT NOT NULL, state TEXT NOT NULL,
    partition TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, hour INTEGER, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, time_min INTEGER, time_max INTEGER, end_min INTEGER, end_max INTEGER,
    nodata INTEGER NOT NULL, skipdata INTEGER NOT NULL, columns TEXT NOT NULL, compacted INTEGER NOT NULL,
    commit_no INTEGER NOT NULL);
CREATE INDEX files_by_partition ON files (partition, state);
CREATE INDEX files_by_time ON files (tbl, state, hour);
CREATE TABLE file_sources (
    file INTEGER NOT NULL, source INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (file, source)) WITHOUT ROWID;
CREATE INDEX sources_files ON file_sources (source);
CREATE TABLE supersedes (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TABLE dead_rows (
    file INTEGER NOT NULL, source INTEGER NOT NULL, PRIMARY KEY (file, source)) WITHOUT ROWID;
"""

_LOOKS: Final = "CREATE TABLE IF NOT EXISTS looks (uri TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID"
"""When a source that may still grow was last read (s), new or not; made when the first such source comes."""


@dataclass(slots=True)
class SourceEntry:
    """One source as the ledger keeps it. formats: texts of its log formats, in the order met.

    looked_at: of a source that may still grow, when it was read (s).
    """

    id: int
    uri: str
    etag: str
    kind: str = ""
    formats: list[str] = field(default_factory=list)
    log_group: str = ""
    log_stream: str = ""
    bytes: int = 0
    rows: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    losses: list[tuple[str, str]] = field(default_factory=list)
    unknown_fields: dict[str, int] = field(default_factory=dict)
    looked_at: int | None = None


@dataclass(frozen=True, slots=True)
class LiveSource:
    """What a question may want to know of a source. ingested_at: epoch s."""

    id: int
    formats: tuple[str, ...]
    log_group: str
    log_stream: str
    ingested_at: int


@dataclass(slots=True)
class FileEntry:
    """One file of a table. path, staging: relative to the lake. Times in epoch seconds; hour in hours since the epoch."""

    table: str
    path: str
    staging: str
    partition: str
    account: str
    region: str
    hour: int | None
    rows: int
    bytes: int
    time: tuple[int | None, int | None]
    end: tuple[int | None, int | None]
    nodata: int
    skipdata: int
    columns: tuple[str, ...]
    sources: dict[int, int]
    id: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What the lake holds, added up."""

    tables: dict[str, dict[str, int]]
    sources: int
    replaced: int
    late: int
    bytes_in: int
    bad: dict[str, int]
    losses: dict[str, int]
    unknown_fields: dict[str, int]


class Ledger:
    """One connection to the ledger; its methods may be called from any thread."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        if not create and not path.exists():
            raise LakeError("lake.missing", path=str(path.parent.parent))
        self._lock = threading.RLock()
        try:
            self._db = connect(path)
            self._migrate()
        except sqlite3.DatabaseError as error:
            raise LakeError("lake.ledger_unreadable", path=str(path), reason=str(error)) from error

    def _migrate(self) -> None:
        if self._version() == SCHEMA_VERSION:
            return
        with self._transaction() as db:
            found = self._version()
            if found == 0:
                for statement in _SCHEMA.split(";"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif found > SCHEMA_VERSION:
                raise LakeError("lake.newer", path=str(self._path), found=found, known=SCHEMA_VERSION)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    # --- copies ------------------------------------------------------------------------------------------------

    def commit_number(self) -> int:
        """Return the number of the last commit."""
        with self._lock:
            return int(self._db.execute("SELECT value FROM meta WHERE key = 'commit'").fetchone()[0])

    def copy_to(self, path: Path) -> None:
        """Write a whole copy of the ledger, as it is at one moment, to a file that is not there yet."""
        with self._lock:
            self._db.execute("VACUUM INTO ?", (str(path),))

    # --- sources -----------------------------------------------------------------------------------------------

    def reserve(self, count: int) -> range:
        """Return *count* source ids that nobody else gets. Ids of sources never committed stay unused."""
        with self._transaction() as db:
            (first,) = db.execute("SELECT value FROM meta WHERE key = 'next_source'").fetchone()
            db.execute("UPDATE meta SET value = value + ? WHERE key = 'next_source'", (count,))
        return range(first, first + count)

    def live_etags(self, uris: Sequence[str]) -> dict[str, str]:
        """Return uri → etag for those of *uris* that are in the lake."""
        found: dict[str, str] = {}
        with self._lock:
            for place in range(0, len(uris), 500):
                part = uris[place : place + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT uri, etag FROM sources WHERE state = 'live' AND uri IN ({marks})"
                found.update(self._db.execute(query, part).fetchall())
        return found

    def looks(self, uris: Sequence[str]) -> dict[str, Look]:
        """Return the last look at each of *uris* that was ever read and may still grow."""
        found: dict[str, Look] = {}
        with self._lock:
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'looks'").fetchone():
                return found
            for place in range(0, len(uris), 500):
                part = uris[place : place + 500]
                rows = self._db.execute(
                    "SELECT l.uri, l.at, coalesce(s.etag, '') FROM looks l "
                    "LEFT JOIN sources s ON s.uri = l.uri AND s.state = 'live' "
                    f"WHERE l.uri IN ({','.join('?' * len(part))})",
                    part,
                )
                found.update((uri, Look(at, etag)) for uri, at, etag in rows)
        return found

    def looked(self, at: Mapping[str, int]) -> None:
        """Keep when each of these uris was read (s) and found to be what the lake has."""
        if at:
            with self._transaction() as db:
                _insert_looks(db, at)

    def source(self, source_id: int) -> SourceEntry:
        """Return one source; LakeError when there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, uri, etag, kind, formats, log_group, log_stream, bytes, rows, bad, losses, unknown_fields "
                "FROM sources WHERE id = ?",
                (source_id,),
            ).fetchone()
        if row is None:
            raise LakeError("lake.no_source", id=source_id)
        formats, bad, losses, unknown = (json.loads(row[place]) for place in (4, 9, 10, 11))
        pairs = [(kind, detail) for kind, detail in losses]
        number, uri, etag, kind, _, log_group, log_stream, size, rows, *_ = row
        return SourceEntry(number, uri, etag, kind, formats, log_group, log_stream, size, rows, bad, pairs, unknown)

    def live_sources(self) -> list[LiveSource]:
        """Return every source of flow logs that counts, by its id."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, formats, log_group, log_stream, ingested_at FROM sources "
                "WHERE state IN ('live', 'replacing') AND formats <> '[]' ORDER BY id"
            ).fetchall()
        # Sources have few formats between them, so each text is read once.
        read = {text: tuple(json.loads(text)) for text in {row[1] for row in rows}}
        return [LiveSource(row[0], read[row[1]], *row[2:]) for row in rows]

    def sources_after(self, commit: int) -> frozenset[int]:
        """Return the ids of all sources that count and came with a later commit than this one."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id FROM sources WHERE state IN ('live', 'replacing') AND commit_no > ?", (commit,)
            ).fetchall()
        return frozenset(row[0] for row in rows)

    # --- commits -----------------------------------------------------------------------------------------------

    def stage(self, sources: Sequence[SourceEntry], files: Sequence[FileEntry]) -> set[int]:
        """Commit sources and their files as staged, all or nothing.

        Returns the ids of the sources that are in the lake already with the same etag, or as they were read later; when there
        is any, nothing was written. Files get their ids.
        """
        with self._transaction() as db:
            known = self.live_etags([source.uri for source in sources])
            present = {source.id for source in sources if known.get(source.uri) == source.etag}
            growing = {source.uri: source.looked_at for source in sources if source.looked_at is not None}
            later = {uri for uri, look in self.looks(list(growing)).items() if look.at_s > growing[uri]}
            present |= {source.id for source in sources if source.uri in later}
            if present:
                return present
            commit = _next_commit(db)
            late = {
                source
                for file in files
                if db.execute(
                    "SELECT 1 FROM files WHERE partition = ? AND state = 'visible' AND compacted = 1 LIMIT 1",
                    (file.partition,),
                ).fetchone()
                for source in file.sources
            }
            for source in sources:
                _insert_source(db, source, commit, late=source.id in late)
            for file in files:
                _insert_file(db, file, commit, compacted=False)
            _insert_looks(db, growing)
        return set()

    def staged(self) -> list[tuple[int, str, str]]:
        """Return (id, staging, path) of all files that are committed but not renamed yet."""
        with self._lock:
            return self._db.execute("SELECT id, staging, path FROM files WHERE state = 'staged' ORDER BY id").fetchall()

    def is_staged(self, file_id: int) -> bool:
        """Tell whether a file still waits for its rename."""
        with self._lock:
            row = self._db.execute("SELECT state FROM files WHERE id = ?", (file_id,)).fetchone()
        return bool(row == ("staged",))

    def publish(self, file_ids: Iterable[int]) -> None:
        """Make renamed files visible, together with the removal of what they supersede."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE files SET state = 'visible', staging = '' WHERE id = ? AND state = 'staged'",
                [(file_id,) for file_id in file_ids],
            )
            db.execute(
                "UPDATE files SET state = 'removed' WHERE state = 'visible' AND id IN (SELECT s.old FROM supersedes s "
                "JOIN files n ON n.id = s.new WHERE n.state = 'visible')"
            )
            # A source whose new content is now visible replaces the old one with the same uri.
            replaced = db.execute(
                "SELECT DISTINCT old.id FROM sources old JOIN sources new ON new.uri = old.uri "
                "AND new.commit_no > old.commit_no WHERE old.state = 'replacing' AND NOT EXISTS (SELECT 1 FROM "
                "file_sources s JOIN files f ON f.id = s.file WHERE s.source = new.id AND f.state = 'staged')"
            ).fetchall()
            for (old,) in replaced:
                db.execute("UPDATE sources SET state = 'replaced' WHERE id = ?", (old,))
                db.execute(
                    "INSERT OR IGNORE INTO dead_rows SELECT s.file, s.source FROM file_sources s JOIN files f "
                    "ON f.id = s.file WHERE s.source = ? AND f.state <> 'removed'",
                    (old,),
                )

    def supersede(self, old: Sequence[FileEntry], dead: dict[int, tuple[int, ...]], new: Sequence[FileEntry]) -> bool:
        """Commit *new* as staged; `publish` puts it in the place of *old* in one transaction.

        dead: the dead sources by file id that were left out when *new* was written. Returns False, and changes nothing, when
        any old file is no longer visible, is being superseded already or has more dead rows by now.
        """
        with self._transaction() as db:
            for file in old:
                row = db.execute(
                    "SELECT state, (SELECT new FROM supersedes WHERE old = id) FROM files WHERE id = ?", (file.id,)
                ).fetchone()
                now_dead = db.execute("SELECT source FROM dead_rows WHERE file = ? ORDER BY 1", (file.id,)).fetchall()
                if row != ("visible", None) or tuple(source for (source,) in now_dead) != dead.get(file.id, ()):
                    return False
            commit = _next_commit(db)
            for file in new:
                _insert_file(db, file, commit, compacted=True)
            ids = [(file.id,) for file in old]
            if new:
                db.executemany("INSERT INTO supersedes VALUES (?, ?)", [(old_id, new[0].id) for (old_id,) in ids])
            else:
                db.executemany("UPDATE files SET state = 'removed' WHERE id = ?", ids)
        return True

    def remove(self, file_ids: Iterable[int]) -> None:
        """Take files out of the tables; they are deleted once no reader is left."""
        with self._transaction() as db:
            _next_commit(db)
            db.executemany("UPDATE files SET state = 'removed' WHERE id = ?", [(file_id,) for file_id in file_ids])

    def removed(self) -> list[tuple[int, str]]:
        """Return (id, path) of files that no longer count and may still be on disk."""
        with self._lock:
            return self._db.execute("SELECT id, path FROM files WHERE state = 'removed'").fetchall()

    def forget(self, file_ids: Iterable[int]) -> None:
        """Drop removed files that have been deleted from disk."""
        ids = [(file_id,) for file_id in file_ids]
        with self._transaction() as db:
            for table, key in (
                ("files", "id"), ("file_sources", "file"), ("dead_rows", "file"), ("supersedes", "old"),
            ):  # fmt: skip
                db.executemany(f"DELETE FROM {table} WHERE {key} = ?", ids)

    # --- reading -----------------------------------------------------------------------------------------------

    def scan(self, table: str, where: PartitionFilter) -> list[DataFile]:
        """Return the visible files of *table* that may hold rows of *where*, in order of partition."""
        clauses, values = _where(where)
        query = (
            "SELECT f.path, f.columns, f.rows, f.bytes, (SELECT group_concat(source) FROM dead_rows WHERE file = f.id) "
            f"FROM files f WHERE f.tbl = ? AND f.state = 'visible'{clauses} ORDER BY f.partition, f.id"
        )
        with self._lock:
            rows = self._db.execute(query, (table, *values)).fetchall()
        return [
            DataFile(path, tuple(columns.split()), count, size, tuple(int(n) for n in dead.split(",")) if dead else ())
            for path, columns, count, size, dead in rows
        ]

    def columns(self, table: str) -> set[str]:
        """Return the names of all columns that some visible file of *table* has."""
        with self._lock:
            rows = self._db.execute(
                "SELECT DISTINCT columns FROM files WHERE tbl = ? AND state = 'visible'", (table,)
            ).fetchall()
        return {name for (names,) in rows for name in names.split()}

    def newest(self, table: str) -> int | None:
        """Return the last `end` (else time) of the visible files of *table*."""
        with self._lock:
            (value,) = self._db.execute(
                "SELECT max(coalesce(end_max, time_max)) FROM files WHERE tbl = ? AND state = 'visible'", (table,)
            ).fetchone()
        return None if value is None else int(value)

    def partitions(self, *, closed_before_hour: int) -> dict[str, list[FileEntry]]:
        """Return the visible files of each closed partition that has more than one, or dead rows."""
        query = (
            "SELECT id, tbl, path, partition, account, region, hour, rows, bytes, columns FROM files f "
            "WHERE state = 'visible' AND (hour IS NULL OR hour < ?) AND (partition IN (SELECT partition FROM files "
            "WHERE state = 'visible' GROUP BY partition HAVING count(*) > 1) OR EXISTS (SELECT 1 FROM dead_rows "
            "WHERE file = f.id)) ORDER BY partition, id"
        )
        found: dict[str, list[FileEntry]] = {}
        with self._lock:
            for row in self._db.execute(query, (closed_before_hour,)):
                file_id, table, path, partition, account, region, hour, rows, size, columns = row
                entry = FileEntry(
                    table, path, "", partition, account, region, hour, rows, size, (None, None), (None, None), 0, 0,
                    tuple(columns.split()), {}, file_id,
                )  # fmt: skip
                found.setdefault(partition, []).append(entry)
        return found

    def dead(self, file_ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Return the dead sources of each of these files that has any."""
        with self._lock:
            return {
                file_id: tuple(source for (source,) in rows)
                for file_id in file_ids
                if (rows := self._db.execute(
                    "SELECT source FROM dead_rows WHERE file = ? ORDER BY 1", (file_id,)
                ).fetchall())
            }  # fmt: skip

    def files_before(self, hour: int) -> list[tuple[int, int, int]]:
        """Return (id, rows, bytes) of visible files of hours before *hour* (hours since the epoch)."""
        with self._lock:
            return self._db.execute(
                "SELECT id, rows, bytes FROM files WHERE state = 'visible' AND hour < ?", (hour,)
            ).fetchall()

    def commit_no(self) -> int:
        """Return the number of the last commit."""
        with self._lock:
            return int(self._db.execute("SELECT value FROM meta WHERE key = 'commit'").fetchone()[0])

    def log_groups(self, table: str | None = None) -> list[LogGroup]:
        """Return the log groups whose rows are visible, by name; those of one table, or all."""
        chosen = "" if table is None else " AND f.tbl = ?"
        query = (
            f"SELECT {_GROUP}, f.tbl, sum(o.rows), count(DISTINCT o.source), min(f.time_min), "
            "max(coalesce(f.end_max, f.time_max)), group_concat(DISTINCT f.account) FROM files f "
            "JOIN file_sources o ON o.file = f.id JOIN sources s ON s.id = o.source "
            f"WHERE f.state = 'visible'{chosen} AND NOT EXISTS "
            "(SELECT 1 FROM dead_rows d WHERE d.file = f.id AND d.source = o.source) GROUP BY 1, 2 ORDER BY 1, 2"
        )
        with self._lock:
            return [
                LogGroup(name, table, rows, sources, first, last, tuple(sorted(accounts.split(","))))
                for name, table, rows, sources, first, last, accounts in self._db.execute(
                    query, () if table is None else (table,)
                )
            ]

    def group_sources(self, table: str, log_groups: Collection[str]) -> list[tuple[int, int]]:
        """Return the ids of sources of *log_groups* with rows in *table*, as runs (first, last) without others between.

        Ids that have no visible row belong to either side, so few runs tell many sources apart.
        """
        query = (
            f"SELECT DISTINCT o.source, {_GROUP} IN ({','.join('?' * len(log_groups))}) FROM files f JOIN file_sources o "
            "ON o.file = f.id JOIN sources s ON s.id = o.source WHERE f.tbl = ? AND f.state = 'visible' ORDER BY 1"
        )
        runs: list[tuple[int, int]] = []
        going = False
        with self._lock:
            for source, wanted in self._db.execute(query, (*sorted(log_groups), table)):
                if wanted and going:
                    runs[-1] = (runs[-1][0], source)
                elif wanted:
                    runs.append((source, source))
                going = bool(wanted)
        return runs

    def totals(self) -> Totals:
        """Add up what the lake holds."""
        with self._lock:
            tables = {
                row[0]: dict(zip(_TOTALS, row[1:], strict=True))
                for row in self._db.execute(
                    "SELECT tbl, sum(rows), count(*), sum(bytes), min(time_min), max(coalesce(end_max, time_max)), "
                    "sum(nodata), sum(skipdata), count(DISTINCT partition), sum(hour IS NULL) FROM files "
                    "WHERE state = 'visible' GROUP BY tbl ORDER BY tbl"
                )
            }
            for table, dead in self._db.execute(
                "SELECT f.tbl, sum(s.rows) FROM dead_rows d JOIN files f ON f.id = d.file JOIN file_sources s "
                "ON s.file = d.file AND s.source = d.source WHERE f.state = 'visible' GROUP BY 1"
            ):
                tables[table]["rows"] -= dead
            live, late, size = self._db.execute(
                "SELECT count(*), coalesce(sum(late), 0), coalesce(sum(bytes), 0) FROM sources WHERE state = 'live'"
            ).fetchone()
            (replaced,) = self._db.execute("SELECT count(*) FROM sources WHERE state = 'replaced'").fetchone()
            sums: list[dict[str, int]] = [{}, {}, {}]
            query = (
                "SELECT bad, losses, unknown_fields FROM sources WHERE state = 'live' AND "
                "(bad <> '{}' OR losses <> '[]' OR unknown_fields <> '{}')"
            )
            for bad, losses, unknown in self._db.execute(query):
                _add(sums[0], json.loads(bad))
                _add(sums[1], {kind: 1 for kind, _ in json.loads(losses)})
                _add(sums[2], json.loads(unknown))
        return Totals(tables, live, replaced, late, size, *sums)


_TOTALS: Final = (
    "rows", "files", "bytes", "first", "last", "nodata", "skipdata", "partitions", "without_time",
)  # fmt: skip


_GROUP: Final = "CASE s.log_group WHEN '' THEN f.tbl ELSE s.log_group END"
"""The log group of a source *s* whose rows are in a file *f*: see `types.LogGroup`."""


def _add(sums: dict[str, int], more: dict[str, int]) -> None:
    for key, count in more.items():
        sums[key] = sums.get(key, 0) + count


def _next_commit(db: sqlite3.Connection) -> int:
    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'commit'")
    return int(db.execute("SELECT value FROM meta WHERE key = 'commit'").fetchone()[0])


def _insert_looks(db: sqlite3.Connection, at: Mapping[str, int]) -> None:
    if at:
        db.execute(_LOOKS)
        db.executemany(
            "INSERT INTO looks VALUES (?, ?) ON CONFLICT (uri) DO UPDATE SET at = max(at, excluded.at)",
            list(at.items()),
        )


def _insert_source(db: sqlite3.Connection, source: SourceEntry, commit: int, *, late: bool) -> None:
    # The old content of the same uri stays visible until the new content is: see publish.
    db.execute("UPDATE sources SET state = 'replacing' WHERE uri = ? AND state = 'live'", (source.uri,))
    db.execute(
        "INSERT INTO sources VALUES (?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            source.id, source.uri, source.etag, source.kind, json.dumps(source.formats), source.log_group,
            source.log_stream, source.bytes, source.rows, json.dumps(source.bad), sum(source.bad.values()),
            json.dumps(source.losses), json.dumps(source.unknown_fields), int(late), int(time.time()), commit,
        ),
    )  # fmt: skip


def _insert_file(db: sqlite3.Connection, file: FileEntry, commit: int, *, compacted: bool) -> int:
    file.id = int(
        db.execute(
            "INSERT INTO files VALUES (NULL, ?, ?, ?, 'staged', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file.table, file.path, file.staging, file.partition, file.account, file.region, file.hour, file.rows,
                file.bytes, *file.time, *file.end, file.nodata, file.skipdata, " ".join(file.columns), int(compacted),
                commit,
            ),
        ).lastrowid
        or 0
    )  # fmt: skip
    db.executemany(
        "INSERT INTO file_sources VALUES (?, ?, ?)",
        [(file.id, source, rows) for source, rows in file.sources.items()],
    )
    return file.id


def _where(where: PartitionFilter) -> tuple[str, list[object]]:
    clauses, values = "", []  # type: tuple[str, list[object]]
    for clause, value in (
        (" AND f.time_max >= ?", where.time.since),
        (" AND f.time_min < ?", where.time.until),
        (" AND f.end_max >= ?", where.end.since),
        (" AND f.end_min < ?", where.end.until),
    ):
        if value is not None:
            clauses += clause
            values.append(value)
    for column, wanted in (("account", where.accounts), ("region", where.regions)):
        if wanted is not None:
            clauses += f" AND f.{column} IN ({','.join('?' * len(wanted))})"
            values.extend(sorted(wanted))
    if where.log_groups is not None:
        clauses += (
            " AND EXISTS (SELECT 1 FROM file_sources o JOIN sources s ON s.id = o.source WHERE o.file = f.id AND "
            f"{_GROUP} IN ({','.join('?' * len(where.log_groups))}))"
        )
        values.extend(sorted(where.log_groups))
    return clauses, values
