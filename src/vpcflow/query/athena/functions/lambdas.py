"""Functions that take a lambda and that no line can say: Trino's "Lambda expressions", "Map functions".

DuckDB's lambdas take an element and its place. A lambda over a map's entries, or over two arrays, becomes one over the pairs: its
parameters are replaced by what they are of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlglot import exp

from vpcflow.query.athena.call import Bound, number, sql, text
from vpcflow.query.athena.types import BOOLEAN, INTEGER, UNKNOWN, Type, array, common, duckdb

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.errors import QueryError
    from vpcflow.query.athena.binder import Scope

FUNCTIONS: Final = r"""
internal any(x array(boolean)) boolean = CASE WHEN list_contains(x, true) THEN true
  WHEN len(list_filter(x, lambda one: one IS NULL)) > 0 OR x IS NULL THEN NULL ELSE false END
internal all(x array(boolean)) boolean = CASE WHEN list_contains(x, false) THEN false
  WHEN len(list_filter(x, lambda one: one IS NULL)) > 0 OR x IS NULL THEN NULL ELSE true END
internal none(x array(boolean)) boolean = NOT trino_any(x)
internal keys_of_both(x map(K,V), y map(K,W)) array(K) = CASE WHEN x IS NULL OR y IS NULL THEN NULL
  ELSE list_concat(map_keys(x), list_filter(map_keys(y), lambda one: NOT map_contains(x, one))) END
"""


class Applies(Protocol):
    """What the binder does for a lambda."""

    def applied(self, node: exp.Expr, kinds: tuple[Type, ...], scope: Scope) -> tuple[exp.Expr, Bound]:
        """Bind a lambda whose parameters have *kinds*; return DuckDB's lambda and its body."""
        ...

    def coerce(self, value: Bound, wanted: Type) -> Bound:
        """Return *value* as *wanted*, which it becomes by itself."""
        ...

    def fail(self, code: str, node: exp.Expr, **values: object) -> QueryError:
        """Return an error that underlines *node*."""
        ...


@dataclass(frozen=True, slots=True)
class Lambdas:
    """One call. bound: the arguments that are no lambdas; written: the lambdas."""

    binder: Applies
    name: str
    bound: tuple[Bound, ...]
    written: tuple[exp.Expr, ...]
    node: exp.Expr
    scope: Scope

    def apply(self, place: int, *kinds: Type) -> tuple[exp.Expr, Bound]:
        """Bind the lambda at *place*, its parameters of *kinds*."""
        return self.binder.applied(self.written[place], kinds, self.scope)

    def differ(self) -> QueryError:
        """Return the error for arguments of wrong types."""
        told = ", ".join([*(str(value.type) for value in self.bound), *("lambda" for _ in self.written)])
        return self.binder.fail("query.arguments", self.node, name=self.name, given=told)


def _maps(call: Lambdas, count: int) -> list[tuple[Type, Type]]:
    if len(call.bound) != count or any(value.type.name != "map" for value in call.bound):
        raise call.differ()
    return [(value.type.inner[0], value.type.inner[1]) for value in call.bound]


def _over_entries(call: Lambdas) -> tuple[exp.Expr, Bound]:
    """Bind (key, value) → … as a lambda over the map's entries."""
    key, value = _maps(call, 1)[0]
    made, body = call.apply(0, key, value)
    return _paired(
        made, body, lambda entry: [sql("struct_extract", entry.copy(), text(one)) for one in ("key", "value")]
    )


def _paired(made: exp.Expr, body: Bound, parts: Callable[[exp.Expr], list[exp.Expr]]) -> tuple[exp.Expr, Bound]:
    """Make a lambda of several parameters one of one parameter, whose *parts* they are."""
    names = [str(part.name) for part in made.expressions]
    # A name that no other lambda of the question has: names of columns are given, these are counted.
    entry = exp.to_identifier(f"entry {'·'.join(names)} {_depth(body.node)}", quoted=True)
    values = dict(zip(names, parts(exp.Column(this=entry)), strict=True))
    inner = _replaced(body.node, values)
    return exp.Lambda(this=inner, expressions=[entry.copy()]), Bound(inner, body.type, body.written)


def _depth(node: exp.Expr) -> int:
    return sum(1 for _ in node.find_all(exp.Lambda))


