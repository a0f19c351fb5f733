"""The ranking says what adding up by hand says."""

from __future__ import annotations

import random

import pytest

from analyze.asking import asker, fill
from analyze.plain import interface_level, ranking
from vpcflow.analyze.plan import Scope
from vpcflow.analyze.top import MEASURES, rank
from vpcflow.query.filter import parse
from vpcflow.types import TimeRange

HOUR = 1_700_002_800
ALL = Scope()
DIMENSIONS = [
    ["srcaddr"],
    ["dstaddr"],
    ["dstport"],
    ["interface_id"],
    ["action"],
    ["srcaddr", "dstaddr"],
    ["protocol", "dstport", "action"],
]


def told(found):
    return [
        {"key": t.key, "bytes": t.bytes, "packets": t.packets, "records": t.records, "accepted": t.accepted}
        for t in found.talkers
    ]


def check(asking, rows, dimensions, measure, *, limit=10_000, interface=False, scope=ALL):
    plain = ranking(rows, dimensions, measure, interface_level) if interface else ranking(rows, dimensions, measure)
    found = rank(asking, dimensions, measure, scope, limit=limit, interface_level=interface)
    assert told(found) == plain[:limit]
    whole = sum(talker[measure] for talker in plain)
    assert (found.total, found.distinct) == (whole, len(plain))
    assert found.other == sum(talker[measure] for talker in plain[limit:])
    shares = [talker[measure] / whole if whole else 0 for talker in plain[:limit]]
    assert [talker.share for talker in found.talkers] == pytest.approx(shares)
    assert [talker.cumulated for talker in found.talkers] == pytest.approx(
        [sum(shares[: n + 1]) for n in range(len(shares))]
    )
    return found


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dimensions", DIMENSIONS, ids="-".join)
def test_the_samples_are_ranked_as_by_hand(examples, example_records, dimensions, measure):
    found = check(examples, example_records, dimensions, measure)
    assert found.talkers[-1].cumulated == pytest.approx(1)


def test_a_limit_cuts_the_ranking_and_keeps_the_whole(examples, example_records):
    found = check(examples, example_records, ["srcaddr"], "bytes", limit=3)
    assert len(found.talkers) == 3
    assert 0 < found.other < found.total


@pytest.fixture(scope="module")
def random_rows():
    """Few values, many ties, nulls everywhere."""
    chance = random.Random(7)
    pick = chance.choice
    rows = []
    for number in range(600):
        row = {
            "account_id": "123456789012",
            "interface_id": f"eni-{number % 4}",
            "log_status": "OK",
            "start": HOUR + number * 11,
            "end": HOUR + number * 11 + 50,
            "srcaddr": f"10.0.0.{number % 6}",
            "dstaddr": pick(["10.0.1.1", "2001:db8::1"]),
            "srcport": pick([1, 2]),
            "dstport": pick([22, 443]),
            "protocol": pick([6, 17]),
            "packets": pick([1, 2, 3]),
            "bytes": pick([40, 80]),
            "action": pick(["ACCEPT", "REJECT"]),
            "pkt_srcaddr": pick(["172.16.0.1", None]),
            "pkt_dstaddr": pick(["172.16.0.2", None]),
        }
        rows.append(
            {
                name: None if name not in ("start", "end") and chance.random() < 0.1 else value
                for name, value in row.items()
            }
        )
    return rows


@pytest.fixture(scope="module")
def random_lake(random_rows, tmp_path_factory):
    with asker(fill(tmp_path_factory.mktemp("random"), random_rows)) as asking:
        yield asking


@pytest.mark.parametrize("interface", [False, True], ids=["packet", "interface"])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dimensions", DIMENSIONS, ids="-".join)
def test_random_records_are_ranked_as_by_hand(random_lake, random_rows, dimensions, measure, interface):
    check(random_lake, random_rows, dimensions, measure, interface=interface)


def test_a_filter_and_a_time_narrow_what_is_counted(random_lake, random_rows):
    inside = [row for row in random_rows if row["action"] == "REJECT" and HOUR + 1000 <= row["start"] < HOUR + 3000]
    scope = Scope(condition=parse("action = REJECT"), time=TimeRange(HOUR + 1000, HOUR + 3000))
    check(random_lake, inside, ["srcaddr", "dstport"], "packets", scope=scope)


