"""`sessionize`: which events of one identity belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds, periods
from vpcflow.query.insights.adding import absent, add, numbered, over, settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import INT, LIST, NUMBERS, Value
from vpcflow.query.insights.syntax import Call, Field, Period, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

DEFAULT_MS: Final = 30 * 60_000
_NAME: Final = "session_id"


@dataclass(frozen=True, slots=True)
class Sessionize(Stage):
    """`sessionize a, b maxspan 30m as id`."""

    fields: tuple[Field, ...]
    span: Period | None
    name: Field


def parse(parser: Parser, token: Token) -> Sessionize:
    """Read fields, a period and a name."""
    fields = [parser.field()]
    while parser.accept(","):
        fields.append(parser.field())
    span = None
    if parser.accept_word("maxspan"):
        parser.accept("=")
        span = parser.period()
    name = parser.field() if parser.accept_word("as") else Field((_NAME,), token.start, token.end)
    return Sessionize("sessionize", token.start, parser.end, tuple(fields), span, name)


def compile_(relation: Relation, stage: Sessionize) -> None:
    """Number the sessions by their first event."""
    reading = Reading(relation)
    absent(relation, stage.name)
    identity = [_key(reading, field) for field in stage.fields]
    time = reading.timestamp(Call("sessionize", (), False, stage.start, stage.end)).sql
    gap = DEFAULT_MS if stage.span is None else periods.milliseconds(stage.span.number, stage.span.unit)
    numbered(relation)
    before = exp.Anonymous(this="lag", expressions=[time.copy()])
    (last,) = settled(relation, over(before, time, identity))
    apart = exp.GT(
        this=exp.paren(exp.Sub(this=time.copy(), expression=last.copy())), expression=exp.Literal.number(gap)
    )
    begins = exp.case().when(
        exp.or_(exp.Is(this=last.copy(), expression=exp.Null()), apart), exp.Literal.number(1)
    ).else_(exp.Literal.number(0))  # fmt: skip
    (session,) = settled(relation, over(exp.Sum(this=begins), time, identity))
    (start,) = settled(relation, over(exp.Min(this=time.copy()), None, [*identity, session]))
    rank = exp.Window(this=exp.Anonymous(this="dense_rank"))
    keys = [exp.Ordered(this=one.copy(), nulls_first=False) for one in (start, *identity)]
    rank.set("order", exp.Order(expressions=keys))
    known = exp.and_(*(exp.not_(exp.Is(this=one.copy(), expression=exp.Null())) for one in (*identity, time)))
    rank.set("partition_by", [known.copy()])
    (number,) = settled(relation, rank)
    add(relation, stage.name.name, Value(exp.case().when(known.copy(), number), INT))


def _key(reading: Reading, field: Field) -> exp.Expr:
    value = reading.field(field)
    if value.kind is LIST:
        raise reading.fault("structure", field, command="sessionize")
    value = kinds.scalar(value)
    return value.sql.copy() if value.kind in NUMBERS else kinds.text(value)


COMMAND: Final = Command(
    "sessionize",
    ("sessionize field [, field …] [maxspan period] [as name]",),
    "Gives events of one identity (the same values of the fields) the same number as long as no more than `maxspan` lies between one and "
    f"the next; 30 minutes unless it is said. The number is `{_NAME}`, or has the name after `as`; sessions are numbered from 1 by the time "
    "of their first event. An event that lacks one of the fields is in none. Needs `@timestamp`.",
    parse,
    compile_,
    (
        Example(
            "fields a | sessionize a maxspan 10m | sort @timestamp",
            (
                {"@timestamp": "2026-11-24 02:00:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 02:05:00.000", "a": "y"},
                {"@timestamp": "2026-11-24 02:10:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 02:21:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 02:22:00.000"},
            ),
            "a | session_id\nx | 1\ny | 2\nx | 1\nx | 3\n | ",
        ),
        Example(
            "sessionize a as visit | stats count(*) as n by visit",
            (
                {"@timestamp": "2026-11-24 02:00:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 02:30:00.000", "a": "x"},
                {"@timestamp": "2026-11-24 03:00:00.001", "a": "x"},
            ),
            "visit | n\n1 | 2\n2 | 1",
        ),
    ),
    narrows=True,
)
