"""Whether a source can be read at all, found out by reading as little of it as will tell."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpcflow.collect.selection import Selection
from vpcflow.collect.source import is_log_group, open_sources

if TYPE_CHECKING:
    from vpcflow.aws import S3Access


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. first: of the objects, empty for a log group; of that one first_s: when its first event is (s).

    retention_days: how long it keeps events, None for ever.
    """

    first: str = ""
    account: str = ""
    region: str = ""
    first_s: int | None = None
    retention_days: int | None = None


def probe(source: str, access: S3Access) -> Probe:
    """Ask *source* for its first object, or event; SourceError says why it cannot be read."""
    if is_log_group(source):
        from vpcflow.collect.log_group import find  # noqa: PLC0415 - 170 ms that files need not pay

        group, now = find(source, access), int(time.time())
        return Probe(
            account=group.account,
            region=group.region,
            first_s=group.first_s(now),
            retention_days=group.retention_days,
        )
    first = next(open_sources([source], Selection(), access, Counter()))
    with first.open() as content:
        content.read(1)
    return Probe(first.uri, first.account or "", first.region or "")
