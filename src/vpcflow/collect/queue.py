"""Objects as S3 announces them in an SQS queue: messages → objects, and what is done with a message afterwards.

A message is deleted only when all it named is in the lake, or can never be. The queue's own redrive takes what fails again and
again. S3 announces at least once and not always, so a listing now and then stays necessary.

Source: Amazon S3 User Guide, "Event message structure", "Using EventBridge"; SNS Developer Guide, "raw message delivery".
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from vpcflow.collect import s3
from vpcflow.collect.aws_faults import FAULTS, fault, session
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vpcflow.collect.s3_access import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.types import SourceObject

_VISIBLE_AGAIN_S: Final = 900
"""How long nobody else gets a message that is being worked on: longer than ten objects take."""

_LONGEST_POLL_S: Final = 20
_CREATED: Final = ("ObjectCreated:", "s3:ObjectCreated:")


@dataclass(slots=True)
class Received:
    """What one look at the queue brought: objects, and for each message the uris it named.

    left_out: counts by the reasons of `left_out.REASONS`. strange: messages that are no announcement; they stay in the queue.
    """

    objects: list[SourceObject] = field(default_factory=list)
    messages: dict[str, set[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    strange: int = 0


class Queue:
    """One queue. sources: `s3://bucket[/prefix]`; what is announced outside them is counted and deleted."""

    def __init__(self, url: str, sources: Sequence[str], selection: Selection, access: S3Access) -> None:
        self._url, self._selection, self._access = url, selection, access
        self._within = [f"s3://{'/'.join(filter(None, s3.split(source)))}" for source in sources]
        self._client = session(access).client("sqs", endpoint_url=access.endpoint_url)

    def receive(self, wait_s: float) -> Received:
        """Wait at most *wait_s* (20 s) for messages; SourceError when the queue cannot be read."""
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=max(0, min(_LONGEST_POLL_S, int(wait_s))),
                VisibilityTimeout=_VISIBLE_AGAIN_S,
            )
        except FAULTS as error:
            raise fault(error, self._url, missing="source.no_queue") from error
        found = Received()
        for message in answer.get("Messages", []):
            self._take(message, found)
        return found

    def _take(self, message: dict[str, Any], found: Received) -> None:
        try:
            announced = list(_announced(json.loads(message["Body"])))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            found.strange += 1
            return
        uris: set[str] = set()
        for bucket, key in announced:
            uri = f"s3://{bucket}/{key}"
            if not any(uri == one or uri.startswith(f"{one}/") for one in self._within):
                found.left_out["not_selected"] += 1
                continue
            for one in self._object(uri, found.left_out):
                if one.uri not in {other.uri for other in found.objects}:
                    found.objects.append(one)
                uris.add(one.uri)
        found.messages[message["ReceiptHandle"]] = uris

    def _object(self, uri: str, left_out: Counter[str]) -> list[SourceObject]:
        before = left_out.total()
        try:
            objects = [one for one in s3.objects(uri, self._selection, self._access, left_out) if one.uri == uri]
        except SourceError as error:
            if error.code != "source.bad_uri":
                raise
            left_out["unreadable"] += 1
            return []
        if not objects and left_out.total() == before:
            left_out["gone"] += 1
        return objects

    def done(self, found: Received, failed: Collection[str]) -> None:
        """Delete the messages of *found* but those that named one of the uris *failed*."""
        handles = [handle for handle, uris in found.messages.items() if not uris & set(failed)]
        if not handles:
            return
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        try:
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except FAULTS as error:
            # What is not deleted comes again, and the lake knows its objects.
            raise fault(error, self._url, missing="source.no_queue") from error


def _announced(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield bucket and key of each new object that a message announces; none for S3's test of the way."""
    if body.get("Event") == "s3:TestEvent":
        return
    if body.get("Type") == "Notification":
        yield from _announced(json.loads(body["Message"]))
    elif body.get("source") == "aws.s3":
        # EventBridge gives keys as they are, S3 itself as in a URL.
        if body["detail-type"] == "Object Created":
            yield body["detail"]["bucket"]["name"], body["detail"]["object"]["key"]
    else:
        for record in body["Records"]:
            if record["eventName"].startswith(_CREATED):
                yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
