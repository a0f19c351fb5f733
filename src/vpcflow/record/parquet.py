"""Parquet ⇄ FlowBatch: as AWS writes it, as we do, and as anybody else does."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vpcflow.errors import RecordError
from vpcflow.record.columns import Columns
from vpcflow.record.inflate import PieceReader
from vpcflow.record.schema import HIDDEN, schema_of
from vpcflow.record.tags import encode_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

ROWS: Final = 65_536
"""Rows read at once."""

PLAIN_TAGS: Final = {b"vpcflow.tags": b"plain"}
"""Metadata of files that we write for ourselves: tag values are not percent-encoded, null is null."""

_IN_MEMORY: Final = 8 << 20
_DAMAGE: Final = (pa.ArrowException, OSError, MemoryError, ValueError, KeyError, NotImplementedError)


def read_parquet(
    content: Iterable[bytes], source: str, report: ReadReport, origin: Origin
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of a Parquet file; row groups that cannot be read are a named loss.

    The content is put into a temporary file first when it is large: Parquet begins at its end.
    """
    with _spooled(content) as spool:
        try:
            file = _opened(spool)
        except _DAMAGE as error:
            report.lost(source, "damaged", str(error)[:200])
            return
        wild = not PLAIN_TAGS.items() <= (file.schema_arrow.metadata or {}).items()
        columns = Columns(file.schema_arrow.names, wild=wild)
        if not columns.plausible:
            names = ", ".join(file.schema_arrow.names)[:60]
            raise RecordError("unknown_kind", source=source, text=names)
        origin.formats = [columns.log_format]
        yield from _row_groups(file, columns, source, report)


@contextmanager
def _spooled(content: Iterable[bytes]) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        shutil.copyfileobj(PieceReader(content), spool)
        spool.seek(0)
        yield cast("BinaryIO", spool)


def _opened(spool: BinaryIO) -> pq.ParquetFile:
    """Open with strings as codes, so that a value repeated in each row takes its memory once."""
    file = pq.ParquetFile(spool)
    texts = [
        field.name for field in file.schema_arrow if pa.types.is_string(field.type) or pa.types.is_binary(field.type)
    ]
    spool.seek(0)
    return pq.ParquetFile(spool, read_dictionary=texts, pre_buffer=False, buffer_size=1 << 20)


def _row_groups(
    file: pq.ParquetFile, columns: Columns, source: str, report: ReadReport
) -> Iterator[tuple[str, FlowBatch]]:
    first, damaged, why = 1, 0, ""
    for group in range(file.num_row_groups):
        row = first
        batches = file.iter_batches(ROWS, row_groups=[group], use_threads=False)
        while True:
            try:
                batch = _sound(next(batches, None))
            except _DAMAGE as error:
                damaged, why = damaged + 1, str(error)[:200]
                break
            if batch is None:
                break
            yield from columns.records(batch.columns, range(row, row + batch.num_rows), source, report)
            row += batch.num_rows
        first += file.metadata.row_group(group).num_rows
    if damaged:
        report.lost(source, "damaged", f"{damaged}/{file.num_row_groups}: {why}")


def _sound(batch: pa.RecordBatch | None) -> pa.RecordBatch | None:
    """Return *batch*; ArrowInvalid when a code has no value in its dictionary, which Arrow does not look at."""
    for column in batch.columns if batch is not None else ():
        if pa.types.is_dictionary(column.type):
            bounds = pc.min_max(column.indices)
            if bounds["min"].is_valid and not 0 <= bounds["min"].as_py() <= bounds["max"].as_py() < len(
                column.dictionary
            ):
                raise pa.ArrowInvalid("code beyond the dictionary")
    return batch


def write_parquet(
    batches: Iterable[FlowBatch], out: BinaryIO, columns: Sequence[str] | None = None, *, dash: bool = False
) -> None:
    """Write *batches* as one Parquet file with AWS's column names and types.

    columns: of the file; those of the first batch when not given. Columns a batch lacks are null, others it has are left out.
    dash: in AWS's place: "-" for null in string columns, tag values percent-encoded, pages gzip'd, none of our own columns.
    Source: VPC User Guide, "Flow log files" (gzip; types of "Flow log records").
    """
    stream = iter(batches)
    first = next(stream, None)
    names = list(columns if columns is not None else first.schema.names if first is not None else ())
    names = [name for name in names if not (dash and name in HIDDEN)]
    schema = schema_of(names) if dash else schema_of(names).with_metadata(PLAIN_TAGS)
    with pq.ParquetWriter(out, schema, compression="gzip" if dash else "zstd") as writer:
        for batch in _all(first, stream):
            writer.write_batch(fitted(batch, schema, dash=dash))


def _all(first: FlowBatch | None, rest: Iterator[FlowBatch]) -> Iterator[FlowBatch]:
    if first is not None:
        yield first
        yield from rest


def fitted(batch: FlowBatch, schema: pa.Schema, *, dash: bool = False) -> FlowBatch:
    """Return *batch* with exactly the columns of *schema*, absent ones null."""
    columns = []
    for field in schema:
        present = field.name in batch.schema.names
        column = batch.column(field.name) if present else pa.nulls(batch.num_rows, field.type)
        if dash and "_tag" in field.name:
            column = encode_tag(column)
        column = column.cast(field.type)
        columns.append(column.fill_null("-") if dash and pa.types.is_string(field.type) else column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