def _replaced(node: exp.Expr, values: dict[str, exp.Expr]) -> exp.Expr:
    """Put *values* in the place of parameters, but not where an inner lambda has a parameter of the same name."""
    if isinstance(node, exp.Column) and not node.table and node.name in values:
        return values[node.name].copy()
    if isinstance(node, exp.Lambda):
        hidden = {part.name for part in node.expressions}
        node.set("this", _replaced(node.this, {name: value for name, value in values.items() if name not in hidden}))
        return node
    for key, part in list(node.args.items()):
        if isinstance(part, exp.Expr):
            node.set(key, _replaced(part, values))
        elif isinstance(part, list):
            node.set(key, [_replaced(one, values) if isinstance(one, exp.Expr) else one for one in part])
    return node


def _map_filter(call: Lambdas) -> Bound:
    made, body = _over_entries(call)
    if body.type not in (BOOLEAN, UNKNOWN):
        raise call.differ()
    entries = sql("list_filter", sql("map_entries", call.bound[0].node), made)
    return Bound(sql("map_from_entries", entries), call.bound[0].type, call.node)


def _transform_values(call: Lambdas) -> Bound:
    made, body = _over_entries(call)
    held = call.bound[0]
    values = sql("list_transform", sql("map_entries", held.node), made)
    kind = Type("map", inner=(held.type.inner[0], body.type))
    return Bound(sql("map", sql("map_keys", held.node.copy()), values), kind, call.node)


def _transform_keys(call: Lambdas) -> Bound:
    made, body = _over_entries(call)
    held = call.bound[0]
    keys = sql("list_transform", sql("map_entries", held.node), made)
    kind = Type("map", inner=(body.type, held.type.inner[1]))
    return Bound(sql("map", keys, sql("map_values", held.node.copy())), kind, call.node)


def _map_zip_with(call: Lambdas) -> Bound:
    """The lambda gets a key and its value in either map, null where a map has no such key."""
    (key, first), (other, second) = _maps(call, 2)
    kind = common(key, other)
    if kind is None:
        raise call.differ()
    one, two = (value.node for value in call.bound)
    made, body = call.apply(0, kind, first, second)
    over, body = _paired(
        made,
        body,
        lambda held: [held.copy(), *(sql("map_extract_value", side.copy(), held.copy()) for side in (one, two))],
    )
    keys = sql("trino_keys_of_both", one.copy(), two.copy())
    values = sql("list_transform", keys.copy(), over)
    return Bound(sql("map", keys, values), Type("map", inner=(kind, body.type)), call.node)


def _zip_with(call: Lambdas) -> Bound:
    """The shorter array goes on with nulls; null if an array is."""
    if len(call.bound) != 2 or any(value.type.name not in ("array", "unknown") for value in call.bound):
        raise call.differ()
    made, body = call.apply(0, *(value.type.inner[0] if value.type.inner else UNKNOWN for value in call.bound))
    one, two = (value.node for value in call.bound)
    over, body = _paired(made, body, lambda pair: [sql("struct_extract_at", pair.copy(), number(at)) for at in (1, 2)])
    zipped = sql("list_transform", sql("list_zip", one, two), over)
    absent = exp.or_(*(exp.Is(this=side.copy(), expression=exp.Null()) for side in (one, two)), copy=False)
    return Bound(exp.Case().when(absent, exp.Null(), copy=False).else_(zipped, copy=False), array(body.type), call.node)


def _matches(macro: str) -> Callable[[Lambdas], Bound]:
    def build(call: Lambdas) -> Bound:
        if len(call.bound) != 1 or call.bound[0].type.name != "array":
            raise call.differ()
        made, body = call.apply(0, call.bound[0].type.inner[0])
        if body.type not in (BOOLEAN, UNKNOWN):
            raise call.differ()
        return Bound(sql(macro, sql("list_transform", call.bound[0].node, made)), BOOLEAN, call.node)

    return build


