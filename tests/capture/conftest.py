"""Fixtures of live captures."""

from __future__ import annotations

import pytest

from capture.network import Wire, needs, remove_left_over


@pytest.fixture
def wire():
    """Two hosts on a wire, of their own."""
    needs("ip", "nft", "sysctl")
    remove_left_over()
    made = Wire()
    yield made
    made.close()
