"""Lines → log events: a line is an event, and what goes on with it.

A line that begins with a space or tab goes on with the event before it, as CloudWatch's agent has it; in an export of CloudWatch
Logs every line does that begins without a time. Empty lines between events are none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.record import event_time
from vpcflow.record.blocks import MAX_LINE, blocks
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.telemetry import ReadReport

MAX_EVENT: Final = MAX_LINE
"""Bytes an event may have; a longer line is counted and dropped, lines that go on with an event begin a new one there."""

_EXPORT_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ", re.ASCII)


@dataclass(slots=True)
class Event:
    """One event: ms since the epoch; number: of its line, or its place among documents, from 1."""

    number: int
    message: str
    time_ms: int | None = None
    log_stream: str = ""
    ingestion_ms: int | None = None


class Lines:
    """Reads lines of one source. export: each event begins with its time, which is no part of it."""

    def __init__(self, source: str, report: ReadReport, *, export: bool = False) -> None:
        self._source, self._report, self._export = source, report, export

    def read(self, content: Iterable[bytes], block_bytes: int) -> Iterator[Event]:
        """Yield the events of *content*."""
        event: Event | None = None
        parts: list[str] = []
        size = 0
        for number, blank, text in self._lines(content, block_bytes):
            time = _EXPORT_TIME.match(text) if self._export else None
            goes_on = time is None if self._export else text[0] in " \t"
            if event is not None and goes_on and size + blank + len(text) < MAX_EVENT:
                parts.append("\n" * blank + text)
                size += blank + len(text) + 1
                continue
            if event is not None:
                yield _joined(event, parts)
            event, parts, size = self._begun(text, number, time), [], len(text)
        if event is not None:
            yield _joined(event, parts)

    def _lines(self, content: Iterable[bytes], block_bytes: int) -> Iterator[tuple[int, int, str]]:
        """Yield the number of each line that holds something, how many empty ones came before it, and its text."""
        blank = 0
        for block in blocks(content, self._source, self._report, size=block_bytes):
            for number, raw in enumerate(block.data.split(b"\n"), block.first_line):
                line = raw.rstrip(b"\r")
                if not line.strip():
                    blank += 1
                elif len(line) > MAX_EVENT:
                    shown = line[:SHOWN_WIDTH].decode("utf-8", "replace")
                    self._report.bad_line(BadLine(self._source, number, "line_too_long", text=shown), line[:MAX_EVENT])
                else:
                    yield number, blank, self._text(line)
                    blank = 0

    def _begun(self, text: str, number: int, time: re.Match[str] | None) -> Event:
        if time is not None:
            return Event(number, text[time.end() :], event_time.of_value(time[1]))
        event = Event(number, text)
        if text[:1] == "{":
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                return event
            event.time_ms = event_time.of_object(document)
        else:
            event.time_ms = event_time.leading(text)
        return event

    def _text(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._report.mended += 1
            return line.decode("utf-8", "replace")


def _joined(event: Event, more: list[str]) -> Event:
    if more:
        event.message = "\n".join((event.message, *more))
    return event
