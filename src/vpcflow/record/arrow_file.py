"""FlowBatches as a file to read from: an Arrow IPC stream, made as it is read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa

from vpcflow.record.parquet import fitted
from vpcflow.record.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import WriteableBuffer

    from vpcflow.types import FlowBatch


class ArrowFile(io.RawIOBase):
    """What `read` takes for records that nobody has written anywhere; the batches must have the same columns."""

    def __init__(self, batches: Iterable[FlowBatch]) -> None:
        self._pieces = _pieces(batches)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer* as far as there is something; 0 at the end."""
        room = memoryview(buffer).cast("B")
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = min(len(room), len(self._rest))
        room[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


def _pieces(batches: Iterable[FlowBatch]) -> Iterator[bytes]:
    out = io.BytesIO()
    writer = None
    for batch in batches:
        if writer is None:
            schema = schema_of([name for name in batch.schema.names if name != "x_source"])
            writer = pa.ipc.new_stream(pa.PythonFile(out, mode="w"), schema)
        writer.write_batch(fitted(batch, schema))
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    if writer is not None:
        writer.close()
        yield out.getvalue()
