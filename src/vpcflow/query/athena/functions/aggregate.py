"""Aggregates: Trino's "Aggregate functions"."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.athena.call import sql
from vpcflow.query.athena.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, Type, array, duckdb

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound, Call

FUNCTIONS: Final = r"""
aggregate count() bigint -> count
aggregate count(x T) bigint -> count
aggregate sum(x bigint) bigint -> sum
aggregate sum(x real) real -> sum
aggregate sum(x decimal) decimal(38) -> sum
aggregate sum(x double) double -> sum
aggregate avg(x decimal) =1 -> avg
aggregate avg(x double) double -> avg
aggregate avg(x real) real -> avg
aggregate min(x T) T -> min
aggregate min(x T, n bigint) array(T) -> min
aggregate max(x T) T -> max
aggregate max(x T, n bigint) array(T) -> max
aggregate arbitrary(x T) T -> any_value
aggregate any_value(x T) T -> any_value
aggregate array_agg(x T) array(T) -> list
aggregate bool_and(x boolean) boolean -> bool_and
aggregate every(x boolean) boolean -> bool_and
aggregate bool_or(x boolean) boolean -> bool_or
aggregate stddev(x double) double -> stddev_samp
aggregate stddev_samp(x double) double -> stddev_samp
aggregate stddev_pop(x double) double -> stddev_pop
aggregate variance(x double) double -> var_samp
aggregate var_samp(x double) double -> var_samp
aggregate var_pop(x double) double -> var_pop
aggregate corr(y real, x real) real -> corr
aggregate corr(y double, x double) double -> corr
aggregate covar_pop(y real, x real) real -> covar_pop
aggregate covar_pop(y double, x double) double -> covar_pop
aggregate covar_samp(y real, x real) real -> covar_samp
aggregate covar_samp(y double, x double) double -> covar_samp
aggregate regr_slope(y real, x real) real -> regr_slope
aggregate regr_slope(y double, x double) double -> regr_slope
aggregate regr_intercept(y real, x real) real -> regr_intercept
aggregate regr_intercept(y double, x double) double -> regr_intercept
aggregate skewness(x double) double -> skewness
aggregate kurtosis(x double) double -> kurtosis
aggregate geometric_mean(x double) double -> geomean
aggregate bitwise_and_agg(x bigint) bigint -> bit_and
aggregate bitwise_or_agg(x bigint) bigint -> bit_or
aggregate histogram(x T) map(T,bigint) -> histogram
aggregate regr_count(y double, x double) bigint -> regr_count
internal values_of(pairs array(T)) array(T) = list_transform(pairs, lambda pair: pair.field0)
internal most_frequent(counts map(T,bigint), n bigint) map(T,bigint) = map_from_entries(list_transform(list_sort(list_transform(
  map_entries(counts), lambda one: {'n': -CAST(one.value AS BIGINT), 'key': one.key}))[1:n], lambda one: {'key': one.key, 'value': -one.n}))
"""

AGGREGATES: Final = (
    "approx_distinct", "approx_percentile", "approx_most_frequent", "map_agg", "multimap_agg", "map_union", "max_by", "min_by",
    "grouping", "count_if",
)  # fmt: skip
"""Aggregates that builders make."""


def _approx_distinct(call: Call) -> Bound:
    """An exact count: Trino's may be off by 2.3 %."""
    call.takes(1, 2)
    return call.bound(exp.Count(this=exp.Distinct(expressions=[call.arguments[0].node])), BIGINT)


def _approx_percentile(call: Call) -> Bound:
    """A value that is there, the nearest above the share asked for, as Trino's digest gives it on few values."""
    call.takes(2)
    value, share = call.arguments
    if not value.type.is_number:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    kind = BIGINT if value.type.is_integer else DOUBLE
    several = share.type.name == "array"
    shares = [_from_above(call, one) for one in (share.written.expressions if several else [share.written])]
    result = array(kind) if several else kind
    wanted = exp.Array(expressions=shares) if several else shares[0]
    node = sql("quantile_disc", call.binder.coerce(value, kind).node, wanted)
    return call.bound(exp.cast(node, duckdb(result), dialect="duckdb"), result)


def _from_above(call: Call, share: exp.Expr) -> exp.Expr:
    """Return a share for quantile_disc that counts from the largest value down, as a digest rounds up."""
    if not isinstance(share, exp.Literal) or share.is_string:
        raise call.binder.fail("query.share", share)
    rest = 1 - Decimal(share.this)
    if not 0 <= rest <= 1:
        raise call.binder.fail("query.share", share)
    return exp.Literal.number(f"-{rest:f}") if rest else exp.Literal.number("1.0")


def _map_agg(call: Call) -> Bound:
    """A map of the first value of each key, or of all values of each; a null key is left out."""
    call.takes(2)
    key, value = call.arguments
    several = call.name == "multimap_agg"
    kind = Type("map", inner=(key.type, array(value.type) if several else value.type))
    pairs = _known(sql("list", sql("row", key.node, value.node)), key)
    return call.bound(sql("trino_multimap_of" if several else "trino_map_of", pairs), kind)


def _known(aggregate: exp.Expr, value: Bound) -> exp.Expr:
    """Leave rows out whose *value* is null."""
    known = exp.not_(exp.Is(this=value.node.copy(), expression=exp.Null()), copy=False)
    return exp.Filter(this=aggregate, expression=exp.Where(this=known))


def _map_union(call: Call) -> Bound:
    """All entries of all maps, the first of each key."""
    call.takes(1)
    value = call.arguments[0]
    if value.type.name != "map":
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    return call.bound(sql("trino_unioned", _known(sql("list", value.node), value)), value.type)


def _by(call: Call) -> Bound:
    """max_by(x, y), min_by(x, y): x of the row with most (least) y; with n those of n rows, in order."""
    call.takes(2, 3)
    value, by = call.arguments[:2]
    name = "arg_max" if call.name == "max_by" else "arg_min"
    if len(call.arguments) == 2:
        return call.bound(sql(f"{name}_null", value.node, by.node), value.type)
    count = call.binder.coerce(call.arguments[2], BIGINT)
    # As a field the value may be null: DuckDB's own takes no nulls.
    held = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier("field0"), expression=value.node)])
    return call.bound(sql("trino_values_of", sql(name, held, by.node, count.node)), array(value.type))


def _approx_most_frequent(call: Call) -> Bound:
    """The most frequent values with their counts, exactly: Trino's are estimates."""
    call.takes(3)
    most, value, _ = call.arguments
    counts = sql("histogram", value.node)
    node = sql("trino_most_frequent", counts, call.binder.coerce(most, BIGINT).node)
    return call.bound(node, Type("map", inner=(value.type, BIGINT)))


def _count_if(call: Call) -> Bound:
    """How many are true; 0 of none (DuckDB's own count_if of no rows is null)."""
    call.takes(1)
    test = call.binder.coerce(call.arguments[0], BOOLEAN)
    return call.bound(sql("count", exp.Case().when(test.node, exp.Literal.number(1), copy=False)), BIGINT)


def _grouping(call: Call) -> Bound:
    call.takes(1, 30)
    return call.bound(exp.Anonymous(this="grouping", expressions=[one.node for one in call.arguments]), INTEGER)


BUILDERS: Final = {
    "approx_distinct": _approx_distinct,
    "approx_percentile": _approx_percentile,
    "approx_most_frequent": _approx_most_frequent,
    "map_agg": _map_agg,
    "multimap_agg": _map_agg,
    "map_union": _map_union,
    "max_by": _by,
    "min_by": _by,
    "grouping": _grouping,
    "count_if": _count_if,
}
