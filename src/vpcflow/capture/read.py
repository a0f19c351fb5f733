"""Capture files → FlowCounts with direction, without what AWS does not log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpcflow.capture.direction import Directions
from vpcflow.capture.engine import Name, make
from vpcflow.capture.exclusions import logged
from vpcflow.capture.file import CaptureFile
from vpcflow.capture.identity import interface_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from vpcflow.capture.direction import Guess
    from vpcflow.capture.networks import Network
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.telemetry import ReadReport


@dataclass(frozen=True, slots=True)
class Config:
    """How captures are read.

    local: what is local at every interface; empty to guess. keep_all: keep what AWS does not log. interface_id: of all
    packets; None for one an interface. max_bytes: what the flow table may take. place: sets interfaces and directions that
    it knows of the rows of drains, before the others are told or guessed.
    """

    interval_s: int = 60
    local: tuple[Network, ...] = ()
    keep_all: bool = False
    interface_id: str | None = None
    engine: Name = "auto"
    max_bytes: int = 128 << 20
    place: Callable[[FlowCounts], None] | None = None


class Reader:
    """Reads captures one after another with one engine.

    total_bytes: of all of them, None when nobody knows. on_guess: told what was taken for local. engine: which one reads.
    packets: read so far. interfaces: id → the captures' words for it.
    """

    def __init__(self, config: Config, total_bytes: int | None, on_guess: Callable[[Guess], None]) -> None:
        self._config = config
        self._engine = make(
            config.engine, config.interval_s,
            total_bytes=total_bytes, max_bytes=config.max_bytes, keep_nd=config.keep_all,
        )  # fmt: skip
        self._directions = Directions(config.local, on_guess)
        self.engine = self._engine.name
        self.packets = 0
        self.interfaces: dict[str, str] = {}

    def read(self, raw: BinaryIO, uri: str, report: ReadReport) -> Iterator[FlowCounts]:
        """Yield what *raw* holds. Raises RecordError for what is no capture."""
        origin = uri.rpartition("/")[2]

        def named(name: str) -> str:
            found = self._config.interface_id or interface_id(origin, name)
            self.interfaces.setdefault(found, f"{origin} {name}".rstrip())
            return found

        file = CaptureFile(raw, uri, self._engine, named, report)
        before = 0
        for counts in file.counts():
            if self._config.place is not None:
                self._leave_out(counts)
                self._config.place(counts)
            self._directions.tell(counts.rows, counts.interfaces)
            self._leave_out(counts)
            self.packets += file.cursor.packets - before
            before = file.cursor.packets
            yield counts

    def _leave_out(self, counts: FlowCounts) -> None:
        """Take away what AWS does not log, unless all is to be kept."""
        if not self._config.keep_all:
            counts.rows, left = logged(counts.rows)
            counts.left_out.update(left)
