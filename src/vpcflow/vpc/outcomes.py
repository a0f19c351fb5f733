"""What decisions on batches come to: outcomes and the rules they refer to, each there once and known by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vpcflow.record.flow_counts import UNKNOWN

if TYPE_CHECKING:
    from vpcflow.vpc.decision import Why
    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule

WHYS: Final[tuple[Why, ...]] = (
    "no_flow", "rule", "no_rule", "tracked", "same_subnet", "not_filtered", "no_groups", "unknown_interface",
    "unknown_direction", "unknown_group", "unknown_peer", "unknown_subnet", "unknown_acl", "bad_address",
)  # fmt: skip
"""`Why` by code."""

CODE: Final = {why: code for code, why in enumerate(WHYS)}


class RuleRef(NamedTuple):
    """A rule and where it stands: a security group or a network ACL, inbound or outbound."""

    resource: str
    inbound: bool
    rule: SecurityGroupRule | NetworkAclEntry


class Outcome(NamedTuple):
    """What a cell comes to.

    action, layer, why: codes. rule: of the step that decides. group_rule, acl_entry: of the two layers, that let through
    or refused; all three are places in `Rules.all`, -1 for none.
    """

    action: int
    layer: int
    why: int
    rule: int = -1
    group_rule: int = -1
    acl_entry: int = -1
    assumed: bool = False


class Rules:
    """All rules and outcomes that tables refer to by number; each is there once."""

    def __init__(self) -> None:
        self.all: list[RuleRef] = []
        self.outcomes: list[Outcome] = []
        self._places: dict[tuple[str, bool, int], int] = {}
        self._outcomes: dict[Outcome, int] = {}

    def place(self, resource: str, inbound: bool, order: int, rule: SecurityGroupRule | NetworkAclEntry) -> int:  # noqa: FBT001
        """Return the number of the rule that is *order*-th in its list."""
        key = resource, inbound, order
        if key not in self._places:
            self._places[key] = len(self.all)
            self.all.append(RuleRef(resource, inbound, rule))
        return self._places[key]

    def outcome(self, found: Outcome) -> int:
        """Return the number of an outcome."""
        if found not in self._outcomes:
            self._outcomes[found] = len(self.outcomes)
            self.outcomes.append(found)
        return self._outcomes[found]

    def alone(self, why: Why) -> int:
        """Return the number of the outcome UNKNOWN for want of what *why* says."""
        return self.outcome(Outcome(UNKNOWN, 0, CODE[why]))
