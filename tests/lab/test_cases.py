"""What is recorded of single packets, as AWS's pages have it."""

from __future__ import annotations

import pytest

from lab.conftest import program

SG, ACL = 1, 2

CASES = {
    "syn": [["c", "ingress", "ACCEPT", 0, 0], ["d", "egress", "ACCEPT", 0, 0]],
    # Statefulness: c has no outbound rule. EC2 User Guide "Security group connection tracking".
    "its answer": [["c", "egress", "ACCEPT", 0, 0], ["d", "ingress", "ACCEPT", 0, 0]],
    # "Packets that arrive after the connection is closed" are REJECT though rules allow them; not so where nothing is tracked.
    "an ack of no connection, tracked": [["c", "ingress", "REJECT", SG, 0], ["d", "egress", "ACCEPT", 0, 0]],
    "a reset of no connection, tracked": [["c", "ingress", "REJECT", SG, 0], ["d", "egress", "ACCEPT", 0, 0]],
    "an ack of no connection, untracked": [["a", "ingress", "ACCEPT", 0, 200], ["d", "egress", "ACCEPT", 0, 100]],
    "within a subnet the ACL is not asked": [["a", "egress", "ACCEPT", 0, 0], ["b", "ingress", "ACCEPT", 0, 0]],
    "not even to nobody": [["a", "egress", "ACCEPT", 0, 0]],
    "to nobody elsewhere it is": [["a", "egress", "REJECT", ACL, 100]],
    "to nobody elsewhere, allowed": [["a", "egress", "ACCEPT", 0, 200]],
    "in from another subnet": [["a", "ingress", "REJECT", ACL, 100], ["d", "egress", "ACCEPT", 0, 100]],
    "no outbound rule": [["c", "egress", "REJECT", SG, 0]],
    "blackhole": [["a", "egress", "ACCEPT", 0, 200]],
    "internet without an address there": [["a", "egress", "ACCEPT", 0, 200]],
    # VPC User Guide "Flow log limitations".
    "the subnet's router": [],
    "the resolver": [],
    "instance metadata": [],
    "another's address": [],
    "DHCP": [],
    "an error about an accepted packet": [
        [["c", "ingress", "ACCEPT", 0, 0], ["d", "egress", "ACCEPT", 0, 0]],
        [["c", "egress", "ACCEPT", 0, 0], ["d", "ingress", "ACCEPT", 0, 0]],
    ],
    "IPv6": [["a", "egress", "ACCEPT", 0, 201], ["d", "ingress", "ACCEPT", 0, 101]],
    "IPv6 refused": [["a", "egress", "ACCEPT", 0, 201], ["c", "ingress", "REJECT", SG, 0]],
    "flags": [[5030, 4, 3], [5031, 1, 4], [5032, 1, 2]],
}


@pytest.fixture(scope="module")
def seen(lab_here):
    return program("cases")


@pytest.mark.parametrize("name", CASES)
def test_it_is_recorded_as_aws_does(seen, name):
    assert seen[name] == CASES[name]


def test_every_case_is_expected(seen):
    assert set(seen) == set(CASES)
