"""Options of commands: `word=value` in any order, before what the command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser

    Read = Callable[[Parser], object]


def read(parser: Parser, known: Mapping[str, Read]) -> dict[str, object]:
    """Return the options that come next, each once. known: name (lower case) → what reads its value."""
    found: dict[str, object] = {}
    while parser.peek().kind == "word" and parser.after().is_mark("="):
        word = parser.take()
        reader = known.get(word.lower)
        if reader is None:
            parser.refuse("option", word, name=word.value, known=", ".join(known))
        if word.lower in found:
            parser.refuse("option_twice", word, name=word.value)
        parser.expect("=")
        found[word.lower] = reader(parser)
    return found


def switch(parser: Parser) -> bool:
    """Read true or false."""
    return parser.expect_word("true", "false").lower == "true"


def one_of(*words: str) -> Read:
    """Return what reads one of these words."""

    def reader(parser: Parser) -> str:
        return parser.expect_word(*words).lower

    return reader


def number(parser: Parser) -> float:
    """Read a number from 0 on."""
    token: Token = parser.take()
    if token.kind != "number":
        parser.fail("a number", token)
    return float(token.value)
