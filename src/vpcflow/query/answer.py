"""A plan asked of an engine over a catalogue: the one way from a question to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from vpcflow.query.compile import compile as compile_plan
from vpcflow.query.schema import Schema
from vpcflow.record.fields import TABLES
from vpcflow.types import Limits, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import exp

    from vpcflow.types import Catalog, Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as they come, and how the question stands."""

    batches: Iterator[pa.RecordBatch]
    status: Status
    sql: str

    def table(self) -> pa.Table:
        """Return all rows at once; for answers that are small by their plan."""
        return pa.Table.from_batches(list(self.batches))


class Asker:
    """Compiles plans for one engine and binds the files each of them needs."""

    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine, self._catalog = engine, catalog

    def schema(self) -> Schema:
        """Return what the catalogue's tables have now."""
        return Schema({table: frozenset(self._catalog.columns(table)) for table in TABLES})

    def newest(self, table: str) -> int | None:
        """Return when the newest record of *table* ends (epoch s), None for an empty table."""
        return self._catalog.newest(table)

    def ask(self, plan: exp.Expr, limits: Limits = Limits()) -> Answer:  # noqa: B008 - frozen
        """Start *plan*; its rows come from the answer's batches."""
        compiled = compile_plan(plan, self.schema(), self._engine.dialect)
        for table, where in compiled.scans.items():
            self._engine.bind(self._catalog.scan(table, where))
        query_id = self._engine.submit(compiled.sql, limits)
        return Answer(self._engine.result(query_id), self._engine.status(query_id), compiled.sql)
