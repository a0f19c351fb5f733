"""One flow log's delivery: what comes is spooled, what is spooled is sent, in order, until it was acknowledged.

`put` never waits for the destination. `tick` sends; it may be called by hand, or by the thread that `start` begins. A destination
that fails is tried again, ever more seldom; nothing of another flow log waits for it.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

from vpcflow.deliver.destination import Counts
from vpcflow.deliver.encode import selected
from vpcflow.deliver.failure import message_of
from vpcflow.deliver.ship import LONGEST_WAIT_S, Backoff, ship
from vpcflow.errors import VpcFlowError
from vpcflow.vpc.flow_logs import UNKNOWN_ERROR, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.deliver.destination import Destination
    from vpcflow.deliver.spool import Dropped, Segment, Spool
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FlowLog

_TICK_S: Final = 1.0


class Delivery:
    """Takes the records of one flow log to its destination. clock: the time (s)."""

    def __init__(
        self,
        flow_log: FlowLog,
        destination: Destination,
        spool: Spool,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        self.flow_log, self.destination, self.spool = flow_log, destination, spool
        self.counts = Counts(torn=spool.torn)
        spool.limit_segments(destination.unit_bytes)
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._status = DeliveryStatus()
        self._opened_at = self._next_try = 0.0
        # What another process left may have been sent without being acknowledged; so may what we failed to send.
        self._unsure = spool.used > 0
        self._sending = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, batch: FlowBatch) -> None:
        """Take records of any interface of the flow log; on disk when this returns, but for what its traffic type leaves out."""
        wanted = selected(batch, self.flow_log)
        if not wanted.num_rows:
            return
        if not self.spool.is_open:
            self._opened_at = self._clock()
        self.spool.append(wanted)

    def tick(self, now: float | None = None) -> None:
        """Send what is due; what fails is kept, and tried again later."""
        now = self._clock() if now is None else now
        if self._due(now):
            self.spool.seal()
        # A clock that was set back is not waited for.
        if now < self._next_try <= now + LONGEST_WAIT_S or not self._sending.acquire(blocking=False):
            return
        try:
            self._send(now)
        finally:
            self.spool.release()
            self._sending.release()

    def _due(self, now: float) -> bool:
        if not self.spool.is_open:
            return False
        every = self.destination.seal_every_s
        # While a destination is away, what comes is put together, lest a second of it be a file.
        return now // every != self._opened_at // every if every else not self.spool.waiting

    def _send(self, now: float, until: float = math.inf) -> None:
        while not self._stop.is_set() and time.monotonic() < until and (segment := self.spool.oldest()) is not None:
            try:
                ship(segment, self.destination, segment, self.counts, again=self._unsure)
            except VpcFlowError as error:
                self._failed(now, message_of(error), error.message)
                return
            except Exception as error:  # noqa: BLE001 - delivery goes on, and says what is wrong
                self._failed(now, UNKNOWN_ERROR, f"{type(error).__name__}: {error}")
                return
            self._sent(segment)

    def _failed(self, now: float, message: str, reason: str) -> None:
        self._unsure = True
        self._next_try = now + self._backoff.failed()
        self._status = DeliveryStatus("FAILED", message, reason)

    def _sent(self, segment: Segment) -> None:
        self.counts.torn += segment.damaged
        self.spool.remove(segment)
        self._unsure = False
        self._backoff.worked()
        self._next_try = 0.0
        self._status = DeliveryStatus("SUCCESS")

    def status(self) -> DeliveryStatus:
        """Return how delivery goes."""
        return self._status

    @property
    def dropped(self) -> Dropped:
        """What there was no room for while the destination did not take anything."""
        return self.spool.dropped

    @property
    def waiting_bytes(self) -> int:
        """What is spooled."""
        return self.spool.used

    def next_delivery(self, now: float) -> float:
        """Return when records that come now are sent (s)."""
        every = self.destination.seal_every_s
        return max(now if not every else (now // every + 1) * every, self._next_try)

    def start(self) -> None:
        """Send from a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self._run, name=f"deliver {self.flow_log.id}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - delivery goes on, and says what is wrong
                self._failed(self._clock(), UNKNOWN_ERROR, f"{type(error).__name__}: {error}")

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Send everything now; tell whether all of it is delivered. Stops at the first failure, and after *timeout_s*."""
        self.spool.seal()
        until = time.monotonic() + timeout_s
        while self.spool.used and time.monotonic() < until:
            if not self._sending.acquire(timeout=max(0.0, until - time.monotonic())):
                break
            failures = self._backoff.failures
            try:
                self._send(self._clock(), until)
            finally:
                self.spool.release()
                self._sending.release()
            if self._backoff.failures > failures:
                break
        return not self.spool.used

    def close(self, timeout_s: float = 30.0) -> bool:
        """Send what can be sent, then let go; what is left waits on disk. Tells whether nothing is left."""
        done = self.flush(timeout_s)
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self.spool.close()
        self.destination.close()
        return done
