"""One unit to one destination, from where it was left."""

from __future__ import annotations

import contextlib
import random
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from vpcflow.deliver.failure import DestinationUnavailableError
from vpcflow.errors import DeliveryError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vpcflow.deliver.destination import Counts, Destination, Progress, Shipment, Unit
    from vpcflow.errors import VpcFlowError

Retry: TypeAlias = "Callable[[VpcFlowError, threading.Event], bool]"

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0


@dataclass(slots=True)
class Backoff:
    """How long to wait after failures in a row: twice as long each time, up to a minute, by a share that nobody else has."""

    chance: Callable[[], float] = random.random
    failures: int = 0

    def failed(self) -> float:
        """Count a failure; return how long to wait (s)."""
        self.failures += 1
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self.failures - 1, 16))
        return longest * (0.5 + self.chance() / 2)

    def worked(self) -> None:
        """Begin anew."""
        self.failures = 0


def ship(
    unit: Unit,
    destination: Destination,
    progress: Progress,
    counts: Counts,
    *,
    again: bool,
    retry: Retry = lambda *_: False,
) -> None:
    """Send what is left of *unit*; DeliveryError when the destination does not take it, and *retry* does not say to try again.

    again: what was on its way when this ended the last time may have been sent. retry: waits, and tells whether to try again; its
    second argument is set when it is to stop waiting.
    """
    _Shipping(destination, progress, counts, retry).run(unit, again=again)


class _Shipping:
    """Shipments on their way, some at once; those of one lane one after another."""

    def __init__(self, destination: Destination, progress: Progress, counts: Counts, retry: Retry) -> None:
        self._destination, self._progress, self._counts, self._retry = destination, progress, counts, retry
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, unit: Unit, *, again: bool) -> None:
        """Send all of *unit* that is left, until something fails for good."""
        # They are begun in order, so what was on its way is among the first that were not acknowledged.
        doubtful = self._destination.at_once if again else 0
        if self._destination.at_once == 1:
            for number, shipment, left in self._left(unit):
                self._send(number, shipment, left, again=doubtful > 0)
                doubtful -= 1
            return
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self._destination.at_once, thread_name_prefix="ship") as pool:
            try:
                for number, shipment, left in self._left(unit):
                    while len(running) == self._destination.at_once or shipment.lane in running.values():
                        _settle(running)
                    sent = pool.submit(self._send, number, shipment, left, again=doubtful > 0)
                    running[sent] = shipment.lane
                    doubtful -= 1
                while running:
                    _settle(running)
            except BaseException:
                self._stop.set()
                raise

    def _left(self, unit: Unit) -> Iterator[tuple[int, Shipment, Sequence[int] | None]]:
        for number, shipment in enumerate(self._destination.shipments(unit)):
            with self._lock:
                left = self._progress.left(number, shipment)
            if left is None or left:
                yield number, shipment, left

    def _send(self, number: int, shipment: Shipment, left: Sequence[int] | None, *, again: bool) -> None:
        """Send one until nothing of it is left."""
        with contextlib.closing(shipment):
            while True:
                try:
                    left = self._try(number, shipment, left, again=again)
                    again = False
                    if not left:
                        return
                    raise DestinationUnavailableError(
                        "deliver.partly", destination=self._destination.uri, left=f"{len(left):,}"
                    )
                except (DeliveryError, SourceError) as error:
                    if not self._retry(error, self._stop):
                        raise
                    again = True

    def _try(self, number: int, shipment: Shipment, left: Sequence[int] | None, *, again: bool) -> Sequence[int]:
        receipt = shipment.send(left, again=again)
        with self._lock:
            self._progress.acknowledge(number, shipment, receipt.left)
            self._counts.add(receipt)
        return receipt.left


def _settle(running: dict[Future[None], str]) -> None:
    """Wait for the first of *running* that ends; raise what it raised."""
    for done in wait(running, return_when=FIRST_COMPLETED).done:
        del running[done]
        done.result()
