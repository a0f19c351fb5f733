"""Rows of flow counts, one at a time."""

from __future__ import annotations

import ipaddress

import numpy as np

from capture.packets import SECOND, T0
from vpcflow.record.flow_counts import ROW


def row(src, dst, sport=1000, dport=443, *, protocol=6, packets=1, first=0, direction=0, interface=0):
    ends = [ipaddress.ip_address(end) for end in (src, dst)]
    halves = [(int(end) >> 64, int(end) & (1 << 64) - 1) for end in ends]
    made = np.zeros(1, ROW)
    made["src"], made["dst"] = halves[0], halves[1]
    made["srcport"], made["dstport"], made["protocol"] = sport, dport, protocol
    made["version"], made["direction"], made["interface"] = ends[0].version, direction, interface
    made["packets"], made["bytes"] = packets, 100 * packets
    made["first"] = made["last"] = T0 * SECOND + first
    return made
