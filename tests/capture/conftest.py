"""Fixtures of live captures."""

from __future__ import annotations

import contextlib

import pytest

from capture.network import Wire, needs, remove_left_over
from capture.tapping import Tapped
from vpcflow.capture.ebpf.tap import Tap


@pytest.fixture
def wire():
    """Two hosts on a wire, of their own."""
    needs("ip", "nft", "sysctl")
    remove_left_over()
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def tapped(wire):
    """A way to have a source on a host of the wire; the tap where none is named."""
    with contextlib.ExitStack() as stack:

        def make(host, *interfaces, kind=Tap, **how):
            made = Tapped(kind, host, *interfaces, **how)
            stack.callback(made.close)
            return made

        yield make
