"""`unnest`: a record for each element of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.adding import absent, add, numbered
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import JSON, LIST, NOTHING, Value, call
from vpcflow.query.insights.operators import ROW
from vpcflow.query.insights.relation import Order
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Unnest(Stage):
    """`unnest list into one`."""

    field: Field
    name: Field


def parse(parser: Parser, token: Token) -> Unnest:
    """Read a field and a name."""
    field = parser.field()
    parser.expect_word("into")
    return Unnest("unnest", token.start, parser.end, field, parser.field())


def compile_(relation: Relation, stage: Unnest) -> None:
    """Make the rows."""
    reading = Reading(relation)
    absent(relation, stage.name)
    value = reading.field(stage.field)
    if value.kind is LIST:
        raise reading.fault("unnest_list", stage.field, name=stage.field.name)
    if value.kind is not JSON:
        add(relation, stage.name.name, value if value.kind is NOTHING else Value(kinds.as_kind(value, JSON), JSON))
        return
    add(relation, stage.name.name, elements(relation, value))


def elements(relation: Relation, value: Value) -> Value:
    """Make a row of each element of a JSON array; anything else is the one element of its row, nothing of none.

    The elements of one row stay in their order.
    """
    order = numbered(relation)
    is_array = exp.EQ(this=call("json_type", value.sql), expression=exp.Literal.string("ARRAY"))
    listed = call("json_extract", value.sql, exp.Literal.string("$[*]"))
    texts = exp.cast(listed, "VARCHAR[]")
    alone = exp.Array(expressions=[exp.cast(value.sql.copy(), "VARCHAR")])
    found = exp.case().when(is_array, texts).else_(alone)
    pairs = call("list_zip", found, call("range", call("len", found)))
    key = relation.compiler.fresh()
    relation.nest(exp.alias_(exp.Anonymous(this="unnest", expressions=[pairs]), key, quoted=True))
    row = exp.column(key, quoted=True)
    place = call("struct_extract", row, exp.Literal.number(2))
    relation.order = [Order(order), Order(place)]
    number = exp.Window(this=exp.RowNumber())
    number.set("order", exp.Order(expressions=[one.node for one in relation.order]))
    after = f"{ROW}_{relation.compiler.fresh()}"
    relation.nest(exp.alias_(number, after, quoted=True))
    relation.order = [Order(exp.column(after, quoted=True))]
    # A null among the elements is a value that is missing.
    element = call("struct_extract", row, exp.Literal.number(1))
    return Value(call("nullif", element, exp.Literal.string("null")), JSON)


COMMAND: Final = Command(
    "unnest",
    ("unnest list into name",),
    "Makes a record of each element of a list, with the other fields copied. The list comes from `jsonParse`, or lies in what it made; what "
    "`split` and the like give is refused. Anything that is no list counts as a list of one; an empty list leaves no record.",
    parse,
    compile_,
    (
        Example(
            "fields a, jsonParse(l) as list | unnest list into one | display a, one",
            ({"a": "x", "l": "[1, 2]"}, {"a": "y", "l": "[]"}, {"a": "z", "l": '{"k": 3}'}),
            'a | one\nx | 1\nx | 2\nz | {"k":3}',
        ),
        Example(
            "fields jsonParse(l) as js | unnest js.items into item | display item.id as id",
            ({"l": '{"items": [{"id": 7}, {"id": "b"}]}'},),
            "id\n7\nb",
        ),
        Example("fields a | unnest a into one", ({"a": "x"},), "a | one\nx | x"),
    ),
)
