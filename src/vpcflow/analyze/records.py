"""The records themselves: which fields, which rows, newest first when a number of them is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.analyze.plan import quoted, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

    from vpcflow.analyze.plan import Scope
    from vpcflow.query.schema import Schema

_TIES: Final = ("interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol")
"""Equal times are told apart by these, so that an answer is the same each time."""


def in_order_of_delivery(scope: Scope, schema: Schema, columns: Sequence[str], *, exact: bool) -> exp.Select:
    """Return the plan for *columns* of all records in *scope*, by account, region and `end`.

    exact: what is equal by these has an order too, so that the answer is the same each time.
    """
    keys = ("aws_account_id", "aws_region")
    names = ", ".join([*map(quoted, columns), *keys])
    tree = select(f"SELECT {names} FROM flows", scope, schema)
    end = ["end"] if schema.has(scope.base, "end") else []
    order = [*keys, *end, *(name for name in columns if name not in end and exact)]
    return tree.order_by(*(f"{quoted(name)} ASC NULLS FIRST" for name in order), dialect="athena", copy=False)


def plan(scope: Scope, schema: Schema, columns: Sequence[str], *, limit: int | None) -> exp.Select:
    """Return the plan for *columns* of the records in *scope*.

    limit: None gives all records as they lie in the lake (by hour, sorted by interface within); else the newest ones.
    """
    names = ", ".join(quoted(name) for name in columns)
    tree = select(f"SELECT {names} FROM flows", scope, schema)
    if limit is None:
        return tree
    ties = [name for name in _TIES if schema.has(scope.base, name)]
    order = ["start_time DESC NULLS LAST", *(f"{quoted(name)} ASC NULLS LAST" for name in ties)]
    return tree.order_by(*order, dialect="athena", copy=False).limit(limit, copy=False)
