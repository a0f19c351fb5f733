"""A CreateFlowLogs request, checked as the EC2 API checks it: names, values and texts are AWS's.

Destinations of ours, beside AWS's three types: ``file:///folder``, ``lake`` and ``stdout`` as `LogDestination`; and
``s3://bucket/folder/`` is taken for the ARN it means.

Source: EC2 API Reference `CreateFlowLogs`; texts of errors as published servers and fixtures have them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast
from urllib.parse import unquote, urlsplit

from vpcflow.errors import FormatError, RequestError
from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT, TGW_DEFAULT, LogFormat
from vpcflow.vpc.flow_logs import (
    AWS_DESTINATIONS,
    DESTINATIONS,
    FILE_FORMATS,
    RESOURCE_TYPES,
    TRAFFIC_TYPES,
    DestinationOptions,
    LogDestinationType,
    ResourceType,
    TagFieldSpecification,
    TrafficType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_RESOURCES: Final = 300
_MAX_TRANSIT_GATEWAYS: Final = 25
_MAX_TAGS: Final = 50
_GROUP: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}", re.ASCII)
_LOGS_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:([.\-_/#A-Za-z0-9]{1,512})(:\*)?", re.ASCII
)
_S3_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.ASCII)
_FIREHOSE_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:firehose:[a-z0-9-]+:\d{12}:deliverystream[:/][A-Za-z0-9_.-]{1,64}", re.ASCII
)
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_TAGGED: Final = {"network-interface": "interface-tag", "instance": "instance-tag", "auto-scaling-group": "asg-tag"}
_OWN: Final = ("lake", "stdout")


class CreateFlowLogsRequest(TypedDict, total=False):
    """What CreateFlowLogs is asked, in boto3's names."""

    ResourceIds: Sequence[str]
    ResourceType: str
    TrafficType: str
    LogDestinationType: str
    LogDestination: str
    LogGroupName: str
    DeliverLogsPermissionArn: str
    DeliverCrossAccountRole: str
    LogFormat: str
    MaxAggregationInterval: int
    DestinationOptions: Mapping[str, Any]
    TagSpecifications: Sequence[Mapping[str, Any]]
    TagFieldSpecifications: Sequence[Mapping[str, Any]]
    ClientToken: str
    DryRun: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is sound in itself; whether its resources exist is another matter."""

    resource_type: ResourceType
    resource_ids: tuple[str, ...]
    traffic_type: TrafficType | None
    log_destination_type: LogDestinationType
    log_destination: str
    log_group_name: str
    log_format: LogFormat
    interval_s: int
    options: DestinationOptions
    tag_fields: tuple[TagFieldSpecification, ...]
    tags: dict[str, str]
    role: str
    cross_account_role: str
    client_token: str


def check(request: CreateFlowLogsRequest) -> Asked:
    """Read a request; RequestError with AWS's code and text for what it refuses as a whole."""
    resource_type = cast("ResourceType", _one_of("ResourceType", request.get("ResourceType"), RESOURCE_TYPES))
    transit = resource_type.startswith("TransitGateway")
    kind, destination = _destination(request)
    group = request.get("LogGroupName") or ""
    _check_destination(request, kind, destination, group)
    specifications = _tag_fields(request.get("TagFieldSpecifications") or ())
    log_format = _log_format(request.get("LogFormat"), transit=transit)
    _check_tag_fields(log_format, specifications)
    return Asked(
        resource_type=resource_type,
        resource_ids=_resources(request.get("ResourceIds") or (), transit=transit),
        traffic_type=_traffic_type(request.get("TrafficType"), transit=transit),
        log_destination_type=kind,
        log_destination=destination,
        log_group_name=group,
        log_format=log_format,
        interval_s=_interval(request.get("MaxAggregationInterval"), transit=transit),
        options=_options(request.get("DestinationOptions") or {}, kind),
        tag_fields=specifications,
        tags=_tags(request.get("TagSpecifications") or ()),
        role=_role("DeliverLogsPermissionArn", request.get("DeliverLogsPermissionArn")),
        cross_account_role=_role("DeliverCrossAccountRole", request.get("DeliverCrossAccountRole")),
        client_token=request.get("ClientToken") or "",
    )


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - of any kind
    """Return a list as it is, and one thing alone as a list of it: a command line does not tell the two apart."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def bucket_of(arn: str) -> tuple[str, str]:
    """Return bucket and prefix of an S3 destination."""
    found = _S3_ARN.fullmatch(arn)
    return (found[1], (found[2] or "").strip("/")) if found else ("", "")


def _one_of(name: str, value: object, words: Sequence[str]) -> str:
    if not value:
        raise RequestError("flow_logs.missing", aws_code="MissingParameter", name=name)
    if value not in words:
        raise RequestError(
            "flow_logs.not_one_of", aws_code="InvalidParameterValue", name=name, value=value, words=", ".join(words)
        )
    return str(value)


def _resources(ids: Sequence[str], *, transit: bool) -> tuple[str, ...]:
    most = _MAX_TRANSIT_GATEWAYS if transit else _MAX_RESOURCES
    if not ids:
        raise RequestError("flow_logs.missing", aws_code="MissingParameter", name="ResourceId")
    if len(ids) > most:
        raise RequestError(
            "flow_logs.too_many", aws_code="InvalidParameterValue", name="ResourceIds", count=len(ids), most=most
        )
    return tuple(dict.fromkeys(ids))


def _traffic_type(value: str | None, *, transit: bool) -> TrafficType | None:
    if transit:
        if value:
            raise RequestError("flow_logs.no_traffic_type")
        return None
    return cast("TrafficType", _one_of("TrafficType", value, TRAFFIC_TYPES))


def _interval(value: int | None, *, transit: bool) -> int:
    interval_s = value if value is not None else 60 if transit else 600
    if interval_s not in ((60,) if transit else (60, 600)):
        raise RequestError("flow_logs.interval_transit" if transit else "flow_logs.interval")
    return interval_s


def _destination(request: CreateFlowLogsRequest) -> tuple[LogDestinationType, str]:
    """Return type and destination; ours tell their type themselves, and so does ``s3://``."""
    given, type_given = request.get("LogDestination") or "", request.get("LogDestinationType") or ""
    destination = given
    if given in _OWN or (not given and type_given in _OWN):
        told = given or type_given
        destination = ""
    elif given.startswith("file://"):
        told = "folder"
        destination = _folder(given)
    elif given.startswith("s3://"):
        told = "s3"
        destination = f"arn:aws:s3:::{given.removeprefix('s3://')}"
    else:
        told = type_given or "cloud-watch-logs"
        if type_given:
            _one_of("LogDestinationType", type_given, AWS_DESTINATIONS)
    if type_given and type_given != told:
        raise RequestError("flow_logs.type_and_destination", type=type_given, destination=given)
    return cast("LogDestinationType", _one_of("LogDestinationType", told, DESTINATIONS)), destination


