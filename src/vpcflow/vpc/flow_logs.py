"""A flow log: of which resources, which traffic, in which format, to which destination.

Names and values are those of the EC2 API. Source: EC2 API Reference `FlowLog`, `CreateFlowLogs`, `DescribeFlowLogs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

from vpcflow.record.format import DEFAULT, LogFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

ResourceType = Literal[
    "VPC", "Subnet", "NetworkInterface", "RegionalNatGateway", "TransitGateway", "TransitGatewayAttachment"
]
TrafficType = Literal["ACCEPT", "REJECT", "ALL"]
LogDestinationType = Literal["cloud-watch-logs", "s3", "kinesis-data-firehose", "folder", "lake", "stdout"]
FileFormat = Literal["plain-text", "parquet"]
DeliverLogsStatus = Literal["SUCCESS", "FAILED"]
TaggedType = Literal["network-interface", "instance", "auto-scaling-group"]

RESOURCE_TYPES: Final[tuple[ResourceType, ...]] = get_args(ResourceType)
TRAFFIC_TYPES: Final[tuple[TrafficType, ...]] = get_args(TrafficType)
FILE_FORMATS: Final[tuple[FileFormat, ...]] = get_args(FileFormat)

AWS_DESTINATIONS: Final[tuple[LogDestinationType, ...]] = ("cloud-watch-logs", "s3", "kinesis-data-firehose")
"""What the EC2 API knows; `folder`, `lake` and `stdout` are ours."""

DESTINATIONS: Final[tuple[LogDestinationType, ...]] = get_args(LogDestinationType)

ACCESS_ERROR: Final = "Access error"
RATE_LIMITED: Final = "Rate limited"
UNKNOWN_ERROR: Final = "Unknown error"
"""All that `deliverLogsErrorMessage` ever says."""


@dataclass(frozen=True, slots=True)
class DestinationOptions:
    """How files are laid out; for destinations that have files (`s3`, `folder`)."""

    file_format: FileFormat = "plain-text"
    hive_compatible_partitions: bool = False
    per_hour_partition: bool = False


@dataclass(frozen=True, slots=True)
class TagFieldSpecification:
    """Which tags of a kind of resource fill the tag fields: the first key `…-tag`, the second `…-tag-2`."""

    resource_type: TaggedType
    tag_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlowLog:
    """One flow log of one resource. Immutable, as at AWS: another one is another flow log.

    id: `fl-…`. resource_id: one resource; CreateFlowLogs makes one flow log for each. account, region: of whoever made it; they
    are in object keys.
    traffic_type: None for transit gateways, which have no action.
    log_destination: an ARN (`s3`, `kinesis-data-firehose`, `cloud-watch-logs`), for ours a folder or a lake, empty for `stdout`
    and for a log group that was given by name. log_group_name: only of `cloud-watch-logs`.
    interval_s: `MaxAggregationInterval`. creation_time: s since the epoch, with its fraction.
    client_token: of the call that made it. tags: of the flow log itself.
    """

    id: str
    resource_type: ResourceType
    resource_id: str
    account: str
    region: str
    traffic_type: TrafficType | None = "ALL"
    log_destination_type: LogDestinationType = "cloud-watch-logs"
    log_destination: str = ""
    log_group_name: str = ""
    log_format: LogFormat = DEFAULT
    interval_s: int = 600
    options: DestinationOptions = DestinationOptions()
    tag_fields: tuple[TagFieldSpecification, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: float = 0.0
    deliver_logs_permission_arn: str = ""
    deliver_cross_account_role: str = ""
    client_token: str = ""

    @property
    def is_transit_gateway(self) -> bool:
        """Whether its records are those of transit gateways."""
        return self.resource_type.startswith("TransitGateway")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:ec2:{self.region}:{self.account}:vpc-flow-log/{self.id}"


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How delivery of one flow log goes, as DescribeFlowLogs shows it.

    status: None before anything was tried. error_message: `deliverLogsErrorMessage` of a FAILED one, one of the three above.
    reason: what the destination answered, for people.
    """

    status: DeliverLogsStatus | None = None
    error_message: str = ""
    reason: str = ""
