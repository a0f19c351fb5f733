"""Names of destinations: ARNs as CreateFlowLogs takes them, and shorter ones.

Source: EC2 API Reference `CreateFlowLogs`, `LogDestination`; CloudWatch Logs API Reference `CreateLogGroup`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vpcflow.errors import DeliveryError

_S3: Final = re.compile(
    r"(?:arn:aws[a-z-]*:s3:::|s3://)([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/([^\x00-\x1f\x7f]{0,700}))?", re.ASCII
)
_GROUP: Final = re.compile(
    r"(?:arn:aws[a-z-]*:logs:([a-z0-9-]{1,32}):(\d{12}):log-group:)?([.\-_/#A-Za-z0-9]{1,512})(?::\*)?", re.ASCII
)
_STREAM: Final = re.compile(
    r"(?:arn:aws[a-z-]*:firehose:([a-z0-9-]{1,32}):(\d{12}):deliverystream[/:])?([A-Za-z0-9._-]{1,64})", re.ASCII
)
_RESERVED: Final = "AWSLogs"
"""Folder that AWS makes itself. Source: VPC User Guide "Create a flow log that publishes to Amazon S3"."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket and the folders before ``AWSLogs``, without slashes at the ends."""

    bucket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A log group or a delivery stream; region and account where its ARN tells them."""

    name: str
    region: str | None = None
    account: str | None = None


def bucket_place(text: str) -> BucketPlace:
    """Read ``arn:aws:s3:::bucket/folder/`` or ``s3://bucket/folder``; DeliveryError for anything else, a folder AWSLogs too."""
    match = _S3.fullmatch(text)
    folders = (match[2] or "").strip("/").split("/") if match else []
    if match is None or any(folder in (".", "..") for folder in folders) or "" in folders[1:]:
        raise DeliveryError("deliver.bad_bucket", destination=text)
    if folders[0] == _RESERVED:
        raise DeliveryError("deliver.reserved", destination=text)
    return BucketPlace(match[1], "/".join(folders))


def group_place(text: str) -> NamedPlace:
    """Read a log group's name or ARN; DeliveryError for anything else."""
    return _named(_GROUP, text, "deliver.bad_group")


def stream_place(text: str) -> NamedPlace:
    """Read a delivery stream's name or ARN; DeliveryError for anything else."""
    return _named(_STREAM, text, "deliver.bad_stream")


def _named(pattern: re.Pattern[str], text: str, code: str) -> NamedPlace:
    match = pattern.fullmatch(text)
    if match is None:
        raise DeliveryError(code, destination=text)
    return NamedPlace(match[3], match[1], match[2])
