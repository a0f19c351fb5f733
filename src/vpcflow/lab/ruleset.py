"""A plan → the router's table: who may send what to whom, in AWS's order, counted at the point of decision.

Order (VPC User Guide "Compare security groups and network ACLs"): security group out, network ACL out, network ACL in,
security group in. Network ACLs are asked only where a packet leaves its subnet, and remember nothing; security groups remember
connections.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from vpcflow.errors import ConfigError
from vpcflow.lab.accounting import GENERATIONS, SIZE, TABLE, chains, sets
from vpcflow.lab.plan import GATEWAY_DEVICE, SINK_DEVICE
from vpcflow.lab.rules import Sets, acl_chain, group_chain
from vpcflow.vpc.addresses import Address, text
from vpcflow.vpc.exempt import exempt
from vpcflow.vpc.layers import WITHOUT_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vpcflow.lab.plan import Device, Plan
    from vpcflow.vpc.addresses import Block
    from vpcflow.vpc.rules import SecurityGroupRule


def ruleset(plan: Plan, *, generations: Sequence[str] = GENERATIONS[:1], size: int = SIZE) -> str:
    """Return the text for `nft -f -` that makes the table, or replaces all rules of the one there is, in one transaction.

    generations: of the sets that count, the one in use first. Counters and connections stay.
    """
    rules = _Rules(plan)
    return "\n".join(
        [
            f"add table inet {TABLE}",
            f"flush table inet {TABLE}",
            *rules.emptied(),
            f"table inet {TABLE} {{",
            sets(tuple(generations), size),
            *rules.lines(),
            chains(generations[0]),
            "}",
        ]
    )


class _Rules:
    def __init__(self, plan: Plan) -> None:
        self._plan, self._network = plan, plan.network
        self._sets = Sets(list(self._network.security_groups), list(self._network.prefix_lists))
        self._acls = {acl_id: place for place, acl_id in enumerate(self._network.network_acls)}
        self._subnets = {subnet_id: place for place, subnet_id in enumerate(self._network.subnets)}
        self._groups: dict[tuple[str, ...], int] = {}

    def lines(self) -> Iterator[str]:
        yield from self._named_sets()
        for direction in ("eg", "in"):
            yield _chain(f"{direction}_drop", [f"jump acct_{direction}", "drop"])
        yield _chain("not_its_address", ["counter drop"])
        for acl_id, place in self._acls.items():
            acl = self._network.network_acls[acl_id]
            yield _chain(f"acl_eg_{place}", acl_chain(acl.outbound, "eg"))
            yield _chain(f"acl_in_{place}", acl_chain(acl.inbound, "in"))
        devices = self._plan.devices
        own = [line for device in devices for line in self._device(device)]
        for groups, place in self._groups.items():
            inbound, outbound = self._rules_of(groups)
            yield _chain(f"sg_eg_{place}", group_chain(outbound, inbound, "eg", self._sets))
            yield _chain(f"sg_in_{place}", group_chain(inbound, outbound, "in", self._sets))
        yield from own
        out = ", ".join(f'"{device.name}" : jump eg_{device.number}' for device in devices)
        into = ", ".join(f'"{device.name}" : jump in_{device.number}' for device in devices)
        yield _chain(
            "forward",
            [
                "type filter hook forward priority 0 ; policy drop",
                f"iifname vmap {{ {out} }}",
                f"oifname vmap {{ {into} }}",
                f'oifname {{ "{GATEWAY_DEVICE}", "{SINK_DEVICE}" }} accept',
            ],
        )

    # --- sets --------------------------------------------------------------------------------------------------

    def emptied(self) -> Iterator[str]:
        """Yield what empties the sets of addresses, there or not."""
        for name in (*self._sets.groups.values(), *self._sets.lists.values()):
            for version in (4, 6):
                yield f"add set inet {TABLE} {name}_{version} {{ type ipv{version}_addr ; flags interval ; }}"
                yield f"flush set inet {TABLE} {name}_{version}"

    def _named_sets(self) -> Iterator[str]:
        for group, name in self._sets.groups.items():
            members = [one for one in self._network.interfaces.values() if group in one.security_groups]
            yield from _address_sets(name, [a for one in members for a in (*one.addresses, *one.ipv6)])
        for listed, name in self._sets.lists.items():
            yield from _address_sets(name, self._network.prefix_lists[listed].cidrs)
        for subnet_id, place in self._subnets.items():
            inside = [f'"{one.name}"' for one in self._plan.devices if one.subnet.id == subnet_id]
            yield f"set subnet{place} {{ type ifname ; {_elements(inside)} }}"

    def _rules_of(self, groups: Sequence[str]) -> tuple[list[SecurityGroupRule], list[SecurityGroupRule]]:
        found = [self._network.security_groups[group] for group in groups if group in self._network.security_groups]
        inbound = [rule for group in found for rule in group.inbound]
        outbound = [rule for group in found for rule in group.outbound]
        for rule in (*inbound, *outbound):
            if rule.peer.startswith("pl-") and rule.peer not in self._network.prefix_lists:
                raise ConfigError("lab.no_prefix_list", list=rule.peer)
        return inbound, outbound

    # --- one interface -----------------------------------------------------------------------------------------

    def _device(self, device: Device) -> Iterator[str]:
        number, subnet = device.number, device.subnet
        same = f"@subnet{self._subnets[subnet.id]}"
        acl = self._acl_of(device)
        groups = self._group_of(device)
        # Neither filtered nor logged (VPC User Guide "Flow log limitations").
        free = [_range(found) for found in exempt(self._network, subnet.vpc_id, subnet.id)]
        out = list(_spoofed(device, "saddr"))
        out += [f"{family} daddr {{ {', '.join(found)} }} accept" for family, found in _by_family(free)]
        out.append("meta mark set 0")
        out += [f"jump sg_eg_{groups}"] if groups is not None else []
        if acl is not None:
            out.append(f"oifname {same} goto eg_{number}_passed")
            out += [
                f'oifname "{SINK_DEVICE}" {family} daddr {{ {", ".join(found)} }} goto eg_{number}_passed'
                for family, found in _by_family(subnet.cidrs)
            ]
            out.append(f"jump acl_eg_{acl}")
        out.append(f"goto eg_{number}_passed")
        yield _chain(f"eg_{number}_passed", ["jump acct_eg"])
        yield _chain(f"eg_{number}", out)
        into = list(_spoofed(device, "daddr"))
        into += [f"{family} saddr {{ {', '.join(found)} }} accept" for family, found in _by_family(free)]
        into.append("meta mark set 0")
        if acl is not None:
            into.append(f"iifname {same} goto in_{number}_group")
            into.append(f"jump acl_in_{acl}")
        into.append(f"goto in_{number}_group")
        asked = [f"jump sg_in_{groups}"] if groups is not None else []
        yield _chain(f"in_{number}_group", [*asked, "jump acct_in", "accept"])
        yield _chain(f"in_{number}", into)

    def _acl_of(self, device: Device) -> int | None:
        """Return the place of its network ACL; a subnet that names none has the VPC's default one."""
        named = device.subnet.network_acl
        if not named:
            acls = self._network.network_acls.values()
            named = next((acl.id for acl in acls if acl.default and acl.vpc_id == device.subnet.vpc_id), "")
        return self._acls.get(named)

    def _group_of(self, device: Device) -> int | None:
        """Return the place of its security groups; None for an interface of a kind that has none."""
        groups = device.interface.security_groups
        if not groups and device.interface.type in WITHOUT_GROUPS:
            return None
        return self._groups.setdefault(tuple(sorted(groups)), len(self._groups))


