"""`vpcflow capture --network`: verdicts for packets."""

from __future__ import annotations

import re

import pytest

from capture.packets import SECOND, T0, ethernet, icmp, ipv4, pcap, tcp, udp
from vpc.networks import LAB

NOW = T0 * SECOND
WEB, OUT = "10.0.1.10", "203.0.113.77"


def packet(src, dst, sport, dport, flags=0x10, at=0):
    return NOW + at * SECOND, ethernet(ipv4(6, tcp(sport, dport, flags), src, dst))


def exchange(client, server, sport, dport, at=0):
    yield packet(client, server, sport, dport, 2, at)
    yield packet(server, client, dport, sport, 0x12, at)
    yield packet(client, server, sport, dport, 0x10, at)


@pytest.fixture
def judged(run, place):
    def call(*packets, lab=LAB, more=()):
        (place / "lab.toml").write_text(lab)
        (place / "trace.pcap").write_bytes(pcap(*packets))
        ran = run("capture", "trace.pcap", "--network", "lab.toml", "-o", "jsonl", *more)
        assert ran.code == 0, ran.err
        rows = {
            (row["srcaddr"], row["dstaddr"], row["dstport"]): row for row in ran.rows() if row["log_status"] == "OK"
        }
        return rows, ran

    return call


def actions(rows):
    return {key: row["action"] for key, row in rows.items()}


def test_security_groups_remember_what_they_let_in(judged):
    rows, ran = judged(*exchange(OUT, WEB, 40000, 443), *exchange(OUT, WEB, 40001, 80))
    assert actions(rows) == {
        (OUT, WEB, 443): "ACCEPT", (WEB, OUT, 40000): "ACCEPT", (OUT, WEB, 80): "REJECT", (WEB, OUT, 40001): "ACCEPT",
    }  # fmt: skip
    assert {row["interface_id"] for row in rows.values()} == {ran.rows()[0]["interface_id"]}
    assert {row["flow_direction"] for key, row in rows.items() if key[0] == OUT} == {"ingress"}
    assert {row["flow_direction"] for key, row in rows.items() if key[0] == WEB} == {"egress"}
    assert re.search(r"eni-[0-9a-f]{17} is web 10.0.1.10", ran.err)
    assert "action of 4 records by the network's rules; 0 could not be decided" in ran.err
    assert "guess" not in ran.err


def test_answers_pass_only_what_was_let_in_where_nothing_else_allows_them(judged):
    closed = LAB.replace('outbound = ["all to 0.0.0.0/0", "all to ::/0"]', "outbound = []")
    rows, _ = judged(*exchange(OUT, WEB, 40000, 443), *exchange(OUT, WEB, 40001, 80), lab=closed)
    assert actions(rows)[WEB, OUT, 40000] == "ACCEPT"
    assert actions(rows)[WEB, OUT, 40001] == "REJECT", "its opening was refused"


def test_network_acls_do_not_remember(judged):
    narrow = LAB.replace("tcp 1024-65535 to", "tcp 50000-65535 to")
    rows, _ = judged(*exchange(OUT, WEB, 40000, 443), *exchange(OUT, WEB, 50000, 443), lab=narrow)
    assert (actions(rows)[OUT, WEB, 443], actions(rows)[WEB, OUT, 40000]) == ("ACCEPT", "REJECT")
    assert actions(rows)[WEB, OUT, 50000] == "ACCEPT"


def test_pings_are_judged_by_protocol_and_that_is_said(judged):
    ping = [(NOW, ethernet(ipv4(1, icmp(8), "10.9.9.9", WEB))), (NOW, ethernet(ipv4(1, icmp(0), WEB, "10.9.9.9")))]
    rows, ran = judged(*ping)
    assert set(actions(rows).values()) == {"ACCEPT"}
    assert "ICMP records: rules for one ICMP type were taken to match" in ran.err


def test_what_the_network_does_not_know_is_left_open_and_told(judged):
    rows, ran = judged(*exchange(OUT, WEB, 40000, 443), packet(OUT, "192.0.2.9", 1, 443))
    assert actions(rows)[OUT, "192.0.2.9", 443] is None
    assert "1 could not be decided" in ran.err
    assert "1 without action: none of their addresses is an interface's of the network" in ran.err


def test_the_resolver_of_the_vpc_is_not_logged_unless_all_is_kept(judged):
    question = (NOW, ethernet(ipv4(17, udp(5000, 53), WEB, "10.0.0.2")))
    rows, ran = judged(question, *exchange(OUT, WEB, 40000, 443))
    assert (WEB, "10.0.0.2", 53) not in rows
    assert "1 Amazon DNS" in ran.err
    rows, _ = judged(question, more=("--all",))
    assert actions(rows) == {(WEB, "10.0.0.2", 53): "ACCEPT"}, "it is not filtered"


def test_connections_are_remembered_from_file_to_file(run, place):
    closed = LAB.replace('outbound = ["all to 0.0.0.0/0", "all to ::/0"]', "outbound = []")
    (place / "lab.toml").write_text(closed)
    one = [packet(OUT, WEB, 40000, 443, 2)]
    two = [packet(WEB, OUT, 443, 40000, 0x10, 61)]
    (place / "a.pcap").write_bytes(pcap(*one))
    (place / "b.pcap").write_bytes(pcap(*two))
    ran = run("capture", "a.pcap", "b.pcap", "--network", "lab.toml", "-o", "jsonl")
    assert [row["action"] for row in ran.rows() if row["log_status"] == "OK"] == ["ACCEPT", "ACCEPT"]


def test_a_capture_meets_what_was_true_in_its_time(run, place):
    (place / "trace.pcap").write_bytes(pcap(*exchange(OUT, WEB, 40000, 443)))
    for text, at in ((LAB, T0 - 100), (LAB.replace("tcp 443 from", "tcp 8443 from"), T0 + 1000)):
        (place / "lab.toml").write_text(text)
        assert run("network", "import", "lab.toml", "--at", str(at)).code == 0
    ran = run("capture", "trace.pcap", "--network", "@state", "-o", "jsonl")
    assert ran.rows()[0]["action"] == "ACCEPT"
    assert run("capture", "trace.pcap", "--network", f"@{T0 + 2000}", "-o", "jsonl").rows()[0]["action"] == "REJECT"
    run("network", "remove", str(T0 - 100))
    early = run("capture", "trace.pcap", "--network", "@state", "-o", "jsonl")
    assert (early.rows()[0]["action"], "nothing is kept for that time" in early.err) == ("REJECT", True)


def test_a_lake_takes_verdicts_and_new_rules_replace_them(run, place):
    (place / "trace.pcap").write_bytes(pcap(*exchange(OUT, WEB, 40000, 443)))
    for text, expected in ((LAB, "ACCEPT"), (LAB.replace("tcp 443 from", "tcp 8443 from"), "REJECT")):
        (place / "lab.toml").write_text(text)
        ran = run("capture", "trace.pcap", "--network", "lab.toml", "--into-lake")
        assert ran.code == 0, ran.err
        rows = run("records", "-f", "dstport = 443", "-o", "jsonl").rows()
        assert [row["action"] for row in rows] == [expected]


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [("nowhere.toml", 4, "there is no nowhere.toml"), ("@state", 2, "no network is kept"), ("@x", 2, "is no time")],
)
def test_a_network_that_is_not_there_is_named(run, place, word, code, said):
    (place / "trace.pcap").write_bytes(pcap(*exchange(OUT, WEB, 40000, 443)))
    ran = run("capture", "trace.pcap", "--network", word)
    assert (ran.code, said in ran.err) == (code, True), ran.err
