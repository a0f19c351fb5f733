"""`expand`: a record for each element of a JSON array in a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.adding import add
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.commands.unnest import elements
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import JSON, LIST, NUMBERS, Value, call
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Expand(Stage):
    """`expand a`."""

    field: Field


def parse(parser: Parser, token: Token) -> Expand:
    """Read a field."""
    field = parser.field()
    return Expand("expand", token.start, parser.end, field)


def compile_(relation: Relation, stage: Expand) -> None:
    """Make the rows; the element takes the list's place."""
    value = Reading(relation).field(stage.field)
    if value.kind in NUMBERS or value.kind is kinds.NOTHING:
        add(relation, stage.field.name, value)
        return
    if value.kind not in (JSON, LIST):
        text = kinds.text(value)
        is_array = exp.and_(
            exp.Like(this=call("ltrim", text), expression=exp.Literal.string("[%")), call("json_valid", text)
        )
        # What is no array is a text, and stays it.
        document = exp.case().when(is_array, text.copy()).else_(call("cwl_json", text))
        value = Value(document, JSON)
    add(relation, stage.field.name, elements(relation, Value(value.sql, JSON)))


COMMAND: Final = Command(
    "expand",
    ("expand field",),
    "Makes a record of each element of a JSON array that a field holds as a text; the element takes its place, the other fields are copied. "
    "A value that is no array stays as it is; an empty array leaves no record.",
    parse,
    compile_,
    (
        Example(
            "fields a, b | expand a",
            ({"a": '["x", 2]', "b": "1"}, {"a": "plain", "b": "2"}, {"b": "3"}),
            "a | b\nx | 1\n2 | 1\nplain | 2\n | 3",
        ),
        Example("fields a | expand a | display a.k as k", ({"a": '[{"k": 1}, {"k": 2}]'},), "k\n1\n2"),
        Example('fields split(a, ",") as parts | expand parts', ({"a": "x,y"},), "parts\nx\ny"),
    ),
)
