"""Lines of a flow log ⇄ FlowBatch.

Reading is columnar: a block of lines goes through Arrow's CSV reader with string dictionaries. Only where that refuses a
block is it halved, again and again, until what is left to the line codec is small; the line codec names line, reason
and field. Both ways give the same records (tests/record/test_text.py proves it). One rule is wider than AWS writes:
runs of spaces and CRLF separate too ("Flow log record examples" prints a line with two spaces).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vpcflow.record import lines
from vpcflow.record.blocks import MAX_LINE
from vpcflow.record.fields import FIELDS
from vpcflow.record.finish import TIMESTAMP, NotARecord, finish
from vpcflow.record.format import LogFormat
from vpcflow.record.lines import LEADING
from vpcflow.record.schema import ARROW, ENCODED
from vpcflow.record.tags import encode_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from vpcflow.record.blocks import Block
    from vpcflow.record.lines import Leading
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

_LEAF: Final = 1 << 16
_PARSED: Final = 1 << 20
"""Bytes that Arrow parses in one go: what it makes of them stays in the processor's cache (29 fields: a quarter faster)."""
_HEADER_LIKE: Final = re.compile(rb"^[a-z][a-z0-9_-]*(?: [a-z][a-z0-9_-]*)*$", re.MULTILINE)
_RUNS: Final = re.compile(rb"[ \t]{2,}|\t")
_EDGES: Final = re.compile(rb"^ +| +$", re.MULTILINE)
_SPACE: Final = re.compile(r"[ \t\r\n\0]")
_TORN: Final = r"[ \t\r\n\x00]|^$"
_HEX: Final = re.compile(rb"(?:^|[ -])0[xX]", re.MULTILINE)
_BOM: Final = b"\xef\xbb\xbf"


