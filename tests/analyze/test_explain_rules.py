"""Explanations with the rules known: layer, rule, path and the smallest mend, and where records and rules disagree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyze.asking import asker, fill
from analyze.test_explain import BACKGROUND, FAR, OWN, V5, T, record
from vpcflow.analyze.explain import find
from vpcflow.analyze.explain.cases import Pair
from vpcflow.analyze.explain.judge import Judge, Rules
from vpcflow.analyze.explain.mend import mend
from vpcflow.analyze.plan import Scope
from vpcflow.vpc import toml_file
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import path
from vpcflow.vpc.rule_change import changed

NETWORK = """
[vpc]
name = "test"
cidr = ["10.0.0.0/16", "fd00:10::/56"]
[subnet.public]
cidr = ["10.0.1.0/24"]
network-acl = "public"
[subnet.private]
cidr = ["10.0.2.0/24"]
network-acl = "private"
[interface.web]
id = "eni-1"
subnet = "public"
address = ["10.0.1.10"]
security-groups = ["web"]
[interface.db]
id = "eni-2"
subnet = "private"
address = ["10.0.2.20"]
security-groups = ["db"]
[interface.probe]
id = "eni-3"
subnet = "public"
address = ["10.0.1.30"]
security-groups = ["web", "probe"]
[security-group.web]
id = "sg-0000000000000000a"
inbound = ["tcp 443 from 0.0.0.0/0", "icmp 8/0 from 10.0.0.0/8"]
outbound = ["all to 0.0.0.0/0"]
[security-group.probe]
id = "sg-0000000000000000c"
inbound = []
outbound = []
[security-group.db]
id = "sg-0000000000000000b"
inbound = ["tcp 5432 from sg:web"]
outbound = []
[network-acl.public]
id = "acl-0000000000000000a"
inbound = ["90 deny tcp 22 from 198.51.100.0/24", "100 allow all from 0.0.0.0/0"]
outbound = ["100 allow tcp 1024-65535 to 0.0.0.0/0"]
[network-acl.private]
id = "acl-0000000000000000b"
inbound = ["100 allow tcp 5432 from 10.0.1.0/24"]
outbound = ["100 allow tcp 32768-60999 to 10.0.1.0/24"]
"""
NOW = toml_file.parse(NETWORK, "network.toml")
WEB, DB, PUBLIC, PRIVATE = (
    "sg-0000000000000000a",
    "sg-0000000000000000b",
    "acl-0000000000000000a",
    "acl-0000000000000000b",
)


def every(tmp_path, rows, rules=None):
    with asker(fill(tmp_path, [*rows, BACKGROUND], V5)) as asking:
        return find.every(asking, Scope(), Judge(rules or (Rules(NOW),)))


def told(found):
    return [(cause.layer, cause.resource, cause.rule, cause.certainty) for cause in found.causes]


def between(action_there, action_back, port, flags_back=18):
    """Return what the database sees of a connection from the web server's *port*."""
    ends = {"srcaddr": OWN, "dstaddr": "10.0.2.20", "eni": "eni-2"}
    back = {"srcaddr": "10.0.2.20", "dstaddr": OWN, "eni": "eni-2"}
    rows = [record("in", action_there, 2, ports=(port, 5432), **ends)]
    return rows + ([record("out", action_back, flags_back, ports=(port, 5432), **back)] if action_back else [])


