"""Intervals of a capture that goes on now: closed by the clock, silence told as it passes."""

from __future__ import annotations

import numpy as np

from capture.packets import SECOND, T0
from capture.rows import row
from vpcflow.aggregate.aggregator import Aggregator, Totals
from vpcflow.aggregate.records import Identity
from vpcflow.record.flow_counts import FlowCounts, Gap, no_rows


class Live:
    """An aggregator that began *began_s* after T0, drained as the clock says."""

    def __init__(self, began_s=0, interval_s=60, *interfaces):
        self.totals = Totals()
        self._interfaces = interfaces or ("eni-1",)
        self._aggregator = Aggregator(interval_s, Identity(), self.totals, began_ns=(T0 + began_s) * SECOND)

    def drain(self, at_s, *rows, interfaces=None, gaps=()):
        given = np.concatenate([no_rows(), *rows])
        counts = FlowCounts(given, interfaces or self._interfaces, gaps=tuple(gaps))
        return self._told([*self._aggregator.fold(counts), *self._aggregator.pass_time(int((T0 + at_s) * SECOND))])

    def finish(self, at_s):
        return self._told(self._aggregator.finish(int((T0 + at_s) * SECOND)))

    def _told(self, batches):
        return [
            (one["log_status"], one["interface_id"], one["start"] - T0, one["end"] - T0, one["packets"])
            for batch in batches
            for one in batch.to_pylist()
        ]


def at(second, packets=1, interface=0):
    return row("192.0.2.1", "10.0.0.5", packets=packets, first=second * SECOND, interface=interface)


def test_an_interval_is_told_by_the_first_drain_after_its_end_and_not_before():
    live = Live()
    assert live.drain(30, at(10)) == []
    assert live.drain(59.9, at(40)) == []
    assert live.drain(60.01) == [("OK", "eni-1", 10, 40, 2)]
    assert live.drain(70) == []


def test_silence_is_told_interval_by_interval():
    live = Live()
    assert live.drain(59) == []
    assert live.drain(61) == [("NODATA", "eni-1", 0, 60, None)]
    assert live.drain(121) == [("NODATA", "eni-1", 60, 120, None)]


def test_of_the_time_before_the_capture_began_nothing_is_told():
    assert Live(45).drain(61) == [("NODATA", "eni-1", 45, 60, None)]


def test_the_last_interval_ends_when_the_capture_does():
    live = Live()
    live.drain(61)
    assert live.finish(90) == [("NODATA", "eni-1", 60, 90, None)]


def test_of_an_interval_that_has_just_begun_nothing_is_told_at_the_end():
    live = Live()
    assert live.drain(60.002) == [("NODATA", "eni-1", 0, 60, None)]
    assert live.finish(60.003) == []


def test_packets_of_the_last_interval_are_told_at_the_end():
    live = Live()
    assert live.drain(60.2, at(60)) == [("NODATA", "eni-1", 0, 60, None)]
    assert live.finish(60.3) == [("OK", "eni-1", 60, 60, 1)]


def test_a_new_interface_is_told_of_from_its_own_time_on():
    live = Live()
    assert len(live.drain(121)) == 2
    assert live.drain(130, interfaces=("eni-1", "eni-2")) == []
    assert live.drain(181, interfaces=("eni-1", "eni-2")) == [
        ("NODATA", "eni-1", 120, 180, None), ("NODATA", "eni-2", 120, 180, None),
    ]  # fmt: skip


def test_an_interface_that_is_gone_is_told_of_no_more():
    live = Live(0, 60, "eni-1", "eni-2")
    assert len(live.drain(61)) == 2
    live.drain(70, interfaces=("eni-1",))
    assert live.drain(121, interfaces=("eni-1",)) == [("NODATA", "eni-1", 60, 120, None)]
    live.drain(125)
    assert live.drain(181) == [("NODATA", "eni-1", 120, 180, None), ("NODATA", "eni-2", 120, 180, None)]


def test_lost_packets_are_told_for_the_interval_they_were_lost_in():
    live = Live()
    live.drain(30, gaps=[Gap(0, (T0 + 20) * SECOND, 7)])
    assert live.drain(61) == [("SKIPDATA", "eni-1", 0, 60, None)]
    assert live.totals.lost == 7


def test_a_clock_that_was_set_back_makes_nothing_twice():
    live = Live()
    assert len(live.drain(121)) == 2
    assert live.drain(70, at(65)) == []
    assert live.drain(121) == [("OK", "eni-1", 65, 65, 1)]
    assert live.drain(181) == [("NODATA", "eni-1", 120, 180, None)]


def test_a_clock_that_was_set_far_forward_tells_of_the_gap_in_one_record():
    live = Live()
    (told,) = live.drain(10_000 * 60)
    assert told == ("NODATA", "eni-1", 0, 10_000 * 60, None)
