"""The file that holds them: `<lake>/_vpcflow/state.sqlite`, WAL, synchronous=FULL.

Each part (a module of this room) keeps its own schema version, so parts grow without knowing of one another.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import StateError
from vpcflow.state.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_VERSIONS: Final = "CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of resource. migrations: each a list of statements that leads from one version of its schema to the next."""

    name: str
    migrations: tuple[tuple[str, ...], ...]


class State:
    """One connection; its methods may be called from any thread.

    create: False answers what there is and makes nothing; a file that is missing is then an empty one.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._ready: set[str] = set()
        self._db: sqlite3.Connection | None = None
        if create or path.exists():
            self._open()

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._db = connect(self.path)
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute(_VERSIONS)
            except (sqlite3.Error, OSError) as error:
                raise self._unreadable(error) from error
        return self._db

    def _unreadable(self, error: Exception) -> StateError:
        return StateError("state.unreadable", path=str(self.path), reason=str(error))

    def _prepare(self, part: Part) -> sqlite3.Connection:
        """Bring *part*'s schema to the version this program knows."""
        db = self._open()
        if part.name in self._ready:
            return db
        if self._version(db, part) != len(part.migrations):
            db.execute("BEGIN IMMEDIATE")
            try:
                self._migrate(db, part)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        self._ready.add(part.name)
        return db

    def _migrate(self, db: sqlite3.Connection, part: Part) -> None:
        found, known = self._version(db, part), len(part.migrations)
        if found > known:
            raise StateError("state.newer", path=str(self.path), part=part.name, found=found, known=known)
        for statements in part.migrations[found:]:
            for statement in statements:
                db.execute(statement)
        db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (part.name, known))

    def _version(self, db: sqlite3.Connection, part: Part) -> int:
        row = db.execute("SELECT version FROM parts WHERE name = ?", (part.name,)).fetchone()
        return 0 if row is None else int(row[0])

    def rows(self, part: Part, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT over *part*'s tables; none where the file was never made."""
        with self._lock:
            if self._db is None and not self.path.exists():
                return []
            try:
                return self._prepare(part).execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._unreadable(error) from error

    @contextlib.contextmanager
    def transaction(self, part: Part) -> Iterator[sqlite3.Connection]:
        """Change *part*'s tables, all or nothing; the file is made where it is missing."""
        with self._lock:
            try:
                db = self._prepare(part)
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                raise self._unreadable(error) from error
            try:
                yield db
                db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise self._unreadable(error) from error
                raise

    def changes(self) -> int | None:
        """Return a number that is another one once somebody else has changed the file; None where there is none."""
        with self._lock:
            if self._db is None and not self.path.exists():
                return None
            try:
                found: int = self._open().execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise self._unreadable(error) from error
            return found

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None
