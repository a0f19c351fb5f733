"""`json field=f "k.sub" as a`: one value out of a JSON text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import JSON, Value, call
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

_STEP: Final = re.compile(r"([^.\[\]\"]+)|\.|\[([0-9]{1,9})\]")


@dataclass(frozen=True, slots=True)
class JsonField(Stage):
    """path: as the engine takes it."""

    field: Field
    path: str
    name: Field


def parse(parser: Parser, token: Token) -> JsonField:
    """Read the field, the path and the name."""
    field = Field(("@message",), token.start, token.end)
    if parser.accept_word("field"):
        parser.expect("=")
        field = parser.field()
    path = parser.string()
    made = ""
    end = 0
    for found in _STEP.finditer(path.value.removeprefix("$").removeprefix(".")):
        if found.start() != end:
            break
        made += f'."{found[1]}"' if found[1] else f"[{found[2]}]" if found[2] else ""
        end = found.end()
    if not made or end != len(path.value.removeprefix("$").removeprefix(".")):
        parser.refuse("json_path", path, path=path.value)
    parser.expect_word("as")
    name = parser.name()
    return JsonField("json", token.start, parser.end, field, f"${made}", Field((name.value,), name.start, name.end))


def compile_(relation: Relation, stage: JsonField) -> None:
    """Give the value a name; it is missing where the text is no JSON, or has no such part."""
    reading = Reading(relation)
    value = reading.value(stage.field)
    held = value.sql if value.kind in kinds.STRUCTURES else call("cwl_structure", kinds.text(value))
    if stage.name.name in relation.names:
        raise reading.fault("name_twice", stage.name, name=stage.name.name)
    reading.bind(stage.name.name, Value(call("json_extract", held, exp.Literal.string(stage.path)), JSON))


COMMAND: Final = Command(
    "json",
    ('json [field=f] "path.to[0].value" as name',),
    "Takes one value out of a JSON text, `@message` unless another is named. The path is names with dots, and places in lists in "
    "brackets. What it leads to may be a map or list, from which another `json` goes on.",
    parse,
    compile_,
    (
        Example('json field=a "k.sub" as v | display v', ({"a": '{"k": {"sub": 7}}'}, {"a": "no"}), "v\n7\n"),
        Example(
            'json field=a "l" as l | json field=l "[1]" as second | display second',
            ({"a": '{"l": [1, "b"]}'},),
            "second\nb",
        ),
    ),
    narrows=True,
)
