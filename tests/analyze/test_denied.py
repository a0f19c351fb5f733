"""Who is refused again and again, as by hand."""

from __future__ import annotations

import random

import pytest

from analyze.asking import asker, fill
from analyze.plain import denials
from vpcflow.analyze import denied, gaps
from vpcflow.analyze.plan import Scope
from vpcflow.query.filter import parse
from vpcflow.types import TimeRange

HOUR = 1_700_002_800
ALL = Scope()
COUNTS = ("key", "attempts", "packets", "bytes", "ports", "targets", "sources", "first_s", "last_s")


def row(**changed):
    return {
        "account_id": "123456789012",
        "interface_id": "eni-1",
        "srcaddr": "203.0.113.5",
        "dstaddr": "10.0.0.1",
        "srcport": 5000,
        "dstport": 22,
        "protocol": 6,
        "packets": 2,
        "bytes": 80,
        "start": HOUR,
        "end": HOUR + 30,
        "action": "REJECT",
        "log_status": "OK",
    } | changed


def found(asking, by="srcaddr", *, limit=10_000, at_least=2, scope=ALL):
    return denied.find(asking, by, scope, limit=limit, at_least=at_least)


def told(answer):
    return [{name: getattr(one, name) for name in COUNTS} for one in answer.rows]


@pytest.fixture(scope="module")
def random_rows():
    chance = random.Random(11)
    pick = chance.choice
    rows = []
    for number in range(500):
        made = row(
            interface_id=f"eni-{number % 3}",
            srcaddr=f"203.0.113.{chance.randrange(40)}",
            dstaddr=f"10.0.0.{chance.randrange(5)}",
            dstport=chance.randrange(20),
            packets=chance.randrange(9),
            start=HOUR + number * 31,
            end=HOUR + number * 31 + pick([0, 600]),
            action=pick(["ACCEPT", "REJECT"]),
            pkt_srcaddr=pick([None, None, "198.51.100.1"]),
            pkt_dstaddr=pick([None, "10.0.9.9"]),
        )
        rows.append(
            {name: None if name != "start" and chance.random() < 0.08 else value for name, value in made.items()}
        )
    return rows


@pytest.fixture(scope="module")
def random_lake(random_rows, tmp_path_factory):
    with asker(fill(tmp_path_factory.mktemp("random"), random_rows)) as asking:
        yield asking


@pytest.mark.parametrize("at_least", [1, 2, 5])
@pytest.mark.parametrize("by", denied.KEYS)
def test_random_records_are_told_as_by_hand(random_lake, random_rows, by, at_least):
    plain = denials(random_rows, by, at_least)
    assert plain
    answer = found(random_lake, by, at_least=at_least)
    assert told(answer) == plain
    assert answer.distinct == len(plain)


@pytest.mark.parametrize("by", denied.KEYS)
def test_the_samples_are_told_as_by_hand(examples, example_records, by):
    assert told(found(examples, by)) == denials(example_records, by, 2)


def test_the_planted_scan_is_among_the_most_refused(examples):
    scan = next(one for one in found(examples).rows if one.key == "198.51.100.23")
    assert scan.ports > 30
    assert scan.targets <= 2


def test_a_limit_keeps_the_number_of_all(random_lake, random_rows):
    answer = found(random_lake, limit=3)
    assert len(answer.rows) == 3
    assert answer.distinct == len(denials(random_rows, "srcaddr", 2))


def test_once_is_not_repeatedly(tmp_path):
    rows = [row(srcaddr="203.0.113.1"), row(srcaddr="203.0.113.2"), row(srcaddr="203.0.113.2")]
    with asker(fill(tmp_path, rows)) as asking:
        assert [one.key for one in found(asking).rows] == ["203.0.113.2"]
        assert [one.key for one in found(asking, at_least=1).rows] == ["203.0.113.2", "203.0.113.1"]
        assert found(asking, at_least=3).rows == ()
        assert found(asking, at_least=3).distinct == 0


def test_accepted_records_are_no_attempts(tmp_path):
    with asker(fill(tmp_path, [row(), row(action="ACCEPT"), row(action=None, log_status="NODATA")])) as asking:
        assert [one.attempts for one in found(asking, at_least=1).rows] == [1]


def test_still_trying_is_within_the_last_hour_of_the_data(tmp_path):
    newest = HOUR + 10_000
    rows = [row(srcaddr="10.9.9.9", action="ACCEPT", start=newest - 5, end=newest)]
    for address, last in (("203.0.113.1", newest - 3600), ("203.0.113.2", newest - 3599), ("203.0.113.3", newest)):
        rows += [row(srcaddr=address, start=HOUR, end=HOUR), row(srcaddr=address, start=last, end=last)]
    with asker(fill(tmp_path, rows)) as asking:
        answer = found(asking)
    assert answer.newest_s == newest
    assert {one.key: one.still for one in answer.rows} == {
        "203.0.113.1": False,
        "203.0.113.2": True,
        "203.0.113.3": True,
    }


def test_still_trying_is_measured_at_the_end_of_the_time_asked_about(tmp_path):
    rows = [row(), row(start=HOUR + 60, end=HOUR + 60), row(action="ACCEPT", start=HOUR + 90_000, end=HOUR + 90_000)]
    with asker(fill(tmp_path, rows)) as asking:
        assert [one.still for one in found(asking).rows] == [False]
        asked_then = found(asking, scope=Scope(time=TimeRange(HOUR, HOUR + 1800)))
    assert [one.still for one in asked_then.rows] == [True]
    assert asked_then.newest_s == HOUR + 1799


def test_a_filter_narrows_the_attempts(random_lake, random_rows):
    inside = [one for one in random_rows if one["dstport"] is not None and one["dstport"] < 5]
    assert told(found(random_lake, scope=Scope(condition=parse("dstport < 5")))) == denials(inside, "srcaddr", 2)


def test_gaps_are_counted_by_interface_with_their_span(tmp_path):
    nothing = {"srcaddr": None, "dstaddr": None, "action": None, "packets": None, "bytes": None}
    skipped = [
        row(interface_id=name, start=HOUR + after, end=HOUR + after + 60, log_status="SKIPDATA", **nothing)
        for name, after in [("eni-2", 0), ("eni-1", 60), ("eni-2", 600), ("eni-3", 5)]
    ]
    with asker(fill(tmp_path, [row(), row(log_status="NODATA", **nothing), *skipped])) as asking:
        some, all_of_them = gaps.find(asking, limit=1), gaps.find(asking, limit=9)
    assert some.worst == (gaps.Gap("eni-2", 2, HOUR, HOUR + 660),)
    assert (some.interfaces, some.records) == (3, 4)
    assert [gap.interface_id for gap in all_of_them.worst] == ["eni-2", "eni-1", "eni-3"]


def test_a_lake_without_gaps_has_none(tmp_path):
    with asker(fill(tmp_path, [row()])) as asking:
        assert gaps.find(asking, limit=5) == gaps.Gaps((), 0, 0)


def test_counts_that_nobody_can_have_counted_end_at_the_last_number(tmp_path):
    fill(tmp_path, [row(packets=2**63 - 1, bytes=2**63 - 1, srcport=port) for port in (1, 2, 3)])
    with asker(tmp_path / "lake") as asking:
        (one,) = found(asking).rows
        assert (one.packets, one.bytes) == (2**63 - 1, 2**63 - 1)
