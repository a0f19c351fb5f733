"""Recorded traffic held against other rules: what would be refused, what would be let in, and what answers are."""

from __future__ import annotations

import random

import pytest

from analyze.asking import asker, fill
from analyze.test_explain import FAR, OWN, V5, record
from analyze.test_explain_rules import NOW
from vpcflow.analyze.explain.replay import affected, replay
from vpcflow.analyze.plan import Scope
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.rule_change import changed, parse


def after(*texts):
    """Return the network with changes made: `+ …` authorizes, `- …` revokes."""
    network = NOW
    for text in texts:
        network = changed(network, [parse(text[2:], "authorize" if text[0] == "+" else "revoke", network)])
    return network


def ran(tmp_path, rows, network, **how):
    with asker(fill(tmp_path, rows, V5)) as asking:
        return replay(asking, Scope(), NOW, network, **how)


WEB = [record("in", "ACCEPT", 2, ports=(40000, 443)), record("out", "ACCEPT", 18, ports=(40000, 443))]
CALL = [
    record("out", "ACCEPT", 2, ports=(8080, 50000)),  # from 10.0.1.10:50000 to the far port 8080
    record("in", "ACCEPT", 18, ports=(8080, 50000)),
]
SSH = [record("in", "REJECT", 2)]
PING = [
    record("in", "ACCEPT", protocol=1, ports=(0, 0), srcaddr="10.0.1.99"),  # of the same subnet: no ACL is asked
    record("out", "ACCEPT", protocol=1, ports=(0, 0), dstaddr="10.0.1.99"),
]


