"""The pattern diagnosis against simulated truth: random rule sets, openings, answers, late packets and connections cut off.

The evaluator decides every packet, with the memory that security groups have. The kernel decides the same in tests/lab.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from analyze.asking import asker, fill
from analyze.test_explain import V5
from lab.packets import ICMP, ICMPV6, TCP, UDP
from lab.rule_sets import Maker, topology
from vpcflow.analyze.explain import cases
from vpcflow.analyze.explain.classify import classify
from vpcflow.analyze.explain.facts import gather
from vpcflow.analyze.explain.verdict import CERTAINTIES, LAYERS, VERDICTS
from vpcflow.analyze.plan import Scope
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate

T = 1_700_002_800
LAYER = {1: "security_group", 2: "network_acl"}
V2 = " ".join(name for name in V5.split() if name not in ("tcp-flags", "flow-direction", "reject-reason"))
_KINDS = {(ICMP, 8): 0, (ICMPV6, 128): 129}


class World:
    """Packets decided one by one. rows: their records; truth: (interface, source, destination …) of refused ones → layers."""

    def __init__(self):
        self.rows, self.truth = [], {}

    def send(self, network, packet, flags, at, *, tracked):
        """Send a packet from end to end; say whether it got through."""
        for interface, direction in ((packet.source, "egress"), (packet.target, "ingress")):
            if not interface:
                continue
            flow = Flow(
                packet.src,
                packet.dst,
                packet.protocol,
                packet.sport,
                packet.dport,
                interface,
                direction,
                packet.kind,
                packet.code,
            )
            decision = evaluate(network, flow, tracked=tracked)
            assert decision.action in ("ACCEPT", "REJECT")
            key = (interface, packet.src, packet.sport, packet.dst, packet.dport, packet.protocol)
            self.rows.append(
                {
                    "account_id": "123456789012", "interface_id": interface, "srcaddr": packet.src, "dstaddr": packet.dst,
                    "srcport": packet.sport, "dstport": packet.dport, "protocol": packet.protocol, "packets": 1, "bytes": 60,
                    "start": at, "end": at, "action": decision.action, "log_status": "OK",
                    "tcp_flags": flags if packet.protocol == TCP else 0, "flow_direction": direction,
                }
            )  # fmt: skip
            if decision.action == "REJECT":
                self.truth.setdefault(key, {})[at // 3000] = LAYER[decision.layer]
                return False
        return True


def back(packet):
    """The answer to a packet; None for what has none."""
    if packet.protocol in (TCP, UDP):
        return type(packet)(
            packet.target, packet.source, packet.dst, packet.src, packet.protocol, packet.dport, packet.sport
        )
    kind = _KINDS.get((packet.protocol, packet.kind))
    if kind is None:
        return None
    return type(packet)(packet.target, packet.source, packet.dst, packet.src, packet.protocol, kind=kind, code=0)


@pytest.fixture(scope="module", params=[3, 4])
def world(request):
    rng = random.Random(request.param)
    start = topology()
    maker = Maker(rng, start)
    made = World()
    for place in range(12):
        at = T + 6000 * place
        before, after = maker.network(), maker.network()
        changed = {acl: after.network_acls[acl] for acl in after.network_acls}
        for packet in maker.packets(120):
            answer = back(packet)
            if not made.send(before, packet, 2, at, tracked=False) or answer is None:
                continue
            if not made.send(before, answer, 18, at, tracked=True):
                continue
            if packet.protocol != TCP:
                continue
            # The network ACLs are changed while the connection is open; then both sides go on for a while.
            now = type(before)(
                **{name: getattr(before, name) for name in before.__dataclass_fields__ if name != "network_acls"},
                network_acls=changed,
            )
            for moment in (60, 90, 120):
                made.send(now, packet, 0, at + moment, tracked=True)
                made.send(now, answer, 0, at + moment, tracked=True)
    return made


def judged(world, fields, tmp_path):
    with asker(fill(tmp_path, world.rows, fields)) as asking:
        facts = gather(asking, Scope(), {})
        batches = list(asking.ask(cases.plan(Scope(), asking.schema(), facts.owned.addresses)).batches)
    for batch in batches:
        verdicts = classify(batch, skipdata=facts.skipdata(batch), accepts=facts.accepts(batch))
        table = batch.to_pylist()
        for place in range(len(verdicts.case)):
            case, into = table[verdicts.case[place]], bool(verdicts.into[place])
            own, far = (case["own"], case["own_port"]), (case["far"], case["far_port"])
            ends = (*far, *own) if into else (*own, *far)
            time = case["in_reject_first" if into else "out_reject_first"] // 3000
            layer = world.truth[case["interface_id"], *ends, case["protocol"]][time]
            yield (
                layer,
                case,
                into,
                LAYERS[verdicts.layer[place]],
                CERTAINTIES[verdicts.certainty[place]],
                VERDICTS[verdicts.verdict[place]],
            )


@pytest.mark.parametrize("fields", [V5, V2], ids=["version 5", "version 2"])
def test_it_is_never_certain_wrongly_and_names_the_layer_of_two_sided_cases(world, fields, tmp_path):
    two_sided, right, kinds = 0, 0, Counter()
    for layer, case, into, named, sure, verdict in judged(world, fields, tmp_path):
        kinds[verdict, sure] += 1
        if sure == "certain":
            assert named == layer, case
        if case["out_accept_records" if into else "in_accept_records"]:
            two_sided += 1
            right += named == layer
    assert two_sided > 100
    assert right >= 0.95 * two_sided, f"{right} of {two_sided}: {kinds}"
    assert kinds["opening_refused", "undecided"] > 100
    assert kinds["reply_refused", "certain"] > 20 or fields == V2
    assert kinds["cut_off", "likely"] > 10
