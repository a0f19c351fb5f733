"""Rules as people write them: `tcp 443 from 0.0.0.0/0`, `90 deny tcp 22 from 198.51.100.0/24`.

    security group:  PROTOCOL [PORTS] from|to CIDR | ADDRESS | sg:NAME | sg-… | pl:NAME | pl-…
    network ACL:     NUMBER allow|deny PROTOCOL [PORTS] from|to CIDR | ADDRESS

PROTOCOL is tcp, udp, icmp, icmpv6, all, another name or a number. PORTS is `443` or `1024-65535`; for ICMP `TYPE` or
`TYPE/CODE`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from vpcflow.record.numbers import BY_NAME, PROTOCOLS
from vpcflow.vpc.addresses import canonical
from vpcflow.vpc.matching import ICMP, ICMPV6, TCP, UDP
from vpcflow.vpc.rules import ANY, LAST_RULE

if TYPE_CHECKING:
    from vpcflow.vpc.rules import NetworkAclEntry, SecurityGroupRule

_RULE: Final = re.compile(
    r"(?P<protocol>[a-z0-9-]+)(?:\s+(?P<ports>[0-9*][0-9/*-]*))?\s+(?P<word>from|to)\s+(?P<peer>\S+)", re.IGNORECASE
)
_ENTRY: Final = re.compile(r"(?P<number>[0-9]{1,5}|\*)\s+(?P<action>allow|deny)\s+(?P<rest>.+)", re.IGNORECASE)
_MAX_PORT: Final = 65535
_MAX_RULE: Final = 32766
_MAX_TYPE: Final = 255


class RuleTextError(ValueError):
    """What is wrong: `code` is that of the error to raise."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Written(NamedTuple):
    """A rule as written. peer: a canonical CIDR block, `sg:NAME`, `pl:NAME`, or an id of either."""

    protocol: int
    from_port: int
    to_port: int
    peer: str


def rule(text: str, *, inbound: bool) -> Written:
    """Read a rule of a security group; RuleTextError says what is wrong."""
    found = _RULE.fullmatch(text.strip())
    if found is None:
        raise RuleTextError("network.rule.form_in" if inbound else "network.rule.form_out")
    if found["word"].lower() != ("from" if inbound else "to"):
        raise RuleTextError("network.rule.from" if inbound else "network.rule.to")
    protocol = _protocol(found["protocol"].lower())
    first, last = _ports(protocol, found["ports"])
    return Written(protocol, first, last, _peer(found["peer"]))


def entry(text: str, *, inbound: bool) -> tuple[int, bool, Written]:
    """Read a rule of a network ACL: number, whether it allows, the rest; RuleTextError says what is wrong."""
    found = _ENTRY.fullmatch(text.strip())
    if found is None:
        raise RuleTextError("network.rule.acl_form")
    number = int(found["number"]) if found["number"].isdecimal() else 0
    if not 1 <= number <= _MAX_RULE:
        raise RuleTextError("network.rule.acl_number")
    rest = rule(found["rest"], inbound=inbound)
    if "/" not in rest.peer:
        raise RuleTextError("network.rule.acl_peer")
    return number, found["action"].lower() == "allow", rest


def _protocol(word: str) -> int:
    if word in ("all", "any", "-1"):
        return ANY
    number = int(word) if word.isdecimal() and len(word) <= 3 else BY_NAME.get(word, -2)
    if not 0 <= number <= _MAX_TYPE:
        raise RuleTextError("network.rule.protocol")
    return number


def _ports(protocol: int, text: str | None) -> tuple[int, int]:
    if protocol in (TCP, UDP):
        return _range(text)
    if protocol in (ICMP, ICMPV6):
        return _types(text)
    if text not in (None, "*"):
        raise RuleTextError("network.rule.no_ports")
    return ANY, ANY


def _range(text: str | None) -> tuple[int, int]:
    if text in (None, "*"):
        return 0, _MAX_PORT
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text or "")
    if found is None:
        raise RuleTextError("network.rule.ports")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= _MAX_PORT:
        raise RuleTextError("network.rule.ports")
    return first, last


def _types(text: str | None) -> tuple[int, int]:
    if text in (None, "*"):
        return ANY, ANY
    found = re.fullmatch(r"([0-9]{1,3})(?:/([0-9]{1,3}|\*))?", text or "")
    if found is None:
        raise RuleTextError("network.rule.icmp")
    kind, code = int(found[1]), ANY if found[2] in (None, "*") else int(found[2])
    if max(kind, code) > _MAX_TYPE:
        raise RuleTextError("network.rule.icmp")
    return kind, code


def _peer(text: str) -> str:
    if text.startswith(("sg:", "pl:")) and len(text) > len("sg:"):
        return text
    if re.fullmatch(r"(sg|pl)-[0-9a-f]{8,17}", text):
        return text
    try:
        return canonical(text)
    except ValueError:
        raise RuleTextError("network.rule.peer") from None


# --- written back --------------------------------------------------------------------------------------------------


def written(rule: SecurityGroupRule, *, inbound: bool) -> str:
    """Return a security group's rule as it is written: ``tcp 443 from 0.0.0.0/0``."""
    return f"{traffic(rule.protocol, rule.from_port, rule.to_port)} {'from' if inbound else 'to'} {rule.peer}"


def written_entry(entry: NetworkAclEntry, *, inbound: bool) -> str:
    """Return a network ACL's rule as it is written: ``90 deny tcp 22 from 198.51.100.0/24``."""
    number = "*" if entry.number >= LAST_RULE else str(entry.number)
    what = traffic(entry.protocol, entry.from_port, entry.to_port)
    return f"{number} {'allow' if entry.allow else 'deny'} {what} {'from' if inbound else 'to'} {entry.cidr}"


def traffic(protocol: int, first: int, last: int) -> str:
    """Return protocol and ports, or ICMP type and code: ``tcp 1024-65535``, ``icmp 8/0``, ``all``."""
    word = "all" if protocol == ANY else PROTOCOLS.get(protocol, str(protocol)).lower()
    if protocol in (TCP, UDP):
        if first == ANY or (first, last) == (0, _MAX_PORT):
            return word
        return f"{word} {first}" if first == last else f"{word} {first}-{last}"
    if protocol in (ICMP, ICMPV6) and first != ANY:
        return f"{word} {first}" if last == ANY else f"{word} {first}/{last}"
    return word