def _folder(given: str) -> str:
    parts = urlsplit(given)
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/") or "\0" in path:
        raise RequestError("flow_logs.bad_folder", destination=given)
    return str(Path(path))


def _check_destination(request: CreateFlowLogsRequest, kind: str, destination: str, group: str) -> None:
    own = kind not in AWS_DESTINATIONS
    if not own and not destination and not group:
        raise RequestError("flow_logs.no_destination")
    if group and kind != "cloud-watch-logs":
        raise RequestError("flow_logs.group_elsewhere")
    if group and destination:
        raise RequestError("flow_logs.group_and_destination", aws_code="InvalidParameterCombination")
    if kind == "cloud-watch-logs":
        if not request.get("DeliverLogsPermissionArn"):
            raise RequestError("flow_logs.no_role")
        if group and not _GROUP.fullmatch(group):
            raise RequestError("flow_logs.bad_group", name=group)
    shape = {"cloud-watch-logs": _LOGS_ARN, "s3": _S3_ARN, "kinesis-data-firehose": _FIREHOSE_ARN}.get(kind)
    if shape is not None and destination and not shape.fullmatch(destination):
        raise RequestError("flow_logs.bad_destination", destination=destination, type=kind)
    if kind == "s3" and bucket_of(destination)[1].split("/")[0] == "AWSLogs":
        raise RequestError("flow_logs.reserved_folder", destination=destination)


