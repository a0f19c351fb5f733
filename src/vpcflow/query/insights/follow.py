"""A query that goes on: what it asks each time there are new records.

A query of filters, fields and parses is asked of the new records alone. One that counts by `bin` is asked of each bin once it is
closed: when records have come that began `LATE_MS` after its end. What comes later for a closed bin is not counted any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vpcflow.query.insights import commands, periods
from vpcflow.query.insights.commands.stats import Stats
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.parse import parse
from vpcflow.query.insights.syntax import Call, Period

LATE_MS: Final = 10 * 60_000
"""How much later than others a record of the same time may come: AWS delivers within some ten minutes."""


@dataclass(frozen=True, slots=True)
class Following:
    """How a query is followed. bin_ms: of its bins, 0 for a query of events; offset_ms: where they begin."""

    bin_ms: int = 0
    offset_ms: int = 0

    def closed(self, newest_ms: int) -> int:
        """Return where the last closed bin ends, when the newest record begins at *newest_ms* (epoch ms)."""
        return (newest_ms - LATE_MS - self.offset_ms) // self.bin_ms * self.bin_ms + self.offset_ms


def following(text: str) -> Following:
    """Return how the query is followed; MalformedQuery for one that cannot be."""
    query = parse(text)
    for stage in query.stages:
        if isinstance(stage, Stats):
            return _binned(text, stage)
        if not commands.get(stage.command).narrows:
            raise malformed("follow", text, stage.start, stage.end, command=stage.command)
    return Following()


def _binned(text: str, stage: Stats) -> Following:
    for item in stage.by:
        call = item.expr
        if isinstance(call, Call) and call.key == "bin" and isinstance(call.arguments[0], Period):
            period = call.arguments[0]
            if period.unit in periods.MILLISECONDS and period.unit != "week":
                length = periods.capped(period.number, period.unit) * periods.MILLISECONDS[period.unit]
                offset = stage.offset
                return Following(length, periods.milliseconds(offset.number, offset.unit) % length if offset else 0)
    raise malformed("follow_bin", text, stage.start, stage.end)
