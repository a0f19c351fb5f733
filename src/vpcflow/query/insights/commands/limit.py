"""`limit`: how many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.syntax import Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limit(Stage):
    """`limit 20`, `limit any 20`."""

    rows: int
    any: bool


def parse(parser: Parser, token: Token) -> Limit:
    """Read a number."""
    found = parser.accept_word("any") is not None
    rows = int(parser.whole(MAX).value)
    return Limit("limit", token.start, parser.end, rows, found)


def compile_(relation: Relation, stage: Limit) -> None:
    """Keep the first rows; with `any` whichever come first."""
    if not stage.any:
        relation.nest(limit=stage.rows)
        return
    order, relation.order = relation.order, []
    relation.nest(limit=stage.rows)
    relation.order = order


COMMAND: Final = Command(
    "limit",
    ("limit N", "limit any N"),
    "Keeps the first N rows (1 to 100,000) of the order there is; without it 10,000 are returned. `limit any N` takes whichever N rows "
    "are found first, and stops reading.",
    parse,
    compile_,
    (
        Example("fields a | limit 2", ({"a": "1"}, {"a": "2"}, {"a": "3"}), "a\n1\n2"),
        Example("fields a | sort a desc | limit 1", ({"a": "1"}, {"a": "3"}, {"a": "2"}), "a\n3"),
        Example("fields a | limit any 1 | display 1 as one", ({"a": "1"}, {"a": "2"}), "one\n1"),
    ),
)
