"""`accum`: a running sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.adding import absent, add, numbered, over, settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import DOUBLE, INT, Value, call
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

_SUM_BITS: Final = 40
"""A sum of a trillion values needs these bits more than one of them."""


@dataclass(frozen=True, slots=True)
class Accum(Stage):
    """`accum a as total`."""

    field: Field
    name: Field | None


def parse(parser: Parser, token: Token) -> Accum:
    """Read a field and a name."""
    field = parser.field()
    name = parser.field() if parser.accept_word("as") else None
    return Accum("accum", token.start, parser.end, field, name)


def compile_(relation: Relation, stage: Accum) -> None:
    """Add up from the first row to each."""
    reading = Reading(relation)
    if stage.name is not None:
        absent(relation, stage.name)
    given = kinds.as_number(kinds.scalar(reading.field(stage.field)))
    whole = given.kind is INT and given.bits + _SUM_BITS <= 126
    each = given.sql.copy() if whole else kinds.real(given)
    order = numbered(relation)
    (total,) = settled(relation, over(exp.Sum(this=each), order, so_far=True))
    value = Value(total, INT, bits=given.bits + _SUM_BITS) if whole else Value(call("cwl_finite", total), DOUBLE)
    add(relation, (stage.name or stage.field).name, value)


COMMAND: Final = Command(
    "accum",
    ("accum field [as name]",),
    "Adds up a field from the first row to each, in the order there is. Without `as` the sum takes the field's place. A row whose value is "
    "missing, or no number, has the sum so far; before the first number there is none.",
    parse,
    compile_,
    (
        Example(
            "fields a, b | sort a | accum b as total",
            ({"a": "3", "b": "5"}, {"a": "1", "b": "2"}, {"a": "2"}),
            "a | b | total\n1 | 2 | 2\n2 |  | 2\n3 | 5 | 7",
        ),
        Example(
            "stats sum(b) as n by a | accum n",
            ({"a": "x", "b": "1"}, {"a": "y", "b": "2.5"}, {"a": "y", "b": "1"}),
            "a | n\nx | 1\ny | 4.5",
        ),
    ),
    narrows=True,
)
