"""`explain --all` over 20 M records with 100 k rejects: makes the lake once, asks, prints a table for
`bench/results/explain.md`.

    python bench/explain.py [--records 20000000] [--rejects 100000]

The records are of 400 interfaces in one day: conversations of two records each, most accepted; rejects of every pattern
(openings, replies to accepted openings, late packets), so that the share that has to be paired is the share of rejects.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(os.environ.get("VPCFLOW_BENCH", Path(__file__).parent / "data"))
DAY = 1_764_201_600
OBJECTS = 96


def lake(records: int, rejects: int) -> Path:
    """Return a lake with so many records; makes it when it is not there."""
    from vpcflow.app import App, Reading, Wanted
    from vpcflow.config import load

    folder = ROOT / f"explain-{records}-{rejects}"
    if not (folder / "complete").exists():
        print(f"making {folder.name} …", flush=True)
        source = folder / "source"
        source.mkdir(parents=True, exist_ok=True)
        chance = np.random.default_rng(7)
        for number in range(OBJECTS):
            table = _object(chance, number, records // OBJECTS, rejects // OBJECTS)
            pq.write_table(table, source / f"{number:03d}.parquet", compression="zstd")
        app = App(load({"lake": str(folder / "lake"), "memory": "4GB"}, {}))
        with app.lake(create=True) as made:
            app.ingest(made, [str(source)], Wanted(), Reading())
        (folder / "complete").touch()
    return folder / "lake"


def _object(chance: np.random.Generator, number: int, records: int, rejects: int) -> pa.Table:
    """Return the records of a quarter of an hour."""
    one_way = rejects * 6 // 10
    two_way = rejects - one_way
    accepted = (records - one_way - 2 * two_way) // 2
    parts = [
        _pairs(chance, number, accepted, ("ACCEPT", "ACCEPT"), (2, 18)),
        _pairs(chance, number, two_way * 6 // 10, ("ACCEPT", "REJECT"), (2, 18)),
        _pairs(chance, number, two_way - two_way * 6 // 10, ("ACCEPT", "REJECT"), (3, 4)),
        _pairs(chance, number, one_way, ("REJECT", None), (2, 0)),
    ]
    return pa.concat_tables(parts).take(pa.array(chance.permutation(sum(part.num_rows for part in parts))))


def _pairs(
    chance: np.random.Generator, number: int, count: int, actions: tuple[str, str | None], flags: tuple[int, int]
) -> pa.Table:
    """Return *count* inbound conversations: the request, and the answer unless its action is None."""
    interface = chance.integers(0, 400, count)
    own = pa.array([f"10.0.{n // 250}.{n % 250 + 4}" for n in range(400)]).take(pa.array(interface))
    eni = pa.array([f"eni-{n:017x}" for n in range(400)]).take(pa.array(interface))
    peer = chance.zipf(1.3, count) % 60_000
    far = pa.array([f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(60_000)]).take(pa.array(peer))
    port = chance.choice([22, 80, 443, 3306, 3389, 5432, 8080], count)
    client = chance.integers(32768, 61000, count)
    start = DAY + number * 900 + chance.integers(0, 900, count)
    length = chance.integers(0, 60, count)
    sides = []
    for side, action in enumerate(actions):
        if action is None:
            continue
        there = side == 0
        packets = chance.integers(1, 40, count)
        sides.append(
            pa.table(
                {
                    "account_id": pa.repeat("123456789012", count),
                    "interface_id": eni,
                    "srcaddr": far if there else own,
                    "dstaddr": own if there else far,
                    "srcport": pa.array(client if there else port, pa.int32()),
                    "dstport": pa.array(port if there else client, pa.int32()),
                    "protocol": pa.array(np.full(count, 6), pa.int32()),
                    "packets": pa.array(packets, pa.int64()),
                    "bytes": pa.array(packets * chance.integers(40, 1400, count), pa.int64()),
                    "start": pa.array(start, pa.int64()),
                    "end": pa.array(start + length, pa.int64()),
                    "action": pa.repeat(action, count),
                    "log_status": pa.repeat("OK", count),
                    "tcp_flags": pa.array(np.full(count, flags[side]), pa.int32()),
                    "flow_direction": pa.repeat("ingress" if there else "egress", count),
                }
            )
        )
    return pa.concat_tables(sides)


def timed(words: list[str], at: Path) -> tuple[float, str]:
    """Run a command in a process of its own; return seconds and what it wrote."""
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "vpcflow", *words, "--lake", str(at)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - began, ran.stdout


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--records", type=int, default=20_000_000)
    arguments.add_argument("--rejects", type=int, default=100_000)
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    at = lake(given.records, given.rejects)
    print(
        f"machine: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}"
    )
    for words in (
        ["explain", "--all", "-o", "text"],
        ["explain", "--all", "--since", str(DAY), "--until", str(DAY + 3600)],
    ):
        times, out = [], ""
        for _ in range(given.repeats):
            seconds, out = timed(words, at)
            times.append(seconds)
        head, *rows = [line.split("\t") for line in out.splitlines()]
        refused = sum(int(row[head.index("records")]) for row in rows)
        median = statistics.median(times)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"| `{' '.join(words[:2])}` {' '.join(words[2:])} | {refused:,} rejects, {len(rows)} causes | {median:.1f} s "
              f"| {memory:,.0f} MB |")  # fmt: skip


if __name__ == "__main__":
    main()
