"""What `stats` counts. Values that are missing count for nothing, and in sums and the like neither do texts that are no numbers.

Source: CloudWatch Logs User Guide, "stats", "Time-series functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds, periods
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.functions.time import period_of
from vpcflow.query.insights.kinds import DOUBLE, INT, LIST, NUMBERS, TEXT, Value, call
from vpcflow.query.insights.syntax import Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call

    Builder = Callable[[Scope, Call, list[Value]], Value]

MAX_TOPK: Final = 10_000
_SUM_BITS: Final = 40
"""A sum of a trillion values needs these bits more than one of them."""


def _count(scope: Scope, node: Call, values: list[Value]) -> Value:
    del scope, node
    if not values or values[0].total or values[0].const is not None:
        return Value(exp.Count(this=exp.Star()), INT)
    if values[0].kind is kinds.NOTHING:
        return Value(exp.Count(this=exp.Null()), INT)
    return Value(exp.Count(this=values[0].sql.copy()), INT)


def _count_distinct(scope: Scope, node: Call, values: list[Value]) -> Value:
    value = values[0]
    taken = value.sql.copy() if value.kind in NUMBERS else kinds.text(_scalar(scope, node, value))
    return Value(exp.Count(this=exp.Distinct(expressions=[taken])), INT)


def _scalar(scope: Scope, node: Call, value: Value) -> Value:
    """Return *value*; a list made by a function is refused, as AWS refuses maps and lists in stats."""
    if value.kind is LIST:
        raise scope.fault("structure", node, command="stats")
    return kinds.scalar(value)


def _sum(scope: Scope, node: Call, values: list[Value]) -> Value:
    given = kinds.as_number(_scalar(scope, node, values[0]))
    if given.kind is INT and given.bits + _SUM_BITS <= 126:
        return Value(exp.Sum(this=given.sql.copy()), INT, bits=given.bits + _SUM_BITS)
    return Value(call("cwl_finite", exp.Sum(this=kinds.real(given))), DOUBLE)


def _numeric(name: str) -> Builder:
    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        given = kinds.as_number(_scalar(scope, node, values[0]))
        return Value(call(name, given.sql if name == "avg" and given.bits <= 63 else kinds.real(given)), DOUBLE)

    return build


def _extreme(name: str) -> Builder:
    """Build min and max: of the numbers where there are any, else of the texts in sort order."""

    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        value = _scalar(scope, node, values[0])
        if value.kind in NUMBERS:
            return kinds.unlike(Value(call(name, value.sql), value.kind, bits=value.bits))
        written = kinds.text(value)
        of_texts = call(f"arg_{name}", written, call("cwl_natural", written))
        if value.plain:
            return Value(of_texts, TEXT)
        of_numbers = call(f"arg_{name}", written, call("cwl_number", written))
        return Value(exp.Coalesce(this=of_numbers, expressions=[of_texts]), TEXT)

    return build


def _sorts(name: str) -> Builder:
    """Build sortsFirst and sortsLast: texts stand before numbers."""

    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        value = _scalar(scope, node, values[0])
        if value.kind in NUMBERS:
            return kinds.unlike(Value(call(name, value.sql), value.kind, bits=value.bits))
        written = kinds.text(value)
        if value.plain:
            return Value(call(f"arg_{name}", written, call("cwl_natural", written)), TEXT)
        of_texts = call(f"arg_{name}", written, call("cwl_word_key", written))
        of_numbers = call(f"arg_{name}", written, call("cwl_number", written))
        first, second = (of_texts, of_numbers) if name == "min" else (of_numbers, of_texts)
        return Value(exp.Coalesce(this=first, expressions=[second]), TEXT)

    return build


def _percentile(scope: Scope, node: Call, values: list[Value]) -> Value:
    share = node.arguments[1]
    if not (isinstance(share, Literal) and isinstance(share.value, (int, float)) and 0 <= share.value <= 100):
        raise scope.fault("percentile", share)
    given = kinds.as_number(_scalar(scope, node, values[0]))
    sql = call("quantile_disc", given.sql, kinds.double(share.value / 100))
    return Value(sql, given.kind, bits=given.bits)


def _values(scope: Scope, node: Call, values: list[Value]) -> Value:
    return Value(call("cwl_values", kinds.text(_scalar(scope, node, values[0]))), LIST)


def _topk(scope: Scope, node: Call, values: list[Value]) -> Value:
    size = node.arguments[0]
    if not (isinstance(size, Literal) and type(size.value) is int and 1 <= size.value <= MAX_TOPK):
        raise scope.fault("topk", size, most=f"{MAX_TOPK:,}")
    value = _scalar(scope, node, values[1])
    return Value(call("cwl_topk", exp.Literal.number(size.value), kinds.text(value)), LIST)


def _ends(name: str) -> Builder:
    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        value = _scalar(scope, node, values[0])
        found = call(name, value.sql, scope.timestamp(node).sql)
        kind = INT if value.kind is kinds.TIME else value.kind
        return kinds.unlike(Value(found, kind, bits=value.bits, plain=value.plain))

    return build


def _rate(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    value = kinds.real(_scalar(scope, node, scope.value(node.arguments[0])))
    time = scope.timestamp(node).sql
    length = exp.Literal.number(periods.milliseconds(*period_of(scope, node.arguments[1])))
    return Value(call("cwl_rate", call("arg_max", value, time), call("arg_min", value, time),
                      call("max", time), call("min", time), length), DOUBLE)  # fmt: skip


HELPERS: Final = {
    "cwl_values(t)": "CASE WHEN count(t) > 0 THEN CAST(to_json(list(DISTINCT t ORDER BY t) FILTER (t IS NOT NULL)) AS VARCHAR) END",
    "cwl_topk(k, t)": (
        "CASE WHEN count(t) > 0 THEN CAST(to_json(list_transform(list_sort(list_transform(map_entries(histogram(t)), "
        "lambda e: {'n': -CAST(e.value AS BIGINT), 'k': e.key}))[1:k], lambda e: e.k)) AS VARCHAR) END"
    ),
    "cwl_rate(last, first, until, since, p)": "cwl_finite((last - first) * p / nullif(until - since, 0))",
    "cwl_word_key(t)": "CASE WHEN cwl_number(t) IS NULL THEN cwl_natural(t) END",
}
"""Macros of this family."""

FUNCTIONS: Final = (
    Function(
        "count", "f?: any", INT, "How many records: all with `count(*)` and `count()`, with a field those that have it.",
        (("count(*)", "3"), ("count(a)", "2"), ("count(missing)", "0")), build=_count, aggregate=True,
    ),
    Function(
        "countDistinct", "f: any", INT, "How many different values, counted exactly.",
        (("countDistinct(a)", "2"), ("count_distinct(b)", "1"), ("countDistinct(missing)", "0")),
        build=_count_distinct, aliases=("count_distinct",), aggregate=True,
    ),
    Function(
        "sum", "f: number", DOUBLE, "The sum, exact for whole numbers of flow logs; nothing over none.",
        (("sum(n)", "6.5"), ("sum(a)", ""), ("sum(n) * 2", "13")), build=_sum, aggregate=True,
    ),
    Function(
        "avg", "f: number", DOUBLE, "The mean.", (("avg(n)", "3.25"), ("avg(missing)", "")), build=_numeric("avg"), aggregate=True,
    ),
    Function(
        "min", "f: any", TEXT, "The smallest number, or where there are none the first text in sort order.",
        (("min(n)", "2.5"), ("min(a)", "x2")), build=_extreme("min"), aggregate=True,
    ),
    Function(
        "max", "f: any", TEXT, "The largest number, or where there are none the last text in sort order.",
        (("max(n)", "4"), ("max(a)", "x10")), build=_extreme("max"), aggregate=True,
    ),
    Function(
        "pct", "f: number, p: number", DOUBLE, "The percentile *p* (0 to 100, written out): the value at that rank, exactly.",
        (("pct(n, 50)", "2.5"), ("pct(n, 99)", "4")), build=_percentile, aggregate=True,
    ),
    Function(
        "stddev", "f: number", DOUBLE, "The standard deviation of all values, not of a sample of them.",
        (("stddev(n)", "0.75"), ("stddev(missing)", "")), build=_numeric("stddev_pop"), aggregate=True,
    ),
    Function(
        "variance", "f: number", DOUBLE, "The variance of all values, not of a sample of them.",
        (("variance(n)", "0.5625"), ("variance(a)", "")), build=_numeric("var_pop"), aggregate=True,
    ),
    Function(
        "values", "f: any", LIST, "The different values, as an array.",
        (("values(a)", '["x10","x2"]'), ("values(missing)", "")), build=_values, aliases=("collect_values",), aggregate=True,
    ),
    Function(
        "topk", "k: number, f: any", LIST,
        "The *k* most frequent values (1 to 10,000), as an array; alone in its `stats`, without `by`.",
        (("topk(1, b)", '["y"]'), ("topk(2, a)", '["x10","x2"]')), build=_topk, aggregate=True,
    ),
    Function(
        "earliest", "f: any", TEXT, "The field of the group's oldest record.",
        (("earliest(b)", ""), ("earliest(@timestamp)", "1000")), build=_ends("arg_min_null"), aggregate=True,
    ),
    Function(
        "latest", "f: any", TEXT, "The field of the group's newest record.",
        (("latest(b)", "y"), ("latest(n)", "4")), build=_ends("arg_max_null"), aggregate=True,
    ),
    Function(
        "sortsFirst", "f: any", TEXT, "The value that `sort` puts first: texts stand before numbers.",
        (("sortsFirst(a)", "x2"), ("sortsFirst(n)", "2.5")), build=_sorts("min"), aggregate=True,
    ),
    Function(
        "sortsLast", "f: any", TEXT, "The value that `sort` puts last.",
        (("sortsLast(a)", "x10"), ("sortsLast(n)", "4")), build=_sorts("max"), aggregate=True,
    ),
    Function(
        "rate", "f: number, period: period", DOUBLE,
        "How much the field changes in a period: from the oldest record's value to the newest's.",
        (("rate(n, 1s)", "0.75"), ("rate(missing, 1s)", "")), build=_rate, lazy=True, aggregate=True,
    ),
    Function(
        "countOverTime", "f?: any", INT, "As `count`, for each bin: with `by bin()`.",
        (("countOverTime(a)", "2"), ("count_over_time(*)", "3")), build=_count, aliases=("count_over_time",), aggregate=True,
    ),
    Function(
        "sumOverTime", "f: number", DOUBLE, "As `sum`, for each bin: with `by bin()`.",
        (("sumOverTime(n)", "6.5"), ("sum_over_time(n)", "6.5")), build=_sum, aliases=("sum_over_time",), aggregate=True,
    ),
    Function(
        "histogram", "f: number, width: number", INT,
        "How many records in each bucket of this width; rows are grouped by the bucket's lower end, as AWS was seen to do.",
        (("histogram(n, 10)", "2"),), build=_count, aggregate=True,
    ),
)  # fmt: skip
