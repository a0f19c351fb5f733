"""One log group of CloudWatch Logs: its name, where it is, and its events by their time.

Events are asked for by FilterLogEvents: it answers for all log streams at once (a flow log has one stream for each
network interface, thousands of them), tells each event's id, which GetLogEvents does not, and is complete when no token
is left. Both answer at most 10,000 events or 1 MB a page.

Source: CloudWatch Logs API reference, FilterLogEvents, DescribeLogGroups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.collect.aws import Service, service
from vpcflow.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.aws import S3Access

SCHEME: Final = "cloudwatch:"

_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}", re.ASCII)
_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z\-]{0,20}):logs:(?P<region>[a-z0-9\-]{5,30}):(?P<account>[0-9]{12}):log-group:"
    r"(?P<name>[.\-_/#A-Za-z0-9]{1,512})(:\*)?",
    re.ASCII,
)
_DAY_S: Final = 86_400


def split(source: str) -> tuple[str, str | None, str | None]:
    """Return name, account and region of ``cloudwatch:GROUP``; the latter two only of an ARN. SourceError for others."""
    text = source.removeprefix(SCHEME)
    if _NAME.fullmatch(text):
        return text, None, None
    match = _ARN.fullmatch(text)
    if match is None:
        raise SourceError("source.bad_log_group", source=source)
    return match["name"], match["account"], match["region"]


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group that is there. arn: without ``:*``. created_s, retention_days: None where they are not told."""

    arn: str
    name: str
    account: str
    region: str
    created_s: int | None
    retention_days: int | None
    _service: Service
    _parameters: dict[str, Any]

    def gone_before(self, now_s: int) -> int:
        """Return the time (s) before which events may be expired; an hour on the safe side."""
        return 0 if self.retention_days is None else now_s - self.retention_days * _DAY_S + 3600

    def first_s(self, now_s: int) -> int | None:
        """Return when the first event is (s), None when there is none."""
        # Asking from the beginning of time costs a walk over years of nothing, and empty pages.
        begin = max((self.created_s or 0) - 15 * _DAY_S, self.gone_before(now_s) - 2 * _DAY_S, 0)
        for page in self.pages(begin * 1000, None, limit=1):
            if page:
                return min(int(event.get("timestamp", 0)) for event in page) // 1000
        return None

    def pages(self, start_ms: int, end_ms: int | None, *, limit: int | None = None) -> Iterator[list[dict[str, Any]]]:
        """Yield the events from *start_ms* to *end_ms* (inclusive) page by page; a page may be empty."""
        # AWS has interleaved streams since 2019 whatever it is told; others do what they are told.
        asked: dict[str, Any] = {**self._parameters, "startTime": start_ms, "interleaved": True}
        if end_ms is not None:
            asked["endTime"] = end_ms
        if limit is not None:
            asked["limit"] = limit
        while True:
            answer = self._service.ask("filter_log_events", **asked)
            yield answer.get("events", [])
            token = answer.get("nextToken")
            if not token:
                return
            if token == asked.get("nextToken"):
                raise SourceError(
                    "source.unreadable", source=self._service.source, reason="FilterLogEvents: nextToken repeats"
                )
            asked["nextToken"] = token


def find(source: str, access: S3Access) -> LogGroup:
    """Return the log group that *source* names; SourceError when there is none, or it may not be read."""
    name, account, region = split(source)
    logs = service("logs", access, source=source, kind="log_group", region=region, endpoint_url=access.endpoint_url)
    told = _described(logs, name, account)
    if told is None and account is None:
        raise SourceError("source.log_group_missing", source=source, action="DescribeLogGroups", answer=logs.region)
    if told is None:
        # Of another account, which a monitoring account may read by the ARN, or one that may not be described.
        arn = source.removeprefix(SCHEME).removesuffix(":*")
        return LogGroup(arn, name, str(account), logs.region, None, None, logs, {"logGroupIdentifier": arn})
    if told.get("logGroupClass", "STANDARD") != "STANDARD":
        raise SourceError("source.log_group_class", source=source, found=told["logGroupClass"])
    match = _ARN.fullmatch(str(told.get("arn", "")))
    return LogGroup(
        arn=str(told["arn"]).removesuffix(":*"),
        name=name,
        account=match["account"] if match else account or "",
        region=match["region"] if match else logs.region,
        created_s=int(told["creationTime"]) // 1000 if "creationTime" in told else None,
        retention_days=told.get("retentionInDays"),
        _service=logs,
        _parameters={"logGroupName": name},
    )


def _described(logs: Service, name: str, account: str | None) -> dict[str, Any] | None:
    """Return what DescribeLogGroups says of *name*, None where it names none; whoever has an ARN can do without."""
    asked: dict[str, Any] = {"logGroupNamePrefix": name}
    while True:
        try:
            answer = logs.ask("describe_log_groups", **asked)
        except SourceError as error:
            if error.code == "source.log_group_denied" and account is not None:
                return None
            raise
        for told in answer.get("logGroups", []):
            found: dict[str, Any] = told
            if told.get("logGroupName") == name and (account is None or f":{account}:" in told.get("arn", "")):
                return found
        # In the order of names, so the one that is all prefix comes first, if not on an empty page.
        token = answer.get("nextToken")
        if not token or answer.get("logGroups"):
            return None
        asked["nextToken"] = token
