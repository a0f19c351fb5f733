"""AWS's ten sample queries for flow logs: asked in Insights, and as SQL written by hand for the same engine, on one lake.

`python bench/insights.py [records]` makes the records and the lake once (bench/data), asks in turn five times after a warm-up,
and writes bench/results/insights.md. Answers must agree.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa

from data import ROOT, made
from queries import in_turns
from vpcflow.app import App, Reading, Wanted
from vpcflow.app.insights import insights
from vpcflow.config import load
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.shown import texts

RESULTS = Path(__file__).parent / "results" / "insights.md"
ADDRESS, PREFIX = "10.0.", "192.0."


def samples(interface: str) -> dict[str, tuple[str, str]]:
    """Return name → (AWS's query, SQL by hand over `raw`)."""
    like = "stats sum(bytes) as bytesTransferred by srcAddr, dstAddr | sort bytesTransferred desc | limit 10"
    by_hand = (
        "SELECT srcaddr, dstaddr, sum(bytes) AS total FROM raw WHERE {w} GROUP BY 1, 2 "
        "ORDER BY 3 DESC NULLS LAST, 1, 2 LIMIT 10"
    )
    return {
        "1 top packet pairs": (
            "stats sum(packets) as packetsTransferred by srcAddr, dstAddr | sort packetsTransferred desc | limit 15",
            "SELECT srcaddr, dstaddr, sum(packets) FROM raw GROUP BY 1, 2 ORDER BY 3 DESC NULLS LAST, 1, 2 LIMIT 15",
        ),
        "2 top bytes in a subnet": (
            (
                'filter isIpv4InSubnet(srcAddr, "192.0.2.0/24") | stats sum(bytes) as bytesTransferred by dstAddr '
                "| sort bytesTransferred desc | limit 15"
            ),
            (
                "SELECT dstaddr, sum(bytes) FROM raw WHERE starts_with(srcaddr, '192.0.2.') GROUP BY 1 "
                "ORDER BY 2 DESC NULLS LAST, 1 LIMIT 15"
            ),
        ),
        "3 UDP sources": (
            "filter protocol=17 | stats count(*) by srcAddr",
            "SELECT srcaddr, count(*) FROM raw WHERE protocol = 17 GROUP BY 1 ORDER BY 1 LIMIT 10000",
        ),
        "4 skipped records per hour": (
            'filter logStatus="SKIPDATA" | stats count(*) by bin(1h) as t | sort t',
            (
                "SELECT start // 3600 * 3600000 AS t, count(*) FROM raw WHERE log_status = 'SKIPDATA' GROUP BY 1 ORDER BY 1 "
                "LIMIT 10000"
            ),
        ),
        "5 one record per connection": (
            (
                "fields @timestamp, srcAddr, dstAddr, srcPort, dstPort, protocol, bytes "
                f"| filter interfaceId = '{interface}' | sort @timestamp desc "
                "| dedup srcAddr, dstAddr, srcPort, dstPort, protocol | limit 20"
            ),
            (
                "SELECT start * 1000, srcaddr, dstaddr, srcport, dstport, protocol, bytes FROM raw "
                f"WHERE interface_id = '{interface}' QUALIFY row_number() OVER (PARTITION BY srcaddr, dstaddr, srcport, "
                "dstport, protocol ORDER BY start DESC) = 1 OR srcport IS NULL ORDER BY start DESC LIMIT 20"
            ),
        ),
        "6 charts": (
            "stats avg(bytes), max(bytes) by dstAddr",
            "SELECT dstaddr, avg(bytes), max(bytes) FROM raw GROUP BY 1 ORDER BY 1 LIMIT 10000",
        ),
        "7 NAT gateway, senders": (
            f"filter (dstAddr like '{ADDRESS}' and srcAddr like '{PREFIX}') | {like}",
            by_hand.format(w=f"contains(dstaddr, '{ADDRESS}') AND contains(srcaddr, '{PREFIX}')"),
        ),
        "8 NAT gateway, uploads": (
            f"filter (srcAddr like '{ADDRESS}' and dstAddr not like '{PREFIX}') | {like}",
            by_hand.format(w=f"contains(srcaddr, '{ADDRESS}') AND NOT contains(dstaddr, '{PREFIX}')"),
        ),
        "9 NAT gateway, downloads": (
            f"filter (dstAddr like '{ADDRESS}' and srcAddr not like '{PREFIX}') | {like}",
            by_hand.format(w=f"contains(dstaddr, '{ADDRESS}') AND NOT contains(srcaddr, '{PREFIX}')"),
        ),
        "10 interface by regular expression": (
            "parse @message /(?<NetworkInterface>eni-.*?) / | display NetworkInterface, @message",
            (
                "SELECT regexp_extract(m, '(eni-.*?) ', 1), m FROM (SELECT concat_ws(' ', version, account_id, interface_id, "
                "coalesce(srcaddr, '-'), coalesce(dstaddr, '-'), coalesce(CAST(srcport AS VARCHAR), '-'), "
                "coalesce(CAST(dstport AS VARCHAR), '-'), coalesce(CAST(protocol AS VARCHAR), '-'), "
                "coalesce(CAST(packets AS VARCHAR), '-'), coalesce(CAST(bytes AS VARCHAR), '-'), start, \"end\", "
                "coalesce(action, '-'), log_status) AS m FROM (SELECT * FROM raw ORDER BY start DESC LIMIT 10000))"
            ),
        ),
    }


def lake_of(records: int) -> Path:
    """Return a lake of that many records, made once."""
    path = ROOT / f"insights-lake-{records}"
    if not (path / "complete").exists():
        sources = made("insights", records=records, files=max(16, records // 200_000), version=2)
        app = App(load({"lake": str(path)}))
        with app.lake(create=True) as lake:
            app.ingest(lake, [str(sources[0].parents[6])], Wanted(), Reading())
        (path / "complete").touch()
    return path


def main(records: int) -> None:
    path = lake_of(records)
    app = App(load({"lake": str(path)}))
    raw = duckdb.connect()
    raw.execute(
        f"CREATE VIEW raw AS SELECT * FROM read_parquet('{path.absolute()}/flow_logs/**/*.parquet', "
        "hive_partitioning = true, hive_types_autocast = false)"
    )
    (interface,) = raw.execute(
        "SELECT interface_id FROM raw GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 OFFSET 20"
    ).fetchone()
    lines = []
    with app.lake() as lake, insights(app, lake) as asker:
        for name, (query, by_hand) in samples(interface).items():
            question = Question(query, Range(), int(time.time()))
            ours, theirs, rows, other = in_turns(
                lambda question=question: asker.ask(question),
                lambda by_hand=by_hand: raw.execute(by_hand).to_arrow_table(),
            )
            same = agree(name, texts(rows), rows.rows, other)
            print(f"{name:36} {ours:7.3f} s {theirs:7.3f} s {ours / theirs:5.2f} {same}", flush=True)
            lines.append(f"| {name} | {ours:.3f} | {theirs:.3f} | {ours / theirs:.2f} | {other.num_rows:,} | {same} |")
            if os.environ.get("VPCFLOW_BENCH_SQL"):
                print(*rows.sql, sep="\n")
    head = [
        "# Insights against SQL by hand",
        "",
        (
            f"AWS's ten sample queries for flow logs on {records:,} records (`python bench/insights.py {records}`), the "
            "median of five in turns after a warm-up, in seconds. Both run on the same DuckDB; the SQL by hand reads "
            "the same files as a view."
        ),
        "",
        (
            f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}, DuckDB "
            f"{duckdb.__version__}, Arrow {pa.__version__}."
        ),
        "",
        "| query | Insights | SQL by hand | ratio | rows | same answer |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    RESULTS.write_text("\n".join([*head, *lines]) + "\n")


def agree(name: str, ours: list[list[str | None]], typed: pa.Table, theirs: pa.Table) -> str:
    """Tell whether both have the same figures; where ties let either choose, the same number of rows and the same measure."""
    if typed.num_rows != theirs.num_rows:
        return f"no: {typed.num_rows} and {theirs.num_rows} rows"
    if name.startswith(("5", "10")):
        return "rows"
    mine = [tuple(json.dumps(cell, default=float) for cell in row.values()) for row in typed.to_pylist()]
    other = [tuple(json.dumps(cell, default=float) for cell in row.values()) for row in theirs.to_pylist()]
    # Null is "-" in what Insights shows.
    mine = [tuple("null" if cell == '"-"' else cell for cell in row) for row in mine]
    del ours
    return "yes" if sorted(map(norm, mine)) == sorted(map(norm, other)) else "no"


def norm(row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"{float(cell):.9g}" if cell.replace(".", "", 1).replace("-", "", 1).isdigit() else cell for cell in row
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000)
