"""A stream of text → JSON documents, one after another, with or without anything between them.

A document is decoded when it is whole. Until then the window on the text is doubled and it is tried again, so the cost stays
linear; after an error the window is small again, because an error costs what lies before it. Two containers are
stepped into, so that their elements come one by one however many there are: an array that is the whole file, and
``{"events": [ … ]}`` as the aws command prints it. What is no JSON is counted and skipped up to the next document's begin.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Final

from vpcflow.telemetry import SHOWN_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DOCUMENT: Final = 64 << 20
"""Characters. The largest documents AWS sends are Firehose's requests: 64 MiB."""

_MAX_VALUES: Final = 4_000_000
"""Values of one document, which take many times the memory of their text; a full-size envelope has one million."""

_WINDOW: Final = 1 << 16
_BEHIND: Final = 1 << 12
_LOOK_BACK: Final = 64
_NEAR_END: Final = 16
_WASTE: Final = 16
"""How often the text may be read in vain before the rest is given up: documents inside broken documents."""

_DECODE: Final = json.JSONDecoder().raw_decode
_BETWEEN: Final = re.compile(r"[\s,\x1e\ufeff]*")
_EVENTS: Final = re.compile(r'\{\s*"events"\s*:\s*\[')
_BEFORE: Final = frozenset("\n}],")


class NotJson(Exception):  # noqa: N818 - carries a reason to the report, nothing fails
    """Text that is no document: why (`bad_json`, `document_too_long`, `given_up`), and how it begins."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.reason, self.text = reason, text


def documents(pieces: Iterable[bytes]) -> Iterator[object]:
    """Yield each document of *pieces*, and a `NotJson` (not raised) for each stretch of text that is none.

    Bytes that are no UTF-8 become lone surrogates, so that they can be told later.
    """
    return _Splitter(_Window(pieces)).split()


def documents_with_text(pieces: Iterable[bytes]) -> Iterator[tuple[object, str]]:
    """Yield the same, each document with the text it was written in (empty for what is made of a container's rest)."""
    splitter = _Splitter(_Window(pieces))
    for document in splitter.split():
        yield document, splitter.text


class _Window:
    """A part of the text, and the place in it; grows at its end, and can be made small again."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.text, self.place = "", 0
        self.seen = 0
        self._coming = _decoded(pieces)
        self._ahead, self._ahead_place = "", 0

    def left(self) -> int:
        """Return the number of characters after the place."""
        return len(self.text) - self.place

    def grow(self) -> bool:
        """Double what is left; return False when there is nothing to add."""
        kept = max(0, self.place - _LOOK_BACK)
        parts, added = [self.text[kept:]], 0
        while added < max(_WINDOW, self.left()) and (part := self._next_part()):
            parts.append(part)
            added += len(part)
        self.text, self.place = "".join(parts), self.place - kept
        return added > 0

    def shrink(self) -> None:
        """Put back what is far ahead, let go of what is far behind."""
        end = self.place + _WINDOW
        if len(self.text) > end + _WINDOW:
            self._ahead = self.text[end:] + self._ahead[self._ahead_place :]
            self._ahead_place = 0
            self.text = self.text[:end]
        if self.place > _BEHIND:
            kept = self.place - _LOOK_BACK
            self.text, self.place = self.text[kept:], _LOOK_BACK

    def _next_part(self) -> str:
        if self._ahead_place < len(self._ahead):
            part = self._ahead[self._ahead_place : self._ahead_place + _WINDOW]
            self._ahead_place += len(part)
            return part
        part = next(self._coming, "")
        self.seen += len(part)
        return part


class _Splitter:
    def __init__(self, window: _Window) -> None:
        self._window = window
        self._inside = ""
        self._seeking = False
        self._wasted = 0
        self.text = ""

    def split(self) -> Iterator[object]:
        window = self._window
        while self._sought():
            found = self._next()
            if found is not None:
                yield found
            if self._wasted > _WASTE * (window.seen + MAX_DOCUMENT):
                yield NotJson("given_up", "")
                return

    def _sought(self) -> bool:
        """Go to where the next document begins, or may begin after something that was none; False at the end."""
        window = self._window
        while True:
            if self._seeking:
                window.place = self._begin()
                self._seeking = window.place == len(window.text)
            else:
                window.place = _BETWEEN.match(window.text, window.place).end()  # type: ignore[union-attr]  # always
            if window.left():
                return True
            if not window.grow():
                return False

    def _begin(self) -> int:
        """Return the place of the next brace that may begin a document: after a line's, a document's or an element's end."""
        text, place = self._window.text, self._window.place - 1
        while (place := text.find("{", place + 1)) >= 0:
            if text[max(0, place - _LOOK_BACK) : place].rstrip(" \t")[-1:] in _BEFORE:
                return place
        return len(text)

    def _next(self) -> object:
        """Return the next document, or None for a bracket that was passed."""
        first = self._window.text[self._window.place]
        if self._inside and first == "]":
            return self._leave()
        if first not in "{[":
            return self._skip("bad_json")
        if not self._inside and first == "[":
            self._inside = "["
            self._window.place += 1
            return None
        return self._whole()

    def _whole(self) -> object:
        window = self._window
        while True:
            if not self._inside and (match := _EVENTS.match(window.text, window.place)):
                self._inside, window.place = "{", match.end()
                return None
            begin = window.place
            try:
                found, window.place = _DECODE(window.text, begin)
            except json.JSONDecodeError as error:
                incomplete = error.msg.startswith("Unterminated") or error.pos >= len(window.text) - _NEAR_END
                if not (incomplete and window.grow()):
                    self._wasted += error.pos - window.place
                    return self._skip("bad_json")
                if window.left() > _MAX_VALUES and self._too_much():
                    return self._skip("document_too_long", window.left())
            except (ValueError, RecursionError):  # an integer of thousands of digits; brackets a thousand deep
                self._wasted += window.left()
                return self._skip("bad_json")
            else:
                self.text = window.text[begin : window.place]
                return found

    def _too_much(self) -> bool:
        window = self._window
        values = sum(window.text.count(mark, window.place) for mark in ",[{")
        return window.left() > MAX_DOCUMENT or values > _MAX_VALUES

    def _leave(self) -> object:
        """Pass a container's end; what its object says beside the events comes as a document."""
        window = self._window
        if self._inside == "[":
            self._inside, window.place = "", window.place + 1
            return None
        while window.left() < _WINDOW and window.grow():
            pass
        begin = '{"":0'
        try:
            found, length = _DECODE(begin + window.text[window.place + 1 : window.place + _WINDOW])
        except (ValueError, RecursionError):
            self._inside = ""
            return self._skip("bad_json")
        self._inside, window.place = "", window.place + 1 + length - len(begin)
        self.text = ""
        return {"events": [], **found}

    def _skip(self, reason: str, count: int = 1) -> NotJson:
        window = self._window
        shown = window.text[window.place : window.place + SHOWN_WIDTH]
        window.place += count
        window.shrink()
        self._seeking = True
        return NotJson(reason, shown)


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    for piece in pieces:
        for place in range(0, len(piece), _WINDOW):
            text = decode(piece[place : place + _WINDOW])
            if text:
                yield text
    if text := decode(b"", final=True):
        yield text