class TextReader:
    """Reads the lines of one source; the format may change where a header line says so.

    leading: what stands before each record: ``iso`` (a CloudWatch Logs export's time), ``ms`` (epoch milliseconds) or none.
    """

    def __init__(self, log_format: LogFormat, source: str, report: ReadReport, *, leading: Leading = "") -> None:
        self.formats: list[LogFormat] = []
        self._source, self._report, self._leading = source, report, leading
        self._use(log_format)

    def _use(self, log_format: LogFormat) -> None:
        self._format = log_format
        if log_format not in self.formats:
            self.formats.append(log_format)
        names = [TIMESTAMP, *log_format.names] if self._leading else list(log_format.names)
        types = {name: _parsed_type(name, self._leading) for name in names}
        self._has_numbers = any(not pa.types.is_dictionary(kind) for kind in types.values())
        self._header = log_format.header().encode() + b"\n"
        self._parse_options = csv.ParseOptions(
            delimiter=" ", quote_char=False, double_quote=False, escape_char=False, newlines_in_values=False
        )
        self._convert_options = csv.ConvertOptions(
            column_types=types, null_values=["-"], strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        self._names = names

    def read(self, block: Block) -> Iterator[tuple[str, FlowBatch]]:
        """Yield (table, records) for the records of *block*; what is no record goes to the report."""
        if _blank(block.data):
            return
        data, line = block.data, block.first_line
        if data.startswith(self._header):
            data, line = data[len(self._header) :], line + 1
        plain = self._has_numbers and b"\t" not in data and b"\r" not in data and self._header not in data
        batch = self._parse(data) if plain and _safe(data) else None
        if batch is not None:
            yield from self._counted(batch)
            return
        data, place = _clean(data), 0
        for match in _HEADER_LIKE.finditer(data):
            found = LogFormat.from_header(match.group().decode())
            if found is None:
                continue
            segment = data[place : match.start()]
            yield from self._halve(segment, line)
            line += segment.count(b"\n") + 1
            place = match.end() + 1
            self._use(found)
        yield from self._halve(data[place:], line)

    def _halve(self, data: bytes, line: int) -> Iterator[tuple[str, FlowBatch]]:
        if _blank(data):
            return
        batch = self._parse(data) if _safe(data) else None
        if batch is not None:
            yield from self._counted(batch)
            return
        middle = data.find(b"\n", len(data) // 2) + 1
        if len(data) <= _LEAF or not 0 < middle < len(data):
            batch = lines.parse(data, line, self._format, self._source, self._report, leading=self._leading)
            yield from self._counted(batch)
            return
        yield from self._halve(data[:middle], line)
        yield from self._halve(data[middle:], line + data.count(b"\n", 0, middle))

    def _parse(self, data: bytes) -> FlowBatch | None:
        """Parse whole lines at once; None when any of them is no record."""
        try:
            table = csv.read_csv(
                pa.BufferReader(data),
                csv.ReadOptions(use_threads=False, column_names=self._names, block_size=_PARSED),
                self._parse_options,
                self._convert_options,
            )
            columns = {name: _whole(column) for name, column in zip(self._names, table.columns, strict=True)}
            if not _plausible(columns.values()):
                return None
            return finish(columns, self._format)
        except (pa.ArrowInvalid, NotARecord):
            return None

    def _counted(self, batch: FlowBatch) -> Iterator[tuple[str, FlowBatch]]:
        if not batch.num_rows:
            return
        self._report.rows += batch.num_rows
        for name in self._format.unknown:
            self._report.unknown_fields[name] += batch.num_rows
        yield self._format.table, batch


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, without a copy where it is one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _parsed_type(name: str, leading: Leading) -> pa.DataType:
    if name == TIMESTAMP:
        return LEADING[leading]
    field = FIELDS.get(name)
    return ENCODED if field is None or field.type == "string" else ARROW[field.type]


def _blank(data: bytes) -> bool:
    return not data or (data.isspace() and not data.strip(b" \t\r\n"))


def _safe(data: bytes) -> bool:
    """Tell whether Arrow reads *data* by our rules: it takes 0x1F for a number, NUL for text, and drops a mark at the begin."""
    if b"\0" in data or data.startswith(_BOM):
        return False
    return not ((b"x" in data or b"X" in data) and _HEX.search(data))


def _plausible(columns: Collection[pa.Array]) -> bool:
    """Tell whether no string is empty (two spaces in a row make one) and none is so long that its line may be too long."""
    for column in columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.min_max(pc.binary_length(column.dictionary))
            if lengths["min"].as_py() == 0 or (lengths["max"].as_py() or 0) * len(columns) > MAX_LINE:
                return False
    return True


def _clean(data: bytes) -> bytes:
    """Make single spaces and newlines of all white space; the number of lines stays."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    if b"  " in data or b"\t" in data:
        data = _RUNS.sub(b" ", data)
    if b" \n" in data or b"\n " in data or data[:1] == b" " or data[-1:] == b" ":
        data = _EDGES.sub(b"", data)
    return data


def write_lines(batch: FlowBatch, log_format: LogFormat) -> bytes:
    """Return *batch* as lines of *log_format*, each ended by a newline, without a header.

    Fields the batch lacks are written as "-"; tag values are percent-encoded, and so is white space in any value.
    """
    if not batch.num_rows:
        return b""
    *others, last = (text_column(batch, name) for name in log_format.names)
    ended = pc.binary_join_element_wise(last, "\n", "")
    return bytes_of(pc.binary_join_element_wise(*others, ended, " ") if others else ended)


def bytes_of(column: pa.Array) -> bytes:
    """Return all values of a string column, one after another, as they lie in its buffer."""
    offsets = column.buffers()[1]
    start = int.from_bytes(offsets[column.offset * 4 : column.offset * 4 + 4].to_pybytes(), "little")
    stop_at = (column.offset + len(column)) * 4
    stop = int.from_bytes(offsets[stop_at : stop_at + 4].to_pybytes(), "little")
    text: bytes = column.buffers()[2][start:stop].to_pybytes()
    return text


def text_column(batch: FlowBatch, name: str) -> pa.Array:
    """Return one field of *batch* as strings, the way a flow log writes them ("-" for null), each of them one token."""
    field = FIELDS.get(name)
    if field is not None and field.column in batch.schema.names:
        column = batch.column(field.column)
        if field.type != "string":
            return column.cast(pa.string()).fill_null("-")
        return _tokens(encode_tag(column) if field.kind == "tag" else column)
    if "x_extra" in batch.schema.names:
        return _tokens(pc.map_lookup(batch.column("x_extra"), query_key=name, occurrence="first"))
    return pa.nulls(batch.num_rows, pa.string()).fill_null("-")


def _tokens(column: pa.Array) -> pa.Array:
    """Return strings that are one token each: white space percent-encoded as in tag values, "-" for nothing."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = encoded.dictionary
    if pc.any(pc.match_substring_regex(values, _TORN)).as_py():
        texts = [text and _SPACE.sub(lambda match: f"%{ord(match[0]):02X}", text) for text in values.to_pylist()]
        values = pa.array([text or None for text in texts], pa.string())
    return values.take(encoded.indices).fill_null("-")


def text_of(batches: Iterable[FlowBatch], log_format: LogFormat) -> Iterator[bytes]:
    """Yield a file of *log_format*: its header line, then the lines of each batch."""
    yield f"{log_format.header()}\n".encode()
    for batch in batches:
        yield write_lines(batch, log_format)
