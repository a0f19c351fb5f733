"""JSON documents → log events: envelopes of CloudWatch Logs and whoever hands its events on, and documents that are events.

Envelopes are packed into one another (a Kinesis record holds a gzip'd subscription in base64), so unpacking is the same walk
again, at most `_DEPTH` deep. Unlike `events`, which wants lines of flow logs, this keeps every message as it is.
"""

from __future__ import annotations

import base64
import binascii
import json
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

from vpcflow.record import event_time
from vpcflow.record.blocks import BLOCK
from vpcflow.record.documents import NotJson, documents_with_text
from vpcflow.record.event_lines import MAX_EVENT, Event, Lines
from vpcflow.record.events import base64_texts, limited
from vpcflow.record.inflate import unpack
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport

_DEPTH: Final = 4
_API: Final = frozenset(
    {"timestamp", "message", "ingestionTime", "logStreamName", "eventId", "id", "logGroup", "extractedFields"}
)


def shape(document: object) -> str:
    """Return which envelope a document is (of `Envelopes._SHAPES`), empty for none: then it is an event itself."""
    if not isinstance(document, dict):
        return ""
    return next((name for name, test in _TESTS if test(document)), "")


def _has(elements: object, key: str) -> bool:
    return isinstance(elements, list) and bool(elements) and isinstance(elements[0], dict) and key in elements[0]


def _is_api(element: object) -> bool:
    """Tell whether an object is an event as CloudWatch Logs' own answers have it, and not one with such a name by chance."""
    return (
        isinstance(element, dict)
        and _API.issuperset(element)
        and isinstance(element.get("message"), str)
        and type(element.get("timestamp")) is int
        and bool({"ingestionTime", "eventId", "id", "logStreamName"} & element.keys())
    )


_TESTS: Final[tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...]] = (
    ("subscription", lambda found: "messageType" in found and isinstance(found.get("logEvents"), list)),
    ("lambda", lambda found: isinstance(found.get("awslogs"), dict) and "data" in found["awslogs"]),
    ("kinesis", lambda found: _has(found.get("Records"), "kinesis")),
    ("records", lambda found: isinstance(found.get("Records"), list) and len(found) == 1),
    ("firehose_http", lambda found: "requestId" in found and _has(found.get("records"), "data")),
    ("events", lambda found: isinstance(found.get("events"), list) and all(map(_is_api, found["events"]))),
    ("event", _is_api),
)


class Envelopes:
    """Reads documents of one source."""

    def __init__(self, source: str, report: ReadReport, origin: Origin) -> None:
        self._source, self._report, self._origin = source, report, origin
        self._count = 0

    def documents(self, content: Iterable[bytes], depth: int) -> Iterator[Event]:
        """Yield the events of JSON documents."""
        for document, text in documents_with_text(content):
            if isinstance(document, NotJson):
                if document.reason == "given_up":
                    self._report.lost(self._source, "given_up")
                else:
                    self._bad(document.reason, document.text)
            else:
                yield from self._of(document, text, depth)

    def base64(self, content: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of gzip'd envelopes in base64; each begins on its own line."""
        for text in base64_texts(content):
            yield from self._packed(text, 0)

    def _of(self, document: object, text: str, depth: int) -> Iterator[Event]:
        if not isinstance(document, dict) or depth > _DEPTH:
            self._bad("not_an_event", text)
            return
        found = shape(document)
        if found:
            if self._origin.kind in ("documents", "base64"):
                self._origin.kind = found
            yield from self._SHAPES[found](self, document, depth)
        else:
            self._count += 1
            yield Event(self._count, _clean(text), event_time.of_object(document))

    def _lambda(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        return self._packed(document["awslogs"]["data"], depth)

    def _kinesis(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        for record in document["Records"]:
            inner = record.get("kinesis") if isinstance(record, dict) else None
            yield from self._packed(inner.get("data") if isinstance(inner, dict) else None, depth)

    def _firehose_http(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        for record in document["records"]:
            yield from self._packed(record.get("data") if isinstance(record, dict) else None, depth)

    def _records(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        """Take a file's records (CloudTrail's) one by one, as CloudWatch Logs gets them."""
        for record in document["Records"]:
            yield from self._of(record, json.dumps(record, ensure_ascii=False, separators=(",", ":")), depth + 1)

    def _events(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        del depth
        return map(self._api, document["events"])

    def _event(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        del depth
        yield self._api(document)

    def _subscription(self, document: dict[str, Any], depth: int) -> Iterator[Event]:
        del depth
        if document.get("messageType") == "CONTROL_MESSAGE":
            return
        stream = document.get("logStream")
        self._origin.saw(owner=document.get("owner"), log_stream=stream)
        for element in document["logEvents"]:
            if isinstance(element, dict) and isinstance(element.get("message"), str):
                yield self._api({"logStreamName": stream, **element})
            else:
                self._bad("not_an_event", str(element))

    def _api(self, element: dict[str, object]) -> Event:
        self._count += 1
        stream, time_ms, arrived = (element.get(name) for name in ("logStreamName", "timestamp", "ingestionTime"))
        self._origin.saw(log_stream=stream)
        return Event(
            self._count,
            _clean(str(element["message"])),
            _milliseconds(time_ms),
            stream if isinstance(stream, str) else "",
            _milliseconds(arrived),
        )

    def _packed(self, text: object, depth: int) -> Iterator[Event]:
        try:
            data = base64.b64decode(text, validate=False) if isinstance(text, (str, bytes)) else b""
        except (binascii.Error, ValueError):
            data = b""
        if not data or depth >= _DEPTH:
            self._bad("not_an_event", str(text))
            return
        pieces = limited(unpack([data], self._source, self._report), self._source, self._report)
        begin = next(pieces, b"")
        content = chain([begin], pieces)
        if begin.lstrip()[:1] in (b"{", b"["):
            yield from self.documents(content, depth + 1)
        else:
            yield from Lines(self._source, self._report).read(content, BLOCK)

    _SHAPES: ClassVar[dict[str, Callable[[Envelopes, dict[str, Any], int], Iterator[Event]]]] = {
        "subscription": _subscription,
        "lambda": _lambda,
        "kinesis": _kinesis,
        "records": _records,
        "firehose_http": _firehose_http,
        "events": _events,
        "event": _event,
    }

    def _bad(self, reason: str, text: str) -> None:
        self._count += 1
        raw = text.encode("utf-8", "replace")
        shown = raw[:SHOWN_WIDTH].decode("utf-8", "replace")
        self._report.bad_line(BadLine(self._source, self._count, reason, text=shown), raw[:MAX_EVENT])


def _clean(text: str) -> str:
    """Return *text* without lone surrogates, which no UTF-8 has."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _milliseconds(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < event_time.LAST_MS else None
