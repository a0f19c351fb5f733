"""DuckDB behind the engine contract: embedded, locked down, one cursor a question.

A table is a view over the ledger's files, made anew for each question. Files with the same columns are read together; columns a
file lacks are null. Nothing outside the folders given can be read, no setting changed, no extension loaded, and only SQL that
`compile` made is ever run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from vpcflow.errors import QueryError
from vpcflow.query import event_fields, hive_view
from vpcflow.query.athena.functions.registry import statements
from vpcflow.query.literal import identifier, string
from vpcflow.query.schema import PARTITION_KEYS, sql_type
from vpcflow.record.schema import columns_of
from vpcflow.types import HiveTable, Limits, State, Status, TableRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


_BATCH: Final = 65_536
_END: Final = object()
_HIDDEN: Final = {
    "x_source": "INTEGER", "x_event_time": "BIGINT", "x_layer": "VARCHAR", "x_rule": "INTEGER",
    "x_extra": "MAP(VARCHAR, VARCHAR)",
}  # fmt: skip

_MACROS: Final = (
    # The text of an IPv6 address → its 32 hexadecimal digits (RFC 4291 §2.2; its form 3 is nothing AWS writes).
    """CREATE MACRO ip6_key(address) AS list_aggregate(list_transform(
         CASE WHEN contains(address, '::') THEN list_concat(
           list_filter(string_split(split_part(address, '::', 1), ':'), lambda h: h <> ''),
           list_resize(CAST([] AS VARCHAR[]), greatest(0, 8
             - len(list_filter(string_split(split_part(address, '::', 1), ':'), lambda h: h <> ''))
             - len(list_filter(string_split(split_part(address, '::', 2), ':'), lambda h: h <> ''))), '0'),
           list_filter(string_split(split_part(address, '::', 2), ':'), lambda h: h <> ''))
         ELSE string_split(address, ':') END,
         lambda h: lpad(lower(h), 4, '0')), 'string_agg', '')""",
    event_fields.MACRO,
)


class DuckDBEngine:
    """Answers plans on files of this machine.

    folders: what may be read. memory: bytes DuckDB may take. threads: None for one a core. temporary: where it may spill.
    """

    name = "duckdb"
    dialect = "duckdb"
    traits = frozenset({"ledger-files", "cancel", "bytes-scanned"})

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        memory: int = 4 << 30,
        threads: int | None = None,
        temporary: Path | None = None,
    ) -> None:
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory >> 20}MiB",
            "threads": threads or os.cpu_count() or 1,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "true",
        }
        if temporary is not None:
            self._config["temp_directory"] = str(temporary)
        self._folders = [str(folder.resolve()) for folder in folders]
        self._db = self._database()
        self._tables: dict[str, TableRef] = {}
        self._attached: list[HiveTable] = []
        self._queries: dict[str, _Query] = {}
        self._ids = itertools.count(1)

    def _database(self, paths: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
        """Open a database that may read the engine's folders and *paths*, and nothing else ever."""
        db = duckdb.connect(":memory:", config=self._config)
        db.execute("SET parquet_metadata_cache = true")
        db.execute("SET TimeZone = 'UTC'")
        for macro in _MACROS:
            db.execute(macro)
        db.execute(f"SET allowed_directories = [{', '.join(map(string, self._folders))}]")
        if paths:
            db.execute(f"SET allowed_paths = [{', '.join(map(string, paths))}]")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        return db

    def bind(self, table: TableRef) -> None:
        """Make *table* the one that the next questions read under its name."""
        self._tables[table.name] = table

    def attach(self, table: HiveTable) -> None:
        """Make a user's table one that the next question, and it alone, reads."""
        self._attached.append(table)

    def submit(self, sql: str, limits: Limits) -> str:
        """Start a question, answer its id at once."""
        query_id = f"q{next(self._ids)}"
        attached, self._attached = tuple(self._attached), []
        paths = [file.path for table in attached for file in table.files]
        # What may be read cannot be changed once it is locked, so files from elsewhere take a database of their own.
        cursor = self._database(paths) if paths else self._db.cursor()
        self._queries[query_id] = _Query(cursor, sql, limits, tuple(self._tables.values()), attached)
        return query_id

    def status(self, query_id: str) -> Status:
        """Tell how a question stands."""
        return self._queries[query_id].status

    def result(self, query_id: str) -> Iterator[pa.RecordBatch]:
        """Return the answer as it comes; QueryError says why there is none, or no more."""
        return self._queries[query_id].batches()

    def cancel(self, query_id: str) -> None:
        """Stop a question; nothing happens to one that has ended."""
        self._queries[query_id].cancel()

    def close(self) -> None:
        """Stop all questions and let go of everything."""
        for query in self._queries.values():
            query.cancel()
        self._queries.clear()
        self._db.close()


