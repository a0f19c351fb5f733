"""Arrays, maps and rows: Trino's "Array functions", "Map functions", "Lambda expressions"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.athena.call import sql
from vpcflow.query.athena.types import BIGINT, DATE, Type, array, common

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound, Call

FUNCTIONS: Final = r"""
internal element(a array(T), i bigint) T = CASE WHEN i = 0 THEN error('SQL array indices start at 1')
  WHEN i < 0 THEN error('Array subscript is negative: ' || i)
  WHEN i > len(a) THEN error('Array subscript must be less than or equal to array length: ' || i || ' > ' || len(a)) ELSE a[i] END
internal entry(m map(K,V), k K) V = CASE WHEN m IS NULL OR k IS NULL THEN NULL WHEN NOT map_contains(m, k)
  THEN error('Key not present in map: ' || k) ELSE m[k] END
internal same_arrays(x array(T), y array(T)) boolean = CASE WHEN x IS NULL OR y IS NULL THEN NULL WHEN len(x) <> len(y) THEN false
  ELSE trino_all(list_transform(list_zip(x, y), lambda pair: pair[1] = pair[2])) END
internal map_of(pairs array(T)) map(K,V) = CASE WHEN list_unique(list_transform(pairs, lambda one: one[1])) = len(pairs)
  THEN map_from_entries(pairs) ELSE map_from_entries(list_filter(pairs,
  lambda pair, place: list_position(list_transform(pairs, lambda one: one[1]), pair[1]) = place)) END
internal once lists_of(pairs array(T), keys array(K)) map(K,V) = map(keys, list_transform(keys,
  lambda key: list_transform(list_filter(pairs, lambda pair: pair[1] = key), lambda pair: pair[2])))
internal multimap_of(pairs array(T)) map(K,V) = trino_lists_of(pairs, list_distinct(list_transform(pairs, lambda one: one[1])))
internal unioned(maps array(map(K,V))) map(K,V) = trino_map_of(flatten(list_transform(maps,
  lambda one: list_transform(map_entries(one), lambda entry: row(entry.key, entry.value)))))
internal counted(x array(T), keys array(T)) map(T,bigint) = map(keys, list_transform(keys,
  lambda key: CAST(len(list_filter(x, lambda one: one = key)) AS BIGINT)))
cardinality(x array(T)) bigint = CAST(len(x) AS BIGINT)
cardinality(x map(K,V)) bigint = CAST(len(map_keys(x)) AS BIGINT)
contains(x array(T), y T) boolean = CASE WHEN x IS NULL OR y IS NULL THEN NULL WHEN list_contains(x, y) THEN true
  WHEN len(list_filter(x, lambda one: one IS NULL)) > 0 THEN NULL ELSE false END
element_at(x array(T), i bigint) T = CASE WHEN i = 0 THEN error('SQL array indices start at 1') ELSE x[i] END
element_at(x map(K,V), k K) V = x[k]
internal joined(x array(varchar), separator varchar) varchar = array_to_string(list_filter(x, lambda one: one IS NOT NULL), separator)
internal joined_all(x array(varchar), separator varchar, other varchar) varchar = array_to_string(
  list_transform(x, lambda one: coalesce(one, other)), separator)
array_distinct(x array(T)) array(T) = list_filter(x, lambda one, place: coalesce(list_position(x, one), place) = place
  AND (one IS NOT NULL OR len(list_filter(x[1:place - 1], lambda before: before IS NULL)) = 0))
array_sort(x array(T)) array(T) = list_sort(x, 'ASC', 'NULLS LAST')
internal steps(first T, last T, step T) array(T) = CASE WHEN step = 0 THEN error('step must not be zero')
  WHEN (last < first AND step > 0) OR (last > first AND step < 0) THEN error('sequence stop value should be greater than or equal to'
  || ' start value if step is greater than zero otherwise stop should be less than or equal to start')
  ELSE generate_series(first, last, step) END
internal moments(first timestamp, last timestamp, step interval) array(timestamp) = CASE WHEN first + step = first
  THEN error('step must not be zero') WHEN (last < first AND first + step > first) OR (last > first AND first + step < first)
  THEN error('sequence stop value should be greater than or equal to'
  || ' start value if step is greater than zero otherwise stop should be less than or equal to start')
  ELSE generate_series(first, last, step) END
array_max(x array(T)) T = CASE WHEN len(list_filter(x, lambda one: one IS NULL)) > 0 THEN NULL ELSE list_max(x) END
array_min(x array(T)) T = CASE WHEN len(list_filter(x, lambda one: one IS NULL)) > 0 THEN NULL ELSE list_min(x) END
array_position(x array(T), y T) bigint = CASE WHEN x IS NULL OR y IS NULL THEN NULL ELSE CAST(coalesce(list_position(x, y), 0) AS BIGINT) END
array_remove(x array(T), y T) array(T) = CASE WHEN y IS NULL THEN NULL ELSE list_filter(x, lambda one: one IS DISTINCT FROM y) END
array_union(x array(T), y array(T)) array(T) = trino_array_distinct_0(list_concat(x, y))
array_except(x array(T), y array(T)) array(T) = trino_array_distinct_0(list_filter(x,
  lambda one: len(list_filter(y, lambda other: other IS NOT DISTINCT FROM one)) = 0))
