"""Gateways, peerings, endpoints and Elastic IP addresses of Terraform.

Source: Terraform AWS provider, schemas of the resources named in `READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.vpc.ids import derived
from vpcflow.vpc.terraform_state import State, common, vpc_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.vpc.terraform_values import Resource


def _igw(state: State, one: Resource) -> None:
    vpc = state.id(one, "vpc_id")
    key, own = (
        ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId")
        if one.type == "aws_egress_only_internet_gateway"
        else ("InternetGateways", "InternetGatewayId")
    )
    found = state.document(key, one.id, one.address, **{own: one.id}, **common(one))
    if vpc:
        found["Attachments"] = [{"VpcId": vpc}]


def _igw_of(state: State, one: Resource) -> None:
    own = state.id(one, "internet_gateway_id")
    found = state.document("InternetGateways", own, one.address, InternetGatewayId=own)
    found["Attachments"] = [{"VpcId": state.id(one, "vpc_id")}]


def _nat(state: State, one: Resource) -> None:
    values, subnet = one.values, state.id(one, "subnet_id")
    interface = str(values.get("network_interface_id") or derived("interface", f"{one.address} primary"))
    private, public = values.get("private_ip"), values.get("public_ip")
    state.document(
        "NatGateways", one.id, one.address, NatGatewayId=one.id, SubnetId=subnet, VpcId=vpc_of(state, subnet),
        NatGatewayAddresses=[{"NetworkInterfaceId": interface, "PublicIp": public, "PrivateIp": private}], **common(one),
    )  # fmt: skip
    if private:
        state.document(
            "NetworkInterfaces", interface, one.address, NetworkInterfaceId=interface, SubnetId=subnet,
            VpcId=vpc_of(state, subnet), PrivateIpAddresses=[{"PrivateIpAddress": private, "Primary": True}],
            InterfaceType="nat_gateway", SourceDestCheck=False, Association={"PublicIp": public} if public else None,
            **common(one),
        )  # fmt: skip


def _tgw(state: State, one: Resource) -> None:
    refers = {"SecurityGroupReferencingSupport": one.values.get("security_group_referencing_support")}
    state.document("TransitGateways", one.id, one.address, TransitGatewayId=one.id, Options=refers, **common(one))


def _tgw_of(state: State, one: Resource) -> None:
    own = one.id or one.address
    state.document(
        "TransitGatewayVpcAttachments", own, one.address, TransitGatewayAttachmentId=own, VpcId=state.id(one, "vpc_id"),
        TransitGatewayId=state.id(one, "transit_gateway_id"),
        Options={"SecurityGroupReferencingSupport": one.values.get("security_group_referencing_support")}, **common(one),
    )  # fmt: skip


def _vgw(state: State, one: Resource) -> None:
    state.document(
        "VpnGateways",
        one.id,
        one.address,
        VpnGatewayId=one.id,
        VpcAttachments=[{"VpcId": state.id(one, "vpc_id")}],
        **common(one),
    )


def _peering(state: State, one: Resource) -> None:
    accepted = one.values.get("accept_status")
    state.document(
        "VpcPeeringConnections", one.id, one.address, VpcPeeringConnectionId=one.id,
        Status={"Code": accepted if accepted in ("rejected", "expired", "deleted", "failed") else "active"},
        RequesterVpcInfo={"VpcId": state.id(one, "vpc_id")},
        AccepterVpcInfo={"VpcId": state.id(one, "peer_vpc_id"), "Region": one.values.get("peer_region")}, **common(one),
    )  # fmt: skip


def _endpoint(state: State, one: Resource) -> None:
    state.document(
        "VpcEndpoints", one.id, one.address, VpcEndpointId=one.id, VpcId=state.id(one, "vpc_id"),
        ServiceName=one.values.get("service_name"), NetworkInterfaceIds=state.ids(one, "network_interface_ids"),
        SubnetIds=state.ids(one, "subnet_ids"), **common(one),
    )  # fmt: skip
    listed = one.values.get("prefix_list_id")
    if listed and one.values.get("cidr_blocks"):
        found = state.document(
            "PrefixLists", listed, one.address, PrefixListId=listed, PrefixListName=one.values.get("service_name")
        )
        found["Cidrs"] = list(one.values["cidr_blocks"])


def _eip(state: State, one: Resource) -> None:
    interface, public = state.id(one, "network_interface"), one.values.get("public_ip")
    found = state.made.get(("NetworkInterfaces", interface))
    if found is not None and public:
        found.setdefault("Association", {"PublicIp": public})


READERS: Final[dict[str, Callable[[State, Resource], None]]] = {
    "aws_internet_gateway": _igw,
    "aws_internet_gateway_attachment": _igw_of,
    "aws_egress_only_internet_gateway": _igw,
    "aws_nat_gateway": _nat,
    "aws_ec2_transit_gateway": _tgw,
    "aws_ec2_transit_gateway_vpc_attachment": _tgw_of,
    "aws_vpn_gateway": _vgw,
    "aws_vpc_peering_connection": _peering,
    "aws_vpc_endpoint": _endpoint,
    "aws_eip": _eip,
}
"""Reader of each type of resource."""
