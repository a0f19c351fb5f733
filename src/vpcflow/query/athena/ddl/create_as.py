"""CREATE TABLE … AS: a question's answer as Parquet files, and a table that reads them.

Source: Athena User Guide, "CREATE TABLE AS", "Considerations and limitations for CTAS queries".
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vpcflow.errors import QueryError
from vpcflow.query.athena.ddl import hive_types
from vpcflow.query.athena.files import NO_VALUE
from vpcflow.state.tables import HiveColumn, Partition, UserTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vpcflow.query.athena.binder import Column
    from vpcflow.query.athena.ddl.run import Runner
    from vpcflow.query.athena.ddl.statements import CreateTableAs

_MOST: Final = 100
"""Partitions that one statement may write: Athena's limit."""

_KNOWN: Final = ("format", "external_location", "partitioned_by", "write_compression", "parquet_compression")
_CODECS: Final = {
    "snappy": "snappy",
    "gzip": "gzip",
    "zstd": "zstd",
    "none": "none",
    "uncompressed": "none",
    "lz4": "lz4",
}
_PLAIN: Final = (
    "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal", "varchar", "varbinary", "date",
    "timestamp", "array", "map", "row",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written where. default: the place where tables go that name none."""

    table: UserTable
    codec: str


def plan(said: CreateTableAs, columns: Sequence[Column], runner: Runner, default: str) -> Plan:
    """Check a statement against the columns of its question; QueryError for what cannot be a table."""
    name = said.name
    for key in said.properties:
        if key not in _KNOWN:
            near = difflib.get_close_matches(key, _KNOWN, 1, 0.6)
            code = "query.ctas_property_near" if near else "query.ctas_property"
            raise runner.fail(code, name, property=key, near=near[0] if near else "")
    form = str(said.properties.get("format", "PARQUET"))
    if form.upper() != "PARQUET":
        raise runner.fail("query.ddl_format", name, format=form)
    codec = said.properties.get("write_compression", said.properties.get("parquet_compression", "ZSTD"))
    if str(codec).lower() not in _CODECS:
        raise runner.fail("query.ddl_property", name, property="write_compression", value=codec)
    columns = [column._replace(name=column.name.lower()) for column in columns]
    columns = [column._replace(name=column.name.lower()) for column in columns]
    runner.named(name, [column.name for column in columns])
    told = [HiveColumn(column.name, _written(column, runner, said)) for column in columns]
    wanted = said.properties.get("partitioned_by", ())
    keys = [key.lower() for key in ([wanted] if isinstance(wanted, str) else wanted)]
    if keys and (len(keys) >= len(told) or keys != [column.name for column in told[-len(keys) :]]):
        raise runner.fail("query.ctas_partitioned_by", name, keys=", ".join(keys))
    database = runner.database(name)
    location = str(said.properties.get("external_location", "")) or f"{default.rstrip('/')}/{database}/{name.name}/"
    place = len(told) - len(keys)
    table = UserTable(
        database, name.name, tuple(told[:place]), tuple(told[place:]), "parquet", runner.location(location, name),
        created_s=int(runner.now.timestamp()),
    )  # fmt: skip
    return Plan(table, _CODECS[str(codec).lower()])


def _written(column: Column, runner: Runner, said: CreateTableAs) -> str:
    if column.type.name == "unknown":
        raise runner.fail("query.ctas_unknown", said.name, column=column.name)
    if column.type.name not in _PLAIN:
        raise runner.fail("query.ctas_type", said.name, column=column.name, type=column.type)
    return hive_types.written(column.type)


def write(batches: Iterable[pa.RecordBatch], plan: Plan, folder: Path) -> tuple[int, list[Partition]]:
    """Write *batches* below *folder*; return how many rows there were, and the partitions they fell into."""
    keys = [key.name for key in plan.table.keys]
    writers: dict[tuple[str, ...], pq.ParquetWriter] = {}
    rows = 0
    try:
        for given in batches:
            batch = given.rename_columns([name.lower() for name in given.schema.names])
            rows += batch.num_rows
            for values, part in _split(batch, keys) if batch.num_rows or not keys else ():
                if values not in writers:
                    if len(writers) == _MOST:
                        raise QueryError("query.ctas_partitions", most=_MOST)
                    path = folder.joinpath(
                        *(f"{key}={value}" for key, value in zip(keys, _quoted(values), strict=True))
                    )
                    path.mkdir(parents=True, exist_ok=True)
                    writers[values] = pq.ParquetWriter(path / "part-0.parquet", part.schema, compression=plan.codec)
                writers[values].write_batch(part)
    finally:
        for writer in writers.values():
            writer.close()
    base = plan.table.location.rstrip("/")
    found = [
        Partition(
            values, "/".join([base, *(f"{key}={value}" for key, value in zip(keys, _quoted(values), strict=True)), ""])
        )
        for values in writers
        if values
    ]
    return rows, found


def _quoted(values: tuple[str, ...]) -> list[str]:
    return [quote(value, safe="") for value in values]


def _split(batch: pa.RecordBatch, keys: list[str]) -> Iterable[tuple[tuple[str, ...], pa.RecordBatch]]:
    """Cut a batch by its last columns, *keys*, which the files leave out."""
    if not keys:
        return [((), batch)]
    told = [pc.fill_null(pc.cast(batch.column(key), pa.string()), NO_VALUE) for key in keys]
    together = pa.table(told, names=keys).append_column("place", pa.array(range(batch.num_rows), pa.int64()))
    rest = batch.drop_columns(keys)
    groups = together.group_by(keys).aggregate([("place", "list")]).to_pylist()
    return [
        (tuple(group[key] for key in keys), rest.take(pa.array(group["place_list"], pa.int64()))) for group in groups
    ]
