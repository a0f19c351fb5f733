"""Refused traffic of every kind through the kernel's rules; prints the records, with the layer and the rule that decided.

`scenarios`: conversations packet by packet, by name. `random SETS`: random rule sets, openings and the answers to those that got
through. A program of its own: it must have one thread.
"""

from __future__ import annotations

import json
import random
import sys
import time

from vpcflow.lab.enclosure import enclose

if __name__ == "__main__":
    enclose()

import numpy as np

from lab.packets import ICMP, ICMPV6, SYN, SYN_ACK, TCP, UDP
from lab.proof import Kernel, answer, expected
from lab.rule_sets import Maker, Packet, topology
from vpcflow.aggregate.records import Identity, flow_records
from vpcflow.lab.plan import make
from vpcflow.vpc.json_form import dumps
from vpcflow.vpc.toml_file import parse

HOUR = 1_700_002_800
RST = 4

NETWORK = """
[vpc]
name = "explained"
cidr = ["10.0.0.0/16", "fd00:10::/56"]
[subnet.one]
cidr = ["10.0.1.0/24", "fd00:10:0:1::/64"]
network-acl = "one"
route-table = "out"
[subnet.two]
cidr = ["10.0.2.0/24", "fd00:10:0:2::/64"]
network-acl = "two"
route-table = "out"
[route-table.out]
routes = ["0.0.0.0/0 igw", "::/0 igw"]
[gateway.igw]
kind = "igw"
[interface.a]
subnet = "one"
address = ["10.0.1.10"]
ipv6 = ["fd00:10:0:1::10"]
public = ["203.0.113.10"]
security-groups = ["clients"]
[interface.b]
subnet = "one"
address = ["10.0.1.11"]
security-groups = ["servers"]
[interface.c]
subnet = "two"
address = ["10.0.2.12"]
ipv6 = ["fd00:10:0:2::12"]
public = ["203.0.113.12"]
security-groups = ["servers", "shy"]
[interface.d]
subnet = "two"
address = ["10.0.2.13"]
security-groups = ["shy"]
[security-group.clients]
inbound = ["tcp 22 from pl:office", "icmp 8/0 from 10.0.0.0/16"]
outbound = [
    "tcp 80 to 0.0.0.0/0", "tcp 81 to 0.0.0.0/0", "tcp 443 to sg:servers", "tcp 6000 to sg:servers", "udp to 10.0.0.0/16",
    "icmp to 0.0.0.0/0", "tcp to ::/0", "tcp 8080 to sg:shy",
]
[security-group.servers]
inbound = [
    "tcp 80 from 10.0.0.0/16", "tcp 443 from sg:clients", "tcp 6000 from 0.0.0.0/0", "udp 53 from 10.0.0.0/16",
    "icmp 8/0 from 10.0.0.0/16", "tcp 443 from fd00:10::/56",
]
outbound = []
[security-group.shy]
inbound = []
outbound = ["udp 123 to 10.0.0.0/16"]
[prefix-list.office]
cidrs = ["192.0.2.0/25"]
[network-acl.one]
inbound = [
    "90 deny tcp 22 from 192.0.2.64/26", "95 deny tcp 80 from 10.0.2.13", "100 allow tcp from 0.0.0.0/0",
    "110 allow icmp 8/0 from 0.0.0.0/0", "120 allow tcp from ::/0",
]
outbound = ["80 deny tcp 81 to 0.0.0.0/0", "100 allow all to 0.0.0.0/0", "101 allow all to ::/0"]
[network-acl.two]
inbound = ["100 allow all from 0.0.0.0/0", "110 allow tcp 443 from ::/0"]
outbound = ["50 deny icmp to 0.0.0.0/0", "100 allow tcp 32768-60999 to 0.0.0.0/0", "110 allow udp 1024-65535 to 10.0.0.0/16"]
"""

A, B, C, D = "10.0.1.10", "10.0.1.11", "10.0.2.12", "10.0.2.13"
A6, C6 = "fd00:10:0:1::10", "fd00:10:0:2::12"
OFFICE, BAD_OFFICE, ELSEWHERE = "192.0.2.7", "192.0.2.70", "198.51.100.7"


