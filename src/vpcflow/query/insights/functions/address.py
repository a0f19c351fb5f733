"""IP addresses. What is no address is in no network; a network's host bits are masked.

Ranges: RFC 1918 and RFC 4193 (private); IANA's special-purpose address registries (reserved). Source: CloudWatch Logs User Guide,
"IP address functions".
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import BOOL, INT, Value, call
from vpcflow.query.insights.syntax import Literal

if TYPE_CHECKING:
    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call

_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_RESERVED: Final = (
    "0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "100::/64", "::ffff:0:0/96", "2001:2::/48",
    "2001:db8::/32", "fe80::/10", "ff00::/8",
)  # fmt: skip
_OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"


def _between(network: str) -> str:
    parsed = ipaddress.ip_network(network)
    low, high = int(parsed[0]), int(parsed[-1])
    if parsed.version == 4:
        return f"cwl_ip4(s) BETWEEN {low} AND {high}"
    return f"cwl_ip6(s) BETWEEN '{low:032x}' AND '{high:032x}'"


def _in_any(networks: tuple[str, ...]) -> str:
    return f"coalesce({' OR '.join(_between(network) for network in networks)}, false)"


def _subnet(*versions: int) -> object:
    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        address, network = values
        written = node.arguments[1]
        if not (isinstance(written, Literal) and isinstance(written.value, str)):
            sizes = exp.Literal.string("".join(map(str, versions)))
            return Value(call("cwl_in_subnet", kinds.text(address), kinds.text(network), sizes), BOOL)
        try:
            parsed = ipaddress.ip_network(written.value, strict=False)
        except ValueError:
            raise scope.fault("network", written, value=written.value) from None
        if parsed.version not in versions:
            there = exp.not_(exp.Is(this=address.sql.copy(), expression=exp.Null()), copy=False)
            return Value(exp.case().when(there, exp.false()), BOOL)
        if address.raw is not None and address.address and (scope.loosely or address.total):
            # A column of addresses: the rewrites know how an engine prunes by these. "-" is in no network.
            column = exp.TryCast(
                this=address.raw.copy(), to=exp.DataType.build("ipaddress", dialect="trino"), safe=True
            )
            inside: exp.Expr = exp.ArrayContains(this=exp.Literal.string(str(parsed)), expression=column)
            if not scope.loosely:
                inside = exp.Coalesce(this=inside, expressions=[exp.false()])
            return Value(inside, BOOL)
        low, high = parsed[0], parsed[-1]
        if parsed.version == 4:
            key, edges = "cwl_ip4", [exp.Literal.number(int(edge)) for edge in (low, high)]
        else:
            key, edges = "cwl_ip6", [exp.Literal.string(f"{int(edge):032x}") for edge in (low, high)]
        return Value(call("cwl_between", kinds.text(address), call(key, kinds.text(address)), *edges), BOOL)

    return build


HELPERS: Final = {
    "cwl_is_ip4(s)": rf"regexp_full_match(s, '({_OCTET}\.){{3}}{_OCTET}')",
    "cwl_ip4(s)": (
        "CASE WHEN cwl_is_ip4(s) THEN CAST(split_part(s, '.', 1) AS BIGINT) * 16777216 + CAST(split_part(s, '.', 2) AS BIGINT) * 65536 "
        "+ CAST(split_part(s, '.', 3) AS BIGINT) * 256 + CAST(split_part(s, '.', 4) AS BIGINT) END"
    ),
    # The 32 hexadecimal digits of an IPv6 address.
    "cwl_ip6(s)": "CASE WHEN contains(s, ':') THEN trino_try_ip(s) END",
    # Whether the key of an address lies between two; false for what is no address, null for what is not there.
    "cwl_between(s, k, low, high)": "CASE WHEN s IS NOT NULL THEN coalesce(k BETWEEN low AND high, false) END",
    "cwl_in_subnet(s, n, v)": (
        "CASE WHEN s IS NOT NULL AND n IS NOT NULL THEN coalesce(contains(s, ':') = contains(n, ':') "
        "AND contains(v, CASE WHEN contains(s, ':') THEN '6' ELSE '4' END) "
        "AND trino_within(trino_try_prefix(n), trino_try_ip(s)), false) END"
    ),
}
"""Macros of this family; `trino_…` are Athena's (`query/athena/functions/address.py`)."""

