"""`addtotals`: sums of rows, and a row of sums."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import kinds, options, shown
from vpcflow.query.insights.adding import absent, add, handed
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import DOUBLE, INT, NUMBERS, TEXT, TIME, Value, call, number_of
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

MAX_ROWS: Final = 100_000
_NAME: Final = "Total"


@dataclass(frozen=True, slots=True)
class AddTotals(Stage):
    """`addtotals fieldname=Total row=true col=false a, b`."""

    fields: tuple[Field, ...]
    name: Field
    row: bool
    col: bool


def parse(parser: Parser, token: Token) -> AddTotals:
    """Read options and fields."""
    given = options.read(
        parser, {"fieldname": lambda inner: inner.field(), "row": options.switch, "col": options.switch}
    )
    fields: list[Field] = []
    while not parser.stage_ends:
        fields.append(parser.field())
        if parser.accept(",") and parser.stage_ends:
            parser.fail("a field")
    name = given.get("fieldname", Field((_NAME,), token.start, token.end))
    if not isinstance(name, Field):
        raise TypeError(name)
    row, col = bool(given.get("row", True)), bool(given.get("col"))
    return AddTotals("addtotals", token.start, parser.end, tuple(fields), name, row, col)


def compile_(relation: Relation, stage: AddTotals) -> Relation | None:
    """Add the column, then the row."""
    reading = Reading(relation)
    # A field that is named twice counts once.
    wanted = list({field.name: kinds.scalar(reading.field(field)) for field in stage.fields}.items())
    if not wanted:
        wanted = [
            (name, kinds.scalar(value))
            for name, value in relation.compiler.outputs(relation)
            if not name.startswith("@") and value.kind in (*NUMBERS - {TIME}, TEXT, kinds.JSON)
        ]
    names = [name for name, _ in wanted]
    if stage.row:
        absent(relation, stage.name)
        add(relation, stage.name.name, _total([value for _, value in wanted]))
        names.append(stage.name.name)
    if not stage.col:
        return None
    columns = handed(relation.compiler.outputs(relation))
    documents = frozenset(name for name, value in columns if value.kind is kinds.JSON)
    return relation.compiler.operate(SummaryRow(frozenset(names), documents), (relation, columns))


def _total(values: Sequence[Value]) -> Value:
    """Return the sum of a row's numbers; nothing where there is none."""
    numbers = [kinds.as_number(value) for value in values]
    if not numbers:
        return Value(exp.cast(exp.Null(), "DOUBLE"), DOUBLE)
    whole = all(one.kind is INT for one in numbers) and max(one.bits for one in numbers) + len(numbers) <= 126
    each = [one.sql.copy() if whole else kinds.real(one) for one in numbers]
    nothing = exp.and_(*(exp.Is(this=one.copy(), expression=exp.Null()) for one in each))
    zero = exp.cast(exp.Literal.number(0), "HUGEINT" if whole else "DOUBLE")
    terms = [exp.Coalesce(this=one, expressions=[zero.copy()]) for one in each]
    total: exp.Expr = terms[0]
    for one in terms[1:]:
        total = exp.Add(this=total, expression=one)
    found = exp.case().when(exp.not_(exp.paren(nothing)), exp.paren(total))
    if whole:
        return Value(found, INT, bits=max(one.bits for one in numbers) + len(numbers))
    return Value(call("cwl_finite", found), DOUBLE)


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """Adds a row in which the columns *names* hold their sums. documents: columns whose texts are JSON."""

    names: frozenset[str]
    documents: frozenset[str]
    most: int = MAX_ROWS

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        return [
            (column.name, _summed(column.kind) if column.name in self.names else column.kind) for column in given[0]
        ]

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        (table,) = tables
        done = {}
        for name in table.column_names:
            values = table[name].to_pylist()
            if name not in self.names:
                done[name] = pa.array([*values, None], table.schema.field(name).type)
                continue
            numbers = [_number(value, document=name in self.documents) for value in values]
            known = [value for value in numbers if value is not None]
            total = sum(known) if known else None
            if pa.types.is_string(table.schema.field(name).type):
                done[name] = pa.array([*values, None if total is None else _text(total)], pa.string())
            else:
                kind = table.schema.field(name).type
                done[name] = pa.array([*values, total], pa.int64() if pa.types.is_boolean(kind) else kind)
        return pa.table(done)


def _number(value: Any, *, document: bool) -> float | None:  # noqa: ANN401 - a cell
    """Return the number that a cell is, None for none."""
    if document and isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, str):
        return number_of(value)
    return None if isinstance(value, (list, dict)) else value


def _summed(kind: Kind) -> Kind:
    return INT if kind is kinds.BOOL else kind


def _text(total: float) -> str | None:
    return str(total) if isinstance(total, int) else shown.number(total)


COMMAND: Final = Command(
    "addtotals",
    ("addtotals [fieldname=name] [row=true|false] [col=true|false] [field …]",),
    f"Adds a column `{_NAME}` (or `fieldname`) with the sum of each row's fields, and with `col=true` a last row with the sum of each "
    "column; `row=false` leaves the column out. Without fields all columns that are shown are summed but those whose name begins with `@`. "
    "What is missing or no number counts for nothing; a row without any number has no sum. The last row is made of "
    f"{MAX_ROWS:,} rows at most.",
    parse,
    compile_,
    (
        Example(
            "fields a, b | addtotals",
            ({"a": "1", "b": "2.5"}, {"a": "3"}, {"a": "x"}),
            "a | b | Total\n1 | 2.5 | 3.5\n3 |  | 3\nx |  | ",
        ),
        Example(
            "fields a, b, c | addtotals fieldname=sum a, b",
            ({"a": "1", "b": "2", "c": "4"},),
            "a | b | c | sum\n1 | 2 | 4 | 3",
        ),
        Example(
            "stats count(*) as n, sum(b) as s by a | addtotals col=true n, s",
            ({"a": "x", "b": "1"}, {"a": "y", "b": "2"}, {"a": "y", "b": "3"}),
            "a | n | s | Total\nx | 1 | 1 | 2\ny | 2 | 5 | 7\n | 3 | 6 | 9",
        ),
        Example(
            "fields a, b | addtotals row=false col=true b",
            ({"a": "1", "b": "2"}, {"a": "3", "b": "4"}),
            "a | b\n1 | 2\n3 | 4\n | 6",
        ),
    ),
)
