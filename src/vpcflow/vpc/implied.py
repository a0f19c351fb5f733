"""What AWS makes by itself and no template writes: local routes, default network ACLs, rules of new security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def local_routes(vpc: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the routes `local` of every route table of a VPC (`Vpc` of the EC2 API)."""
    told = [("DestinationCidrBlock", vpc.get("CidrBlock"))]
    told += [("DestinationCidrBlock", part.get("CidrBlock")) for part in vpc.get("CidrBlockAssociationSet", ())]
    told += [
        ("DestinationIpv6CidrBlock", part.get("Ipv6CidrBlock")) for part in vpc.get("Ipv6CidrBlockAssociationSet", ())
    ]
    return [{key: cidr, "GatewayId": "local"} for key, cidr in told if isinstance(cidr, str) and cidr]


def default_entries() -> list[dict[str, object]]:
    """Return the entries of a default network ACL: everything is allowed."""
    return [
        {"RuleNumber": 100 + place, "RuleAction": "allow", "Protocol": "-1", "Egress": egress, key: cidr}
        for egress in (False, True)
        for place, (key, cidr) in enumerate((("CidrBlock", "0.0.0.0/0"), ("Ipv6CidrBlock", "::/0")))
    ]


def all_outbound(*, ipv6: bool) -> list[dict[str, object]]:
    """Return the outbound rules of a new security group."""
    found: list[dict[str, object]] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    return [*found, {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}] if ipv6 else found


def add_local_routes(tables: Iterable[dict[str, Any]], vpcs: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the local routes before the others of *tables* (`RouteTable`). vpcs: by id."""
    for table in tables:
        vpc = vpcs.get(str(table.get("VpcId", "")), {})
        table["Routes"] = [*local_routes(vpc), *table.get("Routes", ())]
