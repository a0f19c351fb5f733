"""Who asks S3, and where: the AWS CLI's ways to credentials, region and endpoint, as a store of obstore's."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from vpcflow.aws import S3Access, checked
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["S3Access", "connect"]

_REGION: Final = "us-east-1"

# A server that does not answer is given up after 10 to 12 s: five tries to connect, or one to read.
_RETRY: Final[dict[str, Any]] = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=9),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2},
}
_CLIENT: Final[dict[str, Any]] = {"connect_timeout": "2s", "read_timeout": "10s", "timeout": "10m"}


def connect(bucket: str, access: S3Access) -> tuple[S3Store, str]:
    """Return a store of *bucket* and the name of the endpoint it asks; asks nobody yet.

    SourceError for a profile that is not there, for no credentials at all, and for an endpoint that is no URL.
    """
    from obstore.store import S3Store  # noqa: PLC0415 - 25 ms that reading files need not pay

    settings = _signed(access)
    region = access.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    settings["region"] = region or settings.get("region") or _REGION
    environ = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    endpoint = checked(access.endpoint_url or environ or settings.pop("endpoint", None))
    if endpoint:
        # Both, because obstore takes the second from the environment and puts it before the first.
        settings["endpoint"] = settings["aws_endpoint_url_s3"] = endpoint
    client = {**_CLIENT, "allow_http": (endpoint or "").startswith("http://")}
    store = S3Store(bucket, client_options=client, retry_config=_RETRY, **settings)
    return store, endpoint or f"https://s3.{settings['region']}.amazonaws.com"


def _signed(access: S3Access) -> dict[str, Any]:
    if access.no_sign_request:
        # Names for nobody, lest half a pair of keys in the environment be taken for a mistake.
        return {"skip_signature": True, "access_key_id": "-", "secret_access_key": "-"}
    # As with the CLI, a profile asked for goes before keys in the environment, and these before everything else.
    if access.profile is None and os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return {}
    return _session(access.profile)


def _session(profile: str | None) -> dict[str, Any]:
    """Return credentials, region and endpoint of a profile (None is the default one), or of the machine's role."""
    import boto3  # noqa: PLC0415 - 170 ms that environment keys need not pay
    from botocore.exceptions import BotoCoreError, ProfileNotFound  # noqa: PLC0415
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415

    try:
        session = boto3.Session(profile_name=profile)
        if session.get_credentials() is None:
            raise SourceError("source.no_credentials")
        found = {"credential_provider": Boto3CredentialProvider(session), "region": session.region_name}
        found["endpoint"] = session._session.get_scoped_config().get("endpoint_url")  # noqa: SLF001 - no other way
    except ProfileNotFound as error:
        raise SourceError("source.no_profile", profile=profile) from error
    except (BotoCoreError, OSError) as error:  # OSError: of a credential_process that is not there
        raise SourceError("source.profile_unusable", reason=str(error)) from error
    return found
