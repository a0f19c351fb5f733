"""AWS's services (CloudWatch Logs, SQS, EC2) asked with boto3; what they refuse comes out as SourceError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.aws import client_of, meaning
from vpcflow.collect.s3_faults import SourceUnavailableError
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.aws import S3Access

_OF_KIND: Final = {
    ("log_group", "denied"): "source.log_group_denied",
    ("log_group", "missing"): "source.log_group_missing",
    ("queue", "denied"): "source.queue_denied",
    ("queue", "missing"): "source.queue_missing",
    ("ec2", "denied"): "source.ec2_denied",
}
_TRIES: Final = 8
"""Of one request: standard mode waits up to 20 s between two, so a quota of few requests a second is waited for."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of AWS in one region. source: what the user named. kind: what that is (`log_group`, `queue`, `ec2`)."""

    client: Any
    source: str
    kind: str

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self.client.meta.region_name)

    def ask(self, operation: str, /, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - as the operation has them
        """Ask once more than nobody; SourceError names the source, what was answered, and whether later may be better."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is there by now

        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise self._fault(error, operation) from error
        return answer

    def pages(self, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as the operation has them
        """Ask page after page; SourceError as with `ask`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see `ask`

        try:
            yield from self.client.get_paginator(operation).paginate(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise self._fault(error, operation) from error

    def _fault(self, error: Exception, operation: str) -> SourceError:
        answer = meaning(error)
        kind, code, text = answer.kind, answer.code, answer.text
        action = "".join(word.capitalize() for word in operation.split("_"))
        if kind == "unreachable":
            return SourceUnavailableError(
                "source.unreachable", source=self.source, endpoint=self.client.meta.endpoint_url
            )
        if kind == "throttled":
            return SourceUnavailableError("source.throttled", source=self.source, action=action)
        if kind == "credentials":
            return SourceError("source.credentials", source=self.source, answer=code or text)
        named = _OF_KIND.get((self.kind, kind))
        if named is not None:
            return SourceError(named, source=self.source, action=action, answer=text)
        failed = SourceUnavailableError if answer.status >= 500 else SourceError
        return failed("source.unreadable", source=self.source, reason=f"{action}: {code} {text}")


def service(
    name: str, access: S3Access, *, source: str, kind: str, region: str | None, endpoint_url: str | None
) -> Service:
    """Return the service *name* (of boto3) in *region*, else in that of *access*, else in the environment's or the profile's.

    Asks nobody yet. SourceError for a profile that is not there, for no credentials, no region, and an endpoint that is no URL.
    """
    found = client_of(name, access, source=source, region=region, endpoint_url=endpoint_url, tries=_TRIES)
    return Service(found, source, kind)
