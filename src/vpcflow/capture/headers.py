"""Frames → rows with one packet each, in NumPy: the plain twin of the compiled kernel, which anyone can read.

Sources: IEEE 802.1Q; RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4302 (AH), RFC 9293 (TCP); tcpdump.org, "Link-layer header types";
VPC User Guide "Flow log records" (tcp-flags).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.capture.reasons import ARP, BAD_IP, BAD_TRANSPORT, CUT, LINK_TYPE, NEIGHBOR_DISCOVERY, NOT_IP, RECORDED
from vpcflow.capture.walk import ETHERNET, LOOPBACK, MAX_EXTENSIONS, MAX_TAGS, RAW_IP, SLL, SLL2
from vpcflow.record.flow_counts import EGRESS, FLAGS_UNKNOWN, INGRESS, ROW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_ARPS: Final = (0x0806, 0x8035)
_FAMILIES: Final = (2, 10, 24, 28, 30)
"""AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD, macOS."""
_WITH_PORTS: Final = (6, 17, 33, 132, 136)
_EXTENSIONS: Final = (0, 43, 44, 51, 60)
_FRAGMENT, _AUTHENTICATION, _TCP, _ICMPV6 = 44, 51, 6, 58
_UNSEGMENTED: Final = (0, 6, 17)
"""What follows an IPv6 header without a length: a jumbogram's option, or a segment that the card has yet to cut."""
_SLL_OUTGOING: Final = 4


@dataclass(slots=True)
class Frames:
    """Where frames lie in a block of bytes. start, end: as captured. wire: bytes it had. link: how it begins.

    direction: told by the capture, 0 if not.
    """

    start: Ints
    end: Ints
    wire: Ints
    link: Ints
    direction: Ints


