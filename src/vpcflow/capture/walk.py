"""What walking through a capture file needs to know: formats, link types, states, limits. Shared by both engines.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng; the list of link types of tcpdump.org.
"""

from __future__ import annotations

from typing import Final

CLASSIC, BLOCKS = 0, 1
"""Formats: pcap and pcapng."""

ETHERNET, SLL, SLL2, RAW_IP, LOOPBACK = 1, 2, 3, 4, 5
"""How a frame begins; 0 is a link type that we cannot read."""

LINK_TYPES: Final = {
    0: LOOPBACK,  # BSD null: the address family in the order of the machine that captured
    1: ETHERNET,
    12: RAW_IP,
    14: RAW_IP,
    101: RAW_IP,
    108: LOOPBACK,  # OpenBSD loop: the same in network order
    113: SLL,
    228: RAW_IP,
    229: RAW_IP,
    276: SLL2,
}
"""Link types by number, and how their frames begin."""

TIME_MULTIPLY, TIME_DIVIDE, TIME_SHIFT = 0, 1, 2
"""How a time becomes nanoseconds: times a factor, by a factor, or from a power of two."""

LINK_COLUMNS: Final = 5
"""Columns of the table of links: how frames begin, how time is told, its factor, its offset (ns), the interface's number."""

SECTION, INTERFACE, OBSOLETE, SIMPLE, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 5, 6
"""Types of pcapng blocks that mean something to us."""

MORE, BLOCK, DRAIN, DAMAGED = range(4)
"""Why an engine stopped: it needs more bytes, meets a block for Python, needs room, or cannot go on."""

MAX_RECORD: Final = 1 << 24
"""No record is longer: Wireshark's limit. A longer one is a lie, and nothing after it can be found."""

MAX_TAGS: Final = 8
"""VLAN tags in one frame."""

MAX_EXTENSIONS: Final = 16
"""IPv6 extension headers in one packet."""

MAX_OPTIONS: Final = 8
"""Options of one packet block that are looked at."""

SECOND: Final = 1_000_000_000
LAST_SECOND: Final = 1 << 32
"""Times from here on (the year 2106) are no times."""

(AT, STATUS, USED, NEWEST, PACKETS, LAST_NS, FIRST_LINK, LINKS, DROPPED, DROPPED_AT, STATES) = range(11)
"""Places in an engine's state: byte, why it stopped, rows in use, newest interval, packets read, time of the last one, the
section's first link, links known, packets the capture itself says it dropped, the interface where. The last is their number."""
