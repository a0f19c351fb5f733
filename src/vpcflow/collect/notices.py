"""What a message of a queue tells of S3: which objects were created.

Four shapes: S3's own event notification, its test event, either of them in a notification of SNS, and EventBridge's
"Object Created", in SNS or not. Keys are URL-encoded in S3's own ones (a space is "+"), and as they are in EventBridge's.

Source: S3 User Guide, "Event message structure", "EventBridge event message structure"; SNS Developer Guide, "HTTP/HTTPS
notification JSON format", which queues get too without raw message delivery.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

_DEPTH: Final = 3
"""How often one notification may be packed into another."""


class NotANoticeError(ValueError):
    """A message that tells nothing of S3, or not in a way that can be understood."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one message tells. created: (bucket, key) of each object. others: other events. tests: test events."""

    created: tuple[tuple[str, str], ...] = ()
    others: int = 0
    tests: int = 0


def read(body: str, depth: int = 0) -> Notice:
    """Return what the message *body* tells; NotANoticeError for one that is no notification of S3."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotANoticeError from error
    if not isinstance(document, dict) or depth > _DEPTH:
        raise NotANoticeError
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        return read(document["Message"], depth + 1)
    if document.get("Event") == "s3:TestEvent":
        return Notice(tests=1)
    if "detail-type" in document and document.get("source") == "aws.s3":
        return _event_bridge(document)
    return _records(document.get("Records"))


def _records(records: object) -> Notice:
    if not isinstance(records, list) or not records:
        raise NotANoticeError
    created: list[tuple[str, str]] = []
    for record in records:
        # "s3:" leads the names of those who speak S3's protocol and are not S3.
        if not isinstance(record, dict) or not str(record.get("eventSource", "")).endswith(":s3"):
            raise NotANoticeError
        if str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:"):
            bucket, key = _place(record.get("s3"))
            created.append((bucket, _decoded(key)))
    return Notice(tuple(created), others=len(records) - len(created))


def _event_bridge(document: dict[str, object]) -> Notice:
    if document["detail-type"] != "Object Created":
        return Notice(others=1)
    return Notice((_place(document.get("detail")),))


def _place(told: object) -> tuple[str, str]:
    match told:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}} if bucket and key:
            return bucket, key
    raise NotANoticeError


def _decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise NotANoticeError from error
