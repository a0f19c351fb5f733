"""Athena SQL put to an engine that understands it as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import pyarrow as pa
from sqlglot import exp, parse_one

from vpcflow.query.answer import SqlAnswer
from vpcflow.query.athena.binder import Column
from vpcflow.query.athena.functions import registry
from vpcflow.query.athena.parse import parse
from vpcflow.query.athena.types import BIGINT, DOUBLE, VARCHAR
from vpcflow.query.compile import compile as compile_plan
from vpcflow.query.schema import FLOWS, Schema
from vpcflow.types import Engine, Limits

if TYPE_CHECKING:
    from datetime import datetime

    from vpcflow.query.athena.types import Type

_NO_LIMITS: Final = Limits()


class RemoteEngine(Engine, Protocol):
    """An engine with a catalogue of its own."""

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; QueryError for no such table."""
        ...


class RemoteAsker:
    """Puts questions to one engine; only what can be read as a question goes there."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine

    def query(
        self, text: str, limits: Limits = _NO_LIMITS, *, typed: bool = False, now: datetime | None = None
    ) -> SqlAnswer:
        """Start a question in Athena SQL; `flows` is told as what it stands for, everything else as it was written."""
        del typed, now
        question = parse(text)
        sql = text.strip().rstrip(";")
        named = {table.name.lower() for table in question.tree.find_all(exp.Table)} & set(FLOWS)
        if named:
            schema = Schema({FLOWS[name]: self._engine.columns(FLOWS[name]) for name in named})
            sql = compile_plan(parse_one(sql, dialect="athena"), schema, "athena").sql
        query_id = self._engine.submit(sql, limits)
        batches = self._engine.result(query_id)
        first = next(batches, None)
        schema_told = first.schema if first is not None else pa.schema([])
        columns = tuple(Column(field.name, _kind(field.type)) for field in schema_told)
        rows = (batch for part in ([first] if first is not None else [], batches) for batch in part)
        return SqlAnswer(rows, self._engine.status(query_id), sql, columns)

    def words(self) -> list[str]:
        """Return what a question may be made of, as far as it is known here."""
        return sorted({*FLOWS.values(), *FLOWS, *registry.names()})


def _kind(kind: pa.DataType) -> Type:
    """Return the type a column is shown as."""
    if pa.types.is_integer(kind):
        return BIGINT
    return DOUBLE if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else VARCHAR
