"""Rankings and denials worked out in plain Python, to hold the plans against."""

from __future__ import annotations

import gzip
from collections import defaultdict
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "AWSLogs"
NUMBERS = {"srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "version", "tcp_flags", "traffic_path"}

Row = dict[str, Any]


def example_rows() -> list[Row]:
    """Return the sample records, read by splitting lines."""
    rows = []
    for path in sorted(EXAMPLES.rglob("*.log.gz")):
        head, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        names = [name.replace("-", "_") for name in head.split()]
        for line in lines:
            row = {name: None if text == "-" else text for name, text in zip(names, line.split(), strict=True)}
            rows.append({name: int(text) if text and name in NUMBERS else text for name, text in row.items()})
    return rows


def packet_level(row: Row, name: str) -> Any:
    """Return a dimension's value: addresses are the packet's own where the record has them."""
    if name in ("srcaddr", "dstaddr"):
        return row.get(f"pkt_{name}") or row.get(name)
    return row.get(name)


def interface_level(row: Row, name: str) -> Any:
    return row.get(name)


def ranking(rows, dimensions, measure, value_of=packet_level) -> list[dict[str, Any]]:
    """Return all talkers, most first, ties by their key."""
    groups = defaultdict(list)
    for row in rows:
        key = tuple(value_of(row, name) for name in dimensions)
        if None not in key:
            groups[key].append(row)
    amount = {
        "bytes": lambda row: row.get("bytes") or 0,
        "packets": lambda row: row.get("packets") or 0,
        "records": lambda _: 1,
    }
    found = []
    for key, members in groups.items():
        sums = {name: sum(map(of, members)) for name, of in amount.items()}
        by_action = {
            action: sum(amount[measure](row) for row in members if row.get("action") == action)
            for action in ("ACCEPT", "REJECT")
        }
        decided = sum(by_action.values())
        found.append({"key": key, **sums, "accepted": by_action["ACCEPT"] / decided if decided else None})
    return sorted(found, key=lambda talker: (-talker[measure], talker["key"]))


def denials(rows, by, at_least) -> list[dict[str, Any]]:
    """Return everyone refused at least *at_least* times, most first, ties by their key."""
    groups = defaultdict(list)
    for row in rows:
        if row.get("action") == "REJECT" and packet_level(row, by) is not None:
            groups[packet_level(row, by)].append(row)
    found = [
        {
            "key": key,
            "attempts": len(members),
            "packets": sum(row.get("packets") or 0 for row in members),
            "bytes": sum(row.get("bytes") or 0 for row in members),
            "ports": len({row.get("dstport") for row in members} - {None}),
            "targets": len({packet_level(row, "dstaddr") for row in members} - {None}),
            "sources": len({packet_level(row, "srcaddr") for row in members} - {None}),
            "first_s": min((row["start"] for row in members if row.get("start") is not None), default=None),
            "last_s": max((last for row in members if (last := _last(row)) is not None), default=None),
        }
        for key, members in groups.items()
        if len(members) >= at_least
    ]
    return sorted(found, key=lambda one: (-one["attempts"], one["key"]))


def _last(row: Row) -> int | None:
    return row.get("start") if row.get("end") is None else row["end"]
