"""`autoregress`: values of rows before this one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights.adding import absent, add, numbered, over, settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import unlike
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

MAX_LAG: Final = 1000
MAX_LAGS: Final = 100


@dataclass(frozen=True, slots=True)
class Autoregress(Stage):
    """`autoregress a as b p=first-last`. ranged: whether a range was written."""

    field: Field
    name: Field | None
    first: int
    last: int
    ranged: bool


def parse(parser: Parser, token: Token) -> Autoregress:
    """Read a field, a name and how far back."""
    field = parser.field()
    name = parser.field() if parser.accept_word("as") else None
    first = last = 1
    ranged = False
    if parser.accept_word("p"):
        parser.expect("=")
        low = parser.peek()
        first = last = int(parser.whole(MAX_LAG).value)
        if parser.accept("-"):
            last, ranged = int(parser.whole(MAX_LAG).value), True
            if last < first or last - first >= MAX_LAGS:
                raise parser.malformed("lags", low.start, parser.end, first=first, last=last, most=MAX_LAGS)
    return Autoregress("autoregress", token.start, parser.end, field, name, first, last, ranged)


def compile_(relation: Relation, stage: Autoregress) -> None:
    """Add a column for each distance."""
    base = (stage.name or stage.field).name
    named = [
        base if stage.name is not None and not stage.ranged else f"{base}_p{back}"
        for back in range(stage.first, stage.last + 1)
    ]
    for name in named:
        absent(relation, Field((name,), stage.field.start, stage.field.end))
    value = Reading(relation).field(stage.field)
    order = numbered(relation)
    windows = [
        over(exp.Anonymous(this="lag", expressions=[value.sql.copy(), exp.Literal.number(back)]), order)
        for back in range(stage.first, stage.last + 1)
    ]
    for name, column in zip(named, settled(relation, *windows), strict=True):
        add(relation, name, replace(unlike(value), sql=column))


COMMAND: Final = Command(
    "autoregress",
    ("autoregress field [as name] [p=n | p=first-last]",),
    "Copies the value that the field had some rows before: one before, or as many as `p` says, in the order there is. The copies are "
    "called `field_p1`, `field_p2` …; with `as` and one distance, by that name, with `as` and a range `name_p1` …. The first rows have "
    f"none. A distance is 1 to {MAX_LAG:,}, a range has {MAX_LAGS} at most.",
    parse,
    compile_,
    (
        Example(
            "fields a | sort a | autoregress a",
            ({"a": "3"}, {"a": "1"}, {"a": "2"}),
            "a | a_p1\n1 | \n2 | 1\n3 | 2",
        ),
        Example(
            "stats count(*) as n by a | autoregress n p=1-2",
            ({"a": "x"}, {"a": "y"}, {"a": "y"}, {"a": "z"}),
            "a | n | n_p1 | n_p2\nx | 1 |  | \ny | 2 | 1 | \nz | 1 | 2 | 1",
        ),
        Example(
            "fields a | sort a | autoregress a as before | display a - before as step",
            ({"a": "1"}, {"a": "4"}),
            "step\n\n3",
        ),
    ),
    narrows=True,
)
