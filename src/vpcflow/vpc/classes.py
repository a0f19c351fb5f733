"""Classes of addresses: intervals in which no rule tells two addresses apart."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from vpcflow.vpc.addresses import Address, Block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class Classes:
    """Elementary intervals: every number lies in one, and *blocks* are made of whole ones."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        cuts: dict[int, set[int]] = {4: {0}, 6: {0}}
        for one in blocks:
            cuts[one.version].add(one.first)
            if one.last + 1 < 1 << (32 if one.version == 4 else 128):
                cuts[one.version].add(one.last + 1)
        self._four, self._six = sorted(cuts[4]), sorted(cuts[6])
        self.four = np.array(self._four, np.uint32)
        self.six = np.array([cut.to_bytes(16, "big") for cut in self._six], "S16")
        self.count = len(self._four) + len(self._six)

    def span(self, one: Block) -> slice:
        """Return the classes that make up a block."""
        cuts, before = (self._four, 0) if one.version == 4 else (self._six, len(self._four))
        return slice(before + bisect_left(cuts, one.first), before + bisect_left(cuts, one.last + 1))

    def place(self, one: Address) -> int:
        """Return the class of an address that is one of its own."""
        return int(self.span(Block(one.version, one.number, one.number)).start)

    def of(
        self, version: NDArray[np.uint8], four: NDArray[np.uint32], six: NDArray[np.bytes_] | None
    ) -> NDArray[np.int64]:
        """Return the class of each address. six: None where all are IPv4."""
        found = np.searchsorted(self.four, four, side="right") - 1
        if six is not None:
            long = np.flatnonzero(version == 6)
            found[long] = len(self._four) + np.searchsorted(self.six, six[long], side="right") - 1
        return found
