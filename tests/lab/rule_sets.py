"""Random security groups, network ACLs and prefix lists over one fixed topology, and random packets for them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from lab.packets import ICMP, ICMPV6, TCP, UDP
from vpcflow.vpc.rules import (
    ANY,
    NetworkAcl,
    NetworkAclEntry,
    PrefixList,
    SecurityGroup,
    SecurityGroupRule,
)
from vpcflow.vpc.toml_file import parse, with_last

PORTS = (22, 53, 80, 443, 1023, 1024, 3306, 5432, 8080, 32768, 61000, 65535)
OTHERS = (47, 50, 132)
TYPES = ((8, 0), (0, 0), (3, 1), (3, 4), (11, 0), (13, 0))
TYPES6 = ((128, 0), (129, 0), (1, 0), (3, 0), (140, 0))
OUTSIDE = ("198.51.100.7", "198.51.100.130", "203.0.113.200", "192.0.2.1", "8.8.8.8")
OUTSIDE6 = ("2001:db8:5::1", "2001:db8:77::9")
GROUPS = 6
LISTS = 3

_HOSTS = 6


def topology():
    """Six hosts in three subnets of a VPC: six private addresses each, as many public ones, four of IPv6."""
    lines = ['[vpc]\nname = "proof"\ncidr = ["10.0.0.0/16", "fd00:10::/56"]']
    lines += [
        f'[subnet.s{subnet}]\ncidr = ["10.0.{subnet}.0/24", "fd00:10:0:{subnet}::/64"]\n'
        f'route-table = "all"\nnetwork-acl = "a{subnet}"\n[network-acl.a{subnet}]'
        for subnet in range(3)
    ]
    lines.append('[route-table.all]\nroutes = ["0.0.0.0/0 igw", "::/0 igw"]\n[gateway.igw]\nkind = "igw"')
    for host in range(_HOSTS):
        own = [f"10.0.{host % 3}.{16 * host + 20 + place}" for place in range(6)]
        public = [f"203.0.113.{8 * host + 1 + place}" for place in range(6)]
        six = [f"fd00:10:0:{host % 3}::{host + 1}{place}" for place in range(4)]
        lines.append(
            f'[interface.h{host}]\nsubnet = "s{host % 3}"\naddress = {own}\npublic = {public}\nipv6 = {six}\n'
            'security-groups = ["g0"]'
        )
    lines += [f"[security-group.g{place}]" for place in range(GROUPS)]
    lines += [f'[prefix-list.p{place}]\ncidrs = ["10.0.0.0/16"]' for place in range(LISTS)]
    return parse("\n".join(lines).replace("'", '"'), "proof.toml")


@dataclass(frozen=True)
class Packet:
    """What is sent. source, target: interface ids, "" for outside."""

    source: str
    target: str
    src: str
    dst: str
    protocol: int
    sport: int = 0
    dport: int = 0
    kind: int | None = None
    code: int | None = None
    number: int = 0


class Maker:
    """Makes rule sets and packets of one stream of random numbers."""

    def __init__(self, rng, network):
        self._rng, self._network = rng, network
        self._groups = list(network.security_groups)
        self._lists = list(network.prefix_lists)
        own = [a for one in network.interfaces.values() for a in one.addresses]
        own6 = [a for one in network.interfaces.values() for a in one.ipv6]
        self._near = {4: (*own, *OUTSIDE), 6: (*own6, *OUTSIDE6)}

    def network(self):
        """The topology with other rules, and other groups at its interfaces."""
        rng, network = self._rng, self._network
        groups = {
            group: SecurityGroup(
                group, "vpc", group, tuple(self._group_rules(inbound=True)), tuple(self._group_rules(inbound=False))
            )
            for group in self._groups
        }
        vpc = next(iter(network.vpcs))
        groups = {name: replace(group, vpc_id=vpc) for name, group in groups.items()}
        acls = {acl: NetworkAcl(acl, vpc, acl, False, self._entries(), self._entries()) for acl in network.network_acls}
        lists = {
            one: PrefixList(one, one, tuple(self._cidr(rng.choice((4, 4, 6))) for _ in range(rng.randint(0, 5))))
            for one in self._lists
        }
        interfaces = {
            name: replace(one, security_groups=tuple(rng.sample(self._groups, rng.randint(1, 3))))
            for name, one in network.interfaces.items()
        }
        return replace(network, security_groups=groups, network_acls=acls, prefix_lists=lists, interfaces=interfaces)

    def open_network(self):
        """The topology with rules that let everything through."""
        network = self._network
        both = ("0.0.0.0/0", "::/0")
        rules = tuple(SecurityGroupRule(peer, ANY, ANY, ANY, peer) for peer in both)
        entries = with_last([NetworkAclEntry(100 + place, True, ANY, peer) for place, peer in enumerate(both)])
        groups = {
            name: replace(group, inbound=rules, outbound=rules) for name, group in network.security_groups.items()
        }
        acls = {name: replace(acl, inbound=entries, outbound=entries) for name, acl in network.network_acls.items()}
        return replace(network, security_groups=groups, network_acls=acls)

    # --- rules -----------------------------------------------------------------------------------------------------

    def _group_rules(self, *, inbound):
        rng = self._rng
        if rng.random() < 0.25:  # as groups are made
            yield SecurityGroupRule("all4", ANY, ANY, ANY, "0.0.0.0/0")
            yield SecurityGroupRule("all6", ANY, ANY, ANY, "::/0")
        for place in range(rng.randint(0, 7)):
            kind = rng.random()
            if kind < 0.25:
                peer = rng.choice(self._groups)
            elif kind < 0.4:
                peer = rng.choice(self._lists)
            else:
                peer = self._cidr(rng.choice((4, 4, 6)))
            yield SecurityGroupRule(f"r{place}", *self._service(), peer)

    def _entries(self):
        rng = self._rng
        numbers = sorted(rng.sample(range(1, 32767), rng.randint(0, 10)))
        entries = [
            NetworkAclEntry(number, rng.random() < 0.65, protocol, self._cidr(rng.choice((4, 4, 6))), low, high)
            for number in numbers
            for protocol, low, high in [self._service()]
        ]
        if rng.random() < 0.6:
            entries += [
                NetworkAclEntry(32760, True, ANY, "0.0.0.0/0"),
                NetworkAclEntry(32761, True, ANY, "::/0"),
            ]
        return with_last(entries)

    def _service(self):
        rng = self._rng
        protocol = rng.choice((TCP, TCP, TCP, UDP, UDP, ICMP, ICMPV6, ANY, ANY, *OTHERS))
        if protocol in (TCP, UDP):
            if rng.random() < 0.2:
                return protocol, 0, 65535
            low = max(0, min(65535, rng.choice(PORTS) + rng.randint(-1, 1)))
            return protocol, low, min(65535, low + rng.choice((0, 0, 1, 10, 1000, 60000)))
        if protocol in (ICMP, ICMPV6) and rng.random() < 0.7:
            kind, code = rng.choice(TYPES if protocol == ICMP else TYPES6)
            return protocol, kind, rng.choice((ANY, code, code, code + 1))
        return protocol, ANY, ANY

    def _cidr(self, version):
        rng = self._rng
        if rng.random() < 0.25:
            return "0.0.0.0/0" if version == 4 else "::/0"
        bits = rng.choice(
            (32, 31, 30, 28, 26, 24, 23, 16, 9, 8, 1) if version == 4 else (128, 127, 126, 64, 63, 56, 32, 7)
        )
        return str(ipaddress.ip_network(f"{rng.choice(self._near[version])}/{bits}", strict=False))

    # --- packets ---------------------------------------------------------------------------------------------------

    def packets(self, count):
        """Packets that differ in what the kernel keys them by."""
        rng = self._rng
        interfaces = list(self._network.interfaces.values())
        seen = set()
        found = []
        while len(found) < count:
            version = rng.choice((4, 4, 6))
            way = rng.random()
            one = rng.choice(interfaces)
            own = rng.choice(one.addresses if version == 4 else one.ipv6)
            far = rng.choice(OUTSIDE if version == 4 else OUTSIDE6)
            if way < 0.2:
                packet = self._packet("", one.id, far, own, version, simple=version == 4)
            elif way < 0.35:
                packet = self._packet(one.id, "", own, far, version, simple=False)
            else:
                other = rng.choice([found for found in interfaces if found is not one])
                there = rng.choice(other.addresses if version == 4 else other.ipv6)
                packet = self._packet(one.id, other.id, own, there, version, simple=False)
            key = (packet.src, packet.dst, packet.protocol, packet.sport, packet.dport)
            back = (packet.dst, packet.src, packet.protocol, packet.dport, packet.sport)
            if key not in seen and back not in seen:
                seen |= {key}
                found.append(packet)
        return found

    def _packet(self, source, target, src, dst, version, *, simple):
        """simple: an internet gateway translates it, so it must be what connection tracking knows."""
        rng = self._rng
        protocol = rng.choice((TCP, TCP, TCP, UDP, UDP, ICMP, ICMP, *(() if simple else OTHERS)))
        if protocol in (TCP, UDP):
            dport = rng.choice((*PORTS, rng.randint(1, 65535)))
            return Packet(source, target, src, dst, protocol, rng.randint(1024, 65535), dport)
        if protocol == ICMP:
            types = TYPES if version == 4 else TYPES6
            kind, code = types[0] if simple else rng.choice(types)
            number = rng.randint(0, 65535)
            return Packet(
                source, target, src, dst, ICMP if version == 4 else ICMPV6, kind=kind, code=code, number=number
            )
        if protocol == 132:
            return Packet(source, target, src, dst, protocol, rng.randint(1024, 65535), rng.choice(PORTS))
        return Packet(source, target, src, dst, protocol)