class _Query:
    """One question on a thread of its own; its batches wait in a short queue until they are taken."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        limits: Limits,
        tables: Sequence[TableRef],
        attached: Sequence[HiveTable] = (),
    ) -> None:
        scanned = sum(file.bytes for table in tables for file in table.files) + sum(table.bytes for table in attached)
        self.status = Status("RUNNING", bytes_scanned=scanned)
        self._cursor, self._sql, self._limits = cursor, sql, limits
        self._tables, self._attached = tables, attached
        self._queue: queue.Queue[object] = queue.Queue(4)
        self._stopped = threading.Event()
        self._timed_out = False
        self._began = time.perf_counter()
        self._thread = threading.Thread(target=self._run, name="duckdb", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        timer = None
        if self._limits.timeout_s is not None:
            timer = threading.Timer(self._limits.timeout_s, self._time_out)
            timer.daemon = True
            timer.start()
        try:
            for table in self._tables:
                self._cursor.execute(view(table))
            for attached in self._attached:
                hive_view.create(self._cursor, attached)
            for statement in _macros(self._sql):
                self._cursor.execute(statement)
            self._deliver(self._cursor.execute(self._sql).to_arrow_reader(_BATCH))
            self._end("SUCCEEDED", None)
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits for the answer is told
            self._end("FAILED", error)
        finally:
            if timer is not None:
                timer.cancel()
            self.status.elapsed_s = time.perf_counter() - self._began
            self._put(_END)
            with contextlib.suppress(duckdb.Error):
                self._cursor.close()

    def _end(self, state: State, error: Exception | None) -> None:
        if self._timed_out:
            self.status.error = QueryError("query.timeout", seconds=self._limits.timeout_s)
            self.status.state = "FAILED"
        elif self._stopped.is_set():
            self.status.state = "CANCELLED"
        else:
            fault = next((table.stream.fault for table in self._attached if table.stream and table.stream.fault), None)
            self.status.error = fault or (None if error is None else _explain(error))
            self.status.state = "FAILED" if fault else state

    def _deliver(self, reader: pa.RecordBatchReader) -> None:
        left = self._limits.max_rows
        # Whoever asked learns the columns even where there are no rows.
        self._put(pa.RecordBatch.from_pylist([], schema=reader.schema))
        for batch in reader:
            if left is not None and batch.num_rows >= left:
                self._put(batch.slice(0, left))
                return
            left = None if left is None else left - batch.num_rows
            if not self._put(batch):
                return

    def _put(self, item: object) -> bool:
        while not self._stopped.is_set() or item is _END:
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                if item is _END and self._stopped.is_set():
                    return False
                continue
            return True
        return False

    def _time_out(self) -> None:
        self._timed_out = True
        self.cancel()

    def cancel(self) -> None:
        self._stopped.set()
        # An interrupt that comes between two statements is lost, so it is repeated until the thread has seen it.
        while self._thread.is_alive():
            with contextlib.suppress(duckdb.Error):
                self._cursor.interrupt()
            self._thread.join(0.02)

    def batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                item = self._queue.get(timeout=0.2)
            except queue.Empty:
                if self._thread.is_alive():
                    continue
                # What was put between the time-out above and the thread's end is still there.
                item = next(self._left(), _END)
            if item is _END:
                break
            yield item
        self._thread.join()
        if self.status.error is not None and self.status.state == "FAILED":
            raise self.status.error
        if self.status.state == "CANCELLED":
            raise QueryError("query.cancelled")

    def _left(self) -> Iterator[object]:
        with contextlib.suppress(queue.Empty):
            yield self._queue.get_nowait()


def _macros(sql: str) -> list[str]:
    """Return what makes the macros that *sql* is written with: Athena's functions, or those of Insights."""
    made: set[str] = set()
    found = statements(sql, made)
    if "CWL_" in sql:
        from vpcflow.query.insights import macros  # noqa: PLC0415 - Athena's questions do not need them

        found += macros.statements(sql, made)
    return found


def _explain(error: Exception) -> QueryError:
    code = "query.memory" if isinstance(error, duckdb.OutOfMemoryException) else "query.failed"
    return QueryError(code, reason=str(error).partition("\n")[0])


def view(table: TableRef) -> str:
    """Return the statement that makes *table* a view: all columns of the registry, those nobody has as typed nulls."""
    groups: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for file in table.files:
        groups.setdefault((file.columns, file.dead), []).append(file.path)
    selects = [_select(table.name, columns, dead, paths) for (columns, dead), paths in groups.items()]
    if not selects:
        selects = [f"SELECT {_nothing(table.name)} WHERE false"]
    return f"CREATE OR REPLACE TEMP VIEW {identifier(table.name)} AS {' UNION ALL '.join(selects)}"


def _select(table: str, columns: tuple[str, ...], dead: tuple[int, ...], paths: list[str]) -> str:
    shown = [
        identifier(name) if name in columns else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in _types(table)
    ]
    shown += [identifier(key) for key in PARTITION_KEYS]
    shown.append("TRY_CAST(concat_ws('-', year, month, day) AS DATE) AS date")
    files = ", ".join(string(path) for path in paths)
    keys = ", ".join(f"'{key}': VARCHAR" for key in PARTITION_KEYS)
    source = f"read_parquet([{files}], hive_partitioning = true, hive_types = {{{keys}}})"
    where = f" WHERE x_source NOT IN ({', '.join(map(str, dead))})" if dead else ""
    return f"SELECT {', '.join(shown)} FROM {source}{where}"


def _nothing(table: str) -> str:
    columns = [*_types(table), *((key, "VARCHAR") for key in PARTITION_KEYS), ("date", "DATE")]
    return ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in columns)


def _types(table: str) -> list[tuple[str, str]]:
    known = [(column, sql_type(column)) for column in columns_of(table)]
    return [*known, *_HIDDEN.items()]
