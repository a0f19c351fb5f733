"""`c = '-'` → `c IS NULL`, `c <> '-'` → `c IS NOT NULL`, on the lake's tables.

The lake holds null where AWS writes "-" (design: Null or "-"), so that comparisons people write for AWS's text mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from vpcflow.query.schema import Schema


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Apply the rule everywhere in *tree*, in `IN` lists too."""
    del schema
    return tree.transform(_compare, copy=False)


def _compare(node: exp.Expr) -> exp.Expr:
    if isinstance(node, (exp.EQ, exp.NEQ)):
        for column, dash in ((node.this, node.expression), (node.expression, node.this)):
            if isinstance(column, exp.Column) and _is_dash(dash):
                null = exp.Is(this=column, expression=exp.Null())
                return null if isinstance(node, exp.EQ) else exp.not_(null, copy=False)
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column):
        others = [value for value in node.expressions if not _is_dash(value)]
        if len(others) < len(node.expressions):
            null = exp.Is(this=node.this.copy(), expression=exp.Null())
            if not others:
                return null
            rest = exp.In(this=node.this, expressions=others)
            return exp.paren(exp.or_(rest, null, copy=False), copy=False)
    return node


def _is_dash(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and node.this == "-"
