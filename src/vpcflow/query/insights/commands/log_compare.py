"""`logcompare`: the same for an earlier time, beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.query.insights import periods, shifting
from vpcflow.query.insights.adding import handed
from vpcflow.query.insights.commands import diff, pattern
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.syntax import Field, Period, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

MAX_ROWS: Final = 100_000
_SUFFIX: Final = "_baseline"


@dataclass(frozen=True, slots=True)
class LogCompare(Stage):
    """`logcompare timeshift 7d`."""

    shift: Period


def parse(parser: Parser, token: Token) -> LogCompare:
    """Read how far back."""
    parser.expect_word("timeshift")
    parser.accept("=")
    period = parser.period()
    return LogCompare("logcompare", token.start, parser.end, period)


def compile_(relation: Relation, stage: LogCompare) -> Relation:
    """Put the earlier time's values beside those of now; where events are compared, their patterns."""
    compiler = relation.compiler
    span = shifting.asked(relation, stage)
    shift = periods.milliseconds(stage.shift.number, stage.shift.unit)
    baseline = Range(span.start - shift, span.end - shift)
    if relation.records is not None:
        now = relation
        then = shifting.again(relation, compiler.before, baseline)
        given = [pattern.templates(one, Field(("@message",), stage.start, stage.end)) for one in (now, then)]
        return compiler.operate(diff.Changed(), *((one, list(one.names.items())) for one in given))
    then = shifting.again(relation, compiler.before, baseline)
    columns = [handed(compiler.outputs(one)) for one in (relation, then)]
    keys = tuple(name for name in relation.groups if name in dict(columns[0]))
    values = [name for name, _ in columns[0] if name not in keys]
    if not values:
        raise malformed("nothing_compared", compiler.text, stage.start, stage.end)
    binned = relation.binned[0] if relation.binned is not None and relation.binned[0] in keys else ""
    done = compiler.operate(Beside(keys, binned, shift), (relation, columns[0]), (then, columns[1]))
    done.groups, done.binned = relation.groups, relation.binned
    return done


@dataclass(frozen=True, slots=True)
class Beside:
    """Joins two tables by *keys*; the second one's column *binned* is *shift* ms earlier."""

    keys: tuple[str, ...]
    binned: str
    shift: int
    most: int = MAX_ROWS

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        found: list[tuple[str, Kind]] = []
        for column in given[0]:
            found.append((column.name, column.kind))
            if column.name not in self.keys:
                found.append((f"{column.name}{_SUFFIX}", column.kind))
        return found

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        now, then = (table.to_pylist() for table in tables)
        for row in then:
            if self.binned and row[self.binned] is not None:
                row[self.binned] += self.shift
        earlier = {tuple(row[key] for key in self.keys): row for row in then}
        pairs = [(row, earlier.pop(tuple(row[key] for key in self.keys), {})) for row in now]
        # What there was only then stands at the end.
        pairs += [({key: row[key] for key in self.keys}, row) for row in earlier.values()]
        done = {}
        for column in tables[0].schema:
            done[column.name] = pa.array([row.get(column.name) for row, _ in pairs], column.type)
            if column.name not in self.keys:
                values = [row.get(column.name) for _, row in pairs]
                done[f"{column.name}{_SUFFIX}"] = pa.array(values, column.type)
        return pa.table(done)


COMMAND: Final = Command(
    "logcompare",
    ("logcompare timeshift period",),
    "Runs the stages before it for a time that is `timeshift` earlier and puts both beside one another. Behind `stats` each value has a second "
    f"column `value{_SUFFIX}`; rows belong together by their groups, bins by the time that is `timeshift` later; groups there were only then "
    "stand at the end. Without `stats` the patterns of `@message` are compared, as `diff` does. Needs a time with a begin. Takes "
    f"{MAX_ROWS:,} rows of either at most. AWS does not publish its columns.",
    parse,
    compile_,
    (
        Example(
            "SOURCE 'g' start=86400000 end=90000000 | stats count(*) as n by a | logcompare timeshift 1d",
            (),
            "a | n | n_baseline\nx | 2 | 1\ny | 1 | \nz |  | 1",
            groups={
                "g": (
                    {"@timestamp": "86400500", "a": "x"},
                    {"@timestamp": "86400400", "a": "x"},
                    {"@timestamp": "86400300", "a": "y"},
                    {"@timestamp": "900", "a": "x"},
                    {"@timestamp": "800", "a": "z"},
                )
            },
        ),
        Example(
            "SOURCE 'g' start=86400000 end=90000000 | stats count(*) as n by bin(1m) as t | logcompare timeshift 1d",
            (),
            "t | n | n_baseline\n1970-01-02 00:00:00.000 | 1 | 2\n1970-01-02 00:02:00.000 |  | 1",
            groups={
                "g": (
                    {"@timestamp": "86400500"},
                    {"@timestamp": "900"},
                    {"@timestamp": "800"},
                    {"@timestamp": "120000"},
                )
            },
        ),
        Example(
            "SOURCE 'g' start=86400000 end=90000000 | logcompare timeshift 1d | display @pattern, @difference",
            (),
            "@pattern | @difference\njob <Number-1> | 1",
            groups={
                "g": (
                    {"@timestamp": "86400500", "@message": "job 1"},
                    {"@timestamp": "86400400", "@message": "job 2"},
                    {"@timestamp": "900", "@message": "job 3"},
                )
            },
        ),
    ),
)
