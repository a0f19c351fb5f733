"""A source on a host of a test's network, and what it has counted; traffic for it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections import Counter

import numpy as np

from vpcflow.capture.live import Config
from vpcflow.record.flow_counts import merged

WAYS = {1: "ingress", 2: "egress"}
ACTIONS = {0: None, 1: "ACCEPT", 2: "REJECT"}
A, B = "10.9.0.1", "10.9.0.2"


class Tapped:
    """A source on a host, and what it has counted."""

    def __init__(self, kind, host, *interfaces, **how):
        self.host = host
        with host.entered():
            self.tap = kind(Config(interfaces=interfaces, machine="m", **how))
        self.gaps = []
        self.left_out = Counter()
        self.rows = []
        self.interfaces = ()

    def close(self):
        with self.host.entered():
            self.tap.close()

    def drain(self):
        with self.host.entered():
            counts = self.tap.drain(time.time_ns())
        self.rows.append(counts.rows)
        self.gaps += counts.gaps
        self.left_out += counts.left_out
        self.interfaces = counts.interfaces
        return counts

    def flows(self):
        """Return (packets, bytes, flags) by (source, destination, direction, action)."""
        self.drain()
        found = {}
        for row in merged(np.concatenate(self.rows)):
            src, dst = (end(row, name) for name in ("src", "dst"))
            key = (src, int(row["srcport"])), (dst, int(row["dstport"])), WAYS[row["direction"]], ACTIONS[row["action"]]
            packets, octets, flags = found.get(key, (0, 0, 0))
            found[key] = packets + int(row["packets"]), octets + int(row["bytes"]), flags | int(row["flags"])
        return found

    def packets(self, **wanted):
        """Return packets by action and direction, of flows from or to a port."""
        found = Counter()
        for (src, dst, way, action), (packets, _, _) in self.flows().items():
            if wanted.get("to") in (None, dst[1]) and wanted.get("source") in (None, src[1]):
                found[action, way] += packets
        return dict(found)


def end(row, name):
    high, low = map(int, row[name])
    return str(ipaddress.IPv4Address(low) if row["version"] == 4 else ipaddress.IPv6Address(high << 64 | low))


def send(host, to, count=1, data=b"x" * 100, source=None):
    """Send UDP datagrams; return the port they came from."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    with host.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((source or ("::" if family == socket.AF_INET6 else "0.0.0.0"), 0))
        for _ in range(count):
            with contextlib.suppress(ConnectionRefusedError, PermissionError):
                sender.sendto(data, to)
        return sender.getsockname()[1]


def firewall(host, hook, rule, *, family="inet", more="", priority=0):
    host.nft(f"table {family} t {{ chain c {{ type filter hook {hook} {more} priority {priority}; {rule}; }} }}")
