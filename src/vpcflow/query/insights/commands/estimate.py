"""`estimate`: how much a query would read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.syntax import Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Estimate(Stage):
    """`estimate`."""


def parse(parser: Parser, token: Token) -> Estimate:
    """Read nothing."""
    return Estimate("estimate", token.start, parser.end)


def compile_(relation: Relation, stage: Estimate) -> None:
    """Do nothing here: the plan is not run."""
    del relation, stage


COMMAND: Final = Command(
    "estimate",
    ("estimate",),
    "The last stage: the query is not run; the one row tells in `estimatedBytesScanned` how many bytes of the lake's files it would read (as "
    "they are stored, compressed; AWS counts what it ingested). The query is checked as if it were run. AWS does not publish the column's name.",
    parse,
    compile_,
    (
        Example("fields a | estimate", ({"a": "1"},), "estimatedBytesScanned\n0"),
        Example("stats count(*) by a | sort a | estimate", (), "estimatedBytesScanned\n0"),
    ),
)
