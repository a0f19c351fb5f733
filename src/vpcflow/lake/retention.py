"""What is old enough goes: whole hours leave the tables, their sources stay known, so they are not ingested again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpcflow.lake.lake import Lake


@dataclass(frozen=True, slots=True)
class Expired:
    """What left the lake."""

    files: int
    rows: int
    bytes: int


def expire(lake: Lake, *, before_s: int) -> Expired:
    """Remove all hours that end at or before *before_s* (s since the epoch). Rows without a time stay."""
    files = lake.ledger.files_before(before_s // 3600)
    lake.ledger.remove(file_id for file_id, _, _ in files)
    lake.sweep()
    return Expired(len(files), sum(rows for _, rows, _ in files), sum(size for _, _, size in files))
