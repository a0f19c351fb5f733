"""Least privilege: rules that cover what was seen, nothing that need not be, and a proof."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyze.asking import asker, fill
from analyze.test_explain import FAR, OWN, V5, record
from analyze.test_explain_rules import DB, NOW, PRIVATE, PUBLIC, WEB
from vpcflow.analyze.explain.narrow import Point, suggest
from vpcflow.analyze.explain.suggest import suggested
from vpcflow.analyze.plan import Scope


def rules(points, at_most=1000):
    return [(one.protocol, one.from_port, one.to_port, one.peer) for one in suggest(points, at_most=at_most)]


def tcp(port, peer, records=1):
    return Point(6, port, port, peer, records)


def test_what_needs_nothing_more_is_joined():
    points = [tcp(port, f"10.0.0.{host}") for port in (80, 81, 82) for host in range(4)]
    assert rules(points) == [(6, 80, 82, "10.0.0.0/30")]


def test_what_would_open_more_stays_apart_while_there_is_room():
    points = [tcp(443, "10.0.0.1", 3), tcp(443, "10.0.0.4", 2), tcp(22, "10.0.0.1")]
    assert rules(points) == [(6, 443, 443, "10.0.0.1/32"), (6, 443, 443, "10.0.0.4/32"), (6, 22, 22, "10.0.0.1/32")]


def test_then_those_are_joined_that_open_least():
    points = [tcp(443, "10.0.0.1"), tcp(443, "10.0.0.2"), tcp(443, "10.9.0.1"), tcp(445, "10.9.0.1")]
    assert set(rules(points, 3)) == {
        (6, 443, 443, "10.0.0.1/32"),
        (6, 443, 443, "10.0.0.2/32"),
        (6, 443, 445, "10.9.0.1/32"),
    }
    assert set(rules(points, 2)) == {(6, 443, 443, "10.0.0.0/30"), (6, 443, 445, "10.9.0.1/32")}


def test_groups_protocols_and_ip_versions_stay_apart_whatever_the_limit():
    points = [
        tcp(443, "10.0.0.1"),
        tcp(443, "fd00::1"),
        tcp(443, "sg-1"),
        Point(17, 53, 53, "10.0.0.1"),
        Point(1, 0, 0, "10.0.0.1"),
    ]
    assert len(rules(points, 1)) == 5
    assert (1, -1, -1, "10.0.0.1/32") in rules(points, 1)


def test_what_is_given_up_is_told():
    (one,) = suggest([tcp(443, "10.0.0.1"), tcp(443, "10.0.0.8")], at_most=1)
    assert (one.peer, one.seen, one.opened, one.broad) == ("10.0.0.0/28", 2, 16, False)
    (one,) = suggest([tcp(443, "10.0.0.1"), tcp(443, "192.0.2.8")], at_most=1)
    assert (one.peer, one.broad) == ("0.0.0.0/0", True)


SEEN = st.lists(
    st.tuples(st.sampled_from([6, 17]), st.sampled_from([22, 23, 80, 443, 8080]), st.integers(0, 63)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(seen=SEEN, at_most=st.integers(1, 20))
def test_every_point_is_covered_by_no_more_rules_than_allowed(seen, at_most):
    points = [Point(protocol, port, port, f"10.0.0.{host}") for protocol, port, host in seen]
    found = suggest(points, at_most=at_most)
    assert len(found) <= max(at_most, 2)  # two protocols cannot be one rule
    for point in points:
        assert any(
            one.protocol == point.protocol
            and one.from_port <= point.port <= one.to_port
            and ipaddress.ip_address(point.peer) in ipaddress.ip_network(one.peer)
            for one in found
        )
    assert sum(one.records for one in found) == len(points)
    if at_most >= len(set(seen)):
        assert all(one.opened == one.seen for one in found)


# --- from records ---------------------------------------------------------------------------------------------------------


def ran(tmp_path, rows, resource, **how):
    with asker(fill(tmp_path, rows, V5)) as asking:
        return suggested(asking, Scope(), NOW, resource, **how)


def written(side):
    return [(one.protocol, one.from_port, one.to_port, one.peer) for one in side]


def talk(port, far, *, client=40000, eni="eni-1", own=OWN):
    """Return an inbound conversation, accepted both ways."""
    return [
        record("in", "ACCEPT", 2, ports=(client, port), srcaddr=far, dstaddr=own, eni=eni),
        record("out", "ACCEPT", 18, ports=(client, port), srcaddr=own, dstaddr=far, eni=eni),
    ]


def test_a_group_gets_rules_for_what_opens_and_none_for_answers(tmp_path):
    found = ran(tmp_path, [*talk(443, FAR), *talk(443, "203.0.113.76", client=50000)], WEB)
    assert written(found.inbound) == [(6, 443, 443, "203.0.113.76/31")]
    assert found.outbound == ()
    assert [(one.inbound, one.rule.protocol) for one in found.unused] == [(True, 1), (False, -1)]
    assert found.proved
    assert found.proof.records == 4


def test_a_rule_for_a_group_keeps_its_peer(tmp_path):
    found = ran(tmp_path, talk(5432, OWN, eni="eni-2", own="10.0.2.20"), DB)
    assert written(found.inbound) == [(6, 5432, 5432, WEB)]
    assert found.changes == ()
    assert found.unused == ()
    assert found.proved


def test_an_acl_gets_both_directions_and_a_usual_range_for_answers(tmp_path):
    found = ran(tmp_path, talk(5432, OWN, eni="eni-2", own="10.0.2.20"), PRIVATE)
    assert written(found.inbound) == [(6, 5432, 5432, "10.0.1.10/32")]
    assert written(found.outbound) == [(6, 32768, 65535, "10.0.1.10/32")]
    assert [entry.number for entry in found.after.network_acls[PRIVATE].inbound][:1] == [100]
    assert found.proved


def test_what_another_group_lets_in_needs_no_rule_here(tmp_path):
    found = ran(tmp_path, talk(443, FAR, eni="eni-3", own="10.0.1.30"), "sg-0000000000000000c")
    assert found.inbound == ()
    assert found.proved


@pytest.mark.parametrize("resource", [WEB, PUBLIC])
@pytest.mark.parametrize("at_most", [None, 3])
def test_random_traffic_is_covered_and_the_replay_proves_it(tmp_path, resource, at_most):
    chance = random.Random(3)
    rows = []
    for number in range(120):
        far = f"{chance.choice(['203.0.113', '198.18.0', '192.0.2'])}.{chance.randrange(250)}"
        rows += talk(443, far, client=30000 + number)
        if number % 3 == 0:
            port = chance.choice([5060, 8443, 9000])
            rows += [
                record("out", "ACCEPT", 2, ports=(port, 45000 + number), dstaddr=far),
                record("in", "ACCEPT", 18, ports=(port, 45000 + number), srcaddr=far),
            ]
    found = ran(tmp_path, rows, resource, at_most=at_most)
    assert found.proved, found.proof
    assert found.proof.records == len(rows)
    assert max(len(found.inbound), len(found.outbound)) <= (at_most or 60)


def test_of_very_many_addresses_networks_are_taken_and_those_seen_are_still_counted(tmp_path):
    rows = [record("in", "ACCEPT", 2, ports=(40000, 443), srcaddr=f"198.18.{n // 200}.{n % 200}") for n in range(2200)]
    found = ran(tmp_path, rows, WEB)
    assert found.coarse
    assert found.proved
    assert sum(one.seen for one in found.inbound) == 2200
    assert sum(one.opened for one in found.inbound) == 11 * 256
