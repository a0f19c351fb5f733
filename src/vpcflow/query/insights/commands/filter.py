"""`filter`, `where`: which records are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.syntax import Expr, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Filter(Stage):
    """`filter condition`."""

    condition: Expr


def parse(parser: Parser, token: Token) -> Filter:
    """Read a condition."""
    condition = parser.expression()
    return Filter("filter", token.start, parser.end, condition)


def compile_(relation: Relation, stage: Filter) -> None:
    """Keep records for which the condition is true: not those for which it is unknown."""
    reading = Reading(relation)
    reading.loosely = True
    relation.where.append(reading.condition(stage.condition))


COMMAND: Final = Command(
    "filter",
    ("filter condition", "where condition"),
    "Keeps the records for which the condition is true. Comparisons (`= != < <= > >=`), `like` and `not like` with a text that is to "
    "be contained or a `/regular expression/`, `=~`, `in` and `not in` with a `[list]` or a query in brackets, `and`, `or`, `not` "
    "(`!`), and functions. A number and a text that acts as one compare as numbers; texts compare by code points, with their case. "
    "Whatever is compared with a missing field is not true, so `a != 1` drops the records that have no `a`.",
    parse,
    compile_,
    (
        Example(
            'filter a = "x" and b > 2',
            ({"a": "x", "b": "10"}, {"a": "x", "b": "1"}, {"a": "y", "b": "3"}),
            "@timestamp | @message\n1970-01-01 00:00:04.000 | ",
        ),
        Example("fields a | where a like /^x[0-9]+$/", ({"a": "x12"}, {"a": "x"}), "a\nx12"),
        Example('fields a | filter a != "x"', ({"a": "x"}, {"a": "y"}, {"b": "1"}), "a\ny"),
        Example('fields a | filter a in ["1", "y"]', ({"a": "1.0"}, {"a": "y"}, {"a": "Y"}), "a\n1.0\ny"),
        Example("fields a | filter !ispresent(a) or not (a < 5)", ({"a": "9"}, {"b": "1"}, {"a": "2"}), "a\n9\n"),
    ),
    narrows=True,
    aliases=("where",),
)
