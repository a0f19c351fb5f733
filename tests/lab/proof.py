"""Real packets through the kernel's rules against the evaluator, one rule set after another, in namespaces of this process.

Every packet's records are compared (interface, direction, action, layer, number of the network ACL's rule), and so are
those of its answer, which security groups let pass because they remember. A program of its own: it must have one thread.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import struct
import sys
import time

from vpcflow.lab.enclosure import enclose

if __name__ == "__main__":
    enclose()  # before anything that starts threads

import numpy as np

from lab.packets import ICMP, ICMPV6, SYN_ACK, TCP, UDP, frame
from lab.rule_sets import Maker, topology
from vpcflow.lab.built import Built
from vpcflow.lab.plan import INTERNET, make
from vpcflow.lab.programs import run
from vpcflow.record.flow_counts import NETWORK_ACL, no_rows
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate

DEAF = "table inet deaf { chain input { type filter hook input priority 0 ; policy drop ; }\n}"
"""Hosts that answer nothing: answers are sent by hand."""

_ANSWERS = {(ICMP, 8): 0, (ICMPV6, 128): 129}
_PACKETS = 300


class Kernel:
    """A lab of the proof's topology. deaf: its hosts answer nothing."""

    def __init__(self, network, *, swapping=None, deaf=True):
        self.built = Built(make(network), swapping=swapping)
        spaces = self.built.wiring.spaces
        self._names = {device.interface.id: device.host for device in self.built.plan.devices} | {"": INTERNET}
        self._senders = {}
        for interface, host in self._names.items():
            with spaces[host].entered():
                if deaf:
                    run("nft", ["-f", "-"], DEAF)
                sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                sender.bind(("eth0", 0))
                self._senders[interface] = sender
        self._public = {inner: outer for outer, inner in self.built.plan.public.items()}
        self._conntrack = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)

    def forget(self):
        """Forget all connections (nfnetlink: subsystem 1, message 2, without a tuple)."""
        self._conntrack.send(struct.pack("=IHHIIBBH", 20, 0x102, 0x5, 1, 0, 0, 0, 0))
        self._conntrack.recv(4096)

    def send(self, packets, **options):
        for one in packets:
            dst, to = one.dst, "02:00:00:00:00:01"
            if not one.source:
                to = "02:00:00:00:00:02"
                dst = self._public.get(dst, dst)
            kind = {} if one.kind is None else {"kind": one.kind, "code": one.code, "number": one.number}
            self._senders[one.source].send(
                frame(one.src, dst, one.protocol, one.sport, one.dport, to=to, **kind, **options)
            )

    def records(self, count):
        """What was counted, by interface, direction and 5-tuple; waits until there are *count*, or no more come."""
        found, idle = [], 0
        while idle < 3 and sum(map(len, found)) < count:
            rows = self.built.drain()
            assert not rows.gaps
            found.append(rows.rows)
            idle = 0 if len(rows.rows) else idle + 1
            time.sleep(0.01)
        rows = np.concatenate(found) if found else no_rows()
        names = [device.interface.id for device in self.built.plan.devices]
        told = {}
        for row in rows:
            key = (
                names[row["interface"]],
                {1: "ingress", 2: "egress"}[int(row["direction"])],
                _text(row["src"], row["version"]),
                _text(row["dst"], row["version"]),
                int(row["protocol"]),
                int(row["srcport"]),
                int(row["dstport"]),
            )
            assert key not in told, f"two records of one packet: {key}"
            assert row["packets"] == 1, key
            told[key] = ("ACCEPT" if row["action"] == 1 else "REJECT", int(row["layer"]), int(row["rule"]))
        return told


def _text(halves, version):
    if version == 4:
        return socket.inet_ntoa(int(halves[1]).to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, b"".join(int(half).to_bytes(8, "big") for half in halves))


def expected(network, packet, *, tracked=False):
    """The records that the evaluator says a packet makes, and whether it gets through."""
    told = {}
    passed = True
    for interface, direction in ((packet.source, "egress"), (packet.target, "ingress")):
        if interface and passed:
            flow = Flow(
                packet.src, packet.dst, packet.protocol, packet.sport, packet.dport, interface, direction,
                packet.kind, packet.code,
            )  # fmt: skip
            decision = evaluate(network, flow, tracked=tracked)
            acl = next(step for step in decision.steps if step.layer == NETWORK_ACL)
            if decision.action == "ACCEPT":
                rule = acl.rule.number if acl.rule else 0
            else:
                rule = int(decision.rule) if decision.layer == NETWORK_ACL else 0
            key = (interface, direction, packet.src, packet.dst, packet.protocol, packet.sport, packet.dport)
            told[key] = (decision.action, decision.layer, rule)
            passed = decision.action == "ACCEPT"
    return told, passed


def answer(packet):
    """The answer to a packet that got through; None for what has none."""
    if packet.protocol in (TCP, UDP):
        return type(packet)(
            packet.target, packet.source, packet.dst, packet.src, packet.protocol, packet.dport, packet.sport
        )
    kind = _ANSWERS.get((packet.protocol, packet.kind))
    if kind is None:
        return None
    return type(packet)(
        packet.target, packet.source, packet.dst, packet.src, packet.protocol, kind=kind, code=0, number=packet.number
    )


def prove(pairs, seed, *, swapping=None, packets=_PACKETS):
    """Compare at least *pairs* packets; return the figures, and the first disagreements in words."""
    rng = random.Random(seed)
    network = topology()
    kernel = Kernel(network, swapping=swapping)
    maker = Maker(rng, network)
    done = sets = records = 0
    wrong = []
    outcomes = {}
    while done < pairs:
        network = maker.network()
        assert kernel.built.change(make(network))
        kernel.forget()
        sets += 1
        sent = maker.packets(packets)
        passed = []
        for tracked in (False, True):
            wanted = {}
            for packet in sent:
                told, through = expected(network, packet, tracked=tracked)
                wanted |= told
                if through and not tracked:
                    passed.append(packet)
            kernel.send(sent, **({"flags": SYN_ACK} if tracked else {}))
            found = kernel.records(len(wanted))
            wrong += [
                f"{key}: evaluator {wanted.get(key)}, kernel {found.get(key)}, tracked {tracked}"
                for key in wanted.keys() | found.keys()
                if wanted.get(key) != found.get(key)
            ]
            for value in wanted.values():
                outcome = f"{value[0]} {value[1]}"
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
            done += len(sent)
            records += len(wanted)
            sent = [back for packet in passed if (back := answer(packet)) is not None]
    return {
        "pairs": done, "rule_sets": sets, "records": records, "outcomes": outcomes, "wrong": len(wrong),
        "first": wrong[:5], "seed": seed,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--swapping", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    came = prove(given.pairs, given.seed, swapping=given.swapping or None)
    sys.stdout.write(json.dumps({**came, "seconds": round(time.perf_counter() - began, 1)}) + "\n")
    sys.exit(came["wrong"] > 0)