class Talks:
    """Conversations of the lab above. Each yields packets in turn: a request, and what would be its answer."""

    def __init__(self):
        network = parse(NETWORK, "explained")
        self.network = network
        self.ids = {one.name: one.id for one in network.interfaces.values()}
        self.home = {A: "a", B: "b", C: "c", D: "d", A6: "a", C6: "c"}

    def packet(self, src, dst, protocol, sport, dport, kind=None):
        source, target = (self.ids.get(self.home.get(end, ""), "") for end in (src, dst))
        return Packet(source, target, src, dst, protocol, sport, dport, kind, None if kind is None else 0, 1)

    def all(self):
        """Yield (name, [(packet, tcp flags)])."""

        def tcp(src, dst, port, client, *, answered=True):
            there = (self.packet(src, dst, TCP, client, port), SYN)
            back = (self.packet(dst, src, TCP, port, client), SYN_ACK)
            return [there, back] if answered else [there]

        def udp(src, dst, port, client, *, answered=True):
            there, back = self.packet(src, dst, UDP, client, port), self.packet(dst, src, UDP, port, client)
            return [(there, 0), (back, 0)] if answered else [(there, 0)]

        def ping(src, dst, *, answered=True):
            six = ":" in src
            protocol, kinds = (ICMPV6, (128, 129)) if six else (ICMP, (8, 0))
            there, back = (
                self.packet(src, dst, protocol, 0, 0, kinds[0]),
                self.packet(dst, src, protocol, 0, 0, kinds[1]),
            )
            return [(there, 0), (back, 0)] if answered else [(there, 0)]

        yield "inbound refused by the group", tcp(ELSEWHERE, A, 22, 40001, answered=False)
        yield "inbound refused by a deny before the allow", tcp(BAD_OFFICE, A, 22, 40002, answered=False)
        yield "inbound let in by a prefix list", tcp(OFFICE, A, 22, 40003)
        yield "outbound refused by the group", tcp(A, ELSEWHERE, 25, 40004, answered=False)
        yield "outbound refused by the ACL", tcp(A, ELSEWHERE, 81, 40005, answered=False)
        yield "outbound refused for want of any rule", tcp(B, ELSEWHERE, 80, 40006, answered=False)
        yield "a group's rule for a group", tcp(A, C, 443, 40007)
        yield "a group that is not the one referred to", tcp(A, D, 8080, 40008, answered=False)
        yield "a group reference that does not hold", tcp(B, A, 443, 40009, answered=False)
        yield "the client's port below the range for answers", tcp(A, C, 6000, 20000)
        yield "the client's port above the range for answers", tcp(A, C, 6000, 61001)
        yield "the client's port within it", tcp(A, C, 6000, 50000)
        yield "answers to the internet below the range", tcp(ELSEWHERE, C, 6000, 30001)
        yield "answers to the internet within the range", tcp(ELSEWHERE, C, 6000, 40010)
        yield "a UDP answer that the ACL lets out and the other does not let in", udp(A, C, 53, 40011)
        yield "UDP to a port without a rule", udp(A, C, 54, 40012, answered=False)
        yield "UDP outbound without a rule", udp(C, A, 53, 40013, answered=False)
        yield "a UDP call to a subnet that lets none in", udp(D, B, 123, 40014, answered=False)
        yield "a ping whose reply the ACL keeps", ping(A, C)
        yield "a ping that the group keeps out", ping(A, D, answered=False)
        yield "a ping that the group does not let out", ping(D, B, answered=False)
        yield "a ping from outside that the group does not know", ping(ELSEWHERE, A, answered=False)
        yield "within a subnet, allowed", tcp(A, B, 80, 40015)
        yield "within a subnet, refused by the group that is called", tcp(A, B, 81, 40016, answered=False)
        yield "within a subnet, no ACL for pings and their replies", ping(A, B)
        yield "IPv6 that the ACL has no rule for", tcp(A6, C6, 6000, 40017, answered=False)
        yield "IPv6 to a port that the ACL does not let in", tcp(A6, C6, 80, 40018, answered=False)
        yield "IPv6 whose answer the ACL keeps", tcp(A6, C6, 443, 40019)
        yield "a reset of no connection", [(self.packet(A, C, TCP, 40020, 6000), RST)]
        yield "a deny for one host in another subnet", tcp(D, B, 80, 40021, answered=False)


def recorded(kernel, names, at, scenario):
    """What the kernel counted since it was last asked, as records that begin *at*."""
    found, idle = [], 0
    while idle < 4:
        rows = kernel.built.drain().rows
        idle = 0 if len(rows) else idle + 1
        found.append(rows)
        time.sleep(0.005)
    rows = np.concatenate(found)
    return [
        row | {"start": at, "end": at, "scenario": scenario}
        for row in flow_records(rows, names, Identity(), decided=True).to_pylist()
    ]


def scenarios():
    """Every scenario, a minute apart; an answer is sent if the request got through."""
    talks = Talks()
    kernel = Kernel(talks.network)
    names = [device.interface.id for device in kernel.built.plan.devices]
    records = []
    for place, (name, packets) in enumerate(talks.all()):
        for packet, flags in packets:
            kernel.send([packet], **({"flags": flags} if packet.protocol == TCP else {}))
            came = recorded(kernel, names, HOUR + 60 * place, name)
            records += came
            if any(row["action"] == "REJECT" for row in came):
                break
    return {"records": records, "networks": [[0, json.loads(dumps(talks.network))]]}


def chance(sets, seed=11):
    """Random rule sets an hour apart, with packets and the answers to those that got through."""
    rng = random.Random(seed)
    network = topology()
    kernel = Kernel(network)
    maker = Maker(rng, network)
    names = [device.interface.id for device in kernel.built.plan.devices]
    records, networks = [], []
    for place in range(sets):
        at = HOUR + 3600 * place
        network = maker.network()
        kernel.built.change(make(network))
        kernel.forget()
        networks.append([at, json.loads(dumps(network))])
        sent = maker.packets(300)
        passed = [packet for packet in sent if expected(network, packet)[1]]
        kernel.send(sent)
        records += recorded(kernel, names, at, f"set {place}")
        kernel.send([back for packet in passed if (back := answer(packet)) is not None], flags=SYN_ACK)
        records += recorded(kernel, names, at + 1, f"set {place}")
    return {"records": records, "networks": networks}


if __name__ == "__main__":
    came = scenarios() if sys.argv[1] == "scenarios" else chance(int(sys.argv[2]))
    sys.stdout.write(json.dumps(came) + "\n")
