"""Numbers that flow logs use, and their names: IP protocols and TCP flags.

Sources: IANA "Assigned Internet Protocol Numbers"; VPC User Guide "Flow log records" (tcp-flags).
"""

from __future__ import annotations

from typing import Final

PROTOCOLS: Final = {
    0: "HOPOPT",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    17: "UDP",
    27: "RDP",
    33: "DCCP",
    41: "IPv6",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    88: "EIGRP",
    89: "OSPF",
    94: "IPIP",
    103: "PIM",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    136: "UDPLite",
}
"""Names by number; others are shown as their number."""

BY_NAME: Final = {name.lower(): number for number, name in PROTOCOLS.items()}

TCP_FLAGS: Final = {1: "FIN", 2: "SYN", 4: "RST", 16: "ACK"}
"""Bits that VPC flow logs report; ACK only together with SYN."""


def protocol_name(number: int | None) -> str:
    """Return the protocol's name, its number where there is none, "-" for null."""
    return "-" if number is None else PROTOCOLS.get(number, str(number))
