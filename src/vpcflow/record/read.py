"""Any flow log → FlowBatch: the one entry."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from vpcflow.record.blocks import BLOCK, blocks, is_cut
from vpcflow.record.events import Events
from vpcflow.record.inflate import inflate
from vpcflow.record.kind import HEAD, Kind, recognise
from vpcflow.record.messages import MessageReader
from vpcflow.record.origin import Origin
from vpcflow.record.parquet import read_parquet
from vpcflow.record.tables import read_arrow, read_csv
from vpcflow.record.text import TextReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from vpcflow.record.format import LogFormat
    from vpcflow.telemetry import ReadReport
    from vpcflow.types import FlowBatch

__all__ = ["Origin", "read"]

_BOM = b"\xef\xbb\xbf"
_TABLES = {"parquet": read_parquet, "csv": read_csv, "arrow": read_arrow}


def read(
    raw: BinaryIO,
    source: str,
    report: ReadReport,
    origin: Origin,
    *,
    log_format: LogFormat | None = None,
    block_bytes: int = BLOCK,
) -> Iterator[tuple[str, FlowBatch]]:
    """Yield (table, records) of all that *raw* holds; the table is `flow_logs` or `transit_gateway_flow_logs`.

    raw: any flow log as stored; need not be seekable. source: its name, for messages. report: counts, bad lines, losses.
    origin: filled on the way, complete at the end. log_format: of text and messages without a header; a header wins.
    block_bytes: text parsed at once. Memory stays bounded whatever *raw* holds.
    Raises RecordError `unknown_kind` for content that is no flow log or not one that can be told.
    """
    pieces = inflate(raw, source, report)
    head = _head(pieces)
    kind = recognise(b"".join(head), source, log_format, cut=is_cut(source, report))
    origin.kind = kind.name
    content = chain(head, pieces)
    if kind.log_format is not None:
        yield from _text(content, kind, kind.log_format, source, report, origin, block_bytes)
    elif kind.name in ("json", "base64"):
        events = Events(source, report, origin)
        walk = events.of_json(content) if kind.name == "json" else events.of_base64(content)
        yield from MessageReader(source, report, origin, log_format).read(events, walk, block_bytes)
    elif kind.name != "empty":
        yield from _TABLES[kind.name](content, source, report, origin)


def _head(pieces: Iterator[bytes]) -> list[bytes]:
    """Take pieces until there is enough to tell the kind."""
    head: list[bytes] = []
    size = 0
    while size < HEAD and (piece := next(pieces, b"")):
        head.append(piece)
        size += len(piece)
    if head and head[0].startswith(_BOM):
        head[0] = head[0][len(_BOM) :]
    return head


def _text(
    content: Iterable[bytes],
    kind: Kind,
    log_format: LogFormat,
    source: str,
    report: ReadReport,
    origin: Origin,
    block_bytes: int,
) -> Iterator[tuple[str, FlowBatch]]:
    reader = TextReader(log_format, source, report, leading=kind.leading)
    origin.formats = reader.formats
    for block in blocks(content, source, report, size=block_bytes):
        yield from reader.read(block)
