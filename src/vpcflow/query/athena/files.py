"""The files of a user's table that a question needs: partitions, then objects, then what an engine reads.

Names that begin with "_" or "." are no data, in Athena as in Hive. A folder that is not there has no rows.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from vpcflow.errors import QueryError
from vpcflow.query.athena import projection
from vpcflow.query.athena.ddl import hive_types
from vpcflow.query.athena.hive_stream import TextStream
from vpcflow.query.athena.types import duckdb as held
from vpcflow.record.hive import Layout, convert
from vpcflow.state.tables import Partition
from vpcflow.types import HiveTable, TableFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from vpcflow.query.athena.pruning import Conditions
    from vpcflow.query.athena.types import Type
    from vpcflow.state.tables import HiveColumn, Tables, UserTable
    from vpcflow.types import Places, SourceObject

_PATH: Final = "$path"
_TOGETHER: Final = 64
"""Partitions from which one listing of what is above them is cheaper than one for each."""

NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
"""What Hive names the folder of a null."""

_ARROW: Final = {
    "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(),
    "real": pa.float32(), "double": pa.float64(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
    "varchar": pa.string(),
}  # fmt: skip
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)


class Files:
    """One table's files for one question. found: how many there were; stream: what reads text."""

    def __init__(self, table: UserTable, tables: Tables, places: Places, now: datetime) -> None:
        self._table, self._tables, self._places, self._now = table, tables, places, now
        self.found = 0
        self.stream: TextStream | None = None

    def bind(self, relation: str, conditions: Conditions, mentioned: Collection[str], threads: int) -> HiveTable:
        """Return the table as the engine is to know it, with no column that is not *mentioned*."""
        table = self._table
        columns = [column for column in table.columns if column.name in mentioned]
        keys = [(key.name, _kind(key)) for key in table.keys if key.name in mentioned]
        told = [*keys, *([(_PATH, _kind_of("string"))] if _PATH in mentioned else [])]
        files = [
            (found, tuple(self._value(name, kind, found, values) for name, kind in told))
            for found, values in self._objects(conditions)
        ]
        self.found = len(files)
        shown = tuple((column.name, _sql(_kind(column))) for column in columns)
        places = tuple((name, _sql(kind)) for name, kind in told)
        size = sum(found.bytes for found, _ in files)
        if table.format == "parquet":
            read = self._parquet([column.name for column in columns], files)
            return HiveTable(relation, shown, places, read, bytes=size)
        fields = tuple(pa.field(name, arrow(kind)) for name, kind in told)
        names = tuple(column.name for column in columns)
        self.stream = TextStream(layout(table), names, fields, files, threads)
        return HiveTable(relation, shown, places, stream=self.stream, bytes=size)

    def _value(self, name: str, kind: Type, found: SourceObject, values: dict[str, str | None]) -> object:
        if name == _PATH:
            return found.uri if found.remote else unquote(found.uri)
        text = values[name]
        if text is None:
            return None
        value = convert(text, arrow(kind))
        if value is None:
            raise QueryError("query.partition_value", column=name, value=text, type=str(kind), table=self._table.name)
        return value

    # --- partitions --------------------------------------------------------------------------------------------

    def _objects(self, conditions: Conditions) -> Iterator[tuple[SourceObject, dict[str, str | None]]]:
        table = self._table
        if not table.keys:
            yield from ((found, {}) for found in self._data(table.location))
            return
        names = [key.name for key in table.keys]
        for found, values in self._listed(self._partitions(conditions)):
            yield found, dict(zip(names, (None if value == NO_VALUE else value for value in values), strict=True))

    def _partitions(self, conditions: Conditions) -> list[Partition]:
        """Return the partitions that the question may want."""
        kinds = {key.name: _kind(key) for key in self._table.keys}
        said = projection.projected(self._table, self._now)
        if said is None:
            registered = self._tables.partitions(self._table)
            valued = [tuple(None if value == NO_VALUE else value for value in one.values) for one in registered]
            return [registered[place] for place in conditions.keep(kinds, valued)]
        said = self._closed(said, conditions)
        ranges = [self._range(name, kinds[name], values, conditions) for name, values in said.columns.items()]
        total = 1
        for values in ranges:
            total *= len(values)
        if total > projection.MOST:
            raise QueryError("query.partitions_many", most=f"{projection.MOST:,}")
        rows = list(itertools.product(*ranges))
        kept = [rows[place] for place in conditions.keep(kinds, rows)]
        return [Partition(values, said.location(dict(zip(kinds, values, strict=True)))) for values in kept]

    def _range(self, name: str, kind: Type, values: tuple[str, ...] | None, conditions: Conditions) -> tuple[str, ...]:
        if values is None:
            given = conditions.texts(name)
            if given is None:
                raise QueryError("query.projection_injected", column=name, table=self._table.name)
            return tuple(given)
        rows = [(value,) for value in values]
        return tuple(values[place] for place in conditions.keep({name: kind}, rows))

    def _closed(self, said: projection.Projected, conditions: Conditions) -> projection.Projected:
        """Fill in what the template asks for that is no partition column: from the question, or the only one there is."""
        for name in said.open_places():
            place = "${" + name + "}"
            given = conditions.texts(name.lower())
            if given is None:
                above = said.template.partition(place)[0]
                known = (
                    [one for one in self._places.folders(above) if _ACCOUNT.fullmatch(one)] if "$" not in above else []
                )
                if len(known) != 1:
                    raise QueryError("query.projection_open", place=place, known=", ".join(known) or "-")
                given = known
            if len(given) > 1:
                raise QueryError("query.projection_open", place=place, known=", ".join(given))
            said = projection.Projected(said.columns, said.template.replace(place, given[0]))
        return said

    # --- objects -----------------------------------------------------------------------------------------------

    def _listed(self, partitions: list[Partition]) -> Iterator[tuple[SourceObject, tuple[str, ...]]]:
        if len(partitions) <= _TOGETHER or not all(one.location.startswith("s3://") for one in partitions):
            for one in partitions:
                yield from ((found, one.values) for found in self._data(one.location))
            return
        by_folder = {one.location.rstrip("/"): one.values for one in partitions}
        for found in self._data(_above(by_folder)):
            folder = found.uri.rpartition("/")[0]
            while folder not in by_folder and folder.count("/") > 2:
                folder = folder.rpartition("/")[0]
            if folder in by_folder:
                yield found, by_folder[folder]

    def _data(self, location: str) -> Iterator[SourceObject]:
        base = location.rstrip("/").count("/")
        for found in self._places.objects(location):
            # The walk of a folder leaves such names out by itself.
            if not (found.remote and any(part.startswith(("_", ".")) for part in found.uri.split("/")[base + 1 :])):
                yield found

    # --- Parquet -----------------------------------------------------------------------------------------------

    def _parquet(
        self, names: Sequence[str], files: Sequence[tuple[SourceObject, tuple[object, ...]]]
    ) -> tuple[TableFile, ...]:
        paths = self._places.paths([found for found, _ in files])
        return tuple(
            TableFile(path, self._held(path, found.uri, names), told)
            for path, (found, told) in zip(paths, files, strict=True)
        )

    def _held(self, path: str, uri: str, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return which column of a file each of *names* is; those it has not are left out."""
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            raise QueryError("query.not_parquet", source=uri, reason=str(error).partition("\n")[0]) from error
        by_name = {one.name.lower().replace("-", "_"): one for one in schema}
        kinds = {column.name: _kind(column) for column in self._table.columns}
        found = []
        for name in names:
            column = by_name.get(name.replace("-", "_"))
            if column is None:
                continue
            if not _fits(column.type, kinds[name]):
                raise QueryError(
                    "query.parquet_type", column=name, source=uri, found=str(column.type), declared=str(kinds[name])
                )
            found.append((name, column.name))
        return tuple(found)


def _above(folders: Iterable[str]) -> str:
    """Return the folder that all *folders* lie in."""
    parts = [folder.split("/") for folder in folders]
    common = itertools.takewhile(lambda same: len(set(same)) == 1, zip(*parts, strict=False))
    return "/".join(part[0] for part in common) + "/"


def layout(table: UserTable) -> Layout:
    """Return how the text of *table* is cut."""
    lines = table.properties.get("skip.header.line.count", "0").strip()
    delimiter = table.serde.get("field.delim") or table.serde.get("serialization.format") or "\x01"
    return Layout(
        tuple((column.name, arrow(_kind(column))) for column in table.columns),
        "\x01" if delimiter == "1" else delimiter,
        table.serde.get("escape.delim", ""),
        table.serde.get("serialization.null.format", "\\N"),
        int(lines) if lines.isdecimal() else 0,
    )


def arrow(kind: Type) -> pa.DataType:
    """Return Arrow's type for a field of a text; KeyError for one that text does not have."""
    if kind.name == "decimal":
        return pa.decimal128(*kind.numbers)
    return _ARROW[kind.name]


def _kind_of(text: str) -> Type:
    found = hive_types.read(text)
    if found is None:
        raise QueryError("query.ddl_type", type=text)
    return found


def _kind(column: HiveColumn) -> Type:
    return _kind_of(column.type)


def _sql(kind: Type) -> str:
    return f"VARCHAR({kind.numbers[0]})" if kind.name == "varchar" and kind.numbers else held(kind)


def _fits(found: pa.DataType, declared: Type) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    if declared.is_number:
        return bool(pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found))
    tests = {
        "varchar": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind),
        "boolean": pa.types.is_boolean, "date": pa.types.is_date, "timestamp": pa.types.is_timestamp,
        "varbinary": lambda kind: pa.types.is_binary(kind) or pa.types.is_string(kind),
        "array": lambda kind: pa.types.is_list(kind) or pa.types.is_large_list(kind), "map": pa.types.is_map,
        "row": pa.types.is_struct,
    }  # fmt: skip
    return bool(tests[declared.name](found))
