"""Single packets and what the lab records of them, case by case; prints JSON. A program of its own."""

from __future__ import annotations

import json
import socket
import sys

from vpcflow.lab.enclosure import enclose

if __name__ == "__main__":
    enclose()

from lab.packets import ICMP, SYN, SYN_ACK, TCP, UDP, frame
from lab.proof import Kernel
from vpcflow.vpc.toml_file import parse

NETWORK = """
[vpc]
name = "cases"
cidr = ["10.0.0.0/16", "fd00:10::/56"]
[subnet.one]
cidr = ["10.0.1.0/24", "fd00:10:0:1::/64"]
network-acl = "one"
route-table = "one"
[subnet.two]
cidr = ["10.0.2.0/24", "fd00:10:0:2::/64"]
[interface.a]
subnet = "one"
address = ["10.0.1.10"]
ipv6 = ["fd00:10:0:1::10"]
security-groups = ["open"]
[interface.b]
subnet = "one"
address = ["10.0.1.11"]
ipv6 = ["fd00:10:0:1::11"]
security-groups = ["narrow"]
[interface.c]
subnet = "two"
address = ["10.0.2.12"]
ipv6 = ["fd00:10:0:2::12"]
security-groups = ["narrow"]
[interface.d]
subnet = "two"
address = ["10.0.2.13"]
ipv6 = ["fd00:10:0:2::13"]
security-groups = ["open"]
[route-table.one]
routes = ["192.0.2.0/24 blackhole", "0.0.0.0/0 igw"]
[gateway.igw]
kind = "igw"
[security-group.open]
inbound = ["all from 0.0.0.0/0", "all from ::/0"]
outbound = ["all to 0.0.0.0/0", "all to ::/0"]
[security-group.narrow]
inbound = ["tcp 80 from 10.0.0.0/16", "udp 53 from 10.0.0.0/16"]
outbound = []
[network-acl.one]
inbound = ["100 deny tcp 81 from 0.0.0.0/0", "200 allow all from 0.0.0.0/0", "201 allow all from ::/0"]
outbound = ["100 deny udp 54 to 0.0.0.0/0", "200 allow all to 0.0.0.0/0", "201 allow all to ::/0"]
"""
A, B, C, D = "10.0.1.10", "10.0.1.11", "10.0.2.12", "10.0.2.13"
ACK, RST = 16, 4


class Cases:
    def __init__(self):
        self._kernel = Kernel(parse(NETWORK, "cases"))
        self._spaces = self._kernel.built.wiring.spaces
        self._ids = {device.host: device.interface.id for device in self._kernel.built.plan.devices}
        self._hosts = {value: name for name, value in self._ids.items()}

    def send(self, host, *words, **options):
        self._kernel._senders[self._ids[host]].send(frame(*words, **options))

    def told(self):
        """[host, direction, action, layer, rule] of what was recorded, in order of these."""
        found = self._kernel.records(4)
        return sorted([self._hosts[key[0]], key[1], *value] for key, value in found.items())

    def run(self):
        yield "syn", self.of("c", (D, C, TCP, 5000, 80), sender="d")
        self.send("c", C, D, TCP, 80, 5000, flags=SYN_ACK)
        yield "its answer", self.told()
        yield "an ack of no connection, tracked", self.of("c", (D, C, TCP, 5001, 80), sender="d", flags=ACK)
        yield "a reset of no connection, tracked", self.of("c", (D, C, TCP, 5002, 80), sender="d", flags=RST)
        yield "an ack of no connection, untracked", self.of("a", (D, A, TCP, 5003, 80), sender="d", flags=ACK)
        yield "within a subnet the ACL is not asked", self.of("b", (A, B, UDP, 5004, 53), sender="a")
        yield "not even to nobody", self.of("", (A, "10.0.1.99", UDP, 5005, 54), sender="a")
        yield "to nobody elsewhere it is", self.of("", (A, "10.0.2.99", UDP, 5006, 54), sender="a")
        yield "to nobody elsewhere, allowed", self.of("", (A, "10.0.2.99", UDP, 5006, 55), sender="a")
        yield "in from another subnet", self.of("a", (D, A, TCP, 5007, 81), sender="d")
        yield "no outbound rule", self.of("", (C, D, UDP, 5008, 53), sender="c")
        yield "blackhole", self.of("", (A, "192.0.2.1", UDP, 5009, 9), sender="a")
        yield "internet without an address there", self.of("", (A, "198.51.100.1", UDP, 5010, 9), sender="a")
        yield "the subnet's router", self.of("", (A, "10.0.1.1", UDP, 5011, 53), sender="a")
        yield "the resolver", self.of("", (C, "10.0.0.2", UDP, 5012, 53), sender="c")
        yield "instance metadata", self.of("", (C, "169.254.169.254", TCP, 5013, 80), sender="c")
        yield "another's address", self.of("", ("10.0.1.77", D, UDP, 5014, 53), sender="a")
        yield "DHCP", self.of("", (A, D, UDP, 68, 67), sender="a")
        yield "an error about an accepted packet", self.error_about_a_request()
        yield "IPv6", self.of("d", ("fd00:10:0:1::10", "fd00:10:0:2::13", UDP, 5015, 53), sender="a")
        yield "IPv6 refused", self.of("c", ("fd00:10:0:1::10", "fd00:10:0:2::12", UDP, 5016, 53), sender="a")
        yield "flags", self.flags()

    def of(self, _, words, *, sender, flags=SYN):
        self.send(sender, *words, flags=flags)
        return self.told()

    def error_about_a_request(self):
        """c accepts DNS; an ICMP error about it leaves c, which has no outbound rule: it is related."""
        request = frame(D, C, UDP, 5020, 53)
        self._kernel._senders[self._ids["d"]].send(request)
        before = self.told()
        quoted = request[14:42]
        error = frame(C, D, ICMP, kind=3, code=3)
        body = error[34:42] + quoted
        body = body[:2] + b"\0\0" + b"\0\0\0\0" + quoted
        from vpcflow.lab.traffic.stage import checksum  # noqa: PLC0415 - used here alone

        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        head = bytearray(error[14:34])
        head[2:4] = (20 + len(body)).to_bytes(2, "big")
        head[10:12] = b"\0\0"
        head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
        self._kernel._senders[self._ids["c"]].send(error[:14] + bytes(head) + body)
        return [before, self.told()]

    def flags(self):
        """What is told of a connection's flags: SYN, data and FIN-ACK of one side are 3, RST-ACK is 4."""
        for flags in (SYN, ACK, ACK | 8, 1 | ACK):
            self.send("d", D, A, TCP, 5030, 80, flags=flags)
        self.send("d", D, A, TCP, 5031, 80, flags=RST | ACK)
        self.send("d", D, A, TCP, 5032, 80, flags=SYN | 0xC0)
        rows = self._kernel.built.drain().rows
        return sorted(
            [int(row["srcport"]), int(row["packets"]), int(row["flags"])] for row in rows if row["direction"] == 2
        )


if __name__ == "__main__":
    socket.setdefaulttimeout(5)
    sys.stdout.write(json.dumps(dict(Cases().run())) + "\n")