def test_the_same_question_has_the_same_answer_each_time(random_lake):
    answers = {str(told(rank(random_lake, ["srcaddr", "dstport"], "bytes", Scope(), limit=7))) for _ in range(5)}
    assert len(answers) == 1


def nat_rows():
    """One flow through a NAT gateway (10.0.9.9), seen at it, and a small direct one."""
    common = {
        "account_id": "123456789012",
        "log_status": "OK",
        "start": HOUR,
        "end": HOUR + 9,
        "protocol": 6,
        "packets": 1,
    }
    return [
        {
            **common,
            "interface_id": "eni-nat",
            "srcaddr": "198.51.100.7",
            "dstaddr": "10.0.9.9",
            "bytes": 900,
            "action": "ACCEPT",
            "pkt_srcaddr": "198.51.100.7",
            "pkt_dstaddr": "10.0.1.5",
        },
        {
            **common,
            "interface_id": "eni-nat",
            "srcaddr": "10.0.9.9",
            "dstaddr": "198.51.100.7",
            "bytes": 300,
            "action": "REJECT",
            "pkt_srcaddr": "10.0.1.5",
            "pkt_dstaddr": "198.51.100.7",
        },
        {
            **common,
            "interface_id": "eni-web",
            "srcaddr": "10.0.2.2",
            "dstaddr": "10.0.1.5",
            "bytes": 100,
            "action": "ACCEPT",
        },
    ]


def test_a_nat_gateway_is_no_talker_unless_asked_by_interface(tmp_path):
    with asker(fill(tmp_path, nat_rows())) as asking:
        by_packet = rank(asking, ["srcaddr"], "bytes", Scope(), limit=9)
        by_interface = rank(asking, ["srcaddr"], "bytes", Scope(), limit=9, interface_level=True)
    assert [talker.key[0] for talker in by_packet.talkers] == ["198.51.100.7", "10.0.1.5", "10.0.2.2"]
    assert [talker.key[0] for talker in by_interface.talkers] == ["198.51.100.7", "10.0.9.9", "10.0.2.2"]


def test_accepted_and_refused_are_parts_of_the_measure(tmp_path):
    rows = [
        row | {"pkt_srcaddr": "192.0.2.1", "action": action}
        for row, action in zip(nat_rows(), ["ACCEPT", "REJECT", None], strict=True)
    ]
    with asker(fill(tmp_path, rows)) as asking:
        by_bytes = rank(asking, ["srcaddr"], "bytes", Scope(), limit=9)
        by_records = rank(asking, ["srcaddr"], "records", Scope(), limit=9)
        undecided = rank(asking, ["srcaddr"], "bytes", Scope(condition=parse("action = -")), limit=9)
    assert by_bytes.talkers[0].accepted == pytest.approx(900 / 1200)
    assert by_records.talkers[0].accepted == pytest.approx(1 / 2)
    assert undecided.talkers[0].accepted is None


def test_ties_are_told_apart_by_the_key(tmp_path):
    rows = [{**nat_rows()[2], "srcaddr": f"10.0.0.{n}", "dstport": 22} for n in (3, 1, 2, 10)]
    with asker(fill(tmp_path, rows)) as asking:
        found = rank(asking, ["srcaddr"], "bytes", Scope(), limit=3)
    assert [talker.key for talker in found.talkers] == [("10.0.0.1",), ("10.0.0.10",), ("10.0.0.2",)]


def test_nothing_found_is_an_empty_ranking(tmp_path):
    with asker(fill(tmp_path, nat_rows())) as asking:
        found = rank(asking, ["srcaddr"], "bytes", Scope(condition=parse("bytes > 99999")), limit=9)
    assert (found.talkers, found.total, found.distinct, found.other) == ((), 0, 0, 0)


def test_sums_beyond_32_bits_are_exact(tmp_path):
    rows = [{**nat_rows()[2], "bytes": 2**52 + n} for n in range(5)]
    with asker(fill(tmp_path, rows)) as asking:
        found = rank(asking, ["srcaddr"], "bytes", Scope(), limit=1)
    assert found.total == sum(row["bytes"] for row in rows)
