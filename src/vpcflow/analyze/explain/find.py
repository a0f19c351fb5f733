"""Explanations: one conversation, or all that was refused, by cause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp, parse_one

from vpcflow.analyze.explain import cases
from vpcflow.analyze.explain.cause import Cause, Conversation, Opened
from vpcflow.analyze.explain.classify import classify
from vpcflow.analyze.explain.facts import Facts, gather, widened
from vpcflow.analyze.explain.fold import Folder
from vpcflow.analyze.explain.judge import Judge
from vpcflow.analyze.explain.mend import carried_by
from vpcflow.analyze.explain.own import interface_column
from vpcflow.analyze.explain.replay import replay
from vpcflow.analyze.plan import quoted, select
from vpcflow.vpc.rule_change import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.analyze.explain.cases import Pair
    from vpcflow.analyze.plan import Asker, Scope
    from vpcflow.vpc.topology import Network

_SOURCES: Final = 3
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
    return Opened(sources.total(), len(sources), tuple(sources.most_common(_SOURCES)), reached)


def _places_of(asker: Asker, scope: Scope, pair: Pair) -> Iterator[str]:
    schema = asker.schema()
    tree = select(f"SELECT DISTINCT {interface_column(scope, schema)} AS place FROM flows", widened(scope), schema)
    tree.where(*cases.of_pair(pair), copy=False)
    yield from sorted(row["place"] for row in asker.ask(tree).table().to_pylist())


def _found(asker: Asker, scope: Scope, facts: Facts, pair: Pair | None, judge: Judge) -> Causes:
    answer = asker.ask(cases.plan(scope, asker.schema(), facts.owned.addresses, pair=pair))
    folder = Folder(judge, alone=pair is not None)
    for batch in answer.batches:
        if batch.num_rows:
            judged = classify(batch, skipdata=facts.skipdata(batch), accepts=facts.accepts(batch))
            folder.fold(batch, judge.hold(batch, judged))
    return Causes(folder.causes(), facts, answer.sql)


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
