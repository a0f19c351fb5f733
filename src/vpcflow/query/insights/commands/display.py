"""`display`: the columns of the answer, whatever `fields` said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.syntax import Item, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.kinds import Value
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Display(Stage):
    """`display a, b = 1 as c`."""

    items: tuple[Item, ...]


def parse(parser: Parser, token: Token) -> Display:
    """Read items."""
    items = parser.items()
    return Display("display", token.start, parser.end, items)


def compile_(relation: Relation, stage: Display) -> None:
    """Say what the answer shows; a later `display` says it anew."""
    shown: dict[str, Value] = {}
    for item in stage.items:
        reading = Reading(relation, outer=shown)
        value = reading.value(item.expr)
        if item.aliased and item.name in shown:
            raise reading.fault("name_twice", item, name=item.name)
        shown[item.name] = value
        if item.aliased:
            relation.names.setdefault(item.name, value)
    relation.displayed = list(shown.items())


COMMAND: Final = Command(
    "display",
    ("display field [, expression as name …]",),
    "Shows these columns and no others, whatever `fields` mentioned. If there are several, the last one counts. Expressions may "
    "stand here; a condition is shown as 1 or 0.",
    parse,
    compile_,
    (
        Example("fields a, b | display b", ({"a": "x", "b": "1"},), "b\n1"),
        Example('display a, a = "x" as isX', ({"a": "x"}, {"a": "y"}), "a | isX\nx | 1\ny | 0"),
        Example("display a | display b", ({"a": "x", "b": "1"},), "b\n1"),
    ),
    narrows=True,
)
