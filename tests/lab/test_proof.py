"""The kernel's rules against the evaluator, by real packets."""

from __future__ import annotations

import os

import pytest

from lab.conftest import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PAIRS = int(os.environ.get("VPCFLOW_LAB_PAIRS", "10000"))


def test_the_kernel_decides_every_packet_as_the_evaluator_says(lab_here):
    came = program("proof", "--pairs", PAIRS, timeout=3600)
    assert came["wrong"] == 0, came
    assert came["pairs"] >= PAIRS
    assert min(came["outcomes"].get(outcome, 0) for outcome in ("ACCEPT 0", "REJECT 1", "REJECT 2")) > PAIRS / 20


def test_so_it_does_where_counters_are_swapped(lab_here):
    came = program("proof", "--pairs", 1500, "--swapping")
    assert came["wrong"] == 0, came
