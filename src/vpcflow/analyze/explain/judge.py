"""A pattern's verdict held against the rules that were in force: which layer, which rule, or where records and rules disagree.

A refused packet is asked about twice: as one that no security group remembers, and as one of a connection that is remembered.
The second answer is the network ACL's alone. Which of the two counts is told by the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.analyze.explain.classify import C, L, V, Verdicts
from vpcflow.analyze.explain.mend import mend
from vpcflow.analyze.explain.steps import path_told, steps_of
from vpcflow.analyze.explain.verdict import BIT
from vpcflow.record.flow_counts import NETWORK_ACL, SECURITY_GROUP
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate, path
from vpcflow.vpc.matching import WITH_TYPES, asks_type
from vpcflow.vpc.vector import Evaluator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vpcflow.analyze.explain.cause import Cause, Conversation
    from vpcflow.vpc.topology import Network
    from vpcflow.vpc.vector import Verdicts as Decided

    Ints = NDArray[np.int64]

UNKNOWN, ACCEPT, REJECT, ASSUMED = 0, 1, 2, 3
_NEVER: Final = 1 << 60
_NOT_RULES: Final = frozenset({"late_packets", "block_public_access", "encryption_controls", "other_reason"})
"""Verdicts that no rule would change."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A network and when it was true: from *since_s* on, until *until_s* (None: still).

    early: it began only after the time it stands for, because nothing older is known.
    """

    network: Network
    since_s: int = 0
    until_s: int | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Verdicts held against rules, arrays as long as the verdicts.

    rules: place of the rules in force, -1 for none. tracked: whether the decision that counts is the one for a remembered
    connection.
    rule: key of what refuses, the same for cases that the same rule refuses; -1 where no rule does.
    """

    verdicts: Verdicts
    rules: Ints
    tracked: NDArray[np.bool_]
    rule: Ints


@dataclass(frozen=True, slots=True)
class _Answers:
    """What rules say of packets. assumed: a rule for one ICMP type was taken to be for theirs."""

    action: Ints
    layer: Ints
    rule: Ints
    assumed: NDArray[np.bool_]


