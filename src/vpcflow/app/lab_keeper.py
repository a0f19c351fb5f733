"""The lab's keeper as a process: what its counters tell becomes records, enriched from the lab's network, in the lake."""

from __future__ import annotations

import contextlib
import secrets
import signal
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import pyarrow as pa

from vpcflow.errors import LakeError
from vpcflow.lab import channel
from vpcflow.lab.home import Home
from vpcflow.lab.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.app import App
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.topology import Network

_QUIET_S: Final = 600
"""How long NODATA records wait for others to be written with."""

_HEARD_S: Final = 30


class LakeRecords:
    """Counts → records → the lake of *app*: one source for each time that something is written."""

    def __init__(self, app: App, network: Network, interval_s: int) -> None:
        from vpcflow.aggregate.aggregator import Aggregator, Totals
        from vpcflow.aggregate.records import Identity

        self._app = app
        self._identity = Identity(network.account or "000000000000", network.region or "local-1", 5)
        self._totals = Totals()
        began = time.time_ns()
        self._aggregator = Aggregator(interval_s, self._identity, self._totals, began_ns=began, decided=True)
        self._pending: list[FlowBatch] = []
        self._waits_since = 0.0
        self._name, self._number = secrets.token_hex(6), 0
        self._told = {"records": 0, "accepted": 0, "refused": 0, "lost": 0}
        self.change(network)

    def change(self, network: Network) -> None:
        """Enrich from *network* from now on."""
        from vpcflow.enrich.enrichment import Enrichment

        self._enrich = Enrichment(network)

    def told(self) -> dict[str, int]:
        """Return what is in the lake so far."""
        return {**self._told, "lost": self._totals.lost}

    def take(self, counts: FlowCounts, at_ns: int) -> None:
        """Take what was counted; write what is of intervals that are over."""
        self._pending += [*self._aggregator.fold(counts), *self._aggregator.pass_time(at_ns)]
        if self._pending and not self._waits_since:
            self._waits_since = time.monotonic()
        flows = any(batch.column("srcaddr").null_count < batch.num_rows for batch in self._pending)
        if flows or (self._pending and time.monotonic() - self._waits_since > _QUIET_S):
            self._write()

    def flush(self) -> dict[str, Any]:
        """Write everything; what goes on makes records of its own."""
        self._pending += self._aggregator.so_far()
        if self._pending:
            self._write()
        return self.told()

    def finish(self) -> None:
        """Write everything, with what there is to tell of the interval that goes on."""
        self._pending += self._aggregator.finish(time.time_ns())
        if self._pending:
            self._write()

    def _write(self) -> None:
        from vpcflow.record.arrow_file import ArrowFile

        batches = [self._enrich(batch) for batch in self._pending]

        def opened() -> BinaryIO:
            return cast("BinaryIO", ArrowFile(iter(batches)))

        try:
            self._ingest(opened, sum(batch.nbytes for batch in batches))
        except (OSError, sqlite3.Error, pa.ArrowException) as error:
            raise LakeError("lab.not_written", reason=str(error)) from error
        self._pending, self._waits_since = [], 0.0
        self._number += 1
        for batch in batches:
            actions = batch.column("action").to_pylist()
            self._told["records"] += len(actions)
            self._told["accepted"] += actions.count("ACCEPT")
            self._told["refused"] += actions.count("REJECT")

    def _ingest(self, opened: Callable[[], BinaryIO], size: int) -> None:
        from vpcflow.types import SourceObject

        with self._app.lake(create=True) as lake:
            found = SourceObject(f"lab:{self._name}/{self._number}", "lab", size, opened)
            done = self._app.take_in(lake, [found])
        for _, error in done.progress.failed:
            raise error


def main() -> None:
    """Run the process: what it is to do comes by the channel it was started with."""
    from vpcflow.app import App
    from vpcflow.app.lab_flow_logs import WithFlowLogs

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    door = channel.given()
    config, home, network, interval_s = door.recv()
    keepers: list[Keeper] = []

    def begin() -> int:
        app = App(config)
        sink = WithFlowLogs(LakeRecords(app, network, interval_s), app, network)
        keepers.append(Keeper(Home(Path(home)), network, sink))
        return keepers[0].number

    try:
        with contextlib.suppress(EOFError, ConnectionError):
            if channel.answer(door, begin) and door.poll(_HEARD_S) and door.recv() == "stay":
                door.close()
                keepers[0].serve()
    finally:
        for keeper in keepers:
            keeper.close()


if __name__ == "__main__":
    main()
