"""Results that are no records (rankings, denials): small Arrow tables in the form asked for."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from vpcflow.cli.render import refuse_terminal, write_tsv
from vpcflow.record.write import defused

if TYPE_CHECKING:
    from typing import BinaryIO


def write_result(table: pa.Table, kind: str) -> None:
    """Write *table* to stdout as text (tab-separated), json, jsonl, csv, arrow or parquet."""
    if kind == "text":
        write_tsv(table)
        return
    refuse_terminal(kind)
    sys.stdout.flush()
    _WRITERS[kind](table, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _json(table: pa.Table, out: BinaryIO) -> None:
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in table.to_pylist())
    out.write(f"[\n{rows}\n]\n".encode() if rows else b"[]\n")


def _jsonl(table: pa.Table, out: BinaryIO) -> None:
    out.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in table.to_pylist())


def _csv(table: pa.Table, out: BinaryIO) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        writer.writerow([defused(value) if isinstance(value, str) else value for value in row])
    out.write(text.getvalue().encode())


def _arrow(table: pa.Table, out: BinaryIO) -> None:
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)


def _parquet(table: pa.Table, out: BinaryIO) -> None:
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    out.write(content.getvalue())


_WRITERS = {"json": _json, "jsonl": _jsonl, "csv": _csv, "arrow": _arrow, "parquet": _parquet}
