"""Explanations: one conversation, or all that was refused, by cause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlglot import exp, parse_one

from vpcflow.analyze.explain import cases
from vpcflow.analyze.explain.cause import Cause, Conversation, Opened
from vpcflow.analyze.explain.classify import classify
from vpcflow.analyze.explain.facts import Facts, gather, widened
from vpcflow.analyze.explain.judge import Judge
from vpcflow.analyze.explain.mend import carried_by
from vpcflow.analyze.explain.own import interface_column
from vpcflow.analyze.explain.replay import replay
from vpcflow.analyze.explain.verdict import CERTAINTIES, LAYERS, OPENED_BY, OPENERS, VERDICTS, whys
from vpcflow.analyze.plan import quoted, select
from vpcflow.vpc.rule_change import changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from vpcflow.analyze.explain.cases import Pair
    from vpcflow.analyze.explain.classify import Verdicts
    from vpcflow.analyze.explain.judge import Held
    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.vpc.topology import Network

_SERVICES: Final = 3
_NO_RULES: Final = Judge(())
EVIDENCE: Final = 20
"""Records shown for a cause."""
DETAILED: Final = 50
"""Causes that are told with records, and with what else their mend lets in."""


@dataclass(frozen=True, slots=True)
class Causes:
    """What was found: causes, most refused records first; facts on the interfaces; the question as SQL."""

    causes: tuple[Cause, ...]
    facts: Facts
    sql: str

    @property
    def records(self) -> int:
        """Refused records in all."""
        return sum(cause.records for cause in self.causes if not cause.verdict.startswith("accepted"))


@dataclass(slots=True)
class _Group:
    cause: Cause
    rules: int = -1
    tracked: bool = False
    best: int = -1
    services: Counter[tuple[int, int]] = field(default_factory=Counter)
    interfaces: set[str] = field(default_factory=set)


def every(asker: Asker, scope: Scope, judge: Judge = _NO_RULES) -> Causes:
    """Explain all refused records of *scope*, by cause. judge: holds them against the rules that were in force."""
    facts = gather(asker, scope, judge.own_addresses())
    return _found(asker, scope, facts, None, judge)


def one(asker: Asker, scope: Scope, pair: Pair, judge: Judge = _NO_RULES) -> Causes:
    """Explain the conversations of *pair* in *scope*; no cause where there is no record of them."""
    places = tuple(_places_of(asker, scope, pair))
    facts = gather(asker, scope, judge.own_addresses(), places)
    if not places:
        return Causes((), facts, "")
    found = _found(asker, scope, facts, pair, judge)
    for cause in found.causes[:DETAILED]:
        cause.evidence = tuple(_evidence(asker, scope, cause.conversation))
        if cause.mend and (rules := judge.in_force(cause)) is not None:
            cause.opens = _opened(asker, replace(scope, condition=None), rules.network, cause)
    return found


def _opened(asker: Asker, scope: Scope, network: Network, cause: Cause) -> Opened:
    """Tell what else the mend of a cause would let in, of all that was refused in *scope*."""
    found = replay(asker, scope, network, changed(network, cause.mend), action="REJECT")
    ends = {cause.conversation.far, cause.conversation.own}
    others = [one for one in found.let_in.examples(found.let_in.flows) if {one.source, one.destination} != ends]
    sources: Counter[str] = Counter()
    for one in others:
        sources[one.source] += one.records
    reached = max(carried_by(network, change) for change in cause.mend)
    return Opened(sources.total(), len(sources), tuple(sources.most_common(_SERVICES)), reached)


def _places_of(asker: Asker, scope: Scope, pair: Pair) -> Iterator[str]:
    schema = asker.schema()
    tree = select(f"SELECT DISTINCT {interface_column(scope, schema)} AS place FROM flows", widened(scope), schema)
    tree.where(*cases.of_pair(pair), copy=False)
    yield from sorted(row["place"] for row in asker.ask(tree).table().to_pylist())


def _found(asker: Asker, scope: Scope, facts: Facts, pair: Pair | None, judge: Judge) -> Causes:
    answer = asker.ask(cases.plan(scope, asker.schema(), facts.owned.addresses, pair=pair))
    folder = _Folder(judge, alone=pair is not None)
    for batch in answer.batches:
        if batch.num_rows:
            judged = classify(batch, skipdata=facts.skipdata(batch), accepts=facts.accepts(batch))
            folder.fold(batch, judge.hold(batch, judged))
    return Causes(folder.causes(), facts, answer.sql)


class _Folder:
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
        hashes = np.array([hash(text) & 0xFFFFFFFFFFFF for text in far.dictionary.to_pylist()], np.uint64)
        mixed = (group << np.uint64(48)) | hashes[np.asarray(far.indices, np.int64)[rows]]
        self._peers.append(np.unique(mixed))
        if len(self._peers) > 64:
            self._peers = [np.unique(np.concatenate(self._peers))]

    def causes(self) -> tuple[Cause, ...]:
        """Return the causes, most refused records first."""
        peers = np.unique(np.concatenate(self._peers)) if self._peers else np.zeros(0, np.uint64)
        numbers, sizes = np.unique(peers >> np.uint64(48), return_counts=True)
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
        refused_first = [group.cause for group in self._groups.values()]
        return tuple(
            sorted(
                refused_first,
                key=lambda cause: (
                    cause.verdict.startswith("accepted"),
                    -cause.records,
                    cause.interface_id,
                    cause.verdict,
                    cause.direction,
                    cause.services,
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


def _evidence(asker: Asker, scope: Scope, conversation: Conversation) -> Iterator[dict[str, Any]]:
    """Yield the records of a conversation, oldest first, at most `EVIDENCE` of them; refused ones go before accepted ones."""
    schema = asker.schema()
    names = [
        name
        for name in ("interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
                     "action", "log_status", "tcp_flags", "flow_direction", "reject_reason", "pkt_srcaddr", "pkt_dstaddr")
        if schema.has(scope.base, name)
    ]  # fmt: skip
    tree = select(f"SELECT {', '.join(map(quoted, names))} FROM flows", widened(scope), schema)
    pair = cases.Pair(
        (conversation.far,), (conversation.own,), conversation.own_port, conversation.far_port, conversation.protocol
    )
    tree.where(*cases.of_pair(pair), copy=False)
    place = parse_one(interface_column(scope, schema), dialect="athena")
    tree.where(exp.EQ(this=place, expression=exp.Literal.string(conversation.interface_id)), copy=False)
    tree.where(f"start >= {conversation.first_s}", f"start <= {conversation.last_s}", copy=False)
    tree = tree.order_by("action DESC", "start ASC", copy=False).limit(EVIDENCE, copy=False)
    rows = asker.ask(tree).table().to_pylist()
    yield from sorted(rows, key=lambda row: (row.get("start") or 0, row.get("end") or 0))
