"""What a capture holds, told by a parser that takes one packet after another: slow, plain, and written apart from the others.

Only whole files that are what they should be; packets may be anything.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter, defaultdict

TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)


class Refused(Exception):  # noqa: N818 - a reason, not a fault
    pass


def flows(frames, interval_s, *, keep_nd=True):
    """Return ({(interval, src, dst, sport, dport, protocol, direction): [packets, bytes, first, last, flags]}, reasons).

    frames: (ns, link type, frame, bytes on the wire).
    """
    found = defaultdict(lambda: [0, 0, 1 << 63, 0, 0])
    reasons = Counter()
    for time, link, frame, wire in frames:
        try:
            key, length, flags = packet(link, frame, max(wire, len(frame)), keep_nd=keep_nd)
        except Refused as refused:
            reasons[str(refused)] += 1
            continue
        flow = found[(time // (interval_s * 10**9), *key)]
        flow[0] += 1
        flow[1] += length
        flow[2] = min(flow[2], time)
        flow[3] = max(flow[3], time)
        flow[4] |= flags
    return dict(found), reasons


def packet(link, frame, wire, *, keep_nd):
    direction = 0
    kind = 0x0800
    if link == 1:
        frame, wire, head = _step(frame, wire, 14)
        kind = struct.unpack_from(">H", head, 12)[0]
    elif link == 113:
        frame, wire, head = _step(frame, wire, 16)
        kind = struct.unpack_from(">H", head, 14)[0]
        direction = 2 if struct.unpack_from(">H", head)[0] == 4 else 1
    elif link == 276:
        frame, wire, head = _step(frame, wire, 20)
        kind = struct.unpack_from(">H", head)[0]
        direction = 2 if head[10] == 4 else 1
    elif link in (0, 108):
        frame, wire, head = _step(frame, wire, 4)
        if not {int.from_bytes(head, "little"), int.from_bytes(head, "big")} & {2, 10, 24, 28, 30}:
            raise Refused("not_ip")
    elif link not in (12, 14, 101, 228, 229):
        raise Refused("link_type")
    tags = 0
    while kind in TAGS:
        tags += 1
        if tags > 8:
            raise Refused("not_ip")
        frame, wire, head = _step(frame, wire, 4)
        kind = struct.unpack_from(">H", head, 2)[0]
    if kind in (0x0806, 0x8035):
        raise Refused("arp")
    if kind not in (0x0800, 0x86DD):
        raise Refused("not_ip")
    key, length, flags = ip(frame, wire, keep_nd=keep_nd)
    return (*key, direction), length, flags


def _step(frame, wire, count):
    if len(frame) < count:
        raise Refused("cut")
    return frame[count:], wire - count, frame[:count]


def ip(data, wire, *, keep_nd):  # noqa: C901, PLR0912, PLR0915 - in one piece it is read beside the RFCs
    if not data:
        raise Refused("cut" if wire > 0 else "bad_ip")
    version = data[0] >> 4
    if version not in (4, 6):
        raise Refused("bad_ip")
    least = 20 if version == 4 else 40
    if len(data) < least:
        raise Refused("bad_ip" if wire < least else "cut")
    later = False
    if version == 4:
        header = (data[0] & 15) * 4
        length = struct.unpack_from(">H", data, 2)[0] or wire
        protocol, place = data[9], header
        later = struct.unpack_from(">H", data, 6)[0] & 0x1FFF != 0
        ends = [str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16)]
        if header < 20 or length < header or length > wire:
            raise Refused("bad_ip")
    else:
        protocol, place = data[6], 40
        said = struct.unpack_from(">H", data, 4)[0]
        length = wire if not said and protocol in (0, 6, 17) else said + 40
        ends = [str(ipaddress.IPv6Address(data[at : at + 16])) for at in (8, 24)]
        if length > wire:
            raise Refused("bad_ip")
        seen = 0
        while protocol in (0, 43, 44, 51, 60) and not later:
            seen += 1
            if place + 8 > length or seen > 16:
                raise Refused("bad_ip")
            if place + 8 > len(data):
                raise Refused("cut")
            kind, protocol, size = protocol, data[place], data[place + 1]
            if kind == 44:
                later = struct.unpack_from(">H", data, place + 2)[0] >> 3 != 0
                place += 8
            else:
                place += (size + 2) * 4 if kind == 51 else (size + 1) * 8
    ports, flags = (0, 0), 0
    if not later and protocol in (6, 17, 33, 132, 136):
        if place + 4 > length:
            raise Refused("bad_transport")
        if place + 4 > len(data):
            raise Refused("cut")
        ports = struct.unpack_from(">HH", data, place)
        if protocol == 6:
            if place + 14 > length or place + 14 > len(data):
                flags = 128
            else:
                bits = data[place + 13]
                flags = bits & 7 | (16 if bits & 2 and bits & 16 else 0)
    if not keep_nd and not later and protocol == 58 and place < min(length, len(data)) and 133 <= data[place] <= 137:
        raise Refused("neighbor_discovery")
    return (*ends, *ports, protocol), length, flags
