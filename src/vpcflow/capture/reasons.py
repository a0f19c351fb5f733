"""Why a packet is in no record: a number for kernels, a word for counters."""

from __future__ import annotations

from typing import Final

REASONS: Final = (
    "",
    "arp",
    "not_ip",
    "link_type",
    "cut",
    "bad_ip",
    "bad_transport",
    "bad_time",
    "no_time",
    "no_interface",
    "cut_off",
    "neighbor_discovery",
    "dhcp",
    "metadata",
    "resolver",
    "time_service",
    "windows_activation",
    "other_host",
)
"""Words by number; the text of each is ``reason.<word>``. The first stands for "is in a record"."""

(
    RECORDED, ARP, NOT_IP, LINK_TYPE, CUT, BAD_IP, BAD_TRANSPORT, BAD_TIME, NO_TIME, NO_INTERFACE, CUT_OFF, NEIGHBOR_DISCOVERY,
    DHCP, METADATA, RESOLVER, TIME_SERVICE, WINDOWS_ACTIVATION, OTHER_HOST,
) = range(len(REASONS))  # fmt: skip

NOT_LOGGED: Final = frozenset(
    {"arp", "neighbor_discovery", "dhcp", "metadata", "resolver", "router", "time_service", "windows_activation"}
)
"""What AWS does not log either (a VPC's own resolver and router where a network tells them); the rest is damage, or no IP."""
