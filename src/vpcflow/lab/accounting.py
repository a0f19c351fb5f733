"""The sets in which the kernel counts: each packet once for each interface it passes, where it is decided.

A set for each direction, IP version and kind of key; whether a flow was refused is in the mark, which is part of the key:
bits 16 to 17 the layer that refused (0: accepted), the low 16 the number of the network ACL's rule that decided (0: none did).

Keys are raw parts of the packet, at most five (nft 1.0.6 fails with more). TCP flags are in the key too: flows of one 5-tuple and
other flags are put together when they are read. A packet that finds its set full falls through to `lost_…`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TABLE: Final = "vpc"
TIMEOUT_S: Final = 120
"""How long an element is kept after its last packet; many times the time between two drains."""
SIZE: Final = 1 << 16

WITH_PORTS: Final = (17, 33, 132, 136)
"""UDP, DCCP, SCTP, UDP-Lite; TCP has sets of its own."""
_TCP: Final = 6
_FLAGS: Final = 23
"""FIN, SYN, RST, ACK: all that a record tells of (VPC User Guide, `tcp-flags`)."""

LAYER_SHIFT: Final = 16


class Account(NamedTuple):
    """One set. direction: `in` or `eg`. kind: `t` TCP, `p` others with ports, `x` without."""

    direction: str
    version: int
    kind: str

    @property
    def key_types(self) -> str:
        """What it is keyed by."""
        addresses = "@nh,96,64" if self.version == 4 else "@nh,64,256"
        device = "meta oif" if self.direction == "in" else "meta iif"
        return {
            "t": f"{device} . {addresses} . @th,0,32 . meta mark . tcp flags",
            "p": f"{device} . meta l4proto . {addresses} . @th,0,32 . meta mark",
            "x": f"{device} . meta l4proto . {addresses} . meta mark",
        }[self.kind]

    @property
    def key(self) -> str:
        """The key of a packet."""
        return self.key_types + (f" & {_FLAGS}" if self.kind == "t" else "")

    @property
    def match(self) -> str:
        """Which packets it is for."""
        family = f"meta nfproto ipv{self.version}"
        ports = ", ".join(map(str, WITH_PORTS))
        return {
            "t": f"{family} meta l4proto {_TCP}",
            "p": f"{family} meta l4proto {{ {ports} }}",
            "x": f"{family} meta l4proto != {{ {_TCP}, {ports} }}",
        }[self.kind]

    def set_name(self, generation: str) -> str:
        """Its name; there are two of it where counters cannot be read and set to zero at once."""
        return f"{self.direction}{self.version}{self.kind}_{generation}"


ACCOUNTS: Final = tuple(
    Account(direction, version, kind) for direction in ("eg", "in") for version in (4, 6) for kind in ("t", "p", "x")
)
"""All there are."""

GENERATIONS: Final = ("a", "b")


def lost_name(direction: str, generation: str) -> str:
    """Return the set that counts, by interface, what found no room."""
    return f"lost_{direction}_{generation}"


def sets(generations: tuple[str, ...], size: int = SIZE) -> str:
    """Return the declarations of all sets."""
    lines = []
    options = f"flags dynamic,timeout ; timeout {TIMEOUT_S}s ; counter ;"
    for generation in generations:
        lines += [
            f"set {account.set_name(generation)} {{ typeof {account.key_types} ; size {size} ; {options} }}"
            for account in ACCOUNTS
        ]
        for direction, device in (("eg", "iif"), ("in", "oif")):
            lines.append(f"set {lost_name(direction, generation)} {{ typeof meta {device} ; size 4096 ; {options} }}")
    return "\n".join(lines)


def chains(generation: str) -> str:
    """Return the chains `acct_eg` and `acct_in`, which count and decide nothing."""
    text = []
    for direction, device in (("eg", "iif"), ("in", "oif")):
        rules = [
            f"{account.match} update @{account.set_name(generation)} {{ {account.key} }} return"
            for account in ACCOUNTS
            if account.direction == direction
        ]
        rules.append(f"update @{lost_name(direction, generation)} {{ meta {device} }}")
        body = "\n        ".join(rules)
        text.append(f"    chain acct_{direction} {{\n        {body}\n    }}")
    return "\n".join(text)


def switch(generation: str) -> str:
    """Return the transaction that makes later packets count in the other *generation*."""
    emptied_chains = "".join(f"flush chain inet {TABLE} acct_{direction}\n" for direction in ("eg", "in"))
    return f"{emptied_chains}table inet {TABLE} {{\n{chains(generation)}\n}}\n"


def emptied(generation: str) -> str:
    """Return the transaction that empties the sets of a generation nothing counts in any more."""
    names = [account.set_name(generation) for account in ACCOUNTS]
    names += [lost_name(direction, generation) for direction in ("eg", "in")]
    return "".join(f"flush set inet {TABLE} {name}\n" for name in names)
