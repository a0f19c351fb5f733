"""What was read and what was lost on the way: counters that go with every answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SHOWN = 20
"""How many bad lines a report keeps whole; all are counted."""

SHOWN_WIDTH = 200
"""How much of a bad line is kept to be shown."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line (or event, or row) that is no record: where, why, and the field that is wrong."""

    source: str
    line: int
    reason: str
    field: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of a source that could not be read: its kind and how much is known to be missing."""

    source: str
    kind: str
    detail: str = ""


@dataclass(slots=True)
class ReadReport:
    """Counts of one source, or of many added up.

    file_times: log events that tell no time of their own. mended: those with bytes that are no UTF-8.
    on_bad: called with each bad line and its bytes as they were read (``--bad-lines``, ``--strict``).
    """

    rows: int = 0
    bytes_in: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    shown: list[BadLine] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    file_times: int = 0
    mended: int = 0
    on_bad: Callable[[BadLine, bytes], None] | None = None

    def bad_line(self, bad: BadLine, raw: bytes = b"") -> None:
        """Count a bad line; keep it to be shown if there is room."""
        self.bad[bad.reason] += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(bad)
        if self.on_bad is not None:
            self.on_bad(bad, raw)

    def lost(self, source: str, kind: str, detail: str = "") -> None:
        """Name a loss."""
        self.losses.append(Loss(source, kind, detail))

    def add(self, other: ReadReport) -> None:
        """Add another source's counts to these."""
        self.rows += other.rows
        self.bytes_in += other.bytes_in
        self.bad.update(other.bad)
        self.unknown_fields.update(other.unknown_fields)
        self.losses.extend(other.losses)
        self.file_times += other.file_times
        self.mended += other.mended
        self.shown.extend(other.shown[: MAX_SHOWN - len(self.shown)])
