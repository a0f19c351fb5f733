"""`lookup`: fields out of a table, by values that are equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed, near
from vpcflow.query.insights.kinds import TEXT, Value
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the table and the field it becomes."""

    column: Field
    field: Field


@dataclass(frozen=True, slots=True)
class Lookup(Stage):
    """matches: columns of the table and the fields that must equal them. fresh: OUTPUTNEW."""

    table: Field
    matches: tuple[Output, ...]
    fresh: bool
    outputs: tuple[Output, ...]


def parse(parser: Parser, token: Token) -> Lookup:
    """Read the table, the matches and the outputs."""
    table = parser.field()
    matches = [output(parser)]
    while parser.accept(","):
        matches.append(output(parser))
    fresh, outputs = read_outputs(parser)
    return Lookup("lookup", token.start, parser.end, table, tuple(matches), fresh, outputs)


def output(parser: Parser) -> Output:
    """Read `column [as field]`."""
    column = parser.field()
    return Output(column, parser.field() if parser.accept_word("as") else column)


def read_outputs(parser: Parser) -> tuple[bool, tuple[Output, ...]]:
    """Read `OUTPUT a [as x], …`; return whether it was OUTPUTNEW, and the columns."""
    mode = parser.expect_word("output", "outputnew")
    outputs = [output(parser)]
    while parser.accept(","):
        outputs.append(output(parser))
    return mode.lower == "outputnew", tuple(outputs)


def compile_(relation: Relation, stage: Lookup) -> None:
    """Join the first row of the table that matches."""
    compiler = relation.compiler
    table = compiler.lookup_table(stage.table.name, stage.table)
    columns = [check(relation, table, match.column) for match in stage.matches]
    outputs = [check(relation, table, one.column) for one in stage.outputs]
    reading = Reading(relation)
    values = [kinds.text(kinds.scalar(reading.field(match.field))) for match in stage.matches]
    keys = [compiler.fresh() for _ in (*columns, *outputs)]
    rows = first_rows(table, columns).select([*columns, *outputs]).rename_columns(keys)
    tests = [
        exp.EQ(this=value, expression=exp.column(key, quoted=True)) for value, key in zip(values, keys, strict=False)
    ]
    beside(relation, compiler.attach(rows), exp.and_(*tests, copy=False))
    give(relation, stage, keys[len(columns) :])


def check(relation: Relation, table: pa.Table, column: Field) -> str:
    """Return a column of the table; MalformedQuery for none."""
    if column.name in table.column_names:
        return column.name
    text = relation.compiler.text
    close = near(column.name, table.column_names)
    known = ", ".join(table.column_names)
    raise malformed("no_lookup_column", text, column.start, column.end, name=column.name, near=close, known=known)


def first_rows(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return the first row for each combination of *columns*, those without any value left out: they match nothing."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for place, key in enumerate(zip(*(table.column(name).to_pylist() for name in columns), strict=True)):
        if None not in key and key not in seen:
            seen.add(key)
            kept.append(place)
    return table.take(pa.array(kept, pa.int64()))


def beside(relation: Relation, table: str, condition: exp.Expr, *, method: str = "") -> None:
    """Put the row of *table* that meets *condition* beside each row."""
    relation.nest()
    select = exp.Select(expressions=[exp.Star()])
    select.set("from_", exp.From(this=relation.source))
    join = exp.Join(this=exp.to_table(table, quoted=True), side="LEFT", on=condition)
    if method:
        join.set("method", method)
    select.set("joins", [join])
    relation.become(select)


def give(relation: Relation, stage: Stage, keys: Sequence[str], there: exp.Expr | None = None) -> None:
    """Give the columns *keys* the names of the outputs. there: whether the row beside is meant, None for always."""
    outputs: tuple[Output, ...] = getattr(stage, "outputs", ())
    fresh: bool = getattr(stage, "fresh", False)
    reading = Reading(relation)
    for one, key in zip(outputs, keys, strict=True):
        found: exp.Expr = exp.column(key, quoted=True)
        if there is not None:
            found = exp.case().when(there.copy(), found)
        name = one.field.name
        known = reading.known(name) if fresh else None
        if known is None:
            relation.names[name] = Value(found, TEXT)
        else:
            kind, taken, bits = kinds.united([known, Value(found, TEXT)])
            relation.names[name] = Value(exp.Coalesce(this=taken[0], expressions=taken[1:]), kind, bits=bits)
        relation.show(name)


PORTS: Final = "port,service,owner\n22,ssh,ops\n443,https,web\n443,quic,web\n"

COMMAND: Final = Command(
    "lookup",
    ("lookup table column [as field] [, …] OUTPUT column [as name] [, …]", "lookup table … OUTPUTNEW column [as name] [, …]"),
    "Adds columns of a lookup table (`vpcflow lookup-tables put NAME FILE.csv`) from the first row in which every match column equals its "
    "field, as texts and with the same case. `OUTPUT` overwrites: without such a row the fields are missing. `OUTPUTNEW` fills only what "
    "is missing.",
    parse,
    compile_,
    (
        Example(
            "fields dstPort | lookup ports port as dstPort OUTPUT service, owner as team",
            ({"dstPort": "443"}, {"dstPort": "1"}),
            "dstPort | service | team\n443 | https | web\n1 |  | ",
            tables={"ports": PORTS},
        ),
        Example(
            "fields dstPort, service | lookup ports port as dstPort OUTPUTNEW service",
            ({"dstPort": "443", "service": "mine"}, {"dstPort": "22"}),
            "dstPort | service\n443 | mine\n22 | ssh",
            tables={"ports": PORTS},
        ),
    ),
    narrows=True,
)  # fmt: skip
