"""Lakes full of corner cases, and what is in them as plain rows: the same records on two ways."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vpcflow.lake import compaction
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake
from vpcflow.record.format import LogFormat
from vpcflow.record.numbers import PROTOCOLS
from vpcflow.types import SourceObject

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

HOUR = 1_700_002_800
"""A full hour, 2023-11-14 23:00 UTC: the next one is another day."""
EDGES = [HOUR + 3600 * hour + second for hour in range(3) for second in (-1, 0, 1, 1800, 3599)]
ADDRESSES = [
    "10.0.0.1", "10.0.0.2", "10.1.2.3", "10.1.127.255", "10.1.128.0", "10.100.0.1", "100.1.2.3", "192.0.2.1", "1.0.0.0",
    "2001:db8::", "2001:db8::1", "2001:db8:8000::1", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "::1", "fe80::a", "::",
]  # fmt: skip
PORTS = [0, 22, 443, 3389, 65535]
INTERFACES = ["eni-1", "eni-10", "eni_1", "ENI-1", "eni-%"]

_WHAT = "log-status interface-id srcaddr dstaddr srcport dstport protocol packets bytes end action account-id"
_FORMATS = {
    "v2": f"instance-id {_WHAT} start",
    "shuffled": f"start {' '.join(reversed(_WHAT.split()))} instance-id",
    "packet-level": f"pkt-srcaddr instance-id pkt-dstaddr {_WHAT} start",
    "half": f"instance-id {_WHAT} start pkt-srcaddr",
    "no-start": f"instance-id {_WHAT}",
    "exported": f"instance-id {_WHAT}",
}
"""`no-start` has the time of its object's key, `exported` (from CloudWatch Logs) one in front of each line, with milliseconds."""


class World:
    """A lake on disk and its rows. packet_level: whether some files have packet-level addresses."""

    def __init__(self, root: Path, *, seed: int, packet_level: bool) -> None:
        self.root, self._random = root / "lake", random.Random(seed)
        self._files = root / "sources"
        self._files.mkdir(parents=True)
        self._count = 0
        self.rows: list[Row] = []
        kinds = [kind for kind in _FORMATS if packet_level or kind in ("v2", "shuffled")]
        for place, (account, region) in enumerate(
            [("123456789012", "us-east-1"), ("210987654321", "us-east-1"), (None, None), ("123456789012", "eu-west-1")]
        ):
            for kind in kinds:
                event_s = self._random.choice(EDGES) if kind == "no-start" else None
                self._put(f"{place}-{kind}", kind, account, region, event_s)
            if place == 2:
                self._compact()
        # A source comes again with other content: its old rows are dead, in a file that they share with other sources.
        self.rows = [row for row in self.rows if row["_source"] != "0-v2"]
        self._put("0-v2", "v2", "123456789012", "us-east-1", None)

    def _put(self, name: str, kind: str, account: str | None, region: str | None, event_s: int | None) -> None:
        names = _FORMATS[kind].split()
        rows = [self._record(names) for _ in range(self._random.randrange(20, 60))]
        lines = [" ".join("-" if row[field] is None else str(row[field]) for field in names) for row in rows]
        times = [event_s] * len(rows)
        if kind == "exported":
            times = [self._random.choice(EDGES) for _ in rows]
            lines = [
                f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%S}.600Z {line}"
                for time, line in zip(times, lines, strict=True)
            ]
        head = [" ".join(names)] if kind != "exported" else []
        (self._files / name).write_text("\n".join([*head, *lines]) + "\n")
        self._ingest([self._source(name, account, region, event_s)], None if head else LogFormat(tuple(names)))
        self.rows += [_told(row, name, account, region, time) for row, time in zip(rows, times, strict=True)]

    def _source(self, name: str, account: str | None, region: str | None, event_s: int | None) -> SourceObject:
        path = self._files / name
        size = path.stat().st_size
        etag = f"{size}-{hash(path.read_bytes())}"
        return SourceObject(name, etag, size, lambda: path.open("rb"), account, region, event_s)

    def _ingest(self, objects: list[SourceObject], log_format: LogFormat | None = None) -> None:
        lake = Lake(self.root, create=True, durable=False)
        try:
            with lake.writer() as writer:
                progress = Ingest(lake, writer, Config(threads=1, log_format=log_format)).run(objects)
            assert not progress.failed
            assert not progress.report.bad
        finally:
            lake.close()

    def _compact(self) -> None:
        lake = Lake(self.root, durable=False)
        try:
            with lake.writer() as writer:
                compaction.compact(lake, writer, memory=1 << 30, threads=1)
        finally:
            lake.close()

    def _record(self, names: list[str]) -> Row:
        pick = self._random.choice
        self._count += 1
        start = pick(EDGES) if self._random.random() < 0.95 else None
        row: Row = {
            "interface-id": pick(INTERFACES),
            "start": start,
            "end": (start or pick(EDGES)) + pick([0, 1, 59, 600]),
            "account-id": pick(["123456789012", "345678901234"]),
            "log-status": pick(["NODATA", "SKIPDATA"]),
        }
        if self._random.random() < 0.85:
            row |= {
                "srcaddr": pick(ADDRESSES), "dstaddr": pick(ADDRESSES), "pkt-srcaddr": pick(ADDRESSES),
                "pkt-dstaddr": pick(ADDRESSES), "srcport": pick(PORTS), "dstport": pick(PORTS),
                "protocol": pick([1, 6, 17, 250]), "packets": self._random.randrange(1, 6),
                "bytes": self._random.randrange(2**40), "action": pick(["ACCEPT", "REJECT"]), "log-status": "OK",
            }  # fmt: skip
            for field in row:
                if self._random.random() < 0.1:
                    row[field] = None
        row["instance-id"] = f"i-{self._count:05d}"
        return {name: row.get(name) for name in names}


def _told(row: Row, source: str, account: str | None, region: str | None, event_s: int | None) -> Row:
    """Return a record with everything `flows` has for it."""
    names = {name for kind in _FORMATS.values() for name in kind.split()}
    known: Row = {name.replace("-", "_"): row.get(name) for name in names}
    moment = known["start"] if known["start"] is not None else event_s
    when = None if moment is None else datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    known |= {
        "src": known["srcaddr"] if known["pkt_srcaddr"] is None else known["pkt_srcaddr"],
        "dst": known["dstaddr"] if known["pkt_dstaddr"] is None else known["pkt_dstaddr"],
        "start_time": when,
        "end_time": None if known["end"] is None else datetime.fromtimestamp(known["end"], UTC).replace(tzinfo=None),
        "protocol_name": known["protocol"] and PROTOCOLS.get(known["protocol"], str(known["protocol"])),
        "date": when and when.date(),
        "hour": when and f"{when.hour:02d}",
        "aws_account_id": account or known["account_id"] or "unknown",
        "aws_region": region or "unknown",
        "_moment": moment,
        "_source": source,
    }
    return known
