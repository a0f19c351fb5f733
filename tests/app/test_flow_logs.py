"""CreateFlowLogs, DescribeFlowLogs and DeleteFlowLogs: shapes of the AWS SDK's own model, AWS's rules and texts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import botocore.session
import pytest
from botocore.validate import ParamValidator

from enrich.networks import NETWORK
from vpcflow.app.flow_logs import QUOTA, FlowLogService
from vpcflow.errors import ResourceError
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.store import State
from vpcflow.vpc.flow_logs import DeliveryStatus

MODEL = botocore.session.get_session().get_service_model("ec2")
ROLE = "arn:aws:iam::123456789012:role/flow-logs"
WELL = {
    "ResourceType": "VPC",
    "ResourceIds": ["vpc-a"],
    "TrafficType": "ALL",
    "LogDestinationType": "s3",
    "LogDestination": "arn:aws:s3:::logs/team/",
}


@pytest.fixture
def service(tmp_path):
    state = State(tmp_path / "state.sqlite")
    clock = itertools.count(1_580_816_773.831)
    yield FlowLogService(FlowLogs(state), NETWORK, "123456789012", "eu-central-1", clock=lambda: next(clock))
    state.close()


def asked(**changes):
    """Return a sound request with changes; None takes a parameter away."""
    return {name: value for name, value in {**WELL, **changes}.items() if value is not None}


def fits(operation, answer):
    """Check an answer against the shape that the SDK reads."""
    shape = MODEL.operation_model(operation).output_shape
    # Older SDKs do not know the newest members.
    known = _known(answer, shape)
    report = ParamValidator().validate(known, shape)
    assert not report.has_errors(), report.generate_report()


def _known(value, shape):
    if shape.type_name == "structure":
        return {name: _known(part, shape.members[name]) for name, part in value.items() if name in shape.members}
    if shape.type_name == "list":
        return [_known(part, shape.member) for part in value]
    return 0 if shape.type_name == "timestamp" else value


def test_a_flow_log_is_made_and_shown_as_the_sdk_reads_it(service):
    made = service.create(asked())
    fits("CreateFlowLogs", made)
    assert made["Unsuccessful"] == []
    assert made["ClientToken"]
    (flow_log_id,) = made["FlowLogIds"]
    assert flow_log_id.startswith("fl-")
    assert len(flow_log_id) == 20
    answer = service.describe()
    fits("DescribeFlowLogs", answer)
    assert answer["FlowLogs"] == [
        {
            "CreationTime": "2020-02-04T11:46:13.831Z",
            "DeliverLogsStatus": "SUCCESS",
            "FlowLogId": flow_log_id,
            "FlowLogStatus": "ACTIVE",
            "ResourceId": "vpc-a",
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::logs/team/",
            "LogFormat": "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
            "${packets} ${bytes} ${start} ${end} ${action} ${log-status}",
            "Tags": [],
            "MaxAggregationInterval": 600,
            "DestinationOptions": {
                "FileFormat": "plain-text",
                "HiveCompatiblePartitions": False,
                "PerHourPartition": False,
            },
        }
    ]


def test_every_parameter_is_kept(service):
    request = asked(
        LogFormat="${version} ${instance-tag} ${interface-tag-2} ${next-hop-vpc-id}",
        MaxAggregationInterval=60,
        DestinationOptions={"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": True},
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "net"}]}],
        TagFieldSpecifications=[
            {"ResourceType": "instance", "TagKeys": ["Name"]},
            {"ResourceType": "network-interface", "TagKeys": ["Name", "team"]},
        ],
        DeliverLogsPermissionArn=ROLE,
        DeliverCrossAccountRole=ROLE,
    )
    service.create(request)
    (shape,) = service.describe()["FlowLogs"]
    for name in (
        "LogFormat",
        "MaxAggregationInterval",
        "DestinationOptions",
        "TagFieldSpecifications",
        "DeliverLogsPermissionArn",
    ):
        assert shape[name] == request[name]
    assert shape["DeliverCrossAccountRole"] == ROLE
    assert shape["Tags"] == [{"Key": "team", "Value": "net"}]


def test_a_log_group_by_name_has_no_destination(service):
    service.create(
        asked(LogDestinationType=None, LogDestination=None, LogGroupName="flows", DeliverLogsPermissionArn=ROLE)
    )
    (shape,) = service.describe()["FlowLogs"]
    assert shape["LogGroupName"] == "flows"
    assert shape["LogDestinationType"] == "cloud-watch-logs"
    assert "LogDestination" not in shape
    assert "DestinationOptions" not in shape


@pytest.mark.parametrize(
    ("given", "kind", "shown"),
    [
        ("s3://logs/team/", "s3", "arn:aws:s3:::logs/team/"),
        ("file:///srv/flow%20logs/", "folder", "file:///srv/flow logs"),
        ("lake", "lake", "lake"),
        ("stdout", "stdout", "stdout"),
    ],
)
def test_destinations_of_ours_tell_their_type(service, given, kind, shown):
    service.create(asked(LogDestinationType=None, LogDestination=given))
    with pytest.raises(ResourceError, match="existing Flow Log"):
        service.create(asked(LogDestinationType=kind, LogDestination=given if given != "lake" else None))
    (shape,) = service.describe()["FlowLogs"]
    assert (shape["LogDestinationType"], shape["LogDestination"]) == (kind, shown)


TGW = {"ResourceType": "TransitGateway", "ResourceIds": ["tgw-1"], "TrafficType": None}


def test_a_transit_gateway_has_its_own_default_format_and_interval(service):
    service.create(asked(**TGW))
    service.create(
        asked(**{**TGW, "ResourceType": "TransitGatewayAttachment", "ResourceIds": ["tgw-attach-0123456789abcdef0"]})
    )
    for shape in service.describe()["FlowLogs"]:
        assert shape["MaxAggregationInterval"] == 60
        assert shape["LogFormat"].startswith("${version} ${resource-type} ${account-id} ${tgw-id}")
        assert "TrafficType" not in shape


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"ResourceType": None}, "MissingParameter", "ResourceType"),
        ({"ResourceType": "vpc"}, "InvalidParameterValue", "Value \\(vpc\\)"),
        ({"ResourceIds": []}, "MissingParameter", "ResourceId"),
        ({"ResourceIds": [f"vpc-{n}" for n in range(301)]}, "InvalidParameterValue", "301"),
        ({**TGW, "ResourceIds": [f"tgw-{n}" for n in range(26)]}, "InvalidParameterValue", "26"),
        ({"TrafficType": None}, "MissingParameter", "TrafficType"),
        ({"TrafficType": "accept"}, "InvalidParameterValue", "accept"),
        ({**TGW, "TrafficType": "ALL"}, "InvalidParameter", "TrafficType"),
        ({**TGW, "MaxAggregationInterval": 600}, "InvalidParameter", "Invalid Flow Log Max Aggregation Interval"),
        ({"MaxAggregationInterval": 90}, "InvalidParameter", "^Invalid Flow Log Max Aggregation Interval"),
        ({"MaxAggregationInterval": 0}, "InvalidParameter", "^Invalid Flow Log Max Aggregation Interval"),
        (
            {"LogDestination": None},
            "InvalidParameter",
            "LogDestination can't be empty if LogGroupName is not provided.",
        ),
        (
            {"LogDestinationType": None, "LogDestination": None, "LogGroupName": "g"},
            "InvalidParameter",
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
        ),
        (
            {"LogGroupName": "g"},
            "InvalidParameter",
            "LogDestination type must be cloud-watch-logs if LogGroupName is provided.",
        ),
        ({"LogDestinationType": "S3"}, "InvalidParameterValue", "S3"),
        ({"LogDestinationType": "kinesis-data-firehose", "LogDestination": "lake"}, "InvalidParameter", "lake"),
        ({"LogDestination": "arn:aws:s3:::logs/AWSLogs/x/"}, "InvalidParameter", "AWSLogs is reserved"),
        ({"LogDestination": "logs"}, "InvalidParameter", "LogDestination is invalid"),
        ({"LogDestinationType": None, "LogDestination": "file://host/x"}, "InvalidParameter", "folder"),
        ({"LogFormat": "${version} ${banana}"}, "InvalidParameter", "banana"),
        ({"LogFormat": "${version} ${version}"}, "InvalidParameter", "LogFormat is invalid"),
        ({"LogFormat": "version"}, "InvalidParameter", "LogFormat is invalid"),
        ({"LogFormat": "${version} ${tgw-id}"}, "InvalidParameter", "tgw-id"),
        ({**TGW, "LogFormat": "${version} ${vpc-id}"}, "InvalidParameter", "vpc-id"),
        ({"LogFormat": "${instance-tag}"}, "InvalidParameter", "TagFieldSpecification"),
        ({"DestinationOptions": {"FileFormat": "csv"}}, "InvalidParameterValue", "csv"),
        ({"DestinationOptions": {"Hive": True}}, "InvalidParameter", "Hive"),
        ({"DestinationOptions": {"PerHourPartition": "maybe"}}, "InvalidParameterValue", "maybe"),
        ({"TagSpecifications": [{"ResourceType": "instance", "Tags": []}]}, "InvalidParameterValue", "instance"),
        (
            {"TagSpecifications": [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "aws:x", "Value": ""}]}]},
            "InvalidParameterValue",
            "aws:x",
        ),
        (
            {"TagFieldSpecifications": [{"ResourceType": "instance", "TagKeys": ["a", "b", "c"]}]},
            "InvalidParameter",
            "instance",
        ),
        ({"DeliverLogsPermissionArn": "role"}, "InvalidParameter", "role"),
        ({"DryRun": True}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
    ],
)
def test_what_aws_refuses_is_refused_with_its_code_and_makes_nothing(service, changes, code, text):
    with pytest.raises(ResourceError, match=text) as refused:
        service.create(asked(**changes))
    assert refused.value.aws_code == code
    assert service.describe()["FlowLogs"] == []


def test_resources_that_cannot_have_one_are_named_and_the_others_get_theirs(service):
    answer = service.create(
        asked(ResourceType="Subnet", ResourceIds=["subnet-public", "subnet-nowhere", "subnet-edge"])
    )
    fits("CreateFlowLogs", answer)
    assert len(answer["FlowLogIds"]) == 2
    (refused,) = answer["Unsuccessful"]
    assert refused["ResourceId"] == "subnet-nowhere"
    assert refused["Error"]["Code"] == "InvalidSubnetId.NotFound"
    assert "Unknown resource subnet-nowhere" in refused["Error"]["Message"]
    assert [shape["ResourceId"] for shape in service.describe()["FlowLogs"]] == ["subnet-public", "subnet-edge"]


def test_the_same_flow_log_is_made_once(service):
    service.create(asked())
    with pytest.raises(
        ResourceError, match="existing Flow Log with the same configuration and log destination"
    ) as refused:
        service.create(asked())
    assert refused.value.aws_code == "FlowLogAlreadyExists"
    assert len(service.create(asked(TrafficType="REJECT"))["FlowLogIds"]) == 1
    answer = service.create(asked(ResourceIds=["vpc-a", "vpc-b"]))
    assert len(answer["FlowLogIds"]) == 1
    assert [(one["ResourceId"], one["Error"]["Code"]) for one in answer["Unsuccessful"]] == [
        ("vpc-a", "FlowLogAlreadyExists")
    ]


def test_a_resource_has_at_most_its_quota(service):
    for number in range(QUOTA):
        service.create(asked(LogDestination=f"arn:aws:s3:::logs/{number}/"))
    (refused,) = service.create(asked(LogDestination="arn:aws:s3:::logs/one-more/"))["Unsuccessful"]
    assert refused["Error"]["Code"] == "FlowLogsLimitExceeded"
    assert len(service.describe()["FlowLogs"]) == QUOTA


def test_a_bucket_that_is_not_there_is_an_error_of_each_resource(service):
    told = ("400", "LogDestination: logs does not exist.")
    answer = replace(service, undeliverable=lambda _: told).create(asked(ResourceIds=["vpc-a", "vpc-b"]))
    assert answer["FlowLogIds"] == []
    assert [tuple(one["Error"].values()) for one in answer["Unsuccessful"]] == [told] * 2


def test_the_same_token_makes_nothing_twice(service):
    first = service.create(asked(ClientToken="once"))
    assert service.create(asked(ClientToken="once")) == first
    assert first["ClientToken"] == "once"
    assert len(service.describe()["FlowLogs"]) == 1
    with pytest.raises(ResourceError) as refused:
        service.create(asked(ClientToken="once", TrafficType="REJECT"))
    assert refused.value.aws_code == "IdempotentParameterMismatch"


# --- describe, delete ------------------------------------------------------------------------------------------


def _several(service):
    tags = [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "net"}]}]
    one = service.create(asked(TagSpecifications=tags))["FlowLogIds"]
    two = service.create(asked(ResourceType="Subnet", ResourceIds=["subnet-edge"], TrafficType="REJECT"))["FlowLogIds"]
    group = {
        "LogDestinationType": None,
        "LogDestination": None,
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": ROLE,
    }
    three = service.create(asked(**group))["FlowLogIds"]
    service.flow_logs.report(three[0], DeliveryStatus("FAILED", "Access error", "denied"))
    return [*one, *two, *three]


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("deliver-log-status", ["FAILED"], [2]),
        ("log-destination-type", ["s3"], [0, 1]),
        ("log-group-name", ["flows"], [2]),
        ("resource-id", ["vpc-a"], [0, 2]),
        ("resource-id", ["subnet-*", "vpc-?"], [0, 1, 2]),
        ("traffic-type", ["REJECT", "ACCEPT"], [1]),
        ("traffic-type", ["reject"], []),
        ("tag:team", ["net"], [0]),
        ("tag:Team", ["net"], []),
        ("tag-key", ["team"], [0]),
    ],
)
def test_filters_let_through_what_they_name(service, name, values, found):
    ids = _several(service)
    answer = service.describe({"Filter": [{"Name": name, "Values": values}]})
    assert [ids.index(shape["FlowLogId"]) for shape in answer["FlowLogs"]] == found


def test_filters_must_all_hold(service):
    _several(service)
    filters = [{"Name": "resource-id", "Values": ["vpc-a"]}, {"Name": "log-destination-type", "Values": ["s3"]}]
    assert len(service.describe({"Filter": filters})["FlowLogs"]) == 1


def test_what_delivery_came_to_is_shown(service):
    shape = service.describe({"FlowLogIds": [_several(service)[2]]})["FlowLogs"][0]
    assert (shape["DeliverLogsStatus"], shape["DeliverLogsErrorMessage"]) == ("FAILED", "Access error")
    assert shape["FlowLogStatus"] == "ACTIVE"


def test_pages_together_are_everything_whatever_is_deleted_meanwhile(service):
    ids = [service.create(asked(LogDestination=f"arn:aws:s3:::logs/{n}/"))["FlowLogIds"][0] for n in range(12)]
    seen, request = [], {"MaxResults": 5}
    while True:
        answer = service.describe(request)
        seen += [shape["FlowLogId"] for shape in answer["FlowLogs"]]
        if "NextToken" not in answer:
            break
        service.delete([answer["FlowLogs"][-1]["FlowLogId"]])
        request = {"MaxResults": 5, "NextToken": answer["NextToken"]}
    assert seen == ids


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"MaxResults": 4}, "InvalidParameterValue"),
        ({"NextToken": "???"}, "InvalidNextToken"),
        ({"FlowLogIds": ["fl-0"]}, "InvalidFlowLogId.NotFound"),
        ({"FlowLogIds": ["fl-0"] * 1001}, "InvalidParameterValue"),
        ({"Filter": [{"Name": "banana", "Values": ["x"]}]}, "InvalidParameterValue"),
        ({"Filter": [{"Name": "tag-key", "Values": []}]}, "InvalidParameterValue"),
    ],
)
def test_a_question_that_is_none_is_refused(service, request_, code):
    with pytest.raises(ResourceError) as refused:
        service.describe(request_)
    assert refused.value.aws_code == code


def test_deleting_names_what_is_not_there_and_deletes_the_rest(service):
    one, two, three = _several(service)
    answer = service.delete([one, "fl-0", three])
    fits("DeleteFlowLogs", answer)
    (refused,) = answer["Unsuccessful"]
    assert refused["ResourceId"] == "fl-0"
    assert refused["Error"]["Code"] == "InvalidFlowLogId.NotFound"
    assert [shape["FlowLogId"] for shape in service.describe()["FlowLogs"]] == [two]
    with pytest.raises(ResourceError):
        service.delete([])
