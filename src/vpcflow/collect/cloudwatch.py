"""`cloudwatch:GROUP`: the events of a log group, an hour of event time an object.

An hour that ended more than a day ago is settled: it is fetched once and has the same identity ever after. A younger one is
fetched each time, and what it holds is its identity, so an event that came late makes a new version of its hour, which
replaces the old one in the lake; an hour in which nothing changed is known already.

Source: CloudWatch Logs API reference, "FilterLogEvents" (both ends of its range are included), "PutLogEvents".
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import time
import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from vpcflow.collect.aws_faults import FAULTS, fault, session
from vpcflow.errors import SourceError
from vpcflow.types import SourceObject

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from vpcflow.collect.s3_access import S3Access
    from vpcflow.collect.selection import Selection

PREFIX: Final = "cloudwatch:"
_HOUR: Final = 3600
_SETTLED_S: Final = 24 * _HOUR
"""After this a window is taken to be complete. AWS delivers flow logs within minutes; events may be put 14 days late."""

_IN_MEMORY: Final = 8 << 20
_GUESS: Final = 4 << 20
"""Bytes of a window nobody has fetched yet."""

_ARN: Final = re.compile(r"arn:aws[a-z-]*:logs:([a-z0-9-]+):(\d{12}):log-group:([^:]+)(?::\*)?")
_GROUP: Final = re.compile(r"[A-Za-z0-9_/.#-]{1,512}")


def is_group(source: str) -> bool:
    """Tell whether *source* names a log group."""
    return source.startswith(PREFIX)


def check(source: str) -> None:
    """Raise SourceError when *source* is not `cloudwatch:GROUP` or `cloudwatch:ARN`."""
    name = source.removeprefix(PREFIX)
    if not (_ARN.fullmatch(name) or _GROUP.fullmatch(name)):
        raise SourceError("source.bad_log_group", source=source)


def objects(
    source: str, selection: Selection, access: S3Access, left_out: Counter[str], now_s: float | None = None
) -> Iterator[SourceObject]:
    """Yield the hours of a group that hold, or may hold, events that *selection* wants; SourceError when it cannot be read."""
    arn = _ARN.fullmatch(source.removeprefix(PREFIX))
    name = arn[3] if arn else source.removeprefix(PREFIX)
    try:
        client = session(access).client(
            "logs", region_name=arn[1] if arn else None, endpoint_url=access.endpoint_url, config=_config()
        )
        group = _Group.find(client, name, source)
        if (selection.accounts and group.account not in selection.accounts) or (
            selection.regions and group.region not in selection.regions
        ):
            left_out["not_selected"] += 1
            return
        yield from group.windows(selection, left_out, time.time() if now_s is None else now_s)
    except FAULTS as error:
        raise fault(error, source, missing="source.no_log_group") from error


def _config() -> object:
    from botocore.config import Config  # noqa: PLC0415 - 100 ms that files need not pay

    # FilterLogEvents is throttled at a few requests a second, so waiting is part of reading.
    return Config(retries={"mode": "standard", "max_attempts": 10}, connect_timeout=5, read_timeout=60)


@dataclass(frozen=True, slots=True)
class _Group:
    client: Any
    source: str
    name: str
    account: str
    region: str

    @classmethod
    def find(cls, client: Any, name: str, source: str) -> _Group:  # noqa: ANN401 - boto3's clients have no type
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
            for group in page["logGroups"]:
                arn = _ARN.fullmatch(group["arn"])
                if group["logGroupName"] == name and arn is not None:
                    return cls(client, source, name, arn[2], arn[1])
        raise SourceError("source.no_log_group", source=source)

    def windows(self, selection: Selection, left_out: Counter[str], now_s: float) -> Iterator[SourceObject]:
        first_s = self._first_s()
        if first_s is None:
            return
        since, until = selection.time.since, selection.time.until
        for start in range(first_s // _HOUR * _HOUR, int(now_s) + 1, _HOUR):
            if (since is not None and start + _HOUR <= since) or (until is not None and start >= until):
                left_out["not_selected"] += 1
                continue
            found = self._window(start, settled=start + _HOUR + _SETTLED_S <= now_s)
            if found is not None:
                yield found

    def _first_s(self) -> int | None:
        """Return when the group's first event happened, None where it has none."""
        first = None
        for page in self.client.get_paginator("describe_log_streams").paginate(logGroupName=self.name):
            for stream in page["logStreams"]:
                began = stream.get("firstEventTimestamp")
                if began is not None and (first is None or began < first):
                    first = began
        return None if first is None else first // 1000

    def _window(self, start: int, *, settled: bool) -> SourceObject | None:
        when = time.strftime("%Y-%m-%dT%H", time.gmtime(start))
        uri = f"{PREFIX}arn:aws:logs:{self.region}:{self.account}:log-group:{self.name}/{when}"
        told = partial(SourceObject, uri, account=self.account, region=self.region, time_s=start, remote=True)
        if settled:
            return told(etag="settled", bytes=_GUESS, open=partial(self._fetched, start))
        content = self._fetch(start)
        if not content.size:
            return None
        return told(etag=content.digest, bytes=content.size, open=content.open)

    def _fetched(self, start: int) -> BinaryIO:
        try:
            return self._fetch(start).open()
        except FAULTS as error:
            raise fault(error, self.source, missing="source.no_log_group") from error

    def _fetch(self, start: int) -> _Hour:
        """Fetch an hour's events, as documents like those of a subscription."""
        content = _Hour()
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=self.name, startTime=start * 1000, endTime=(start + _HOUR) * 1000 - 1
        )
        for page in pages:
            streams: dict[str, list[dict[str, Any]]] = {}
            for event in page["events"]:
                told = {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]}
                streams.setdefault(event["logStreamName"], []).append(told)
            for stream, events in streams.items():
                envelope = {
                    "messageType": "DATA_MESSAGE", "owner": self.account, "logGroup": self.name, "logStream": stream,
                    "logEvents": events,
                }  # fmt: skip
                content.add(json.dumps(envelope, ensure_ascii=False).encode() + b"\n", [one["id"] for one in events])
        return content


class _Hour:
    """What was fetched of an hour: in memory while it is small, else in a file that goes with it."""

    def __init__(self) -> None:
        self.size = 0
        self._ids: list[str] = []
        self._held: list[bytes] = []
        self._path: str | None = None

    def add(self, data: bytes, ids: list[str]) -> None:
        self.size += len(data)
        self._ids += ids
        self._held.append(data)
        if sum(map(len, self._held)) > _IN_MEMORY:
            if self._path is None:
                handle, self._path = tempfile.mkstemp(prefix="vpcflow-")
                os.close(handle)
                weakref.finalize(self, Path(self._path).unlink, missing_ok=True)
            with Path(self._path).open("ab") as file:
                file.writelines(self._held)
            self._held = []

    @property
    def digest(self) -> str:
        """Return what makes the hour this one: the ids of its events, in whatever order they came."""
        return hashlib.sha256("\n".join(sorted(self._ids)).encode()).hexdigest()[:32]

    def open(self) -> BinaryIO:
        """Return all of it as a file to read."""
        rest = b"".join(self._held)
        if self._path is None:
            return io.BytesIO(rest)
        with Path(self._path).open("ab") as file:
            file.write(rest)
        self._held = []
        return Path(self._path).open("rb")
