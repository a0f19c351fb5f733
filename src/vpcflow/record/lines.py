"""The line codec: plain, slow, and able to say what is wrong with a line.

It reads what the columnar way refuses and is its reference in tests.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa

from vpcflow.record.blocks import MAX_LINE
from vpcflow.record.fields import FIELDS
from vpcflow.record.finish import MILLISECONDS_FROM, TIMESTAMP, finish
from vpcflow.record.schema import ARROW, ENCODED
from vpcflow.telemetry import SHOWN_WIDTH, BadLine

if TYPE_CHECKING:
    from vpcflow.record.format import LogFormat
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

Leading = Literal["", "iso", "ms"]
"""What stands before each record: nothing, an ISO 8601 time, or epoch milliseconds."""

LEADING: Final[dict[str, pa.DataType]] = {"iso": pa.timestamp("ms", "UTC"), "ms": pa.int64()}

_NUMBER: Final = re.compile(r"-?0*[0-9]{1,19}")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITS: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class _Bad(Exception):  # noqa: N818 - carries a reason to the report, nothing fails
    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


def parse(
    data: bytes, line: int, log_format: LogFormat, source: str, report: ReadReport, *, leading: Leading = ""
) -> FlowBatch:
    """Return the records among the lines of *data*; each other line goes to *report*. Empty lines are nothing.

    line: number of the first line, from 1.
    """
    names = [TIMESTAMP, *log_format.names] if leading else list(log_format.names)
    values: list[list[int | str | None]] = [[] for _ in names]
    for number, raw in enumerate(data.split(b"\n"), line):
        if not raw.strip(b" \t\r"):
            continue
        try:
            row = _values(raw, names, leading)
        except _Bad as bad:
            shown = raw[:SHOWN_WIDTH].decode("utf-8", "replace")
            report.bad_line(BadLine(source, number, bad.reason, bad.field, shown), raw)
            continue
        for column, value in zip(values, row, strict=True):
            column.append(value)
    columns = {name: _column(name, column) for name, column in zip(names, values, strict=True)}
    return finish(columns, log_format)


def _values(raw: bytes, names: list[str], leading: Leading) -> list[int | str | None]:
    if len(raw) > MAX_LINE:
        raise _Bad("line_too_long")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _Bad("not_text") from None
    if "\0" in text:
        raise _Bad("not_text")
    tokens = re.split(r"[ \t\r]+", text.strip(" \t\r"))
    if len(tokens) < len(names):
        raise _Bad("too_few_fields", names[len(tokens)])
    if len(tokens) > len(names):
        raise _Bad("too_many_fields")
    return [_value(name, token, leading) for name, token in zip(names, tokens, strict=True)]


def _value(name: str, token: str, leading: Leading) -> int | str | None:
    if token == "-":
        return None
    if name == TIMESTAMP:
        return _event_time(token, leading)
    field = FIELDS.get(name)
    if field is None or field.type == "string":
        return token
    if not _NUMBER.fullmatch(token):
        raise _Bad("not_a_number", name)
    number = int(token)
    low, high = _LIMITS[field.type]
    if not low <= number <= high:
        raise _Bad("not_a_number", name)
    if field.kind == "time" and not 0 <= number < MILLISECONDS_FROM * 1000:
        raise _Bad("not_a_time", name)
    return number


def _event_time(token: str, leading: Leading) -> int:
    time_ms = _iso_ms(token) if leading == "iso" else int(token) if _NUMBER.fullmatch(token) else -1
    if not 0 <= time_ms < MILLISECONDS_FROM * 1000:
        raise _Bad("not_a_time", TIMESTAMP)
    return time_ms


def _iso_ms(token: str) -> int:
    """Return the milliseconds since the epoch of an ISO 8601 time with its zone, -1 for what is none."""
    try:
        return (datetime.fromisoformat(token) - _EPOCH) // timedelta(milliseconds=1) if _ISO.fullmatch(token) else -1
    except ValueError:
        return -1


def _column(name: str, values: list[int | str | None]) -> pa.Array:
    if name == TIMESTAMP:
        return pa.array(values, pa.int64())
    field = FIELDS.get(name)
    if field is not None and field.type != "string":
        return pa.array(values, ARROW[field.type])
    return pa.array(values, pa.string()).cast(ENCODED)
