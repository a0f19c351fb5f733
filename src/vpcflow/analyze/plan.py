"""What all analyses begin with: a SELECT from `flows`, narrowed to a time and a filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlglot import exp, parse_one

from vpcflow.types import Limits, TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from vpcflow.query.schema import Schema
    from vpcflow.types import Status


class Answered(Protocol):
    """An answer on its way."""

    @property
    def sql(self) -> str:
        """What was asked, in the engine's dialect."""
        ...

    @property
    def status(self) -> Status:
        """How it stands."""
        ...

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows as they come."""
        ...

    def table(self) -> pa.Table:
        """Return all rows at once."""
        ...


class Asker(Protocol):
    """Somewhere to put a plan to."""

    def ask(self, plan: exp.Expr, limits: Limits = ...) -> Answered:
        """Start *plan*."""
        ...

    def schema(self) -> Schema:
        """Tell which columns have data."""
        ...

    def newest(self, table: str) -> int | None:
        """Tell when the newest record of a table of the lake ends (epoch s)."""
        ...


_ALWAYS: Final = TimeRange()
_LAST: Final = 2**63 - 1


def bounded(total: str) -> str:
    """Return the SQL of a total as a BIGINT; counts that nobody can have counted end at the last one."""
    return f"CAST(CASE WHEN {total} > {_LAST} THEN {_LAST} WHEN {total} < -{_LAST} THEN -{_LAST} ELSE {total} END AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records a question is about.

    table: `flows` or `transit_gateway_flows`. condition: from a filter, None for all. time: of the record.
    """

    table: str = "flows"
    condition: exp.Expr | None = None
    time: TimeRange = _ALWAYS

    @property
    def base(self) -> str:
        """The table of the lake behind `table`."""
        return "flow_logs" if self.table == "flows" else "transit_gateway_flow_logs"


def select(sql: str, scope: Scope, schema: Schema) -> exp.Select:
    """Return *sql*, a SELECT … FROM flows in Athena's dialect, narrowed to *scope*."""
    tree = parse_one(sql, dialect="athena")
    if not isinstance(tree, exp.Select):
        raise TypeError(sql)
    for table in tree.find_all(exp.Table):
        if table.name == "flows":
            table.this.set("this", scope.table)
    moment: exp.Expr = exp.column("start")
    if schema.has(scope.base, "x_event_time"):
        moment = parse_one("coalesce(start, CAST(floor(x_event_time / 1e3) AS BIGINT))", dialect="athena")
    for kind, edge in ((exp.GTE, scope.time.since), (exp.LT, scope.time.until)):
        if edge is not None:
            tree.where(kind(this=moment.copy(), expression=exp.Literal.number(edge)), copy=False)
    if scope.condition is not None:
        tree.where(scope.condition.copy(), copy=False)
    return tree


def quoted(column: str) -> str:
    """Return a column's name for a plan's text."""
    return f'"{column}"'
