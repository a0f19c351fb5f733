"""`outlier`: numbers that lie far outside the middle half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds, options
from vpcflow.query.insights.adding import absent, add, over, settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import BOOL, DOUBLE, Value, call
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

DEFAULT_FACTOR: Final = 2.5


@dataclass(frozen=True, slots=True)
class Outlier(Stage):
    """`outlier action=remove param=3 uselower=true mark=true a b`."""

    fields: tuple[Field, ...]
    remove: bool
    factor: float
    lower: bool
    mark: bool


def parse(parser: Parser, token: Token) -> Outlier:
    """Read options and fields."""
    given = options.read(
        parser,
        {
            "action": options.one_of("remove", "transform"),
            "param": options.number,
            "uselower": options.switch,
            "mark": options.switch,
        },
    )
    fields = [parser.field()]
    while parser.accept(",") or not parser.stage_ends:
        fields.append(parser.field())
    factor = given.get("param", DEFAULT_FACTOR)
    return Outlier(
        "outlier", token.start, parser.end, tuple(fields), given.get("action") == "remove",
        float(factor),  # type: ignore[arg-type]  # what options.number read
        bool(given.get("uselower")), bool(given.get("mark")),
    )  # fmt: skip


def compile_(relation: Relation, stage: Outlier) -> None:
    """Find the bounds of each field over all rows; drop, clamp or mark what lies outside."""
    reading = Reading(relation)
    values = [kinds.scalar(reading.field(field)) for field in stage.fields]
    if stage.mark:
        for field in stage.fields:
            absent(relation, Field((f"{field.name}_outlier",), field.start, field.end))
    numbers = settled(relation, *(kinds.real(value) for value in values))
    quartiles = [
        over(call("quantile_cont", number, kinds.double(share))) for number in numbers for share in (0.25, 0.75)
    ]
    found = settled(relation, *quartiles)
    outside = []
    for place, (field, value, number) in enumerate(zip(stage.fields, values, numbers, strict=True)):
        low, high = found[2 * place : 2 * place + 2]
        range_ = exp.paren(exp.Sub(this=high.copy(), expression=low.copy()))
        reach = exp.Mul(this=kinds.double(stage.factor), expression=range_)
        upper = exp.paren(exp.Add(this=high.copy(), expression=reach.copy()))
        lower = exp.paren(exp.Sub(this=low.copy(), expression=reach.copy()))
        tests: list[exp.Expr] = [exp.GT(this=number.copy(), expression=upper.copy())]
        if stage.lower:
            tests.append(exp.LT(this=number.copy(), expression=lower.copy()))
        is_outside = call("coalesce", exp.paren(exp.or_(*tests)), exp.false())
        outside.append(is_outside)
        if not stage.remove:
            kind, (above, below, kept), _ = kinds.united([Value(upper, DOUBLE), Value(lower, DOUBLE), value])
            clamped = exp.case().when(tests[0].copy(), above)
            if stage.lower:
                clamped = clamped.when(tests[1].copy(), below)
            add(relation, field.name, Value(clamped.else_(kept), kind))
        if stage.mark:
            add(relation, f"{field.name}_outlier", Value(is_outside, BOOL))
    if stage.remove:
        relation.where.append(exp.not_(exp.paren(exp.or_(*outside))))


COMMAND: Final = Command(
    "outlier",
    ("outlier [action=remove|transform] [param=n] [uselower=true|false] [mark=true|false] field [field …]",),
    "Finds numbers far outside the middle half of all rows: above the third quartile by more than `param` (2.5) times the distance between "
    "the quartiles, with `uselower=true` also below the first. `action=transform`, the default, puts the bound in their place; "
    "`action=remove` drops the row when any of the fields is one. `mark=true` adds a column `field_outlier` of 1 and 0. Quartiles are "
    "interpolated; what is missing or no number is never an outlier.",
    parse,
    compile_,
    (
        Example(
            "fields a | sort a | outlier a",
            tuple({"a": value} for value in ("1", "2", "3", "4", "100")),
            "a\n1\n2\n3\n4\n9",
        ),
        Example(
            "fields a, b | sort b | outlier action=remove param=1 uselower=true a",
            (
                {"a": "-50", "b": "1"},
                {"a": "1", "b": "2"},
                {"a": "2", "b": "3"},
                {"a": "3", "b": "4"},
                {"b": "5"},
            ),
            "a | b\n1 | 2\n2 | 3\n3 | 4\n | 5",
        ),
        Example(
            "fields a | sort a | outlier mark=true a",
            tuple({"a": value} for value in ("1", "1", "1", "7")),
            "a | a_outlier\n1 | 0\n1 | 0\n1 | 0\n6.25 | 1",
        ),
    ),
)
