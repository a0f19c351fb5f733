"""Packets and capture files, written with struct alone, independent of what reads them."""

from __future__ import annotations

import ipaddress
import struct

SECOND = 1_000_000_000
T0 = 1_700_000_040
"""A multiple of 60 s."""


def address(text):
    return ipaddress.ip_address(text).packed


def tcp(sport=1234, dport=80, flags=0x10, payload=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 0x50, flags, 8192, 0, 0) + payload


def udp(sport=5353, dport=53, payload=b""):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def icmp(kind=8, code=0, payload=b"ping"):
    return struct.pack(">BBHHH", kind, code, 0xBEEF, 7, 1) + payload


def ipv4(
    protocol=6, body=b"", src="10.0.0.5", dst="192.0.2.9", *, options=b"", fragment=0, more=False, length=None, ihl=None
):
    header = 20 + len(options)
    total = header + len(body) if length is None else length
    first = 0x40 | (header // 4 if ihl is None else ihl)
    bits = (0x2000 if more else 0) | fragment
    return (
        struct.pack(">BBHHHBBH4s4s", first, 0, total, 7, bits, 64, protocol, 0, address(src), address(dst))
        + options
        + body
    )


def ipv6(protocol=6, body=b"", src="2001:db8::5", dst="2001:db8:1::9", *, length=None):
    size = len(body) if length is None else length
    return struct.pack(">IHBB16s16s", 0x60000000, size, protocol, 64, address(src), address(dst)) + body


def extension(following, payload=b"\x01\x04\0\0\0\0"):
    """A hop-by-hop, routing or destination header; payload 6 + 8n bytes."""
    return struct.pack(">BB", following, (len(payload) - 6) // 8) + payload


def fragment6(following, offset=0, *, more=True):
    return struct.pack(">BBHI", following, 0, offset << 3 | more, 99)


def authentication(following):
    return struct.pack(">BBHII", following, 2, 0, 1, 1) + b"\0" * 4


def ethernet(packet, *tags, kind=None):
    if kind is None:
        kind = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    tagged = b"".join(struct.pack(">HH", tag, 5) for tag in tags)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + tagged + struct.pack(">H", kind) + packet


def sll(packet, kind=0x0800, *, sent=0):
    return struct.pack(">HHH8sH", sent, 1, 6, b"", kind) + packet


def sll2(packet, kind=0x0800, *, sent=0):
    return struct.pack(">HHIHBB8s", kind, 0, 2, 1, sent, 6, b"") + packet


ARP = ethernet(b"\0" * 28, kind=0x0806)


def pcap(*records, link=1, order="<", nano=False, magic=None):
    """A pcap file. records: (ns, frame) or (ns, frame as captured, bytes on the wire)."""
    magic = magic or (0xA1B23C4D if nano else 0xA1B2C3D4)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for time, frame, *wire in records:
        part = time % SECOND // (1 if nano else 1000)
        length = wire[0] if wire else len(frame)
        parts.append(struct.pack(order + "IIII", time // SECOND, part, len(frame), length) + frame)
    return b"".join(parts)


class PcapNg:
    """A pcapng file, block by block."""

    def __init__(self, order="<"):
        self._order = order
        self._parts = []
        self.section()

    def _block(self, kind, body):
        body += b"\0" * (-len(body) % 4)
        size = len(body) + 12
        head = struct.pack(self._order + "II", kind, size)
        self._parts.append(head + body + struct.pack(self._order + "I", size))
        return self

    def _options(self, options):
        if not options:
            return b""
        parts = []
        for code, value in options:
            parts.append(struct.pack(self._order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4))
        return b"".join(parts) + b"\0\0\0\0"

    def number(self, form, value):
        return struct.pack(self._order + form, value)

    def section(self, order=None):
        self._order = order or self._order
        return self._block(0x0A0D0D0A, struct.pack(self._order + "IHHq", 0x1A2B3C4D, 1, 0, -1))

    def interface(self, link=1, *options):
        return self._block(1, struct.pack(self._order + "HHI", link, 0, 0) + self._options(options))

    def packet(self, ticks, frame, interface=0, wire=None, *options):
        body = struct.pack(
            self._order + "IIIII",
            interface,
            ticks >> 32,
            ticks & 0xFFFFFFFF,
            len(frame),
            len(frame) if wire is None else wire,
        )
        return self._block(6, body + frame + b"\0" * (-len(frame) % 4) + self._options(options))

    def old_packet(self, ticks, frame, interface=0):
        body = struct.pack(
            self._order + "HHIIII", interface, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)
        )
        return self._block(2, body + frame)

    def simple(self, frame):
        return self._block(3, struct.pack(self._order + "I", len(frame)) + frame)

    def statistics(self, interface, *options):
        return self._block(5, struct.pack(self._order + "III", interface, 0, 0) + self._options(options))

    def other(self, kind=0xBAD, body=b""):
        return self._block(kind, body)

    def raw(self, data):
        self._parts.append(data)
        return self

    @property
    def data(self):
        return b"".join(self._parts)
