"""A plan asked of an engine over a catalogue: the one way from a question to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import pyarrow as pa

from vpcflow.query.compile import compile as compile_plan
from vpcflow.query.schema import Schema
from vpcflow.record.schema import LAKE_TABLES
from vpcflow.telemetry import ReadReport
from vpcflow.types import Limits, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlglot import exp

    from vpcflow.query.athena.ask import AthenaSql, TableEngine
    from vpcflow.query.athena.binder import Column
    from vpcflow.query.athena.user_tables import UserTables
    from vpcflow.types import Catalog, Engine


_NO_LIMITS: Final = Limits()
_KEYWORDS: Final = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "DISTINCT", "JOIN", "WITH", "UNION", "BETWEEN",
    "EXPLAIN",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as they come, and how the question stands."""

    batches: Iterator[pa.RecordBatch]
    status: Status
    sql: str

    def table(self) -> pa.Table:
        """Return all rows at once; for answers that are small by their plan."""
        return pa.Table.from_batches(list(self.batches))


@dataclass(frozen=True, slots=True)
class SqlAnswer(Answer):
    """The answer to Athena SQL. columns: their names and Trino's types.

    notes: what is to be said beside it, each a text's key and what the text names. losses: what was lost in reading users'
    files, once the rows are there.
    """

    columns: Sequence[Column] = ()
    notes: Sequence[tuple[str, Mapping[str, str]]] = ()
    losses: Callable[[], ReadReport] = ReadReport


class Asker:
    """Compiles plans for one engine and binds the files each of them needs."""

    def __init__(self, engine: Engine, catalog: Catalog, users: UserTables | None = None) -> None:
        self._engine, self._catalog, self._users = engine, catalog, users
        self._sql: AthenaSql | None = None

    def schema(self) -> Schema:
        """Return what the catalogue's tables have now."""
        return Schema({table: frozenset(self._catalog.columns(table)) for table in LAKE_TABLES}, self._catalog.keys())

    def newest(self, table: str) -> int | None:
        """Return when the newest record of *table* ends (epoch s), None for an empty table."""
        return self._catalog.newest(table)

    def query(
        self,
        text: str,
        limits: Limits = _NO_LIMITS,
        *,
        typed: bool = False,
        now: datetime | None = None,
    ) -> SqlAnswer:
        """Start a question in Athena SQL; QueryError underlines what cannot be answered.

        typed: timestamps come as such, else as the text Athena prints. now: what the question takes as the time.
        """
        if self._sql is None:
            from vpcflow.query.athena.ask import AthenaSql  # noqa: PLC0415 - plans do not need it

            # Only the engine of this machine is asked in SQL here; one far away understands it by itself (`query.remote`).
            self._sql = AthenaSql(cast("TableEngine", self._engine), self._catalog, self._users)
        return self._sql.query(text, limits, typed=typed, now=now)

    def words(self) -> list[str]:
        """Return what a question may be made of: tables, columns that have data, functions, the words of SQL."""
        from vpcflow.query.athena.functions import registry  # noqa: PLC0415 - plans do not need it
        from vpcflow.query.athena.lake_tables import LakeTables  # noqa: PLC0415

        schema = self.schema()
        columns = {name for present in schema.present.values() for name in present}
        return sorted({*LakeTables(schema).names(), *columns, *registry.names(), *_KEYWORDS})

    def ask(self, plan: exp.Expr, limits: Limits = _NO_LIMITS) -> Answer:
        """Start *plan*; its rows come from the answer's batches."""
        compiled = compile_plan(plan, self.schema(), self._engine.dialect)
        for table, where in compiled.scans.items():
            self._engine.bind(self._catalog.scan(table, where))
        query_id = self._engine.submit(compiled.sql, limits)
        return Answer(self._engine.result(query_id), self._engine.status(query_id), compiled.sql)
