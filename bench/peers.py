"""What is measured, one thing a process: `python bench/peers.py WHAT OUT FILE…` prints its figures as JSON.

Each ingest does the same work: gunzip, parse, type, cut by hour, sort by interface, source, destination, start, write Parquet
with zstd 3, on all cores. flowlogs_reader only reads: lines to its record objects, the way its S3 reader does it.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CORES = os.cpu_count() or 1


def peak_mb() -> float:
    """Return this process's highest resident memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) * 1024 / 1e6 if found else 0.0


def columns_of(file: str) -> list[str]:
    with gzip.open(file, "rt") as lines:
        return [name.replace("-", "_") for name in lines.readline().split()]


def vpcflow(out: str, files: list[str], memory: str = "") -> int:
    from vpcflow.app import App, Reading, Wanted
    from vpcflow.config import load

    app = App(load({"lake": out, "memory": memory or None}))
    with app.lake(create=True) as lake:
        return app.ingest(lake, files, Wanted(), Reading()).progress.report.rows


def vpcflow_512(out: str, files: list[str]) -> int:
    return vpcflow(out, files, "512MB")


def _numbers(names: list[str]) -> set[str]:
    from vpcflow.record.fields import BY_COLUMN

    return {name for name in names if BY_COLUMN[name].type != "string"}


def _wide(names: list[str]) -> set[str]:
    from vpcflow.record.fields import BY_COLUMN

    return {name for name in names if BY_COLUMN[name].type == "int64"}


def duckdb(out: str, files: list[str]) -> int:
    """One connection a core, a file each, as research found best for sort and partition."""
    import duckdb as engine

    names = columns_of(files[0])
    types = {n: "BIGINT" if n in _wide(names) else "INTEGER" if n in _numbers(names) else "VARCHAR" for n in names}

    def one(numbered: tuple[int, str]) -> int:
        number, file = numbered
        con = engine.connect(config={"threads": max(1, CORES // 2), "preserve_insertion_order": "true"})
        source = (
            f"read_csv('{file}', delim = ' ', header = true, quote = '', escape = '', nullstr = '-', "
            f"columns = {types}, auto_detect = false, compression = 'gzip')"
        )
        target = f"{out}/{number}"
        (rows,) = con.execute(
            f"COPY (SELECT *, strftime(make_timestamp(start * 1000000), '%Y%m%d%H') AS h FROM {source} "
            "ORDER BY h, interface_id, srcaddr, dstaddr, start) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, PARTITION_BY (h))"
        ).fetchone()
        con.close()
        return rows

    Path(out).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one, enumerate(files)))


def polars(out: str, files: list[str]) -> int:
    import polars as pl

    names = columns_of(files[0])
    types = {n: pl.Int64 if n in _wide(names) else pl.Int32 if n in _numbers(names) else pl.String for n in names}
    total = 0
    for number, file in enumerate(files):
        frame = pl.read_csv(
            file, separator=" ", has_header=True, new_columns=names, schema=types, null_values="-", quote_char=None
        )
        total += frame.height
        frame = frame.with_columns((pl.col("start") // 3600).alias("h")).sort(
            "h", "interface_id", "srcaddr", "dstaddr", "start"
        )
        for (hour,), part in frame.group_by("h", maintain_order=True):
            folder = Path(out) / f"h={hour}"
            folder.mkdir(parents=True, exist_ok=True)
            part.drop("h").write_parquet(folder / f"{number}.parquet", compression="zstd", compression_level=3)
    return total


def flowlogs_reader(out: str, files: list[str], limit: int = 200_000) -> int:
    from csv import DictReader

    from flowlogs_reader import FlowRecord

    del out
    count = 0
    for file in files:
        with gzip.open(file, "rt") as lines:
            reader = DictReader(lines, delimiter=" ")
            reader.fieldnames = [name.replace("-", "_") for name in reader.fieldnames or []]
            for event in reader:
                FlowRecord(event)
                count += 1
                if count == limit:
                    return count
    return count


if __name__ == "__main__":
    what, out, *files = sys.argv[1:]
    function = globals()[what]
    began, cpu = time.perf_counter(), time.process_time()
    rows = function(out, files)
    print(
        json.dumps(
            {
                "rows": rows,
                "seconds": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu,
                "rss_mb": peak_mb(),
            }
        )
    )
