"""`contains('10.0.0.0/8', CAST(x AS ipaddress))` → comparisons of the text that DuckDB can prune by.

Trino has a type for addresses, DuckDB (without an extension) has none. An IPv4 network is a prefix of whole octets and at most
one octet out of a list; an IPv6 network is a range of addresses written out in full (macro `ip6_key`, made by the engine).
Source: Trino documentation, "IP address functions".
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from sqlglot import exp

from vpcflow.errors import QueryError

if TYPE_CHECKING:
    from vpcflow.query.schema import Schema


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Apply the rule to each containment of an address in a literal network."""
    del schema
    return tree.transform(_contains, copy=False)


def _contains(node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.ArrayContains):
        return node
    network, cast = node.this, node.expression
    if not isinstance(cast, (exp.Cast, exp.TryCast)) or cast.to.this != exp.DataType.Type.IPADDRESS:
        return node
    if not isinstance(network, exp.Literal) or not network.is_string:
        return node
    try:
        parsed = ipaddress.ip_network(network.this, strict=False)
    except ValueError:
        raise QueryError("query.not_a_network", value=network.this) from None
    if isinstance(parsed, ipaddress.IPv4Network):
        return exp.paren(_in_ipv4(cast.this, parsed), copy=False)
    return exp.paren(_in_ipv6(cast.this, parsed), copy=False)


def _in_ipv4(address: exp.Expr, network: ipaddress.IPv4Network) -> exp.Expr:
    octets = str(network.network_address).split(".")
    whole, bits = divmod(network.prefixlen, 8)
    if whole == 4:
        return exp.EQ(this=address.copy(), expression=exp.Literal.string(str(network.network_address)))
    tests: list[exp.Expr] = []
    if whole:
        prefix = ".".join(octets[:whole]) + "."
        tests.append(exp.StartsWith(this=address.copy(), expression=exp.Literal.string(prefix)))
    if bits or not whole:
        low = int(octets[whole])
        octet = exp.func("split_part", address.copy(), exp.Literal.string("."), exp.Literal.number(whole + 1))
        # A list of texts is twice as fast as a cast and BETWEEN (20 M rows: 1.0 s, 2.0 s).
        values = [exp.Literal.string(str(value)) for value in range(low, low + (1 << (8 - bits)))]
        tests.append(exp.In(this=octet, expressions=values))
    return exp.and_(*tests, copy=False)


def _in_ipv6(address: exp.Expr, network: ipaddress.IPv6Network) -> exp.Expr:
    colon = exp.Anonymous(this="contains", expressions=[address.copy(), exp.Literal.string(":")])
    low, high = (f"{int(edge):032x}" for edge in (network[0], network[-1]))
    key = exp.Anonymous(this="ip6_key", expressions=[address.copy()])
    between = exp.Between(this=key, low=exp.Literal.string(low), high=exp.Literal.string(high))
    # CASE keeps the costly key away from IPv4 rows, which are nearly all. Of no address nothing is known: null, as in Trino.
    known = exp.not_(exp.Is(this=address.copy(), expression=exp.Null()), copy=False)
    return exp.Case().when(colon, between, copy=False).when(known, exp.false(), copy=False)
