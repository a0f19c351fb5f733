"""`make bench`: vpcflow beside its peers on the same input in the same run; the table goes to bench/results.

Machines are noisy, so ratios count. Each measure is a process of its own, the best of `REPEATS`; peers and vpcflow take turns.
`VPCFLOW_BENCH_SCALE=0.1` makes everything smaller for a quick look.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from data import ROOT, made

HERE = Path(__file__).parent
SCALE = float(os.environ.get("VPCFLOW_BENCH_SCALE", "1"))
REPEATS = int(os.environ.get("VPCFLOW_BENCH_REPEATS", "2"))
PACKAGES = ("vpcflow", "pyarrow", "duckdb", "polars", "flowlogs-reader", "sqlglot", "numpy", "isal")


def measure(what: str, files: list[Path], out: Path) -> dict[str, float]:
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, str(HERE / "peers.py"), what, str(out), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def in_turns(names: list[str], files: list[Path], work: Path) -> dict[str, dict[str, float]]:
    best: dict[str, dict[str, float]] = {}
    for _ in range(REPEATS):
        for name in names:
            found = measure(name, files, work / name)
            if name not in best or found["seconds"] < best[name]["seconds"]:
                best[name] = found
            if name != "vpcflow":
                shutil.rmtree(work / name, ignore_errors=True)
    for found in best.values():
        found["m_per_s"] = found["rows"] / found["seconds"] / 1e6
    return best


def help_ms() -> dict[str, float]:
    program = str(Path(sys.executable).parent / "vpcflow")
    small = made("v2", records=1000, files=1, version=2)[0]
    calls = {
        "vpcflow --help": [program, "--help"],
        "an answer from one small file": [program, "top", "srcaddr", "--from", str(small)],
    }
    best = {}
    for name, call in calls.items():
        times = []
        for _ in range(7):
            began = time.perf_counter()
            subprocess.run(call, capture_output=True, check=True)
            times.append((time.perf_counter() - began) * 1000)
        best[name] = sorted(times)[len(times) // 2]
    return best


def files_an_hour(lake: Path) -> int:
    counts: dict[Path, int] = {}
    for path in (lake / "flow_logs").rglob("*.parquet"):
        counts[path.parent] = counts.get(path.parent, 0) + 1
    return max(counts.values())


def main() -> None:
    rows2, rows5 = int(20_000_000 * SCALE), int(10_000_000 * SCALE)
    v2 = made("v2", records=rows2, files=16, version=2)
    five = made("v2", records=rows2, files=1440, version=2)
    v5 = made("v5", records=rows5, files=16, version=5)
    peers = ["vpcflow", "duckdb", "polars", "flowlogs_reader"]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT) as folder:
        work = Path(folder)
        result = {"v2 ingest": in_turns(peers, v2, work)}
        queries = subprocess.run(
            [sys.executable, str(HERE / "queries.py"), str(work / "vpcflow")],
            capture_output=True,
            text=True,
            check=True,
        )
        result["v2 queries"] = json.loads(queries.stdout)
        result["v2 small memory"] = in_turns(["vpcflow_512"], v2, work)
        result["v2 five-minute objects"] = in_turns(["vpcflow"], five, work)
        result["v2 five-minute objects"]["vpcflow"]["files_an_hour"] = files_an_hour(work / "vpcflow")
        result["v5 ingest"] = in_turns(peers, v5, work)
    result["start"] = help_ms()
    write(result, rows2, rows5)


def write(result: dict, rows2: int, rows5: int) -> None:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    lines = [
        f"# {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
        "",
        f"Input: v2 {rows2:,} records in 16 and in 1,440 objects, v5 {rows5:,} records in 16 objects (`vpcflow generate`).",
        "",
    ]
    for title in ("v2 ingest", "v5 ingest", "v2 small memory", "v2 five-minute objects"):
        lines += [
            f"## {title}",
            "",
            "| what | M records/s | s | CPU s/M | RSS MB | vpcflow is faster by |",
            "|---|---|---|---|---|---|",
        ]
        ours = result[title].get("vpcflow", next(iter(result[title].values())))
        for name, row in result[title].items():
            ratio = ours["m_per_s"] / row["m_per_s"]
            cpu = row["cpu_s"] / row["rows"] * 1e6
            lines.append(
                f"| {name} | {row['m_per_s']:.2f} | {row['seconds']:.1f} | {cpu:.2f} | {row['rss_mb']:.0f} | {ratio:.1f}× |"
            )
        lines.append("")
    slower = result["v2 five-minute objects"]["vpcflow"]["seconds"] / result["v2 ingest"]["vpcflow"]["seconds"]
    most = result["v2 five-minute objects"]["vpcflow"]["files_an_hour"]
    lines += [
        f"Five-minute objects take {slower:.2f}× the time of 16 files; afterwards at most {most} files an hour.",
        "",
    ]
    lines += [
        "## Questions, v2",
        "",
        "| question | vpcflow s | DuckDB by hand s | ratio | same answer |",
        "|---|---|---|---|---|",
    ]
    for name, row in result["v2 queries"].items():
        lines.append(
            f"| {name} | {row['vpcflow_s']:.3f} | {row['raw_s']:.3f} | {row['ratio']:.2f} | {'yes' if row['same'] else 'NO'} |"
        )
    lines += ["", "## Start", ""]
    lines += [f"* {name}: {value:.0f} ms" for name, value in result["start"].items()]
    text = "\n".join(lines) + "\n"
    target = HERE / "results"
    target.mkdir(exist_ok=True)
    (target / "latest.md").write_text(text)
    (target / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
