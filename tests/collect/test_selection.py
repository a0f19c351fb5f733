from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpcflow.collect.selection import MARGIN_S, Selection
from vpcflow.record.layout import key_for, of
from vpcflow.types import TimeRange

NOON = 1_700_049_600  # 2023-11-15 12:00 UTC


def key(time_s=NOON, account="111111111111", region="us-east-1", **layout):
    return key_for(of(account, region, "fl-1234abcd", time_s, **layout))


def during(since, until):
    return Selection(time=TimeRange(since, until))


def test_no_selection_wants_everything_but_other_services_and_write_tests():
    assert Selection().wants(key())
    assert Selection().wants("anything.log")
    assert Selection().refuses("AWSLogs/111111111111/CloudTrail/us-east-1/2023/11/15/x.gz") == "other_service"
    assert Selection().refuses("p/AWSLogs/aws-logs-write-test") == "write_test"
    assert not Selection()


@pytest.mark.parametrize("layout", [{}, {"hourly": True}, {"hive": True}, {"hive": True, "hourly": True}])
def test_account_region_and_time_are_held_against_every_layout(layout):
    assert Selection(accounts=frozenset({"111111111111"})).wants(key(**layout))
    assert Selection(accounts=frozenset({"222222222222"})).refuses(key(**layout)) == "not_selected"
    assert Selection(regions=frozenset({"us-east-1"})).wants(key(**layout))
    assert not Selection(regions=frozenset({"eu-west-1"})).wants(key(**layout))
    assert during(NOON - 60, NOON + 60).wants(key(**layout))
    assert not during(NOON + 86400, None).wants(key(**layout))


def test_a_key_that_says_nothing_is_wanted_whatever_is_selected():
    chosen = Selection(frozenset({"222222222222"}), frozenset({"eu-west-1"}), TimeRange(NOON, NOON + 1))
    assert chosen.wants("export/part-0001.log.gz")


@given(
    start=st.integers(NOON - 90_000, NOON + 90_000),
    lasts=st.integers(0, 660),
    since=st.integers(NOON - 90_000, NOON + 90_000),
    length=st.integers(1, 90_000),
    hourly=st.booleans(),
    hive=st.booleans(),
)
def test_no_object_that_may_hold_a_wanted_record_is_left_out(start, lasts, since, length, hourly, hive):
    chosen = during(since, since + length)
    if not since <= start < since + length:
        return
    end = start + lasts
    holds = key(end - end % 300, hourly=hourly, hive=hive)
    assert chosen.wants(holds)
    folders = holds.split("/")[:-1]
    assert all(chosen.may_hold("/".join(folders[: depth + 1])) for depth in range(len(folders)))


def test_objects_beyond_the_margin_are_left_out_on_both_sides():
    chosen = during(NOON, NOON + 3600)
    assert chosen.wants(key(NOON - MARGIN_S))
    assert not chosen.wants(key(NOON - MARGIN_S - 300))
    assert chosen.wants(key(NOON + 3600 + MARGIN_S - 300))
    assert not chosen.wants(key(NOON + 3600 + MARGIN_S))


PREFIX = "p/AWSLogs/111111111111/vpcflowlogs/us-east-1"


@pytest.mark.parametrize(
    ("prefix", "held"),
    [
        ("", True),
        ("p/AWSLogs", True),
        ("p/AWSLogs/111111111111", True),
        ("p/AWSLogs/222222222222", False),
        ("p/AWSLogs/111111111111/CloudTrail", False),
        (PREFIX, True),
        (PREFIX.replace("us-east-1", "eu-west-1"), False),
        (f"{PREFIX}/2022", False),
        (f"{PREFIX}/2023", True),
        (f"{PREFIX}/2023/10", False),
        (f"{PREFIX}/2023/11", True),
        (f"{PREFIX}/2023/11/14", False),
        (f"{PREFIX}/2023/11/15", True),
        (f"{PREFIX}/2023/11/15/10", False),
        (f"{PREFIX}/2023/11/15/12", True),
    ],
)
def test_whole_folders_are_turned_away_from_at_each_level(prefix, held):
    chosen = Selection(frozenset({"111111111111"}), frozenset({"us-east-1"}), TimeRange(NOON, NOON + 600))
    assert chosen.may_hold(prefix) is held


def test_below_a_folder_that_is_wanted_whole_nothing_is_looked_at_by_itself():
    chosen = during(NOON, NOON + 3 * 86400)
    assert not chosen.settled(PREFIX)
    assert not chosen.settled(f"{PREFIX}/2023/11")
    assert not chosen.settled(f"{PREFIX}/2023/11/15")
    assert chosen.settled(f"{PREFIX}/2023/11/16")
    assert Selection(accounts=frozenset({"111111111111"})).settled(PREFIX)
    assert not Selection(accounts=frozenset({"111111111111"})).settled("AWSLogs/111111111111")
    assert Selection().settled("")