class Headers:
    """Reads the headers of many frames at once.

    reason: of each frame; rows, headers: valid where it is `RECORDED`. headers: bytes from the IP header to what is carried.
    """

    def __init__(self, data: NDArray[np.uint8], frames: Frames, *, keep_nd: bool) -> None:
        self._data, self._keep_nd = data, keep_nd
        count = len(frames.start)
        self.reason = np.zeros(count, np.int64)
        self.rows = np.zeros(count, ROW)
        self.headers = np.zeros(count, np.int64)
        self._frames = frames
        self._at = frames.start.copy()
        self._end = frames.end
        self._direction = frames.direction.copy()
        every = np.arange(count)
        packets = self._network(every)
        self.rows["direction"] = self._direction
        self.rows["packets"] = 1
        self._ip(packets)

    # --- bytes -------------------------------------------------------------------------------------------------

    def _byte(self, at: Ints) -> Ints:
        return self._data[at].astype(np.int64)

    def _u16(self, at: Ints) -> Ints:
        return self._byte(at) << 8 | self._byte(at + 1)

    def _u32(self, at: Ints) -> Ints:
        return self._u16(at) << 16 | self._u16(at + 2)

    def _u64(self, at: Ints) -> NDArray[np.uint64]:
        return self._u32(at).astype(np.uint64) << np.uint64(32) | self._u32(at + 4).astype(np.uint64)

    def _refuse(self, which: Ints, wrong: Mask, reason: int) -> Ints:
        """Give the *wrong* ones of *which* a reason; return the others."""
        self.reason[which[wrong]] = reason
        return which[~wrong]

    # --- link layer --------------------------------------------------------------------------------------------

    def _network(self, which: Ints) -> Ints:
        """Move to the network layer; return the frames that hold IP."""
        kind = np.zeros(len(which), np.int64)
        link = self._frames.link
        known = self._refuse(which, ~np.isin(link, (ETHERNET, SLL, SLL2, RAW_IP, LOOPBACK)), LINK_TYPE)
        alive = [known[link[known] == RAW_IP]]
        kind[alive[0]] = _IPV4
        for form, length, place in ((ETHERNET, 14, 12), (SLL, 16, 14), (SLL2, 20, 0)):
            found = known[link[known] == form]
            found = self._refuse(found, self._end[found] - self._at[found] < length, CUT)
            at = self._at[found]
            kind[found] = self._u16(at + place)
            if form != ETHERNET:
                sent = self._u16(at) if form == SLL else self._byte(at + 10)
                told = np.where(sent == _SLL_OUTGOING, EGRESS, INGRESS)
                self._direction[found] = np.where(self._direction[found] == 0, told, self._direction[found])
            self._at[found] += length
            alive.append(found)
        alive.append(self._loopback(known[link[known] == LOOPBACK], kind))
        return self._untagged(np.concatenate(alive), kind)

    def _loopback(self, which: Ints, kind: Ints) -> Ints:
        which = self._refuse(which, self._end[which] - self._at[which] < 4, CUT)
        at = self._at[which]
        big = self._u32(at)
        little = self._byte(at) | self._byte(at + 1) << 8 | self._byte(at + 2) << 16 | self._byte(at + 3) << 24
        family = np.where(little > 0xFFFF, big, little)
        which = self._refuse(which, ~np.isin(family, _FAMILIES), NOT_IP)
        self._at[which] += 4
        kind[which] = _IPV4
        return which

    def _untagged(self, which: Ints, kind: Ints) -> Ints:
        """Step over VLAN tags; return the frames that hold IP."""
        for tags in range(MAX_TAGS + 1):
            tagged = which[np.isin(kind[which], _TAGS)]
            if not len(tagged):
                break
            if tags == MAX_TAGS:
                self.reason[tagged] = NOT_IP
                break
            tagged = self._refuse(tagged, self._end[tagged] - self._at[tagged] < 4, CUT)
            kind[tagged] = self._u16(self._at[tagged] + 2)
            self._at[tagged] += 4
            which = which[self.reason[which] == RECORDED]
        which = which[self.reason[which] == RECORDED]
        which = self._refuse(which, np.isin(kind[which], _ARPS), ARP)
        return self._refuse(which, ~np.isin(kind[which], (_IPV4, _IPV6)), NOT_IP)

    # --- network layer -----------------------------------------------------------------------------------------

    def _ip(self, which: Ints) -> None:
        wire = self._frames.wire - (self._at - self._frames.start)
        have = self._end - self._at
        which = self._refuse(which, (have[which] < 1) & (wire[which] > 0), CUT)
        which = self._refuse(which, have[which] < 1, BAD_IP)
        version = self._byte(self._at[which]) >> 4
        self._refuse(which, (version != 4) & (version != 6), BAD_IP)
        for form, length, read in ((4, 20, self._ipv4), (6, 40, self._ipv6)):
            found = which[version == form]
            short = have[found] < length
            self.reason[found[short]] = np.where(wire[found[short]] < length, BAD_IP, CUT)
            read(found[~short], wire)

    def _ipv4(self, which: Ints, wire: Ints) -> None:
        at = self._at[which]
        header = (self._byte(at) & 15) * 4
        length = self._u16(at + 2)
        length = np.where(length == 0, wire[which], length)  # segmentation offload: the card filled it in later
        wrong = (header < 20) | (length < header) | (length > wire[which])
        self._refuse(which, wrong, BAD_IP)
        which, at, header, length = which[~wrong], at[~wrong], header[~wrong], length[~wrong]
        self.rows["version"][which] = 4
        self.rows["src"][which, 1] = self._u32(at + 12)
        self.rows["dst"][which, 1] = self._u32(at + 16)
        self._transport(which, self._byte(at + 9), at + header, at + length, (self._u16(at + 6) & 0x1FFF) != 0)

    def _ipv6(self, which: Ints, wire: Ints) -> None:
        at = self._at[which]
        protocol, length = self._byte(at + 6), self._u16(at + 4)
        length = np.where((length == 0) & np.isin(protocol, _UNSEGMENTED), wire[which], length + 40)
        self._refuse(which, length > wire[which], BAD_IP)
        fits = length <= wire[which]
        which, at, protocol, length = which[fits], at[fits], protocol[fits], length[fits]
        self.rows["version"][which] = 6
        for name, place in (("src", 8), ("dst", 24)):
            self.rows[name][which, 0] = self._u64(at + place)
            self.rows[name][which, 1] = self._u64(at + place + 8)
        start, fragment = at + 40, np.zeros(len(which), bool)
        self._extensions(which, protocol, start, at + length, fragment)
        good = self.reason[which] == RECORDED
        self._transport(which[good], protocol[good], start[good], (at + length)[good], fragment[good])

    def _extensions(self, which: Ints, protocol: Ints, place: Ints, stop: Ints, fragment: Mask) -> None:
        """Step over extension headers, changing *protocol*, *place* and *fragment* in place."""
        for seen in range(MAX_EXTENSIONS + 1):
            more = np.flatnonzero(np.isin(protocol, _EXTENSIONS) & ~fragment & (self.reason[which] == RECORDED))
            if not len(more):
                return
            wrong = (place[more] + 8 > stop[more]) | (seen == MAX_EXTENSIONS)
            self.reason[which[more[wrong]]] = BAD_IP
            more = more[~wrong]
            cut = place[more] + 8 > self._end[which[more]]
            self.reason[which[more[cut]]] = CUT
            more = more[~cut]
            kind, at = protocol[more], place[more]
            protocol[more] = self._byte(at)
            units = self._byte(at + 1)
            later = (kind == _FRAGMENT) & (self._u16(at + 2) & 0xFFF8 != 0)
            fragment[more[later]] = True
            step = np.where(kind == _AUTHENTICATION, (units + 2) * 4, (units + 1) * 8)
            place[more] += np.where(kind == _FRAGMENT, 8, step)

    # --- transport layer ---------------------------------------------------------------------------------------

    def _transport(self, which: Ints, protocol: Ints, place: Ints, stop: Ints, fragment: Mask) -> None:
        """Read ports and flags; only the first fragment of a packet has them."""
        rows, end = self.rows, self._end[which]
        rows["protocol"][which] = protocol
        rows["bytes"][which] = stop - self._at[which]
        ported = np.isin(protocol, _WITH_PORTS) & ~fragment
        wrong = ported & (place + 4 > stop)
        cut = ported & ~wrong & (place + 4 > end)
        self.reason[which[wrong]] = BAD_TRANSPORT
        self.reason[which[cut]] = CUT
        ported &= ~wrong & ~cut
        rows["srcport"][which[ported]] = self._u16(place[ported])
        rows["dstport"][which[ported]] = self._u16(place[ported] + 2)
        tcp = ported & (protocol == _TCP)
        seen = tcp & (place + 14 <= np.minimum(stop, end))
        rows["flags"][which[tcp & ~seen]] = FLAGS_UNKNOWN
        self.headers[which] = place - self._at[which] + np.where(ported, 8, 0)
        self.headers[which[tcp]] += 12
        self.headers[which[seen]] += (self._byte(place[seen] + 12) >> 4) * 4 - 20
        bits = self._byte(place[seen] + 13)
        rows["flags"][which[seen]] = bits & 7 | np.where(bits & 18 == 18, 16, 0)
        if not self._keep_nd:
            icmp = np.flatnonzero((protocol == _ICMPV6) & ~fragment & (place < np.minimum(stop, end)))
            kind = self._byte(place[icmp])
            self.reason[which[icmp[(kind >= 133) & (kind <= 137)]]] = NEIGHBOR_DISCOVERY
