"""Keys of flow log objects: what a name tells before its bytes are read, and how such names are written.

    [prefix/]AWSLogs/[o-…/]{account}/vpcflowlogs/{region}/{yyyy}/{MM}/{dd}/[{HH}/]NAME
    [prefix/]AWSLogs/[o-…/]aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/year=/month=/day=/[hour=/]NAME
    NAME = {account}_vpcflowlogs_{region}_{flow-log-id}_{yyyyMMdd}T{HHmm}Z_{unique}.log.gz

A key is read from the left, folder by folder, for as long as it says something; so the beginning of a key tells what
all keys under it have in common, and a name alone still tells account, region, flow log and time.

Source: VPC User Guide "Flow log files"; Transit Gateway guide "Flow log files" (``service=`` for ``aws-service=``);
organisation paths as AWS's log services write them.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE: Final = "vpcflowlogs"
"""What VPC and transit gateway flow logs are called in keys."""

WINDOW_S: Final = 300
"""An object holds records whose `end` lies in the five minutes from the time in its name."""

WRITE_TEST: Final = "aws-logs-write-test"
"""Name of the object with which AWS tries whether it may write to a bucket."""

_MAX_KEY: Final = 4096
"""Characters. S3 keys end at 1,024 bytes, Linux paths at 4,096."""

_ROOT: Final = "AWSLogs"
_ORGANISATION: Final = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}", re.ASCII)
_HIVE: Final = re.compile(r"(?:aws-)?(account-id|service|region)=(.+)|(year|month|day|hour)=(\d{1,4})", re.ASCII)
_NAME: Final = re.compile(
    r"(\d{12})_vpcflowlogs_([a-z0-9-]{1,32})_(fl-[0-9a-z]{1,32})_(\d{8}T\d{4})Z_[^/]*", re.ASCII | re.DOTALL
)
_OTHER_NAME: Final = re.compile(
    r"(\d{12})_(CloudTrail(?:-Digest|-Insight)?|Config|elasticloadbalancing|vpcdnsquerylogs|WAFLogs|waflogs)_", re.ASCII
)
_UNITS: Final = {"year": re.compile(r"\d{4}", re.ASCII)} | dict.fromkeys(
    ("month", "day", "hour"), re.compile(r"\d{1,2}", re.ASCII)
)


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """What a key, or the beginning of one, tells; None where it does not say.

    service:  ``vpcflowlogs``, or the name of the other service whose logs these are.
    start_s, length_s: the year, month, day or hour its folders name; seconds since the epoch, UTC.
    time_s:   start of the five-minute window its name tells, seconds since the epoch.
    """

    service: str
    account: str | None = None
    region: str | None = None
    start_s: int | None = None
    length_s: int = 0
    time_s: int | None = None
    flow_log_id: str | None = None
    hive: bool = False

    @property
    def is_flow_log(self) -> bool:
        """Tell whether the key is a flow log's, not another service's."""
        return self.service == SERVICE


def of(
    account: str, region: str, flow_log_id: str, time_s: int, *, hive: bool = False, hourly: bool = False
) -> ObjectKey:
    """Return what the key of an object of this window tells, in the layout asked for."""
    length_s = 3600 if hourly else 86400
    return ObjectKey(SERVICE, account, region, time_s - time_s % length_s, length_s, time_s, flow_log_id, hive)


def key_for(
    key: ObjectKey,
    *,
    prefix: str = "",
    organization: str = "",
    unique: str = "00000000",
    suffix: str = ".log.gz",
    transit_gateway: bool = False,
) -> str:
    """Write the key that tells all of *key* (`of` makes a complete one; ValueError for any other).

    prefix: folders before ``AWSLogs``. unique: tells apart objects of one window. `parse` gives *key* back.
    transit_gateway: Hive-compatible folders are those of transit gateway flow logs (``service=``).
    """
    if key.time_s is None or key.account is None or key.region is None or key.flow_log_id is None:
        raise ValueError(key)
    time = datetime.fromtimestamp(key.time_s, UTC)
    date = [f"{time:%Y}", f"{time:%m}", f"{time:%d}", f"{time:%H}"][: 4 if key.length_s == 3600 else 3]
    if key.hive:
        service = "service" if transit_gateway else "aws-service"
        place = [f"aws-account-id={key.account}", f"{service}={key.service}", f"aws-region={key.region}"]
        date = [f"{unit}={value}" for unit, value in zip(_UNITS, date, strict=False)]
    else:
        place = [key.account, key.service, key.region]
    name = f"{key.account}_{key.service}_{key.region}_{key.flow_log_id}_{time:%Y%m%dT%H%M}Z_{unique}{suffix}"
    folders = [*filter(None, prefix.strip("/").split("/")), _ROOT, *filter(None, [organization]), *place, *date]
    return "/".join([*folders, name])


def parse(key: str) -> ObjectKey | None:
    """Return what *key* (an S3 key or a path) tells, None when it tells nothing. Never raises, whatever it is given."""
    folder, _, name = key[-_MAX_KEY:].rpartition("/")
    found = parse_folder(folder)
    if found is not None and not found.is_flow_log:
        return found
    told = _parse_name(name)
    if found is None or told is None:
        return told if found is None else found
    if not told.is_flow_log:
        return told
    return replace(
        found,
        account=found.account or told.account,
        region=found.region or told.region,
        time_s=told.time_s,
        flow_log_id=told.flow_log_id,
    )


def parse_folder(folder: str) -> ObjectKey | None:
    """Return what all keys under *folder* have in common, None when nothing is known of them."""
    parts = folder[-_MAX_KEY:].strip("/").split("/")
    rooted = _ROOT in parts
    if rooted:
        parts = parts[len(parts) - parts[::-1].index(_ROOT) :]
        if parts and _ORGANISATION.fullmatch(parts[0]):
            parts = parts[1:]
    hive = _parse_hive(parts)
    if hive is not None:
        return hive
    return _parse_plain(parts) if rooted and parts else None


def _parse_plain(parts: list[str]) -> ObjectKey | None:
    """Read ``account/service/region/yyyy/MM/dd/HH``, as many of them as there are."""
    if not _ACCOUNT.fullmatch(parts[0]):
        return None
    rest = parts[1:]
    found = ObjectKey(rest[0] if rest else SERVICE, account=parts[0])
    if len(rest) < 2 or not found.is_flow_log or not _REGION.fullmatch(rest[1]):
        return found
    start_s, length_s = _period(rest[2:6])
    return replace(found, region=rest[1], start_s=start_s, length_s=length_s)


def _parse_hive(parts: list[str]) -> ObjectKey | None:
    """Read ``aws-account-id=…/aws-service=…/aws-region=…/year=…``; None where no folder names an account."""
    said = dict(_hive_pairs(parts))
    if "account-id" not in said:
        return None
    found = ObjectKey(said.get("service", SERVICE), hive=True)
    account, region = said.get("account-id", ""), said.get("region", "")
    start_s, length_s = _period([said.get(unit, "") for unit in _UNITS])
    return replace(
        found,
        account=account if _ACCOUNT.fullmatch(account) else None,
        region=region if _REGION.fullmatch(region) else None,
        start_s=start_s,
        length_s=length_s,
    )


def _hive_pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        match = _HIVE.fullmatch(part)
        if match:
            place, value, unit, number = match.groups()
            yield (place, value) if place else (unit, number)


def _period(parts: list[str]) -> tuple[int | None, int]:
    """Return start and length (s) of the year, month, day or hour that *parts* name, (None, 0) where they name none."""
    numbers: list[int] = []
    for part, unit in zip(parts, _UNITS.values(), strict=False):
        if not unit.fullmatch(part):
            break
        numbers.append(int(part))
    if not numbers:
        return None, 0
    year, month, day, hour = (*numbers, *(1, 1, 1, 0)[len(numbers) :])
    try:
        start = datetime(year, month, day, hour, tzinfo=UTC)
        if len(numbers) == 1:
            length = timedelta(days=366 if calendar.isleap(year) else 365)
        elif len(numbers) == 2:
            length = timedelta(days=calendar.monthrange(year, month)[1])
        else:
            length = timedelta(days=1) if len(numbers) == 3 else timedelta(hours=1)
    except ValueError:
        return None, 0
    return int(start.timestamp()), int(length.total_seconds())


def _parse_name(name: str) -> ObjectKey | None:
    match = _NAME.fullmatch(name)
    if match is None:
        other = _OTHER_NAME.match(name)
        return ObjectKey(other[2], account=other[1]) if other else None
    account, region, flow_log_id, minute = match.groups()
    try:
        time = datetime.strptime(minute, "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return ObjectKey(SERVICE, account, region, flow_log_id=flow_log_id)
    return ObjectKey(SERVICE, account, region, time_s=int(time.timestamp()), flow_log_id=flow_log_id)
