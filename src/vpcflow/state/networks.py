"""Versions of networks: what was true from when on.

A version is kept under a name, one for each account, region or whatever is imported together; at any time the newest
version of each name counts. What a version holds is the caller's: a document, told apart by its digest.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.errors import StateError
from vpcflow.state.store import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.state.store import State

PART: Final = Part(
    "networks",
    (
        (
            """CREATE TABLE networks (name TEXT NOT NULL, since_s INTEGER NOT NULL, imported_s INTEGER NOT NULL,
               digest TEXT NOT NULL, summary TEXT NOT NULL, source TEXT NOT NULL, document BLOB NOT NULL,
               PRIMARY KEY (name, since_s)) WITHOUT ROWID""",
        ),
    ),
)

DEFAULT: Final = "default"
_MAX_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Version:
    """One version, without its document. since_s: from when on it is true (epoch s). summary, source: for people."""

    name: str
    since_s: int
    imported_s: int
    digest: str
    summary: str
    source: str


class Networks:
    """All versions."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> list[Version]:
        """Return all versions, by name and time."""
        return self._versions("ORDER BY name, since_s", ())

    def at(self, time_s: int | None = None) -> list[Version]:
        """Return the version of each name that was true at a time (epoch s), the newest for None.

        Of a name that has only later ones, the oldest: its `since_s` tells.
        """
        found: dict[str, Version] = {}
        for version in self.all():
            if version.name not in found or time_s is None or version.since_s <= time_s:
                found[version.name] = version
        return list(found.values())

    def times(self) -> list[int]:
        """Return all times (epoch s) at which something became true, oldest first."""
        return sorted({version.since_s for version in self.all()})

    def document(self, version: Version) -> str:
        """Return the document of a version."""
        rows = self._state.rows(
            PART, "SELECT document FROM networks WHERE name = ? AND since_s = ?", (version.name, version.since_s)
        )
        if not rows:
            raise StateError("network.version_gone", name=version.name)
        try:
            return zlib.decompressobj().decompress(rows[0][0], _MAX_BYTES).decode()
        except (zlib.error, UnicodeDecodeError, TypeError) as error:
            raise StateError("network.version_unreadable", name=version.name, reason=str(error)) from error

    def put(self, name: str, since_s: int, imported_s: int, summary: str, source: str, document: str) -> bool:
        """Keep a version, in place of one that begins at the same second.

        Nothing is kept, and False returned, when the version before it holds the same.
        """
        digest = hashlib.sha256(document.encode()).hexdigest()
        packed = zlib.compress(document.encode(), 6)
        with self._state.transaction(PART) as db:
            before = db.execute(
                "SELECT digest FROM networks WHERE name = ? AND since_s <= ? ORDER BY since_s DESC LIMIT 1",
                (name, since_s),
            ).fetchone()
            if before is not None and before[0] == digest:
                return False
            db.execute(
                "INSERT OR REPLACE INTO networks VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, since_s, imported_s, digest, summary, source, packed),
            )
        return True

    def remove(self, name: str, since_s: int) -> bool:
        """Forget a version; say whether there was one."""
        with self._state.transaction(PART) as db:
            sql = "DELETE FROM networks WHERE name = ? AND since_s = ?"
            return db.execute(sql, (name, since_s)).rowcount > 0

    def _versions(self, rest: str, values: Sequence[object]) -> list[Version]:
        sql = f"SELECT name, since_s, imported_s, digest, summary, source FROM networks {rest}"
        return [Version(*row) for row in self._state.rows(PART, sql, values)]
