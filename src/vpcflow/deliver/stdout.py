"""A stream that somebody reads: lines of the flow log's format, the header once."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from vpcflow.deliver.destination import Receipt
from vpcflow.record.text import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.deliver.destination import Unit
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FlowLog


class StreamDestination:
    """Writes to *out*; BrokenPipeError when nobody reads any more."""

    at_once = 1
    seal_every_s = 0
    unit_bytes = 4 << 20
    uri = "stdout"

    def __init__(self, flow_log: FlowLog, out: BinaryIO) -> None:
        self._flow_log, self._out = flow_log, out
        self._header = f"{flow_log.log_format.header()}\n".encode()

    def shipments(self, unit: Unit) -> Iterator[_Lines]:
        """Yield a shipment for each batch."""
        for batch in unit.batches():
            yield _Lines(self, batch)

    def write(self, batch: FlowBatch) -> None:
        """Write one batch, and the header before the first."""
        self._out.write(self._header + write_lines(batch, self._flow_log.log_format))
        self._header = b""
        self._out.flush()

    def close(self) -> None:
        """The stream is somebody else's."""


class _Lines:
    def __init__(self, destination: StreamDestination, batch: FlowBatch) -> None:
        self._destination, self._batch = destination, batch

    @property
    def digest(self) -> str:
        return ""  # nobody can tell whether it was read

    @property
    def lane(self) -> str:
        return ""

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        del left, again
        self._destination.write(self._batch)
        return Receipt(self._batch.num_rows)

    def close(self) -> None:
        """Nothing is held."""
