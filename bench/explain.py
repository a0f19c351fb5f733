"""`explain --all` over 20 M records with 100 k rejects: makes the lake once, asks, prints a table for
`bench/results/explain.md`.

    python bench/explain.py [--records 20000000] [--rejects 100000]

The records are of 400 interfaces in one day: conversations of two records each, most accepted; rejects of every pattern
(openings, replies to accepted openings, late packets), so that the share that has to be paired is the share of rejects.
"""

from __future__ import annotations

import argparse
import json
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


def network(folder: Path) -> Path:
    """Return a description of the network that the records are of: 400 interfaces, 20 groups, 8 subnets with an ACL each."""
    from vpcflow.vpc.json_form import dumps
    from vpcflow.vpc.rules import NetworkAcl, NetworkAclEntry, SecurityGroup, SecurityGroupRule
    from vpcflow.vpc.topology import Network, NetworkInterface, Subnet, Vpc

    path = folder / "network.json"
    groups = {
        f"sg-{n:017x}": SecurityGroup(
            f"sg-{n:017x}",
            "vpc-1",
            f"group-{n}",
            tuple(
                SecurityGroupRule("", 6, port, port, "0.0.0.0/0")
                for port in ([443, 80, 8080], [22, 3306], [5432])[n % 3]
            ),
            (SecurityGroupRule("", -1, -1, -1, "0.0.0.0/0"),),
        )
        for n in range(20)
    }
    entries = (NetworkAclEntry(90, False, 6, "198.18.7.0/24", 22, 22), NetworkAclEntry(100, True, -1, "0.0.0.0/0"))
    out = (NetworkAclEntry(100, True, 6, "0.0.0.0/0", 32768, 60999),)
    acls = {f"acl-{n}": NetworkAcl(f"acl-{n}", "vpc-1", f"acl-{n}", False, entries, out) for n in range(8)}
    subnets = {
        f"subnet-{n}": Subnet(f"subnet-{n}", "vpc-1", (f"10.0.{n}.0/24",), network_acl=f"acl-{n}") for n in range(8)
    }
    interfaces = {
        f"eni-{n:017x}": NetworkInterface(
            f"eni-{n:017x}", "vpc-1", f"subnet-{n % 8}", (f"10.0.{n // 250}.{n % 250 + 4}",),
            security_groups=(f"sg-{n % 20:017x}", f"sg-{(n + 1) % 20:017x}"),
        )
        for n in range(400)
    }  # fmt: skip
    made = Network(
        "123456789012", "us-east-1", {"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))}, subnets, interfaces, {}, groups, acls
    )
    path.write_text(dumps(made))
    return path


def timed(words: list[str], at: Path) -> tuple[float, str]:
    """Run a command in a process of its own; return seconds and what it wrote."""
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "vpcflow", *words, "--lake", str(at)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - began, ran.stdout


def _cut(folder: Path) -> Path:
    """Return a description in which every ACL is another."""
    from vpcflow.vpc.json_form import read

    document = json.loads((folder / "network.json").read_text())
    for acl in document["network_acls"]:
        acl["inbound"][0]["from_port"], acl["inbound"][0]["to_port"] = 443, 443
    read(document, "changed")
    path = folder / "changed.json"
    path.write_text(json.dumps(document))
    return path


def _told(out: str) -> str:
    if out.startswith("{"):
        found = json.loads(out)
        return (
            f"{found['records']:,} records, {found['flows']:,} flows; {found['refused']['records']:,} would be refused"
        )
    head, *rows = [line.split("\t") for line in out.splitlines()]
    return f"{sum(int(row[head.index('records')]) for row in rows):,} rejects, {len(rows):,} causes"


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
    rules = ["--network", str(network(at.parent))]
    rule = [
        "--revoke",
        "group-0 inbound tcp 443 from 0.0.0.0/0",
        "--authorize",
        "acl-1 inbound 50 deny tcp 443 from 198.18.0.0/16",
    ]
    questions = {
        "explain --all": ["explain", "--all", "-o", "text"],
        "explain --all, one hour": ["explain", "--all", "-o", "text", "--since", str(DAY), "--until", str(DAY + 3600)],
        "explain --all, with rules": ["explain", "--all", "-o", "text", *rules],
        "what-if, a group and an ACL: 90 interfaces": ["what-if", "-o", "json", *rule, *rules],
        "what-if, all interfaces": ["what-if", "-o", "json", "--change", str(_cut(at.parent)), *rules],
    }
    print("| question | looked at | median | CPU | largest RSS |")
    print("|---|---|---|---|---|")
    for name, words in questions.items():
        times, cpu, out = [], [], ""
        for _ in range(given.repeats):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds, out = timed(words, at)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(seconds)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        median, memory = statistics.median(times), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"| {name} | {_told(out)} | {median:.1f} s | {statistics.median(cpu):.1f} s | {memory:,.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
