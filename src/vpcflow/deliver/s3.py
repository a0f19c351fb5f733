"""Amazon S3, and what speaks like it: objects under exactly the keys that AWS's own delivery writes.

boto3 rather than obstore, which cannot send an ACL: AWS's delivery gives the bucket's owner full control of each object.
Source: VPC User Guide "Publish flow logs to Amazon S3".
"""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from vpcflow.aws import client_of, meaning
from vpcflow.deliver.failure import fault
from vpcflow.deliver.objects import Files
from vpcflow.deliver.place import bucket_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vpcflow.aws import S3Access
    from vpcflow.deliver.destination import Unit
    from vpcflow.deliver.objects import WindowFiles
    from vpcflow.vpc.flow_logs import FlowLog

_ACL: Final = "bucket-owner-full-control"
_NO_ACL: Final = frozenset({"NotImplemented", "AccessControlListNotSupported", "XNotImplemented"})
"""How stores answer that have no ACLs; the bucket's owner owns all objects there."""

_TRIES: Final = 2
"""Of one request; what fails then waits for the next attempt of the delivery."""

_ANSWER_S: Final = 30

_REGION: Final = "us-east-1"


class S3Destination(Files):
    """A bucket. DeliveryError for a name that is none; missing credentials are told when something is sent."""

    at_once = 4

    def __init__(
        self,
        flow_log: FlowLog,
        access: S3Access,
        *,
        temporary: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        place = bucket_place(flow_log.log_destination)
        super().__init__(flow_log, place.prefix, self._store, temporary, clock)
        self.uri = f"s3://{place.bucket}/{place.prefix}".rstrip("/")
        self._access, self._bucket = access, place.bucket
        self._acl: dict[str, str] = {"ACL": _ACL}

    def shipments(self, unit: Unit) -> Iterator[WindowFiles]:
        """Yield a shipment for each window of *unit*."""
        self._client  # noqa: B018 - made once, before several threads want it
        return super().shipments(unit)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        access = self._access
        endpoint = access.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return client_of(
            "s3",
            access,
            source=self.uri,
            region=access.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION,
            endpoint_url=endpoint,
            tries=_TRIES,
            read_timeout=_ANSWER_S,
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Other stores refuse the checksums that newer boto3 sends by itself.
            request_checksum_calculation="when_required",
        )

    def _store(self, key: str, file: Any) -> None:  # noqa: ANN401 - any file
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is there by now

        for _ in range(2):
            file.seek(0)
            try:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=file, **self._acl)
            except (BotoCoreError, ClientError) as error:
                if self._acl and meaning(error).code in _NO_ACL:
                    self._acl = {}
                    continue
                raise fault(error, self.uri, "PutObject", endpoint=self._client.meta.endpoint_url) from error
            return

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()
