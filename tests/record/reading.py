"""What the tests of this room share: reading bytes whole or in drips, and rows as plain dicts."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from vpcflow.errors import RecordError
from vpcflow.record.format import LogFormat
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport

V2 = (
    "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
)
V2_NODATA = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA"
V2_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)


@dataclass
class Result:
    """All that reading a source gave."""

    rows: list[dict] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    batches: list = field(default_factory=list)
    report: ReadReport = field(default_factory=ReadReport)
    origin: Origin = field(default_factory=Origin)

    @property
    def bad(self):
        return [(bad.line, bad.reason, bad.field) for bad in self.report.shown]

    @property
    def losses(self):
        return [loss.kind for loss in self.report.losses]


class Drip(io.RawIOBase):
    """A stream that gives one byte at a time, as a slow pipe may."""

    def __init__(self, data):
        self._data = data
        self._place = 0

    def read(self, _size=-1):
        self._place += 1
        return self._data[self._place - 1 : self._place]

    def readable(self):
        return True


def read_all(data, log_format=None, *, drip=False, **options):
    """Read *data* to its end."""
    data = data.encode() if isinstance(data, str) else data
    known = LogFormat.parse(log_format) if isinstance(log_format, str) else log_format
    result = Result()
    raw = Drip(data) if drip else io.BytesIO(data)
    for table, batch in read(raw, "a source", result.report, result.origin, log_format=known, **options):
        result.batches.append(batch)
        rows = batch.to_pylist()
        result.rows += rows
        result.tables += [table] * len(rows)
    assert result.report.rows == len(result.rows)
    return result


def values(row):
    """Return what a row says, without the fields it has no value for."""
    return {name: value for name, value in row.items() if value is not None}


def read_or_refuse(data, log_format=None, **options):
    """Read *data*; None when it is refused as no flow log. Any other error is the caller's test failing."""
    try:
        return read_all(data, log_format, **options)
    except RecordError as error:
        if error.code != "unknown_kind":
            raise
        return None
