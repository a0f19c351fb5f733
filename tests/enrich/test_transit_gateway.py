"""Records of attachments as transit gateways have them: both sides, by the addresses of the VPCs."""

from __future__ import annotations

import pytest

from enrich.test_enrichment import batch
from vpcflow.enrich.enrichment import Enrichment
from vpcflow.enrich.transit_gateway import TransitGatewayRecords
from vpcflow.record.format import TGW_DEFAULT
from vpcflow.record.write import write
from vpcflow.vpc.topology import Gateway, Network, NetworkInterface, Subnet, Vpc

A, B = "tgw-attach-0aaaaaaaaaaaaaaaa", "tgw-attach-0bbbbbbbbbbbbbbbb"


def _attachment(name, vpc, subnet, address, attachment):
    text = f"Network Interface for Transit Gateway Attachment {attachment}"
    return NetworkInterface(name, vpc, subnet, addresses=(address,), type="transit_gateway", description=text)


NETWORK = Network(
    "123456789010",
    "us-west-2",
    vpcs={"vpc-a": Vpc("vpc-a", ("10.20.0.0/16",)), "vpc-b": Vpc("vpc-b", ("10.40.0.0/16",), account="210987654321")},
    subnets={
        one.id: one
        for one in (
            Subnet("subnet-a", "vpc-a", ("10.20.1.0/24",), az_id="usw2-az2"),
            Subnet("subnet-b1", "vpc-b", ("10.40.1.0/24",), az_id="usw2-az1"),
            Subnet("subnet-b2", "vpc-b", ("10.40.2.0/24",), az_id="usw2-az2"),
        )
    },
    interfaces={
        one.id: one
        for one in (
            _attachment("eni-a", "vpc-a", "subnet-a", "10.20.1.9", A),
            _attachment("eni-b1", "vpc-b", "subnet-b1", "10.40.1.175", B),
            _attachment("eni-b2", "vpc-b", "subnet-b2", "10.40.2.31", B),
        )
    },
    gateways={"tgw-1": Gateway("tgw-1", "tgw")},
)
MAKE = TransitGatewayRecords(NETWORK)
ENRICH = Enrichment(NETWORK)


def made(*rows):
    return MAKE(ENRICH(batch(*rows))).to_pylist()


@pytest.mark.parametrize(
    ("interface", "direction", "own", "other"), [("eni-a", "ingress", A, B), ("eni-b2", "egress", B, A)]
)
def test_either_side_tells_source_and_destination_alike(interface, direction, own, other):
    (record,) = made((interface, "10.20.33.164", "10.40.2.236", direction))
    assert record["tgw_attachment_id"] == own
    assert record["tgw_pair_attachment_id"] == other
    seen = {name: record[name] for name in record if name.startswith(("tgw_src", "tgw_dst"))}
    assert seen == {
        "tgw_src_vpc_account_id": "123456789010",
        "tgw_dst_vpc_account_id": "210987654321",
        "tgw_src_vpc_id": "vpc-a",
        "tgw_dst_vpc_id": "vpc-b",
        "tgw_src_subnet_id": "subnet-a",
        "tgw_dst_subnet_id": "subnet-b2",
        "tgw_src_eni": "eni-a",
        "tgw_dst_eni": "eni-b2",
        "tgw_src_az_id": "usw2-az2",
        "tgw_dst_az_id": "usw2-az2",
    }
    assert (record["srcaddr"], record["dstaddr"]) == ("10.20.33.164", "10.40.2.236")
    assert (record["tgw_id"], record["resource_type"], record["flow_direction"]) == (
        "tgw-1",
        "TransitGateway",
        direction,
    )


def test_an_address_outside_all_vpcs_leaves_the_other_side_open():
    (record,) = made(("eni-a", "10.20.33.164", "198.51.100.7", "ingress"))
    assert record["tgw_src_vpc_id"] == "vpc-a"
    assert record["tgw_dst_vpc_id"] is None
    assert record["tgw_pair_attachment_id"] is None


def test_an_interval_without_traffic_names_the_attachment(tmp_path):
    rows = [("eni-b1", None, None, None), ("eni-a", "10.20.33.164", "10.40.2.236", "ingress")]
    found = MAKE(ENRICH(batch(*rows)))
    (nothing, _) = found.to_pylist()
    assert nothing["log_status"] == "NODATA"
    assert nothing["tgw_attachment_id"] == B
    assert nothing["tgw_src_vpc_id"] is None
    with (tmp_path / "out").open("wb") as out:
        write([found], "text", out, TGW_DEFAULT)
    lines = (tmp_path / "out").read_text().splitlines()
    assert all(len(line.split(" ")) == 36 for line in lines)
    assert "interface_id" not in found.schema.names
