"""What gateways do to addresses: the text of their own tables.

Source: VPC User Guide "Internet gateways" (one public address for one private), "NAT gateway basics" (ports 1024 to 65535).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vpcflow.vpc.topology import NetworkInterface


def internet_gateway(public: Mapping[str, str], closed: Sequence[str]) -> str:
    """Return the table of the internet gateway.

    IPv4 passes with a public address only; IPv6 has no other; *closed* gets answers only.
    """
    inward = ", ".join(f"{outer} : {inner}" for outer, inner in public.items())
    outward = ", ".join(f"{inner} : {outer}" for outer, inner in public.items())
    maps = f"""
    chain prerouting {{ type nat hook prerouting priority -100
        iifname "net" dnat to ip daddr map {{ {inward} }} ; }}
    chain postrouting {{ type nat hook postrouting priority 100
        oifname "net" snat to ip saddr map {{ {outward} }} ; }}"""
    owners = f'iifname "vpc" ip saddr {{ {", ".join(public.values())} }} accept' if public else ""
    answers = f'iifname "net" ip6 daddr {{ {", ".join(closed)} }} ct state new drop' if closed else ""
    return f"""
table ip gateway {{{maps if public else ""}
}}
table inet gateway {{
    chain forward {{ type filter hook forward priority 0; policy drop
        {answers}
        meta nfproto ipv6 accept
        ct state established,related accept
        iifname "net" ct status dnat accept
        {owners}
    }}
}}
"""


def gateway(interface: NetworkInterface, inside: Sequence[str]) -> str:
    """Return the table of a NAT gateway: its primary address for all of *inside*; nothing from outside but answers."""
    own = interface.addresses[0]
    return f"""
table ip gateway {{
    chain postrouting {{ type nat hook postrouting priority 100
        ip saddr != {own} meta l4proto {{ tcp, udp }} snat to {own}:1024-65535
        ip saddr != {own} snat to {own} ; }}
    chain forward {{ type filter hook forward priority 0; policy drop
        ct state established,related accept
        ip saddr {{ {", ".join(inside)} }} accept ; }}
    chain input {{ type filter hook input priority 0; policy drop ; }}
}}
"""
