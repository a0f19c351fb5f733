"""One unit to one destination, from where it was left."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.deliver.failure import DestinationUnavailableError
from vpcflow.errors import DeliveryError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.deliver.destination import Counts, Destination, Progress, Unit
    from vpcflow.errors import VpcFlowError

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
    retry: Callable[[VpcFlowError], bool] = lambda _: False,
) -> None:
    """Send what is left of *unit*; DeliveryError when the destination does not take it, and *retry* does not say to try again.

    again: the first shipment that is left may have been sent before. retry: waits, and tells whether to try again.
    """
    for number, shipment in enumerate(destination.shipments(unit)):
        left = progress.left(number, shipment)
        if left is not None and not left:
            continue
        with contextlib.closing(shipment):
            while True:
                try:
                    receipt = shipment.send(left, again=again)
                    progress.acknowledge(number, shipment, receipt.left)
                    counts.add(receipt)
                    again, left = False, receipt.left
                    if not left:
                        break
                    raise DestinationUnavailableError(
                        "deliver.partly", destination=destination.uri, left=f"{len(left):,}"
                    )
                except (DeliveryError, SourceError) as error:
                    if not retry(error):
                        raise
                    again = True
