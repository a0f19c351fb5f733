"""`anomaly`: which patterns are unusual, held against the time just before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights import shifting, tokens
from vpcflow.query.insights.commands import diff, pattern
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.kinds import DOUBLE, INT, TEXT, Value, call
from vpcflow.query.insights.relation import Order, Relation
from vpcflow.query.insights.syntax import Expr, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.records import Column

MAX_NUMBERS: Final = 100_000
_Z: Final = 3.0
"""Standard deviations from which on a count or a mean is unusual."""
_TWICE: Final = 2.0
_HALF: Final = 0.5
_SOME: Final = 5
"""Values a mean needs, and templates a pattern must have more, to be held against others."""
TYPES: Final = ("HTTP error code", "New pattern", "Pattern frequency", "Numeric token", "Token variation")


@dataclass(frozen=True, slots=True)
class Anomaly(Stage):
    """`anomaly`."""


def parse(parser: Parser, token: Token) -> Anomaly:
    """Read nothing."""
    return Anomaly("anomaly", token.start, parser.end)


def compile_(relation: Relation, stage: Anomaly) -> Relation:
    """Compare patterns and their numbers with the time before."""
    made = diff.behind_pattern(relation, stage, "anomaly_after_pattern")
    baseline = diff.earlier(shifting.asked(relation, stage), "")
    inputs = []
    for one in diff.both(relation, baseline):
        inputs += [pattern.templates(one, made.expr), _numbers(one, made.expr)]
    return relation.compiler.operate(Unusual(), *((one, list(one.names.items())) for one in inputs))


def _numbers(relation: Relation, expr: Expr) -> Relation:
    """Return for each number of each template how many there are, their mean and their standard deviation."""
    compiler = relation.compiler
    text = pattern.text_of(relation, expr)
    found = call("regexp_extract_all", tokens.unnumbered(text), exp.Literal.string(tokens.NUMBER))
    pairs = call("list_zip", found, call("range", call("len", found)))
    shape, number = compiler.fresh(), compiler.fresh()
    inner = relation.copy().select(
        exp.alias_(tokens.template(text), shape, quoted=True),
        exp.alias_(exp.Anonymous(this="unnest", expressions=[pairs]), number, quoted=True),
    )
    row = exp.column(number, quoted=True)
    value = exp.TryCast(this=call("struct_extract", row, exp.Literal.number(1)), to=exp.DataType.build("DOUBLE"))
    keys = [compiler.fresh() for _ in range(5)]
    sources = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(compiler.fresh())))
    select = exp.Select(
        expressions=[
            exp.alias_(one, key, quoted=True)
            for one, key in zip(
                (
                    exp.column(shape, quoted=True),
                    call("struct_extract", row, exp.Literal.number(2)),
                    exp.Count(this=value.copy()),
                    call("avg", value),
                    call("coalesce", call("stddev_pop", value), exp.Literal.number(0)),
                ),
                keys,
                strict=True,
            )
        ]
    )
    select.set("from_", exp.From(this=sources))
    select.set("group", exp.Group(expressions=[exp.Literal.number(1), exp.Literal.number(2)]))
    kinds = (TEXT, INT, INT, DOUBLE, DOUBLE)
    names = {
        name: Value(exp.column(key, quoted=True), kind)
        for name, key, kind in zip(("template", "place", "count", "mean", "spread"), keys, kinds, strict=True)
    }
    order = [Order(names["count"].sql.copy(), True), *(Order(names[name].sql.copy()) for name in ("template", "place"))]
    source = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(compiler.fresh())))
    return Relation(compiler, source, None, names=names, order=order, event=False)


@dataclass(frozen=True, slots=True)
class Spread:
    """Numbers of one place of a pattern."""

    count: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Unusual:
    """Tells what is unusual: of templates and numbers now, and before."""

    most: int = MAX_NUMBERS

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """See `Operator`."""
        del given
        return (*pattern.COLUMNS, ("@anomalyType", TEXT), ("@anomalyDescription", TEXT))

    def run(self, *tables: pa.Table) -> pa.Table:
        """See `Operator`."""
        now, now_numbers, then, then_numbers = tables
        found = [one for one in diff.joined(now, then) if one[1]]
        found.sort(key=lambda one: (-one[1], one[0].pattern))
        total = sum(count for _, count, _ in found) or 1
        known = set(then["template"].to_pylist())
        seen = set(now["template"].to_pylist())
        spreads = _by_template(now_numbers), _by_template(then_numbers)
        told = [
            _told(
                cluster,
                counts,
                (len(seen & set(cluster.members)), len(known & set(cluster.members))),
                tuple(_spreads(cluster, one) for one in spreads),  # type: ignore[arg-type]  # two of them
                anything_before=bool(known),
            )
            for cluster, *counts in found
        ]
        shown = [cluster.pattern for cluster, _, _ in found]
        return pa.table(
            {
                "@pattern": pa.array(shown, pa.string()),
                "@ratio": pa.array([round(count / total, 4) for _, count, _ in found], pa.float64()),
                "@sampleCount": pa.array([count for _, count, _ in found], pa.int64()),
                "@severityLabel": pa.array([tokens.severity(one) for one in shown], pa.string()),
                "@anomalyType": pa.array([", ".join(one) or None for one in told], pa.string()),
                "@anomalyDescription": pa.array(["; ".join(one.values()) or None for one in told], pa.string()),
            }
        )


def _by_template(table: pa.Table) -> dict[str, list[tuple[int, Spread]]]:
    found: dict[str, list[tuple[int, Spread]]] = {}
    for row in table.to_pylist():
        if row["count"] and row["mean"] is not None:
            found.setdefault(row["template"], []).append(
                (row["place"], Spread(row["count"], row["mean"], row["spread"] ** 2))
            )
    return found


def _spreads(cluster: tokens.Cluster, known: dict[str, list[tuple[int, Spread]]]) -> dict[int, Spread]:
    """Return the numbers at each place of a pattern, those of its templates taken together."""
    found: dict[int, Spread] = {}
    for template in cluster.members:
        for place, more in known.get(template, ()):
            one = found.get(place)
            found[place] = more if one is None else _together(one, more)
    return found


def _together(one: Spread, other: Spread) -> Spread:
    count = one.count + other.count
    mean = (one.count * one.mean + other.count * other.mean) / count
    variance = sum(part.count * (part.variance + (part.mean - mean) ** 2) for part in (one, other)) / count
    return Spread(count, mean, variance)


def _told(
    cluster: tokens.Cluster,
    counts: Sequence[int],
    variants: tuple[int, int],
    spreads: tuple[dict[int, Spread], dict[int, Spread]],
    *,
    anything_before: bool,
) -> dict[str, str]:
    """Return what is unusual about a pattern: type → description."""
    now, then = counts
    found = {}
    if any(tokens.SIGNS["HTTPError"] in word for word in cluster.words):
        found[TYPES[0]] = f"{now} answers with an HTTP error, {then} before"
    if anything_before and not then:
        found[TYPES[1]] = "not seen before"
    if then and abs(now - then) >= _Z * math.sqrt(then) and not _HALF < now / then < _TWICE:
        found[TYPES[2]] = f"{now} times, {then} before"
    for place in sorted(spreads[0].keys() & spreads[1].keys()):
        one, other = spreads[0][place], spreads[1][place]
        far = abs(one.mean - other.mean) >= max(_Z * math.sqrt(other.variance), _HALF * abs(other.mean))
        if far and min(one.count, other.count) >= _SOME and one.mean != other.mean:
            found.setdefault(TYPES[3], f"number {place + 1} is {one.mean:.6g} on average, {other.mean:.6g} before")
    if variants[1] and variants[0] >= _TWICE * variants[1] and variants[0] - variants[1] >= _SOME:
        found[TYPES[4]] = f"{variants[0]} variants, {variants[1]} before"
    return found


COMMAND: Final = Command(
    "anomaly",
    ("anomaly",),
    "Behind `pattern`: keeps its columns and adds `@anomalyType` and `@anomalyDescription`, which are missing where nothing is unusual. Each "
    "pattern is held against an equally long time just before. `New pattern`: not seen then. `Pattern frequency`: half as often or less, "
    "or twice and more, and by three standard deviations of a count. `Numeric token`: the mean of one of its numbers has moved by three "
    "standard deviations and a half. `Token variation`: twice as many variants, five more at least. `HTTP error code`: answers with status "
    "4xx or 5xx. Needs a time with a begin. AWS's method and names are not published; this one is ours, and approximate.",
    parse,
    compile_,
    (
        Example(
            "SOURCE 'g' start=1000 end=1999 | pattern @message | anomaly | display @pattern, @anomalyType, @anomalyDescription",
            (),
            "@pattern | @anomalyType | @anomalyDescription\n"
            "GET / HTTP/<Number-1> <HTTPError-2> | HTTP error code | 2 answers with an HTTP error, 1 before\n"
            "disk full | New pattern | not seen before\njob done |  | ",
            groups={
                "g": (
                    {"@timestamp": "1500", "@message": "GET / HTTP/1.1 503"},
                    {"@timestamp": "1501", "@message": "GET / HTTP/1.1 404"},
                    {"@timestamp": "1400", "@message": "disk full"},
                    {"@timestamp": "1300", "@message": "job done"},
                    {"@timestamp": "900", "@message": "job done"},
                    {"@timestamp": "901", "@message": "GET / HTTP/1.1 500"},
                )
            },
        ),
        Example(
            "SOURCE 'g' start=1000 end=1999 | pattern @message | anomaly | display @sampleCount, @anomalyType, @anomalyDescription",
            (),
            "@sampleCount | @anomalyType | @anomalyDescription\n"
            "20 | Pattern frequency, Numeric token | 20 times, 5 before; number 1 is 899.5 on average, 12 before",
            groups={
                "g": (
                    *({"@timestamp": str(1100 + n), "@message": f"took {890 + n % 21} ms"} for n in range(20)),
                    *({"@timestamp": str(100 + n), "@message": f"took {10 + n} ms"} for n in range(5)),
                )
            },
        ),
    ),
)
