"""Events written down in a test, asked as a log group: each value a text, `@timestamp` a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.query.insights.ask import ArrowRows, Insights, Question
from vpcflow.query.insights.flow_records import Sources
from vpcflow.query.insights.kinds import Kind
from vpcflow.query.insights.records import Column, Range, TableRecords
from vpcflow.query.insights.shown import texts
from vpcflow.types import HiveTable, PartitionFilter, TableRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vpcflow.query.insights.ask import Rows
    from vpcflow.query.insights.commands.source import Source

NOW = 1_795_500_000


class NoLake:
    """A catalogue without records."""

    def columns(self, table: str) -> tuple[str, ...]:
        return ()

    def keys(self) -> frozenset[str]:
        return frozenset()

    def scan(self, table: str, where: PartitionFilter) -> TableRef:
        return TableRef(table, ())

    def size(self, table: str, where: PartitionFilter) -> int:
        return 0

    def newest(self, table: str) -> None:
        return None


class TableGroups:
    """Log groups of a test: the one without a name is what the query is put to."""

    def __init__(
        self, engine: EventEngine, groups: Mapping[str, Sequence[Mapping[str, str]]], tables: Mapping[str, str]
    ):
        self._engine, self._groups, self._tables = engine, groups, tables
        self.asked = ()

    def names(self):
        return [name for name in self._groups if name]

    def records(self, source: Source | None, wanted: frozenset[str]) -> TableRecords | None:
        name = "" if source is None else source.name
        if source is not None and not name:
            prefixes = source.selector.prefixes
            name = next((one for one in self._groups if one and (not prefixes or one.startswith(prefixes))), "?")
        if name not in self._groups:
            return None
        return self._engine.records(name, self._groups[name])

    def table(self, name: str) -> pa.Table | None:
        if name not in self._tables:
            return None
        head, *rows = (line.split(",") for line in self._tables[name].strip().splitlines())
        return pa.table(
            {column: pa.array([row[place] or None for row in rows], pa.string()) for place, column in enumerate(head)}
        )


class EventEngine(DuckDBEngine):
    """DuckDB, with the events of the log groups attached to each question."""

    def __init__(self) -> None:
        super().__init__([], threads=1, memory=512 << 20)
        self._events: dict[str, pa.Table] = {}

    def forget(self) -> None:
        self._events.clear()

    def records(self, name: str, events: Sequence[Mapping[str, str]]) -> TableRecords:
        table = f"events of {name}"
        names = list(dict.fromkeys(["@timestamp", "@message", *(key for event in events for key in event)]))
        columns = [
            Column(one, Kind.TIME if one == "@timestamp" else Kind.TEXT, f"k{place}") for place, one in enumerate(names)
        ]
        rows = {}
        for column in columns:
            values = [event.get(column.name) for event in events]
            if column.kind is Kind.TIME:
                # Without times, the first event is the newest.
                values = [
                    milliseconds(at) if at else 1000 * (len(events) - place + 1) for place, at in enumerate(values)
                ]
            rows[column.key] = pa.array(values, pa.int64() if column.kind is Kind.TIME else pa.string())
        self._events[table] = pa.table(rows)
        self._kinds = {table: [(one.key, one.kind.sql) for one in columns]} | getattr(self, "_kinds", {})
        self._kinds[table] = [(one.key, one.kind.sql) for one in columns]
        return TableRecords(table, columns)

    def submit(self, sql, limits):
        for name, table in self._events.items():
            if f'"{name}"' in sql:
                self.attach(HiveTable(name, tuple(self._kinds[name]), stream=ArrowRows(table)))
        return super().submit(sql, limits)


def milliseconds(text: str) -> int:
    """Return epoch ms of a time as Insights shows it, or of digits."""
    if text.isdigit():
        return int(text)
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class Table:
    """Asks queries of events."""

    def __init__(self) -> None:
        self.engine = EventEngine()

    def ask(
        self,
        query: str,
        events: Sequence[Mapping[str, str]] = (),
        groups: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
        tables: Mapping[str, str] | None = None,
        **how: object,
    ) -> Rows:
        self.engine.forget()
        span = how.pop("span", Range())
        known = TableGroups(self.engine, {"": events, **(groups or {})}, tables or {})
        asker = Insights(self.engine, NoLake(), Sources(()), known)
        return asker.ask(Question(query, span, NOW, **how))

    def close(self) -> None:
        self.engine.close()


def drawn(rows: Rows) -> str:
    """Return an answer as examples write it: cells parted by ` | `, a missing one empty."""
    lines = [" | ".join(column.name for column in rows.columns)]
    lines += [" | ".join(value or "" for value in row) for row in texts(rows)]
    return "\n".join(lines)
