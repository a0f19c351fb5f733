"""Lookup tables of Insights: CSV files kept under a name. Limits are AWS's: 10 MB each, 100 of them.

Source: API reference, CreateLookupTable; CloudWatch Logs User Guide, "lookup".
"""

from __future__ import annotations

import csv
import io
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.errors import StateError
from vpcflow.state.store import Part

if TYPE_CHECKING:
    from vpcflow.state.store import State

MAX_BYTES: Final = 10 << 20
MAX_TABLES: Final = 100
NAME: Final = re.compile(r"[A-Za-z0-9_]{1,256}")

PART: Final = Part(
    "lookup_tables",
    (
        (
            """CREATE TABLE lookup_tables (name TEXT PRIMARY KEY, body TEXT NOT NULL, description TEXT NOT NULL,
               fields TEXT NOT NULL, records INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL
               ) WITHOUT ROWID""",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class LookupTable:
    """What is told of one. fields: its columns; bytes: of its CSV; created, updated: epoch s."""

    name: str
    fields: tuple[str, ...]
    records: int
    bytes: int
    created: int
    updated: int
    description: str = ""


class LookupTables:
    """The lookup tables of one lake."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> list[LookupTable]:
        """Return what is told of each, by name."""
        rows = self._state.rows(
            PART,
            "SELECT name, fields, records, length(CAST(body AS BLOB)), created, updated, description FROM lookup_tables "
            "ORDER BY name",
        )
        return [LookupTable(name, tuple(fields.split("\n")), *rest) for name, fields, *rest in rows]

    def body(self, name: str) -> str | None:
        """Return the CSV of one, None where there is none."""
        found = self._state.rows(PART, "SELECT body FROM lookup_tables WHERE name = ?", (name,))
        return found[0][0] if found else None

    def rows(self, name: str) -> tuple[list[str], list[list[str | None]]] | None:
        """Return the columns' names and the rows of one, empty cells as None; None where there is no such table."""
        body = self.body(name)
        return None if body is None else read(body)

    def put(self, name: str, body: str, *, description: str = "", now_s: int | None = None) -> LookupTable:
        """Keep *body* as *name*, in place of what had that name; StateError for what is no such table, or one too many."""
        now_s = int(time.time()) if now_s is None else now_s
        if not NAME.fullmatch(name):
            raise StateError("lookup.name", name=name)
        size = len(body.encode())
        if size > MAX_BYTES:
            raise StateError("lookup.size", bytes=f"{size:,}", limit=f"{MAX_BYTES:,}")
        fields, rows = read(body)
        with self._state.transaction(PART) as db:
            before = db.execute("SELECT created FROM lookup_tables WHERE name = ?", (name,)).fetchone()
            (count,) = db.execute("SELECT count(*) FROM lookup_tables").fetchone()
            if before is None and count >= MAX_TABLES:
                raise StateError("lookup.many", most=MAX_TABLES)
            created = before[0] if before else now_s
            values = (name, body, description, "\n".join(fields), len(rows), created, now_s)
            db.execute("INSERT OR REPLACE INTO lookup_tables VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return LookupTable(name, tuple(fields), len(rows), size, created, now_s, description)

    def remove(self, name: str) -> bool:
        """Forget one; say whether there was any."""
        with self._state.transaction(PART) as db:
            return db.execute("DELETE FROM lookup_tables WHERE name = ?", (name,)).rowcount > 0


def read(body: str) -> tuple[list[str], list[list[str | None]]]:
    """Return the columns' names and the rows of a CSV; StateError where it is none: with the line."""
    reader = csv.reader(io.StringIO(body.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), newline=""), strict=True)
    try:
        fields = [name.strip() for name in next(reader, [])]
        if not fields or not all(fields) or any("\n" in name for name in fields):
            raise StateError("lookup.header")
        twice = {name for name in fields if fields.count(name) > 1}
        if twice:
            raise StateError("lookup.twice", name=", ".join(sorted(twice)))
        rows: list[list[str | None]] = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(fields):
                raise StateError("lookup.cells", line=reader.line_num, cells=len(row), columns=len(fields))
            rows.append([cell or None for cell in row])
    except csv.Error as error:
        raise StateError("lookup.csv", line=reader.line_num, reason=str(error)) from error
    return fields, rows
