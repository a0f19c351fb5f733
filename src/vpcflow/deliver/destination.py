"""The contract of destinations.

A *unit* is records that are delivered together, the same each time it is read. A destination makes the same *shipments* of it
each time (an object under the same key, the same request), so that delivery which was broken off goes on behind the last one
that was acknowledged. A shipment is sent whole, or it says which of its records are left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.types import FlowBatch


class Unit(Protocol):
    """Records that are delivered together.

    id: unlike any other's of the flow log; names of objects are made of it. window_s: start (s) of the five minutes in which the
    `end` of all of them lies, None when they are not of one window.
    """

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def window_s(self) -> int | None:
        """Its window, if it has one."""
        ...

    def batches(self) -> Iterator[FlowBatch]:
        """Read it, from the beginning."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of sending a shipment.

    accepted: records that are there now. rejected: by reason, records that no further attempt would make acceptable.
    known: records that were there before. left: places in the shipment of records that are to be sent again.
    """

    accepted: int
    rejected: Counter[str] = field(default_factory=Counter)
    known: int = 0
    left: tuple[int, ...] = ()


class Shipment(Protocol):
    """What is sent to a destination in one piece."""

    @property
    def digest(self) -> str:
        """What tells it from others of the same destination."""
        ...

    @property
    def lane(self) -> str:
        """What it has in common with shipments that are not to overtake one another."""
        ...

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        """Send it; DeliveryError when nothing is known to have been accepted.

        left: only the records at these places. again: it may have been sent before without our knowing what came of it.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Destination(Protocol):
    """Somewhere to deliver to.

    uri: its name. at_once: how many shipments may be on their way. seal_every_s: how long records are gathered into a unit; 0: as
    soon as there are any. unit_bytes: about how much of a spool a unit may take.
    """

    uri: str
    at_once: int
    seal_every_s: int
    unit_bytes: int

    def shipments(self, unit: Unit) -> Iterator[Shipment]:
        """Yield what *unit* is sent as, each made when it is asked for."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Progress(Protocol):
    """What of a unit was acknowledged already."""

    def left(self, number: int, shipment: Shipment) -> Sequence[int] | None:
        """Return which records of the shipment are to be sent: none of them (empty), some, or all (None)."""
        ...

    def acknowledge(self, number: int, shipment: Shipment, left: Sequence[int]) -> None:
        """Keep that all but *left* was accepted."""
        ...


@dataclass(slots=True)
class Counts:
    """What became of records. dropped: of a spool that was full; torn: pieces of it that a crash cut off."""

    accepted: int = 0
    known: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    torn: int = 0
    shipments: int = 0

    def add(self, receipt: Receipt) -> None:
        """Add what came of one shipment."""
        self.accepted += receipt.accepted
        self.known += receipt.known
        self.rejected.update(receipt.rejected)
        self.shipments += 1
