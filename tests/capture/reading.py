"""A capture's bytes through one engine, as rows that tests can look at."""

from __future__ import annotations

import io
import ipaddress
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from vpcflow.capture.engine import compiled_available, make
from vpcflow.capture.file import CaptureFile
from vpcflow.record.flow_counts import merged
from vpcflow.telemetry import ReadReport

ENGINES = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not compiled_available(), reason="Numba is not installed")),
]
"""Both engines; the compiled one is left out by name where there is no compiler."""

AVAILABLE = ["numpy", "numba"] if compiled_available() else ["numpy"]


@dataclass
class Read:
    """What came of a capture."""

    flows: dict = field(default_factory=dict)
    reasons: Counter = field(default_factory=Counter)
    packets: int = 0
    interfaces: tuple = ()
    gaps: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    drains: int = 0

    @property
    def recorded(self):
        return sum(flow[0] for flow in self.flows.values())


def text(halves, version):
    high, low = map(int, halves)
    return str(ipaddress.IPv4Address(low) if version == 4 else ipaddress.IPv6Address(high << 64 | low))


class Trickle(io.RawIOBase):
    """A file that gives a few bytes at a time."""

    def __init__(self, data, size):
        self._data, self._size = io.BytesIO(data), size

    def readable(self):
        return True

    def readinto(self, room):
        return self._data.readinto(memoryview(room)[: self._size])


def read(data, engine="numpy", *, interval_s=60, keep_nd=True, piece=None, max_bytes=128 << 20):
    """Read *data* whole, or *piece* bytes at a time; flows by (interface, interval, src, dst, ports, protocol, direction)."""
    made = make(engine, interval_s, total_bytes=None, max_bytes=max_bytes, keep_nd=keep_nd)
    report = ReadReport()
    raw = Trickle(data, piece) if piece else io.BytesIO(data)
    file = CaptureFile(raw, "test.pcap", made, lambda name: name or "eth", report)
    found = Read()
    pieces = []
    for counts in file.counts():
        pieces.append(counts.rows)
        found.reasons.update(counts.left_out)
        found.gaps += counts.gaps
        found.interfaces = counts.interfaces
        found.drains += 1
    rows = merged(np.concatenate(pieces)) if pieces else ()
    for row in rows:
        ends = text(row["src"], row["version"]), text(row["dst"], row["version"])
        key = (
            found.interfaces[row["interface"]], int(row["interval"]), *ends,
            *(int(row[name]) for name in ("srcport", "dstport", "protocol", "direction")),
        )  # fmt: skip
        found.flows[key] = [int(row[name]) for name in ("packets", "bytes", "first", "last", "flags")]
    found.packets = file.cursor.packets
    found.losses = [(loss.kind, loss.detail) for loss in report.losses]
    return found
