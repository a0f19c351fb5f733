"""JSON documents → log events: every shape in which AWS hands out messages of CloudWatch Logs and Firehose.

A shape is told by its keys and written once, in `Events._SHAPES`. Shapes are packed into one another (a Kinesis record
holds a gzip'd envelope in base64), so unpacking is the same walk again, at most `_DEPTH` deep and `_INFLATED` bytes far.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from vpcflow.record.documents import NotJson, documents
from vpcflow.record.inflate import unpack
from vpcflow.telemetry import BadLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport

_DEPTH: Final = 4
_INFLATED: Final = 256 << 20
"""Bytes one packed value may inflate to; the largest that AWS makes stay under 100 MiB."""

_NEWLINES: Final = re.compile(rb"[\r\n]+")


@dataclass(frozen=True, slots=True)
class Event:
    """One message: its number in the source, from 1, its time (ms since the epoch) if it has one, its text in one line."""

    number: int
    time_ms: int | None
    message: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One record as an object of its fields, as we write JSON lines."""

    number: int
    fields: dict[str, object]


class Events:
    """The events of one source, in their order; what is none goes to the report.

    count: things met so far, good and bad. found: how many of them were events or rows, or a shape that holds some.
    """

    def __init__(self, source: str, report: ReadReport, origin: Origin) -> None:
        self.count = self.found = 0
        self._source, self._report, self._origin = source, report, origin

    def of_json(self, pieces: Iterable[bytes], depth: int = 0) -> Iterator[Event | Row]:
        """Walk through a stream of documents."""
        for document in documents(pieces):
            if isinstance(document, NotJson) and document.reason == "given_up":
                self._report.lost(self._source, "given_up")
            elif isinstance(document, NotJson):
                self._bad(document.reason, document.text)
            else:
                yield from self._of(document, depth)

    def of_base64(self, pieces: Iterable[bytes]) -> Iterator[Event | Row]:
        """Walk through base64 texts of gzip'd documents; each begins on its own line and may be broken into many."""
        for text in base64_texts(pieces):
            yield from self._packed(text, 0)

    def _of(self, document: object, depth: int) -> Iterator[Event | Row]:
        if not isinstance(document, dict) or depth > _DEPTH:
            self._bad("not_an_event")
            return
        for key, read in self._SHAPES.items():
            if key in document:
                yield from read(self, document, depth)
                return
        if document:
            self.count += 1
            yield Row(self.count, document)

    def _subscription(self, document: dict[str, object], depth: int) -> Iterator[Event | Row]:
        self._is("subscription")
        if document.get("messageType") == "CONTROL_MESSAGE":
            return
        self._origin.saw(
            owner=document.get("owner"), log_group=document.get("logGroup"), log_stream=document.get("logStream")
        )
        yield from self._each(document.get("logEvents"), depth)

    def _lambda(self, document: dict[str, object], depth: int) -> Iterator[Event | Row]:
        self._is("lambda")
        inner = document["awslogs"]
        yield from self._packed(inner.get("data") if isinstance(inner, dict) else None, depth)

    def _kinesis(self, document: dict[str, object], depth: int) -> Iterator[Event | Row]:
        for record in self._list(document["Records"]):
            inner = record.get("kinesis") if isinstance(record, dict) else None
            if isinstance(inner, dict):
                self._is("kinesis")
                yield from self._packed(inner.get("data"), depth)
            else:
                self._bad("not_an_event")

    def _firehose_request(self, document: dict[str, object], depth: int) -> Iterator[Event | Row]:
        for record in self._list(document["records"]):
            if isinstance(record, dict) and "data" in record:
                self._is("firehose_http")
                yield from self._packed(record["data"], depth)
            else:
                self._bad("not_an_event")

    def _command(self, document: dict[str, object], depth: int) -> Iterator[Event | Row]:
        self._is("events")
        yield from self._each(document["events"], depth)

    def _message(self, document: dict[str, object], _depth: int) -> Iterator[Event | Row]:
        message, time_ms = document["message"], document.get("timestamp")
        self._origin.saw(log_group=document.get("logGroup"), log_stream=document.get("logStreamName"))
        if not isinstance(message, str) or not isinstance(time_ms, (int, type(None))) or isinstance(time_ms, bool):
            self._bad("not_an_event")
            return
        self._is("events" if "timestamp" in document else "firehose")
        yield self._event(time_ms, _bytes(message))

    def _each(self, elements: object, depth: int) -> Iterator[Event | Row]:
        for element in self._list(elements):
            if isinstance(element, dict) and "message" in element:
                yield from self._message(element, depth)
            else:
                self._bad("not_an_event")

    def _packed(self, text: object, depth: int) -> Iterator[Event | Row]:
        try:
            data = base64.b64decode(text, validate=False) if isinstance(text, (str, bytes)) else b""
        except (binascii.Error, ValueError):
            data = b""
        if not data or depth >= _DEPTH:
            self._bad("not_an_event")
            return
        pieces = limited(unpack([data], self._source, self._report), self._source, self._report)
        head = next(pieces, b"")
        if head.lstrip()[:1] in (b"{", b"["):
            yield from self.of_json(_joined(head, pieces), depth + 1)
            return
        for line in _lines(_joined(head, pieces)):
            yield self._event(None, line)

    def _event(self, time_ms: int | None, message: bytes) -> Event:
        self.count += 1
        self.found += 1
        return Event(self.count, time_ms, _NEWLINES.sub(b" ", message.strip()))

    _SHAPES: ClassVar[dict[str, Callable[[Events, dict[str, object], int], Iterator[Event | Row]]]] = {
        "messageType": _subscription,
        "logEvents": _subscription,
        "awslogs": _lambda,
        "Records": _kinesis,
        "records": _firehose_request,
        "events": _command,
        "message": _message,
    }

    def _list(self, value: object) -> list[object]:
        if isinstance(value, list):
            return value
        self._bad("not_an_event")
        return []

    def _is(self, kind: str) -> None:
        self.found += 1
        if self._origin.kind in ("", "json", "base64"):
            self._origin.kind = kind

    def _bad(self, reason: str, text: str = "") -> None:
        self.count += 1
        self._report.bad_line(BadLine(self._source, self.count, reason, text=_shown(text)), _bytes(text))


def limited(pieces: Iterable[bytes], source: str, report: ReadReport) -> Iterator[bytes]:
    """Yield what a packed value holds, up to 256 MiB; what is left out is told."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _INFLATED:
            report.lost(source, "too_large", str(_INFLATED))
            return
        yield piece


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate, written as \ud800: no text, as the line codec will say
        return text.encode("utf-8", "surrogatepass")


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _joined(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def base64_texts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Split at lines that begin as gzip does in base64; a text that is longer than any document is cut."""
    held: list[bytes] = []
    size = 0
    for line in _lines(pieces):
        stripped = line.strip()
        if held and (stripped.startswith(b"H4sI") or size > _INFLATED // 4):
            yield b"".join(held)
            held, size = [], 0
        held.append(stripped)
        size += len(stripped)
    if held:
        yield b"".join(held)
