"""CreateFlowLogs, DescribeFlowLogs and DeleteFlowLogs: requests and answers are dicts in boto3's names.

A door (the command line, an HTTP server) turns its own words into a request and the answer into its own words; all rules are here
and in `flow_log_request`.

Source: EC2 API Reference `CreateFlowLogs`, `DescribeFlowLogs`, `DeleteFlowLogs`, `FlowLog`.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict

from vpcflow.app.flow_log_request import Asked, CreateFlowLogsRequest, check, listed
from vpcflow.errors import RequestError, ResourceError
from vpcflow.vpc.flow_logs import FlowLog
from vpcflow.vpc.membership import interfaces_of, known_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vpcflow.state.flow_logs import Creating, FlowLogs
    from vpcflow.vpc.flow_logs import DeliveryStatus
    from vpcflow.vpc.topology import Network

QUOTA: Final = 250
"""Flow logs per resource."""

_MAX_IDS: Final = 1000
_PAGE: Final = range(5, 1001)
_NOT_FOUND: Final = {
    "VPC": "InvalidVpcId.NotFound",
    "Subnet": "InvalidSubnetId.NotFound",
    "NetworkInterface": "InvalidNetworkInterfaceId.NotFound",
    "RegionalNatGateway": "InvalidNatGatewayId.NotFound",
    "TransitGateway": "InvalidTransitGatewayId.NotFound",
    "TransitGatewayAttachment": "InvalidTransitGatewayAttachmentId.NotFound",
}
_KNOWN_SHOWN: Final = 4


class ItemError(TypedDict):
    """Why one resource, or one flow log, was refused."""

    Code: str
    Message: str


class Unsuccessful(TypedDict):
    """One that was refused."""

    ResourceId: str
    Error: ItemError


class CreateFlowLogsResult(TypedDict):
    """The answer of CreateFlowLogs."""

    ClientToken: str
    FlowLogIds: list[str]
    Unsuccessful: list[Unsuccessful]


class DescribeFlowLogsRequest(TypedDict, total=False):
    """What DescribeFlowLogs is asked. Filter: as the API has it, a list of {Name, Values}."""

    FlowLogIds: Sequence[str]
    Filter: Sequence[Mapping[str, Any]]
    MaxResults: int
    NextToken: str
    DryRun: bool


class DescribeFlowLogsResult(TypedDict, total=False):
    """The answer of DescribeFlowLogs; no NextToken on the last page."""

    FlowLogs: list[dict[str, Any]]
    NextToken: str


class DeleteFlowLogsResult(TypedDict):
    """The answer of DeleteFlowLogs."""

    Unsuccessful: list[Unsuccessful]


@dataclass(frozen=True, slots=True)
class FlowLogService:
    """The three operations.

    network: what is known of the resources. account, region: who creates. undeliverable: says why nothing can be delivered there,
    as (code, message), None where it can or cannot be told. lake: the lake that ``lake`` as a destination means.
    """

    flow_logs: FlowLogs
    network: Network
    account: str
    region: str
    lake: str = ""
    undeliverable: Callable[[Asked], tuple[str, str] | None] = lambda _: None
    clock: Callable[[], float] = time.time

    # --- CreateFlowLogs ----------------------------------------------------------------------------------------

    def create(self, request: CreateFlowLogsRequest) -> CreateFlowLogsResult:
        """Make a flow log for each resource; those that cannot have one are named in `Unsuccessful`.

        ResourceError for what is wrong with the call as a whole, and when every resource has the same flow log already.
        """
        asked = check(request)
        _unless_dry(request.get("DryRun"))
        reason = self.undeliverable(asked)
        with self.flow_logs.creating() as creating:
            wanted = json.dumps({**request, "ClientToken": ""}, sort_keys=True, default=list)
            if asked.client_token and (before := creating.answered(asked.client_token)):
                if before[0] != wanted:
                    raise ResourceError("flow_logs.other_request", aws_code="IdempotentParameterMismatch")
                answer: CreateFlowLogsResult = json.loads(before[1])
                return answer
            result = self._created(asked, creating, reason)
            if asked.client_token:
                creating.remember(asked.client_token, wanted, json.dumps(result))
        return result

    def _created(self, asked: Asked, creating: Creating, reason: tuple[str, str] | None) -> CreateFlowLogsResult:
        token = asked.client_token or base64.b64encode(secrets.token_bytes(32)).decode()
        result = CreateFlowLogsResult(ClientToken=token, FlowLogIds=[], Unsuccessful=[])
        for resource_id in asked.resource_ids:
            made = self._flow_log(asked, resource_id)
            refused = reason or self._refused(made, creating)
            if refused is None:
                creating.add(made)
                result["FlowLogIds"].append(made.id)
            else:
                error = ItemError(Code=refused[0], Message=refused[1])
                result["Unsuccessful"].append(Unsuccessful(ResourceId=resource_id, Error=error))
        if (
            all(one["Error"]["Code"] == "FlowLogAlreadyExists" for one in result["Unsuccessful"])
            and not result["FlowLogIds"]
        ):
            raise ResourceError("flow_logs.exists", aws_code="FlowLogAlreadyExists")
        return result

    def _refused(self, new: FlowLog, creating: Creating) -> tuple[str, str] | None:
        """Return code and text of why a resource does not get this flow log."""
        resource_id = new.resource_id
        if interfaces_of(self.network, new.resource_type, resource_id) is None:
            named = {**self.network.vpcs, **self.network.subnets, **self.network.interfaces}
            known = [
                f"{one} ({name})" if (name := getattr(named.get(one), "name", "")) else one
                for one in known_resources(self.network, new.resource_type)
            ]
            words = ", ".join(known[:_KNOWN_SHOWN]) + (" …" if len(known) > _KNOWN_SHOWN else "")
            code = "flow_logs.unknown_resource" if known else "flow_logs.unknown_resource_none"
            error = ResourceError(code, aws_code=_NOT_FOUND[new.resource_type], id=resource_id, known=words)
            return error.aws_code, error.message
        there = list(creating.of_resource(resource_id))
        if any(_same(one, new) for one in there):
            return "FlowLogAlreadyExists", ResourceError("flow_logs.exists", aws_code="").message
        if len(there) >= QUOTA:
            return "FlowLogsLimitExceeded", ResourceError(
                "flow_logs.quota", aws_code="", id=resource_id, most=QUOTA
            ).message
        return None

    def _flow_log(self, asked: Asked, resource_id: str) -> FlowLog:
        return FlowLog(
            f"fl-{secrets.token_hex(9)[:17]}",
            asked.resource_type,
            resource_id,
            self.account,
            self.region,
            traffic_type=asked.traffic_type,
            log_destination_type=asked.log_destination_type,
            log_destination=self.lake if asked.log_destination_type == "lake" else asked.log_destination,
            log_group_name=asked.log_group_name,
            log_format=asked.log_format,
            interval_s=asked.interval_s,
            options=asked.options,
            tag_fields=asked.tag_fields,
            tags=asked.tags,
            creation_time=self.clock(),
            deliver_logs_permission_arn=asked.role,
            deliver_cross_account_role=asked.cross_account_role,
            client_token=asked.client_token,
        )

    # --- DescribeFlowLogs --------------------------------------------------------------------------------------

    def describe(self, request: DescribeFlowLogsRequest | None = None) -> DescribeFlowLogsResult:
        """Return the flow logs that all filters let through, in the order of their making, a page at a time."""
        request = request or {}
        _unless_dry(request.get("DryRun"))
        ids = request.get("FlowLogIds") or ()
        _at_most("FlowLogIds", ids)
        filters = [_filter(item) for item in request.get("Filter") or ()]
        every, statuses = self.flow_logs.all(), self.flow_logs.statuses()
        if missing := [one for one in ids if one not in {found.id for found in every}]:
            raise _not_found(missing)
        found = [
            shape
            for one in every
            if not ids or one.id in ids
            for shape in [described(one, statuses.get(one.id))]
            if all(_passes(shape, name, values) for name, values in filters)
        ]
        return _page(found, request)

    # --- DeleteFlowLogs ----------------------------------------------------------------------------------------

    def delete(self, ids: Sequence[str], *, dry_run: bool = False) -> DeleteFlowLogsResult:
        """Delete flow logs; those that are none are named in `Unsuccessful`. What was delivered stays."""
        if not ids:
            raise RequestError("flow_logs.missing", aws_code="MissingParameter", name="FlowLogId")
        _at_most("FlowLogIds", ids)
        _unless_dry(dry_run)
        missing = [(one, _not_found([one])) for one in self.flow_logs.remove(list(dict.fromkeys(ids)))]
        return DeleteFlowLogsResult(
            Unsuccessful=[
                Unsuccessful(ResourceId=one, Error=ItemError(Code=error.aws_code, Message=error.message))
                for one, error in missing
            ]
        )


def described(flow_log: FlowLog, status: DeliveryStatus | None = None) -> dict[str, Any]:
    """Return a flow log as DescribeFlowLogs shows it; what is not set is left out."""
    created = datetime.fromtimestamp(flow_log.creation_time, UTC).isoformat(timespec="milliseconds")
    own = {"folder": f"file://{flow_log.log_destination}", "lake": "lake", "stdout": "stdout"}
    options = flow_log.options
    shape: dict[str, Any] = {
        "CreationTime": created.replace("+00:00", "Z"),
        "DeliverLogsErrorMessage": status.error_message if status else "",
        "DeliverLogsPermissionArn": flow_log.deliver_logs_permission_arn,
        "DeliverCrossAccountRole": flow_log.deliver_cross_account_role,
        "DeliverLogsStatus": (status.status if status else None) or "SUCCESS",
        "FlowLogId": flow_log.id,
        "FlowLogStatus": "ACTIVE",
        "LogGroupName": flow_log.log_group_name,
        "ResourceId": flow_log.resource_id,
        "TrafficType": flow_log.traffic_type or "",
        "LogDestinationType": flow_log.log_destination_type,
        "LogDestination": own.get(flow_log.log_destination_type, flow_log.log_destination),
        "LogFormat": str(flow_log.log_format),
        "Tags": [{"Key": key, "Value": value} for key, value in flow_log.tags.items()],
        "MaxAggregationInterval": flow_log.interval_s,
    }
    shape = {name: value for name, value in shape.items() if value != ""}
    if flow_log.log_destination_type in ("s3", "folder"):
        shape["DestinationOptions"] = {
            "FileFormat": options.file_format,
            "HiveCompatiblePartitions": options.hive_compatible_partitions,
            "PerHourPartition": options.per_hour_partition,
        }
    if flow_log.tag_fields:
        shape["TagFieldSpecifications"] = [
            {"ResourceType": one.resource_type, "TagKeys": list(one.tag_keys)} for one in flow_log.tag_fields
        ]
    return shape


def _same(one: FlowLog, other: FlowLog) -> bool:
    """Tell whether two flow logs are the same configuration and destination."""
    names = (
        "resource_id", "resource_type", "traffic_type", "log_destination_type", "log_destination", "log_group_name",
        "log_format", "interval_s", "options", "tag_fields",
    )  # fmt: skip
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _not_found(ids: Sequence[str]) -> ResourceError:
    words = ", ".join(ids)
    return ResourceError("flow_logs.not_found", aws_code="InvalidFlowLogId.NotFound", count=len(ids), ids=words)


def _at_most(name: str, ids: Sequence[str]) -> None:
    if len(ids) > _MAX_IDS:
        values = {"name": name, "count": len(ids), "most": _MAX_IDS}
        raise RequestError("flow_logs.too_many", aws_code="InvalidParameterValue", **values)


def _unless_dry(dry_run: object) -> None:
    if dry_run:
        raise ResourceError("flow_logs.dry_run", aws_code="DryRunOperation")


# --- filters ---------------------------------------------------------------------------------------------------


def _tag_values(key: str) -> Callable[[dict[str, Any]], Iterator[str]]:
    return lambda shape: (tag["Value"] for tag in shape["Tags"] if tag["Key"] == key)


_FILTERS: Final[dict[str, Callable[[dict[str, Any]], Iterator[str] | tuple[str, ...]]]] = {
    "deliver-log-status": lambda shape: (shape["DeliverLogsStatus"],),
    "log-destination-type": lambda shape: (shape["LogDestinationType"],),
    "flow-log-id": lambda shape: (shape["FlowLogId"],),
    "log-group-name": lambda shape: (shape.get("LogGroupName", ""),),
    "resource-id": lambda shape: (shape["ResourceId"],),
    "traffic-type": lambda shape: (shape.get("TrafficType", ""),),
    "tag-key": lambda shape: (tag["Key"] for tag in shape["Tags"]),
}


def _filter(item: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    name, values = str(item.get("Name", "")), tuple(map(str, listed(item.get("Values"))))
    if name not in _FILTERS and not (name.startswith("tag:") and len(name) > len("tag:")):
        words = ", ".join([*_FILTERS, "tag:KEY"])
        raise RequestError("flow_logs.bad_filter", aws_code="InvalidParameterValue", name=name, words=words)
    if not values:
        raise RequestError("flow_logs.empty_filter", aws_code="InvalidParameterValue", name=name)
    return name, values


def _passes(shape: dict[str, Any], name: str, values: Sequence[str]) -> bool:
    """Tell whether one of *values* fits; ``*`` and ``?`` stand for others, as in filters of other EC2 calls."""
    tell = _tag_values(name.removeprefix("tag:")) if name.startswith("tag:") else _FILTERS[name]
    patterns = [value.replace("[", "[[]") for value in values]
    return any(fnmatch.fnmatchcase(told, pattern) for told in tell(shape) for pattern in patterns)


def _page(found: list[dict[str, Any]], request: DescribeFlowLogsRequest) -> DescribeFlowLogsResult:
    """Cut the page out; the token names the last flow log of the page before, so that a deletion moves nothing."""
    size = request.get("MaxResults")
    if size is not None and size not in _PAGE:
        values = {"low": _PAGE[0], "high": _PAGE[-1], "value": size}
        raise RequestError("flow_logs.page", aws_code="InvalidParameterValue", **values)
    begin = 0
    if token := request.get("NextToken"):
        begin = _after(found, token)
    page = found[begin : begin + (size or len(found))]
    result = DescribeFlowLogsResult(FlowLogs=page)
    if begin + len(page) < len(found):
        last = f"{page[-1]['CreationTime']} {page[-1]['FlowLogId']}"
        result["NextToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    return result


def _after(found: list[dict[str, Any]], token: str) -> int:
    try:
        created, _, last = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(" ")
    except (binascii.Error, UnicodeDecodeError):
        created = last = ""
    if not last:
        raise RequestError("flow_logs.bad_token", aws_code="InvalidNextToken")
    for place, shape in enumerate(found):
        if shape["FlowLogId"] == last:
            return place + 1
    return sum(shape["CreationTime"] <= created for shape in found)