array_intersect(x array(T), y array(T)) array(T) = trino_array_distinct_0(list_filter(x,
  lambda one: len(list_filter(y, lambda other: other IS NOT DISTINCT FROM one)) > 0))
arrays_overlap(x array(T), y array(T)) boolean = CASE WHEN list_has_any(x, y) THEN true
  WHEN len(list_filter(x, lambda one: one IS NULL)) + len(list_filter(y, lambda one: one IS NULL)) > 0 THEN NULL ELSE list_has_any(x, y) END
flatten(x array(array(T))) array(T) -> flatten
slice(x array(T), first bigint, size bigint) array(T) = CASE WHEN first = 0 THEN error('SQL array indices start at 1')
  WHEN size < 0 THEN error('length must be greater than or equal to 0')
  WHEN first > len(x) OR -first > len(x) THEN x[1:0]
  WHEN first < 0 THEN x[len(x) + first + 1:len(x) + first + size] ELSE x[first:first + size - 1] END
repeat(x T, n bigint) array(T) = CASE WHEN n < 0 THEN error('count argument of repeat function must be greater than or equal to 0')
  ELSE list_transform(range(n), lambda i: x) END
transform(x array(T), f T->U) array(U) -> list_transform
filter(x array(T), f T->boolean) array(T) -> list_filter
zip(x array(T), y array(U)) array(row(T,U)) = list_transform(list_zip(x, y), lambda pair: {'field0': pair[1], 'field1': pair[2]})
map() map(unknown,unknown) = MAP {}
map(x array(K), y array(V)) map(K,V) -> map
map_keys(x map(K,V)) array(K) -> map_keys
map_values(x map(K,V)) array(V) -> map_values
map_entries(x map(K,V)) array(row(K,V)) = list_transform(map_entries(x), lambda pair: {'field0': pair.key, 'field1': pair.value})
map_from_entries(x array(row(K,V))) map(K,V) -> map_from_entries
multimap_from_entries(x array(row(K,V))) map(K,array(V)) = trino_multimap_of(
  list_transform(x, lambda one: row(struct_extract_at(one, 1), struct_extract_at(one, 2))))
array_histogram(x array(T)) map(T,bigint) = trino_counted(x, list_distinct(x))
trim_array(x array(T), n bigint) array(T) = CASE WHEN n < 0 THEN error('size must not be negative: ' || n)
  WHEN n > len(x) THEN error('size must not exceed array cardinality ' || len(x) || ': ' || n) ELSE x[1:len(x) - n] END
contains_sequence(x array(T), y array(T)) boolean = CASE WHEN x IS NULL OR y IS NULL THEN NULL
  ELSE len(y) = 0 OR len(list_filter(range(1, len(x) - len(y) + 2), lambda i: x[i:i + len(y) - 1] = y)) > 0 END
ngrams(x array(T), n bigint) array(array(T)) = CASE WHEN n <= 0 THEN error('N must be positive') WHEN len(x) <= n THEN [x]
  ELSE list_transform(range(1, len(x) - n + 2), lambda i: x[i:i + n - 1]) END
map_concat(x map(K,V), y... map(K,V)) map(K,V) -> map_concat
"""


def _sequence(call: Call) -> Bound:
    """Numbers, dates or timestamps from one to another, both included."""
    call.takes(2, 3)
    first, last = call.arguments[:2]
    if first.type.is_integer and last.type.is_integer:
        ends = [call.binder.coerce(value, BIGINT).node for value in call.arguments]
        if len(ends) == 2:
            ends.append(_downwards(ends, exp.Literal.number(1), exp.Literal.number(-1)))
        return call.bound(sql("trino_steps", *ends), array(BIGINT))
    kind = common(first.type, last.type)
    if kind is None or not kind.is_time:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    ends = [call.binder.coerce(value, kind).node for value in (first, last)]
    days = [exp.Interval(this=exp.Literal.string(number), unit=exp.var("DAY")) for number in ("1", "-1")]
    if len(call.arguments) == 3 and not call.arguments[2].type.name.startswith("interval"):
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    step = call.arguments[2].node if len(call.arguments) == 3 else _downwards(ends, *days)
    made = sql("trino_moments", *ends, step)
    if kind == DATE:
        made = exp.cast(made, "DATE[]", dialect="duckdb")
    return call.bound(made, array(kind))


def _downwards(ends: list[exp.Expr], up: exp.Expr, down: exp.Expr) -> exp.Expr:
    """Return the step from the first end to the last where none is given."""
    falls = exp.LT(this=ends[1].copy(), expression=ends[0].copy())
    return exp.Case().when(falls, down, copy=False).else_(up, copy=False)


def _row(call: Call) -> Bound:
    call.takes(1, 1000)
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(f"field{place}"), expression=value.node)
        for place, value in enumerate(call.arguments)
    ]
    kinds = tuple(value.type for value in call.arguments)
    return call.bound(exp.Struct(expressions=fields), Type("row", inner=kinds, names=("",) * len(kinds)))


BUILDERS: Final = {"sequence": _sequence, "row": _row}
