"""boto3's sessions and errors, as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from vpcflow.collect.s3_access import S3Access

FAULTS: Final[tuple[type[Exception], ...]] = (BotoCoreError, ClientError)
_MISSING: Final = ("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_BUSY: Final = ("ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException")


def session(access: S3Access) -> Any:  # noqa: ANN401 - boto3's sessions have no type
    """Return a session of the profile and region in *access*; SourceError for a profile that is not there."""
    import boto3  # noqa: PLC0415 - 170 ms that files need not pay

    try:
        return boto3.Session(profile_name=access.profile, region_name=access.region)
    except ProfileNotFound as error:
        raise SourceError("source.no_profile", profile=access.profile) from error


def fault(error: Exception, source: str, *, missing: str) -> SourceError:
    """Return our error for one of FAULTS. missing: the code for something that is not there."""
    if isinstance(error, ClientError):
        return _refused(str(error.response.get("Error", {}).get("Code", "")) or str(error), source, missing)
    if isinstance(error, NoCredentialsError):
        return SourceError("source.no_credentials")
    if isinstance(error, NoRegionError):
        return SourceError("source.no_region", source=source)
    if isinstance(error, EndpointConnectionError | HTTPClientError):
        return SourceError("source.unreachable", source=source, endpoint=str(error.kwargs.get("endpoint_url", "-")))
    return SourceError("source.unreadable", source=source, reason=str(error).partition("\n")[0])


def _refused(code: str, source: str, missing: str) -> SourceError:
    if code in _MISSING:
        return SourceError(missing, source=source)
    if code in _DENIED:
        return SourceError("source.not_allowed", source=source, answer=code)
    if code in _BUSY:
        return SourceError("source.busy", source=source, answer=code)
    return SourceError("source.unreadable", source=source, reason=code)
