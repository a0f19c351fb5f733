"""`stats`: aggregates, over all records or by groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds, periods
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.functions.time import floored
from vpcflow.query.insights.kinds import LIST, TEXT, TIME, Value
from vpcflow.query.insights.relation import Order, Relation
from vpcflow.query.insights.syntax import Call, Field, Item, Period, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser

_OVER_TIME: Final = frozenset({"countovertime", "count_over_time", "sumovertime", "sum_over_time"})


@dataclass(frozen=True, slots=True)
class Stats(Stage):
    """`stats count(*) as n by a, bin(1h) offset 30m`."""

    items: tuple[Item, ...]
    by: tuple[Item, ...]
    offset: Period | None


def parse(parser: Parser, token: Token) -> Stats:
    """Read aggregates and groups."""
    items = parser.items()
    by = parser.items() if parser.accept_word("by") else ()
    offset = parser.period() if parser.accept_word("offset") else None
    return Stats("stats", token.start, parser.end, items, by, offset)


@dataclass(slots=True)
class _Made:
    """The SELECT of a `stats` while it is made."""

    columns: list[exp.Expr]
    names: dict[str, Value]
    order: list[Order]
    groups: int = 0
    binned: tuple[str, int, str] | None = None


def compile_(relation: Relation, stage: Stats) -> Relation:
    """Group and count; only what comes out exists from here on."""
    made = _Made([], {}, [])
    known: dict[str, Value] = {}
    for item in _groups(stage):
        value = _group_value(relation, stage, item)
        known[item.name] = value
        if isinstance(item.expr, Field):
            known.setdefault(item.expr.name, value)
        _add_group(relation, made, item, value)
    for item in stage.items:
        _check(relation, stage, item)
        reading = Reading(relation, aggregates=True, outer=known)
        value = reading.value(item.expr)
        if item.name in made.names:
            raise reading.fault("name_twice", item, name=item.name)
        known[item.name] = kinds.unlike(value) if value.raw is None else value
        key = relation.compiler.fresh()
        made.columns.append(exp.alias_(value.sql.copy(), key, quoted=True))
        made.names[item.name] = Value(exp.column(key, quoted=True), value.kind, bits=value.bits, plain=value.plain)
    select = relation.select(*made.columns)
    if made.groups:
        select.set("group", exp.Group(expressions=[exp.Literal.number(place + 1) for place in range(made.groups)]))
    done = Relation(
        relation.compiler, exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(relation.compiler.fresh()))),
        None, names=made.names, order=made.order, event=False, binned=made.binned,
    )  # fmt: skip
    done.default = tuple(made.names)
    done.groups = tuple(item.name for item in _groups(stage))
    return done


def _groups(stage: Stats) -> list[Item]:
    """Return what is grouped by: what `by` says, and the bucket of a histogram."""
    buckets = [
        Item(item.expr, "bucket", True, item.start, item.end)
        for item in stage.items
        if isinstance(item.expr, Call) and item.expr.key == "histogram"
    ]
    return [*stage.by, *buckets]


def _group_value(relation: Relation, stage: Stats, item: Item) -> Value:
    reading = Reading(relation)
    expr = item.expr
    if isinstance(expr, Call) and expr.key == "histogram" and item.name == "bucket":
        given, width = (kinds.real(reading.value(one)) for one in expr.arguments)
        low = exp.Mul(
            this=kinds.call(
                "floor", exp.Div(this=exp.paren(given), expression=kinds.call("nullif", width, exp.Literal.number(0)))
            ),
            expression=width,
        )
        return Value(kinds.call("cwl_finite", low), kinds.DOUBLE)
    value = reading.value(expr)
    if value.kind is LIST:
        raise reading.fault("structure", item, command="stats")
    if value.kind is kinds.JSON:
        value = kinds.scalar(value)
    if (
        isinstance(expr, Call)
        and expr.key == "bin"
        and stage.offset is not None
        and isinstance(expr.arguments[0], Period)
    ):
        shift = exp.Literal.number(periods.milliseconds(stage.offset.number, stage.offset.unit))
        period = expr.arguments[0]
        moment = exp.paren(exp.Sub(this=reading.timestamp(expr).sql.copy(), expression=shift))
        floor = floored(moment, periods.capped(period.number, period.unit), period.unit)
        return Value(exp.paren(exp.Add(this=floor, expression=shift.copy())), TIME)
    return value


def _add_group(relation: Relation, made: _Made, item: Item, value: Value) -> None:
    if item.name in made.names:
        raise Reading(relation).fault("name_twice", item, name=item.name)
    key = relation.compiler.fresh()
    column = exp.column(key, quoted=True)
    if value.kind is TEXT and value.raw is not None and value.total:
        # Grouped as the lake has it, null for "-"; what is shown is made of the groups.
        made.columns.append(exp.alias_(value.raw.copy(), key, quoted=True))
        sql: exp.Expr = exp.Coalesce(this=column, expressions=[exp.Literal.string("-")])
        made.names[item.name] = Value(
            sql, TEXT, raw=column.copy(), total=True, plain=value.plain, address=value.address
        )
    else:
        made.columns.append(exp.alias_(value.sql.copy(), key, quoted=True))
        dash, bits = value.number_dash, value.bits
        made.names[item.name] = Value(column, value.kind, bits=bits, number_dash=dash, plain=value.plain)
    made.groups += 1
    rank = Order(column.copy())
    if isinstance(item.expr, Call) and item.expr.key == "bin" and isinstance(item.expr.arguments[0], Period):
        period = item.expr.arguments[0]
        made.binned = (item.name, periods.capped(period.number, period.unit), period.unit)
        made.order.insert(0, rank)
    else:
        made.order.append(rank)


def _check(relation: Relation, stage: Stats, item: Item) -> None:
    """Refuse functions where they make no sense."""
    for call in _calls(item.expr):
        binned = any(isinstance(group.expr, Call) and group.expr.key == "bin" for group in stage.by)
        if call.key in _OVER_TIME and not binned:
            raise Reading(relation).fault("needs_bin", call, name=call.function)
        if call.key == "topk" and (stage.by or len(stage.items) > 1):
            raise Reading(relation).fault("topk_alone", call)


def _calls(node: object) -> list[Call]:
    found = [node] if isinstance(node, Call) else []
    for name in ("arguments", "left", "right", "operand"):
        inner = getattr(node, name, ())
        for one in inner if isinstance(inner, tuple) else (inner,):
            found += _calls(one)
    return found


COMMAND: Final = Command(
    "stats",
    ("stats aggregate [as name] [, …] [by field [as name] [, …]] [offset period]",),
    "Counts, sums and so on: over all records, or for each combination of what stands behind `by`: fields, expressions, `bin(period)`. "
    "Only its outputs exist afterwards. Arithmetic may be done with aggregates, and an item may use the names of earlier ones. Columns "
    "are the groups, then the aggregates; without `as` they are called as they are written. Without `by` there is one row, even where no "
    "record is left. A missing value is a group of its own. Groups without records, such as empty bins, are no rows. Rows come by bin, "
    "then by the other groups, unless they are sorted. `offset` moves the begin of bins. A query may have 10 `stats`; `sort` and `limit` "
    "stand after the last one.",
    parse,
    compile_,
    (
        Example(
            "stats count(*) as n, sum(b) / n as mean by a",
            ({"a": "x", "b": "1"}, {"a": "x", "b": "2"}, {"a": "y"}),
            "a | n | mean\nx | 2 | 1.5\ny | 1 | ",
        ),
        Example(
            "stats count(*) by bin(1m)",
            (
                {"@timestamp": "2026-11-24 02:15:59.999"},
                {"@timestamp": "2026-11-24 02:17:00.000"},
                {"@timestamp": "2026-11-24 02:15:00.000"},
            ),
            "bin(1m) | count(*)\n2026-11-24 02:15:00.000 | 2\n2026-11-24 02:17:00.000 | 1",
        ),
        Example("filter a = 9 | stats count(*), sum(a)", ({"a": "1"},), "count(*) | sum(a)\n0 | "),
        Example("stats count(*) as n by a | stats max(n)", ({"a": "x"}, {"a": "x"}, {"a": "y"}), "max(n)\n2"),
        Example(
            "stats count(*) by bin(1h) offset 30m",
            ({"@timestamp": "2026-11-24 02:15:00.000"}, {"@timestamp": "2026-11-24 02:45:00.000"}),
            "bin(1h) | count(*)\n2026-11-24 01:30:00.000 | 1\n2026-11-24 02:30:00.000 | 1",
        ),
    ),
)
