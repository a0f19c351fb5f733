"""How far the records of each flow log have come, and whether whoever made them stopped in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.state.store import Part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vpcflow.state.store import State

PART: Final = Part(
    "runs",
    (
        (
            """CREATE TABLE runs (flow_log_id TEXT PRIMARY KEY, until_s INTEGER NOT NULL, stopped INTEGER NOT NULL)
               WITHOUT ROWID""",
        ),
    ),
)


class Runs:
    """Marks by flow log: all records up to a time are kept or delivered."""

    def __init__(self, state: State) -> None:
        self._state = state

    def broken_off(self) -> dict[str, int]:
        """Return the flow logs whose making did not stop in order, and up to when (s) their records are known to be kept."""
        return dict(self._state.rows(PART, "SELECT flow_log_id, until_s FROM runs WHERE NOT stopped"))

    def mark(self, until_s: Mapping[str, int], *, stopped: bool = False) -> None:
        """Keep how far flow logs have come."""
        if until_s:
            with self._state.transaction(PART) as db:
                values = [(one, until, stopped) for one, until in until_s.items()]
                db.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", values)

    def forget(self, flow_log_ids: Collection[str]) -> None:
        """Forget flow logs that are no more."""
        if flow_log_ids:
            with self._state.transaction(PART) as db:
                db.executemany("DELETE FROM runs WHERE flow_log_id = ?", [(one,) for one in flow_log_ids])
