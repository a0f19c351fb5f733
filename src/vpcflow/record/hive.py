"""Lines of delimited text → columns, by the rules of Hive's LazySimpleSerDe.

A missing field at the end is null, an extra one is left out, a value that does not convert is null; strings stay as they are, so
that AWS's "-" is "-". Arrow's CSV reader does the work; a block that it refuses is halved until what is left is small, and
that is cut by hand.

Source: Athena User Guide, "Lazy Simple SerDe for CSV, TSV, and custom-delimited files".
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vpcflow.record.blocks import MAX_LINE, blocks
from vpcflow.record.inflate import inflate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vpcflow.telemetry import ReadReport

_LEAF: Final = 1 << 16
_PARSED: Final = 1 << 20
_EMPTY: Final = re.compile(rb"\A\r?\n|\n\r?\n|\A\r?\Z")
_HEX: Final = re.compile(rb"0[xX]")
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?|[+-]?Infinity|NaN", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """How lines are cut. columns: name and type of each field in order. delimiter, escape: one byte; escape may be "".

    null: the text that stands for null. header_lines: lines to leave out at the begin of each file.
    """

    columns: tuple[tuple[str, pa.DataType], ...]
    delimiter: str = "\x01"
    escape: str = ""
    null: str = "\\N"
    header_lines: int = 0


def read(
    raw: BinaryIO, layout: Layout, wanted: Sequence[str], source: str, report: ReadReport
) -> Iterator[pa.RecordBatch]:
    """Yield the *wanted* columns of all lines of *raw* (compressed or not).

    A batch has at least one row; with no column wanted it has one that is null, to be counted. Losses go to *report*.
    """
    reader = _Reader(layout, wanted)
    left = layout.header_lines
    for block in blocks(inflate(raw, source, report), source, report):
        data = block.data
        while left and data:
            _, _, data = data.partition(b"\n")
            left -= 1
        place = 0
        while place < len(data):
            # What Arrow makes of a piece of this size stays in the processor's cache.
            end = data.find(b"\n", min(len(data), place + _PARSED) - 1) + 1 or len(data)
            yield from reader.read(data[place:end] if (place, end) != (0, len(data)) else data)
            place = end


def convert(text: str, kind: pa.DataType) -> object | None:  # noqa: PLR0911 - a type each
    """Return what *text* is as *kind*, None where it is nothing such."""
    try:
        if pa.types.is_integer(kind):
            if not _INTEGER.fullmatch(text):
                return None
            number = int(text)
            return number if -(1 << kind.bit_width - 1) <= number < 1 << kind.bit_width - 1 else None
        if pa.types.is_floating(kind):
            return float(text) if _FLOAT.fullmatch(text) else None
        if pa.types.is_boolean(kind):
            return {"true": True, "false": False}.get(text.lower())
        if pa.types.is_decimal(kind):
            exact = decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-kind.scale))
            return exact if exact.adjusted() < kind.precision - kind.scale else None
        if pa.types.is_date(kind):
            return dt.date.fromisoformat(text) if _DATE.fullmatch(text) else None
        if pa.types.is_timestamp(kind):
            return dt.datetime.fromisoformat(text[:26]) if _TIME.fullmatch(text) else None
    except (ValueError, ArithmeticError):
        return None
    return text.encode() if pa.types.is_binary(kind) else text


class _Reader:
    def __init__(self, layout: Layout, wanted: Sequence[str]) -> None:
        self._layout = layout
        kinds = dict(layout.columns)
        # Counting rows needs a column; the first is the quickest to find.
        self._wanted = list(wanted) or [layout.columns[0][0]]
        self.schema = pa.schema([(name, kinds[name]) for name in self._wanted])
        self._places = [list(kinds).index(name) for name in self._wanted]
        self._null = layout.null.encode()
        self._parse = csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char=False,
            double_quote=False,
            escape_char=layout.escape or False,
            newlines_in_values=False,
            ignore_empty_lines=False,
        )
        self._typed = self._options({name: kinds[name] for name in self._wanted})
        self._texts = self._options({name: pa.string() for name in self._wanted})
        self._has_integers = any(pa.types.is_integer(kind) for kind in self.schema.types)

    def _options(self, types: dict[str, pa.DataType]) -> csv.ConvertOptions:
        return csv.ConvertOptions(
            column_types=types,
            include_columns=self._wanted,
            null_values=["-", "", self._layout.null],
            true_values=["true", "TRUE", "True"],
            false_values=["false", "FALSE", "False"],
            strings_can_be_null=False,
            timestamp_parsers=[csv.ISO8601],
        )

    def read(self, data: bytes) -> Iterator[pa.RecordBatch]:
        """Yield the rows of *data*, whole lines."""
        # Arrow reads 0x10 as a number; Hive does not.
        if not (self._has_integers and _HEX.search(data)):
            batch = self._arrow(data, self._typed)
            if batch is not None:
                yield self._nulled(batch, data)
                return
        yield from self._lenient(data)

    def _lenient(self, data: bytes) -> Iterator[pa.RecordBatch]:
        """Read texts and convert them one by one; halve what has too few or too many fields."""
        batch = self._arrow(data, self._texts)
        if batch is not None:
            yield self._converted(batch.columns)
            return
        middle = data.find(b"\n", len(data) // 2) + 1
        if len(data) <= _LEAF or not 0 < middle < len(data):
            yield self._by_hand(data)
            return
        yield from self._lenient(data[:middle])
        yield from self._lenient(data[middle:])

    def _arrow(self, data: bytes, convert_options: csv.ConvertOptions) -> pa.RecordBatch | None:
        if _EMPTY.search(data) and len(self._layout.columns) > 1:
            return None  # Arrow takes it for a line with all fields, and empty ones
        options = csv.ReadOptions(
            use_threads=False,
            block_size=len(data) + MAX_LINE,
            column_names=[name for name, _ in self._layout.columns],
        )
        try:
            table = csv.read_csv(pa.BufferReader(data), options, self._parse, convert_options)
        except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError):
            return None
        return table.combine_chunks().to_batches()[0] if table.num_rows else None

    def _nulled(self, batch: pa.RecordBatch, data: bytes) -> pa.RecordBatch:
        """Make null of the strings that stand for it."""
        if self._null not in data:
            return batch
        columns = [
            pc.if_else(pc.equal(column, self._layout.null), None, column) if pa.types.is_string(column.type) else column
            for column in batch.columns
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _converted(self, columns: Sequence[pa.Array]) -> pa.RecordBatch:
        arrays = [self._column(column, kind) for column, kind in zip(columns, self.schema.types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, column: pa.Array, kind: pa.DataType) -> pa.Array:
        encoded = column.dictionary_encode()
        values = [None if text == self._layout.null else convert(text, kind) for text in encoded.dictionary.to_pylist()]
        return pa.array(values, kind).take(encoded.indices)

    def _by_hand(self, data: bytes) -> pa.RecordBatch:
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        cut = self._cut()
        rows = [cut(line.removesuffix(b"\r").decode("utf-8", "replace")) for line in lines]
        columns = [
            pa.array([row[place] if place < len(row) else None for row in rows], pa.string()) for place in self._places
        ]
        return self._converted(columns)

    def _cut(self) -> Callable[[str], list[str]]:
        delimiter, escape = self._layout.delimiter, self._layout.escape
        if not escape:
            return lambda line: line.split(delimiter)
        part = re.compile(f"(?:{re.escape(escape)}.|[^{re.escape(delimiter)}])*", re.DOTALL)
        escaped = re.compile(f"{re.escape(escape)}(.)", re.DOTALL)

        def cut(line: str) -> list[str]:
            found, place = [], 0
            while place <= len(line):
                match = part.match(line, place)
                end = match.end() if match else place
                found.append(escaped.sub(r"\1", line[place:end]))
                place = end + 1
            return found

        return cut
