"""A lake of flow logs of several formats, and the same records as events: what a query of either must say."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from query.insights_plain import DASH, Time
from vpcflow.app import App, Reading, Wanted
from vpcflow.config import load
from vpcflow.record.fields import FIELDS

if TYPE_CHECKING:
    from pathlib import Path

START = 1_794_823_200
FORMATS = {
    "default": (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
    ),
    "custom": "action pkt-srcaddr srcaddr dstaddr dstport start end interface-id tcp-flags bytes log-status vpc-id x-rack",
    "small": "start end srcaddr bytes",
}
ADDRESSES = ["10.0.1.10", "10.0.1.9", "10.1.0.1", "203.0.113.12", "192.0.2.77", "2001:db8::5", "2001:db8::1:5"]


def records(names, seed, count=40):
    """Return made-up records of a format: field → text as in the line."""
    chance = random.Random(seed)
    found = []
    for place in range(count):
        # Times that differ between formats too make an order that does not depend on anything else.
        start = START + chance.randrange(2 * 3600) * 3 + list(FORMATS).index(seed)
        status = chance.choices(["OK", "NODATA", "SKIPDATA"], [8, 1, 1])[0]
        row = {
            "version": "2", "account-id": chance.choice(["123456789012", "012345678901"]),
            "interface-id": chance.choice(["eni-0a1", "eni-0a2", "eni-0a10"]), "srcaddr": chance.choice(ADDRESSES),
            "dstaddr": chance.choice(ADDRESSES), "srcport": str(chance.choice([22, 443, 40000 + place])),
            "dstport": str(chance.choice([22, 80, 443, 3389])), "protocol": chance.choice(["6", "6", "17", "1"]),
            "packets": str(chance.randrange(1, 50)), "bytes": str(chance.choice([40, 1500, 2**31, 2**53 + 1, 2**62])),
            "action": chance.choice(["ACCEPT", "REJECT"]), "pkt-srcaddr": chance.choice([*ADDRESSES, "-"]),
            "tcp-flags": chance.choice(["2", "3", "18", "-"]), "vpc-id": chance.choice(["vpc-1", "-"]), "x-rack": chance.choice(["7", "07", "r1"]),
        }  # fmt: skip
        if status != "OK":
            row = dict.fromkeys(row, "-") | {one: row[one] for one in ("version", "account-id", "interface-id")}
        row |= {"start": str(start), "end": str(start + 59), "log-status": status}
        found.append({name: row[name] for name in names})
    taken = set()
    for row in found:
        while row["start"] in taken:
            row["start"] = str(int(row["start"]) + 3)
        taken.add(row["start"])
    return found


def event(row, always):
    """Return a record as a query sees it. always: the fields that every record has; the "-" of others counts as missing."""
    found = {"@timestamp": Time(int(row["start"]) * 1000), "@message": " ".join(row.values())}
    for name, value in row.items():
        field = FIELDS.get(name)
        if field is None:
            found[name] = value
        elif field.type == "string":
            found[field.insights] = value
        else:
            found[field.insights] = (DASH if name in always else None) if value == "-" else int(value)
    for alias, name in (("start", "startTime"), ("end", "endTime")):
        found[alias] = found[name]
    return found


def make(root: Path, formats=tuple(FORMATS)):
    """Make a lake of these formats in *root*; return the app and the events."""
    events = []
    always = set.intersection(*(set(FORMATS[name].split()) for name in formats))
    (root / "logs").mkdir(parents=True)
    for name in formats:
        names = FORMATS[name].split()
        rows = records(names, name)
        lines = [" ".join(names), *(" ".join(row.values()) for row in rows)]
        (root / "logs" / f"{name}.log").write_text("\n".join(lines) + "\n")
        events += [event(row, always) for row in rows]
    app = App(load({"lake": str(root / "lake")}, {}))
    with app.lake(create=True) as lake:
        done = app.ingest(lake, [str(root / "logs")], Wanted(), Reading())
        assert not done.progress.failed, done.progress.failed
    return app, events
