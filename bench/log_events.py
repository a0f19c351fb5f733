"""Log events: JSON and plain lines into the lake, and questions about fields of JSON, beside DuckDB's own JSON reader.

`python bench/log_events.py [events]` writes bench/results/log_events.md. The peer reads the same file into a Parquet file, and
answers from that: it gets its columns from the types it finds, once for all events, where the lake keeps each event as it was
written and finds fields when they are asked for.
"""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from vpcflow.app import App, Reading, Wanted
from vpcflow.app.insights import insights
from vpcflow.config import load
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.records import Range
from vpcflow.record.log_events import Filing

RESULTS = Path(__file__).parent / "results" / "log_events.md"
START = 1_795_700_000
QUESTIONS = {
    "count by a field": ("stats count(*) as n by level", "SELECT level, count(*) FROM t GROUP BY 1"),
    "mean of an inner field": (
        "stats avg(req.took) as t by req.path",
        "SELECT req.path, avg(req.took) FROM t GROUP BY 1",
    ),
    "filter and count by time": (
        "filter req.took > 90 | stats count(*) as n by bin(5m)",
        "SELECT time // 300000, count(*) FROM t WHERE req.took > 90 GROUP BY 1",
    ),
    "pattern": ("pattern @message", "SELECT regexp_replace(msg, '[0-9]+', 'N', 'g'), count(*) FROM t GROUP BY 1"),
}


def write(folder: Path, events: int) -> tuple[Path, Path]:
    """Write the same events as JSON and as plain lines."""
    chance = random.Random(1)
    as_json, plain = folder / "events.jsonl", folder / "events.log"
    with as_json.open("w") as one, plain.open("w") as other:
        for n in range(events):
            at = START + n * 0.037
            took, level = chance.random() * 100, chance.choice(["info", "warn", "error"])
            request = {"id": f"{chance.getrandbits(64):016x}", "path": chance.choice(["/a", "/b", "/c"]), "took": took}
            one.write(
                json.dumps({"time": int(at * 1000), "level": level, "req": request, "msg": f"request {n} done"}) + "\n"
            )
            when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
            other.write(f"{when} {level} request {n} done in {took:.1f} ms from 10.0.0.{n % 250}\n")
    return as_json, plain


def seconds(work, turns: int = 3) -> float:
    found = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        as_json, plain = write(folder, events)
        app = App(load({"lake": str(folder / "lake")}, {}))

        def ingest(path: Path, group: str) -> float:
            began = time.perf_counter()
            with app.lake(create=True) as lake:
                app.ingest(lake, [str(path)], Wanted(), Reading(filing=Filing(group)))
            return time.perf_counter() - began

        def peer() -> None:
            db = duckdb.connect()
            db.execute(
                f"COPY (SELECT * FROM read_json('{as_json}', format='newline_delimited')) "
                f"TO '{folder}/t.parquet' (COMPRESSION zstd)"
            )

        ours = {"JSON lines": ingest(as_json, "/json"), "plain lines": ingest(plain, "/plain")}
        theirs = seconds(peer, 1)
        rate = {name: events / took for name, took in ours.items()}
        lines += ["| into the lake | events/s | MB/s | DuckDB's read_json, events/s |", "| --- | --- | --- | --- |"]
        for name, path in (("JSON lines", as_json), ("plain lines", plain)):
            size = path.stat().st_size / ours[name] / 1e6
            beside = f"{events / theirs:,.0f}" if name == "JSON lines" else "-"
            lines.append(f"| {name} | {rate[name]:,.0f} | {size:.0f} | {beside} |")
        lines += ["", "| question | vpcflow, s | DuckDB on its columns, s | ratio |", "| --- | --- | --- | --- |"]
        db = duckdb.connect()
        db.execute(f"CREATE VIEW t AS SELECT * FROM '{folder}/t.parquet'")
        with app.lake() as lake, insights(app, lake, ("/json",)) as asker:
            for name, (query, sql) in QUESTIONS.items():
                asker.ask(Question(query, Range(), START))
                mine = seconds(lambda q=query: asker.ask(Question(q, Range(), START)))
                other = seconds(lambda s=sql: db.execute(s).fetchall())
                lines.append(f"| {name} | {mine:.3f} | {other:.3f} | {mine / other:.1f} |")
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, Arrow {pa.__version__}"
    head = [
        "# Log events",
        "",
        (
            f"{events:,} events as JSON and as plain lines (`python bench/log_events.py {events}`); the median of three. "
            "The peer is DuckDB's own reader, which makes a column of each field once; the lake keeps events as they were "
            "written, whatever fields they have, and parses them when they are asked."
        ),
        "",
        f"{platform.machine()}, {os.cpu_count()} cores; {versions}.",
        "",
    ]
    RESULTS.write_text("\n".join([*head, *lines]) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
