"""What the EC2 API tells of a network: one document, as if all answers of `aws ec2 describe-…` were merged.

Operations that may not be asked are left out, and their lists with them: the document then lacks their keys. Without VPCs
there is nothing to tell: DescribeVpcs has to be allowed.

Source: EC2 API Reference, `Describe…` operations and their pagination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vpcflow.collect.aws import service
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.aws import S3Access
    from vpcflow.collect.aws import Service

_OPERATIONS: Final = (
    ("describe_vpcs", "Vpcs"),
    ("describe_subnets", "Subnets"),
    ("describe_route_tables", "RouteTables"),
    ("describe_network_interfaces", "NetworkInterfaces"),
    ("describe_instances", "Reservations"),
    ("describe_security_groups", "SecurityGroups"),
    ("describe_security_group_rules", "SecurityGroupRules"),
    ("describe_network_acls", "NetworkAcls"),
    ("describe_managed_prefix_lists", "PrefixLists"),
    ("describe_internet_gateways", "InternetGateways"),
    ("describe_egress_only_internet_gateways", "EgressOnlyInternetGateways"),
    ("describe_nat_gateways", "NatGateways"),
    ("describe_transit_gateways", "TransitGateways"),
    ("describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments"),
    ("describe_vpn_gateways", "VpnGateways"),
    ("describe_vpc_peering_connections", "VpcPeeringConnections"),
    ("describe_vpc_endpoints", "VpcEndpoints"),
)
_NEEDED: Final = "describe_vpcs"


def describe(
    access: S3Access, region: str | None, on_left_out: Callable[[SourceError], None]
) -> tuple[dict[str, Any], str]:
    """Return what the API tells, and the region that was asked.

    region: None takes it from where the AWS CLI does. on_left_out: told each operation that was refused. SourceError when
    VPCs cannot be asked for.
    """
    api = service("ec2", access, source="ec2", kind="ec2", region=region, endpoint_url=access.endpoint_url)
    found: dict[str, Any] = {}
    for operation, key in _OPERATIONS:
        try:
            found[key] = [one for page in _pages(api, operation) for one in page.get(key, ())]
        except SourceError as error:
            if operation == _NEEDED or error.retryable:
                raise
            on_left_out(error)
    found["Entries"] = [
        entry for one in found.get("PrefixLists", ()) for entry in _entries(api, one["PrefixListId"], on_left_out)
    ]
    return found, api.region


def _pages(api: Service, operation: str) -> Any:  # noqa: ANN401 - as the operation answers
    return api.pages(operation) if api.client.can_paginate(operation) else [api.ask(operation)]


def _entries(api: Service, prefix_list: str, on_left_out: Callable[[SourceError], None]) -> list[dict[str, Any]]:
    """Return the entries of a prefix list, each with its id; an empty one for a list without entries."""
    try:
        pages = list(api.pages("get_managed_prefix_list_entries", PrefixListId=prefix_list))
    except SourceError as error:
        on_left_out(error)
        return []
    found = [{**entry, "PrefixListId": prefix_list} for page in pages for entry in page.get("Entries", ())]
    return found or [{"PrefixListId": prefix_list}]