CASES = {
    "a service that is closed takes its answers along": (WEB, ["- web inbound tcp 443 from 0.0.0.0/0"], 2, 0),
    "answers need no rule of the group": (WEB, ["- web outbound all to 0.0.0.0/0"], 0, 0),
    "calls do": (CALL, ["- web outbound all to 0.0.0.0/0"], 2, 0),
    "answers need one of the ACL": (
        WEB, ["- public outbound 100", "+ public outbound 100 allow tcp 50001-65535 to 0.0.0.0/0"], 1, 0,
    ),
    "their ports are told apart as far as the ACL does": (
        [record(way, "ACCEPT", flags, ports=(port, 443)) for port in (40000, 60000) for way, flags in (("in", 2), ("out", 18))],
        ["- public outbound 100", "+ public outbound 100 allow tcp 50001-65535 to 0.0.0.0/0"], 1, 0,
    ),
    "a deny before the allow": (WEB, [f"+ public inbound 50 deny tcp 443 from {FAR}"], 2, 0),
    "a service that is opened": (SSH, [f"+ web inbound tcp 22 from {FAR}"], 0, 1),
    "for others": (SSH, ["+ web inbound tcp 22 from 192.0.2.1"], 0, 0),
    "a deny that is taken away is not enough": (
        [record("in", "REJECT", 2, srcaddr="198.51.100.9")], ["- public inbound 90"], 0, 0,
    ),
    "with the group's rule it is": (
        [record("in", "REJECT", 2, srcaddr="198.51.100.9")],
        ["- public inbound 90", "+ web inbound tcp 22 from 198.51.100.0/24"], 0, 1,
    ),
    "pings are let through if either side may ping": (PING, ["- web outbound all to 0.0.0.0/0"], 0, 0),
    "and refused if neither may": (
        PING, ["- web outbound all to 0.0.0.0/0", "- web inbound icmp 8/0 from 10.0.0.0/8"], 2, 0,
    ),
    "a ping that was refused is an opening, whatever its sender may send": (
        [record("in", "REJECT", protocol=1, ports=(0, 0))], [f"+ web inbound icmp 8/0 from {FAR}"], 0, 1,
    ),
    "which a rule for the other way does not let in": (
        [record("in", "REJECT", protocol=1, ports=(0, 0))], [f"+ web outbound icmp to {FAR}"], 0, 0,
    ),
    "late packets are no rule's": (
        [*WEB, record("in", "REJECT", 4, ports=(40000, 443), at=60)], ["+ web inbound tcp 22 from 0.0.0.0/0"], 0, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_turns_is_counted_and_answers_are_answers(name, tmp_path):
    rows, changes, refused, let_in = CASES[name]
    rows = [row if row["protocol"] != 1 else row | {"tcp_flags": None} for row in rows]
    found = ran(tmp_path, rows, after(*changes))
    assert (found.refused.records, found.let_in.records) == (refused, let_in)


def test_traffic_is_told_by_service_source_and_example(tmp_path):
    rows = [
        record("in", "ACCEPT", 2, ports=(40000 + n, 443), srcaddr=f"203.0.113.{n % 3}", packets=1 + n) for n in range(9)
    ]
    found = ran(tmp_path, rows, after("- web inbound tcp 443 from 0.0.0.0/0")).refused
    assert (found.records, found.packets, found.bytes, found.flows, found.sources) == (9, 45, 2700, 3, 3)
    (service,) = found.by("protocol", "port", limit=5)
    assert (service.key, service.records, service.sources) == ((6, 443), 9, 3)
    assert [share.key for share in found.by("source", limit=2)] == [("203.0.113.0",), ("203.0.113.1",)]
    (example,) = found.examples(1)
    assert (example.source, example.destination, example.port, example.records) == ("203.0.113.0", OWN, 443, 3)


def test_only_interfaces_that_the_change_is_about_are_looked_at(tmp_path):
    network = after("- db inbound tcp 5432 from sg:web")
    assert affected(NOW, network) == ["eni-2"]
    assert affected(NOW, NOW) == []
    assert ran(tmp_path, WEB, network).records == 0


def test_what_the_rules_as_they_are_do_not_explain_is_said(tmp_path):
    rows = [record("in", "ACCEPT", 2, ports=(40000, 8080)), record("in", "REJECT", 2, ports=(40000, 443))]
    found = ran(tmp_path, rows, after("+ web inbound tcp 22 from 0.0.0.0/0"))
    assert found.unexplained == {"accepted": 1, "refused": 1}
    assert found.uncovered == 1


def test_it_decides_as_the_plain_evaluator_does(tmp_path):
    chance = random.Random(5)
    rows = []
    for number in range(400):
        eni, own = chance.choice([("eni-1", OWN), ("eni-2", "10.0.2.20"), ("eni-3", "10.0.1.30")])
        far = chance.choice([FAR, "198.51.100.9", OWN, "10.0.2.20", "10.0.9.9"])
        rows.append(
            record(
                "in", chance.choice(["ACCEPT", "REJECT"]), 2, eni=eni, srcaddr=far, dstaddr=own,
                ports=(40000 + number, chance.choice([22, 443, 5432, 53])), protocol=chance.choice([6, 6, 17]),
            )
        )  # fmt: skip
    network = after(
        "- web inbound tcp 443 from 0.0.0.0/0", "+ web inbound tcp 22 from 0.0.0.0/0", "+ probe inbound udp 53 from 10.0.0.0/8",
        "- public inbound 90", "+ private inbound 50 deny tcp 5432 from 10.0.1.30", "+ db inbound tcp 22 from sg:web",
    )  # fmt: skip
    expected = {"refused": 0, "let_in": 0}
    for row in rows:
        flow = Flow(
            row["srcaddr"],
            row["dstaddr"],
            row["protocol"],
            row["srcport"],
            row["dstport"],
            row["interface_id"],
            "ingress",
        )
        old, new = evaluate(NOW, flow).action, evaluate(network, flow).action
        expected["refused"] += row["action"] == "ACCEPT" and (old, new) == ("ACCEPT", "REJECT")
        expected["let_in"] += row["action"] == "REJECT" and (old, new) == ("REJECT", "ACCEPT")
    assert min(expected.values()) > 10
    found = ran(tmp_path, rows, network)
    assert {"refused": found.refused.records, "let_in": found.let_in.records} == expected


def test_pings_that_only_answers_could_be_are_counted_beside(tmp_path):
    found = ran(tmp_path, PING, after("- web inbound icmp 8/0 from 10.0.0.0/8"))
    assert (found.refused.records, found.ambiguous) == (0, 1)
    assert ran(tmp_path / "more", PING, after("- web outbound all to 0.0.0.0/0")).unexplained == {}
