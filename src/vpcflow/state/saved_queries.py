"""Queries that users gave a name: language, name → text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.state.store import Part

if TYPE_CHECKING:
    from vpcflow.state.store import State

PART: Final = Part(
    "saved_queries",
    (
        (
            """CREATE TABLE saved_queries (language TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, text TEXT NOT NULL,
               PRIMARY KEY (language, name)) WITHOUT ROWID""",
        ),
    ),
)


class SavedQueries:
    """The saved queries of one language (`athena`, …); names are told apart by their letters, not by their case."""

    def __init__(self, state: State, language: str) -> None:
        self._state, self._language = state, language

    def all(self) -> dict[str, str]:
        """Return name → text, sorted by name."""
        found = self._state.rows(
            PART, "SELECT name, text FROM saved_queries WHERE language = ? ORDER BY name", (self._language,)
        )
        return dict(found)

    def get(self, name: str) -> str | None:
        """Return the text of one, None where there is none."""
        found = self._state.rows(
            PART, "SELECT text FROM saved_queries WHERE language = ? AND name = ?", (self._language, name)
        )
        return found[0][0] if found else None

    def put(self, name: str, text: str) -> None:
        """Keep *text* as *name*, in place of what had that name."""
        with self._state.transaction(PART) as db:
            db.execute("INSERT OR REPLACE INTO saved_queries VALUES (?, ?, ?)", (self._language, name, text))

    def remove(self, name: str) -> bool:
        """Forget one; say whether there was any."""
        with self._state.transaction(PART) as db:
            sql = "DELETE FROM saved_queries WHERE language = ? AND name = ?"
            return db.execute(sql, (self._language, name)).rowcount > 0
