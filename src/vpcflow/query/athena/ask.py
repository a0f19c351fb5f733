"""Athena SQL put to an engine of this machine: bound, compiled, answered; DDL carried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from vpcflow.errors import QueryError
from vpcflow.query.answer import SqlAnswer
from vpcflow.query.athena.binder import Column, bind
from vpcflow.query.athena.ddl import create_as
from vpcflow.query.athena.ddl.parse import is_ddl
from vpcflow.query.athena.ddl.run import Runner, Told
from vpcflow.query.athena.ddl.statements import CreateTableAs
from vpcflow.query.athena.lake_tables import LakeTables
from vpcflow.query.athena.parse import parse
from vpcflow.query.athena.shown import shown
from vpcflow.query.athena.types import BIGINT, VARCHAR
from vpcflow.query.compile import compile_bound
from vpcflow.query.schema import Schema
from vpcflow.record.schema import LAKE_TABLES
from vpcflow.types import Engine, Limits, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vpcflow.query.athena.binder import Answered
    from vpcflow.query.athena.parse import Question
    from vpcflow.query.athena.user_tables import Question as Names
    from vpcflow.query.athena.user_tables import UserTables
    from vpcflow.types import Catalog, HiveTable


class TableEngine(Engine, Protocol):
    """An engine that reads users' files too."""

    def attach(self, table: HiveTable) -> None:
        """Make a user's table one that the next question, and it alone, reads."""
        ...


@dataclass(frozen=True, slots=True)
class AthenaSql:
    """Questions and statements on one lake. users: tables that users declared, None where there can be none."""

    engine: TableEngine
    catalog: Catalog
    users: UserTables | None = None

    def query(self, text: str, limits: Limits, *, typed: bool, now: datetime | None) -> SqlAnswer:
        """Answer *text*; see `Asker.query`."""
        now = now or datetime.now(UTC)
        if not is_ddl(text):
            return self._select(parse(text), limits, typed=typed, now=now)
        if self.users is None:
            raise QueryError("query.ddl_from")
        runner = Runner(text, self._catalogue(self.users), now)
        if isinstance(runner.statement, CreateTableAs):
            return self._create_as(runner, runner.statement, limits)
        return _answered(runner.run())

    def _schema(self) -> Schema:
        return Schema({table: frozenset(self.catalog.columns(table)) for table in LAKE_TABLES})

    def _catalogue(self, users: UserTables) -> UserTables:
        return replace(users, lake=LakeTables(self._schema()))

    def _select(self, question: Question, limits: Limits, *, typed: bool, now: datetime) -> SqlAnswer:
        names = self._catalogue(self.users).question(now) if self.users else None
        bound = bind(question.tree, question.text, names or LakeTables(self._schema()), now)
        return self._start(bound, names, limits, typed=typed, explain=question.explain)

    def _start(
        self, bound: Answered, names: Names | None, limits: Limits, *, typed: bool, explain: bool = False
    ) -> SqlAnswer:
        attached = names.read(bound.tree) if names else []
        compiled = compile_bound(bound.tree, self._schema())
        for table, where in compiled.scans.items():
            self.engine.bind(self.catalog.scan(table, where))
        for one in attached:
            self.engine.attach(one)
        sql: str = compiled.sql
        columns: Sequence[Column] = bound.columns
        if explain:
            sql, columns = f"EXPLAIN {sql}", (Column("Query Plan", VARCHAR),)
        query_id = self.engine.submit(sql, limits)
        batches = self.engine.result(query_id)
        batches = _lines(batches) if explain else shown(batches, columns, typed=typed)
        answer = SqlAnswer(batches, self.engine.status(query_id), sql, columns)
        return replace(answer, notes=_notes(names), losses=names.losses) if names else answer

    def _create_as(self, runner: Runner, said: CreateTableAs, limits: Limits) -> SqlAnswer:
        """Ask the question that the statement holds, and write its answer as a table."""
        users = runner.catalogue
        if not runner.free(said.name, exists_ok=said.exists_ok):
            return _answered(Told(notes=(("note.table_exists", {"name": said.name.name}),)))
        names = users.question(runner.now)
        try:
            question = parse(runner.question(said.query, said.end))
            bound = bind(question.tree, question.text, names, runner.now)
        except QueryError as error:
            raise runner.here(error) from None
        plan = create_as.plan(said, bound.columns, runner, users.new_tables)
        answer = self._start(bound, names, limits, typed=True)
        with users.places.new(plan.table.location) as folder:
            # Without data, the first batch alone: it has the columns and no rows.
            batches = answer.batches if said.with_data else iter([next(answer.batches)])
            rows, partitions = create_as.write(batches, plan, folder)
        users.tables.put(plan.table)
        users.tables.add_partitions(plan.table, partitions)
        written = pa.record_batch({"rows": pa.array([rows], pa.int64())})
        told = ("note.table_written", {"name": plan.table.name, "rows": f"{rows:,}", "location": plan.table.location})
        return replace(answer, batches=iter([written]), columns=(Column("rows", BIGINT),), notes=(*answer.notes, told))


def _answered(told: Told) -> SqlAnswer:
    columns = tuple(Column(name, VARCHAR) for name in told.columns)
    batch = pa.record_batch(
        [pa.array([row[place] for row in told.rows], pa.string()) for place in range(len(columns))],
        names=list(told.columns),
    )
    return SqlAnswer(iter([batch]), Status("SUCCEEDED"), "", columns, told.notes)


def _notes(names: Names) -> tuple[tuple[str, Mapping[str, str]], ...]:
    read = [("note.users_table", {"name": table.name, "location": table.location}) for table in names.shadowing]
    return (*read, *(("note.no_objects", {"name": table.name, "location": table.location}) for table in names.empty))


def _lines(plan: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Make a row of each line of an engine's plan."""
    lines = [line for batch in plan for text in batch.column(1).to_pylist() for line in text.rstrip("\n").split("\n")]
    yield pa.record_batch({"Query Plan": pa.array(lines, pa.string())})
