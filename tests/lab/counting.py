"""What the counters say of a known number of packets, sent while they are read; prints JSON. A program of its own."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from functools import partial

from vpcflow.lab.enclosure import enclose

if __name__ == "__main__":
    enclose()

import vpcflow.lab.built
from lab.packets import UDP, frame
from vpcflow.lab.plan import make
from vpcflow.lab.ruleset import ruleset
from vpcflow.vpc.toml_file import parse

NETWORK = """
[vpc]
name = "two"
cidr = ["10.0.0.0/16"]
[subnet.s]
cidr = ["10.0.1.0/24"]
[interface.a]
subnet = "s"
address = ["10.0.1.10"]
security-groups = ["g"]
[interface.b]
subnet = "s"
address = ["10.0.1.11"]
security-groups = ["g"]
[security-group.g]
inbound = ["all from 0.0.0.0/0"]
outbound = ["all to 0.0.0.0/0"]
"""
A, B = "10.0.1.10", "10.0.1.11"


def build(*, swapping, size=None):
    if size:
        vpcflow.lab.built.ruleset = partial(ruleset, size=size)
    return vpcflow.lab.built.Built(make(parse(NETWORK, "two")), swapping=swapping)


def under_load(built, packets, flows):
    """Send while draining; return packets and bytes that were sent, and those counted, by direction."""
    with built.wiring.spaces["a"].entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("eth0", 0))
    frames = [frame(A, B, UDP, 1024 + flow, 9) for flow in range(flows)]

    def send():
        for place in range(packets):
            sender.send(frames[place % flows])

    sending = threading.Thread(target=send)
    sending.start()
    counted, gaps = {1: [0, 0], 2: [0, 0]}, 0
    late = 3
    began = time.time_ns()
    first, last = [], []
    while late:
        late -= not sending.is_alive()
        got = built.drain()
        gaps += sum(gap.packets for gap in got.gaps)
        for row in got.rows:
            if row["src"][1] == int.from_bytes(socket.inet_aton(A), "big"):  # b answers: nobody listens
                counted[int(row["direction"])][0] += int(row["packets"])
                counted[int(row["direction"])][1] += int(row["bytes"])
                first.append(int(row["first"]))
                last.append(int(row["last"]))
        time.sleep(0.02)
    inside = all(began - 5e7 <= one <= two <= time.time_ns() for one, two in zip(first, last, strict=True))
    return {"sent": [packets, packets * 32], "egress": counted[2], "ingress": counted[1], "lost": gaps, "times": inside}


if __name__ == "__main__":
    kind = sys.argv[1]
    swapping = {"reset": False, "swap": True}[sys.argv[2]]
    built = build(swapping=swapping, size=64 if kind == "full" else None)
    found = under_load(built, 60_000, 300) if kind == "load" else under_load(built, 2_000, 200)
    sys.stdout.write(json.dumps(found) + "\n")
