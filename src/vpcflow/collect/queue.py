"""Objects that a queue of SQS tells of, as S3 event notifications come, instead of listing for them.

    gather   receive messages for a while, or until there are many → objects
    hold     until their objects are committed, messages stay invisible: a thread extends that again and again
    settle   delete the messages whose objects are in the lake, are gone, or were not wanted

Only what is settled is deleted. A message that cannot be understood, or whose object cannot be read, is left: it comes
again when its time of invisibility is over, until the queue's redrive policy takes it away. What comes twice is known to
the lake.

Source: SQS Developer Guide, "Amazon SQS visibility timeout", "short and long polling", "dead-letter queues".
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from vpcflow.collect import s3
from vpcflow.collect.aws import service
from vpcflow.collect.notices import NotANoticeError, read
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType
    from typing import Self

    from vpcflow.aws import S3Access
    from vpcflow.collect.selection import Selection
    from vpcflow.types import SourceObject

VISIBILITY_S: Final = 300
"""How long a message stays with us unless we say that we are still at it, which is after a third of it."""

_WAIT_S: Final = 5
"""Of one long poll. SQS would wait 20 s, and so would whoever wants us to stop."""

_BATCH: Final = 10
_MANY: Final = 1000
"""Messages taken together."""

_HEADS: Final = 8
_AWS_HOST: Final = re.compile(
    r"(?:sqs\.)?([a-z]{2}[a-z0-9-]*-\d)\.(?:queue\.)?amazonaws\.com(?:\.cn)?|sqs\.([a-z0-9-]+)\.api\.aws"
)
_REGION: Final = re.compile(r"\bsqs\.([a-z]{2}[a-z0-9-]*-\d)\.")


@dataclass(slots=True)
class Message:
    """One message we hold. uris: of its objects. kept: it is not to be deleted, whatever becomes of them."""

    receipt: str
    uris: set[str] = field(default_factory=set)
    kept: bool = False


class Queue:
    """A queue of SQS, by its URL. SourceError for what is no such URL, or as `aws.service`; asks nobody yet."""

    def __init__(self, url: str, access: S3Access, *, visibility_s: int | None = None) -> None:
        self.visibility_s = VISIBILITY_S if visibility_s is None else visibility_s
        region, endpoint = _where(url)
        self._url = url
        self._sqs = service("sqs", access, source=url, kind="queue", region=region, endpoint_url=endpoint)

    def attributes(self) -> dict[str, str]:
        """Return the queue's attributes; SourceError when it is missing, none when they may not be looked at."""
        try:
            answer = self._sqs.ask("get_queue_attributes", QueueUrl=self._url, AttributeNames=["All"])
        except SourceError as error:
            if error.code == "source.queue_denied":
                return {}
            raise
        found: dict[str, str] = answer.get("Attributes", {})
        return found

    def receive(self, wait_s: int) -> list[dict[str, Any]]:
        """Return up to ten messages, waiting for the first."""
        answer = self._sqs.ask(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=self.visibility_s,
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def extend(self, messages: Sequence[Message]) -> None:
        """Keep *messages* invisible from now on; one that is not ours any more is let go."""
        self._each("change_message_visibility_batch", messages, VisibilityTimeout=self.visibility_s)

    def delete(self, messages: Sequence[Message]) -> int:
        """Delete *messages*, return how many SQS did not delete; they come again."""
        return self._each("delete_message_batch", messages)

    def _each(self, operation: str, messages: Sequence[Message], **more: Any) -> int:  # noqa: ANN401 - of an entry
        failed = 0
        for place in range(0, len(messages), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt, **more}
                for number, message in enumerate(messages[place : place + _BATCH])
            ]
            failed += len(self._sqs.ask(operation, QueueUrl=self._url, Entries=entries).get("Failed", []))
        return failed


