"""A plan → one dialect's SQL, and what it says of where its rows lie. One pure function.

A plan is a sqlglot tree in Athena's dialect over the names of `schema`. Rules run in order, one file each in `rewrites/`;
which of them a dialect needs is the table `RULES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.rewrites import addresses, dash, flows, networks, partitions, timestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlglot import exp

    from vpcflow.query.schema import Schema
    from vpcflow.types import PartitionFilter

Rule = "Callable[[exp.Expr, Schema], exp.Expr]"

RULES: Final[Mapping[str, tuple[Callable[[exp.Expr, Schema], exp.Expr], ...]]] = {
    # The ledger prunes the files that DuckDB reads, so it needs no partition predicates; scanning twice costs it nothing where
    # each branch can use statistics and bloom filters.
    "duckdb": (dash.rewrite, addresses.rewrite, flows.rewrite, networks.rewrite, timestamps.rewrite),
    # Athena and Trino prune by partition keys, bill by bytes scanned, and understand the plan's functions as they are.
    "athena": (partitions.rewrite, dash.rewrite, flows.rewrite),
    "trino": (partitions.rewrite, dash.rewrite, flows.rewrite),
}

_BOUND: Final = (addresses.rewrite, flows.rewrite, networks.rewrite, timestamps.rewrite)
"""What is left to do for DuckDB once Athena SQL is bound: the binder has seen to "-" where it stands for null."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """SQL of one dialect, and for each table of the lake it reads, which part of it."""

    sql: str
    scans: Mapping[str, PartitionFilter]


def compile(tree: exp.Expr, schema: Schema, dialect: str) -> Compiled:  # noqa: A001 - the field's word
    """Translate *tree* (left as it is) to *dialect*; KeyError for a dialect that has no rules."""
    work = tree.copy()
    scans = partitions.scans(work)
    for rule in RULES[dialect]:
        work = rule(work, schema)
    return Compiled(work.sql(dialect=dialect, identify=True), scans)


def compile_bound(tree: exp.Expr, schema: Schema) -> Compiled:
    """Translate Athena SQL that `athena.binder` has bound (it is used up) to DuckDB's."""
    scans = partitions.scans(tree)
    for rule in _BOUND:
        tree = rule(tree, schema)
    return Compiled(tree.sql(dialect="duckdb", identify=True), scans)
