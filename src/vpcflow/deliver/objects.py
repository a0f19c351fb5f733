"""What S3 and a local folder have in common: a unit as files in AWS's layout, one or more for each window of five minutes.

A file's name is made of the unit's: records that are delivered once more overwrite themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from vpcflow.deliver.destination import Receipt
from vpcflow.deliver.encode import SUFFIXES, files
from vpcflow.deliver.windows import by_window
from vpcflow.record import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from vpcflow.deliver.destination import Unit
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FlowLog

Put: TypeAlias = Callable[[str, Any], None]
"""Stores a file under a key."""

SEAL_EVERY_S: Final = layout.WINDOW_S
"""Files are published every five minutes. Source: VPC User Guide "Flow log files"."""

UNIT_BYTES: Final = 32 << 20


def key_of(flow_log: FlowLog, prefix: str, unit: str, window_s: int, part: int) -> str:
    """Return the key of one file of a unit."""
    options = flow_log.options
    key = layout.of(
        flow_log.account,
        flow_log.region,
        flow_log.id,
        window_s,
        hive=options.hive_compatible_partitions,
        hourly=options.per_hour_partition,
    )
    named = f"{flow_log.id}/{unit}/{window_s}/{part}"
    return layout.key_for(
        key,
        prefix=prefix,
        unique=hashlib.sha256(named.encode()).hexdigest()[:8],
        suffix=SUFFIXES[options.file_format],
        transit_gateway=flow_log.is_transit_gateway,
    )


class WindowFiles:
    """The records of one window, a shipment. put: stores one file under its key, in place of one that is there.

    Its batches are read once; the files made of them are kept until they are stored.
    """

    def __init__(
        self,
        batches: Iterable[FlowBatch],
        flow_log: FlowLog,
        keys: Callable[[int], str],
        put: Put,
        temporary: Path | None,
    ) -> None:
        self._batches, self._flow_log, self._keys, self._put = batches, flow_log, keys, put
        self._temporary = temporary
        self._files: list[Any] | None = None
        self._rows = self._stored = 0

    @property
    def digest(self) -> str:
        """The key of its first file."""
        return self._keys(0)

    @property
    def lane(self) -> str:
        """Each window is by itself."""
        return self._keys(0)

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        """Store those of its files that are not stored yet."""
        del left, again
        if self._files is None:
            self._files = []
            for file in files(self._counted(), self._flow_log, self._temporary):
                self._files.append(file)
        for part, file in enumerate(self._files):
            if part >= self._stored:
                self._put(self._keys(part), file)
                file.close()
                self._stored += 1
        return Receipt(self._rows)

    def close(self) -> None:
        """Let go of files that are not stored."""
        for file in self._files or ():
            file.close()

    def _counted(self) -> Iterator[FlowBatch]:
        for batch in self._batches:
            self._rows += batch.num_rows
            yield batch


class Files:
    """Destinations that keep files. put: stores one."""

    seal_every_s = SEAL_EVERY_S
    unit_bytes = UNIT_BYTES
    at_once = 1

    def __init__(
        self, flow_log: FlowLog, prefix: str, put: Put, temporary: Path | None, clock: Callable[[], float]
    ) -> None:
        self._flow_log, self._prefix, self._put, self._temporary = flow_log, prefix, put, temporary
        self._clock = clock

    def shipments(self, unit: Unit) -> Iterator[WindowFiles]:
        """Yield a shipment for each window of *unit*."""
        windows: Iterable[tuple[int, Iterable[FlowBatch]]]
        if unit.window_s is not None:
            windows = [(unit.window_s, unit.batches())]
        else:
            windows = by_window(unit.batches(), int(self._clock())).items()
        for window, batches in windows:
            keys = partial(key_of, self._flow_log, self._prefix, unit.id, window)
            yield WindowFiles(batches, self._flow_log, keys, self._put, self._temporary)
