"""`fillmissing`: rows for bins without any."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vpcflow.errors import QueryError
from vpcflow.query.insights import kinds, periods, shown
from vpcflow.query.insights.adding import handed
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import DOUBLE, INT, Value, number_of
from vpcflow.query.insights.syntax import Field, Literal, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column
    from vpcflow.query.insights.relation import Relation

MAX_ROWS: Final = 100_000
MAX_MADE: Final = 200_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Fill:
    """`with 0 for a`."""

    value: Literal
    field: Field


@dataclass(frozen=True, slots=True)
class FillMissing(Stage):
    """`fillmissing with 0 for a, 1 for b`."""

    fills: tuple[Fill, ...]


def parse(parser: Parser, token: Token) -> FillMissing:
    """Read values and fields."""
    fills: list[Fill] = []
    if parser.accept_word("with"):
        while True:
            fills += _fill(parser)
            if not parser.accept(","):
                break
            parser.accept_word("with")
    return FillMissing("fillmissing", token.start, parser.end, tuple(fills))


def _fill(parser: Parser) -> list[Fill]:
    """Read `0 for a`, and further fields of the same value: a name that no `for` follows."""
    value = parser.literal()
    parser.expect_word("for")
    found = [Fill(value, parser.field())]
    while parser.peek().is_mark(",") and parser.after().kind in ("word", "quoted") and parser.after().lower != "with":
        if parser.after().lower in ("true", "false"):
            break
        parser.accept(",")
        found.append(Fill(value, parser.field()))
    return found


def compile_(relation: Relation, stage: FillMissing) -> Relation:
    """Make the rows."""
    compiler = relation.compiler
    if relation.binned is None:
        raise malformed("no_bin", compiler.text, stage.start, stage.end)
    name, number, unit = relation.binned
    reading = Reading(relation)
    for fill in stage.fills:
        reading.field(fill.field)
        if fill.field.name == name or fill.field.name in relation.groups:
            raise reading.fault("fill_group", fill.field, name=fill.field.name)
    columns = handed(compiler.outputs(relation))
    if name not in dict(columns):
        raise malformed("no_bin", compiler.text, stage.start, stage.end)
    groups = tuple(one for one in relation.groups if one != name and one in dict(columns))
    constants = {fill.field.name: _constant(fill.value.value) for fill in stage.fills}
    if not constants:
        # A bin without records counts nothing (unconfirmed).
        numbers = [column for column, value in columns if value.kind in (INT, DOUBLE) and column not in groups]
        constants = {column: kinds.literal(0) for column in numbers}
    fills: list[tuple[str, object]] = []
    for place, (column, value) in enumerate(columns):
        if column in constants:
            kind, taken, _ = kinds.united([value, constants[column]])
            columns[place] = (column, Value(taken[0], kind))
            fills.append((column, _held(constants[column].const, kind)))
    done = compiler.operate(Bins(name, number, unit, groups, tuple(fills)), (relation, columns))
    done.binned, done.groups = relation.binned, relation.groups
    return done


def _constant(value: str | float | bool) -> Value:  # noqa: FBT001 - a literal of any kind
    """Return a literal; a text that acts as a number is one."""
    number = number_of(value) if isinstance(value, str) else None
    return kinds.literal(value if number is None else number)


def _held(value: object, kind: Kind) -> object:
    """Return a literal as a column of *kind* holds it."""
    if kind is DOUBLE:
        return float(str(value))
    if kind in (INT, kinds.TIME):
        return int(str(value))
    if kind is kinds.BOOL:
        return bool(value)
    text = shown.number(value) if isinstance(value, float) else str(int(value) if isinstance(value, bool) else value)
    return json.dumps(text) if kind is kinds.JSON else text


@dataclass(frozen=True, slots=True)
class Bins:
    """Adds rows so that each bin from the first to the last has one, for each of the combinations of the groups.

    name: of the bins, of *number* times *unit*. fills: what new rows hold.
    """

    name: str
    number: int
    unit: str
    groups: tuple[str, ...]
    fills: tuple[tuple[str, object], ...]
    most: int = MAX_ROWS

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        return [(column.name, column.kind) for column in given[0]]

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        (table,) = tables
        rows = table.to_pylist()
        timed = [row for row in rows if row[self.name] is not None]
        if not timed:
            return table
        times = [row[self.name] for row in timed]
        descending = times[0] > times[-1]
        made = [*timed, *self._missing(timed, min(times), max(times))]
        # Rows of one bin stay as they stood, new ones behind them; those without a time stand at the end.
        made.sort(key=lambda row: -row[self.name] if descending else row[self.name])
        made += [row for row in rows if row[self.name] is None]
        return pa.table(
            {column.name: pa.array([row.get(column.name) for row in made], column.type) for column in table.schema}
        )

    def _missing(self, rows: list[dict[str, Any]], first: int, last: int) -> list[dict[str, Any]]:
        there = {(row[self.name], *(row[one] for one in self.groups)) for row in rows}
        combinations = list(dict.fromkeys(tuple(row[one] for one in self.groups) for row in rows))
        made: list[dict[str, Any]] = []
        for time in self._steps(first, last):
            made += [
                {self.name: time, **dict(zip(self.groups, combination, strict=True)), **dict(self.fills)}
                for combination in combinations
                if (time, *combination) not in there
            ]
            if len(made) > MAX_MADE:
                raise QueryError("insights.many_bins", most=f"{MAX_MADE:,}")
        return made

    def _steps(self, first: int, last: int) -> Iterator[int]:
        if self.unit not in _MONTHS:
            yield from range(first, last + 1, periods.milliseconds(self.number, self.unit))
            return
        when = _EPOCH + timedelta(milliseconds=first)
        months = when.year * 12 + when.month - 1
        time = first
        while time <= last:
            yield time
            months += self.number * _MONTHS[self.unit]
            when = when.replace(year=months // 12, month=months % 12 + 1)
            time = round((when - _EPOCH) / timedelta(milliseconds=1))


COMMAND: Final = Command(
    "fillmissing",
    ("fillmissing [with value for field [, value for field …]]",),
    "After `stats … by bin(period)`: adds a row for each bin from the first to the last that has none; where there are other groups, for each "
    "of their combinations that occurs. In the new rows a field has the value that `with` says, else it is missing; without `with`, numbers are 0. Takes "
    f"{MAX_ROWS:,} rows at most and makes up to {MAX_MADE:,}.",
    parse,
    compile_,
    (
        Example(
            "stats count(*) as n, sum(b) as s by bin(1m) as t | fillmissing with 0 for n",
            ({"@timestamp": "2026-11-24 02:00:30.000", "b": "1"}, {"@timestamp": "2026-11-24 02:03:00.000", "b": "2"}),
            "t | n | s\n2026-11-24 02:00:00.000 | 1 | 1\n2026-11-24 02:01:00.000 | 0 | \n2026-11-24 02:02:00.000 | 0 | \n"
            "2026-11-24 02:03:00.000 | 1 | 2",
        ),
        Example(
            "stats count(*) as n by bin(1d) as t, a | fillmissing with 0 for n | sort t, a",
            (
                {"@timestamp": "2026-11-24 02:00:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 02:00:00.000", "a": "y"},
                {"@timestamp": "2026-11-25 02:00:00.000", "a": "x"},
            ),
            "t | a | n\n2026-11-24 00:00:00.000 | x | 1\n2026-11-24 00:00:00.000 | y | 1\n2026-11-25 00:00:00.000 | x | 1\n"
            "2026-11-25 00:00:00.000 | y | 0",
        ),
        Example(
            "stats count(*) as n by bin(1mo) as t | sort t desc | fillmissing with 0 for n",
            ({"@timestamp": "2026-11-24 02:00:00.000"}, {"@timestamp": "2026-09-24 02:00:00.000"}),
            "t | n\n2026-11-01 00:00:00.000 | 1\n2026-10-01 00:00:00.000 | 0\n2026-09-01 00:00:00.000 | 1",
        ),
    ),
)
