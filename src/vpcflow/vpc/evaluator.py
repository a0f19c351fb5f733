"""Would a network let this pass? The one evaluator of security groups and network ACLs, as AWS asks them.

At one interface, in the order of the packet: in, the network ACL of the subnet, then the security groups; out, the
security groups, then the network ACL. The first that refuses decides. Security groups remember what they let through,
network ACLs do not.

Pure: a flow and a network give a decision, whatever was asked before. `vpc/vector.py` gives the same for whole batches.

Source: VPC User Guide "Network ACLs", "Security groups", "Infrastructure security" (order); EC2 User Guide "Security group
connection tracking"; VPC User Guide "Flow log record examples" (what is recorded where).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vpcflow.vpc.addresses import Address, address
from vpcflow.vpc.decision import Decision, Flow, Path, Reply
from vpcflow.vpc.inventory import inventory, primary
from vpcflow.vpc.layers import Place, network_acl, security_groups
from vpcflow.vpc.matching import ICMP, ICMPV6, WITH_PORTS, Packet
from vpcflow.vpc.routing import route, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from vpcflow.vpc.decision import Action, Direction, Step
    from vpcflow.vpc.inventory import Inventory
    from vpcflow.vpc.topology import Network, NetworkInterface, Route

EPHEMERAL = (1024, 65535)
"""Ports that clients of any system may use. Source: VPC User Guide "Ephemeral ports"."""

_ANSWERS = {(ICMP, 8): 0, (ICMPV6, 128): 129}
"""ICMP types that are answered, and the type of the answer: echo."""


def evaluate(network: Network, flow: Flow, *, tracked: bool = False) -> Decision:
    """Decide on *flow* at one interface: that of `flow.interface_id`, else of the source, else of the destination.

    tracked: the packets belong to a connection that the security groups let through before; network ACLs are asked all the
    same. UNKNOWN, with the reason in `why`, where the network lacks what the answer needs.
    """
    known = inventory(network)
    src, dst = address(flow.srcaddr), address(flow.dstaddr)
    if src is None or dst is None or src.version != dst.version:
        return Decision("UNKNOWN", why="bad_address", interface_id=flow.interface_id, direction=flow.direction)
    interface = _interface(known, flow)
    if interface is None:
        return Decision("UNKNOWN", why="unknown_interface", interface_id=flow.interface_id, direction=flow.direction)
    direction = flow.direction or direction_at(interface, src, dst)
    if direction is None:
        return Decision("UNKNOWN", why="unknown_direction", interface_id=interface.id)
    far = src if direction == "ingress" else dst
    packet = Packet(far, flow.protocol, flow.dstport, flow.icmp_type, flow.icmp_code)
    place = Place(known, interface, direction, packet)
    groups, acl = security_groups(place, tracked=tracked), network_acl(place)
    return _decision((acl, groups) if place.inbound else (groups, acl))


def direction_at(interface: NetworkInterface, src: Address, dst: Address) -> Direction | None:
    """Return the direction in which an interface sees a flow, by which end is its own; None where both or neither is."""
    own = {address(text) for text in (*interface.addresses, *interface.ipv6)}
    if (src in own) == (dst in own):
        return None
    return "egress" if src in own else "ingress"


def _interface(known: Inventory, flow: Flow) -> NetworkInterface | None:
    if flow.interface_id:
        return known.interface(flow.interface_id)
    ends = {"egress": (flow.srcaddr,), "ingress": (flow.dstaddr,), None: (flow.srcaddr, flow.dstaddr)}[flow.direction]
    return next((found for end in ends if (found := known.by_address(end))), None)


def _decision(steps: tuple[Step, Step]) -> Decision:
    """Return what two steps in order come to."""
    groups = next(step for step in steps if step.layer == 1)
    refusing = next((step for step in steps if step.action == "REJECT"), None)
    unknown = next((step for step in steps if step.action == "UNKNOWN"), None)
    decisive = refusing or unknown or groups
    certain_layer = refusing is not None and (unknown is None or steps.index(unknown) > steps.index(refusing))
    assumed = decisive.assumed or (refusing is None and any(step.assumed for step in steps))
    return Decision(
        action="REJECT" if refusing else "UNKNOWN" if unknown else "ACCEPT",
        layer=decisive.layer if certain_layer else 0,
        rule=decisive.rule_id,
        resource=decisive.resource,
        why=decisive.why,
        interface_id=groups.interface_id,
        direction=groups.direction,
        steps=steps,
        assumed=assumed,
    )


# --- both ends -----------------------------------------------------------------------------------------------------


def path(network: Network, flow: Flow, *, ephemeral: tuple[int, int] = EPHEMERAL) -> Path:
    """Follow *flow* from its source to its destination, and answers back.

    Each end may be a private, an IPv6 or a public address; an end that is no interface of the network is outside. What
    passes an internet or NAT gateway is seen at the other end with the public address. ephemeral: the client's ports where
    `flow.srcport` is None.
    """
    ends = _Ends(network, flow)
    source = evaluate(network, ends.at_source) if ends.at_source else None
    destination = evaluate(network, ends.at_destination) if ends.at_destination else None
    if source is None and destination is None:
        return Path("UNKNOWN", Decision("UNKNOWN", why="unknown_interface"))
    actions: list[Action] = [end.action for end in (source, destination) if end]
    action = _worst(actions)
    seen = ends.at_source, ends.at_destination
    if action == "REJECT":
        return Path("REJECT", source, destination, ends.route, ends.routed, ends=seen)
    if ends.routed is False:
        return Path("NO_ROUTE", source, destination, ends.route, ends.routed, ends=seen)
    reply = _reply(network, ends, source, destination, ephemeral)
    return Path(action, source, destination, ends.route, ends.routed, reply, seen)


def _worst(actions: list[Action]) -> Action:
    return "REJECT" if "REJECT" in actions else "UNKNOWN" if "UNKNOWN" in actions else "ACCEPT"


class _Ends:
    """What a flow looks like at each end; None for an end that is outside. route, routed: see `Path`."""

    def __init__(self, network: Network, flow: Flow) -> None:
        known = inventory(network)
        src, dst = known.find(flow.srcaddr), known.find(flow.dstaddr)
        if dst.interface is None and src.interface is not None:
            dst = known.find(flow.dstaddr, src.interface.vpc_id)
        elif src.interface is None and dst.interface is not None:
            src = known.find(flow.srcaddr, dst.interface.vpc_id)
        self.route, self.routed = _route(network, src.interface, flow.dstaddr)
        self.at_source: Flow | None = None
        self.at_destination: Flow | None = None
        here, there = flow.srcaddr, flow.dstaddr
        if src.interface:
            here = _private(src.interface, flow.srcaddr) if src.public else flow.srcaddr
            self.at_source = replace(flow, srcaddr=here, interface_id=src.interface.id, direction="egress")
            if self.route and self.route.target.startswith(("igw-", "nat-")) and ":" not in here:
                here = _outside(network, src.interface, self.route)
        if dst.interface:
            there = _private(dst.interface, flow.dstaddr) if dst.public else flow.dstaddr
            self.at_destination = replace(
                flow, srcaddr=here, dstaddr=there, interface_id=dst.interface.id, direction="ingress"
            )


def _route(network: Network, interface: NetworkInterface | None, destination: str) -> tuple[Route | None, bool | None]:
    """Return the route from an interface to *destination*, and whether there is a way; None for not known."""
    table = table_of(network, interface.subnet_id) if interface else None
    if table is None:
        return None, None
    found = route(network, table, destination)
    return found, bool(found and found.target)


def _outside(network: Network, interface: NetworkInterface, way: Route) -> str:
    """Return the address that an interface has outside; empty where it is not known."""
    gateway = network.gateways.get(way.target)
    public = interface.public if way.target.startswith("igw-") else gateway.public if gateway else ()
    return public[0] if public else ""


def _private(interface: NetworkInterface, public: str) -> str:
    """Return the private address behind a public one: the one beside it where each has its own, else the primary."""
    place = interface.public.index(public) if public in interface.public else 0
    return interface.addresses[place] if place < len(interface.addresses) else primary(interface) or public


# --- the way back --------------------------------------------------------------------------------------------------


def _reply(
    network: Network, ends: _Ends, source: Decision | None, destination: Decision | None, ephemeral: tuple[int, int]
) -> Reply | None:
    """Decide on answers: at both ends they belong to a connection, unless its rule is one that is not remembered."""
    forth = ends.at_destination or ends.at_source
    kind = _ANSWERS.get((forth.protocol, -1 if forth.icmp_type is None else forth.icmp_type)) if forth else None
    if forth is None or (forth.protocol in (ICMP, ICMPV6) and forth.icmp_type is not None and kind is None):
        return None
    ports = _client_ports(forth, ephemeral)
    pieces = list(_pieces(network, ends, ports))
    outcomes = [
        (piece, _answered(network, ends, source, destination, piece[0], kind)) for piece in pieces
    ]  # fmt: skip
    actions = [_worst([end.action for end in both if end]) for _, both in outcomes]
    refused = tuple(piece for (piece, _), action in zip(outcomes, actions, strict=True) if action == "REJECT")
    worst = _worst(actions)
    shown = outcomes[actions.index(worst)][1]
    partial: Literal["PARTIAL"] | Action = "PARTIAL" if refused and len(refused) < len(pieces) else worst
    return Reply(partial, ports, _joined(refused), *shown)


def _answered(
    network: Network, ends: _Ends, source: Decision | None, destination: Decision | None, port: int, kind: int | None
) -> tuple[Decision | None, Decision | None]:
    """Return the decisions on an answer to *port*: where it leaves the destination, where it reaches the source."""

    def at(end: Flow | None, forth: Decision | None, direction: Direction) -> Decision | None:
        if end is None or forth is None:
            return None
        back = Flow(
            end.dstaddr, end.srcaddr, end.protocol, end.dstport, port, end.interface_id, direction, kind,
            None if kind is None else 0,
        )  # fmt: skip
        return evaluate(network, back, tracked=not any(step.untracked for step in forth.steps))

    return at(ends.at_destination, destination, "egress"), at(ends.at_source, source, "ingress")


def _client_ports(flow: Flow, ephemeral: tuple[int, int]) -> tuple[int, int]:
    if flow.protocol not in WITH_PORTS:
        return 0, 0
    return ephemeral if flow.srcport is None else (flow.srcport, flow.srcport)


def _pieces(network: Network, ends: _Ends, ports: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Cut *ports* where a network ACL on the way back may decide otherwise; all security groups ask of them is known."""
    first, last = ports
    cuts = {first}
    for end in (ends.at_source, ends.at_destination):
        interface = network.interfaces.get(end.interface_id) if end else None
        subnet = network.subnets.get(interface.subnet_id) if interface else None
        acl = network.network_acls.get(subnet.network_acl) if subnet else None
        for entry in (*acl.inbound, *acl.outbound) if acl else ():
            cuts.update(cut for cut in (entry.from_port, entry.to_port + 1) if first < cut <= last)
    ordered = sorted(cuts)
    for place, begin in enumerate(ordered):
        yield begin, ordered[place + 1] - 1 if place + 1 < len(ordered) else last


def _joined(pieces: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for first, last in pieces:
        if found and found[-1][1] + 1 == first:
            found[-1] = found[-1][0], last
        else:
            found.append((first, last))
    return tuple(found)
