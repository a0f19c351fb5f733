"""What commands that add columns have in common: windows over rows in their order, columns that become part of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import INT, Value
from vpcflow.query.insights.operators import ROW
from vpcflow.query.insights.relation import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.insights.relation import Relation
    from vpcflow.query.insights.syntax import Field


def numbered(relation: Relation) -> exp.Expr:
    """Settle the order of rows, and return their numbers: two events of one millisecond stay as they stood for every window."""
    (only,) = relation.order if len(relation.order) == 1 else (None,)
    if only is not None and not only.descending and isinstance(only.sql, exp.Column) and only.sql.name.startswith(ROW):
        return only.sql.copy()
    key = f"{ROW}_{relation.compiler.fresh()}"
    number = exp.Window(this=exp.RowNumber())
    if relation.order:
        number.set("order", exp.Order(expressions=[one.node for one in relation.order]))
    relation.nest(exp.alias_(number, key, quoted=True))
    relation.order = [Order(exp.column(key, quoted=True))]
    return exp.column(key, quoted=True)


def over(
    function: exp.Expr, order: exp.Expr | None = None, partition: Sequence[exp.Expr] = (), *, so_far: bool = False
) -> exp.Window:
    """Return *function* as a window. so_far: over the rows from the first one to this one."""
    window = exp.Window(this=function, partition_by=[one.copy() for one in partition])
    if order is not None:
        window.set("order", exp.Order(expressions=[exp.Ordered(this=order.copy(), nulls_first=False)]))
    if so_far:
        edges = {"start": "UNBOUNDED", "start_side": "PRECEDING", "end": "CURRENT ROW"}
        window.set("spec", exp.WindowSpec(kind="ROWS", **edges))
    return window


def settled(relation: Relation, *columns: exp.Expr) -> list[exp.Expr]:
    """Make columns of the source from these expressions, all of the same rows; return what to call them."""
    keys = [relation.compiler.fresh() for _ in columns]
    relation.nest(*(exp.alias_(column, key, quoted=True) for column, key in zip(columns, keys, strict=True)))
    return [exp.column(key, quoted=True) for key in keys]


def add(relation: Relation, name: str, value: Value) -> None:
    """Give *value* a name that is shown: in the place of what had it, else after the other columns."""
    if relation.displayed is not None:
        shown = dict(relation.displayed)
        shown[name] = value
        relation.displayed = list(shown.items())
    else:
        relation.show(name)
    Reading(relation).bind(name, value)


def absent(relation: Relation, field: Field) -> None:
    """Refuse to give a name that was given before."""
    if field.name in relation.names:
        raise Reading(relation).fault("name_twice", field, name=field.name)


def handed(columns: Sequence[tuple[str, Value]]) -> list[tuple[str, Value]]:
    """Return columns as an operator gets them: whole numbers have 64 bits."""
    return [
        (name, Value(kinds.integer(value), INT)) if value.kind is INT and value.bits > 63 else (name, value)
        for name, value in columns
    ]
