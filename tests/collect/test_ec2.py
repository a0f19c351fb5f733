"""A network as a real EC2 API (moto's) tells it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from vpcflow.aws import S3Access
from vpcflow.cli.main import main
from vpcflow.collect.ec2 import describe
from vpcflow.errors import SourceError
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.load import load, load_document

_MADE = {}


@pytest.fixture
def ec2(s3):
    """A VPC with two subnets, interfaces, groups that refer to one another, an ACL and a peering; made once a server."""
    if s3.url not in _MADE:
        _MADE[s3.url] = _made(s3.client("ec2"))
    return _MADE[s3.url]


def _made(api):
    vpc = api.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    other = api.create_vpc(CidrBlock="10.21.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        api.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)
    ]
    web, db = (
        api.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("web", "db")
    )
    api.authorize_security_group_ingress(GroupId=web, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0")
    api.authorize_security_group_ingress(
        GroupId=db,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": web}]}],
    )
    acl = api.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    api.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=90, Protocol="6", RuleAction="deny", Egress=False, CidrBlock="198.51.100.0/24",
        PortRange={"From": 443, "To": 443},
    )  # fmt: skip
    for egress in (False, True):
        api.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=egress, CidrBlock="0.0.0.0/0"
        )
    associations = api.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnets[0]]}])
    (association,) = [one for one in associations["NetworkAcls"][0]["Associations"] if one["SubnetId"] == subnets[0]]
    api.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
    interfaces = [
        api.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[group])["NetworkInterface"]
        for subnet, address, group in ((subnets[0], "10.20.1.10", web), (subnets[1], "10.20.2.20", db))
    ]
    prefix_list = api.create_managed_prefix_list(
        PrefixListName="office", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "192.0.2.0/24"}]
    )["PrefixList"]["PrefixListId"]
    api.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)
    return {
        "vpc": vpc, "web": web, "db": db, "acl": acl, "subnets": subnets, "prefix_list": prefix_list,
        "interfaces": [one["NetworkInterfaceId"] for one in interfaces],
    }  # fmt: skip


def asked(s3):
    left_out = []
    document, region = describe(S3Access(endpoint_url=s3.url), "us-east-1", left_out.append)
    return load_document(document, f"ec2 {region}", region=region), left_out


def test_the_api_is_asked_for_everything(s3, ec2):
    network, left_out = asked(s3)
    assert left_out == []
    assert network.region == "us-east-1"
    web, db = (network.interfaces[one] for one in ec2["interfaces"])
    assert (web.addresses, web.security_groups) == (("10.20.1.10",), (ec2["web"],))
    assert network.subnets[web.subnet_id].network_acl == ec2["acl"]
    assert network.prefix_lists[ec2["prefix_list"]].cidrs == ("192.0.2.0/24",)
    assert all(rule.id.startswith("sgr-") for rule in network.security_groups[ec2["web"]].inbound)
    assert network.incomplete == ()
    https = evaluate(network, Flow("203.0.113.9", "10.20.1.10", 6, dstport=443))
    assert (https.action, https.rule[:4]) == ("ACCEPT", "sgr-")
    refused = evaluate(network, Flow("198.51.100.9", "10.20.1.10", 6, dstport=443))
    assert (refused.rule, refused.resource) == ("90", ec2["acl"])
    assert evaluate(network, Flow("10.20.1.10", "10.20.2.20", 6, dstport=5432, interface_id=db.id)).action == "ACCEPT"


def test_files_of_the_cli_tell_the_same(s3, ec2, tmp_path):
    api = s3.client("ec2")
    for operation in (
        "vpcs", "subnets", "route_tables", "network_interfaces", "instances", "security_groups", "security_group_rules",
        "network_acls", "managed_prefix_lists", "internet_gateways", "nat_gateways", "vpc_peering_connections",
    ):  # fmt: skip
        answer = getattr(api, f"describe_{operation}")()
        (tmp_path / f"{operation}.json").write_text(
            json.dumps(answer, default=lambda at: at.isoformat() if isinstance(at, datetime) else str(at))
        )
    for one in api.describe_managed_prefix_lists()["PrefixLists"]:
        answer = api.get_managed_prefix_list_entries(PrefixListId=one["PrefixListId"])
        (tmp_path / f"entries-{one['PrefixListId']}.json").write_text(json.dumps(answer))
    network, _ = asked(s3)
    files = load([tmp_path])
    assert (files.interfaces, files.security_groups, files.network_acls, files.prefix_lists) == (
        network.interfaces, network.security_groups, network.network_acls, network.prefix_lists,
    )  # fmt: skip
    assert (files.subnets, files.route_tables, files.vpcs) == (network.subnets, network.route_tables, network.vpcs)


def test_pages_are_followed(s3, ec2, monkeypatch):
    whole, _ = asked(s3)
    from vpcflow.collect import aws  # noqa: PLC0415

    real = aws.Service.pages
    monkeypatch.setattr(
        aws.Service,
        "pages",
        lambda self, operation, **more: real(self, operation, **more, PaginationConfig={"PageSize": 5}),
    )
    assert asked(s3)[0].security_groups == whole.security_groups


def test_a_live_import_is_kept(s3, ec2, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(
            ["network", "import", "--live", "--region", "us-east-1", "--endpoint-url", s3.url, "--lake", str(tmp_path)]
        )
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert "subnets, " in said.out
    assert "kept as" in said.err
    with pytest.raises(SystemExit):
        main(["network", "show", ec2["acl"], "--lake", str(tmp_path)])
    assert "90 deny tcp 443 from 198.51.100.0/24" in capsys.readouterr().out


def test_an_operation_that_is_refused_is_left_out_and_told(s3, ec2, monkeypatch):
    from vpcflow.collect import aws  # noqa: PLC0415

    real = aws.Service.pages

    def refuse(self, operation, **more):
        if operation == "describe_network_acls":
            raise SourceError("source.ec2_denied", source="ec2", action="DescribeNetworkAcls", answer="no")
        return real(self, operation, **more)

    monkeypatch.setattr(aws.Service, "pages", refuse)
    network, left_out = asked(s3)
    assert [error.code for error in left_out] == ["source.ec2_denied"]
    assert network.incomplete == ("network_acls",)
    assert network.network_acls == {}


def test_a_server_that_does_not_answer_is_named(s3):
    with pytest.raises(SourceError) as refused:
        describe(S3Access(endpoint_url="http://127.0.0.1:1"), "us-east-1", lambda _: None)
    assert refused.value.code == "source.unreachable"
