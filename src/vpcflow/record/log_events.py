"""Any log → log events: what a log group keeps that holds no flow logs.

Three kinds of content are told apart by their begin. **Lines**: each line is an event; one that begins with a space or tab goes
on with the event before it, as CloudWatch's agent has it. **Documents**: JSON that spans lines, or an array of objects; each
object is an event, its text as it stands. **Envelopes** of CloudWatch Logs (subscriptions, `filter-log-events`,
`get-log-events`, Firehose's and Kinesis' records): each event in them, with the time, stream and group they tell.

An event's time is what its envelope says, else what its text says (`event_time`), else that of the event before it in the
same source, else when the source was last changed; the latter two are counted in `report.file_times`.
Source: CloudWatch Logs User Guide, "multi_line_start_pattern" of the agent; API reference, PutLogEvents (1 MB an event).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa

from vpcflow.errors import RecordError
from vpcflow.record.blocks import BLOCK
from vpcflow.record.event_envelopes import Envelopes, shape
from vpcflow.record.event_lines import MAX_EVENT, Event, Lines
from vpcflow.record.inflate import inflate
from vpcflow.record.schema import ENCODED, EVENT_COLUMNS, LOG_EVENTS
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport

LOG_GROUP: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}", re.ASCII)
LOG_STREAM: Final = re.compile(r"[^:*]{1,512}")
"""What AWS takes for names. Source: API reference, CreateLogGroup, CreateLogStream."""

_HEAD: Final = 1 << 20
_HELD: Final = 20_000
_BINARY: Final = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
_BASE64: Final = re.compile(rb"\s*H4sI[A-Za-z0-9+/]{8}")
_EXPORT: Final = re.compile(r"/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/([^/]+)/\d{6}(\.gz)?$")
"""Task, stream and number, as CreateExportTask names its objects."""
_PACKED: Final = re.compile(r"\.(gz|zst|json|jsonl|log|txt)$")
_LITERALS: Final = re.compile(r"(t(r(ue?)?)?|f(a(l(se?)?)?)?|n(u(ll?)?)?|-?)\s*")
"""How JSON goes on that ends too early."""
_ARRAY: Final = re.compile(r"\[\s*\{")
_SCAN: Final = json.JSONDecoder().raw_decode

Mode = Literal["empty", "lines", "documents", "base64", "export"]


@dataclass(frozen=True, slots=True)
class Filing:
    """Under which names events are kept. log_stream: None where the source tells it."""

    log_group: str
    log_stream: str | None = None


def read_log_events(
    raw: BinaryIO,
    source: str,
    report: ReadReport,
    origin: Origin,
    filing: Filing,
    *,
    changed_s: int | None,
    now_s: int,
    block_bytes: int = BLOCK,
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (`log_events`, events) of all that *raw* holds.

    source: its name, whose last part is the log stream of events that tell none. changed_s: when it was last changed.
    now_s: what events without any time have where nobody knows when their source was changed; ingestion time of those whose
    envelope tells none. Memory stays bounded whatever *raw* holds.
    Raises RecordError `not_events` for content that is neither text nor JSON.
    """
    pieces = inflate(raw, source, report)
    head = _head(pieces)
    begin = b"".join(head)
    mode = _mode(begin, source)
    origin.kind = mode
    origin.saw(log_group=filing.log_group)
    content = chain(head, pieces)
    if mode == "base64":
        events = Envelopes(source, report, origin).base64(content)
    elif mode == "documents":
        events = Envelopes(source, report, origin).documents(content, 0)
    else:
        events = Lines(source, report, export=mode == "export").read(content, block_bytes)
    fallback = (now_s if changed_s is None else changed_s) * 1000
    rows = _Rows(source, filing, fallback, now_s * 1000, report)
    yield from ((LOG_EVENTS, batch) for batch in rows.batches(events, block_bytes))
    if filing.log_stream:
        origin.log_stream = filing.log_stream


def _head(pieces: Iterator[bytes]) -> list[bytes]:
    head: list[bytes] = []
    size = 0
    while size < _HEAD and (piece := next(pieces, b"")):
        head.append(piece)
        size += len(piece)
    if head and head[0].startswith(b"\xef\xbb\xbf"):
        head[0] = head[0][3:]
    return head


