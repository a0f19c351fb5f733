"""Every packet is counted once, however the counters are read, or it is told that it was not."""

from __future__ import annotations

import pytest

from lab.conftest import program

WAYS = pytest.mark.parametrize("way", ["reset", "swap"])


@WAYS
def test_reading_under_load_loses_and_doubles_nothing(lab_here, way):
    found = program("counting", "load", way)
    assert found["egress"] == found["sent"]
    assert found["ingress"] == found["sent"]
    assert found["lost"] == 0
    assert found["times"]


@WAYS
def test_what_finds_a_full_set_is_told_as_lost(lab_here, way):
    found = program("counting", "full", way)
    counted = found["egress"][0] + found["ingress"][0]
    assert counted < 2 * found["sent"][0]
    # b's answers (ICMP) have sets of their own, which have room.
    assert counted + found["lost"] == 2 * found["sent"][0]
