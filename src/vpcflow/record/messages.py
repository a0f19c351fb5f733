"""Log events → FlowBatch: messages become lines and go the way of text, so one codec judges them all.

The event's time leads its line (`leading="ms"`), so that times and records stay together when lines between them are bad.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.errors import RecordError
from vpcflow.record.blocks import Block
from vpcflow.record.columns import Columns
from vpcflow.record.events import Event, Events, Row
from vpcflow.record.format import LogFormat
from vpcflow.record.guess import SAMPLE, default_format
from vpcflow.record.text import TextReader
from vpcflow.telemetry import BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.record.lines import Leading
    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

_HELD: Final = 20_000
"""Events parsed at once."""


class MessageReader:
    """Reads the events of one source.

    log_format: of messages, if the caller knows it; otherwise they must be told by their content.
    """

    def __init__(self, source: str, report: ReadReport, origin: Origin, log_format: LogFormat | None) -> None:
        self._source, self._report, self._origin = source, report, origin
        self._format = log_format
        self._readers: dict[Leading, TextReader] = {}

    def read(self, events: Events, walk: Iterable[Event | Row], block_bytes: int) -> Iterator[tuple[str, FlowBatch]]:
        """Yield (table, records); RecordError `unknown_kind` when the content has no events, or none that can be told."""
        held: list[Event | Row] = []
        size = 0
        for event in walk:
            held.append(event)
            size += len(event.message) if isinstance(event, Event) else 1000
            if len(held) >= _HELD or size >= block_bytes:
                yield from self._records(held)
                held, size = [], 0
        yield from self._records(held)
        if events.count and not events.found and not self._report.rows:
            raise RecordError("unknown_kind", source=self._source, text="{")

    def _records(self, held: list[Event | Row]) -> Iterator[tuple[str, FlowBatch]]:
        for is_row, group in groupby(held, lambda event: isinstance(event, Row)):
            same = list(group)
            yield from self._rows(same) if is_row else self._messages(same)  # type: ignore[arg-type]  # told by is_row

    def _messages(self, events: list[Event]) -> Iterator[tuple[str, FlowBatch]]:
        place = 0
        for at, event in enumerate(events):
            header = _header(event.message)
            if header is not None:
                yield from self._lines(events[place:at])
                self._use(header)
                place = at + 1
        yield from self._lines(events[place:])

    def _use(self, log_format: LogFormat) -> None:
        self._format = log_format
        self._readers = {}

    def _lines(self, events: list[Event]) -> Iterator[tuple[str, FlowBatch]]:
        if not events:
            return
        if self._format is None:
            self._use(self._told(events))
        for leading, group in groupby(events, lambda event: "" if event.time_ms is None else "ms"):
            reader = self._reader("ms" if leading else "")
            for block in _blocks(list(group)):
                yield from reader.read(block)
            self._origin.met(reader.formats)

    def _told(self, events: list[Event]) -> LogFormat:
        texts = [event.message.decode("utf-8", "replace") for event in events[:SAMPLE]]
        found = default_format(texts)
        if found is None:
            shown = "".join(c if c.isprintable() else "·" for c in texts[0][:60])
            raise RecordError("unknown_kind", source=self._source, text=shown)
        return found

    def _reader(self, leading: Leading) -> TextReader:
        if leading not in self._readers:
            assert self._format is not None  # noqa: S101 - _lines settled it
            self._readers[leading] = TextReader(self._format, self._source, self._report, leading=leading)
        return self._readers[leading]

    def _rows(self, rows: list[Row]) -> Iterator[tuple[str, FlowBatch]]:
        """Read objects of fields; one that has no field of ours is no record."""
        names = list(dict.fromkeys(name for row in rows for name in row.fields))
        columns = Columns(names, wild=False)
        if not columns.plausible:
            for row in rows:
                self._report.bad_line(BadLine(self._source, row.number, "not_an_event"))
            return
        self._origin.kind = "records" if self._origin.kind in ("json", "") else self._origin.kind
        self._origin.met([columns.log_format])
        arrays = [_array([row.fields.get(name) for row in rows]) for name in names]
        yield from columns.records(arrays, [row.number for row in rows], self._source, self._report)


def _header(message: bytes) -> LogFormat | None:
    return LogFormat.from_header(message.decode("utf-8", "replace")) if b"a" <= message[:1] <= b"z" else None


def _blocks(events: list[Event]) -> Iterator[Block]:
    """Make blocks of lines whose numbers are the events'."""
    place = 0
    for at in range(1, len(events) + 1):
        if at == len(events) or events[at].number != events[at - 1].number + 1:
            lines = [_line(event) for event in events[place:at]]
            yield Block(b"\n".join(lines) + b"\n", events[place].number)
            place = at


def _line(event: Event) -> bytes:
    return event.message if event.time_ms is None else b"%d %b" % (event.time_ms, event.message)


def _array(values: list[object]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds <= {int} or kinds <= {str} or kinds <= {int, float}:
            return pa.array(values)
        if kinds == {dict}:
            return pa.array([None if value is None else list(value.items()) for value in values], _MAP)  # type: ignore[attr-defined]
    except (pa.ArrowException, OverflowError, UnicodeError):
        pass
    return pa.array([None if value is None else _shown(value) for value in values], pa.string())


def _shown(value: object) -> str:
    text = str(value) if not isinstance(value, float) else f"{value:g}"
    return text.encode("utf-8", "replace").decode()


_MAP: Final = pa.map_(pa.string(), pa.string())
