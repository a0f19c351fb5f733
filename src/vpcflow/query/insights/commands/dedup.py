"""`dedup`: the first record of each combination of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import LIST, NUMBERS
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Dedup(Stage):
    """`dedup a, b`."""

    fields: tuple[Field, ...]


def parse(parser: Parser, token: Token) -> Dedup:
    """Read fields."""
    fields = [parser.field()]
    while parser.accept(","):
        fields.append(parser.field())
    return Dedup("dedup", token.start, parser.end, tuple(fields))


def compile_(relation: Relation, stage: Dedup) -> None:
    """Keep the first of each combination in the current order, and all in which something is missing."""
    reading = Reading(relation)
    keys = []
    tests: list[exp.Expr] = []
    for field in stage.fields:
        value = reading.field(field)
        if value.kind is LIST:
            raise reading.fault("structure", field, command="dedup")
        value = kinds.scalar(value)
        key = value.sql if value.kind in NUMBERS else kinds.text(value)
        keys.append(key.copy())
        if not value.total:
            tests.append(exp.Is(this=key.copy(), expression=exp.Null()))
    number = exp.Window(this=exp.RowNumber(), partition_by=keys)
    if relation.order:
        number.set("order", exp.Order(expressions=[one.node for one in relation.order]))
    relation.qualify = exp.or_(exp.EQ(this=number, expression=exp.Literal.number(1)), *tests)
    relation.nest()


COMMAND: Final = Command(
    "dedup",
    ("dedup field [, field …]",),
    "Keeps the first record of each combination of values in the order there is: the newest one, unless `sort` said otherwise. A record "
    "that lacks one of the fields is always kept. Only `limit` may follow.",
    parse,
    compile_,
    (
        Example(
            "fields a, b | dedup a",
            ({"a": "x", "b": "1"}, {"a": "x", "b": "2"}, {"a": "y", "b": "3"}),
            "a | b\nx | 1\ny | 3",
        ),
        Example("fields a, b | sort b desc | dedup a", ({"a": "x", "b": "1"}, {"a": "x", "b": "2"}), "a | b\nx | 2"),
        Example("fields a, b | dedup a, b | limit 5", ({"a": "x"}, {"a": "x"}), "a | b\nx | \nx | "),
    ),
)
