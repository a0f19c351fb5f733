"""Partitions of a table: account, region and hour of each row, and their folders in AWS's Hive layout.

The keys are `aws_account_id` and `aws_region`, not `account` and `region`: a key named like a column would replace it.
Values come from the object's key, else from the record; only what looks like an account or a region may become a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KEYS: Final = ("aws_account_id", "aws_region", "year", "month", "day", "hour")
"""Partition keys of every table, all text, zero-padded."""

NO_HOUR: Final = -1
"""Code of rows whose time nobody knows."""

_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_UNKNOWN: Final = "unknown"
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]{2,16}){1,3}-[0-9]{1,2}|local-[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; hour counts hours since the epoch, UTC, None where there is no time."""

    table: str
    account: str
    region: str
    hour: int | None

    @property
    def folder(self) -> str:
        """The folder, relative to the lake."""
        if self.hour is None:
            parts = [_NULL] * 4
        else:
            when = datetime.fromtimestamp(self.hour * 3600, UTC)
            parts = [f"{when.year:04d}", f"{when.month:02d}", f"{when.day:02d}", f"{when.hour:02d}"]
        values = (self.account, self.region, *parts)
        return "/".join((self.table, *(f"{key}={value}" for key, value in zip(KEYS, values, strict=True))))


@lru_cache(maxsize=4096)
def account_of(text: str | None) -> str:
    """Return *text* if it is an account id, else ``unknown``."""
    return text if text and _ACCOUNT.fullmatch(text) else _UNKNOWN


@lru_cache(maxsize=4096)
def region_of(text: str | None) -> str:
    """Return *text* if it is a region code, else ``unknown``."""
    return text if text and _REGION.fullmatch(text) else _UNKNOWN


def times(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return each row's time (`start`, else the event time; of a log event its `timestamp`; s) and whether it is known."""
    rows = table.num_rows
    values, known = np.zeros(rows, np.int64), np.zeros(rows, bool)
    for name, divisor in (("x_event_time", 1000), ("start", 1), ("timestamp", 1000)):
        if name in table.column_names:
            column = table[name]
            given = np.asarray(column.is_valid().to_numpy())
            numbers = np.asarray(column.fill_null(0).to_numpy()) // divisor
            values = np.where(given, numbers, values)
            known |= given
    return values, known


def hours(values: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each row's hour since the epoch, NO_HOUR where the time is unknown."""
    return np.where(known, values // 3600, NO_HOUR)