def _log_format(text: str | None, *, transit: bool) -> LogFormat:
    """Read the format. AWS's own texts for what is wrong with one are not published."""
    if not text:
        return TGW_DEFAULT if transit else DEFAULT
    try:
        found = LogFormat.parse(text)
    except FormatError as error:
        raise RequestError("flow_logs.bad_format", reason=error.message) from error
    family = "tgw" if transit else "vpc"
    for name in found.names:
        if name not in FIELDS:
            raise RequestError("flow_logs.unknown_field", name=name)
        if family not in FIELDS[name].families:
            raise RequestError("flow_logs.foreign_field", name=name)
    return found


def _options(given: Mapping[str, Any], kind: str) -> DestinationOptions:
    unknown = set(given) - {"FileFormat", "HiveCompatiblePartitions", "PerHourPartition"}
    if unknown:
        raise RequestError("flow_logs.unknown_option", name=min(unknown))
    if given and kind not in ("s3", "folder"):
        raise RequestError("flow_logs.options_elsewhere", type=kind)
    file_format = _one_of("FileFormat", given.get("FileFormat", "plain-text"), FILE_FORMATS)
    return DestinationOptions(
        cast("Any", file_format),
        *(_yes(name, given.get(name)) for name in ("HiveCompatiblePartitions", "PerHourPartition")),
    )


def _yes(name: str, value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise RequestError(
        "flow_logs.not_one_of", aws_code="InvalidParameterValue", name=name, value=value, words="true, false"
    )


def _role(name: str, value: str | None) -> str:
    if value and not _ROLE_ARN.fullmatch(value):
        raise RequestError("flow_logs.bad_role", name=name, value=value)
    return value or ""


def _tag_fields(given: Sequence[Mapping[str, Any]]) -> tuple[TagFieldSpecification, ...]:
    found: dict[str, TagFieldSpecification] = {}
    for item in given:
        kind = _one_of("TagFieldSpecification.ResourceType", item.get("ResourceType"), tuple(_TAGGED))
        keys = tuple(map(str, listed(item.get("TagKeys", item.get("TagKey")))))
        if not 1 <= len(keys) <= 2 or not all(1 <= len(key) <= 128 for key in keys) or kind in found:
            raise RequestError("flow_logs.bad_tag_fields", type=kind)
        found[kind] = TagFieldSpecification(cast("Any", kind), keys)
    return tuple(found.values())


def _check_tag_fields(log_format: LogFormat, given: Sequence[TagFieldSpecification]) -> None:
    keys = {_TAGGED[one.resource_type]: len(one.tag_keys) for one in given}
    for name in log_format.names:
        first, second = name.removesuffix("-2"), name.endswith("-2")
        if first in _TAGGED.values() and keys.get(first, 0) < (2 if second else 1):
            raise RequestError("flow_logs.no_tag_key", name=name)


def _tags(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given:
        _one_of("TagSpecification.ResourceType", item.get("ResourceType"), ("vpc-flow-log",))
        for tag in listed(item.get("Tags")):
            key, value = str(tag.get("Key", "")), str(tag.get("Value", ""))
            if not 1 <= len(key) <= 127 or key.startswith("aws:") or len(value) > 256 or key in found:
                raise RequestError("flow_logs.bad_tag", aws_code="InvalidParameterValue", key=key)
            found[key] = value
    if len(found) > _MAX_TAGS:
        raise RequestError(
            "flow_logs.too_many", aws_code="InvalidParameterValue", name="Tags", count=len(found), most=_MAX_TAGS
        )
    return found
