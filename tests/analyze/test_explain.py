"""Explanations from records alone: the pattern of a conversation tells what refused it, and how sure that is."""

from __future__ import annotations

import pytest

from analyze.asking import asker, fill
from vpcflow.analyze.explain import find
from vpcflow.analyze.explain.cases import Pair
from vpcflow.analyze.explain.judge import Judge, Rules
from vpcflow.analyze.plan import Scope
from vpcflow.query.filter import parse
from vpcflow.types import TimeRange
from vpcflow.vpc.topology import Network, NetworkInterface

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = (
    "account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags "
    "flow-direction reject-reason"
)
T = 1_700_002_800
OWN, FAR = "10.0.1.10", "203.0.113.77"


def lines(text, names=V2):
    """Return rows of records as AWS prints them."""
    columns = [name.replace("-", "_") for name in names.split()]
    return [
        {name: None if value == "-" else value for name, value in zip(columns, line.split(), strict=True)}
        for line in text.strip().splitlines()
    ]


def record(way, action, flags=None, *, at=0, to=None, packets=3, protocol=6, eni="eni-1", ports=(40000, 22), **changed):
    """Return a record. way: `in` (from FAR, client port to service port) or `out` (the other way). at, to: seconds after T."""
    client, service = ports
    into = way == "in"
    return {
        "account_id": "123456789012",
        "interface_id": eni,
        "srcaddr": FAR if into else OWN,
        "dstaddr": OWN if into else FAR,
        "srcport": client if into else service,
        "dstport": service if into else client,
        "protocol": protocol,
        "packets": packets,
        "bytes": packets * 60,
        "start": T + at,
        "end": T + (at + 10 if to is None else to),
        "action": action,
        "log_status": "OK",
        "tcp_flags": flags,
        "flow_direction": "ingress" if into else "egress",
    } | changed


def skipdata(at=0, to=60, eni="eni-1"):
    return {"account_id": "123456789012", "interface_id": eni, "start": T + at, "end": T + to, "log_status": "SKIPDATA"}


BACKGROUND = record("in", "ACCEPT", 3, ports=(50001, 443), at=5000)
"""Another conversation, so that the interface has ACCEPT records."""


def every(tmp_path, rows, names=V5, scope=None, judge=None):
    with asker(fill(tmp_path, rows, names)) as asking:
        return find.every(asking, scope or Scope(), judge or Judge(()))


def told(found):
    return [(cause.verdict, cause.layer, cause.direction, cause.certainty) for cause in found.causes]


# --- AWS's published examples (VPC User Guide, "Flow log record examples") ------------------------------------------------

SSH = (
    "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
)
RDP = (
    "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
)
PING = """
2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.16.139 203.0.113.12 0 0 1 4 336 1432917094 1432917142 REJECT OK
"""


def test_accepted_ssh_is_told_as_accepted(tmp_path):
    with asker(fill(tmp_path, lines(SSH), V2)) as asking:
        found = find.one(asking, Scope(), Pair(("172.31.16.139",), ("172.31.16.21",), 22))
    (cause,) = found.causes
    assert (cause.verdict, cause.layer, cause.records) == ("accepted_no_reply", "", 1)
    assert (cause.opener, cause.opened_by, cause.services) == ("far", "port", ((6, 22, 1),))


def test_rejected_rdp_is_a_group_or_an_acl_and_nobody_can_tell_which(tmp_path):
    found = every(tmp_path, lines(RDP), V2)
    assert told(found) == [("opening_refused", "", "", "undecided")]
    assert found.causes[0].services == ((6, 3389, 1),)
    assert found.facts.owned.unknown == ("eni-1235b8ca123456789",)  # both ends are in its only record, both are private
    assert "own_unknown" in found.causes[0].why


def test_the_ping_whose_reply_the_acl_refuses_is_told_for_certain(tmp_path):
    found = every(tmp_path, lines(PING), V2)
    assert told(found) == [("reply_refused", "network_acl", "egress", "certain")]
    assert (found.causes[0].opener, found.causes[0].conversation.far) == ("far", "203.0.113.12")
    (own,) = found.facts.owned.addresses
    assert (own.address, own.origin) == ("172.31.16.139", "private")


def test_the_ping_that_the_security_group_refuses_is_one_record_that_does_not_tell(tmp_path):
    first = PING.strip().splitlines()[0].replace("ACCEPT", "REJECT")
    assert told(every(tmp_path, lines(first), V2)) == [("opening_refused", "", "ingress", "undecided")]


