"""A user's table as a view in DuckDB: text as a stream of Arrow's, Parquet read by DuckDB itself.

Each Parquet file has its columns by name; one that a file lacks is null there. What a file's place tells (partition values,
`$path`) is a small table of its own, joined by the file's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from vpcflow.query.literal import identifier, string

if TYPE_CHECKING:
    import duckdb

    from vpcflow.types import HiveTable


def create(cursor: duckdb.DuckDBPyConnection, table: HiveTable) -> None:
    """Make *table* something that SQL on *cursor* can select from."""
    if table.stream is not None:
        raw = f"{table.name} text"
        cursor.register(raw, table.stream)
        shown = [_as(identifier(name), kind, name) for name, kind in (*table.columns, *table.keys)]
        source = f"SELECT {', '.join(shown) or '1'} FROM {identifier(raw)}"
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(table.name)} AS {source}")
        return
    told = f"{table.name} told"
    if table.keys:
        rows = [pa.array([file.path for file in table.files], pa.string())]
        rows += [pa.array([file.told[place] for file in table.files]) for place in range(len(table.keys))]
        cursor.register(told, pa.table(rows, names=["x_file", *(name for name, _ in table.keys)]))
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for file in table.files:
        groups.setdefault(file.columns, []).append(file.path)
    selects = [_select(table, columns, paths, told) for columns, paths in groups.items()] or [_nothing(table)]
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(table.name)} AS {' UNION ALL '.join(selects)}")


def _select(table: HiveTable, columns: tuple[tuple[str, str], ...], paths: list[str], told: str) -> str:
    held = dict(columns)
    shown = [_as(f"f.{identifier(held[name])}" if name in held else "NULL", kind, name) for name, kind in table.columns]
    shown += [_as(f"t.{identifier(name)}", kind, name) for name, kind in table.keys]
    files = ", ".join(string(path) for path in paths)
    source = f"read_parquet([{files}], filename = 'x_file', hive_partitioning = false) AS f"
    join = f" JOIN {identifier(told)} AS t ON t.x_file = f.x_file" if table.keys else ""
    return f"SELECT {', '.join(shown) or '1'} FROM {source}{join}"


def _as(what: str, kind: str, name: str) -> str:
    """Return a column as its declared type; DuckDB does not know the length of a varchar, so it is cut here."""
    length = kind.removeprefix("VARCHAR(").removesuffix(")") if kind.startswith("VARCHAR(") else ""
    value = f"left(CAST({what} AS VARCHAR), {length})" if length else f"CAST({what} AS {kind})"
    return f"{value} AS {identifier(name)}"


def _nothing(table: HiveTable) -> str:
    shown = [_as("NULL", kind, name) for name, kind in (*table.columns, *table.keys)]
    return f"SELECT {', '.join(shown) or '1'} WHERE false"
