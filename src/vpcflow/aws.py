"""How AWS's services are reached: credentials, region and endpoint as the AWS CLI finds them; what a refusal means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from vpcflow.errors import SourceError

Refusal = Literal["denied", "missing", "credentials", "throttled", "unreachable", "refused", "failed"]

_BY_CODE: Final[dict[str, Refusal]] = {
    "AccessDenied": "denied",
    "AccessDeniedException": "denied",
    "AllAccessDisabled": "denied",
    "UnauthorizedOperation": "denied",
    "KMS.AccessDeniedException": "denied",
    "KmsAccessDenied": "denied",
    "InvalidKMSResourceException": "denied",
    "NoSuchBucket": "missing",
    "ResourceNotFoundException": "missing",
    "QueueDoesNotExist": "missing",
    "AWS.SimpleQueueService.NonExistentQueue": "missing",
    "UnrecognizedClientException": "credentials",
    "ExpiredToken": "credentials",
    "ExpiredTokenException": "credentials",
    "IncompleteSignature": "credentials",
    "InvalidAccessKeyId": "credentials",
    "InvalidClientTokenId": "credentials",
    "InvalidSignatureException": "credentials",
    "InvalidToken": "credentials",
    "MissingAuthenticationToken": "credentials",
    "MissingAuthenticationTokenException": "credentials",
    "RequestExpired": "credentials",
    "RequestTimeTooSkewed": "credentials",
    "SignatureDoesNotMatch": "credentials",
    "TokenRefreshRequired": "credentials",
    "LimitExceededException": "throttled",
    "RequestLimitExceeded": "throttled",
    "RequestThrottled": "throttled",
    "SlowDown": "throttled",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "ThrottledException": "throttled",
    "TooManyRequestsException": "throttled",
    "KmsThrottled": "throttled",
    "KMS.ThrottlingException": "throttled",
}
_BY_CLASS: Final[tuple[tuple[str, Refusal], ...]] = (
    ("redential", "credentials"),
    ("Token", "credentials"),
    ("SSO", "credentials"),
    ("ParamValidation", "refused"),
)
_BY_STATUS: Final[dict[int, Refusal]] = {401: "credentials", 403: "denied", 429: "throttled"}
_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach S3; what is None comes from where the AWS CLI takes it (environment, ``~/.aws``, the instance).

    region: of the bucket. endpoint_url: of another S3 than AWS's (``http://…`` is allowed). no_sign_request: ask as nobody.
    aws_region: of log groups, queues and streams whose names do not tell it.
    """

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    no_sign_request: bool = False
    aws_region: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came instead of an answer. code, text: as the service said them, or boto3. status: of HTTP, 0 when nobody answered."""

    kind: Refusal
    code: str
    text: str
    status: int


def meaning(error: Exception) -> Answer:
    """Tell what an error of boto3's means; `failed` is one that may be gone next time, `refused` one that will not."""
    said = getattr(error, "response", None) or {}
    told = said.get("Error", {})
    code, text = str(told.get("Code", "")), str(told.get("Message") or error)[:_SHOWN]
    status = int(said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if not code:
        named = [kind for mark, kind in _BY_CLASS if mark in type(error).__name__]
        return Answer(named[0] if named else "unreachable", "", text, status)
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or ("failed" if status >= 500 or status == 0 else "refused")
    return Answer(kind, code, text, status)


def client_of(
    name: str,
    access: S3Access,
    *,
    source: str,
    region: str | None,
    endpoint_url: str | None,
    tries: int,
    **config: Any,  # noqa: ANN401 - botocore's
) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
    """Return boto3's client of a service in *region*, else in that of *access*, else in the environment's or the profile's.

    tries: of one request, the first included. config: more of botocore's. Asks nobody yet. SourceError for a profile that is
    not there, for no credentials, no region, and an endpoint that is no URL.
    """
    import boto3  # noqa: PLC0415 - 170 ms that files need not pay
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ProfileNotFound  # noqa: PLC0415

    endpoint = checked(endpoint_url)
    settings = {
        "connect_timeout": 3,
        "read_timeout": 60,
        "retries": {"mode": "standard", "total_max_attempts": tries},
        "max_pool_connections": 16,
        **config,
    }
    try:
        session = boto3.Session(profile_name=access.profile)
        if session.get_credentials() is None:
            raise SourceError("source.no_credentials")
        where = region or access.aws_region or os.environ.get("AWS_REGION") or session.region_name
        if not where:
            raise SourceError("source.no_region", source=source)
        return session.client(name, where, endpoint_url=endpoint, config=Config(**settings))
    except ProfileNotFound as error:
        raise SourceError("source.no_profile", profile=access.profile) from error
    except (BotoCoreError, OSError) as error:  # OSError: of a credential_process that is not there
        raise SourceError("source.profile_unusable", reason=str(error)) from error
    except ValueError as error:
        raise SourceError("source.bad_endpoint", endpoint=endpoint) from error


def checked(endpoint: str | None) -> str | None:
    """Return an endpoint's URL, None for none; SourceError for what is no URL."""
    if not endpoint:
        return None
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise SourceError("source.bad_endpoint", endpoint=endpoint)
    return endpoint.rstrip("/")
