"""Packets made by hand, whole Ethernet frames, with right checksums."""

from __future__ import annotations

import socket
import struct

from vpcflow.lab.traffic.stage import checksum

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
SYN, SYN_ACK = 2, 18


def frame(src, dst, protocol, sport=0, dport=0, *, flags=SYN, kind=8, code=0, number=0, to="02:00:00:00:00:01"):
    """A packet of one protocol in an Ethernet frame to the router. number: of an echo."""
    six = ":" in src
    family = socket.AF_INET6 if six else socket.AF_INET
    ends = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    body = _body(protocol, sport, dport, flags, kind, code, number)
    if protocol in (TCP, UDP, ICMPV6):
        pseudo = ends + (struct.pack("!I3xB", len(body), protocol) if six else struct.pack("!xBH", protocol, len(body)))
        place = {TCP: 16, UDP: 6, ICMPV6: 2}[protocol]
        total = checksum(pseudo + body) or 0xFFFF
        body = body[:place] + struct.pack("!H", total) + body[place + 2 :]
    elif protocol == ICMP:
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    if six:
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + ends
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + ends
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    ethernet = bytes.fromhex(to.replace(":", "")) + b"\x02\0\0\0\0\x09" + (b"\x86\xdd" if six else b"\x08\0")
    return ethernet + head + body


def _body(protocol, sport, dport, flags, kind, code, number):
    if protocol == TCP:
        sequence, answered = (1000, 0) if flags == SYN else (5000, 1001)
        return struct.pack("!HHIIBBHHH", sport, dport, sequence, answered, 0x50, flags, 64000, 0, 0)
    if protocol == UDP:
        return struct.pack("!HHHH", sport, dport, 12, 0) + b"data"
    if protocol in (ICMP, ICMPV6):
        return struct.pack("!BBHHH", kind, code, 0, number, 1) + b"x" * 28
    if protocol == 132:
        return struct.pack("!HHII", sport, dport, 0, 0)
    return b"\0" * 24
