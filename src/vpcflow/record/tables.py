"""CSV and Arrow streams → FlowBatch: what we write, and tables like it (Athena's results are such CSV)."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vpcflow.errors import RecordError
from vpcflow.record.columns import Columns
from vpcflow.record.inflate import PieceReader
from vpcflow.record.kind import csv_names
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vpcflow.record.origin import Origin
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

_BLOCK: Final = 4 << 20
_DAMAGE: Final = (pa.ArrowException, OSError, MemoryError, ValueError)


def read_csv(
    content: Iterable[bytes], source: str, report: ReadReport, origin: Origin
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of CSV with a header; a row with too few or too many values is a bad row.

    An apostrophe before a value is taken off: it is there to keep spreadsheets from computing the value.
    """
    header, rest = _header(content)
    names = csv_names(header.decode("utf-8", "replace"))
    columns = _checked(Columns(names, wild=False), names, source, origin)
    bad: set[int] = set()

    def skip(row: csv.InvalidRow) -> str:
        reason = "too_few_fields" if row.actual_columns < row.expected_columns else "too_many_fields"
        bad.add(row.number + 1)
        report.bad_line(BadLine(source, row.number + 1, reason, text=row.text[:SHOWN_WIDTH]), row.text.encode())
        return "skip"

    places = [str(place) for place in range(len(names))]
    try:
        reader = csv.open_csv(
            pa.PythonFile(PieceReader(rest), mode="r"),
            csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=places),
            csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            csv.ConvertOptions(column_types=dict.fromkeys(places, pa.binary())),
        )
    except _DAMAGE as error:
        if "Empty CSV" not in str(error):
            report.lost(source, "damaged", str(error)[:200])
        return
    numbers = (number for number in count(2) if number not in bad)
    for batch in _batches(reader, source, report):
        taken = list(islice(numbers, batch.num_rows))
        yield from columns.records([_without_apostrophe(column) for column in batch.columns], taken, source, report)


def read_arrow(
    content: Iterable[bytes], source: str, report: ReadReport, origin: Origin
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of an Arrow IPC stream; what comes after damage is a named loss."""
    try:
        reader = pa.ipc.open_stream(pa.PythonFile(PieceReader(content), mode="r"))
    except _DAMAGE as error:
        report.lost(source, "damaged", str(error)[:200])
        return
    columns = _checked(Columns(reader.schema.names, wild=False), reader.schema.names, source, origin)
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


def _header(content: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Take the first line off; it is among the first bytes, where the kind was told by it."""
    pieces = iter(content)
    held = b""
    while b"\n" not in held and (piece := next(pieces, b"")):
        held += piece
    held = held.lstrip(b" \t\r\n") if not held[:1].strip() else held
    line, _, rest = held.partition(b"\n")

    def following() -> Iterator[bytes]:
        yield rest
        yield from pieces

    return line.rstrip(b"\r"), following()


def _without_apostrophe(column: pa.Array) -> pa.Array:
    led = pc.starts_with(column, "'")
    return pc.if_else(led, pc.binary_replace_slice(column, 0, 1, b""), column) if pc.any(led).as_py() else column