def _range(found: Block) -> str:
    first, last = (text(Address(found.version, number)) for number in (found.first, found.last))
    return first if first == last else f"{first}-{last}"


def _spoofed(device: Device, side: str) -> Iterator[str]:
    """Yield what drops packets that are not of this interface's addresses (source/destination check)."""
    if not device.interface.source_dest_check or device.interface.type in WITHOUT_GROUPS:
        return
    for version, family in ((4, "ip"), (6, "ip6")):
        own = device.addresses(version)
        if own:
            yield f"meta nfproto ipv{version} {family} {side} != {{ {', '.join(own)} }} goto not_its_address"
        else:
            yield f"meta nfproto ipv{version} goto not_its_address"


def _by_family(texts: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    given = list(texts)
    for family, six in (("ip", False), ("ip6", True)):
        found = [text for text in given if (":" in text) is six]
        if found:
            yield family, found


def _address_sets(name: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield a set of blocks for each IP version, those that overlap put together."""
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    for version in (4, 6):
        merged = ipaddress.collapse_addresses(one for one in networks if one.version == version)  # type: ignore[type-var]
        yield f"set {name}_{version} {{ type ipv{version}_addr ; flags interval ; {_elements(map(str, merged))} }}"


def _elements(texts: Iterable[str]) -> str:
    found = ", ".join(texts)
    return f"elements = {{ {found} }} ;" if found else ""


def _chain(name: str, rules: Iterable[str]) -> str:
    body = "\n    ".join(rules)
    return f"chain {name} {{\n    {body}\n}}"
