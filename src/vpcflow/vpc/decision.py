"""What is asked of a network, and what it answers.

Nothing is guessed: where a description lacks what an answer would need, the answer is UNKNOWN, and says what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule
    from vpcflow.vpc.topology import Route

Action: TypeAlias = Literal["ACCEPT", "REJECT", "UNKNOWN"]
Direction: TypeAlias = Literal["ingress", "egress"]

Mismatch: TypeAlias = Literal["", "not_reached", "ip_version", "protocol", "port", "icmp_type", "icmp_code", "peer"]
"""Why a rule did not match, "" where it did. not_reached: a rule of a network ACL before it had matched already."""

Why: TypeAlias = Literal[
    "no_flow", "rule", "no_rule", "tracked", "same_subnet", "not_filtered", "no_groups", "unknown_interface", "unknown_direction",
    "unknown_group", "unknown_peer", "unknown_subnet", "unknown_acl", "bad_address",
]  # fmt: skip
"""Why a step came out as it did.

rule: a rule decided. no_rule: of all security groups none allows it. tracked: it belongs to a connection that was allowed.
same_subnet: no subnet's border is crossed. not_filtered: AWS filters no traffic with this address. no_groups: this type of
interface has no security groups. unknown_…: what the description lacks; unknown_peer: the contents of a prefix list or the
members of a group.
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets of one direction of a 5-tuple, as a record tells them.

    interface_id: where they are seen; empty to look it up by address. direction: seen from there, None to tell it by address.
    srcport: None where any port of a client's may be meant; only the way back asks for it. protocol: IANA number.
    icmp_type, icmp_code: None where not known, as in records: rules for one type then match by their protocol (`assumed`).
    """

    srcaddr: str
    dstaddr: str
    protocol: int
    srcport: int | None = None
    dstport: int = 0
    interface_id: str = ""
    direction: Direction | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One rule that was held against a flow.

    resource: the group or ACL it belongs to. mismatch: why it did not match. unknown: whether its peer (a prefix list, a group)
    holds the address cannot be told. assumed: it matches by its protocol, but is for one ICMP type or code, and the flow's
    is not known.
    """

    resource: str
    rule: SecurityGroupRule | NetworkAclEntry
    mismatch: Mismatch = ""
    unknown: bool = False
    assumed: bool = False

    @property
    def matched(self) -> bool:
        """Whether it certainly matched (`assumed` ones count)."""
        return not self.mismatch and not self.unknown


@dataclass(frozen=True, slots=True)
class Step:
    """One layer that a packet passes at one interface.

    layer: `SECURITY_GROUP` or `NETWORK_ACL` of `record.flow_counts`. resource: of the deciding rule: its group or ACL;
    else the ACL, or the groups, separated by commas. rule: what decided, None where none did. checks: all rules of the
    layer, in the order they are asked; none where rules are not asked. untracked: this rule lets in what security groups
    do not remember, so that answers need a rule of their own.
    """

    layer: int
    direction: Direction
    interface_id: str
    action: Action
    why: Why
    resource: str = ""
    rule: SecurityGroupRule | NetworkAclEntry | None = None
    checks: tuple[RuleCheck, ...] = ()
    assumed: bool = False
    untracked: bool = False

    @property
    def rule_id(self) -> str:
        """`sgr-…`, or the number of a network ACL's rule as EC2 has it; empty where no rule decided."""
        if self.rule is None:
            return ""
        number = getattr(self.rule, "number", None)
        return self.rule.id if number is None else str(number)  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a flow passes at one interface, and who says so.

    layer: who refuses (`SECURITY_GROUP`, `NETWORK_ACL`); 0 where nobody does, and where it is refused for certain but the
    layer before might have done it already. rule, resource: of the step that decides: the one that refuses, that is
    unknown, or the last that allowed by a rule. steps: both layers in the order of the packet, those behind a refusal too.
    assumed: an ICMP type was taken for what a rule asks.
    """

    action: Action
    layer: int = 0
    rule: str = ""
    resource: str = ""
    why: Why = "rule"
    interface_id: str = ""
    direction: Direction | None = None
    steps: tuple[Step, ...] = ()
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Whether answers come back.

    action: PARTIAL when only some of the client's ports are let through. ports: the client's, inclusive. refused: those of them
    that are not. source, destination: decisions where it leaves the flow's destination and where it reaches the flow's
    source (of the first refused ports, if any); None where that end is not described.
    """

    action: Literal["ACCEPT", "REJECT", "UNKNOWN", "PARTIAL"]
    ports: tuple[int, int]
    refused: tuple[tuple[int, int], ...] = ()
    source: Decision | None = None
    destination: Decision | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A flow from end to end.

    action: of the packets that way: REJECT where a step refuses, NO_ROUTE where the route table has no way. route: what
    the route table of the source's subnet says of the destination, None where there is none or it is not known (`routed`
    tells which: None for not known). source: decision where the packets leave; destination: where they arrive, with
    addresses as seen there; None for an end that is not described. reply: the way back, None where the flow does not
    arrive, and for protocols without answers.
    """

    action: Literal["ACCEPT", "REJECT", "UNKNOWN", "NO_ROUTE"]
    source: Decision | None = None
    destination: Decision | None = None
    route: Route | None = None
    routed: bool | None = None
    reply: Reply | None = None
    ends: tuple[Flow | None, Flow | None] = (None, None)
