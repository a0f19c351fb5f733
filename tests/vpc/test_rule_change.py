"""Rule changes: written, made, and as commands that AWS's own parsers take."""

from __future__ import annotations

import json
import shlex

import boto3
import pytest
from botocore.validate import ParamValidator

from analyze.test_explain_rules import NOW, PUBLIC, WEB
from vpcflow.errors import UsageError
from vpcflow.vpc.rule_change import changed, parse
from vpcflow.vpc.rule_command import aws_cli, request, terraform

AUTHORIZED = (
    "web inbound tcp 22 from 203.0.113.0/24",
    "web outbound udp 53 to fd00:10::/56",
    "web inbound icmp 3/4 from 10.0.0.0/8",
    "web inbound all from sg:db",
    f"{WEB} ingress 47 from 192.0.2.1",
    "public inbound 50 deny tcp 1-1023 from 203.0.113.9",
    "public outbound 120 allow icmp 3/4 to 0.0.0.0/0",
    "public inbound 130 allow all from ::/0",
)


@pytest.mark.parametrize("text", AUTHORIZED)
def test_what_is_authorized_is_there_and_can_be_revoked(text):
    change = parse(text, "authorize", NOW)
    made = changed(NOW, [change])
    assert made != NOW
    back = parse(change.text, "revoke", made)
    assert changed(made, [back]) == NOW


@pytest.mark.parametrize("text", AUTHORIZED)
def test_ec2_takes_the_request(text):
    """botocore's own validator, and the serializer of the API behind it."""
    client = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    for verb in ("authorize", "revoke"):
        change = parse(text, verb, NOW if verb == "authorize" else changed(NOW, [parse(text, "authorize", NOW)]))
        asked = request(change)
        model = client.meta.service_model.operation_model(asked["operation"])
        assert not ParamValidator().validate(asked["parameters"], model.input_shape).has_errors()


def test_commands_are_those_of_the_aws_cli():
    group = shlex.split(aws_cli(parse(AUTHORIZED[0], "authorize", NOW)))
    assert group[:5] == ["aws", "ec2", "authorize-security-group-ingress", "--group-id", WEB]
    assert json.loads(group[-1]) == [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
    ]
    assert aws_cli(parse(AUTHORIZED[5], "authorize", NOW)) == (
        f"aws ec2 create-network-acl-entry --network-acl-id {PUBLIC} --ingress --rule-number 50 --protocol 6 --rule-action deny "
        "--cidr-block 203.0.113.9/32 --port-range From=1,To=1023"
    )
    assert aws_cli(parse("public inbound 90", "revoke", NOW)) == (
        f"aws ec2 delete-network-acl-entry --network-acl-id {PUBLIC} --ingress --rule-number 90"
    )


def test_terraform_has_a_resource_for_each_rule():
    text = terraform(parse(AUTHORIZED[6], "authorize", NOW))
    assert text.startswith('resource "aws_network_acl_rule" "rule_120_')
    assert "  icmp_type      = 3" in text
    assert "referenced_security_group_id" in terraform(parse(AUTHORIZED[3], "authorize", NOW))
    assert terraform(parse("public inbound 90", "revoke", NOW)).startswith("# remove: ")


@pytest.mark.parametrize(
    ("verb", "text", "code"),
    [
        ("authorize", "web tcp 22 from 10.0.0.0/8", "change.form"),
        ("authorize", "web inbound", "change.form"),
        ("authorize", "nobody inbound tcp 22 from 10.0.0.0/8", "change.unknown"),
        ("authorize", "web inbound tcp 22 to 10.0.0.0/8", "network.rule.from"),
        ("authorize", "web inbound tcp 99999 from 10.0.0.0/8", "network.rule.ports"),
        ("authorize", "web inbound tcp 22 from sg:nobody", "change.unknown"),
        ("authorize", "public inbound 90 allow all from 0.0.0.0/0", "change.number_taken"),
        ("authorize", "web inbound tcp 443 from 0.0.0.0/0", "change.rule_there"),
        ("revoke", "public inbound 91", "change.no_number"),
        ("revoke", "web inbound tcp 22 from 10.0.0.0/8", "change.no_rule"),
        ("revoke", "sgr-00000000000000000", "change.unknown"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_name(verb, text, code):
    with pytest.raises(UsageError) as raised:
        changed(NOW, [parse(text, verb, NOW)])
    assert raised.value.code == code
    assert raised.value.message
