"""CSV and Arrow streams → FlowBatch: what we write, and tables like it (Athena's results are such CSV)."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vpcflow.errors import RecordError
from vpcflow.record.blocks import blocks
from vpcflow.record.columns import Columns
from vpcflow.record.inflate import PieceReader
from vpcflow.record.kind import csv_names
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Iterable, Iterator

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

_BLOCK: Final = 1 << 20
_ROWS: Final = 20_000
_DAMAGE: Final = (pa.ArrowException, OSError, MemoryError, ValueError)


def read_csv(
    content: Iterable[bytes], source: str, report: ReadReport, origin: Origin
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of CSV with a header; a row with too few or too many values is a bad row.

    An apostrophe before a value is taken off: it is there to keep spreadsheets from computing the value.
    """
    lines = _lines(content, source, report)
    names = csv_names(next(lines, "").rstrip("\r\n"))
    columns = _checked(Columns(names, wild=False), names, source, origin)
    reader = csv.reader(lines)
    numbers: list[int] = []
    rows: list[list[str]] = []
    while (row := _row(reader, len(names), source, report)) is not None:
        if row:
            numbers.append(reader.line_num + 1)
            rows.append(row)
        if len(rows) == _ROWS:
            yield from columns.records(_columns(rows), numbers, source, report)
            numbers, rows = [], []
    if rows:
        yield from columns.records(_columns(rows), numbers, source, report)


def _lines(content: Iterable[bytes], source: str, report: ReadReport) -> Iterator[str]:
    for block in blocks(content, source, report, size=_BLOCK):
        # What is no UTF-8 is told value by value later.
        *whole, last = block.data.decode("utf-8", "surrogateescape").split("\n")
        yield from (line + "\n" for line in whole)
        if last:
            yield last


def _row(reader: Reader, width: int, source: str, report: ReadReport) -> list[str] | None:
    """Return the next row, empty for one that is none (counted, if it is bad), None at the end."""
    try:
        row = next(reader, None)
    except csv.Error as error:
        report.bad_line(BadLine(source, reader.line_num + 1, "bad_csv", text=str(error)))
        return []
    if not row or len(row) == width:
        return row
    text = ",".join(row)[:SHOWN_WIDTH].encode("utf-8", "replace")
    reason = "too_few_fields" if len(row) < width else "too_many_fields"
    report.bad_line(BadLine(source, reader.line_num + 1, reason, text=text.decode()), text)
    return []


def _columns(rows: list[list[str]]) -> list[pa.Array]:
    return [_array([text.removeprefix("'") for text in column]) for column in zip(*rows, strict=True)]


def _array(texts: list[str]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-8", "surrogateescape") for text in texts], pa.binary())


def read_arrow(
    content: Iterable[bytes], source: str, report: ReadReport, origin: Origin
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of an Arrow IPC stream; what comes after damage is a named loss."""
    try:
        reader = pa.ipc.open_stream(pa.PythonFile(PieceReader(content), mode="r"))
        names = reader.schema.names  # UnicodeDecodeError, a ValueError, where one is no text
    except _DAMAGE as error:
        report.lost(source, "damaged", str(error)[:200])
        return
    columns = _checked(Columns(names, wild=False), names, source, origin)
    first = 1
    for batch in _batches(reader, source, report):
        yield from columns.records(batch.columns, range(first, first + batch.num_rows), source, report)
        first += batch.num_rows


def _batches(reader: Iterator[pa.RecordBatch], source: str, report: ReadReport) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = next(reader)
            batch.validate(full=True)
        except StopIteration:
            return
        except _DAMAGE as error:
            report.lost(source, "damaged", str(error)[:200])
            return
        yield batch


def _checked(columns: Columns, names: list[str], source: str, origin: Origin) -> Columns:
    if not columns.plausible:
        raise RecordError("unknown_kind", source=source, text=", ".join(names)[:60])
    origin.formats = [columns.log_format]
    return columns