FLAGS = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr "
    "protocol bytes packets start end action tcp-flags log-status"
)
SEQUENCE = """
3 v s i eni-1 1 IPv4 52.213.180.42 10.0.0.62 43416 5001 52.213.180.42 10.0.0.62 6 568 8 1566848875 1566848933 ACCEPT 2 OK
3 v s i eni-1 1 IPv4 10.0.0.62 52.213.180.42 5001 43416 10.0.0.62 52.213.180.42 6 376 7 1566848875 1566848933 ACCEPT 18 OK
3 v s i eni-1 1 IPv4 52.213.180.42 10.0.0.62 43638 5001 52.213.180.42 10.0.0.62 6 1260 17 1566933133 1566933193 ACCEPT 3 OK
3 v s i eni-1 1 IPv4 10.0.0.62 52.213.180.42 5001 43638 10.0.0.62 52.213.180.42 6 967 14 1566933133 1566933193 ACCEPT 19 OK
"""


def test_the_flag_sequence_tells_who_opened(tmp_path):
    with asker(fill(tmp_path, lines(SEQUENCE, FLAGS), FLAGS)) as asking:
        found = find.one(asking, Scope(), Pair(("52.213.180.42",), ("10.0.0.62",), 5001))
    (cause,) = found.causes
    assert (cause.verdict, cause.certainty, cause.conversations) == ("accepted", "certain", 2)
    assert (cause.opener, cause.opened_by) == ("far", "tcp_flags")


TGW = (
    "version interface-id account-id vpc-id subnet-id instance-id srcaddr dstaddr srcport dstport protocol tcp-flags type "
    "pkt-srcaddr pkt-dstaddr action log-status"
)
GATEWAY = """
3 eni-33333333333333333 1 v s i 10.20.33.164 10.40.2.236 39812 80 6 3 IPv4 10.20.33.164 10.40.2.236 ACCEPT OK
3 eni-33333333333333333 1 v s i 10.40.2.236 10.20.33.164 80 39812 6 19 IPv4 10.40.2.236 10.20.33.164 ACCEPT OK
3 eni-11111111111111111 1 v s - 10.40.1.175 10.40.2.236 39812 80 6 3 IPv4 10.20.33.164 10.40.2.236 ACCEPT OK
3 eni-22222222222222222 1 v s - 10.40.2.236 10.40.2.31 80 39812 6 19 IPv4 10.40.2.236 10.20.33.164 ACCEPT OK
"""


def test_a_conversation_through_a_transit_gateway_is_paired_by_the_packets_own_addresses(tmp_path):
    with asker(fill(tmp_path, lines(GATEWAY, TGW), TGW)) as asking:
        found = find.one(asking, Scope(), Pair(("10.20.33.164",), ("10.40.2.236",), 80))
    verdicts = {cause.interface_id: (cause.verdict, cause.opener) for cause in found.causes}
    assert verdicts["eni-33333333333333333"] == ("accepted", "far")  # the server: 10.40.2.236 is in both of its records
    assert {verdict for verdict, _ in verdicts.values()} == {
        "accepted",
        "accepted_no_reply",
    }  # in by one, out by another
    openers = {cause.conversation.far if cause.opener == "far" else cause.conversation.own for cause in found.causes}
    assert openers == {"10.20.33.164"}


# --- patterns ---------------------------------------------------------------------------------------------------------