FUNCTIONS: Final = (
    Function(
        "isValidIp", "s: text", BOOL, "Whether the text is an IPv4 or IPv6 address.",
        (('isValidIp("10.0.0.1")', "1"), ('isValidIp("2001:db8::1")', "1"), ('isValidIp("10.0.0.256")', "0"), ("isValidIp(missing)", "")),
        body="cwl_is_ip4(s) OR cwl_ip6(s) IS NOT NULL AND s IS NOT NULL",
    ),
    Function(
        "isValidIpV4", "s: text", BOOL, "Whether the text is an IPv4 address.",
        (('isValidIpV4("10.0.0.1")', "1"), ('isValidIpV4("::1")', "0"), ('isValidIpV4("10.0.0.01")', "0")),
        body="cwl_is_ip4(s)",
    ),
    Function(
        "isValidIpV6", "s: text", BOOL, "Whether the text is an IPv6 address.",
        (('isValidIpV6("2001:db8::1")', "1"), ('isValidIpV6("::ffff:10.0.0.1")', "1"), ('isValidIpV6("10.0.0.1")', "0")),
        body="CASE WHEN s IS NOT NULL THEN cwl_ip6(s) IS NOT NULL END",
    ),
    Function(
        "isIpInSubnet", "s: text, cidr: text", BOOL, "Whether the address lies in the network; both of one family.",
        (('isIpInSubnet("10.1.2.3", "10.0.0.0/8")', "1"), ('isIpInSubnet("2001:db8::5", "2001:db8::/32")', "1"),
         ('isIpInSubnet("10.1.2.3", "::/0")', "0"), ('isIpInSubnet("-", "0.0.0.0/0")', "0")),
        build=_subnet(4, 6),  # type: ignore[arg-type]
    ),
    Function(
        "isIpv4InSubnet", "s: text, cidr: text", BOOL, "Whether the IPv4 address lies in the IPv4 network.",
        (('isIpv4InSubnet("192.0.2.77", "192.0.2.0/24")', "1"), ('isIpv4InSubnet("192.0.2.77", "192.0.2.77/16")', "1"),
         ('isIpv4InSubnet("192.0.3.1", "192.0.2.0/24")', "0"), ('isIpv4InSubnet(missing, "192.0.2.0/24")', "")),
        build=_subnet(4),  # type: ignore[arg-type]
    ),
    Function(
        "isIpv6InSubnet", "s: text, cidr: text", BOOL, "Whether the IPv6 address lies in the IPv6 network.",
        (('isIpv6InSubnet("2001:db8::5", "2001:db8::/32")', "1"), ('isIpv6InSubnet("2001:db9::5", "2001:db8::/32")', "0"),
         ('isIpv6InSubnet("10.0.0.1", "::/0")', "0")),
        build=_subnet(6),  # type: ignore[arg-type]
    ),
    Function(
        "isPrivateIP", "s: text", BOOL, "Whether the address is private: RFC 1918, or RFC 4193 for IPv6.",
        (('isPrivateIP("172.31.0.1")', "1"), ('isPrivateIP("172.32.0.1")', "0"), ('isPrivateIP("fd00::1")', "1"), ('isPrivateIP("-")', "0")),
        body=f"CASE WHEN s IS NOT NULL THEN {_in_any(_PRIVATE)} END",
    ),
    Function(
        "isPublicIP", "s: text", BOOL, "Whether the address is publicly routable: neither private nor reserved.",
        (('isPublicIP("8.8.8.8")', "1"), ('isPublicIP("10.0.0.1")', "0"), ('isPublicIP("2600::1")', "1"), ('isPublicIP("no")', "0")),
        body=f"CASE WHEN s IS NOT NULL THEN (cwl_is_ip4(s) OR cwl_ip6(s) IS NOT NULL) AND NOT {_in_any(_PRIVATE + _RESERVED)} END",
    ),
    Function(
        "isReservedIP", "s: text", BOOL,
        "Whether the address lies in a range reserved for something else than the public or a private network.",
        (('isReservedIP("127.0.0.1")', "1"), ('isReservedIP("224.0.0.5")', "1"), ('isReservedIP("10.0.0.1")', "0"), ('isReservedIP("fe80::1")', "1")),
        body=f"CASE WHEN s IS NOT NULL THEN {_in_any(_RESERVED)} END",
    ),
    Function(
        "ipv4ToNumber", "s: text", INT, "The IPv4 address as a number of 32 bits; nothing for anything else.",
        (('ipv4ToNumber("10.0.0.1")', "167772161"), ('ipv4ToNumber("255.255.255.255")', "4294967295"), ('ipv4ToNumber("::1")', "")),
        body="cwl_ip4(s)",
    ),
)  # fmt: skip
