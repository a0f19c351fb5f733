"""AWS's JSON services (CloudWatch Logs, SQS) asked with boto3; what they refuse comes out as SourceError."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.collect.s3_access import checked
from vpcflow.collect.s3_faults import SourceUnavailableError
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from vpcflow.collect.s3_access import S3Access

_BY_CODE: Final = {
    "AccessDenied": "denied",
    "AccessDeniedException": "denied",
    "UnauthorizedOperation": "denied",
    "KMS.AccessDeniedException": "denied",
    "KmsAccessDenied": "denied",
    "ResourceNotFoundException": "missing",
    "QueueDoesNotExist": "missing",
    "AWS.SimpleQueueService.NonExistentQueue": "missing",
    "UnrecognizedClientException": "credentials",
    "ExpiredToken": "credentials",
    "ExpiredTokenException": "credentials",
    "IncompleteSignature": "credentials",
    "InvalidClientTokenId": "credentials",
    "InvalidSignatureException": "credentials",
    "MissingAuthenticationToken": "credentials",
    "MissingAuthenticationTokenException": "credentials",
    "RequestExpired": "credentials",
    "SignatureDoesNotMatch": "credentials",
    "RequestLimitExceeded": "throttled",
    "RequestThrottled": "throttled",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "ThrottledException": "throttled",
    "TooManyRequestsException": "throttled",
    "KmsThrottled": "throttled",
    "KMS.ThrottlingException": "throttled",
}
_OF_KIND: Final = {
    ("log_group", "denied"): "source.log_group_denied",
    ("log_group", "missing"): "source.log_group_missing",
    ("queue", "denied"): "source.queue_denied",
    ("queue", "missing"): "source.queue_missing",
}
_BY_CLASS: Final = (("redential", "credentials"), ("Token", "credentials"), ("SSO", "credentials"))
_TRIES: Final = 8
"""Of one request: standard mode waits up to 20 s between two, so a quota of few requests a second is waited for."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of AWS in one region. source: what the user named. kind: what that is (`log_group`, `queue`)."""

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

    def _fault(self, error: Exception, operation: str) -> SourceError:
        said = getattr(error, "response", None) or {}
        told = said.get("Error", {})
        code, text = str(told.get("Code", "")), str(told.get("Message") or error)[:500]
        status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        action = "".join(word.capitalize() for word in operation.split("_"))
        kind = _BY_CODE.get(code)
        if not code:
            kind = next((kind for mark, kind in _BY_CLASS if mark in type(error).__name__), "unreachable")
            kind = "refused" if "ParamValidation" in type(error).__name__ else kind
        if kind == "unreachable":
            return SourceUnavailableError(
                "source.unreachable", source=self.source, endpoint=self.client.meta.endpoint_url
            )
        if kind == "throttled":
            return SourceUnavailableError("source.throttled", source=self.source, action=action)
        if kind == "credentials":
            return SourceError("source.credentials", source=self.source, answer=code or text)
        named = _OF_KIND.get((self.kind, kind or ""))
        if named is not None:
            return SourceError(named, source=self.source, action=action, answer=text)
        failed = SourceUnavailableError if status >= 500 else SourceError
        return failed("source.unreadable", source=self.source, reason=f"{action}: {code} {text}")


def service(
    name: str, access: S3Access, *, source: str, kind: str, region: str | None, endpoint_url: str | None
) -> Service:
    """Return the service *name* (of boto3) in *region*, else in that of *access*, else in the environment's or the profile's.

    Asks nobody yet. SourceError for a profile that is not there, for no credentials, no region, and an endpoint that is no URL.
    """
    import boto3  # noqa: PLC0415 - 170 ms that files need not pay
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ProfileNotFound  # noqa: PLC0415

    endpoint = checked(endpoint_url)
    retries = {"mode": "standard", "total_max_attempts": _TRIES}
    config = Config(connect_timeout=3, read_timeout=60, retries=retries, max_pool_connections=16)
    try:
        session = boto3.Session(profile_name=access.profile)
        if session.get_credentials() is None:
            raise SourceError("source.no_credentials")
        where = region or access.aws_region or os.environ.get("AWS_REGION") or session.region_name
        if not where:
            raise SourceError("source.no_region", source=source)
        return Service(session.client(name, where, endpoint_url=endpoint, config=config), source, kind)
    except ProfileNotFound as error:
        raise SourceError("source.no_profile", profile=access.profile) from error
    except (BotoCoreError, OSError) as error:  # OSError: of a credential_process that is not there
        raise SourceError("source.profile_unusable", reason=str(error)) from error
    except ValueError as error:
        raise SourceError("source.bad_endpoint", endpoint=endpoint) from error
