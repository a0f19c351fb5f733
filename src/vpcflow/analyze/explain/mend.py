"""The smallest changes that let a conversation through: a narrow rule for each layer that refuses it, both ways, at both ends.

A rule is for the far end's address alone, one protocol and one port. Answers go to ports that clients pick, so a rule for
them is for the refused part of the range that clients may use: a rule for one such port would mend one connection.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vpcflow.vpc.evaluator import EPHEMERAL, path
from vpcflow.vpc.matching import WITH_PORTS, WITH_TYPES
from vpcflow.vpc.rule_change import RuleChange, changed
from vpcflow.vpc.rules import ANY, LAST_RULE, NetworkAclEntry, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.vpc.decision import Decision, Flow, Path, Step
    from vpcflow.vpc.topology import Network

_ROUNDS: Final = 8
"""More layers than there are on both ends, both ways."""
_STEP: Final = 10
"""Between the numbers of a network ACL's rules, where there is room."""


def mend(network: Network, flow: Flow) -> tuple[RuleChange, ...] | None:
    """Return what lets *flow* and its answers through, in the order it is met; None where rules alone cannot.

    flow: the opener's packets; srcport None for any of a client's.
    """
    made: list[RuleChange] = []
    now = network
    for _ in range(_ROUNDS):
        found = path(now, flow)
        step = _next(now, flow, found)
        if step is None:
            return tuple(made) if _works(found) else None
        if not step:
            return None
        made += step
        now = changed(now, step)
    return None


def _works(found: Path) -> bool:
    return found.action == "ACCEPT" and (found.reply is None or found.reply.action == "ACCEPT")


def _next(network: Network, flow: Flow, found: Path) -> list[RuleChange] | None:
    """Return the change for the first layer that refuses; an empty list where none can be made, None where nothing refuses."""
    there, back = found.ends
    for decision, seen in ((found.source, there), (found.destination, back)):
        if decision is not None and decision.action == "REJECT" and seen is not None:
            far = seen.dstaddr if decision.direction == "egress" else seen.srcaddr
            return list(_changes(network, decision, far, flow.protocol, (flow.dstport, flow.dstport), flow.icmp_type))
    reply = found.reply
    if reply is None or reply.action not in ("REJECT", "PARTIAL"):
        return None
    ports = reply.refused[0] if reply.refused else reply.ports
    if flow.srcport is not None and flow.protocol in WITH_PORTS:
        ports = _around(network, flow, flow.srcport) or ports
    for decision, seen in ((reply.source, back), (reply.destination, there)):
        if decision is not None and decision.action == "REJECT" and seen is not None:
            far = seen.srcaddr if decision.direction == "egress" else seen.dstaddr
            return list(_changes(network, decision, far, flow.protocol, ports, _answer(flow)))
    return None


def _answer(flow: Flow) -> int | None:
    return {8: 0, 128: 129}.get(flow.icmp_type if flow.icmp_type is not None else -1)


def _around(network: Network, flow: Flow, port: int) -> tuple[int, int] | None:
    """Return the refused part of the clients' range that *port* is in."""
    reply = path(network, replace(flow, srcport=None), ephemeral=EPHEMERAL).reply
    return next((part for part in (reply.refused if reply else ()) if part[0] <= port <= part[1]), None)


def _changes(
    network: Network, decision: Decision, far: str, protocol: int, ports: tuple[int, int], icmp_type: int | None
) -> Iterator[RuleChange]:
    """Yield a rule for the first step that refuses."""
    step = next((one for one in decision.steps if one.action == "REJECT"), None)
    if step is None or not far:
        return
    address = ipaddress.ip_address(far)
    cidr = f"{address}/{address.max_prefixlen}"
    first, last = _detail(protocol, ports, icmp_type)
    inbound = step.direction == "ingress"
    if step.layer == 1:
        group = _group(network, step)
        if group:
            yield RuleChange("authorize", group, inbound, SecurityGroupRule("", protocol, first, last, cidr))
        return
    number = _number(network, step, inbound=inbound)
    if number is not None:
        yield RuleChange(
            "authorize", step.resource, inbound, NetworkAclEntry(number, True, protocol, cidr, first, last)
        )


def _detail(protocol: int, ports: tuple[int, int], icmp_type: int | None) -> tuple[int, int]:
    if protocol in WITH_PORTS:
        return ports
    if protocol in WITH_TYPES and icmp_type is not None:
        return icmp_type, ANY
    return ANY, ANY


def _group(network: Network, step: Step) -> str:
    """Return the group of the interface that fewest interfaces carry: a rule there reaches least."""
    interface = network.interfaces.get(step.interface_id)
    groups = [one for one in (interface.security_groups if interface else ()) if one in network.security_groups]
    carried = {group: sum(group in one.security_groups for one in network.interfaces.values()) for group in groups}
    return min(groups, key=lambda group: (carried[group], groups.index(group)), default="")


def _number(network: Network, step: Step, *, inbound: bool) -> int | None:
    """Return a free number before the rule that refuses; None where there is none."""
    acl = network.network_acls[step.resource]
    taken = sorted({one.number for one in (acl.inbound if inbound else acl.outbound)})
    refusing = step.rule.number if isinstance(step.rule, NetworkAclEntry) else LAST_RULE
    before = max((number for number in taken if number < refusing), default=0)
    if refusing >= LAST_RULE:
        # After the last rule: what was written before keeps its meaning.
        number = (before // _STEP + 1) * _STEP
        return number if number < LAST_RULE else next(_free(taken, before + 1, LAST_RULE), None)
    middle = before + (refusing - before) // 2
    rounded = middle // _STEP * _STEP
    if before < rounded < refusing:
        return rounded
    if before < middle < refusing:
        return middle
    return next(_free(taken, 1, refusing), None)


def _free(taken: list[int], first: int, limit: int) -> Iterator[int]:
    yield from (number for number in range(first, limit) if number not in taken)


def carried_by(network: Network, change: RuleChange) -> int:
    """Return how many interfaces a change is about: those that carry the group, or are in a subnet of the ACL."""
    if isinstance(change.rule, SecurityGroupRule):
        return sum(change.resource in one.security_groups for one in network.interfaces.values())
    subnets = {subnet.id for subnet in network.subnets.values() if subnet.network_acl == change.resource}
    return sum(one.subnet_id in subnets for one in network.interfaces.values())
