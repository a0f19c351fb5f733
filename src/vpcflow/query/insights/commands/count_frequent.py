"""`countFrequent`: how often each combination of values occurs, most first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands import stats
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.commands.stats import Stats
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import LIST
from vpcflow.query.insights.relation import Order
from vpcflow.query.insights.syntax import Call, Field, Item, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

_NAME: Final = "_approxcount"


@dataclass(frozen=True, slots=True)
class CountFrequent(Stage):
    """`countFrequent a, b`."""

    fields: tuple[Field, ...]


def parse(parser: Parser, token: Token) -> CountFrequent:
    """Read fields."""
    fields = [parser.field()]
    while parser.accept(","):
        fields.append(parser.field())
    return CountFrequent("countFrequent", token.start, parser.end, tuple(fields))


def compile_(relation: Relation, stage: CountFrequent) -> Relation:
    """Count, and put most first."""
    reading = Reading(relation)
    for field in stage.fields:
        if reading.field(field).kind is LIST:
            raise reading.fault("structure", field, command="countFrequent")
    counted = Item(Call("count", (), True, stage.start, stage.end), _NAME, True, stage.start, stage.end)
    by = tuple(Item(field, field.name, False, field.start, field.end) for field in stage.fields)
    done = stats.compile_(relation, Stats("stats", stage.start, stage.end, (counted,), by, None))
    done.order = [Order(done.names[_NAME].sql.copy(), True), *done.order]
    return done


COMMAND: Final = Command(
    "countFrequent",
    ("countFrequent field [, field …]",),
    "Counts how often each combination of values occurs, most first, in `_approxcount`. AWS counts approximately; here it is exact. A missing "
    "value is a value of its own. Only the fields and the count exist afterwards.",
    parse,
    compile_,
    (
        Example(
            "countFrequent a",
            ({"a": "x"}, {"a": "y"}, {"a": "y"}, {}),
            "a | _approxcount\ny | 2\nx | 1\n | 1",
        ),
        Example(
            "count_frequent a, b | limit 1",
            ({"a": "x", "b": "1"}, {"a": "x", "b": "1"}, {"a": "x", "b": "2"}),
            "a | b | _approxcount\nx | 1 | 2",
        ),
    ),
    aliases=("count_frequent",),
)
