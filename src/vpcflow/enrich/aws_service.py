"""Whose addresses the packet's are, as AWS publishes it (`ip-ranges.json`).

Where published ranges overlap, the most specific one that is not `AMAZON` counts; of two alike `EC2` gives way, as the other one
names a service that runs on it. Which one AWS itself takes is not published.

Source: VPC User Guide "Flow log records" (`pkt-src-aws-service`); "AWS IP address ranges" (form of the file).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from vpcflow.enrich.columns import Words, filled
from vpcflow.enrich.prefixes import PrefixTable
from vpcflow.errors import ConfigError
from vpcflow.vpc.address_columns import Addresses, Coded

if TYPE_CHECKING:
    from pathlib import Path

    from vpcflow.types import FlowBatch

FILLS: Final = ("pkt_src_aws_service", "pkt_dst_aws_service")

_WEAK: Final = {"AMAZON": 0, "EC2": 1}
_STRONG: Final = 2
_MAX_BYTES: Final = 64 << 20


class AwsRanges:
    """Published ranges. created: when AWS made the file, as it says; services: their names."""

    def __init__(self, document: dict[str, Any]) -> None:
        entries = [
            (entry[key], entry["service"])
            for kind, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix"))
            for entry in document[kind]
        ]
        if not all(isinstance(text, str) for entry in entries for text in entry):
            raise TypeError(document)
        self.created = str(document.get("createDate", ""))
        self.services = tuple(sorted({service for _, service in entries}))
        place = {service: number for number, service in enumerate(self.services)}
        entries.sort(key=_weight)
        self.table = PrefixTable((prefix, place[service]) for prefix, service in entries)

    @classmethod
    def read(cls, path: Path) -> AwsRanges:
        """Read the published file; ConfigError for what is not one."""
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise ConfigError("ip_ranges.bad", file=str(path), reason=f"> {_MAX_BYTES >> 20} MB")
            return cls(json.loads(path.read_bytes()))
        except OSError as error:
            raise ConfigError("ip_ranges.unreadable", file=str(path), reason=error.strerror or str(error)) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"[:120]
            raise ConfigError("ip_ranges.bad", file=str(path), reason=reason) from error


def _weight(entry: tuple[str, str]) -> tuple[bool, int, int, str]:
    """Say how much an entry counts: more beats less."""
    prefix, service = entry
    return service != "AMAZON", int(prefix.rpartition("/")[2]), _WEAK.get(service, _STRONG), service


class AwsService:
    """Fills the service of both packet-level addresses."""

    def __init__(self, ranges: AwsRanges) -> None:
        self._ranges, self._words = ranges, Words(ranges.services)

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with the services its addresses belong to."""
        new = {}
        for side in ("src", "dst"):
            name = f"pkt_{side}addr" if f"pkt_{side}addr" in batch.schema.names else f"{side}addr"
            far = Coded.of(batch.column(name))
            codes = self._ranges.table.lookup(Addresses.of(far.values))
            new[f"pkt_{side}_aws_service"] = self._words.at(codes[far.codes])
        return filled(batch, new)
