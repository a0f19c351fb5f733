"""`appendcols`: the columns of another query, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.query.insights import kinds, options
from vpcflow.query.insights.adding import handed
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.kinds import Value
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
    left, right = dict(handed(compiler.outputs(relation))), dict(handed(compiler.outputs(inner)))
    for name in left.keys() & right.keys() if stage.override else ():
        kind, taken, _ = kinds.united([left[name], right[name]])
        left[name], right[name] = (Value(one, kind) for one in taken)
    operator = Beside(stage.override, stage.most)
    return compiler.operate(operator, (relation, list(left.items())), (inner, list(right.items())))


@dataclass(frozen=True, slots=True)
class Beside:
    """Puts the second table's columns beside the first one's; the first one has as many rows as before.

    override: columns of both, which are of the same kind, take the second one's values where it has rows.
    """

    override: bool
    most: int

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        left, right = given
        mine = {column.name for column in left}
        return [(column.name, column.kind) for column in (*left, *(one for one in right if one.name not in mine))]

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        left, right = tables
        rows = left.num_rows
        done = {name: left[name] for name in left.column_names}
        for name in right.column_names:
            if name in done and not self.override:
                continue
            kind = right.schema.field(name).type
            rest = left[name].to_pylist()[right.num_rows :] if name in done else [None] * (rows - right.num_rows)
            done[name] = pa.array([*right[name].to_pylist()[:rows], *rest], kind)
        return pa.table(done)


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
