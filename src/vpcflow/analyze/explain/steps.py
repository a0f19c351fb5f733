"""Decisions of the evaluator as plain values: what each layer said, and for each rule why it did not match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.vpc.rule_text import written, written_entry
from vpcflow.vpc.rules import NetworkAclEntry

if TYPE_CHECKING:
    from vpcflow.vpc.decision import Decision, Path, RuleCheck, Step
    from vpcflow.vpc.obstacle import Obstacle

LAYER_NAMES: Final = {0: "", 1: "security_group", 2: "network_acl"}


@dataclass(frozen=True, slots=True)
class CheckTold:
    """One rule that was considered. mismatch: why it did not match, empty where it did; `unknown` where that cannot be told."""

    resource: str
    rule: str
    text: str
    mismatch: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class StepTold:
    """What one layer said. action, why: of `vpc.decision.Step`. text: the rule that decided, as it is written."""

    layer: str
    direction: str
    interface_id: str
    action: str
    why: str
    resource: str
    rule: str = ""
    text: str = ""
    checks: tuple[CheckTold, ...] = ()


@dataclass(frozen=True, slots=True)
class PathTold:
    """A conversation from its opener to the other end and back, as the rules have it.

    action: ACCEPT, REJECT, UNKNOWN or NO_ROUTE. route: target of the route, empty where none is known. out, into: steps where
    the packets leave and arrive; reply_out, reply_into: those of the answers. reply: ACCEPT, REJECT, PARTIAL, UNKNOWN or
    empty;
    reply_refused: the client's ports that get no answer. obstacle: what keeps packets from passing a gateway.
    """

    action: str
    route: str = ""
    out: tuple[StepTold, ...] = ()
    into: tuple[StepTold, ...] = ()
    reply: str = ""
    reply_out: tuple[StepTold, ...] = ()
    reply_into: tuple[StepTold, ...] = ()
    reply_refused: tuple[tuple[int, int], ...] = ()
    obstacle: Obstacle | None = None

    @property
    def works(self) -> bool | None:
        """Whether the conversation is let through both ways; None where that cannot be told."""
        if self.action in ("REJECT", "NO_ROUTE") or self.reply in ("REJECT", "PARTIAL") or self.obstacle:
            return False
        return None if "UNKNOWN" in (self.action, self.reply) else True


def steps_of(decision: Decision | None) -> tuple[StepTold, ...]:
    """Return the steps of a decision in the order of the packet."""
    return tuple(_step(step) for step in decision.steps) if decision else ()


def _step(step: Step) -> StepTold:
    inbound = step.direction == "ingress"
    return StepTold(
        layer=LAYER_NAMES[step.layer],
        direction=step.direction,
        interface_id=step.interface_id,
        action=step.action,
        why=step.why,
        resource=step.resource,
        rule=step.rule_id,
        text=_text(step.rule, inbound=inbound) if step.rule else "",
        checks=tuple(_check(check, inbound=inbound) for check in step.checks),
    )


def _check(check: RuleCheck, *, inbound: bool) -> CheckTold:
    rule = str(check.rule.number) if isinstance(check.rule, NetworkAclEntry) else check.rule.id
    mismatch = "unknown" if check.unknown else check.mismatch
    return CheckTold(check.resource, rule, _text(check.rule, inbound=inbound), mismatch, check.assumed)


def _text(rule: object, *, inbound: bool) -> str:
    if isinstance(rule, NetworkAclEntry):
        return written_entry(rule, inbound=inbound)
    return written(rule, inbound=inbound)  # type: ignore[arg-type]


def path_told(found: Path) -> PathTold:
    """Return a path as plain values."""
    reply = found.reply
    return PathTold(
        action=found.action,
        route=found.route.target if found.route else "",
        out=steps_of(found.source),
        into=steps_of(found.destination),
        reply=reply.action if reply else "",
        reply_out=steps_of(reply.source) if reply else (),
        reply_into=steps_of(reply.destination) if reply else (),
        reply_refused=reply.refused if reply else (),
    )


def refusing(steps: tuple[StepTold, ...]) -> StepTold | None:
    """Return the first step that refuses."""
    return next((step for step in steps if step.action == "REJECT"), None)