class Judge:
    """Holds verdicts against rules. rules: in order of time; a time before the first belongs to the first, if that is `early`."""

    def __init__(self, rules: Sequence[Rules]) -> None:
        self.rules = tuple(rules)
        self._evaluators = [Evaluator(one.network) for one in self.rules]
        self._keys: dict[int, int] = {}
        self._groups: dict[str, int] = {}

    def hold(self, batch: pa.RecordBatch, judged: Verdicts) -> Held:
        """Return *judged* (of the cases in *batch*) with layers, certainty and reasons as the rules have them."""
        size = len(judged.case)
        none = np.full(size, -1, np.int64)
        if not self.rules or not size:
            return Held(judged, none, np.zeros(size, bool), none)
        place = self._in_force(batch, judged)
        asked = _asked(batch, judged)
        icmp = np.isin(np.asarray(batch.column("protocol"), np.int64)[judged.case], list(WITH_TYPES))
        alone, remembered = (self._decide(asked, place, icmp, tracked=known) for known in (False, True))
        early = np.array([one.early for one in self.rules])[place]
        return _combined(judged, place, (alone, remembered), early=early, icmp=icmp)

    def _in_force(self, batch: pa.RecordBatch, judged: Verdicts) -> Ints:
        """Return which rules were in force when the packets of each case came."""
        out, into, *accepted = (
            np.asarray(batch.column(name).fill_null(_NEVER), np.int64)[judged.case]
            for name in ("out_reject_first", "in_reject_first", "out_accept_first", "in_accept_first")
        )
        time = np.where(judged.into == 1, into, out)
        time = np.where(time == _NEVER, np.minimum(*accepted), time)
        begins = np.array([one.since_s for one in self.rules], np.int64)
        found: Ints = np.maximum(np.searchsorted(begins, time, side="right") - 1, 0)
        return found

    def own_addresses(self) -> dict[str, tuple[str, ...]]:
        """Return the own addresses of all interfaces that the rules know."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.rules:
            for interface in one.network.interfaces.values():
                own = (*found.get(interface.id, ()), *interface.addresses, *interface.ipv6)
                found[interface.id] = tuple(dict.fromkeys(own))
        return found

    def in_force(self, cause: Cause) -> Rules | None:
        """Return the rules that a cause was held against."""
        return next((one for one in self.rules if cause.rules_since == _since(one)), None)

    def tell(self, cause: Cause, place: int, *, tracked: bool, whole: bool) -> None:
        """Fill in what the rules at *place* say of a cause: steps and rule; if *whole*, the path and the smallest mend too."""
        if place < 0:
            return
        rules = self.rules[place]
        cause.rules_since = _since(rules)
        conversation = cause.conversation
        into = cause.direction != "egress"
        refused = flow_of(_row(conversation), into=into)
        decision = evaluate(rules.network, refused, tracked=tracked)
        cause.steps = steps_of(decision)
        refusing = next((step for step in cause.steps if step.layer == cause.layer and step.action == "REJECT"), None)
        if refusing is not None:
            cause.resource, cause.rule = refusing.resource, refusing.rule
        if whole:
            opened_by_far = cause.opener == "far" or (cause.opener == "unknown" and into)
            opening = flow_of(_row(conversation), into=opened_by_far)
            opening = replace(opening, interface_id="", direction=None)
            cause.path = path_told(path(rules.network, opening))
            if not cause.verdict.startswith("accepted") and cause.verdict not in _NOT_RULES:
                cause.mend = mend(rules.network, opening) or ()

    def _decide(self, asked: pa.Table, place: Ints, icmp: NDArray[np.bool_], *, tracked: bool) -> _Answers:
        """Ask the rules in force about packets, as remembered or not."""
        action, layer, rule = (np.full(len(place), fill, np.int64) for fill in (UNKNOWN, 0, -1))
        answers = _Answers(action, layer, rule, np.zeros(len(place), bool))
        for which in np.unique(place).tolist():
            rows = np.flatnonzero(place == which)
            some = asked.take(pa.array(rows))
            found = self._evaluators[which].decide(some, pa.array(np.full(len(rows), tracked)))
            # A rule for one ICMP type may be for another than the packets', which no record tells.
            typed = np.array([*(asks_type(ref.rule) for ref in found.rules), False], bool)
            guessed = found.assumed | (icmp[rows] & (typed[found.group_rule] | typed[found.acl_entry]))
            told = np.where(found.assumed & (found.action == ACCEPT), ASSUMED, found.action)
            answers.action[rows], answers.layer[rows], answers.assumed[rows] = told, found.layer, guessed
            answers.rule[rows] = self._keys_of(which, some, found)
        return answers

    def _keys_of(self, which: int, asked: pa.Table, found: Decided) -> Ints:
        """Return a key for what refuses: an entry of a network ACL, or the groups of the interface, none of which allows."""
        groups = asked.column("interface_id").combine_chunks().dictionary_encode()
        network = self.rules[which].network
        carried = []
        for name in groups.dictionary.to_pylist():
            interface = network.interfaces.get(name)
            text = ",".join(interface.security_groups) if interface else ""
            carried.append(self._groups.setdefault(text, len(self._groups)))
        group = np.array([*carried, 0], np.int64)[groups.indices.to_numpy(zero_copy_only=False)]
        parts = [
            np.full(len(group), which),
            found.layer,
            found.direction,
            np.where(found.layer == NETWORK_ACL, found.rule, group),
        ]
        mixed = np.zeros(len(group), np.int64)
        for part in parts:
            mixed = mixed * 1_000_003 + part.astype(np.int64)
        unique, inverse = np.unique(mixed, return_inverse=True)
        numbers = np.array([self._keys.setdefault(key, len(self._keys)) for key in unique.tolist()], np.int64)
        keys: Ints = np.where(found.action == REJECT, numbers[inverse.reshape(-1)], -1)
        return keys


def _asked(batch: pa.RecordBatch, judged: Verdicts) -> pa.Table:
    """Return the refused packets of each judged case as records have them; without a protocol where no answer is possible."""
    rows, into = pa.array(judged.case), pa.array(judged.into == 1)
    own, far, own_port, far_port = (batch.column(name).take(rows) for name in ("own", "far", "own_port", "far_port"))
    known = pc.equal(batch.column("known").take(rows), 1)
    return pa.table(
        {
            "interface_id": batch.column("interface_id").take(rows),
            "srcaddr": pc.if_else(into, far, own),
            "dstaddr": pc.if_else(into, own, far),
            "dstport": pc.max_element_wise(pc.if_else(into, own_port, far_port), 0),
            "protocol": pc.if_else(known, batch.column("protocol").take(rows), None),
            "flow_direction": pc.if_else(into, "ingress", "egress"),
        }
    )


def _since(rules: Rules) -> int:
    """Return since when rules are known to be true."""
    return rules.until_s if rules.early and rules.until_s else rules.since_s


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        "interface_id": conversation.interface_id,
        "own": conversation.own,
        "own_port": conversation.own_port or 0,
        "far": conversation.far,
        "far_port": conversation.far_port or 0,
        "protocol": conversation.protocol or 0,
    }


def flow_of(row: dict[str, Any], *, into: bool) -> Flow:
    """Return the packets of a case of one direction as what is asked of a network."""
    own, far = (row["own"], row["own_port"]), (row["far"], row["far_port"])
    source, destination = (far, own) if into else (own, far)
    return Flow(
        srcaddr=source[0],
        dstaddr=destination[0],
        protocol=row["protocol"],
        srcport=max(source[1], 0),
        dstport=max(destination[1], 0),
        interface_id=row["interface_id"],
        direction="ingress" if into else "egress",
    )


def _combined(
    judged: Verdicts,
    place: Ints,
    answers: tuple[_Answers, _Answers],
    *,
    early: NDArray[np.bool_],
    icmp: NDArray[np.bool_],
) -> Held:
    """Put together what the pattern says and what the rules say of unremembered and of remembered packets."""
    alone, remembered = answers
    verdict, into = judged.verdict, judged.into == 1
    acl = remembered.action == REJECT
    group = (alone.action == REJECT) & (alone.layer == SECURITY_GROUP)
    refused, passes = alone.action == REJECT, alone.action == ACCEPT
    unknown = (alone.action == UNKNOWN) | (remembered.action == UNKNOWN)
    proven = judged.certainty == C["certain"]
    covered = ~early

    def one_of(*names: str) -> NDArray[np.bool_]:
        return np.isin(verdict, [V[name] for name in names])

    opening = one_of("opening_refused")
    reply = one_of("reply_refused", "cut_off")
    late = one_of("late_packets")
    others = one_of("middle_refused", "reply_without_request", "asymmetric_routing", "one_sided", "skipdata", "mixed")
    # Who refuses, whatever the connection: the ACL inbound, where it is asked first, and outbound where the group lets it pass.
    surely_acl = acl & (into | ~group)

    by_alone = (opening & refused) | (late & group & ~(acl & into)) | (others & group & ~surely_acl)
    by_remembered = (reply & acl) | (late & surely_acl) | (others & surely_acl)
    forgotten = reply & ~acl & group & ~proven
    new_verdict = np.select(
        [late & surely_acl, forgotten, others & passes & ~acl],
        [V["cut_off"], V["late_packets"], V["late_packets"]],
        verdict,
    )
    layer = np.select(
        [by_remembered, by_alone & (alone.layer > 0), forgotten, new_verdict == V["late_packets"]],
        [L["network_acl"], np.where(alone.layer == NETWORK_ACL, L["network_acl"], L["security_group"]), L["security_group"],
         L["security_group"]],
        judged.layer,
    )  # fmt: skip
    # A rule for one ICMP type may be for another than the packets', which no record tells.
    guessed = np.where(by_remembered, remembered.assumed, alone.assumed)
    sure = np.where(covered & ~guessed, C["certain"], C["likely"])
    assumed = (alone.action == ASSUMED) | (remembered.action == ASSUMED)
    contradicted = (opening & passes) | (reply & ~acl & ~group & ~unknown & ~assumed)
    certainty = np.select(
        [
            reply & acl & proven,
            # A ping of its own that no group lets out never reaches the ACL.
            by_remembered & reply & icmp & ~into & group,
            by_remembered & (reply | others | (late & into)),
            by_remembered,
            opening & refused & (alone.layer > 0),
            opening & refused,
            by_alone & ~late,
            (others & passes & ~acl) | forgotten,
            contradicted & ~proven,
        ],
        [C["certain"], C["likely"], sure, C["likely"], sure, C["likely"], C["likely"], C["likely"], C["undecided"]],
        judged.certainty,
    )
    applies = opening | reply | late | others
    bits = {
        "rules_early": applies & ~covered & (by_alone | by_remembered),
        "rules_disagree": contradicted | (proven & reply & ~acl & ~unknown & ~assumed),
        "rules_unknown": applies & unknown & ~by_alone & ~by_remembered,
        "icmp_type": applies & ((assumed & ~by_alone & ~by_remembered) | (guessed & (by_alone | by_remembered))),
        "rules_allow": (late | others) & passes & ~acl,
        "not_remembered": forgotten | (others & group & ~surely_acl),
    }
    why = judged.why.copy()
    for name, holds in bits.items():
        why |= np.where(holds, BIT[name], 0)
    rule = np.select([by_remembered, by_alone | forgotten], [remembered.rule, alone.rule], -1)
    rule = np.where(applies, rule, -1)
    held = Verdicts(
        judged.case,
        judged.into,
        np.where(applies, new_verdict, verdict),
        np.where(applies, layer, judged.layer),
        np.where(applies, certainty, judged.certainty),
        judged.opener,
        judged.opened_by,
        why,
    )
    return Held(held, place, by_remembered, rule)
