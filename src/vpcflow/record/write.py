"""FlowBatch → a file of any kind that `read` takes back."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.errors import RecordError
from vpcflow.record.extra import json_texts
from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT, LogFormat
from vpcflow.record.parquet import fitted, write_parquet
from vpcflow.record.schema import in_order, schema_of
from vpcflow.record.text import bytes_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from vpcflow.types import FlowBatch

Written = Literal["text", "jsonl", "json", "csv", "arrow", "parquet"]

_QUOTED: Final = re.compile(r'[",\r\n]')
_FORMULA: Final = re.compile(r"[=+\-@\t\r']")
"""How a value begins that a spreadsheet would compute (OWASP, "CSV Injection"), or that looks as if it were defused."""


def write(batches: Iterable[FlowBatch], kind: Written, out: BinaryIO, log_format: LogFormat | None = None) -> None:
    """Write *batches* (of one table) to *out*.

    kind: `text` needs *log_format*; in the others it says which columns, else the first batch does.
    jsonl, json: column names, typed values, null for "-". csv: formulas defused. arrow: an IPC stream.
    Raises RecordError `write.no_format`, or `write.columns` when a batch has columns that the first one had not.
    """
    if kind == "text":
        if log_format is None:
            raise RecordError("write.no_format")
        _put(text_of(batches, log_format), out)
        return
    stream = iter(batches)
    first = next(stream, None)
    names = _names(first, log_format)
    same = _same(stream if first is None else chain([first], stream), names, exact=log_format is None)
    if kind == "parquet":
        write_parquet(same, out, names)
    elif kind == "arrow":
        with pa.ipc.new_stream(out, schema_of(names)) as writer:
            for batch in same:
                writer.write_batch(batch)
    else:
        _put(_TEXTS[kind](same, names), out)


def _names(first: FlowBatch | None, log_format: LogFormat | None) -> list[str]:
    if log_format is None and first is not None:
        return [name for name in first.schema.names if name != "x_source"]
    log_format = log_format or DEFAULT
    known = {FIELDS[name].column for name in log_format.names if name in FIELDS}
    more = {"x_extra"} if log_format.unknown else set()
    return in_order(log_format.table, known | more)


def _same(batches: Iterable[FlowBatch], names: list[str], *, exact: bool) -> Iterator[FlowBatch]:
    schema = schema_of(names)
    for batch in batches:
        beyond = set(batch.schema.names) - set(names) - {"x_source"}
        if exact and beyond:
            raise RecordError("write.columns", columns=", ".join(sorted(beyond)))
        yield fitted(batch, schema)


def _put(pieces: Iterable[bytes], out: BinaryIO) -> None:
    out.writelines(pieces)


def _jsonl(batches: Iterable[FlowBatch], names: list[str]) -> Iterator[bytes]:
    for batch in batches:
        yield bytes_of(_objects(batch, names, "", "\n"))


def _json(batches: Iterable[FlowBatch], names: list[str]) -> Iterator[bytes]:
    yield b"["
    between = b"\n"
    for batch in batches:
        if batch.num_rows:
            yield between + bytes_of(_objects(batch, names, ",\n", ""))[2:]
            between = b",\n"
    yield b"\n]\n"


def _objects(batch: FlowBatch, names: list[str], before: str, after: str) -> pa.Array:
    """Return each row as a JSON object; `x_extra` only in rows that have some."""
    parts: list[pa.Array | str] = [before + "{"]
    comma = ""
    for name in names:
        if name != "x_extra":
            parts += [f"{comma}{json.dumps(name)}:", _json_values(batch.column(name))]
            comma = ","
    extras = [text and f'{comma}"x_extra":{text}' for text in json_texts(batch)]
    return pc.binary_join_element_wise(*parts, pa.array(extras, pa.string()), "}" + after, "")


def _json_values(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        column = _each_value(column, lambda text: json.dumps(text, ensure_ascii=False))
    return column.cast(pa.string()).fill_null("null")


def _csv(batches: Iterable[FlowBatch], names: list[str]) -> Iterator[bytes]:
    # One name alone would be the header of text, and an empty line no row: a single column is quoted.
    single = len(names) == 1
    yield (f'"{names[0]}"' if single else ",".join(names)).encode() + b"\n"
    for batch in batches:
        columns = [_csv_values(batch, name, '""' if single else "") for name in names]
        ended = pc.binary_join_element_wise(columns[-1], "\n", "")
        yield bytes_of(pc.binary_join_element_wise(*columns[:-1], ended, ",") if columns[:-1] else ended)


def _csv_values(batch: FlowBatch, name: str, nothing: str) -> pa.Array:
    column = pa.array(json_texts(batch), pa.string()) if name == "x_extra" else batch.column(name)
    if pa.types.is_string(column.type):
        column = _each_value(column, _cell)
    return column.cast(pa.string()).fill_null(nothing)


def _cell(text: str) -> str:
    text = defused(text)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def defused(text: str) -> str:
    """Return *text* so that a spreadsheet takes it for a text."""
    return f"'{text}" if _FORMULA.match(text) else text


def _each_value(column: pa.Array, change: Callable[[str], str]) -> pa.Array:
    encoded = column.dictionary_encode()
    values = [None if text is None else change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)


_TEXTS: Final[dict[str, Callable[[Iterable[FlowBatch], list[str]], Iterator[bytes]]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
}