CASES = {
    "no rule of the group": ([record("in", "REJECT", 2)], ("security_group", WEB, "", "certain")),
    "a deny of the ACL, before the group is asked": (
        [record("in", "REJECT", 2, srcaddr="198.51.100.9")], ("network_acl", PUBLIC, "90", "certain"),
    ),
    "a reply to a port that the ACL does not let out": (
        between("ACCEPT", "REJECT", 61500), ("network_acl", PRIVATE, "32767", "certain"),
    ),
    "the same without tcp-flags": (
        [row | {"tcp_flags": None} for row in between("ACCEPT", "REJECT", 61500)],
        ("network_acl", PRIVATE, "32767", "certain"),
    ),
    "an opening that the group has no outbound rule for": (
        [record("out", "REJECT", 2, srcaddr="10.0.2.20", dstaddr="192.0.2.1", eni="eni-2", ports=(443, 40000))],
        ("security_group", DB, "", "certain"),
    ),
    "rules that would let it pass": ([record("in", "REJECT", 2, ports=(40000, 443))], ("", "", "", "undecided")),
    "a late packet": (
        [record("in", "ACCEPT", 3), record("out", "ACCEPT", 19), record("in", "REJECT", 4, at=12)],
        ("security_group", WEB, "", "likely"),
    ),
    "an ICMP type that records do not tell": (
        [record("in", "REJECT", protocol=1, ports=(0, 0), srcaddr="10.0.9.9")], ("", "", "", "undecided"),
    ),
    "an interface that the model does not know": ([record("in", "REJECT", 2, eni="eni-9")], ("", "", "", "undecided")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_layer_and_the_rule_are_named(name, tmp_path):
    rows, expected = CASES[name]
    assert told(every(tmp_path, rows)) == [expected]


def test_what_disagrees_is_said(tmp_path):
    rows = [record("in", "REJECT", 2, ports=(40000, 443)), record("in", "REJECT", 2, eni="eni-9")]
    whys = {cause.interface_id: set(cause.why) for cause in every(tmp_path, rows).causes}
    assert "rules_disagree" in whys["eni-1"]
    assert "rules_unknown" in whys["eni-9"]


def test_each_rule_that_was_considered_says_why_it_did_not_match(tmp_path):
    (cause,) = every(tmp_path, [record("in", "REJECT", 2)]).causes
    acl, group = cause.steps
    assert (acl.layer, acl.action, acl.rule) == ("network_acl", "ACCEPT", "100")
    assert [(check.text, check.mismatch) for check in acl.checks[:2]] == [
        ("90 deny tcp 22 from 198.51.100.0/24", "peer"),
        ("100 allow all from 0.0.0.0/0", ""),
    ]
    assert [(check.text, check.mismatch) for check in group.checks] == [
        ("tcp 443 from 0.0.0.0/0", "port"),
        ("icmp 8/0 from 10.0.0.0/8", "protocol"),
    ]


def test_one_rule_is_one_cause_at_all_interfaces(tmp_path):
    rows = [
        record("in", "REJECT", 2, srcaddr="198.51.100.9"),
        record("in", "REJECT", 2, srcaddr="198.51.100.8", dstaddr="10.0.1.30", eni="eni-3"),
    ]
    (cause,) = every(tmp_path, rows).causes
    assert (cause.rule, cause.records, cause.interfaces, cause.interface_id, cause.peers) == ("90", 2, 2, "", 2)


def test_the_rules_of_the_time_count_and_what_is_older_than_all_is_said(tmp_path):
    before = replace(NOW, network_acls={**NOW.network_acls, PUBLIC: replace(NOW.network_acls[PUBLIC], inbound=())})
    rules = (Rules(before, 0, T + 1000, early=True), Rules(before, T + 1000, T + 2000), Rules(NOW, T + 2000))
    rows = [record("in", "REJECT", 2, at=at, ports=(40000 + at, 22)) for at in (0, 1500, 2500)]
    found = {cause.first_s - T: cause for cause in every(tmp_path, rows, rules).causes}
    assert {at: (cause.layer, cause.certainty) for at, cause in found.items()} == {
        0: ("network_acl", "likely"),
        1500: ("network_acl", "certain"),
        2500: ("security_group", "certain"),
    }
    assert "rules_early" in found[0].why
    assert found[0].rules_since == T + 1000


def test_one_conversation_has_both_ends_and_the_way_back(tmp_path):
    with asker(fill(tmp_path, between("ACCEPT", "REJECT", 61500), V5)) as asking:
        (cause,) = find.one(asking, Scope(), Pair((OWN,), ("10.0.2.20",), 5432), Judge((Rules(NOW),))).causes
    assert cause.path is not None
    assert [(step.interface_id, step.layer) for step in (*cause.path.out, *cause.path.into)] == [
        ("eni-1", "security_group"), ("eni-1", "network_acl"), ("eni-2", "network_acl"), ("eni-2", "security_group"),
    ]  # fmt: skip
    assert cause.path.reply == "REJECT"
    assert [change.text for change in cause.mend] == [f"{PRIVATE} outbound 110 allow tcp 61000-65535 to 10.0.1.10/32"]


MENDS = {
    "a port of the group": (Flow(FAR, OWN, 6, None, 22), [f"{WEB} inbound tcp 22 from {FAR}/32"]),
    "a deny, and the group behind it": (
        Flow("198.51.100.9", OWN, 6, None, 22),
        [f"{PUBLIC} inbound 40 allow tcp 22 from 198.51.100.9/32", f"{WEB} inbound tcp 22 from 198.51.100.9/32"],
    ),
    "both parts of the clients' ports": (
        Flow(OWN, "10.0.2.20", 6, None, 5432),
        [
            f"{PRIVATE} outbound 110 allow tcp 1024-32767 to 10.0.1.10/32",
            f"{PRIVATE} outbound 120 allow tcp 61000-65535 to 10.0.1.10/32",
        ],
    ),
    "the group that fewest interfaces carry": (
        Flow(FAR, "10.0.1.30", 6, None, 22), [f"sg-0000000000000000c inbound tcp 22 from {FAR}/32"],
    ),
    "out of one, into the other": (
        Flow("10.0.2.20", OWN, 17, None, 53),
        [
            f"{DB} outbound udp 53 to 10.0.1.10/32",
            f"{PRIVATE} outbound 110 allow udp 53 to 10.0.1.10/32",
            f"{WEB} inbound udp 53 from 10.0.2.20/32",
            f"{PUBLIC} outbound 110 allow udp 1024-65535 to 10.0.2.20/32",
            f"{PRIVATE} inbound 110 allow udp 1024-65535 from 10.0.1.10/32",
        ],
    ),
    "an echo request": (
        Flow("10.0.9.9", "10.0.2.20", 1, None, 0, icmp_type=8, icmp_code=0),
        [
            f"{PRIVATE} inbound 110 allow icmp 8 from 10.0.9.9/32",
            f"{DB} inbound icmp 8 from 10.0.9.9/32",
            f"{PRIVATE} outbound 110 allow icmp 0 to 10.0.9.9/32",
        ],
    ),
    "nothing, where nothing is refused": (Flow(FAR, OWN, 6, None, 443), []),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDS)
def test_the_smallest_mend_lets_the_conversation_through_and_no_part_of_it_is_idle(name):
    flow, expected = MENDS[name]
    changes = mend(NOW, flow)
    assert changes is not None
    assert [change.text for change in changes] == expected
    mended = path(changed(NOW, changes), flow)
    assert mended.action == "ACCEPT"
    assert mended.reply is None or mended.reply.action == "ACCEPT"
    for left_out in changes:
        some = path(changed(NOW, [change for change in changes if change is not left_out]), flow)
        assert some.action != "ACCEPT" or some.reply.action != "ACCEPT"


def test_rules_cannot_mend_what_is_not_described():
    assert mend(NOW, Flow(FAR, "192.0.2.77", 6, None, 22)) is None
