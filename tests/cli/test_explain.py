"""`vpcflow explain` as it is called."""

from __future__ import annotations

import json

import pytest

PING = (
    "2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK",
    "2 123456789010 eni-1235b8ca123456789 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK",
)


@pytest.fixture
def ping(place):
    (place / "ping.log").write_text("\n".join(PING) + "\n")
    return "ping.log"


def test_the_verdict_comes_first_then_how_sure_it_is_and_the_records(run, ping):
    ran = run("explain", "203.0.113.12", "172.31.16.139", "--from", ping, "-o", "table")
    assert ran.code == 0
    assert ran.lines[0] == "✕ network ACL (outbound): the reply was refused"
    assert ran.lines[1].strip().startswith("certain: ")
    assert "opened by 203.0.113.12" in ran.out
    assert "✓ ACCEPT" in ran.out
    assert "✕ REJECT" in ran.out
    assert "172.31.16.139 is taken for its own address" in ran.err


def test_json_has_codes_in_every_language(run, ping):
    found = [
        run("explain", "203.0.113.12", "172.31.16.139", "--from", ping, "-o", "json", "--lang", lang).json()
        for lang in ("en", "ko")
    ]
    assert found[0] == found[1]
    (cause,) = found[0]["causes"]
    assert (cause["verdict"], cause["layer"], cause["certainty"]) == ("reply_refused", "network_acl", "certain")
    assert [record["action"] for record in cause["evidence"]] == ["ACCEPT", "REJECT"]
    assert found[0]["own_addresses"][0]["origin"] == "private"


def test_all_is_a_row_a_cause_for_programs(run, lake):
    ran = run("explain", "--all", "-o", "csv")
    head, *rows = ran.lines
    assert head.startswith("verdict,certainty,layer,resource,rule,direction,interface_id")
    records = [int(row.split(",")[head.split(",").index("records") - len(head.split(","))]) for row in rows]
    rejects = run("query", "SELECT count(*) FROM flows WHERE action = 'REJECT' AND srcaddr IS NOT NULL", "-o", "csv")
    assert sum(records) == int(rejects.lines[1])
    assert records == sorted(records, reverse=True)


def test_a_record_finds_the_rest_of_its_conversation_in_what_is_asked(run, ping):
    alone = run("explain", "--record", PING[1], "-o", "json")
    assert alone.json()["causes"][0]["verdict"] == "opening_refused"
    assert "from the record alone" in alone.err
    with_mates = run("explain", "--record", PING[1], "--from", ping, "-o", "json")
    assert with_mates.json()["causes"][0]["verdict"] == "reply_refused"


