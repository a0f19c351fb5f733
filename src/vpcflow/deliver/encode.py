"""FlowBatches of one flow log → the files and messages it promises: its fields in its order, in text or Parquet.

Source: VPC User Guide "Flow log files": one gzip stream with a header line, or Parquet with gzip'd pages; at most 75 MB a file.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from isal import isal_zlib

from vpcflow.record.fields import FIELDS
from vpcflow.record.parquet import fitted
from vpcflow.record.schema import schema_of
from vpcflow.record.text import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from vpcflow.record.format import LogFormat
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FileFormat, FlowLog

MAX_FILE: Final = 75_000_000
"""Bytes of a file. Source: Transit Gateway guide "Flow log files"."""

SUFFIXES: Final[dict[FileFormat, str]] = {"plain-text": ".log.gz", "parquet": ".log.parquet"}

_ROWS: Final = 32_768
"""Rows written at once. A file is closed when the next of these pieces might not fit, however badly it packs."""

_GZIP: Final = 31  # window bits of zlib's interface: 32 KiB with a gzip header
_LEVEL: Final = 2
_PARQUET_LEVEL: Final = 4
_SPARE: Final = 16_384
"""Bytes of a piece beside its own: headers, and for Parquet what the end of the file tells of it."""

_IN_MEMORY: Final = 8 << 20

STATUS_COLUMNS: Final = frozenset(
    FIELDS[name].column
    for name in (
        "version", "account-id", "interface-id", "start", "end", "log-status", "vpc-id", "subnet-id", "instance-id",
        "region", "az-id", "sublocation-type", "sublocation-id", "resource-id", "instance-tag", "instance-tag-2",
        "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2", "interface-type", "resource-type", "tgw-id",
        "tgw-attachment-id",
    )
)  # fmt: skip
"""Columns that a NODATA or SKIPDATA record has: those that tell of the interface, not of a flow."""

_ROUTING: Final = ("account_id", "interface_id", "resource_id", "tgw_attachment_id", "start", "end", "log_status")
"""Columns that delivery goes by, whether they are in the format or not."""


def selected(batch: FlowBatch, flow_log: FlowLog) -> FlowBatch:
    """Return the records of *batch* that the flow log wants, with the columns it and its delivery need.

    A flow log of a traffic type has the records of that action, and those of no action (NODATA, SKIPDATA); ``version`` is that of
    its format. Source: EC2 API Reference `CreateFlowLogs`, `TrafficType`; VPC User Guide "Flow log records", `version`.
    """
    if flow_log.traffic_type in ("ACCEPT", "REJECT") and "action" in batch.schema.names:
        action = batch.column("action")
        wanted = pc.or_(pc.fill_null(pc.equal(action, flow_log.traffic_type), False), _without_flow(batch))
        batch = batch.filter(wanted)
    columns = [FIELDS[name].column for name in flow_log.log_format.names]
    needed = [name for name in dict.fromkeys((*columns, *_ROUTING)) if name in batch.schema.names]
    batch = batch.select(needed)
    if "version" in columns:
        version = pa.array([flow_log.log_format.version], pa.int32()).take(
            pa.nulls(batch.num_rows, pa.int32()).fill_null(0)
        )
        place = batch.schema.get_field_index("version")
        batch = batch.append_column("version", version) if place < 0 else batch.set_column(place, "version", version)
    return batch


def _without_flow(batch: FlowBatch) -> pa.Array:
    if "log_status" not in batch.schema.names:
        return pc.is_null(batch.column("action"))
    return pc.fill_null(pc.is_in(batch.column("log_status"), pa.array(["NODATA", "SKIPDATA"])), False)


def messages(batch: FlowBatch, log_format: LogFormat) -> list[str]:
    """Return each record as a line of *log_format*, without its newline."""
    return write_lines(batch, log_format).decode().split("\n")[:-1]


class _Text:
    """Lines, packed."""

    def __init__(self, out: Any, log_format: LogFormat) -> None:  # noqa: ANN401 - any file
        self._out, self._format = out, log_format
        self._gzip = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
        # igzip's first block is twice as big when it is begun with a header line alone.
        self._begin = f"{log_format.header()}\n".encode()

    def prepared(self, batch: FlowBatch) -> tuple[bytes, int]:
        """Return a piece as it is written, and how many bytes it takes at most."""
        lines = write_lines(batch, self._format)
        return lines, len(lines) + len(lines) // 1000 + _SPARE

    def write(self, lines: bytes) -> None:
        """Write a piece; all of it is counted in the file's size then."""
        self._out.write(self._gzip.compress(self._begin + lines))
        self._out.write(self._gzip.flush(isal_zlib.Z_SYNC_FLUSH))
        self._begin = b""

    def finish(self) -> None:
        """Write the end."""
        self._out.write(self._gzip.flush())


class _Parquet:
    """Row groups as AWS writes them: "-" for nothing in strings, tag values percent-encoded."""

    def __init__(self, out: Any, log_format: LogFormat) -> None:  # noqa: ANN401 - any file
        self._schema = schema_of([FIELDS[name].column for name in log_format.names])
        self._writer = pq.ParquetWriter(out, self._schema, compression="gzip", compression_level=_PARQUET_LEVEL)

    def prepared(self, batch: FlowBatch) -> tuple[FlowBatch, int]:
        """Return a piece as it is written, and how many bytes it takes at most."""
        piece = fitted(batch, self._schema, dash=True)
        return piece, piece.nbytes + _SPARE

    def write(self, piece: FlowBatch) -> None:
        """Write a piece, a row group."""
        self._writer.write_batch(piece)

    def finish(self) -> None:
        """Write the end."""
        self._writer.close()


_FILES: Final[dict[FileFormat, type[_Text | _Parquet]]] = {"plain-text": _Text, "parquet": _Parquet}


def files(batches: Iterable[FlowBatch], flow_log: FlowLog, folder: Path | None = None) -> Iterator[Any]:
    """Yield *batches* as files (nameless, at their beginning), each as large as it may be.

    folder: where they are kept until they are closed. No file for no records.
    """
    out: Any = None
    current: Any = None
    for batch in _pieces(batches):
        if current is not None:
            piece, most = current.prepared(batch)
            if out.tell() + most > MAX_FILE:
                current.finish()
                yield _rewound(out)
                current = None
        if current is None:
            out = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder) if folder else None)  # noqa: SIM115 - handed on
            current = _FILES[flow_log.options.file_format](out, flow_log.log_format)
            piece, most = current.prepared(batch)
        current.write(piece)
    if current is not None:
        current.finish()
        yield _rewound(out)


def _rewound(out: Any) -> Any:  # noqa: ANN401 - any file
    out.seek(0)
    return out


def _pieces(batches: Iterable[FlowBatch]) -> Iterator[FlowBatch]:
    """Yield the rows of *batches* in pieces of `_ROWS`, small ones put together."""
    held: list[FlowBatch] = []
    rows = 0
    for batch in batches:
        for place in range(0, batch.num_rows, _ROWS):
            piece = batch.slice(place, _ROWS)
            if rows + piece.num_rows > _ROWS and held:
                yield united(held)
                held, rows = [], 0
            held.append(piece)
            rows += piece.num_rows
    if held:
        yield united(held)


def united(batches: list[FlowBatch]) -> FlowBatch:
    """Return *batches* as one, with all of their columns; strings plain where there is more than one."""
    if len(batches) == 1:
        return batches[0]
    names = list(dict.fromkeys(name for batch in batches for name in batch.schema.names))
    schema = schema_of(names)
    return pa.Table.from_batches([fitted(batch, schema) for batch in batches]).combine_chunks().to_batches()[0]
