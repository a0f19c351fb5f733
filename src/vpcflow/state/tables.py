"""Tables, views and partitions that users declared, as Glue would keep them.

A table here is a description only: dropping it never touches the data it tells of.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vpcflow.state.store import Part

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from vpcflow.state.store import State

PART: Final = Part(
    "tables",
    (
        (
            "CREATE TABLE databases (name TEXT PRIMARY KEY, comment TEXT NOT NULL) WITHOUT ROWID",
            """CREATE TABLE relations (database TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
               definition TEXT NOT NULL, PRIMARY KEY (database, name)) WITHOUT ROWID""",
            """CREATE TABLE partitions (database TEXT NOT NULL, name TEXT NOT NULL, keys TEXT NOT NULL,
               location TEXT NOT NULL, PRIMARY KEY (database, name, keys),
               FOREIGN KEY (database, name) REFERENCES relations ON DELETE CASCADE) WITHOUT ROWID""",
        ),
    ),
)

DEFAULT: Final = "default"
"""The database that is always there."""


@dataclass(frozen=True, slots=True)
class HiveColumn:
    """One column as CREATE TABLE has it. type: Hive's word, lower case."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class UserTable:
    """One table over files. format: text or parquet. keys: partition columns. serde: how text is cut (`field.delim` …)."""

    database: str
    name: str
    columns: tuple[HiveColumn, ...]
    keys: tuple[HiveColumn, ...] = ()
    format: str = "text"
    location: str = ""
    serde: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    created_s: int = 0


@dataclass(frozen=True, slots=True)
class UserView:
    """One view: its query as it was written. context: the database that names without one belong to."""

    database: str
    name: str
    text: str
    context: str = DEFAULT
    created_s: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """One registered partition: a value for each key, and the folder that holds its rows."""

    values: tuple[str, ...]
    location: str


class Tables:
    """All of them. Names are lower case."""

    def __init__(self, state: State) -> None:
        self._state = state

    def databases(self) -> list[str]:
        """Return the names of all databases, sorted."""
        return sorted({DEFAULT, *(name for (name,) in self._state.rows(PART, "SELECT name FROM databases"))})

    def create_database(self, name: str, comment: str) -> None:
        """Add a database."""
        with self._state.transaction(PART) as db:
            db.execute("INSERT OR REPLACE INTO databases VALUES (?, ?)", (name, comment))

    def drop_database(self, name: str) -> None:
        """Forget a database with all that is in it."""
        with self._state.transaction(PART) as db:
            db.execute("DELETE FROM relations WHERE database = ?", (name,))
            db.execute("DELETE FROM databases WHERE name = ?", (name,))

    def names(self, database: str) -> list[str]:
        """Return the names of a database's tables and views, sorted."""
        sql = "SELECT name FROM relations WHERE database = ? ORDER BY name"
        return [name for (name,) in self._state.rows(PART, sql, (database,))]

    def find(self, database: str, name: str) -> UserTable | UserView | None:
        """Return a table or view, None where there is none."""
        found = self._state.rows(
            PART, "SELECT kind, definition FROM relations WHERE database = ? AND name = ?", (database, name)
        )
        return _defined(*found[0]) if found else None

    def put(self, relation: UserTable | UserView) -> None:
        """Keep a table or view, in place of what had its name; partitions of a table that is changed stay."""
        kind = "table" if isinstance(relation, UserTable) else "view"
        with self._state.transaction(PART) as db:
            db.execute(
                """INSERT INTO relations VALUES (?, ?, ?, ?) ON CONFLICT (database, name)
                   DO UPDATE SET kind = excluded.kind, definition = excluded.definition""",
                (relation.database, relation.name, kind, json.dumps(asdict(relation))),
            )

    def drop(self, database: str, name: str) -> None:
        """Forget a table with its partitions, or a view."""
        with self._state.transaction(PART) as db:
            db.execute("DELETE FROM relations WHERE database = ? AND name = ?", (database, name))

    def partitions(self, table: UserTable) -> list[Partition]:
        """Return the registered partitions, in order of their values."""
        sql = "SELECT keys, location FROM partitions WHERE database = ? AND name = ? ORDER BY keys"
        return [
            Partition(tuple(json.loads(keys)), location)
            for keys, location in self._state.rows(PART, sql, (table.database, table.name))
        ]

    def add_partitions(self, table: UserTable, partitions: Iterable[Partition]) -> None:
        """Register partitions; those with the same values are moved to the new place."""
        with self._state.transaction(PART) as db:
            _add(db, table, partitions)

    def drop_partitions(self, table: UserTable, partitions: Iterable[Partition]) -> None:
        """Forget partitions."""
        with self._state.transaction(PART) as db:
            db.executemany(
                "DELETE FROM partitions WHERE database = ? AND name = ? AND keys = ?",
                [(table.database, table.name, _keys(one.values)) for one in partitions],
            )


def _add(db: sqlite3.Connection, table: UserTable, partitions: Iterable[Partition]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?)",
        [(table.database, table.name, _keys(one.values), one.location) for one in partitions],
    )


def _keys(values: tuple[str, ...]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _defined(kind: str, definition: str) -> UserTable | UserView:
    told: dict[str, Any] = json.loads(definition)
    if kind == "view":
        return UserView(**told)
    columns, keys = ([HiveColumn(**column) for column in told.pop(part)] for part in ("columns", "keys"))
    return UserTable(columns=tuple(columns), keys=tuple(keys), **told)
