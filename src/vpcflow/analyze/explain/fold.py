"""Judged cases → causes: added up batch by batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.analyze.explain import cases
from vpcflow.analyze.explain.cause import Cause, Conversation
from vpcflow.analyze.explain.verdict import CERTAINTIES, LAYERS, OPENED_BY, OPENERS, VERDICTS, whys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from vpcflow.analyze.explain.classify import Verdicts
    from vpcflow.analyze.explain.judge import Held, Judge

_SERVICES: Final = 3
_HASH_BITS: Final = 40
_HASH: Final = (1 << _HASH_BITS) - 1
"""Peers are counted by so many bits of a hash, beside the number of their cause."""


@dataclass(slots=True)
class _Group:
    cause: Cause
    rules: int = -1
    tracked: bool = False
    best: int = -1
    services: Counter[tuple[int, int]] = field(default_factory=Counter)
    interfaces: set[str] = field(default_factory=set)


class Folder:
    """Adds judged cases up by cause, batch by batch; what it keeps grows with the causes and their peers, not with the cases."""

    def __init__(self, judge: Judge, *, alone: bool) -> None:
        self._judge, self._alone = judge, alone
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._peers: list[np.ndarray[Any, Any]] = []

    def fold(self, batch: pa.RecordBatch, held: Held) -> None:
        """Add the judged directions of the cases in *batch*."""
        judged = held.verdicts
        rows = judged.case
        if not len(rows):
            return
        interfaces = batch.column("interface_id").dictionary_encode()
        place = np.asarray(interfaces.indices, np.int64)[rows]
        known = np.asarray(batch.column("known"), np.int64)[rows]
        counts = _counts(batch, judged)
        protocol, service = _service(batch, judged)
        # What one rule refuses is one cause, wherever it was; what no rule is known of is one for each interface.
        named = (held.rule >= 0) & ~np.array(self._alone)
        where, place = place, np.where(named, -1, place)
        keys = [place, known * (1 + judged.into), judged.verdict, judged.layer, judged.certainty, held.rule, held.rules]
        if self._alone:
            keys += [protocol, service]
        unique, inverse = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        order = np.lexsort((-counts["records"], inverse))
        begins = np.flatnonzero(np.diff(inverse[order], prepend=-1))
        sums = {name: np.add.reduceat(counts[name][order], begins) for name in ("records", "packets", "bytes")}
        firsts, lasts = (
            np.minimum.reduceat(counts["first"][order], begins),
            np.maximum.reduceat(counts["last"][order], begins),
        )
        sizes = np.diff(np.append(begins, len(order)))
        names = [*interfaces.dictionary.to_pylist(), ""]
        numbers = np.zeros(len(unique), np.uint64)
        for at, key in enumerate(unique.tolist()):
            key[0] = names[key[0]]
            best = int(order[begins[at]])
            most = int(counts["records"][best])
            group = self._groups.get(tuple(key))
            if group is None:
                group = _Group(_cause(batch, judged, best, key), key[6])
                self._numbers[tuple(key)] = len(self._groups)
                self._groups[tuple(key)] = group
                group.cause.first_s = int(firsts[at])
            if most > group.best:
                group.best, group.tracked = most, bool(held.tracked[best])
                fresh = _cause(batch, judged, best, key)
                group.cause.conversation, group.cause.why = fresh.conversation, fresh.why
                group.cause.opener, group.cause.opened_by = fresh.opener, fresh.opened_by
            numbers[at] = self._numbers[tuple(key)]
            cause = group.cause
            cause.conversations += int(sizes[at])
            cause.records += int(sums["records"][at])
            cause.packets += int(sums["packets"][at])
            cause.bytes += int(sums["bytes"][at])
            cause.first_s, cause.last_s = min(cause.first_s, int(firsts[at])), max(cause.last_s, int(lasts[at]))
        for at, one in np.unique(np.stack([inverse, where], axis=1), axis=0).tolist():
            key = unique[at].tolist()
            key[0] = names[key[0]]
            self._groups[tuple(key)].interfaces.add(names[one])
        self._count_services(unique, inverse, protocol, service, counts["records"], names)
        self._count_peers(batch, rows, numbers[inverse])

    def _count_services(
        self,
        unique: np.ndarray[Any, Any],
        inverse: np.ndarray[Any, Any],
        protocol: np.ndarray[Any, Any],
        service: np.ndarray[Any, Any],
        records: np.ndarray[Any, Any],
        names: list[str],
    ) -> None:
        found, where = np.unique(np.stack([inverse, protocol, service], axis=1), axis=0, return_inverse=True)
        totals = np.bincount(where.reshape(-1), weights=records).astype(np.int64)
        for (at, number, port), total in zip(found.tolist(), totals.tolist(), strict=True):
            key = unique[at].tolist()
            key[0] = names[key[0]]
            self._groups[tuple(key)].services[number, port] += total

    def _count_peers(self, batch: pa.RecordBatch, rows: np.ndarray[Any, Any], group: np.ndarray[Any, Any]) -> None:
        far = batch.column("far").dictionary_encode()
        hashes = np.array([hash(text) & _HASH for text in far.dictionary.to_pylist()], np.uint64)
        mixed = (group << np.uint64(_HASH_BITS)) | hashes[np.asarray(far.indices, np.int64)[rows]]
        self._peers.append(np.unique(mixed))
        if len(self._peers) > 64:
            self._peers = [np.unique(np.concatenate(self._peers))]

    def causes(self) -> tuple[Cause, ...]:
        """Return the causes, most refused records first."""
        peers = np.unique(np.concatenate(self._peers)) if self._peers else np.zeros(0, np.uint64)
        numbers, sizes = np.unique(peers >> np.uint64(_HASH_BITS), return_counts=True)
        per_group = Counter(dict(zip(numbers.tolist(), sizes.tolist(), strict=True)))
        for key, group in self._groups.items():
            self._judge.tell(group.cause, group.rules, tracked=group.tracked, whole=self._alone)
            group.cause.peers = per_group[self._numbers[key]]
            group.cause.interfaces = len(group.interfaces)
            if len(group.interfaces) == 1:
                (group.cause.interface_id,) = group.interfaces
            group.cause.services = tuple(
                (_present(protocol), _present(port), records)
                for (protocol, port), records in group.services.most_common(_SERVICES)
            )
        return tuple(
            sorted(
                (group.cause for group in self._groups.values()),
                key=lambda cause: (
                    cause.verdict.startswith("accepted"),
                    -cause.records,
                    cause.interface_id,
                    cause.verdict,
                    cause.direction,
                    str(cause.services),
                ),
            )
        )


def _counts(batch: pa.RecordBatch, judged: Verdicts) -> dict[str, np.ndarray[Any, Any]]:
    """Return what the refused direction of each judged case has; of accepted cases, what both have."""
    table = {}
    for part in ("records", "packets", "bytes", "first", "last"):
        into, out = (np.asarray(batch.column(f"{side}_reject_{part}").fill_null(0), np.int64) for side in ("in", "out"))
        picked = np.where(judged.into == 1, into[judged.case], out[judged.case])
        accepted = _ACCEPTED[judged.verdict]
        if accepted.any():
            both = [np.asarray(batch.column(f"{side}_accept_{part}"), float)[judged.case] for side in ("in", "out")]
            fold = {"first": np.fmin, "last": np.fmax}.get(part, np.add)
            with np.errstate(invalid="ignore"):
                picked = np.where(accepted, np.nan_to_num(fold(*both)).astype(np.int64), picked)
        table[part] = picked
    return table


_ACCEPTED: Final = np.array([name.startswith("accepted") for name in VERDICTS])


def _service(batch: pa.RecordBatch, judged: Verdicts) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return protocol and the port that serves: the one of who did not open, else the destination of what was refused."""
    own, far = (np.asarray(batch.column(name), np.int64)[judged.case] for name in ("own_port", "far_port"))
    opener = judged.opener
    serving = np.where(opener == OPENERS.index("far"), own, np.where(opener == OPENERS.index("own"), far, -2))
    serving = np.where(serving == -2, np.where(judged.into == 1, own, far), serving)
    protocol = np.asarray(batch.column("protocol"), np.int64)[judged.case]
    return protocol, serving


def _present(number: int) -> int | None:
    return None if number < 0 else number


def _cause(batch: pa.RecordBatch, judged: Verdicts, at: int, key: Sequence[Any]) -> Cause:
    row = batch.slice(int(judged.case[at]), 1).to_pylist()[0]
    times = [row[f"{name}_{edge}"] for name in cases.QUARTERS for edge in ("first", "last")]
    seen = [time for time in times if time is not None]
    conversation = Conversation(
        row["interface_id"],
        row["own"],
        _present(row["own_port"]),
        row["far"],
        _present(row["far_port"]),
        _present(row["protocol"]),
        min(seen, default=0),
        max(seen, default=0),
    )
    return Cause(
        verdict=VERDICTS[judged.verdict[at]],
        certainty=CERTAINTIES[judged.certainty[at]],
        layer=LAYERS[judged.layer[at]],
        direction=("", "egress", "ingress")[key[1]],
        interface_id=key[0],
        why=whys(int(judged.why[at])),
        opener=OPENERS[judged.opener[at]],
        opened_by=OPENED_BY[judged.opened_by[at]],
        conversation=conversation,
    )
