"""The lab's own counts against those of taps inside its hosts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lab.conftest import HERE, program

pytestmark = pytest.mark.slow


def lacking():
    """Why no tap can be here; "" when one can."""
    code = (
        "from vpcflow.capture.ebpf.tap import Tap; from vpcflow.capture.live import Config;"
        "t = Tap(Config(interfaces=('lo',))); assert not t.without, t.without"
    )
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    return "" if tried.returncode == 0 else tried.stderr.strip().splitlines()[-1]


def test_sets_and_taps_count_the_same_packets_and_bytes_of_every_flow(lab_here):
    if why := lacking():
        pytest.skip(f"needs eBPF: {why}")
    came = program("taps", 4)
    assert came["wrong"] == 0, came
    assert came["tuples"] > 5_000
    assert came["packets"] > came["tuples"] + 2_000
