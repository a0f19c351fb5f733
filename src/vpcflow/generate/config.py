"""What to generate: amounts, time span, identity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.errors import UsageError
from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT, LogFormat

if TYPE_CHECKING:
    from pathlib import Path

DAY_S: Final = 86_400

START: Final = 1_793_577_600
"""2026-11-02T00:00:00Z, a Monday."""

_SHAPES: Final = {
    "account": r"[0-9]{12}",
    "region": r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}",
    "flow_log_id": r"fl-[0-9a-f]{8,17}",
}
"""What becomes part of a path."""

_LEAST_INTERFACES: Final = 12
_MOST_INTERFACES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Config:
    """One set of flow logs.

    records, files: exact. seed: everything random comes from it.
    interfaces: network interfaces of the VPC. peers: addresses on the internet that talk to it.
    start: epoch seconds, UTC; days: length of the span, fractions allowed.
    threads: how many make records at once, None for one a core; changes nothing in the files.
    Raises UsageError for what cannot be generated.
    """

    out: Path
    records: int = 1_000_000
    files: int = 16
    seed: int = 1
    log_format: LogFormat = DEFAULT
    interfaces: int = 2_000
    peers: int = 300_000
    days: float = 5.0
    start: int = START
    account: str = "123456789012"
    region: str = "us-east-1"
    flow_log_id: str = "fl-0a1b2c3d4e5f60718"
    threads: int | None = None

    def __post_init__(self) -> None:
        ranges = {
            "records": (1, 10**12),
            "files": (1, self.span_s),
            "seed": (0, 2**63 - 1),
            "interfaces": (_LEAST_INTERFACES, _MOST_INTERFACES),
            "peers": (1, 10_000_000),
            "days": (1 / DAY_S, 3_660),
            "start": (DAY_S, 2**32),
            "threads": (1, 64),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError("generate.out_of_range", name=name, value=value, low=low, high=high)
        for name, shape in _SHAPES.items():
            if not re.fullmatch(shape, value := getattr(self, name)):
                raise UsageError("generate.malformed", name=name, value=value)
        strange = [name for name in self.log_format.names if name not in FIELDS or "vpc" not in FIELDS[name].families]
        if strange:
            raise UsageError("generate.not_a_vpc_field", names=", ".join(strange))

    @property
    def span_s(self) -> int:
        """Seconds from the first to the last record's end."""
        return int(self.days * DAY_S)
