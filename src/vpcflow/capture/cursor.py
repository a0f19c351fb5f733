"""Where an engine is in a capture file, and what it must know of the file to go on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vpcflow.capture.reasons import REASONS
from vpcflow.capture.walk import CLASSIC, LINK_COLUMNS, NEWEST, PACKETS, STATES

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Cursor:
    """State shared by a file's reader and an engine.

    form: pcap or pcapng. big: byte order. links: what `walk.LINK_COLUMNS` says, a row a link. state: see `walk.AT` and the rest.
    reasons: packets that are in no row, by number.
    """

    def __init__(self) -> None:
        self.form, self.big = CLASSIC, False
        self.links = np.zeros((16, LINK_COLUMNS), np.int64)
        self.state = np.zeros(STATES, np.int64)
        self.state[NEWEST] = -1
        self.reasons = np.zeros(len(REASONS), np.int64)

    @property
    def packets(self) -> int:
        """Packets read so far, whatever became of them."""
        return int(self.state[PACKETS])

    def skip(self, reason: int, packets: int = 1) -> None:
        """Count packets that an engine never saw."""
        self.state[PACKETS] += packets
        self.reasons[reason] += packets

    def taken_reasons(self) -> Counter[str]:
        """Return the packets in no row since the last call."""
        found = Counter({word: int(count) for word, count in zip(REASONS, self.reasons, strict=True) if count})
        self.reasons[:] = 0
        return found


class Engine(Protocol):
    """Something that folds packets into rows."""

    name: str

    def fold(self, data: NDArray[np.uint8], end: int, cursor: Cursor) -> int:
        """Fold the records from the cursor to *end*; return why it stopped (`walk.MORE` and the rest)."""
        ...

    def drain(self) -> NDArray[Any]:
        """Return the rows held, and hold none."""
        ...
