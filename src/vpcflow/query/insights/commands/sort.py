"""`sort`: the order of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import LIST
from vpcflow.query.insights.relation import ranks
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    field: Field
    descending: bool


@dataclass(frozen=True, slots=True)
class Sort(Stage):
    """`sort a desc, b`."""

    keys: tuple[Key, ...]


def parse(parser: Parser, token: Token) -> Sort:
    """Read keys."""
    parser.accept_word("by")
    keys = [_key(parser)]
    while parser.accept(","):
        keys.append(_key(parser))
    return Sort("sort", token.start, parser.end, tuple(keys))


def _key(parser: Parser) -> Key:
    field = parser.field()
    if parser.peek().is_mark("("):
        parser.fail("a name: give the expression one with as, and sort by it")
    direction = parser.accept_word("asc", "desc")
    return Key(field, direction is not None and direction.lower == "desc")


def compile_(relation: Relation, stage: Sort) -> None:
    """Put the keys before those of the order there was."""
    reading = Reading(relation)
    keys = []
    for key in stage.keys:
        value = reading.field(key.field)
        if value.kind is LIST:
            raise reading.fault("structure", key.field, command="sort")
        keys += ranks(value, descending=key.descending)
    relation.order = [*keys, *(one for one in relation.order if all(one.sql != key.sql for key in keys))]


COMMAND: Final = Command(
    "sort",
    ("sort field [asc | desc] [, field …]", "sort by field …"),
    "Orders rows, ascending unless `desc` is said. Ascending, texts stand before numbers; texts compare chunk by chunk, runs of digits "
    "by their length, then by their value, everything else by code points; numbers compare by value. Descending is the reverse. "
    "Records without the field come last either way. What is equal keeps the order it had, which is newest first to begin with. Only "
    "names may stand here: `sort bin(1h)` is an error, `stats count(*) by bin(1h) as t | sort t` is not.",
    parse,
    compile_,
    (
        Example(
            "fields a | sort a",
            tuple({"a": a} for a in ("3", "A", "111A", "@", "01", "5A", "!", "a12345hfh", "A9876fghj", "0#", "2345_")),
            "a\n!\n0#\n5A\n111A\n2345_\n@\nA\nA9876fghj\na12345hfh\n01\n3",
        ),
        Example("fields a | sort a desc", ({"a": "9"}, {"a": "x"}, {"b": "1"}, {"a": "10"}), "a\n10\n9\nx\n"),
        Example(
            "fields a, b | sort a, b desc",
            ({"a": "x", "b": "1"}, {"a": "x", "b": "2"}, {"a": "w", "b": "0"}),
            "a | b\nw | 0\nx | 2\nx | 1",
        ),
    ),
)