def test_records_may_be_given_together_and_in_any_format(run):
    both = run("explain", "--record", PING[0], "--record", PING[1], "-o", "jsonl")
    assert json.loads(both.lines[0])["certainty"] == "certain"
    names = "${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action} ${tcp-flags} ${flow-direction} ${start} ${end}"
    own = run(
        "explain",
        "--record",
        "10.0.0.1 10.0.0.2 1024 22 6 REJECT 2 ingress 1700000000 1700000001",
        "--format",
        names,
        "-o",
        "json",
    )
    assert own.json()["causes"][0]["direction"] == "ingress"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "say what to explain"),
        (("10.0.0.1",), 2, "say what to explain"),
        (("web", "10.0.0.1"), 2, '"web" is neither an IP address'),
        (("--all", "--at", "1h"), 2, "--at asks about one conversation"),
        (("--all", "10.0.0.1", "10.0.0.2"), 2, "say what to explain"),
        (("10.0.0.1", "10.0.0.2", "--protocol", "tpc"), 2, "is no protocol"),
        (("10.0.0.1", "10.0.0.2", "70000"), 2, '"70000" is no port'),
        (("--record", "nonsense"), 4, "nonsense"),
        (("--record", "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA"), 4, "no conversation"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(run, words, code, said):
    ran = run("explain", *words)
    assert ran.code == code
    assert said in ran.err


def test_without_a_record_it_tells_what_else_the_ends_have(run, ping):
    ran = run("explain", "203.0.113.12", "172.31.16.139", "443", "--from", ping, "-o", "table", "--exit-code")
    assert ran.code == 1
    assert "no record of this conversation" in ran.err
    assert "eni-1235b8ca123456789 (172.31.16.139) has 2 other records" in ran.err


def test_a_report_for_a_ticket_is_markdown_that_log_values_cannot_break(run, place):
    head = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
    odd = [line.replace("eni-1235b8ca123456789", "eni-|<b>") for line in PING]
    (place / "odd.log").write_text("\n".join([head, *odd]) + "\n")
    ran = run("explain", "203.0.113.12", "172.31.16.139", "--from", "odd.log", "-o", "markdown")
    assert ran.lines[0] == "# 203.0.113.12 → 172.31.16.139"
    assert "| eni-\\|&lt;b> | 203.0.113.12 |" in ran.out
    assert "<b>" not in ran.out


NETWORK = """
[vpc]
name = "test"
cidr = ["10.0.0.0/16"]
[subnet.public]
cidr = ["10.0.1.0/24"]
network-acl = "public"
[interface.web]
id = "eni-1"
subnet = "public"
address = ["10.0.1.10"]
public = ["198.51.100.10"]
security-groups = ["web"]
[security-group.web]
inbound = ["tcp 443 from 0.0.0.0/0"]
outbound = ["all to 0.0.0.0/0"]
[network-acl.public]
inbound = ["90 deny tcp 22 from 203.0.113.0/24", "100 allow all from 0.0.0.0/0"]
outbound = ["100 allow tcp 1024-65535 to 0.0.0.0/0"]
"""
RECORDS = """\
interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction
eni-1 203.0.113.77 10.0.1.10 40000 22 6 1 60 1700002800 1700002810 REJECT OK 2 ingress
eni-1 192.0.2.7 10.0.1.10 40000 443 6 5 900 1700002800 1700002810 ACCEPT OK 3 ingress
eni-1 10.0.1.10 192.0.2.7 443 40000 6 5 9000 1700002800 1700002810 ACCEPT OK 19 egress
"""


@pytest.fixture
def network(place):
    (place / "net.toml").write_text(NETWORK)
    (place / "records.log").write_text(RECORDS)
    return "net.toml"


def test_with_rules_the_first_line_names_the_rule_and_the_last_ones_the_mend(run, network):
    ran = run("explain", "203.0.113.77", "web", "22", "--from", "records.log", "--network", network, "-o", "table")
    assert ran.code == 0, ran.err
    assert "inbound rule 90 (deny tcp 22 from 203.0.113.0/24) refuses it" in ran.lines[0]
    assert "certain (rules as given)" in ran.out
    assert "aws ec2 create-network-acl-entry" in ran.out
    assert "aws ec2 authorize-security-group-ingress" in ran.out


def test_kept_rules_are_used_unasked_and_none_leaves_them_out(run, network, place):
    assert run("ingest", "records.log").code == 0
    assert run("network", "import", network, "--at", "2023-11-01").code == 0
    words = ("explain", "203.0.113.77", "198.51.100.10", "22", "-o", "json")
    (cause,) = run(*words).json()["causes"]
    assert (cause["layer"], cause["rule"], cause["certainty"]) == ("network_acl", "90", "certain")
    (cause,) = run(*words[:2], "10.0.1.10", *words[3:], "--network", "none").json()["causes"]
    assert (cause["layer"], cause["certainty"]) == ("", "undecided")


def test_reach_asks_the_rules_alone(run, network):
    ran = run("reach", "192.0.2.7", "web", "443", "--network", network, "--exit-code")
    assert ran.code == 0
    assert ran.lines[0].startswith("✓ tcp/443 192.0.2.7 → web is let through")
    ran = run("reach", "203.0.113.77", "web", "22", "--network", network, "--exit-code", "-o", "json")
    assert ran.code == 1
    found = ran.json()
    assert found["path"]["works"] is False
    assert [change["operation"] for change in found["mend"]] == [
        "CreateNetworkAclEntry",
        "AuthorizeSecurityGroupIngress",
    ]
    ran = run("reach", "192.0.2.7", "web", "443")
    assert ran.code == 2
    assert "no network" in ran.err


def test_what_if_tells_what_would_turn(run, network):
    words = ("what-if", "--network", network, "--from", "records.log", "--exit-code")
    ran = run(*words, "--revoke", "web inbound tcp 443 from 0.0.0.0/0", "-o", "json")
    assert ran.code == 1
    found = ran.json()
    assert (found["refused"]["records"], found["refused"]["bytes"], found["let_in"]["records"]) == (2, 9900, 0)
    assert found["refused"]["examples"][0]["source"] == "192.0.2.7"
    ran = run(*words, "--revoke", "public inbound 90", "--authorize", "web inbound tcp 22 from 0.0.0.0/0")
    assert ran.code == 0
    assert "nothing that was accepted would be refused" in ran.out
    assert "refused, would be let in: 1 record," in ran.out
    assert "every address" in ran.err
    assert run(*words).code == 2


def test_a_record_that_does_not_tell_its_own_side_is_shown_the_way_it_went(run):
    line = "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
    ran = run("explain", "--record", line, "-o", "table")
    assert "172.31.9.69:49761 → 172.31.9.12:3389" in ran.out
    assert "1 record, 20 packets" in ran.out
    assert "in 1 conversation " in ran.out


def test_what_an_interface_opened_itself_is_held_against_its_outbound_rules(run, network, place):
    head = RECORDS.splitlines()[0]
    (place / "call.log").write_text(
        f"{head}\neni-1 10.0.1.10 192.0.2.7 40000 8080 6 5 900 1700002800 1700002810 ACCEPT OK 3 egress\n"
        "eni-1 192.0.2.7 10.0.1.10 8080 40000 6 5 900 1700002800 1700002810 ACCEPT OK 19 ingress\n"
    )
    words = ("explain", "10.0.1.10", "192.0.2.7", "8080", "--from", "call.log", "--network", network)
    ran = run(*words, "-o", "table")
    assert ran.lines[0] == "✓ accepted in both directions"
    assert "10.0.1.10:40000 → 192.0.2.7:8080" in ran.out
    assert not any("✕" in line for line in ran.lines if "network ACL" not in line)
    (cause,) = run(*words, "-o", "json").json()["causes"]
    assert (cause["direction"], cause["steps"][0]["layer"]) == ("egress", "security_group")


GATEWAYS = """
[vpc]
name = "test"
cidr = ["10.0.0.0/16"]
[subnet.open]
cidr = ["10.0.1.0/24"]
route-table = "open"
[subnet.inner]
cidr = ["10.0.2.0/24"]
route-table = "inner"
[subnet.alone]
cidr = ["10.0.3.0/24"]
[route-table.open]
routes = ["0.0.0.0/0 igw"]
[route-table.inner]
routes = ["0.0.0.0/0 nat"]
[gateway.igw]
kind = "igw"
[gateway.nat]
kind = "nat"
subnet = "open"
address = ["10.0.1.5"]
public = ["198.51.100.5"]
[security-group.all]
inbound = ["all from 0.0.0.0/0"]
outbound = ["all to 0.0.0.0/0"]
[interface.web]
subnet = "open"
address = ["10.0.1.10"]
public = ["198.51.100.10"]
security-groups = ["all"]
[interface.hidden]
subnet = "open"
address = ["10.0.1.11"]
security-groups = ["all"]
[interface.app]
subnet = "inner"
address = ["10.0.2.10"]
security-groups = ["all"]
[interface.db]
subnet = "alone"
address = ["10.0.3.10"]
security-groups = ["all"]
"""


@pytest.mark.parametrize(
    ("source", "destination", "obstacle"),
    [
        ("203.0.113.9", "web", None),
        ("web", "203.0.113.9", None),
        ("203.0.113.9", "hidden", "no_public_address"),
        ("hidden", "203.0.113.9", "no_public_address"),
        ("203.0.113.9", "app", "only_outward"),
        ("app", "203.0.113.9", None),
        ("203.0.113.9", "db", "no_way_back"),
        ("web", "db", None),
    ],
)
def test_reach_knows_what_no_gateway_lets_pass(run, place, source, destination, obstacle):
    (place / "gateways.toml").write_text(GATEWAYS)
    words = ("reach", source, destination, "443", "--network", "gateways.toml")
    found = run(*words, "-o", "json").json()["path"]
    assert (found["obstacle"] or {}).get("kind") == obstacle
    told = run(*words, "--exit-code")
    assert told.code == (1 if obstacle else 0)
    assert told.lines[0].startswith("✕" if obstacle else "✓")