PATTERNS = {
    "an inbound SYN refused": (
        [record("in", "REJECT", 2)],
        [("opening_refused", "", "ingress", "undecided")],
    ),
    "an outbound SYN refused": (
        [record("out", "REJECT", 2, ports=(443, 40000))],
        [("opening_refused", "", "egress", "undecided")],
    ),
    "a SYN let in, its SYN-ACK refused": (
        [record("in", "ACCEPT", 2), record("out", "REJECT", 18)],
        [("reply_refused", "network_acl", "egress", "certain")],
    ),
    "a SYN let out, its SYN-ACK refused": (
        [record("out", "ACCEPT", 2, ports=(443, 40000)), record("in", "REJECT", 18, ports=(443, 40000), at=1)],
        [("reply_refused", "network_acl", "ingress", "certain")],
    ),
    "the same with records left out": (
        [record("in", "ACCEPT", 2), record("out", "REJECT", 18), skipdata()],
        [("reply_refused", "network_acl", "egress", "likely")],
    ),
    "the same with records left out at another time": (
        [record("in", "ACCEPT", 2), record("out", "REJECT", 18), skipdata(900, 960)],
        [("reply_refused", "network_acl", "egress", "certain")],
    ),
    "the same with records left out at another interface": (
        [record("in", "ACCEPT", 2), record("out", "REJECT", 18), skipdata(eni="eni-2")],
        [("reply_refused", "network_acl", "egress", "certain")],
    ),
    "the same without tcp-flags": (
        [record("in", "ACCEPT"), record("out", "REJECT", at=1)],
        [("reply_refused", "network_acl", "egress", "likely")],
    ),
    "a RST in answer to a SYN, refused": (
        [record("in", "ACCEPT", 2), record("out", "REJECT", 4)],
        [("reply_refused", "network_acl", "egress", "likely")],
    ),
    "a UDP answer refused": (
        [record("in", "ACCEPT", protocol=17, ports=(40000, 53)), record("out", "REJECT", protocol=17, ports=(40000, 53))],
        [("reply_refused", "network_acl", "egress", "likely")],
    ),
    "a UDP answer that took a minute": (
        [
            record("in", "ACCEPT", protocol=17, ports=(40000, 53), to=1),
            record("out", "REJECT", protocol=17, ports=(40000, 53), at=61),
        ],
        [("late_packets", "security_group", "egress", "likely")],
    ),
    "more echo replies than requests": (
        [record("in", "ACCEPT", protocol=1, ports=(0, 0)), record("out", "REJECT", protocol=1, ports=(0, 0), packets=9)],
        [("reply_refused", "network_acl", "egress", "likely")],
    ),
    "an echo reply after two minutes": (
        [record("in", "ACCEPT", protocol=1, ports=(0, 0)), record("out", "REJECT", protocol=1, ports=(0, 0), at=140)],
        [("late_packets", "security_group", "egress", "likely")],
    ),
    "the tail of a closed connection": (
        [
            record("in", "ACCEPT", 3), record("out", "ACCEPT", 19), record("in", "REJECT", 4, at=11, to=12, packets=1),
        ],
        [("late_packets", "security_group", "ingress", "likely")],
    ),
    "the tail of a connection that began before": (
        [record("in", "REJECT", 1, packets=1)],
        [("late_packets", "security_group", "ingress", "likely")],
    ),
    "an open connection cut off": (
        [
            record("in", "ACCEPT", 2), record("out", "ACCEPT", 18), record("in", "ACCEPT", 0, at=60, to=120),
            record("out", "REJECT", 0, at=62, to=118),
        ],
        [("cut_off", "network_acl", "egress", "likely")],
    ),
    "a SYN-ACK to a SYN that came through another interface": (
        [record("in", "ACCEPT", 2, eni="eni-2"), record("out", "REJECT", 18)],
        [("asymmetric_routing", "", "egress", "undecided")],
    ),
    "a SYN-ACK alone": (
        [record("out", "REJECT", 18)],
        [("reply_without_request", "", "egress", "undecided")],
    ),
    "a SYN-ACK alone where records were left out": (
        [record("out", "REJECT", 18), skipdata()],
        [("skipdata", "", "egress", "undecided")],
    ),
    "packets from the middle": (
        [record("in", "REJECT", 0)],
        [("middle_refused", "", "ingress", "undecided")],
    ),
    "refused first, let in later": (
        [record("in", "REJECT", 2), record("in", "ACCEPT", 2, at=60), record("out", "ACCEPT", 18, at=60)],
        [("opening_refused", "", "ingress", "undecided")],
    ),
    "Block Public Access": (
        [record("in", "REJECT", 2, reject_reason="BPA")],
        [("block_public_access", "", "ingress", "certain")],
    ),
    "encryption controls": (
        [record("out", "REJECT", 2, reject_reason="EC")],
        [("encryption_controls", "", "egress", "certain")],
    ),
    "both directions refused, each for itself": (
        [record("in", "REJECT", 2), record("out", "REJECT", 2, at=30)],
        [("opening_refused", "", "egress", "undecided"), ("opening_refused", "", "ingress", "undecided")],
    ),
    "the same ports again an hour later": (
        [
            record("in", "ACCEPT", 3), record("out", "ACCEPT", 19), record("in", "ACCEPT", 2, at=3600),
            record("out", "REJECT", 18, at=3600),
        ],
        [("reply_refused", "network_acl", "egress", "certain")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_has_its_verdict_alone_and_among_all(name, tmp_path):
    rows, verdicts = PATTERNS[name]
    with asker(fill(tmp_path, [*rows, BACKGROUND], V5)) as asking:
        assert told(find.every(asking, Scope())) == verdicts
        found = find.one(asking, Scope(), Pair((FAR,), (OWN,)))
    refused = [verdict for verdict in told(found) if not verdict[0].startswith("accepted")]
    assert sorted(refused) == sorted(verdicts)
    assert all(cause.evidence for cause in found.causes)


def test_a_flow_log_of_rejects_alone_says_so(tmp_path):
    found = every(tmp_path, [record("out", "REJECT", 18), record("in", "REJECT", 2, ports=(40001, 23))])
    assert ("one_sided", "", "egress", "undecided") in told(found)


def test_refusals_add_up_by_cause(tmp_path):
    rows = [
        record("in", "REJECT", 2, ports=(40000 + n, 22 if n % 3 else 23), srcaddr=f"198.51.100.{n % 7}")
        for n in range(60)
    ]
    found = every(tmp_path, [*rows, BACKGROUND])
    (cause,) = found.causes
    assert (cause.conversations, cause.records, cause.packets, cause.bytes, cause.peers) == (60, 60, 180, 10800, 7)
    assert cause.services == ((6, 22, 40), (6, 23, 20))
    assert (cause.first_s, cause.last_s) == (T, T + 10)
    assert found.records == 60


def test_only_refused_records_of_the_scope_count_and_accepted_ones_around_it_are_evidence(tmp_path):
    rows = [
        record("in", "ACCEPT", 2, at=-100),
        record("out", "REJECT", 18, at=-100),
        record("out", "REJECT", 18, at=100),
    ]
    found = every(tmp_path, [*rows, BACKGROUND], scope=Scope(time=TimeRange(T, T + 500)))
    assert told(found) == [("reply_refused", "network_acl", "egress", "certain")]
    assert found.causes[0].records == 1


def test_a_filter_chooses_refused_records_and_still_sees_their_answers(tmp_path):
    rows = [
        record("in", "ACCEPT", 2),
        record("out", "REJECT", 18),
        record("in", "REJECT", 2, ports=(40000, 23)),
        BACKGROUND,
    ]
    found = every(tmp_path, rows, scope=Scope(condition=parse("srcport = 22")))
    assert told(found) == [("reply_refused", "network_acl", "egress", "certain")]


# --- whose side -------------------------------------------------------------------------------------------------------


def undirected(rows):
    return [row | {"flow_direction": None} for row in rows]


def test_the_address_that_all_records_of_an_interface_have_is_its_own(tmp_path):
    rows = undirected(
        [record("in", "ACCEPT", 2), record("out", "REJECT", 18), record("in", "ACCEPT", 2, srcaddr="10.0.9.9", at=3000)]
    )
    found = every(tmp_path, rows)
    assert told(found) == [("reply_refused", "network_acl", "egress", "certain")]
    (own,) = found.facts.owned.addresses
    assert (own.address, own.origin, own.records) == (OWN, "records", 3)


def test_what_the_time_asked_about_leaves_open_older_records_may_tell(tmp_path):
    rows = undirected(
        [
            record("in", "REJECT", 2, srcaddr="10.0.9.8"),
            record("in", "ACCEPT", 2, srcaddr="10.0.9.9", at=-86400),
            record("out", "ACCEPT", 2, dstaddr="10.0.7.7", at=-86400),
        ]
    )
    found = every(tmp_path, rows, scope=Scope(time=TimeRange(T - 100, T + 100)))
    assert told(found) == [("opening_refused", "", "ingress", "undecided")]
    assert found.facts.owned.addresses[0].address == OWN


def test_two_private_ends_in_every_record_stay_undecided_until_the_model_tells(tmp_path):
    rows = undirected([record("in", "REJECT", 2, srcaddr="10.0.9.9")])
    assert told(every(tmp_path / "a", rows)) == [("opening_refused", "", "", "undecided")]
    found = every(
        tmp_path / "b",
        rows,
        judge=Judge((Rules(Network(interfaces={"eni-1": NetworkInterface("eni-1", "vpc-1", "subnet-1", (OWN,))})),)),
    )
    assert told(found) == [("opening_refused", "", "ingress", "undecided")]
    assert found.facts.owned.addresses[0].origin == "model"


def test_an_interface_that_forwards_for_others_has_no_own_address_and_that_is_said(tmp_path):
    rows = undirected(
        [
            record("in", "REJECT", 2, srcaddr="10.0.9.9"),
            record("in", "ACCEPT", 2, srcaddr="10.0.3.3", dstaddr="10.0.4.4"),
        ]
    )
    found = every(tmp_path, rows)
    assert found.facts.owned.unknown == ("eni-1",)
    assert found.causes[0].direction == ""


def test_hostile_values_are_data(tmp_path):
    rows = [record("in", "REJECT", 2, eni="eni-';DROP--"), record("in", "REJECT", 2, srcaddr="x'--", dstaddr='y"')]
    with asker(fill(tmp_path, rows, V5)) as asking:
        assert len(find.every(asking, Scope()).causes) == 2
        assert find.one(asking, Scope(), Pair(("x'--",), ('y"',))).causes
