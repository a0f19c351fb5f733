"""`vpcflow flow-logs`: the AWS CLI's words, its answers as JSON, short ones for people."""

from __future__ import annotations

import re
import shlex

import pytest

from vpcflow.app.host import host_network
from vpcflow.app.live import Host
from vpcflow.capture.identity import machine_id
from vpcflow.cli.flow_logs import _many, _one
from vpcflow.errors import UsageError

LOCAL = "create --vpc local --traffic-type ALL --log-destination lake"


@pytest.fixture
def call(run):
    return lambda line, *more: run("flow-logs", *shlex.split(line), *more)


def test_a_flow_log_is_created_shown_and_deleted(call):
    made = call(LOCAL, "--max-aggregation-interval", 60)
    assert made.code == 0
    found = re.fullmatch(r"(fl-[0-9a-f]{17})  ACTIVE  next delivery \d\d:\d\d:00Z\n", made.out)
    assert found
    assert "vpcflow run" in made.err
    (shape,) = call("describe -o json").json()["FlowLogs"]
    assert shape["FlowLogId"] == found[1]
    assert shape["ResourceId"].startswith("vpc-")
    assert found[1] in call("describe").out
    assert call(f"delete --flow-log-ids {found[1]}").code == 0
    assert call("describe -o json").json() == {"FlowLogs": []}
    assert "vpcflow flow-logs create" in call("describe").err


def test_the_aws_cli_s_own_words_are_understood(call):
    (vpc,) = host_network(Host(), machine_id()).vpcs
    made = call(
        f"""create --resource-type VPC --resource-ids {vpc} vpc-0 --traffic-type REJECT --log-destination-type s3
        --log-destination arn:aws:s3:::logs/team/ --max-aggregation-interval 60
        --log-format '${{version}} ${{instance-tag}} ${{srcaddr}}'
        --destination-options FileFormat=parquet,HiveCompatiblePartitions=true,PerHourPartition=true
        --tag-specifications 'ResourceType=vpc-flow-log,Tags=[{{Key=team,Value=net}},{{Key=stage,Value="a, b"}}]'
        --tag-field-specifications ResourceType=instance,TagKeys=Name --client-token once -o json"""
    )
    assert made.code == 4
    answer = made.json()
    assert len(answer["FlowLogIds"]) == 1
    assert answer["ClientToken"] == "once"
    assert [one["ResourceId"] for one in answer["Unsuccessful"]] == ["vpc-0"]
    assert "InvalidVpcId.NotFound" in made.err
    (shape,) = call("describe --filter Name=resource-id,Values=vpc-0,vpc-* Name=tag:team,Values=net -o json").json()[
        "FlowLogs"
    ]
    assert shape["DestinationOptions"] == {
        "FileFormat": "parquet",
        "HiveCompatiblePartitions": True,
        "PerHourPartition": True,
    }
    assert shape["Tags"] == [{"Key": "team", "Value": "net"}, {"Key": "stage", "Value": "a, b"}]
    assert shape["TagFieldSpecifications"] == [{"ResourceType": "instance", "TagKeys": ["Name"]}]


def test_a_resource_nobody_knows_is_refused_kindly_and_makes_nothing(call):
    refused = call("create --eni eni-0 --traffic-type ALL --log-destination lake")
    assert refused.code == 4
    assert "InvalidNetworkInterfaceId.NotFound: Unknown resource eni-0" in refused.err
    assert call("describe -o json").json() == {"FlowLogs": []}


def test_the_same_flow_log_again_is_refused(call):
    assert call(LOCAL).code == 0
    again = call(LOCAL)
    assert again.code == 4
    assert "There is an existing Flow Log with the same configuration and log destination." in again.err


def test_a_resource_that_is_not_on_this_machine_can_have_one_and_it_is_said(call, run, place):
    (place / "net.toml").write_text(
        '[vpc]\nname = "far"\ncidr = ["10.77.0.0/16"]\n[subnet.empty]\ncidr = ["10.77.1.0/24"]\n'
        '[subnet.web]\ncidr = ["10.77.2.0/24"]\n[interface.server]\nsubnet = "web"\naddress = ["10.77.2.20"]\n'
    )
    assert run("network", "import", "net.toml").code == 0
    made = call("create --vpc far --traffic-type ALL --log-destination lake")
    assert made.code == 0
    assert "none of their interfaces is on this machine" in made.err
    assert (
        "no interface of these resources" in call("create --subnet empty --traffic-type ALL --log-destination lake").err
    )


def test_a_dry_run_changes_nothing(call):
    tried = call(LOCAL, "--dry-run")
    assert tried.code == 0
    assert "DryRun flag is set" in tried.err
    assert call("describe -o json").json() == {"FlowLogs": []}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create --vpc local --subnet local --traffic-type ALL --log-destination lake", "just one of them"),
        ("create --vpc local --traffic-type ALL --log-destination lake --max-aggregation-interval 90", "60 or 600"),
        ("create --vpc local --traffic-type ALL --log-group-name g", "DeliverLogsPermissionArn can't be empty"),
        (
            "create --vpc local --traffic-type ALL --log-destination s3://b --destination-options FileFormat",
            "FileFormat",
        ),
        ("create --vpc local --traffic-type ALL --log-destination s3://b --destination-options '{'", "neither JSON"),
        ("describe --filter Name=banana,Values=x", "deliver-log-status"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call, line, said):
    refused = call(line)
    assert refused.code == 2
    assert said in refused.err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("FileFormat=parquet,PerHourPartition=true", {"FileFormat": "parquet", "PerHourPartition": "true"}),
        ('{"FileFormat": "parquet", "PerHourPartition": true}', {"FileFormat": "parquet", "PerHourPartition": True}),
        ("Name=resource-id,Values=a,b,c", {"Name": "resource-id", "Values": ["a", "b", "c"]}),
        ("Name=x,Values=[a,b]", {"Name": "x", "Values": ["a", "b"]}),
        ("A='x,y=z',B=", {"A": "x,y=z", "B": ""}),
        ("A={B=1,C=[2,{D=3}]}", {"A": {"B": "1", "C": ["2", {"D": "3"}]}}),
    ],
)
def test_the_shorthand_means_what_the_aws_cli_takes_it_for(text, meant):
    assert _one("--x", text) == meant


@pytest.mark.parametrize("text", ["a", "=b", "a=[b", "a={b", "a=1,a=2", "a='b", "a={b}", "a=[1]x", "[1]", "{"])
def test_a_shorthand_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--x"):
        _one("--x", text)


def test_several_structures_may_be_given_in_any_of_the_cli_s_ways():
    one, two = {"Name": "a", "Values": "b"}, {"Name": "c", "Values": "d"}
    assert _many("--x", ["Name=a,Values=b", "Name=c,Values=d"]) == [one, two]
    assert _many("--x", ['[{"Name": "a", "Values": "b"}, {"Name": "c", "Values": "d"}]']) == [one, two]
