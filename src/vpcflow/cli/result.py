"""Results that are no flow log records (rankings, denials, records with derived columns) in the form asked for."""

from __future__ import annotations

import csv
import io
import json
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from vpcflow.cli.render import data_out
from vpcflow.cli.shown import printable, written
from vpcflow.record.write import defused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO


def write_result(batches: Iterable[pa.RecordBatch], kind: str) -> None:
    """Write *batches*, at least one, to stdout as text (tab-separated), json, jsonl, csv, arrow or parquet."""
    stream = iter(batches)
    first = next(stream)
    with data_out(kind) as out:
        _WRITERS[kind](first.schema, chain([first], stream), out)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _text(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    out.write("\t".join(schema.names).encode() + b"\n")
    for row in _rows(batches):
        cells = ("-" if value is None else printable(written(value)) for value in row)
        out.write("\t".join(cells).encode() + b"\n")


def _objects(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for row in _rows(batches):
        found = dict(zip(schema.names, row, strict=True))
        yield json.dumps(found, ensure_ascii=False, separators=(",", ":"), default=written).encode()


def _json(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    between = b"[\n"
    for found in _objects(schema, batches):
        out.write(between + found)
        between = b",\n"
    out.write(b"[\n]\n" if between == b"[\n" else b"\n]\n")


def _jsonl(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    out.writelines(found + b"\n" for found in _objects(schema, batches))


def _csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    try:
        writer.writerow(schema.names)
        for row in _rows(batches):
            writer.writerow([_cell(value) for value in row])
    finally:
        text.detach()  # else it would close stdout when it goes


def _cell(value: object) -> object:
    if isinstance(value, str):
        return defused(value)
    return value if value is None or isinstance(value, (bool, int, float)) else written(value)


def _arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    with pa.ipc.new_stream(out, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)


def _parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    with pq.ParquetWriter(out, schema, compression="zstd") as file:
        for batch in batches:
            if batch.num_rows:
                file.write_batch(batch)


_WRITERS = {"text": _text, "json": _json, "jsonl": _jsonl, "csv": _csv, "arrow": _arrow, "parquet": _parquet}
