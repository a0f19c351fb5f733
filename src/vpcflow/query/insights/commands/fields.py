"""`fields`: which fields are shown, and new ones computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import STRUCTURES
from vpcflow.query.insights.syntax import Field, Item, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.kinds import Value
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Fields(Stage):
    """`fields a, f(b) as c`."""

    items: tuple[Item, ...]


def parse(parser: Parser, token: Token) -> Fields:
    """Read items."""
    items = parser.items()
    return Fields("fields", token.start, parser.end, items)


def compile_(relation: Relation, stage: Fields) -> None:
    """Compute what is new; show all of it."""
    # A map made here is reached into from the next stage on; scalars are known at once.
    made: dict[str, Value] = {}
    for item in stage.items:
        reading = Reading(relation, outer={name: value for name, value in made.items() if value.kind not in STRUCTURES})
        value = reading.value(item.expr)
        if item.name not in relation.shown:
            relation.shown.append(item.name)
        if isinstance(item.expr, Field) and not item.aliased:
            continue
        if item.aliased and (item.name in relation.names or item.name in made):
            raise reading.fault("name_twice", item, name=item.name)
        made[item.name] = value
    for name, value in made.items():
        Reading(relation).bind(name, value)


COMMAND: Final = Command(
    "fields",
    ("fields field [, expression as name …]",),
    "Shows fields, in the order they are mentioned, and computes new ones. Several `fields` add up. A field that no record has is "
    "missing, not an error; after `stats` only its outputs exist, any other name is an error, and `fields` shows those that it mentions. A name that was computed before "
    "cannot be given again. An expression without `as` is called as it is written. A map made by `jsonParse` is reached into from "
    "the next stage on.",
    parse,
    compile_,
    (
        Example(
            "fields a, b * 2 as twice, c",
            ({"a": "x", "b": "4"}, {"a": "y", "b": "1.5", "c": "z"}),
            "a | twice | c\nx | 8 | \ny | 3 | z",
        ),
        Example("fields toupper(a)", ({"a": "x"},), "toupper(a)\nX"),
        Example(
            "fields jsonParse(a) as js, js.k as early | fields js.k as late, js.l[1] as second",
            ({"a": '{"k": 7, "l": [1, 2]}'},),
            'js | early | late | second\n{"k":7,"l":[1,2]} |  | 7 | 2',
        ),
    ),
    narrows=True,
)
