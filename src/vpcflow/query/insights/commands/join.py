"""`join`: records of another log group beside those of this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import INT, Value
from vpcflow.query.insights.records import Column, TableRecords
from vpcflow.query.insights.relation import Order, Relation
from vpcflow.query.insights.syntax import Field, Query, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser

_TYPES: Final = ("inner", "left")


@dataclass(frozen=True, slots=True)
class Join(Stage):
    """outer: records without a partner stay. left, right: what the two sides are called."""

    outer: bool
    left: str
    right: str
    one: Field
    other: Field
    query: Query


def parse(parser: Parser, token: Token) -> Join:
    """Read options, the condition, and the query in brackets."""
    options = {"type": "inner", "left": "left", "right": "right"}
    while (word := parser.peek()).lower in options and parser.after().is_mark("="):
        parser.take()
        parser.expect("=")
        value = parser.name()
        if word.lower == "type" and value.value.lower() not in _TYPES:
            parser.fail("inner or left", value)
        options[word.lower] = value.value
    parser.expect_word("where")
    one = parser.field()
    parser.expect("=")
    other = parser.field()
    query = parser.inner_query()
    outer = options["type"].lower() == "left"
    return Join("join", token.start, parser.end, outer, options["left"], options["right"], one, other, query)


def compile_(relation: Relation, stage: Join) -> Relation:
    """Join on one equal value; what is used of both sides later becomes columns `L.f` and `R.f`."""
    compiler = relation.compiler
    partner = compiler.inner(stage.query)
    one, other = stage.one, stage.other
    if _of(one, stage.right) and _of(other, stage.left):
        one, other = other, one
    if not (_of(one, stage.left) and _of(other, stage.right)):
        raise malformed("join_sides", compiler.text, one.start, other.end, left=stage.left, right=stage.right)
    sides, columns = [], []
    keys = []
    orders: list[Order] = []
    for side, name, key in ((relation, stage.left, one), (partner, stage.right, other)):
        value = kinds.scalar(Reading(side).field(Field(key.parts[1:], key.start, key.end)))
        shown, known = _columns(side, name)
        at = compiler.fresh()
        shown.append(exp.alias_(value.sql if value.kind is INT else kinds.text(value), at, quoted=True))
        keys.append((exp.column(at, quoted=True), value.kind is INT))
        if side is relation:
            for order in relation.order:
                place = compiler.fresh()
                shown.append(exp.alias_(order.sql.copy(), place, quoted=True))
                orders.append(Order(exp.column(place, quoted=True), order.descending, order.nulls_first))
        sides.append(
            exp.Subquery(this=side.select(*shown), alias=exp.TableAlias(this=exp.to_identifier(compiler.fresh())))
        )
        columns += known
    whole = all(is_whole for _, is_whole in keys)
    tests = [column if whole else exp.cast(column, "VARCHAR") for column, _ in keys]
    select = exp.Select(expressions=[exp.Star()])
    select.set("from_", exp.From(this=sides[0]))
    join = exp.Join(this=sides[1], on=exp.EQ(this=tests[0], expression=tests[1]), kind="INNER")
    if stage.outer:
        join = exp.Join(this=sides[1], on=exp.EQ(this=tests[0], expression=tests[1]), side="LEFT")
    select.set("joins", [join])
    source = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(compiler.fresh())))
    default = tuple(f"{name}.{field}" for name in (stage.left, stage.right) for field in ("@timestamp", "@message"))
    done = Relation(compiler, source, TableRecords("", columns), order=orders, event=False)
    done.default = tuple(name for name in default if any(column.name == name for column in columns))
    return done


def _of(field: Field, side: str) -> bool:
    return len(field.parts) > 1 and field.parts[0] == side


def _columns(relation: Relation, side: str) -> tuple[list[exp.Expr], list[Column]]:
    """Return what the query uses of one side, as columns."""
    compiler = relation.compiler
    used = {name.removeprefix(f"{side}.") for name in compiler.used if name.startswith(f"{side}.")}
    reading = Reading(relation)
    shown: list[exp.Expr] = []
    columns = []
    for name in sorted(used | {"@timestamp", "@message"} | set(relation.names)):
        value: Value | None = reading.known(name)
        if value is None:
            continue
        key = compiler.fresh()
        shown.append(exp.alias_(value.sql.copy(), key, quoted=True))
        columns.append(Column(f"{side}.{name}", value.kind, key))
    return shown, columns


COMMAND: Final = Command(
    "join",
    ("join [type=inner | left] left=L right=R where L.field = R.field (SOURCE 'group' [| stage …])",),
    "Puts records of another log group beside those of this one that have the same value. Afterwards fields are called `L.field` and "
    "`R.field`. With `type=left`, records without a partner stay, and the fields of the right side are missing. One join in a query, one "
    "equality; values are equal as texts, or as numbers where both are whole numbers of flow logs. AWS allows 50,000 different keys on the "
    "right; there is no such limit here.",
    parse,
    compile_,
    (
        Example(
            "join type=inner left=L right=R where L.id = R.id (SOURCE 'users') | fields L.id, R.name",
            ({"id": "1"}, {"id": "2"}, {"id": "1"}),
            "L.id | R.name\n1 | Ann\n1 | Ann",
            groups={"users": ({"id": "1", "name": "Ann"}, {"id": "3", "name": "Bob"})},
        ),
        Example(
            "filter id != 3 | join type=left left=a right=b where a.id = b.id (SOURCE 'users' | fields id, toupper(name) as upper) "
            "| display a.id, b.upper",
            ({"id": "1"}, {"id": "2"}, {"id": "3"}),
            "a.id | b.upper\n1 | ANN\n2 | ",
            groups={"users": ({"id": "1", "name": "Ann"},)},
        ),
    ),
)
