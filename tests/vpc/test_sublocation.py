"""Subnets that are in no zone of the Region itself."""

from __future__ import annotations

import pytest

from vpcflow.vpc.load import load_document


@pytest.mark.parametrize(
    ("described", "where"),
    [
        ({"AvailabilityZoneId": "apse2-az3"}, ("apse2-az3", "", "")),
        ({"AvailabilityZoneId": "usw2-lax1-az1"}, ("usw2-lax1-az1", "localzone", "usw2-lax1-az1")),
        ({"AvailabilityZoneId": "use1-wl1-bos-wlz1"}, ("use1-wl1-bos-wlz1", "wavelength", "use1-wl1-bos-wlz1")),
        (
            {"AvailabilityZoneId": "usw2-az1", "OutpostArn": "arn:aws:outposts:us-west-2:123456789012:outpost/op-0ab1"},
            ("usw2-az1", "outpost", "op-0ab1"),
        ),
    ],
)
def test_a_subnet_tells_its_sublocation(described, where):
    subnet = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24", **described}
    found = load_document({"Subnets": [subnet]}, "subnets.json").subnets["subnet-1"]
    assert (found.az_id, found.sublocation_type, found.sublocation_id) == where
