"""Gateways, peerings and endpoints of the EC2 API's answers → Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpcflow.vpc.tags import name_of
from vpcflow.vpc.topology import Gateway

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from vpcflow.vpc.document import Documents, Item

_GONE = frozenset({"deleted", "deleting", "failed", "rejected", "expired", "detached", "detaching"})


def gateways(documents: Documents, vpcs: Container[str]) -> Iterator[Gateway]:
    """Yield all that routes may lead to, and attachments of transit gateways; what is gone is left out."""
    for key, own, kind in (
        ("InternetGateways", "InternetGatewayId", "igw"),
        ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", "eigw"),
        ("VpnGateways", "VpnGatewayId", "vgw"),
    ):
        for one in documents.all(key):
            attached = "VpcAttachments" if kind == "vgw" else "Attachments"
            vpc = next((part.text("VpcId") for part in one.items(attached) if part.text("State") not in _GONE), "")
            yield Gateway(one.text(own), kind, vpc, name=name_of(one))
    for one in documents.all("NatGateways"):
        if one.text("State") not in _GONE:
            yield _nat(one)
    for one in documents.all("TransitGateways"):
        if one.text("State") not in _GONE:
            refers = one.item("Options").text("SecurityGroupReferencingSupport") == "enable"
            yield Gateway(one.text("TransitGatewayId"), "tgw", name=name_of(one), group_references=refers)
    yield from _attachments(documents)
    for one in documents.all("VpcPeeringConnections"):
        if one.item("Status").text("Code") not in _GONE:
            yield _peering(one, vpcs)
    for one in documents.all("VpcEndpoints"):
        if one.text("State").lower() not in _GONE:
            interfaces, subnets = one.texts("NetworkInterfaceIds"), one.texts("SubnetIds")
            yield Gateway(
                one.text("VpcEndpointId"), "vpce", one.text("VpcId"), subnets[0] if len(subnets) == 1 else "",
                interfaces[0] if len(interfaces) == 1 else "", name=name_of(one) or one.text("ServiceName"),
            )  # fmt: skip


def _nat(one: Item) -> Gateway:
    addresses = list(one.items("NatGatewayAddresses"))
    public = tuple(found for part in addresses if (found := part.text("PublicIp")))
    interface = next((found for part in addresses if (found := part.text("NetworkInterfaceId"))), "")
    return Gateway(
        one.text("NatGatewayId"), "nat", one.text("VpcId"), one.text("SubnetId"), interface, public, name_of(one)
    )


def _attachments(documents: Documents) -> Iterator[Gateway]:
    """Yield the attachments of VPCs; of one that both lists tell, the list with its options."""
    found = {}
    for one in documents.all("TransitGatewayAttachments"):
        if one.text("ResourceType") == "vpc":
            found[one.text("TransitGatewayAttachmentId")] = one, one.text("ResourceId")
    for one in documents.all("TransitGatewayVpcAttachments"):
        found[one.text("TransitGatewayAttachmentId")] = one, one.text("VpcId")
    for key, (one, vpc) in found.items():
        if one.text("State") not in _GONE:
            refers = one.item("Options").text("SecurityGroupReferencingSupport") != "disable"
            gateway = one.text("TransitGatewayId")
            yield Gateway(
                key, "tgw-attachment", vpc, name=name_of(one), transit_gateway=gateway, group_references=refers
            )


def _peering(one: Item, vpcs: Container[str]) -> Gateway:
    here, there = one.item("RequesterVpcInfo"), one.item("AccepterVpcInfo")
    if here.text("VpcId") not in vpcs and there.text("VpcId") in vpcs:
        here, there = there, here
    cidrs = [there.text("CidrBlock")]
    cidrs += [part.text("CidrBlock") for part in there.items("CidrBlockSet")]
    cidrs += [part.text("Ipv6CidrBlock") for part in there.items("Ipv6CidrBlockSet")]
    return Gateway(
        one.text("VpcPeeringConnectionId"), "pcx", here.text("VpcId"), name=name_of(one), peer_vpc=there.text("VpcId"),
        peer_region=there.text("Region"), peer_cidrs=tuple(dict.fromkeys(filter(None, cidrs))),
    )  # fmt: skip
