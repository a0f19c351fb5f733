"""Answers of the EC2 API, as files have them."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc.breaking import broken
from vpcflow.errors import RecordError, VpcFlowError
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.json_form import dumps, loads
from vpcflow.vpc.load import load, load_document
from vpcflow.vpc.rules import ANY, NetworkAclEntry

VPC, SUBNET, ENI, SG, ACL, PL = (
    "vpc-0a", "subnet-0a", "eni-0a", "sg-0aaaaaaaaaaaaaaaa", "acl-0a", "pl-0123456789abcdef0",
)  # fmt: skip
DESCRIBED = {
    "Vpcs": [
        {
            "VpcId": VPC,
            "CidrBlock": "10.0.0.0/16",
            "OwnerId": "123456789012",
            "CidrBlockAssociationSet": [
                {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
                {"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "disassociated"}},
            ],
            "Ipv6CidrBlockAssociationSet": [
                {"Ipv6CidrBlock": "2001:DB8::/56", "Ipv6CidrBlockState": {"State": "associated"}}
            ],
            "Tags": [{"Key": "Name", "Value": "prod"}],
        }
    ],
    "Subnets": [
        {
            "SubnetId": SUBNET,
            "VpcId": VPC,
            "CidrBlock": "10.0.1.0/24",
            "AvailabilityZone": "ap-southeast-2a",
            "AvailabilityZoneId": "apse2-az3",
        },
        {"SubnetId": "subnet-0b", "VpcId": VPC, "CidrBlock": "10.0.2.0/24"},
    ],
    "RouteTables": [
        {
            "RouteTableId": "rtb-0a",
            "VpcId": VPC,
            "Associations": [{"Main": True}],
            "Routes": [
                {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation"},
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
                {"DestinationCidrBlock": "0.0.0.0/0", "InstanceId": "i-1", "NetworkInterfaceId": "eni-9"},
                {"DestinationCidrBlock": "10.8.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
                {"DestinationPrefixListId": PL, "GatewayId": "vpce-1"},
            ],
        }
    ],
    "NetworkInterfaces": [
        {
            "NetworkInterfaceId": ENI,
            "VpcId": VPC,
            "SubnetId": SUBNET,
            "MacAddress": "0A:00:00:00:00:01",
            "OwnerId": "123456789012",
            "InterfaceType": "interface",
            "SourceDestCheck": True,
            "Groups": [{"GroupId": SG, "GroupName": "web"}],
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.1.11", "Primary": False},
                {"PrivateIpAddress": "10.0.1.10", "Primary": True, "Association": {"PublicIp": "203.0.113.10"}},
            ],
            "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.32/28"}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:DB8::10"}],
            "Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:0:1:8000::/80"}],
            "Attachment": {"InstanceId": "i-1"},
            "TagSet": [],
        },
        {
            "NetworkInterfaceId": "eni-0b",
            "VpcId": VPC,
            "SubnetId": "subnet-0b",
            "RequesterId": "amazon-elb",
            "Description": "ELB app/x/1",
            "InterfaceType": "interface",
            "Groups": [{"GroupId": SG}],
            "PrivateIpAddress": "10.0.2.9",
        },
    ],
    "Reservations": [
        {
            "Instances": [
                {
                    "InstanceId": "i-1",
                    "State": {"Name": "running"},
                    "Tags": [{"Key": "Name", "Value": "web-1"}, {"Key": "aws:autoscaling:groupName", "Value": "web"}],
                },
                {"InstanceId": "i-2", "State": {"Name": "terminated"}},
            ]
        }
    ],
    "SecurityGroups": [
        {
            "GroupId": SG,
            "GroupName": "web",
            "VpcId": VPC,
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}],
                    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                    "PrefixListIds": [{"PrefixListId": PL}],
                    "UserIdGroupPairs": [{"GroupId": SG, "UserId": "123456789012"}],
                },
                {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.7/8"}]},
            ],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        }
    ],
    "SecurityGroupRules": [
        {
            "SecurityGroupRuleId": "sgr-1",
            "GroupId": SG,
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "CidrIpv4": "0.0.0.0/0",
        }
    ],
    "NetworkAcls": [
        {
            "NetworkAclId": ACL,
            "VpcId": VPC,
            "IsDefault": True,
            "Associations": [{"SubnetId": SUBNET}],
            "Entries": [
                {
                    "RuleNumber": 32767,
                    "Protocol": "-1",
                    "RuleAction": "deny",
                    "Egress": False,
                    "CidrBlock": "0.0.0.0/0",
                },
                {"RuleNumber": 32768, "Protocol": "-1", "RuleAction": "deny", "Egress": False, "Ipv6CidrBlock": "::/0"},
                {
                    "RuleNumber": 100,
                    "Protocol": "6",
                    "RuleAction": "allow",
                    "Egress": False,
                    "CidrBlock": "0.0.0.0/0",
                    "PortRange": {"From": 443, "To": 443},
                },
                {
                    "RuleNumber": 90,
                    "Protocol": "1",
                    "RuleAction": "deny",
                    "Egress": False,
                    "CidrBlock": "198.51.100.0/24",
                    "IcmpTypeCode": {"Type": 8, "Code": -1},
                },
            ],
        }
    ],
    "PrefixLists": [{"PrefixListId": PL, "PrefixListName": "office", "MaxEntries": 5}],
    "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": VPC, "State": "available"}]}],
    "NatGateways": [
        {
            "NatGatewayId": "nat-1",
            "VpcId": VPC,
            "SubnetId": SUBNET,
            "State": "available",
            "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-n", "PublicIp": "203.0.113.5"}],
        },
        {"NatGatewayId": "nat-2", "State": "deleted"},
    ],
    "VpcPeeringConnections": [
        {
            "VpcPeeringConnectionId": "pcx-1",
            "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-far", "Region": "us-east-1", "CidrBlock": "10.8.0.0/16"},
            "AccepterVpcInfo": {"VpcId": VPC},
        },
        {"VpcPeeringConnectionId": "pcx-2", "Status": {"Code": "deleted"}},
    ],
    "AutoScalingGroups": [{"AutoScalingGroupName": "web", "Tags": [{"Key": "team", "Value": "a"}]}],
    "TransitGateways": [
        {"TransitGatewayId": "tgw-1", "State": "available", "Options": {"SecurityGroupReferencingSupport": "enable"}}
    ],
    "TransitGatewayAttachments": [
        {
            "TransitGatewayAttachmentId": "tgw-attach-1",
            "TransitGatewayId": "tgw-1",
            "ResourceType": "vpc",
            "ResourceId": VPC,
            "State": "available",
        },
        {"TransitGatewayAttachmentId": "tgw-attach-2", "TransitGatewayId": "tgw-1", "ResourceType": "vpn"},
    ],
    "VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcId": VPC, "ServiceName": "com.amazonaws.ap-southeast-2.s3"}],
}
ENTRIES = {"Entries": [{"Cidr": "192.0.2.0/24"}, {"Cidr": "198.51.100.7/32"}]}


@pytest.fixture
def described(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps(DESCRIBED))
    (tmp_path / f"{PL}.json").write_text(json.dumps(ENTRIES))
    return load([tmp_path])


def test_what_the_api_tells_is_read(described):
    assert (described.account, described.region) == ("123456789012", "ap-southeast-2")
    assert described.vpcs[VPC].cidrs == ("10.0.0.0/16", "2001:db8::/56")
    subnet = described.subnets[SUBNET]
    assert (subnet.az_id, subnet.route_table, subnet.network_acl) == ("apse2-az3", "rtb-0a", ACL)
    assert described.subnets["subnet-0b"].network_acl == ACL, "the default one, where none is told"
    web = described.interfaces[ENI]
    assert web.addresses[:3] == ("10.0.1.10", "10.0.1.11", "10.0.1.32")
    assert len(web.addresses) == 2 + 16, "those of a delegated prefix are its own too"
    assert (web.ipv6, web.public, web.mac) == (("2001:db8::10",), ("203.0.113.10",), "0a:00:00:00:00:01")
    assert (web.name, web.instance_id) == ("web-1", "i-1")
    assert described.interfaces["eni-0b"].service == "ELB"
    assert described.instances["i-1"].asg == "web"
    assert "i-2" not in described.instances
    assert described.asg_tags == {"web": {"team": "a"}}
    assert described.incomplete == ()


def test_rules_that_both_answers_tell_are_one(described):
    group = described.security_groups[SG]
    assert [(rule.id, rule.peer) for rule in group.inbound] == [
        ("sgr-1", "0.0.0.0/0"),
        ("", "::/0"),
        ("", PL),
        ("", SG),
        ("", "10.0.0.0/8"),
    ]
    assert (group.inbound[4].from_port, group.inbound[4].to_port) == (8, ANY)
    assert described.prefix_lists[PL].cidrs == ("192.0.2.0/24", "198.51.100.7/32")


def test_acls_are_sorted_and_end_with_their_last_rule(described):
    entries = described.network_acls[ACL].inbound
    assert [entry.number for entry in entries] == [90, 100, 32767, 32767]
    assert (entries[0].from_port, entries[0].to_port) == (8, ANY)
    assert entries[-1] == NetworkAclEntry(32767, False, ANY, "::/0")


def test_routes_and_gateways(described):
    assert [(route.destination, route.target) for route in described.route_tables["rtb-0a"].routes] == [
        ("10.0.0.0/16", "local"),
        ("0.0.0.0/0", "eni-9"),
        ("10.8.0.0/16", ""),
        (PL, "vpce-1"),
        ("10.9.0.0/16", "vgw-1"),
    ]
    assert set(described.gateways) == {"igw-1", "nat-1", "pcx-1", "vpce-1", "tgw-1", "tgw-attach-1"}
    peering = described.gateways["pcx-1"]
    assert (peering.vpc_id, peering.peer_vpc, peering.peer_cidrs) == (VPC, "vpc-far", ("10.8.0.0/16",))
    attachment = described.gateways["tgw-attach-1"]
    assert (attachment.kind, attachment.vpc_id, attachment.transit_gateway) == ("tgw-attachment", VPC, "tgw-1")
    assert described.gateways["tgw-1"].group_references
    assert described.interfaces[ENI].prefixes == ("2001:db8:0:1:8000::/80",)


def test_it_is_evaluated(described):
    assert evaluate(described, Flow("198.51.100.7", "10.0.1.10", 6, dstport=443)).rule == "sgr-1"
    assert evaluate(described, Flow("10.0.2.9", "10.0.1.10", 6, dstport=80, interface_id=ENI)).action == "REJECT"


@pytest.mark.parametrize("shape", ["files", "lines", "list", "object", "nested", "gzip", "own"])
def test_every_way_to_keep_answers_reads_the_same(tmp_path, described, shape):
    import gzip  # noqa: PLC0415

    parts = [{key: values} for key, values in DESCRIBED.items()] + [{**ENTRIES, "PrefixListId": PL}]
    file = tmp_path / "in" / "x.json"
    file.parent.mkdir()
    if shape == "files":
        for place, part in enumerate(parts):
            (file.parent / f"{place}.json").write_text(json.dumps(part))
    elif shape == "lines":
        file.write_text("\n\n".join(json.dumps(part, indent=2) for part in parts))
    elif shape == "list":
        file.write_text(json.dumps(parts))
    elif shape == "object":
        file.write_text(json.dumps({key: values for part in parts for key, values in part.items()}))
    elif shape == "nested":
        file.write_text(json.dumps({f"describe-{place}": part for place, part in enumerate(parts)}))
    elif shape == "gzip":
        (file.parent / "x.json.gz").write_bytes(gzip.compress(json.dumps(parts).encode()))
    else:
        file.write_text(dumps(described))
    assert load([file.parent]) == described


def test_own_json_is_read_back(described):
    assert loads(dumps(described), "x") == described


@pytest.mark.parametrize("missing", ["NetworkAcls", "SecurityGroups", "Subnets", "NetworkInterfaces", "RouteTables"])
def test_what_was_not_described_is_named(missing):
    found = load_document({key: values for key, values in DESCRIBED.items() if key != missing}, "x")
    words = {"NetworkAcls": "network_acls", "SecurityGroups": "security_groups", "RouteTables": "route_tables"}
    assert words.get(missing, "subnets" if missing == "Subnets" else "network_interfaces") in found.incomplete
    assert f"prefix_lists: {PL}" in found.incomplete, "entries were not told"


def test_interfaces_that_only_instances_tell_are_read():
    document = dict(DESCRIBED)
    interface = {key: value for key, value in DESCRIBED["NetworkInterfaces"][0].items() if key != "Attachment"}
    document["Reservations"] = [{"Instances": [{"InstanceId": "i-1", "NetworkInterfaces": [interface]}]}]
    document["NetworkInterfaces"] = []
    assert load_document(document, "x").interfaces[ENI].instance_id == "i-1"


def _changed(path, value):
    document = json.loads(json.dumps(DESCRIBED))
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


WRONG = (
    (("Vpcs",), {}, "Vpcs: a list was expected"),
    (("Vpcs", 0), 1, "Vpcs[0]: an object was expected"),
    (("Vpcs", 0, "VpcId"), None, "Vpcs[0].VpcId"),
    (("Vpcs", 0, "CidrBlock"), "10.0.0.0/99", "is not a CIDR block"),
    (("Subnets", 0, "CidrBlock"), ["x"], "Subnets[0].CidrBlock: text was expected"),
    (("NetworkInterfaces", 0, "Groups"), "sg", "NetworkInterfaces[0].Groups: a list was expected"),
    (("NetworkInterfaces", 0, "SourceDestCheck"), "perhaps", "true or false was expected"),
    (("NetworkInterfaces", 0, "PrivateIpAddresses", 0, "PrivateIpAddress"), "10.0", "is not an address"),
    (("SecurityGroups", 0, "IpPermissions", 0, "IpProtocol"), "tcpip", "IpProtocol: a protocol was expected"),
    (("SecurityGroups", 0, "IpPermissions", 0, "FromPort"), "x", "FromPort: a whole number was expected"),
    (("SecurityGroups", 0, "IpPermissions", 0, "FromPort"), 70000, "FromPort: a port"),
    (("SecurityGroupRules", 0, "CidrIpv4"), None, "a CIDR block, a prefix list or a security group was expected"),
    (("NetworkAcls", 0, "Entries", 0, "RuleAction"), "drop", "allow or deny was expected"),
    (("NetworkAcls", 0, "Entries", 0, "RuleNumber"), None, "RuleNumber: a whole number was expected"),
)


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_what_is_not_as_the_api_has_it_is_refused_with_its_place(path, value, said):
    with pytest.raises(RecordError) as refused:
        load_document(_changed(path, value), "some.json")
    assert said in refused.value.message
    assert refused.value.message.startswith("some.json")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", b"", "is empty"),
        ("x.json", b'{"Vpcs": [', "is not JSON at 1:"),
        ("x.json", b"{}", "describes no network"),
        ("x.json", b"[1]", "describes no network"),
        ("x.json", b'{"a": "\xff"}', "is not UTF-8"),
        ("x.json", b"[" * 100_000, "nested too deeply"),
        ("x.json.gz", b"no gzip", "cannot be read"),
        ("x.yaml", b"a: b", "describes no network"),
        ("x.yaml", b"a: [", "is not YAML"),
        ("x.yaml", b"a: &a [*a]\nResources: *a", "an object was expected"),
        ("x.json", b'{"Entries": [{"Cidr": "10.0.0.0/8"}]}', "does not say of which prefix list"),
        ("x.json", b'{"vpcflow_network": 9}', "of version 9"),
        ("x.json", b'{"vpcflow_network": 1, "vpcs": [{}]}', "is not what"),
    ],
)
def test_a_file_that_describes_nothing_is_refused_by_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordError) as refused:
        load([tmp_path / name])
    assert said in refused.value.message
    assert name in refused.value.message


def test_folders_and_files_that_are_not_there(tmp_path):
    for path, said in ((tmp_path, "nothing to read"), (tmp_path / "x", "there is no")):
        with pytest.raises(RecordError) as refused:
            load([path])
        assert said in refused.value.message


@given(st.data())
def test_whatever_is_in_an_answer_is_read_or_refused_by_name(data):
    try:
        found = load_document(broken(DESCRIBED, data), "x")
    except VpcFlowError as error:
        assert error.message  # noqa: PT017
    else:
        assert all(getattr(found, field.name) is not None for field in fields(found))
