"""CloudWatch Logs: a log stream for each network interface, an event for each record.

PutLogEvents takes all events of a request or, but for those out of time, none. What is not known is whether a request of which no
answer came was taken; then the stream is asked for the events of that time, and what is there is not put again.

Source: VPC User Guide "Publish flow logs to CloudWatch Logs"; CloudWatch Logs API Reference `PutLogEvents` (limits).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vpcflow.aws import client_of, meaning
from vpcflow.deliver.destination import Receipt
from vpcflow.deliver.encode import messages
from vpcflow.deliver.failure import fault
from vpcflow.deliver.place import group_place
from vpcflow.deliver.windows import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from vpcflow.aws import S3Access
    from vpcflow.deliver.destination import Unit
    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import FlowLog, TrafficType

MAX_EVENTS: Final = 10_000
MAX_BYTES: Final = 1_048_576
EVENT_BYTES: Final = 26
"""What an event counts beside its message."""

MAX_SPAN_MS: Final = 24 * 3_600_000
OLDEST_MS: Final = 14 * 24 * 3_600_000
NEWEST_MS: Final = 2 * 3_600_000

_TRIES: Final = 2
_ANSWER_S: Final = 20


def stream_of(interface_id: str, traffic_type: TrafficType | None, *, shared: bool) -> str:
    """Return the log stream of an interface.

    shared: several flow logs publish to the group; they have one combined stream. Its name, and those of `-accept` and `-reject`,
    are not documented; `-all` is as seen. Source: VPC User Guide "Publish flow logs to CloudWatch Logs".
    """
    kind = "all" if shared or traffic_type is None else traffic_type.lower()
    return f"{interface_id}-{kind}"


class CloudWatchLogsDestination:
    """A log group, made when the first records with traffic come."""

    at_once = 8
    seal_every_s = 0
    unit_bytes = 8 << 20

    def __init__(
        self,
        flow_log: FlowLog,
        access: S3Access,
        *,
        shared: bool = False,
        endpoint_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        place = group_place(flow_log.log_group_name or flow_log.log_destination)
        self._flow_log, self._shared, self._clock = flow_log, shared, clock
        self._group = place.name
        self._making = threading.Lock()
        self.uri = f"cloudwatch:{place.name}"
        self._reached = partial(
            client_of,
            "logs",
            access,
            source=self.uri,
            region=place.region,
            endpoint_url=endpoint_url or os.environ.get("AWS_ENDPOINT_URL"),
            tries=_TRIES,
            read_timeout=_ANSWER_S,
        )

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        return self._reached()

    def shipments(self, unit: Unit) -> Iterator[_Events]:
        """Yield requests, stream by stream, each in the order of time."""
        self._client  # noqa: B018 - made once, before several threads want it
        now_s = int(self._clock())
        names: list[str] = []
        at: list[NDArray[np.int64]] = []
        texts: list[str] = []
        traffic: list[NDArray[np.bool_]] = []
        for batch in unit.batches():
            names += self._streams(batch)
            at.append(_event_times(batch, now_s))
            texts += messages(batch, self._flow_log.log_format)
            traffic.append(_has_traffic(batch))
        if texts:
            yield from self._requests(names, np.concatenate(at), texts, np.concatenate(traffic))

    def _requests(
        self, names: list[str], at: NDArray[np.int64], texts: list[str], traffic: NDArray[np.bool_]
    ) -> Iterator[_Events]:
        distinct, codes = np.unique(np.array(names, object), return_inverse=True)
        order = np.lexsort((at, codes))
        bounds = np.searchsorted(codes[order], np.arange(len(distinct) + 1))
        for code, stream in enumerate(distinct):
            mine = order[bounds[code] : bounds[code + 1]]
            events = [texts[place] for place in mine.tolist()]
            sizes = np.array([len(text.encode()) + EVENT_BYTES for text in events], np.int64)
            ready = at[mine]
            for start, end in _cuts(ready, sizes):
                some = bool(traffic[mine[start:end]].any())
                yield _Events(self, str(stream), ready[start:end].tolist(), events[start:end], some)

    def _streams(self, batch: FlowBatch) -> list[str]:
        """Return the stream of each record; regional NAT and transit gateways, which have no interface, go by their ids."""
        ids = pa.nulls(batch.num_rows, pa.string())
        for name in ("interface_id", "resource_id", "tgw_attachment_id"):
            if name in batch.schema.names:
                ids = pc.coalesce(ids, batch.column(name).cast(pa.string()))
        encoded = ids.fill_null("unknown").dictionary_encode()
        streams = [
            stream_of(name, self._flow_log.traffic_type, shared=self._shared) for name in encoded.dictionary.to_pylist()
        ]
        return [streams[code] for code in encoded.indices.to_pylist()]

    def put(self, stream: str, events: list[dict[str, Any]], *, make: bool) -> dict[str, Any] | None:
        """Put events; make the group and the stream where they are missing, or return None when *make* is not set."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is there by now

        try:
            return self._put(stream, events)
        except (BotoCoreError, ClientError) as error:
            if meaning(error).kind != "missing":
                raise self._fault(error, "PutLogEvents") from error
        if not make:
            return None
        with self._making:
            self._make("CreateLogGroup", logGroupName=self._group)
        self._make("CreateLogStream", logGroupName=self._group, logStreamName=stream)
        try:
            return self._put(stream, events)
        except (BotoCoreError, ClientError) as error:
            raise self._fault(error, "PutLogEvents") from error

    def _put(self, stream: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.put_log_events(
            logGroupName=self._group, logStreamName=stream, logEvents=events
        )
        return answer

    def _make(self, operation: str, **names: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        method = {"CreateLogGroup": self._client.create_log_group, "CreateLogStream": self._client.create_log_stream}
        try:
            method[operation](**names)
        except (BotoCoreError, ClientError) as error:
            if meaning(error).code != "ResourceAlreadyExistsException":
                raise self._fault(error, operation) from error

    def there(self, stream: str, since_ms: int, until_ms: int) -> Counter[tuple[int, str]]:
        """Return the events of *stream* between two times, both inclusive."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        found: Counter[tuple[int, str]] = Counter()
        asked: dict[str, Any] = {
            "logGroupName": self._group,
            "logStreamName": stream,
            "startTime": since_ms,
            "endTime": until_ms + 1,
            "startFromHead": True,
        }
        token = ""
        while True:
            try:
                answer = self._client.get_log_events(**asked)
            except (BotoCoreError, ClientError) as error:
                # Roles made for AWS's own delivery may not read: then what was taken is put once more.
                if meaning(error).kind in ("missing", "denied"):
                    return found
                raise self._fault(error, "GetLogEvents") from error
            found.update((event["timestamp"], event["message"]) for event in answer["events"])
            if answer["nextForwardToken"] == token:  # the same token again is the end
                return found
            token = asked["nextToken"] = answer["nextForwardToken"]

    def _fault(self, error: Exception, action: str) -> Exception:
        return fault(error, self.uri, action, endpoint=self._client.meta.endpoint_url)

    @property
    def now_ms(self) -> int:
        """The time."""
        return int(self._clock() * 1000)

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()


def _event_times(batch: FlowBatch, otherwise_s: int) -> NDArray[np.int64]:
    """Return the time (ms) of each record's event: its `start`."""
    return times(batch, ("start", "end"), otherwise_s) * 1000


def _has_traffic(batch: FlowBatch) -> NDArray[np.bool_]:
    if "log_status" not in batch.schema.names:
        return np.ones(batch.num_rows, bool)
    nothing = pc.fill_null(pc.equal(batch.column("log_status"), "NODATA"), False)
    return ~np.asarray(nothing, bool)


def _cuts(at: NDArray[np.int64], sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of events, in the order of time, that one request may have."""
    sums = np.concatenate(([0], np.cumsum(sizes)))
    start = 0
    while start < len(at):
        by_size = int(np.searchsorted(sums, sums[start] + MAX_BYTES, "right")) - 1
        by_span = int(np.searchsorted(at, at[start] + MAX_SPAN_MS, "left"))
        # An event too large for any request goes alone, and is refused when it is sent.
        end = max(start + 1, min(start + MAX_EVENTS, by_size, by_span))
        yield start, end
        start = end


class _Events:
    """One request. traffic: whether there is more in it than NODATA."""

    def __init__(
        self,
        destination: CloudWatchLogsDestination,
        stream: str,
        at: list[int],
        texts: list[str],
        traffic: bool,  # noqa: FBT001 - made in one place
    ) -> None:
        self._destination, self._stream, self._at, self._texts, self._traffic = destination, stream, at, texts, traffic

    @property
    def digest(self) -> str:
        """Of the stream and all of its events."""
        whole = hashlib.sha256(self._stream.encode())
        for at, text in zip(self._at, self._texts, strict=True):
            whole.update(f"\n{at} {text}".encode())
        return whole.hexdigest()

    @property
    def lane(self) -> str:
        """Its stream."""
        return self._stream

    def send(self, left: Sequence[int] | None, *, again: bool) -> Receipt:
        """Put the events that are in time, without those that are there already when it is sent *again*."""
        del left
        reasons = [_reason(at, text, self._destination.now_ms) for at, text in zip(self._at, self._texts, strict=True)]
        rejected = Counter(reason for reason in reasons if reason is not None)
        events = [
            {"timestamp": at, "message": text}
            for at, text, reason in zip(self._at, self._texts, reasons, strict=True)
            if reason is None
        ]
        wanted = len(events)
        known = 0
        if again and events:
            there = self._destination.there(self._stream, self._at[0], self._at[-1])
            events = [event for event in events if not _taken(there, event)]
            known = wanted - len(events)
        if not events:
            return Receipt(0, rejected, known)
        answer = self._destination.put(self._stream, events, make=self._traffic)
        if answer is None:
            # An interface has a stream from its first traffic on.
            return Receipt(0, rejected + Counter(before_traffic=len(events)), known)
        refused = _refused(answer.get("rejectedLogEventsInfo") or {}, len(events))
        return Receipt(len(events) - refused.total(), rejected + refused, known)

    def close(self) -> None:
        """Nothing is held."""


def _reason(at: int, text: str, now_ms: int) -> str | None:
    """Tell why an event would be refused, None when it would not."""
    if at < now_ms - OLDEST_MS:
        return "too_old"
    if at > now_ms + NEWEST_MS:
        return "too_new"
    large = len(text) > (MAX_BYTES - EVENT_BYTES) // 4 and len(text.encode()) + EVENT_BYTES > MAX_BYTES
    return "too_large" if large else None


def _taken(there: Counter[tuple[int, str]], event: dict[str, Any]) -> bool:
    """Take *event* out of *there*; tell whether it was in it."""
    key = (event["timestamp"], event["message"])
    if there[key] <= 0:
        return False
    there[key] -= 1
    return True


def _refused(info: dict[str, int], count: int) -> Counter[str]:
    """Return how many events the service refused. Source: API Reference `RejectedLogEventsInfo`."""
    expired = min(count, info.get("expiredLogEventEndIndex", 0))
    old = max(0, min(count, info.get("tooOldLogEventEndIndex", 0)) - expired)
    new = max(0, count - info.get("tooNewLogEventStartIndex", count))
    return +Counter(expired=expired, too_old=old, too_new=new)