def _mode(head: bytes, source: str) -> Mode:
    begin = head.lstrip(b" \t\r\n")
    if not begin:
        return "empty"
    if begin.startswith(_BINARY) or head.count(b"\0") * 10 > len(head):
        shown = "".join(c if c.isprintable() else "·" for c in begin[:60].decode("utf-8", "replace"))
        raise RecordError("not_events", source=source, text=shown)
    if _BASE64.match(head):
        return "base64"
    if begin[:1] in (b"{", b"["):
        return _json_mode(begin)
    return "export" if _EXPORT.search(_path(source)) else "lines"


def _json_mode(begin: bytes) -> Mode:
    """Tell lines that may each be JSON from JSON that is more than its lines."""
    first, newline, _ = begin.partition(b"\n")
    text = first.decode("utf-8", "replace")
    try:
        found, end = _SCAN(text)
    except RecursionError:
        return "lines"
    except ValueError:
        return "documents" if _is_begin(begin) else "lines"
    if isinstance(found, list):
        return "documents" if all(isinstance(one, dict) for one in found) and found else "lines"
    # Two documents on a line, without a newline between: a stream of them, as Firehose writes it.
    more = text[end:].lstrip(" \t\r,")
    return "documents" if shape(found) or more.startswith("{") or (more and not newline) else "lines"


def _is_begin(begin: bytes) -> bool:
    """Tell whether what does not end on its first line is JSON all the same, whole or as far as it was looked at."""
    text = begin.decode("utf-8", "replace")
    array = _ARRAY.match(text)
    try:
        found, _ = _SCAN(text, array.end() - 1 if array else 0)
    except json.JSONDecodeError as error:
        escape = error.msg.startswith("Invalid \\") and error.pos > len(text) - 8
        return error.msg.startswith("Unterminated") or escape or _LITERALS.fullmatch(text, error.pos) is not None
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict)


def _path(source: str) -> str:
    return source.partition("#log-group=")[0]


def _stream_name(source: str) -> str:
    """Return the log stream of events of *source* that tell none: the export's folder, else the file's name."""
    path = _path(source)
    export = _EXPORT.search(path)
    if export is not None:
        return export[1]
    name = path.rpartition("/")[2] or path
    if path.startswith(("stdin:", "cloudwatch:")):
        return path.partition(":")[0]
    while (short := _PACKED.sub("", name)) not in ("", name):
        name = short
    return re.sub(r"[:*]", "-", name)[:512]


def _too_long(message: str) -> bool:
    return len(message) * 4 > MAX_EVENT and len(message.encode()) > MAX_EVENT


class _Rows:
    """Events → record batches, with what the source tells of all of them."""

    def __init__(self, source: str, filing: Filing, fallback_ms: int, now_ms: int, report: ReadReport) -> None:
        self._source, self._filing, self._unnamed = source, filing, _stream_name(source)
        self._last, self._now, self._report = fallback_ms, now_ms, report

    def batches(self, events: Iterable[Event], block_bytes: int) -> Iterator[pa.RecordBatch]:
        held: list[Event] = []
        size = 0
        for event in events:
            if _too_long(event.message):
                bad = BadLine(self._source, event.number, "event_too_long", text=event.message[:SHOWN_WIDTH])
                self._report.bad_line(bad, event.message[:MAX_EVENT].encode())
                continue
            held.append(event)
            size += len(event.message)
            if len(held) >= _HELD or size >= block_bytes:
                yield self._batch(held)
                held, size = [], 0
        if held:
            yield self._batch(held)

    def _batch(self, events: list[Event]) -> pa.RecordBatch:
        times = []
        for event in events:
            if event.time_ms is None:
                self._report.file_times += 1
            else:
                self._last = event.time_ms
            times.append(self._last)
        self._report.rows += len(events)
        given = self._filing.log_stream
        streams = [given or event.log_stream or self._unnamed for event in events]
        columns = {
            "log_group": pa.DictionaryArray.from_arrays(
                pa.array([0] * len(events), pa.int32()), pa.array([self._filing.log_group])
            ),
            "log_stream": pa.array(streams, pa.string()).dictionary_encode().cast(ENCODED),
            "timestamp": pa.array(times, pa.int64()),
            "ingestion_time": pa.array([event.ingestion_ms or self._now for event in events], pa.int64()),
            "message": pa.array([event.message for event in events], pa.string()),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in EVENT_COLUMNS], names=list(EVENT_COLUMNS))
