"""A cause: conversations with the same verdict, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpcflow.analyze.explain.steps import PathTold, StepTold
    from vpcflow.vpc.rule_change import RuleChange


@dataclass(frozen=True, slots=True)
class Conversation:
    """One 5-tuple at one interface in one episode, seen from the interface."""

    interface_id: str
    own: str
    own_port: int | None
    far: str
    far_port: int | None
    protocol: int | None
    first_s: int
    last_s: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What else a mend would let in, of what was refused in the time asked about, and how far it reaches.

    records, sources: refused records of other conversations, and where they came from. examples: sources with their records,
    most first. interfaces: that carry the changed groups, or are in subnets of the changed ACLs.
    """

    records: int
    sources: int
    examples: tuple[tuple[str, int], ...]
    interfaces: int


@dataclass(slots=True)
class Cause:
    """Conversations with the same verdict.

    interface_id: where; empty where it may be several. interfaces: how many. direction: of the refused packets, seen from the
    interface: `ingress`, `egress`, empty where it is not known. layer: `security_group`, `network_acl`, empty where records
    do not tell.
    records, packets, bytes: refused ones (of an accepted conversation, all). peers: distinct far ends. services: protocol and
    port of the side that serves, with their records, most first. conversation, why, opener: of the one with most records.
    """

    verdict: str
    certainty: str
    layer: str
    direction: str
    interface_id: str
    why: tuple[str, ...]
    opener: str
    opened_by: str
    conversation: Conversation
    conversations: int = 0
    records: int = 0
    packets: int = 0
    bytes: int = 0
    first_s: int = 0
    last_s: int = 0
    peers: int = 0
    interfaces: int = 1
    services: tuple[tuple[int | None, int | None, int], ...] = ()
    evidence: tuple[dict[str, Any], ...] = ()
    resource: str = ""
    rule: str = ""
    rules_since: int | None = None
    steps: tuple[StepTold, ...] = ()
    path: PathTold | None = None
    mend: tuple[RuleChange, ...] = ()
    opens: Opened | None = None
