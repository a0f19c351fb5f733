"""CloudFormation templates."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc.breaking import broken
from vpcflow.errors import VpcFlowError
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.load import load, load_document
from vpcflow.vpc.rule_text import written, written_entry

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Cidr: {Type: String, Default: 10.0.0.0/16}
  Admin: {Type: String}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Ssm: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /x}
Mappings:
  Nets:
    dev: {Public: 10.0.1.0/24}
Conditions:
  IsDev: !Equals [!Select [0, !Ref Zones], a]
  IsProd: !Not [!Condition IsDev]
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: !Ref Cidr
      Tags: [{Key: Name, Value: !Sub "${AWS::StackName}-vpc"}, {Key: Env, Value: dev}]
  Public:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !FindInMap [Nets, dev, Public]
      AvailabilityZone: !Select [0, !GetAZs ""]
  Private:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [2, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]]
  Igw: {Type: 'AWS::EC2::InternetGateway'}
  Attached: {Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw}}
  Routes: {Type: 'AWS::EC2::RouteTable', Properties: {VpcId: !Ref Vpc}}
  Out: {Type: 'AWS::EC2::Route', Properties: {RouteTableId: !Ref Routes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}}
  Use: {Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: {RouteTableId: !Ref Routes, SubnetId: !Ref Public}}
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      VpcId: !Ref Vpc
      GroupDescription: web
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}
        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Sub "${Admin}/32"}
  Db:
    Type: AWS::EC2::SecurityGroup
    Properties: {VpcId: !Ref Vpc, GroupName: db, GroupDescription: db, SecurityGroupEgress: [{IpProtocol: "-1", CidrIp: 127.0.0.1/32}]}
  FromWeb:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !GetAtt Db.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref Web}
  Never: {Type: 'AWS::EC2::SecurityGroup', Condition: IsProd, Properties: {VpcId: !Ref Vpc, GroupDescription: x}}
  Acl: {Type: 'AWS::EC2::NetworkAcl', Properties: {VpcId: !Ref Vpc}}
  In:
    Type: AWS::EC2::NetworkAclEntry
    Properties: {NetworkAclId: !Ref Acl, RuleNumber: 100, Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0, PortRange: {From: 443, To: 443}}
  Ping:
    Type: AWS::EC2::NetworkAclEntry
    Properties: {NetworkAclId: !Ref Acl, RuleNumber: 110, Protocol: 1, RuleAction: allow, CidrBlock: !If [IsDev, 10.0.0.0/8, !Ref Cidr], Icmp: {Type: 8, Code: -1}}
  AclOf: {Type: 'AWS::EC2::SubnetNetworkAclAssociation', Properties: {NetworkAclId: !Ref Acl, SubnetId: !Ref Public}}
  Host:
    Type: AWS::EC2::Instance
    Properties: {SubnetId: !Ref Public, PrivateIpAddress: 10.0.1.10, SecurityGroupIds: [!Ref Web], Tags: [{Key: Name, Value: host}]}
  Eni:
    Type: AWS::EC2::NetworkInterface
    Properties: {SubnetId: !Ref Private, PrivateIpAddress: 10.0.2.20, GroupSet: [!GetAtt [Db, GroupId]]}
  Nested: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: x}}
  Zone: {Type: 'AWS::Route53::HostedZone', Properties: {Name: !ImportValue x}}
"""


