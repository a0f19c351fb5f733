"""Text of DDL → words, names, strings and signs, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from vpcflow.errors import QueryError

Kind = Literal["word", "name", "string", "number", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<name>`(?:[^`]|``)+`)
    |(?P<string>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    |(?P<number>\d+(?:\.\d+)?(?![A-Za-z_\d]))
    |(?P<word>[A-Za-z_\d$][\w$]*)
    |(?P<sign>[^\w\s])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-7]{3}|.)", re.DOTALL)
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}


@dataclass(frozen=True, slots=True)
class Token:
    """One of them. text: a name without its quotes, a string as it is meant; else as written."""

    kind: Kind
    text: str
    start: int
    end: int

    def __bool__(self) -> bool:
        return self.kind != "end"

    def says(self, *words: str) -> bool:
        """Tell whether it is one of these key words or signs, in any case."""
        return self.kind in ("word", "sign") and self.text.upper() in words


def tokens(text: str) -> list[Token]:
    """Cut *text*; QueryError underlines a quote that is never closed."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or (text[place] in "'\"`" and match.lastgroup == "sign"):
            raise QueryError("query.unclosed", text=text, start=place, end=place + 1, quote=text[place])
        kind = match.lastgroup
        place = match.end()
        if kind != "space":
            found.append(Token(kind, _meant(match.group(), kind), *match.span()))  # type: ignore[arg-type]  # of Kind
    return [*found, Token("end", "", len(text), len(text))]


def _meant(text: str, kind: str | None) -> str:
    if kind == "name":
        return text[1:-1].replace("``", "`")
    if kind == "string":
        return _ESCAPED.sub(_unescaped, text[1:-1].replace(text[0] * 2, text[0]))
    return text


def _unescaped(match: re.Match[str]) -> str:
    """Return what an escape means to Hive: t and n, three octal digits, u and four hexadecimal; any other sign is itself."""
    what = match[1]
    if len(what) == 5:
        return chr(int(what[1:], 16))
    if len(what) == 3:
        return chr(int(what, 8) & 0x7F)
    return _SHORT.get(what, what)
