"""What S3 and the way to it answer when they do not give → SourceError that says what, where and what next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from obstore import exceptions

from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

FAULTS: Final = (exceptions.BaseError, FileNotFoundError, ValueError)
"""What obstore raises."""

_BY_CODE: Final = {
    "NoSuchBucket": "no_bucket",
    "AccessDenied": "denied",
    "AllAccessDisabled": "denied",
    "InvalidObjectState": "archived",
    "PermanentRedirect": "wrong_region",
    "AuthorizationHeaderMalformed": "wrong_region",
    "IllegalLocationConstraintException": "wrong_region",
    "InvalidAccessKeyId": "credentials",
    "InvalidToken": "credentials",
    "ExpiredToken": "credentials",
    "TokenRefreshRequired": "credentials",
    "SignatureDoesNotMatch": "credentials",
    "RequestTimeTooSkewed": "clock",
}
_BY_STATUS: Final = {"301": "wrong_region", "307": "wrong_region", "401": "credentials", "403": "denied"}
_BY_TEXT: Final = (
    ("Received redirect without LOCATION", "wrong_region"),
    ("kind: Connect", "unreachable"),
    ("kind: Timeout", "unreachable"),
    ("kind: Request", "unreachable"),
    ("kind: Interrupted", "unreachable"),
)
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_STATUS: Final = re.compile(r"non-2xx status code: (\d{3})")
_PROVIDER: Final = re.compile(r"credential provider: (.+)")
_BAD_PATH: Final = re.compile(r'path: "((?:[^"\\]|\\.)*)"')


class SourceUnavailableError(SourceError):
    """A source that may answer later."""

    retryable = True


def fault(error: Exception, source: str, *, endpoint: str) -> SourceError:
    """Return what *error* of obstore means; *source* is the s3:// name that was asked for, *endpoint* who was asked."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return SourceError("source.gone", source=source)
    if isinstance(error, exceptions.PreconditionError):
        return SourceUnavailableError("source.changed", source=source)
    if isinstance(error, exceptions.InvalidPathError):
        return SourceError("source.bad_key", source=source, name=_first(_BAD_PATH.findall(text)))
    return _refused(text, source, endpoint)


def _refused(text: str, source: str, endpoint: str) -> SourceError:
    code, status, own = _first(_CODE.findall(text)), _first(_STATUS.findall(text)), _first(_PROVIDER.findall(text))
    kind = "credentials" if own else _BY_CODE.get(code) or _BY_STATUS.get(status)
    kind = kind or next((kind for mark, kind in _BY_TEXT if mark in text), None)
    if kind == "unreachable":
        return SourceUnavailableError("source.unreachable", source=source, endpoint=endpoint)
    if kind:
        return SourceError(f"source.{kind}", source=source, answer=own[:300] or code or status or "-")
    reason = " ".join(filter(None, (status, code))) or text.partition("\n")[0][:300]
    failed = SourceUnavailableError if status.startswith("5") or status == "429" else SourceError
    return failed("source.unreadable", source=source, reason=reason)


def answered(error: Exception) -> bool:
    """Tell whether somebody answered at all, if only to refuse."""
    return bool(_STATUS.search(str(error)))


def _first(found: Iterable[str]) -> str:
    return next(iter(found), "")
