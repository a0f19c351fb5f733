"""`unmask`: nothing is masked here, so everything stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Unmask(Stage):
    """`unmask`, `unmask a, b`."""

    fields: tuple[Field, ...]


def parse(parser: Parser, token: Token) -> Unmask:
    """Read fields, or none."""
    fields = []
    if not parser.stage_ends:
        fields.append(parser.field())
        while parser.accept(","):
            fields.append(parser.field())
    return Unmask("unmask", token.start, parser.end, tuple(fields))


def compile_(relation: Relation, stage: Unmask) -> None:
    """Show the fields, if any are named."""
    reading = Reading(relation)
    for field in stage.fields:
        reading.field(field)
        if field.name not in relation.shown:
            relation.shown.append(field.name)


COMMAND: Final = Command(
    "unmask",
    ("unmask [field, …]",),
    "Shows what a data protection policy masks. There are no such policies here and nothing is masked: fields that are named are shown, "
    "and everything else stays as it is.",
    parse,
    compile_,
    (
        Example("fields a | unmask", ({"a": "x"},), "a\nx"),
        Example("fields a | unmask a, b", ({"a": "x", "b": "y"},), "a | b\nx | y"),
    ),
    narrows=True,
)
