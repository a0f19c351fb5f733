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
