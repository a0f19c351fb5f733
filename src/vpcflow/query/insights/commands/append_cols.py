"""`appendcols`: the columns of another query, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.query.insights import options, shown
from vpcflow.query.insights.adding import handed
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.kinds import DOUBLE, INT, TEXT
from vpcflow.query.insights.syntax import Query, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

DEFAULT_ROWS: Final = 10_000
MAX_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class AppendCols(Stage):
    """`appendcols override=false max=10000 ( query )`."""

    query: Query
    override: bool
    most: int


def parse(parser: Parser, token: Token) -> AppendCols:
    """Read options and the query."""
    given = options.read(parser, {"override": options.switch, "max": lambda inner: inner.whole(MAX_ROWS).value})
    query = parser.inner_query()
    most = int(str(given.get("max", DEFAULT_ROWS)))
    return AppendCols("appendcols", token.start, parser.end, query, bool(given.get("override")), most)


def compile_(relation: Relation, stage: AppendCols) -> Relation:
    """Put both beside one another."""
    compiler = relation.compiler
    inner = compiler.inner(stage.query)
    return compiler.operate(
        Beside(stage.override, stage.most),
        (relation, handed(compiler.outputs(relation))),
        (inner, handed(compiler.outputs(inner))),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """Puts the second table's columns beside the first one's; the first one has as many rows as before."""

    override: bool
    most: int

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        left, right = ({column.name: column.kind for column in columns} for columns in given)
        found = {
            name: _both(kind, right[name]) if self.override and name in right else kind for name, kind in left.items()
        }
        return (
            list((right | found).items())
            if not left
            else [*found.items(), *((n, k) for n, k in right.items() if n not in left)]
        )

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        left, right = tables
        rows = left.num_rows
        done = {}
        for name in left.column_names:
            if self.override and name in right.column_names:
                done[name] = _over(
                    left[name].to_pylist(), right[name].to_pylist(), left.schema.field(name), right.schema.field(name)
                )
            else:
                done[name] = left[name]
        for name in right.column_names:
            if name not in done:
                taken = right[name].to_pylist()[:rows]
                done[name] = pa.array([*taken, *[None] * (rows - len(taken))], right.schema.field(name).type)
        return pa.table(done)


def _both(one: Kind, other: Kind) -> Kind:
    """Return the kind that values of both kinds can be."""
    if one is other:
        return one
    return DOUBLE if {one, other} <= {INT, DOUBLE} else TEXT


def _over(old: list[object], new: list[object], one: pa.Field, other: pa.Field) -> pa.Array:
    values = [*new[: len(old)], *old[len(new) :]]
    if one.type == other.type:
        return pa.array(values, one.type)
    numbers = {pa.int64(), pa.float64()}
    if {one.type, other.type} <= numbers:
        return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    if isinstance(value, float):
        return shown.number(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return None if value is None else str(value)


COMMAND: Final = Command(
    "appendcols",
    ("appendcols [override=true|false] [max=n] ( query )",),
    "Runs a query of its own, over its own `SOURCE` or the same log groups, and puts its columns beside the rows so far: its first row "
    "beside the first, and so on. There are as many rows afterwards as before: rows of the query beyond them are left out, and where it has "
    "fewer its columns are missing. A column that is there already stays, or with `override=true` takes the query's values where it has "
    f"rows. `max`, 1 to {MAX_ROWS:,}, is how many rows of either are taken ({DEFAULT_ROWS:,}).",
    parse,
    compile_,
    (
        Example(
            "stats count(*) as n by a | appendcols ( SOURCE 'other' | stats avg(b) as mean by a )",
            ({"a": "x"}, {"a": "y"}, {"a": "y"}),
            "a | n | mean\nx | 1 | 2\ny | 2 | ",
            groups={"other": ({"a": "z", "b": "1"}, {"a": "z", "b": "3"})},
        ),
        Example(
            "fields a | limit 2 | appendcols override=true ( SOURCE 'other' | fields a, b | limit 1 )",
            ({"a": "x"}, {"a": "y"}),
            "a | b\nz | 1\ny | ",
            groups={"other": ({"a": "z", "b": "1"},)},
        ),
    ),
)
