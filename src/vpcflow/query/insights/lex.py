"""Text → tokens, one at a time, because a slash divides or opens a regular expression by what is asked for there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from vpcflow.query.insights.faults import unexpected

Kind = Literal["word", "quoted", "number", "period", "text", "mark", "end"]

_SKIPPED: Final = re.compile(r"(?:\s+|#[^\n]*)*")
_TOKEN: Final = re.compile(
    r"""(?P<word>(?:[^\W\d]|@)[\w@.]*)
      | (?P<quoted>`[^`\n]*`)
      | (?P<period>[0-9]+(?![eE][+-]?[0-9])[A-Za-z]+\b)
      | (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<mark>=~|!=|<=|>=|==|[=<>()\[\],|+\-*/%^!.:${}])""",
    re.VERBOSE | re.DOTALL,
)
_REGEX: Final = re.compile(r"/((?:\\.|[^/\\\n])*)/")
_ESCAPED: Final = re.compile(r"\\([\"'\\])")


@dataclass(frozen=True, slots=True)
class Token:
    """One token. value: what it stands for: a text without quotes, a name without backticks; else as it is written."""

    kind: Kind
    value: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """The token as a keyword; empty for what is none."""
        return self.value.lower() if self.kind == "word" else ""

    def is_mark(self, *marks: str) -> bool:
        """Tell whether it is one of these marks."""
        return self.kind == "mark" and self.value in marks


class Lexer:
    """Reads tokens at any place of *text*."""

    def __init__(self, text: str) -> None:
        self.text = text

    def skip(self, place: int) -> int:
        """Return where the next token begins: after white space and comments."""
        found = _SKIPPED.match(self.text, place)
        return found.end() if found else place

    def token(self, place: int) -> Token:
        """Return the token that begins after *place*; MalformedQuery for what is none."""
        start = self.skip(place)
        if start == len(self.text):
            return Token("end", "", start, start)
        found = _TOKEN.match(self.text, start)
        if found is None:
            raise unexpected(self.text, start, start + 1, "a command, a field or a value")
        kind: Kind = found.lastgroup or "mark"  # type: ignore[assignment]
        value = found.group()
        if kind == "text":
            value = _ESCAPED.sub(r"\1", value[1:-1])
        elif kind == "quoted":
            value = value[1:-1]
        return Token(kind, value, start, found.end())

    def regex(self, place: int) -> Token:
        """Return the regular expression that begins after *place*, without its slashes."""
        start = self.skip(place)
        found = _REGEX.match(self.text, start)
        if found is None:
            raise unexpected(self.text, start, start + 1, "/a regular expression/")
        flag = re.compile(r"[A-Za-z]+").match(self.text, found.end())
        if flag is not None:
            raise unexpected(self.text, flag.start(), flag.start() + 1, "no flag after the slash: write /(?i)…/")
        return Token("text", found.group(1).replace("\\/", "/"), start, found.end())
