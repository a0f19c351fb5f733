"""A capture beside a network: whose packets they are, and what security groups and network ACLs say of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.app.networks import Dated
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.types import FlowBatch

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A network that captures are held against.

    at: returns what was true when a capture's first packet passed (epoch s). digest: of all that *at* may return.
    only: the interface that all packets are of, None to tell it by address. keep_all: keep what AWS does not log.
    """

    at: Callable[[int], Dated]
    digest: str
    only: str | None = None
    keep_all: bool = False


@dataclass(slots=True)
class Judged:
    """What came of judging.

    decided: records with an action. undecided: those without, by reason (`Why`). assumed: those whose ICMP type was taken
    for what a rule asks. ambiguous: addresses of the network that several of its interfaces have. early: since when the
    network is known, of captures that are older (epoch s).
    """

    decided: int = 0
    undecided: Counter[str] = field(default_factory=Counter)
    assumed: int = 0
    ambiguous: int = 0
    early: int | None = None

    def add(self, other: Judged) -> None:
        """Add what came of other captures."""
        self.decided += other.decided
        self.undecided.update(other.undecided)
        self.assumed += other.assumed
        self.ambiguous = max(self.ambiguous, other.ambiguous)
        self.early = other.early if self.early is None else self.early


class Judge:
    """Judges one capture, or several that are one stretch of time. done: counted up."""

    def __init__(self, model: Model, done: Judged) -> None:
        self._model, self._done = model, done
        self._ready = False

    def place(self, counts: FlowCounts) -> None:
        """Put the rows of *counts* at the interfaces that have their addresses."""
        if not len(counts.rows) and not self._ready:
            return
        if not self._ready:
            self._open(int(counts.rows["first"].min()) // _SECOND)
        if not self._model.keep_all:
            self._placement.leave_out(counts)
        self._placement.place(counts)

    def words(self, names: dict[str, str]) -> dict[str, str]:
        """Return what interface ids stand for; *names*: those of the capture."""
        return self._placement.words(names.items()) if self._ready else names

    def evaluate(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with its actions."""
        import numpy as np
        import pyarrow.compute as pc

        from vpcflow.vpc.matching import ICMP, ICMPV6
        from vpcflow.vpc.outcomes import WHYS

        if not self._ready:
            return batch
        judged = self._connections.evaluate(batch)
        ok = pc.equal(batch.column("log_status"), "OK")
        blank = pc.and_(pc.is_null(judged.column("action")), ok)
        self._done.decided += pc.sum(ok).as_py() or 0
        protocol = batch.column("protocol")
        icmp = pc.or_(pc.equal(protocol, ICMP), pc.equal(protocol, ICMPV6)).fill_null(False)
        asked = np.flatnonzero(pc.or_(blank, icmp).to_numpy(zero_copy_only=False))
        if len(asked):
            verdicts = self._evaluator.decide(batch.take(asked))
            unknown = blank.take(asked).to_numpy(zero_copy_only=False)
            self._done.undecided.update(WHYS[code] for code in verdicts.why[unknown].tolist())
            self._done.decided -= int(unknown.sum())
            self._done.assumed += int((verdicts.assumed & ~unknown).sum())
        return judged

    def _open(self, first_s: int) -> None:
        from vpcflow.aggregate.connections import Connections
        from vpcflow.vpc.placement import Placement
        from vpcflow.vpc.vector import Evaluator

        found = self._model.at(first_s)
        self._placement = Placement(found.network, self._model.only)
        self._evaluator = Evaluator(found.network)
        self._connections = Connections(self._evaluator)
        self._done.ambiguous = max(self._done.ambiguous, self._placement.ambiguous)
        if found.early:
            self._done.early = found.since_s
        self._ready = True
