"""What was seen, less what was refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.packets import SECOND, T0
from capture.rows import row
from vpcflow.capture.verdicts import Verdicts, with_details
from vpcflow.record.flow_counts import EGRESS, INGRESS, merged, no_rows

INTERVAL = T0 // 60


def flow(port, packets, *, direction=INGRESS, interval=INTERVAL, flags=0, rule=0):
    made = row("192.0.2.1", "10.0.0.5", 1000, port, packets=packets, direction=direction)
    made["interval"], made["flags"], made["rule"] = interval, flags, rule
    return made


def together(*rows):
    return np.concatenate(rows) if rows else no_rows()


def told(rows):
    """Return packets by port and action."""
    found = Counter()
    for one in rows:
        found[int(one["dstport"]), int(one["action"])] += int(one["packets"])
    return +found


def test_what_was_refused_is_not_accepted_too():
    rows = Verdicts().settle(together(flow(1, 10), flow(2, 5)), together(flow(1, 4, rule=7)))
    assert told(rows) == {(1, 1): 6, (1, 2): 4, (2, 1): 5}
    (refused,) = rows[rows["action"] == 2]
    assert (refused["bytes"], refused["rule"]) == (400, 7)
    (accepted,) = rows[(rows["action"] == 1) & (rows["dstport"] == 1)]
    assert (accepted["bytes"], accepted["first"], accepted["last"], accepted["rule"]) == (
        600,
        T0 * SECOND,
        T0 * SECOND,
        0,
    )


def test_a_flow_that_was_refused_altogether_is_one_row():
    assert told(Verdicts().settle(flow(1, 3), flow(1, 3))) == {(1, 2): 3}


def test_what_is_refused_before_it_is_seen_is_taken_off_later():
    verdicts = Verdicts()
    assert told(verdicts.settle(no_rows(), flow(1, 2))) == {(1, 2): 2}
    assert told(verdicts.settle(flow(1, 5), no_rows())) == {(1, 1): 3}
    assert told(verdicts.settle(flow(1, 5), no_rows())) == {(1, 1): 5}


def test_what_is_never_seen_is_not_waited_for_for_ever():
    verdicts = Verdicts()
    verdicts.settle(no_rows(), flow(1, 2))
    for _ in range(5):
        verdicts.settle(no_rows(), no_rows())
    assert told(verdicts.settle(flow(1, 5), no_rows())) == {(1, 1): 5}


def test_an_interval_may_end_between_seeing_and_refusing():
    rows = Verdicts().settle(flow(1, 5), flow(1, 5, interval=INTERVAL + 1))
    assert told(rows) == {(1, 2): 5}


def test_what_goes_out_is_seen_behind_the_firewall():
    rows = Verdicts().settle(flow(1, 5, direction=EGRESS), flow(1, 5, direction=EGRESS))
    assert told(rows) == {(1, 1): 5, (1, 2): 5}


def test_flags_are_those_that_were_seen():
    rows = Verdicts().settle(flow(1, 5, flags=3), flow(1, 2, flags=2))
    assert {int(one["action"]): int(one["flags"]) for one in rows} == {1: 3, 2: 2}


def test_bytes_of_reassembled_fragments_do_not_go_below_nothing():
    seen, refused = flow(1, 2), flow(1, 1)
    seen["bytes"], refused["bytes"] = 1500, 4000
    (accepted,) = [one for one in Verdicts().settle(seen, refused) if one["action"] == 1]
    assert (accepted["packets"], accepted["bytes"]) == (1, 0)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.booleans(), st.booleans()), max_size=30),
    st.integers(1, 5),
)
def test_nothing_is_lost_or_made_up_however_readings_fall(packets, size):
    """Packets of a flow, each accepted or refused; a refused one may be told a reading before it is seen."""
    verdicts, found, expected = Verdicts(), Counter(), Counter()
    readings = [packets[begin : begin + size] for begin in range(0, len(packets), size)] + [[]]
    early = []
    for place, reading in enumerate(readings):
        following = readings[place + 1] if place + 1 < len(readings) else []
        seen = merged(together(*(flow(port, count) for port, count, _, _ in reading)))
        now = [flow(port, count) for port, count, refused, hasty in reading if refused and not (hasty and place)]
        ahead = [flow(port, count) for port, count, refused, hasty in following if refused and hasty]
        early = ahead
        found += told(verdicts.settle(seen, merged(together(*now, *ahead))))
        for port, count, refused, _ in reading:
            expected[port, 2 if refused else 1] += count
    assert not early
    assert found == expected


def test_numbers_alone_get_times_and_flags_of_what_was_seen():
    seen = together(flow(1, 5, flags=2), flow(2, 5, flags=3))
    seen["first"], seen["last"] = [11, 12], [21, 22]
    refused = together(flow(2, 1), flow(3, 1))
    refused["first"] = refused["last"] = 1
    found = with_details(refused, seen)
    assert found["flags"].tolist() == [3, 0]
    assert found["first"].tolist() == [12, 1]
    assert found["last"].tolist() == [22, 1]
