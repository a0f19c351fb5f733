"""`from_unixtime(s)` → `make_timestamp(s * 1000000)`: a timestamp without a zone that is UTC, as Athena prints it.

DuckDB's own `to_timestamp` gives a timestamp with the session's time zone.
Source: Athena engine version 3 runs sessions in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from vpcflow.query.schema import Schema


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Apply the rule everywhere in *tree*."""
    del schema
    return tree.transform(_timestamp, copy=False)


def _timestamp(node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.UnixToTime):
        return node
    microseconds = exp.Mul(this=exp.paren(node.this), expression=exp.Literal.number(1_000_000))
    return exp.Anonymous(this="make_timestamp", expressions=[microseconds])
