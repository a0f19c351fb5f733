"""Would it pass? One flow at one interface, and from end to end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpc.networks import LAB, flow, named, network
from vpcflow.record.flow_counts import NETWORK_ACL, SECURITY_GROUP
from vpcflow.vpc.evaluator import evaluate, path


@pytest.fixture(scope="module")
def lab():
    return network()


def said(decision):
    return decision.action, decision.layer, decision.why


def test_a_rule_of_a_security_group_lets_in(lab):
    decision = evaluate(lab, flow("198.51.100.7", "10.0.1.10"))
    web = named(lab, "web")
    assert said(decision) == ("ACCEPT", 0, "rule")
    assert decision.rule == lab.security_groups[web.security_groups[0]].inbound[0].id
    assert (decision.interface_id, decision.direction) == (web.id, "ingress")
    assert [step.layer for step in decision.steps] == [NETWORK_ACL, SECURITY_GROUP]


def test_no_rule_refuses_and_each_says_why(lab):
    decision = evaluate(lab, flow("198.51.100.7", "10.0.1.10", 80))
    assert said(decision) == ("REJECT", SECURITY_GROUP, "no_rule")
    assert [check.mismatch for check in decision.steps[1].checks] == ["port", "port", "protocol", "peer"]


def test_the_network_acl_is_asked_first_on_the_way_in(lab):
    decision = evaluate(lab, flow("198.51.100.7", "10.0.1.10", 22))
    assert said(decision) == ("REJECT", NETWORK_ACL, "rule")
    assert decision.rule == "90"
    assert decision.resource.startswith("acl-")
    checks = decision.steps[0].checks
    assert [check.mismatch for check in checks] == ["", "not_reached", "not_reached", "not_reached", "not_reached"]
    assert decision.steps[1].action == "REJECT", "the layer behind a refusal is told too"


def test_the_network_acl_is_asked_last_on_the_way_out(lab):
    decision = evaluate(lab, flow("10.0.1.10", "192.0.2.1", 443))
    assert [step.layer for step in decision.steps] == [SECURITY_GROUP, NETWORK_ACL]
    assert (decision.action, decision.layer, decision.rule) == ("REJECT", NETWORK_ACL, "32767")
    bastion = evaluate(lab, flow("10.0.1.20", "10.0.2.30", 5432))
    assert said(bastion) == ("REJECT", SECURITY_GROUP, "no_rule")


def test_traffic_within_a_subnet_crosses_no_network_acl(lab):
    decision = evaluate(lab, flow("10.0.1.20", "10.0.1.10", 22, interface_id=named(lab, "web").id))
    assert said(decision) == ("ACCEPT", 0, "rule")
    assert decision.steps[0].why == "same_subnet"


def test_a_group_stands_for_the_addresses_of_its_members(lab):
    for address in ("10.0.1.10", "10.0.1.11", "fd00:10:0:1::10"):
        other = "fd00:10:0:2::30" if ":" in address else "10.0.2.30"
        assert evaluate(lab, flow(address, other, 5432, interface_id=named(lab, "db").id)).action == "ACCEPT"
    assert evaluate(lab, flow("10.0.1.20", "10.0.2.30", 5432, interface_id=named(lab, "db").id)).action == "REJECT"
    assert evaluate(lab, flow("203.0.113.10", "10.0.2.30", 5432)).action == "REJECT", "not for public ones"


def test_prefix_lists_and_protocol_all(lab):
    assert evaluate(lab, flow("192.0.2.77", "10.0.1.10", 0, 47)).action == "ACCEPT"
    assert evaluate(lab, flow("192.0.3.77", "10.0.1.10", 0, 47)).action == "REJECT"


def test_icmp_is_told_apart_by_type_and_code(lab):
    echo = flow("10.0.2.30", "10.0.1.10", 0, 1, icmp_type=8, icmp_code=0, interface_id=named(lab, "web").id)
    assert evaluate(lab, echo).action == "ACCEPT"
    assert evaluate(lab, replace(echo, icmp_type=13)).steps[1].checks[2].mismatch == "icmp_type"
    assert evaluate(lab, replace(echo, icmp_code=1)).steps[1].checks[2].mismatch == "icmp_code"


def test_an_icmp_type_that_nobody_knows_matches_by_protocol_and_that_is_said(lab):
    decision = evaluate(lab, flow("10.0.2.30", "10.0.1.10", 0, 1, interface_id=named(lab, "web").id))
    assert (decision.action, decision.assumed) == ("ACCEPT", True)
    office = evaluate(lab, flow("192.0.2.5", "10.0.1.10", 0, 1))
    assert (office.action, office.assumed) == ("ACCEPT", False), "a rule that asks no type is the surer one"


def test_ipv6_has_rules_of_its_own(lab):
    decision = evaluate(lab, flow("2001:db8::1", "fd00:10:0:1::10"))
    assert said(decision) == ("REJECT", SECURITY_GROUP, "no_rule")
    assert decision.steps[0].rule_id == "101"
    assert decision.steps[1].checks[0].mismatch == "ip_version"


def test_security_groups_remember_and_network_acls_do_not(lab):
    answer = flow("10.0.1.10", "198.51.100.7", 40000)
    assert evaluate(lab, answer, tracked=True).steps[0].why == "tracked"
    assert evaluate(lab, answer, tracked=True).action == "ACCEPT"
    privileged = evaluate(lab, replace(answer, dstport=1023), tracked=True)
    assert (privileged.action, privileged.layer, privileged.rule) == ("REJECT", NETWORK_ACL, "32767")


def test_no_outbound_rule_refuses_what_begins_here_only(lab):
    out = flow("10.0.2.30", "10.0.1.10", 40000)
    assert evaluate(lab, out).action == "REJECT"
    assert evaluate(lab, out, tracked=True).action == "ACCEPT"


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.169.123", "169.254.169.253", "10.0.0.2", "10.0.2.1", "fd00:ec2::254", "169.254.170.2"],
)
def test_what_aws_does_not_filter_passes(lab, address):
    own = "fd00:10:0:2::30" if ":" in address else "10.0.2.30"
    decision = evaluate(lab, flow(own, address, 53, 17))
    assert (decision.action, decision.steps[0].why, decision.steps[1].why) == ("ACCEPT", "not_filtered", "not_filtered")


def test_what_is_missing_is_said_rather_than_guessed(lab):
    web = named(lab, "web")
    nowhere = evaluate(lab, flow("192.0.2.1", "198.51.100.1"))
    assert said(nowhere) == ("UNKNOWN", 0, "unknown_interface")
    assert said(evaluate(lab, flow("192.0.2.1", "198.51.100.1", interface_id=web.id))) == (
        "UNKNOWN",
        0,
        "unknown_direction",
    )
    assert said(evaluate(lab, flow("192.0.2.1", "fd00:10:0:1::10"))) == ("UNKNOWN", 0, "bad_address")
    groups = replace(lab, security_groups={})
    assert said(evaluate(groups, flow("192.0.2.1", "10.0.1.10"))) == ("UNKNOWN", 0, "unknown_group")
    acls = replace(lab, network_acls={})
    assert said(evaluate(acls, flow("192.0.2.1", "10.0.1.10"))) == ("UNKNOWN", 0, "unknown_acl")
    assert evaluate(acls, flow("10.0.1.20", "10.0.1.10", 22, interface_id=web.id)).action == "ACCEPT"
    subnets = replace(lab, subnets={})
    assert said(evaluate(subnets, flow("192.0.2.1", "10.0.1.10"))) == ("UNKNOWN", 0, "unknown_subnet")


def test_a_refusal_is_certain_though_another_layer_is_unknown(lab):
    acls = replace(lab, network_acls={})
    assert said(evaluate(acls, flow("198.51.100.9", "10.0.1.10", 80))) == ("REJECT", 0, "no_rule")
    groups = replace(lab, security_groups={})
    assert said(evaluate(groups, flow("198.51.100.9", "10.0.1.10", 22))) == ("REJECT", NETWORK_ACL, "rule")


def test_a_prefix_list_that_is_not_described_may_hold_anything(lab):
    lists = replace(lab, prefix_lists={})
    decision = evaluate(lists, flow("198.51.100.9", "10.0.1.10", 80))
    assert said(decision) == ("UNKNOWN", 0, "unknown_peer")
    assert decision.rule.startswith("sgr-")
    assert evaluate(lists, flow("198.51.100.9", "10.0.1.10", 443)).action == "ACCEPT"


def test_a_group_that_is_not_described_may_have_any_members_but_those_of_other_groups(lab):
    bastion = next(group.id for group in lab.security_groups.values() if group.name == "bastion")
    rest = {key: group for key, group in lab.security_groups.items() if key != bastion}
    gone = replace(lab, security_groups=rest)
    web = named(lab, "web").id
    assert evaluate(gone, flow("10.0.1.20", "10.0.1.10", 22, interface_id=web)).action == "ACCEPT"
    assert evaluate(gone, flow("10.0.2.30", "10.0.1.10", 22, interface_id=web)).action == "REJECT"
    assert evaluate(gone, flow("10.0.1.99", "10.0.1.10", 22, interface_id=web)).action == "UNKNOWN"


def test_nat_gateways_have_no_security_groups(lab):
    nat = next(one for one in lab.interfaces.values() if one.type == "nat_gateway")
    decision = evaluate(lab, flow("10.0.2.30", "10.0.1.5", 443, interface_id=nat.id, direction="ingress"))
    assert (decision.action, decision.steps[1].why) == ("ACCEPT", "no_groups")


# --- from end to end -----------------------------------------------------------------------------------------------


def test_a_path_has_both_ends_in_awss_order(lab):
    found = path(lab, flow("10.0.1.10", "10.0.2.30", 5432))
    assert [(step.direction, step.layer) for end in (found.source, found.destination) for step in end.steps] == [
        ("egress", SECURITY_GROUP),
        ("egress", NETWORK_ACL),
        ("ingress", NETWORK_ACL),
        ("ingress", SECURITY_GROUP),
    ]
    assert found.route.target == "local"


def test_answers_need_rules_of_network_acls_of_their_own(lab):
    found = path(lab, flow("198.51.100.7", "203.0.113.10"))
    assert found.action == "ACCEPT"
    assert found.source is None
    assert found.reply.action == "ACCEPT"
    assert (found.reply.source.steps[0].why, found.reply.ports) == ("rule", (1024, 65535)), (
        "not remembered: everybody may"
    )
    low = path(lab, flow("198.51.100.7", "203.0.113.10", srcport=999))
    assert (low.reply.action, low.reply.refused) == ("REJECT", ((999, 999),))


def test_answers_to_some_ports_only_are_told():
    narrow = network(LAB.replace("1024-65535", "32768-61000"))
    found = path(narrow, flow("198.51.100.7", "10.0.1.10"))
    assert (found.reply.action, found.reply.refused) == ("PARTIAL", ((1024, 32767), (61001, 65535)))
    assert found.reply.source.rule == "32767"


def test_what_leaves_through_a_gateway_has_its_public_address(lab):
    found = path(lab, flow("10.0.2.30", "203.0.113.10"))
    assert found.route.target.startswith("nat-")
    assert found.destination.steps[1].action == "ACCEPT"
    office = network(LAB.replace("tcp 443 from 0.0.0.0/0", "tcp 443 from 203.0.113.5"))
    assert path(office, flow("10.0.2.30", "203.0.113.10")).destination.action == "ACCEPT"
    assert path(office, flow("10.0.2.30", "10.0.1.10")).destination.action == "REJECT"


def test_no_route_is_no_refusal(lab):
    wide = network(LAB.replace('"0.0.0.0/0 igw", ', "").replace("tcp 1024-65535", "all"))
    assert path(wide, flow("10.0.1.10", "198.51.100.7")).action == "NO_ROUTE"


def test_echo_is_answered_and_other_icmp_is_not(lab):
    echo = flow("10.7.0.1", "10.0.1.10", 0, 1, icmp_type=8, icmp_code=0)
    assert path(lab, echo).reply.action == "ACCEPT"
    assert path(lab, replace(echo, icmp_type=3, srcaddr="192.0.2.1")).reply is None