def _where(url: str) -> tuple[str | None, str | None]:
    """Return the region that a queue's URL tells, and the endpoint where it is not AWS's usual one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path.count("/") >= 1
        usable = usable and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise SourceError("source.bad_queue_url", source=url)
    usual = _AWS_HOST.fullmatch(parts.hostname or "")
    if usual:
        return usual[1] or usual[2], None
    told = _REGION.search(parts.hostname or "")
    return told[1] if told else None, f"{parts.scheme}://{parts.netloc}"


class Round:
    """Messages received together. Use it as a context: messages stay invisible to others until it ends.

    objects: what they tell of, each uri once. left_out: what was not taken, by reason. troubles: why some objects could not be
    looked at; their messages are left.
    """

    def __init__(self, queue: Queue) -> None:
        self.objects: list[SourceObject] = []
        self.left_out: Counter[str] = Counter()
        self.troubles: list[SourceError] = []
        self._queue = queue
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="visibility", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._keeper.join()

    def __len__(self) -> int:
        return len(self._messages)

    def hold(self, message: Message) -> None:
        """Take a message in."""
        with self._lock:
            self._messages.append(message)

    def _keep(self) -> None:
        while not self._ended.wait(self._queue.visibility_s / 3):
            with self._lock:
                held = [message for message in self._messages if not message.kept]
            try:
                self._queue.extend(held)
            except SourceError as error:
                # Somebody else may get them now too, and finds their objects in the lake.
                self.troubles.append(error)

    def settle(self, failed: Collection[str]) -> None:
        """Delete the messages none of whose objects *failed* (uris), after everything else is in the lake."""
        failing = set(failed)
        with self._lock:
            held, self._messages = self._messages, []
        done = [message for message in held if not message.kept and not message.uris & failing]
        self.left_out["left_message"] += len(held) - len(done) + self._queue.delete(done)


class Intake:
    """Makes rounds of what a queue tells of *sources* (s3:// ones), as far as *selection* wants it."""

    def __init__(self, queue: Queue, sources: Sequence[str], selection: Selection, access: S3Access) -> None:
        self._queue, self._selection, self._access = queue, selection, access
        self._sources = [(source, *s3.split(source)) for source in sources]
        self._buckets: dict[str, s3.Bucket] = {}
        self._left_out: Counter[str] = Counter()

    def gather(
        self, found: Round, interval_s: float, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fill *found*: wait a moment for a first message, then take more for *interval_s*, or until there are many.

        Returns soon after *stop* is set, with what there is.
        """
        until = None
        with ThreadPoolExecutor(_HEADS, thread_name_prefix="head") as pool:
            while not stop.is_set() and len(found) < _MANY:
                left = _WAIT_S if until is None else until - clock()
                if left <= 0:
                    return
                messages = self._queue.receive(max(1, int(min(left, _WAIT_S))))
                if until is None and not messages:
                    return
                until = clock() + interval_s if until is None else until
                self._take(messages, found, pool)

    def _take(self, messages: Sequence[dict[str, Any]], found: Round, pool: ThreadPoolExecutor) -> None:
        asked: list[tuple[Message, s3.Bucket, str]] = []
        for each in messages:
            try:
                notice = read(each.get("Body", ""))
            except NotANoticeError:
                found.left_out["poison"] += 1
                continue
            message = Message(each["ReceiptHandle"])
            found.hold(message)
            found.left_out["other_event"] += notice.others
            found.left_out["test_event"] += notice.tests
            for bucket, key in notice.created:
                if self._is_ours(bucket, key):
                    asked.append((message, self._bucket(bucket), key))
                else:
                    found.left_out["outside"] += 1
        known = {each.uri for each in found.objects}
        for (message, holder, _), told in zip(asked, pool.map(_head, asked), strict=True):
            if isinstance(told, SourceError):
                _refused(message, told, found)
            elif (wanted := holder.wanted(told)) is not None:
                message.uris.add(wanted.uri)
                if wanted.uri not in known:
                    known.add(wanted.uri)
                    found.objects.append(wanted)
        found.left_out.update(self._left_out)
        self._left_out.clear()

    def _bucket(self, name: str) -> s3.Bucket:
        if name not in self._buckets:
            source = next(source for source, own, _ in self._sources if own == name)
            self._buckets[name] = s3.Bucket(name, source, self._access, self._selection, self._left_out)
        return self._buckets[name]

    def _is_ours(self, bucket: str, key: str) -> bool:
        return any(
            bucket == own and (not prefix or key == prefix or key.startswith(f"{prefix}/"))
            for _, own, prefix in self._sources
        )


def _head(asked: tuple[Message, s3.Bucket, str]) -> s3.Meta | SourceError:
    _, bucket, key = asked
    try:
        return bucket.head(key)
    except SourceError as error:
        return error


def _refused(message: Message, error: SourceError, found: Round) -> None:
    """Count an object that is not there any more; leave the message of one that could not be looked at."""
    if error.code == "source.gone":
        found.left_out["gone"] += 1
    else:
        message.kept = True
        found.troubles.append(error)
