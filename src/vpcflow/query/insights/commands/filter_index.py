"""`filterIndex`: a filter that only looks at log groups with an index on the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.syntax import Binary, Expr, Field, In, Junction, Query, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

INDEXED: Final = frozenset({
    "@logStream", "@aws.region", "@aws.account", "@source.log", "@data_source_name", "@data_source_type", "@data_format", "traceId",
    "severityText", "attributes.session.id", "action", "logStatus", "region", "flowDirection", "type",
})  # fmt: skip
"""The default indexes, of all log groups and of those of `amazon_vpc.flow`. Source: CloudWatch Logs User Guide, "filterIndex"."""


@dataclass(frozen=True, slots=True)
class FilterIndex(Stage):
    """`filterIndex a = "x"`, `filterIndex a in ["x"]`."""

    condition: Expr


def parse(parser: Parser, token: Token) -> FilterIndex:
    """Read `=` and `in`, joined by `and` or `or`; nothing else can use an index."""
    condition = parser.expression()
    for test in _tests(condition):
        indexable = (isinstance(test, Binary) and test.operator == "=" and isinstance(test.left, Field)) or (
            isinstance(test, In)
            and not test.negated
            and isinstance(test.operand, Field)
            and not isinstance(test.values, Query)
        )
        if not indexable:
            raise parser.malformed("not_indexable", test.start, test.end)
    return FilterIndex("filterIndex", token.start, parser.end, condition)


def _tests(condition: Expr) -> Iterator[Expr]:
    if isinstance(condition, Junction):
        for part in condition.parts:
            yield from _tests(part)
    else:
        yield condition


def compile_(relation: Relation, stage: FilterIndex) -> None:
    """Filter; of a field that nothing indexes no log group is left."""
    reading = Reading(relation)
    reading.loosely = True
    relation.where.append(reading.condition(stage.condition))
    for test in _tests(stage.condition):
        field = test.left if isinstance(test, Binary) else test.operand if isinstance(test, In) else None
        if isinstance(field, Field) and field.name not in INDEXED:
            relation.compiler.note("note.insights_no_index", name=field.name)
            relation.where.append(exp.false())


COMMAND: Final = Command(
    "filterIndex",
    ('filterIndex field = "value"', 'filterIndex field in ["value", …]'),
    "Filters as `filter` does, and leaves out the log groups that have no index on the field. Indexed are, as on AWS by default, "
    "`@logStream @aws.region @aws.account @source.log @data_source_name @data_source_type @data_format traceId severityText "
    "attributes.session.id`, and of flow logs `action logStatus region flowDirection type`. Of any other field nothing is found, and a "
    "note says so. Names are told apart by their case.",
    parse,
    compile_,
    (
        Example(
            'fields a | filterIndex action = "REJECT"',
            ({"a": "1", "action": "REJECT"}, {"a": "2", "action": "ACCEPT"}),
            "a\n1",
        ),
        Example('fields a | filterIndex a = "1"', ({"a": "1"},), "a"),
        Example('fields a | filterIndex type in ["IPv4"]', ({"a": "1", "type": "IPv4"}, {"a": "2"}), "a\n1"),
    ),
    narrows=True,
)
