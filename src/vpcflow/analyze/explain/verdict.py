"""The words of a verdict: what refused, on whose way, how sure, and why. Codes; their texts are in the catalogue."""

from __future__ import annotations

from typing import Final

VERDICTS: Final = (
    "accepted",
    "accepted_no_reply",
    "opening_refused",
    "reply_refused",
    "cut_off",
    "late_packets",
    "asymmetric_routing",
    "one_sided",
    "skipdata",
    "middle_refused",
    "reply_without_request",
    "mixed",
    "block_public_access",
    "encryption_controls",
    "other_reason",
)
"""Verdicts by code.

accepted, accepted_no_reply: nothing was refused; nothing came back, either.
opening_refused: the first packets of a connection: by the security group or the network ACL, records do not tell which.
reply_refused: what answers an accepted opening: by the network ACL, which has no memory; a security group has.
cut_off: a connection that had gone both ways is refused one way while the other goes on: a network ACL that was changed.
late_packets: after a connection was closed or forgotten, no rule has to do with it.
asymmetric_routing: the other direction went through another interface; this one's security group knows of no connection.
one_sided: the flow log has no accepted records here. skipdata: the record that would decide may be among those AWS left out.
middle_refused: neither opening nor closing is in the window. reply_without_request: an answer to nothing that is recorded.
mixed: accepted and refused packets of one direction lie too close to be told apart.
block_public_access, encryption_controls, other_reason: `reject-reason` says so.
"""

LAYERS: Final = ("", "security_group", "network_acl")
CERTAINTIES: Final = ("undecided", "likely", "certain")
OPENERS: Final = ("unknown", "far", "own")
OPENED_BY: Final = ("nothing", "tcp_flags", "only_way", "first_seen", "port")
"""How it is known who opened: by `tcp-flags` (certain), because nothing of the other side was let through, or else by what was
seen first or by the port (likely)."""

WHYS: Final = (
    "syn_accepted",
    "syn_ack_refused",
    "syn_refused",
    "reply_in_time",
    "reply_late",
    "no_flags",
    "skipdata",
    "closed_before",
    "tail",
    "silence",
    "goes_on",
    "accepted_before",
    "accepted_after",
    "elsewhere",
    "no_accepts_here",
    "no_opening",
    "own_unknown",
    "never_both",
    "no_ports",
    "reason_given",
    "both_ping",
    "no_reply",
    "rules_early",
    "rules_disagree",
    "rules_unknown",
    "rules_allow",
    "not_remembered",
    "icmp_type",
)
"""What a verdict rests on, or what keeps it from being more certain; a verdict has any number of them."""

BIT: Final = {name: 1 << place for place, name in enumerate(WHYS)}


def whys(bits: int) -> tuple[str, ...]:
    """Return the names that *bits* stand for."""
    return tuple(name for name, bit in BIT.items() if bits & bit)
