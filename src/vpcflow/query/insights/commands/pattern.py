"""`pattern`: the shapes that events have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import kinds, tokens
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed
from vpcflow.query.insights.kinds import DOUBLE, INT, LIST, TEXT, Value
from vpcflow.query.insights.relation import Order, Relation
from vpcflow.query.insights.syntax import Expr, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column

MAX_TEMPLATES: Final = 20_000
COLUMNS: Final = (("@pattern", TEXT), ("@ratio", DOUBLE), ("@sampleCount", INT), ("@severityLabel", TEXT))


@dataclass(frozen=True, slots=True)
class Pattern(Stage):
    """`pattern @message`."""

    expr: Expr


def parse(parser: Parser, token: Token) -> Pattern:
    """Read what is looked at."""
    expr = parser.expression()
    return Pattern("pattern", token.start, parser.end, expr)


def compile_(relation: Relation, stage: Pattern) -> Relation:
    """Count templates in the engine, then put them together."""
    counted = templates(relation, stage.expr)
    return relation.compiler.operate(Together(), (counted, list(counted.names.items())))


def text_of(relation: Relation, expr: Expr) -> exp.Expr:
    """Return the text that is looked at; MalformedQuery for what is none."""
    reading = Reading(relation)
    value = reading.value(expr)
    if value.kind is LIST:
        raise malformed("structure", relation.compiler.text, expr.start, expr.end, command="pattern")
    return kinds.text(kinds.scalar(value))


def templates(relation: Relation, expr: Expr) -> Relation:
    """Return the templates with their counts and the count of all texts, those with the most texts first."""
    compiler = relation.compiler
    text = text_of(relation, expr)
    key, count, total = compiler.fresh(), compiler.fresh(), compiler.fresh()
    there = exp.not_(exp.Is(this=text.copy(), expression=exp.Null()))
    chosen = relation.copy()
    chosen.where.append(there)
    select = chosen.select(
        exp.alias_(tokens.template(text), key, quoted=True),
        exp.alias_(exp.Count(this=exp.Star()), count, quoted=True),
        exp.alias_(exp.Window(this=exp.Sum(this=exp.Count(this=exp.Star()))), total, quoted=True),
    )
    select.set("group", exp.Group(expressions=[exp.Literal.number(1)]))
    names = {
        "template": Value(exp.column(key, quoted=True), TEXT),
        "count": Value(exp.column(count, quoted=True), INT),
        "total": Value(exp.cast(exp.column(total, quoted=True), "BIGINT"), INT),
    }
    source = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(compiler.fresh())))
    order = [Order(names["count"].sql.copy(), True), Order(names["template"].sql.copy())]
    return Relation(compiler, source, None, names=names, order=order, event=False)


def clusters(table: pa.Table) -> tokens.Clusters:
    """Return the patterns of a table of templates."""
    found = tokens.Clusters()
    for template, count in zip(table["template"].to_pylist(), table["count"].to_pylist(), strict=True):
        found.add(template, count)
    return found


def rows_of(found: Sequence[tokens.Cluster], total: int) -> pa.Table:
    """Return patterns as `pattern` shows them."""
    shown = [one.pattern for one in found]
    return pa.table(
        {
            "@pattern": pa.array(shown, pa.string()),
            "@ratio": pa.array([round(one.count / total, 4) for one in found], pa.float64()),
            "@sampleCount": pa.array([one.count for one in found], pa.int64()),
            "@severityLabel": pa.array([tokens.severity(one.pattern) for one in found], pa.string()),
        }
    )


@dataclass(frozen=True, slots=True)
class Together:
    """Puts templates together to patterns."""

    most: int = MAX_TEMPLATES

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        del given
        return COLUMNS

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        (table,) = tables
        total = table["total"][0].as_py() if table.num_rows else 1
        return rows_of(clusters(table).all(), total)


COMMAND: Final = Command(
    "pattern",
    ("pattern @message", "pattern expression"),
    "Finds the shapes that texts have, most frequent first: `@pattern`, `@ratio` (which part of all texts), `@sampleCount` (how many) and "
    "`@severityLabel` (FATAL, ERROR, WARN, INFO, DEBUG by its words, else NONE). Times, addresses, UUIDs, ids, numbers and HTTP errors are "
    "dynamic tokens, `<Time-1>`, `<IP-2>` …; shapes of equally many words that share six in ten become one, the words that differ being "
    f"`<Token-3>`. The number counts a pattern's dynamic tokens. All texts are counted; the {MAX_TEMPLATES:,} most frequent shapes are put "
    "together. The method is ours, and approximate: AWS's is not published. Only these columns exist afterwards.",
    parse,
    compile_,
    (
        Example(
            "pattern @message",
            (
                {"@message": "ERROR 10.0.0.1 timed out after 30 s"},
                {"@message": "ERROR 10.0.0.2 timed out after 45 s"},
                {"@message": "started at 2026-11-24T02:00:00Z"},
                {"@message": "ERROR 10.0.0.3 timed out after 2.5 s"},
            ),
            "@pattern | @ratio | @sampleCount | @severityLabel\n"
            "ERROR <IP-1> timed out after <Number-2> s | 0.75 | 3 | ERROR\nstarted at <Time-1> | 0.25 | 1 | NONE",
        ),
        Example(
            "pattern @message | filter @sampleCount > 1 | display @pattern",
            (
                {"@message": "user alice logged in from web"},
                {"@message": "user bob logged in from web"},
                {"@message": "disk full"},
            ),
            "@pattern\nuser <Token-1> logged in from web",
        ),
        Example(
            "parse a /id=(?<id>.*)/ | pattern toupper(id)",
            ({"a": "id=ab 1"}, {"a": "id=ab 2"}, {"a": "other"}),
            "@pattern | @ratio | @sampleCount | @severityLabel\nAB <Number-1> | 1 | 2 | NONE",
        ),
    ),
)
