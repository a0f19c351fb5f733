from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpcflow.collect.windows import ACCEPTED_S, FRESH_S, WINDOW_S, Stretch, due, is_due, window_of
from vpcflow.types import Look

DAY = 86_400
BEGIN = 1_700_000_400
END = BEGIN + WINDOW_S


def looks(*ages):
    return {at: Look(END + age, "1-0") for at, age in ages}


@pytest.mark.parametrize(
    ("then", "now", "wanted"),
    [
        (None, -500, True),
        (-300, -290, True),  # open
        (0, 30, True),
        (FRESH_S - 1, FRESH_S, True),
        (FRESH_S, 2 * FRESH_S - 1, False),
        (FRESH_S, 2 * FRESH_S, True),
        (3600, 7199, False),
        (3600, 7200, True),
        (10 * DAY, 14 * DAY, False),
        (10 * DAY, ACCEPTED_S, True),
        (ACCEPTED_S, 400 * DAY, False),
    ],
)
def test_a_window_is_read_again_when_its_age_has_doubled_until_nothing_can_come(then, now, wanted):
    look = None if then is None else Look(END + then, "1-0")
    assert is_due(BEGIN, look, END + now) is wanted


@given(late_s=st.integers(0, 14 * DAY), interval_s=st.sampled_from([30, 300, 3600]))
def test_a_late_event_is_found_when_the_window_is_twice_as_old_and_no_window_is_read_often(late_s, interval_s):
    look, found, readings = None, None, 0
    for age in range(-WINDOW_S, 30 * DAY, interval_s):
        if not is_due(BEGIN, look, END + age):
            continue
        look = Look(END + age, "1-0")
        readings += age > FRESH_S
        if found is None and age >= late_s:
            found = age
    assert found is not None
    assert found <= min(max(2 * late_s, FRESH_S), ACCEPTED_S) + interval_s
    assert readings <= 13


def stretches(start, end, known=(), *, now=END, gone_before=0):
    left_out = Counter()
    there = dict(known)
    found = list(due(start, end, lambda ws: {w: there[w] for w in ws if w in there}, left_out, now_s=now,
                     gone_before=gone_before))  # fmt: skip
    return [(each.start, each.end) for each in found], left_out["read_before"]


def test_stretches_are_what_is_due_side_by_side():
    old = Look(BEGIN + 20 * DAY, "1-0")
    windows = [BEGIN + number * WINDOW_S for number in range(6)]
    known = {windows[0]: old, windows[3]: old}
    assert stretches(BEGIN, BEGIN + 6 * WINDOW_S, known, now=BEGIN + 21 * DAY) == (
        [(windows[1], windows[3]), (windows[4], windows[5] + WINDOW_S)],
        2,
    )
    assert stretches(BEGIN + 5, BEGIN + 6) == ([(window_of(BEGIN), window_of(BEGIN) + WINDOW_S)], 0)
    assert stretches(BEGIN, BEGIN) == ([], 0)


def test_a_window_that_was_read_is_not_read_again_once_its_events_expire():
    known = {BEGIN: Look(END + 60, "1-0")}
    assert stretches(BEGIN, END, known, now=END + DAY)[0] == [(BEGIN, END)]
    assert stretches(BEGIN, END, known, now=END + DAY, gone_before=BEGIN + 1) == ([], 1)
    # What was never read is taken as far as it is there.
    assert stretches(BEGIN, END, now=END + DAY, gone_before=BEGIN + 1)[0] == [(BEGIN, END)]


def test_years_of_windows_are_looked_up_piece_by_piece_and_make_stretches_without_a_gap():
    asked = []

    def lookup(windows):
        asked.append(len(windows))
        return {}

    found = list(due(BEGIN, BEGIN + 700 * DAY, lookup, Counter(), now_s=BEGIN + 701 * DAY, gone_before=0))
    assert max(asked) <= 1008
    assert found[0].start == window_of(BEGIN)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert found[-1].end >= BEGIN + 700 * DAY


def test_a_stretch_is_cut_with_what_is_known_of_its_windows():
    look = Look(END, "1-0")
    whole = Stretch(BEGIN, BEGIN + 3 * WINDOW_S, {BEGIN: look, END: look})
    assert whole.cut(END) == (Stretch(BEGIN, END, {BEGIN: look}), Stretch(END, whole.end, {END: look}))
    assert whole.cut(whole.end) == (whole, None)