def _reduce(call: Lambdas) -> Bound:
    """reduce(array, start, (state, x) → state, state → result)."""
    if len(call.bound) != 2 or call.bound[0].type.name != "array":
        raise call.differ()
    held, start = call.bound
    step, state = call.apply(0, start.type, held.type.inner[0])
    if common(start.type, state.type) != start.type:
        # The state grows to what the lambda makes of it.
        start = call.binder.coerce(start, state.type)
        step, state = call.apply(0, start.type, held.type.inner[0])
    begun = exp.cast(start.node, duckdb(start.type), dialect="duckdb")
    last, result = call.apply(1, start.type)
    if duckdb(start.type) == duckdb(held.type.inner[0]):
        reduced = sql("list_reduce", held.node, step, begun)
    else:
        reduced = _apart(held, step, begun, start.type)
    made = sql("list_extract", sql("list_transform", exp.Array(expressions=[reduced]), last), number(1))
    return Bound(made, result.type, call.node)


def _apart(held: Bound, step: exp.Expr, begun: exp.Expr, kind: Type) -> exp.Expr:
    """Reduce where state and elements have different types: DuckDB wants one, so each is a field of a pair."""
    state, element = (str(part.name) for part in step.expressions)
    names = [exp.to_identifier(f"{name} pair", quoted=True) for name in (state, element)]
    one = exp.to_identifier("one")

    def pair(first: exp.Expr, second: exp.Expr) -> exp.Expr:
        return exp.Struct(expressions=[
            exp.PropertyEQ(this=exp.to_identifier("state"), expression=first),
            exp.PropertyEQ(this=exp.to_identifier("element"), expression=second),
        ])  # fmt: skip

    parts = {
        state: sql("struct_extract", exp.Column(this=names[0].copy()), text("state")),
        element: sql("struct_extract", exp.Column(this=names[1].copy()), text("element")),
    }
    absent = [exp.cast(exp.Null(), duckdb(one), dialect="duckdb") for one in (kind, held.type.inner[0])]
    whole = exp.DataType.build(f"STRUCT(state {duckdb(kind)}, element {duckdb(held.type.inner[0])})", dialect="duckdb")
    stepped = pair(_replaced(step.this, parts), absent[1].copy())
    over = exp.Lambda(this=exp.Cast(this=stepped, to=whole), expressions=names)
    elements = sql(
        "list_transform", held.node, exp.Lambda(this=pair(absent[0], exp.Column(this=one)), expressions=[one.copy()])
    )
    return sql("struct_extract", sql("list_reduce", elements, over, pair(begun, absent[1])), text("state"))


def _array_sort(call: Lambdas) -> Bound:
    """Sort by a lambda of two elements, which is below, at or above 0: each is put where it belongs among those before it."""
    if len(call.bound) != 1 or call.bound[0].type.name != "array":
        raise call.differ()
    held = call.bound[0]
    element = held.type.inner[0]
    made, body = call.apply(0, element, element)
    if common(body.type, INTEGER) != INTEGER:
        raise call.differ()
    before, one = (str(part.name) for part in made.expressions)
    pair, sorted_ = exp.to_identifier(f"{one} pair", quoted=True), exp.to_identifier(f"{before} sorted", quoted=True)
    test = _replaced(body.node, {one: sql("list_extract", exp.Column(this=pair.copy()), number(1))})
    least = exp.LTE(this=exp.paren(test), expression=number(0))
    halves = [
        sql("list_filter", exp.Column(this=sorted_.copy()), exp.Lambda(
            this=half, expressions=[exp.to_identifier(before, quoted=True)]))
        for half in (least, exp.Not(this=exp.paren(least.copy())))
    ]  # fmt: skip
    step = exp.Lambda(
        this=sql("list_concat", halves[0], exp.Column(this=pair.copy()), halves[1]), expressions=[sorted_, pair.copy()]
    )
    single = exp.Lambda(this=exp.Array(expressions=[exp.column("one")]), expressions=[exp.to_identifier("one")])
    empty = exp.cast(exp.Array(expressions=[]), duckdb(held.type), dialect="duckdb")
    return Bound(sql("list_reduce", sql("list_transform", held.node, single), step, empty), held.type, call.node)


LAMBDAS: Final = {
    "any_match": (1, _matches("trino_any")), "all_match": (1, _matches("trino_all")),
    "none_match": (1, _matches("trino_none")), "reduce": (2, _reduce), "map_filter": (1, _map_filter),
    "transform_values": (1, _transform_values), "transform_keys": (1, _transform_keys),
    "map_zip_with": (1, _map_zip_with), "array_sort": (1, _array_sort), "zip_with": (1, _zip_with),
}  # fmt: skip
"""Name → how many lambdas it takes (after its other arguments), and its builder."""