@pytest.fixture
def template(tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


@pytest.fixture
def stack(template):
    return load([template])


def group(stack, name):
    return next(one for one in stack.security_groups.values() if one.name == name)


def test_a_template_is_read(stack):
    (vpc,) = stack.vpcs.values()
    assert vpc.cidrs == ("10.0.0.0/16",)
    subnets = {subnet.cidrs[0]: subnet for subnet in stack.subnets.values()}
    assert set(subnets) == {"10.0.1.0/24", "10.0.2.0/24"}
    assert {one.name: one.addresses for one in stack.interfaces.values()} == {
        "host": ("10.0.1.10",),
        "": ("10.0.2.20",),
    }
    table = stack.route_tables[subnets["10.0.1.0/24"].route_table]
    assert [(route.destination, route.target[:4]) for route in table.routes] == [
        ("10.0.0.0/16", "loca"),
        ("0.0.0.0/0", "igw-"),
    ]
    acl = stack.network_acls[subnets["10.0.1.0/24"].network_acl]
    assert [written_entry(entry, inbound=True) for entry in acl.inbound[:2]] == [
        "100 allow tcp 443 from 0.0.0.0/0",
        "110 allow icmp 8 from 10.0.0.0/8",
    ]
    assert stack.network_acls[subnets["10.0.2.0/24"].network_acl].default


def test_rules_are_read_and_new_groups_let_everything_out(stack):
    web, db = group(stack, "Web"), group(stack, "db")
    assert [written(rule, inbound=True) for rule in web.inbound] == ["tcp 443 from 0.0.0.0/0", "all from pl-unresolved"]
    assert [written(rule, inbound=False) for rule in web.outbound] == ["all to 0.0.0.0/0"]
    assert [written(rule, inbound=True) for rule in db.inbound] == [f"tcp 5432 from {web.id}"]
    assert [written(rule, inbound=False) for rule in db.outbound] == ["all to 127.0.0.1/32"]
    assert not any(one.name == "Never" for one in stack.security_groups.values())


def test_what_a_template_does_not_tell_is_named_and_unknown(stack):
    assert "Resources.Web: a rule: parameter Admin" in stack.incomplete
    assert "Resources.Nested: AWS::CloudFormation::Stack" in stack.incomplete
    assert not any("Zone" in one for one in stack.incomplete), "what is no part of a network is not missed"
    assert evaluate(stack, Flow("192.0.2.1", "10.0.1.10", 6, dstport=22)).action == "REJECT", (
        "the network ACL refuses it"
    )
    assert evaluate(stack, Flow("10.0.1.77", "10.0.1.10", 6, dstport=22)).action == "UNKNOWN"
    assert evaluate(stack, Flow("192.0.2.1", "10.0.1.10", 6, dstport=443)).action == "ACCEPT"


def test_parameters_may_be_given(template):
    given = load([template], {"Admin": "192.0.2.9", "Zones": "b,a"})
    assert [written(rule, inbound=True) for rule in group(given, "Web").inbound][1] == "tcp 22 from 192.0.2.9/32"
    assert group(given, "Never")


def test_an_entry_that_is_not_known_makes_the_acl_unknown(tmp_path):
    text = TEMPLATE.replace("CidrBlock: 0.0.0.0/0, PortRange", "CidrBlock: !Ref Ssm, PortRange")
    (tmp_path / "x.template").write_text(text)
    found = load([tmp_path])
    assert evaluate(found, Flow("192.0.2.1", "10.0.1.10", 6, dstport=443)).steps[0].why == "unknown_acl"


def test_json_with_long_forms_reads_the_same(tmp_path, stack):
    import yaml  # noqa: PLC0415

    from vpcflow.vpc import yaml_file  # noqa: PLC0415

    document = yaml_file.load(TEMPLATE.encode(), "x")
    again = json.loads(json.dumps(document, default=str))
    assert load_document(again, "x") == stack
    assert yaml


def test_ids_are_the_same_each_time(template):
    assert load([template]) == load([template])


@pytest.mark.parametrize(
    "value",
    ["!Sub [1]", "!Select [9, [a]]", "!Join [a]", "!Cidr [x, 1, 1]", "!If [Nowhere, a, b]", "!Ref Nowhere", "!Split ['', x]", "!FindInMap [a, b]", "!GetAtt Vpc.Nothing", "!Transform x", "[1, 2]", "{a: b}", "7"],
)  # fmt: skip
def test_functions_that_come_to_nothing_are_named_or_refused(tmp_path, value):
    from vpcflow.errors import RecordError  # noqa: PLC0415

    (tmp_path / "x.yaml").write_text(TEMPLATE.replace("CidrBlock: !Ref Cidr", f"CidrBlock: {value}", 1))
    try:
        found = load([tmp_path])
    except RecordError as error:
        assert "Vpc" in error.message  # noqa: PT017
    else:
        assert any("Vpc.Properties.CidrBlock" in one for one in found.incomplete)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_in_a_template_is_read_or_refused_by_name(data):
    from vpcflow.vpc import yaml_file  # noqa: PLC0415

    document = broken(json.loads(json.dumps(yaml_file.load(TEMPLATE.encode(), "x"), default=str)), data)
    try:
        load_document(document, "x")
    except VpcFlowError as error:
        assert error.message  # noqa: PT017
