"""Conditional expressions: Trino's "Conditional expressions", "Comparison functions"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.athena.call import sql, text
from vpcflow.query.athena.types import UNKNOWN, VARCHAR, common

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound, Call
    from vpcflow.query.athena.types import Type


def shared(call: Call, values: tuple[Bound, ...]) -> tuple[list[exp.Expr], Type]:
    """Return *values* in the type that all of them become."""
    kind = UNKNOWN
    for value in values:
        found = common(kind, value.type)
        if found is None:
            raise call.binder.fail("query.types_differ", value.written, one=kind, other=value.type)
        kind = found
    return [call.binder.coerce(value, kind).node for value in values], kind


def _coalesce(call: Call) -> Bound:
    call.takes(2, 1000)
    nodes, kind = shared(call, call.arguments)
    return call.bound(exp.Coalesce(this=nodes[0], expressions=nodes[1:]), kind)


def _extreme(call: Call) -> Bound:
    """Greatest or least; null if any is null (DuckDB leaves nulls out)."""
    call.takes(1, 1000)
    nodes, kind = shared(call, call.arguments)
    absent = exp.or_(*(exp.Is(this=node.copy(), expression=exp.Null()) for node in nodes), copy=False)
    return call.bound(exp.Case().when(absent, exp.Null(), copy=False).else_(sql(call.name, *nodes), copy=False), kind)


def _nullif(call: Call) -> Bound:
    call.takes(2)
    nodes, _ = shared(call, call.arguments)
    same = exp.EQ(this=nodes[0], expression=nodes[1])
    first = call.arguments[0]
    return call.bound(exp.Case().when(same, exp.Null(), copy=False).else_(first.node.copy(), copy=False), first.type)


def _try(call: Call) -> Bound:
    call.takes(1)
    value = call.arguments[0]
    for part in value.node.find_all(exp.Anonymous):
        # TRY takes no volatile functions, and error() is one: these macros have twins that fail otherwise.
        part.set("this", re.sub(r"^trino_", "tried_", str(part.this)))
    return call.bound(sql("TRY", value.node), value.type)


def _typeof(call: Call) -> Bound:
    call.takes(1)
    return call.bound(text(str(call.arguments[0].type)), VARCHAR)


BUILDERS: Final = {
    "coalesce": _coalesce, "greatest": _extreme, "least": _extreme, "nullif": _nullif, "try": _try, "typeof": _typeof,
}  # fmt: skip
