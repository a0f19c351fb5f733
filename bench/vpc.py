"""`python bench/vpc.py`: decisions on whole batches, beside the plain evaluator on the same records; figures to bench/results."""

from __future__ import annotations

import ipaddress
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.rules import LAST_RULE, NetworkAcl, NetworkAclEntry, PrefixList, SecurityGroup, SecurityGroupRule
from vpcflow.vpc.topology import Network, NetworkInterface, Subnet, Vpc
from vpcflow.vpc.vector import Evaluator

ROWS, ROUNDS, PLAIN_ROWS, PIECE = 1_000_000, 5, 3000, 1 << 16
INTERFACES, RULES, ENTRIES, FAR = 200, 60, 20, 50_000


def _network(rng) -> Network:
    """200 interfaces in 8 subnets; 20 groups of 60 rules in each direction, two to an interface; ACLs of 20 entries."""

    def rule(number):
        port = int(rng.integers(0, 65000))
        peer = [
            f"10.{rng.integers(0, 8)}.{rng.integers(0, 256)}.0/24",
            f"203.0.{rng.integers(0, 256)}.{rng.integers(0, 256)}/32",
            f"sg-{rng.integers(0, 20)}",
            "pl-1",
        ][number % 4]
        return SecurityGroupRule(
            f"sgr-{number}", int(rng.choice([6, 17])), port, min(65535, port + int(rng.integers(0, 500))), peer
        )

    https = SecurityGroupRule("sgr-https", 6, 443, 443, "0.0.0.0/0")
    everything = SecurityGroupRule("sgr-all", -1, -1, -1, "10.0.0.0/8")
    groups = {
        f"sg-{one}": SecurityGroup(
            f"sg-{one}", "vpc-1", f"group {one}",
            (*(rule(number) for number in range(RULES - 1)), https), (*(rule(number) for number in range(RULES - 1)), everything),
        )
        for one in range(20)
    }  # fmt: skip

    def entries():
        some = [
            NetworkAclEntry(
                10 * (1 + one), bool(one % 3), 6, f"203.0.{rng.integers(0, 256)}.0/24", one * 1000, one * 1000 + 999
            )
            for one in range(ENTRIES)
        ]
        last = [NetworkAclEntry(LAST_RULE, False, -1, peer) for peer in ("0.0.0.0/0", "::/0")]
        return (*some, NetworkAclEntry(1000, True, -1, "0.0.0.0/0"), *last)

    acls = {f"acl-{one}": NetworkAcl(f"acl-{one}", "vpc-1", inbound=entries(), outbound=entries()) for one in range(4)}
    subnets = {
        f"subnet-{one}": Subnet(f"subnet-{one}", "vpc-1", (f"10.0.{one}.0/24",), network_acl=f"acl-{one % 4}")
        for one in range(8)
    }
    interfaces = {
        f"eni-{one:017x}": NetworkInterface(
            f"eni-{one:017x}", "vpc-1", f"subnet-{one % 8}", (f"10.0.{one % 8}.{10 + one // 8}",),
            security_groups=(f"sg-{one % 20}", f"sg-{(one * 7 + 1) % 20}"),
        )
        for one in range(INTERFACES)
    }  # fmt: skip
    lists = {"pl-1": PrefixList("pl-1", "office", tuple(f"198.51.{one}.0/24" for one in range(50)))}
    return Network(
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))}, subnets=subnets, interfaces=interfaces, security_groups=groups,
        network_acls=acls, prefix_lists=lists,
    )  # fmt: skip


def _records(network: Network, rng) -> pa.RecordBatch:
    keys, own = zip(*((one.id, one.addresses[0]) for one in network.interfaces.values()), strict=True)
    which = rng.integers(0, INTERFACES, ROWS)
    inside = rng.random(FAR) < 0.3
    numbers = np.where(inside, (10 << 24) + rng.integers(0, 1 << 19, FAR), (203 << 24) + rng.integers(0, 1 << 16, FAR))
    far = np.array([str(ipaddress.IPv4Address(int(number))) for number in numbers])[rng.zipf(1.2, ROWS) % FAR]
    mine, ingress = np.array(own)[which], rng.random(ROWS) < 0.5
    ports = np.where(rng.random(ROWS) < 0.5, 443, rng.integers(0, 65536, ROWS)).astype(np.int32)
    return pa.RecordBatch.from_pydict(
        {
            "interface_id": pa.array(np.array(keys)[which].tolist()),
            "srcaddr": pa.array(np.where(ingress, far, mine).tolist()),
            "dstaddr": pa.array(np.where(ingress, mine, far).tolist()),
            "dstport": pa.array(ports),
            "protocol": pa.array(rng.choice([6, 6, 6, 17, 1], ROWS).astype(np.int32)),
            "flow_direction": pa.array(np.where(ingress, "ingress", "egress").tolist()),
        }
    )


def _pieces(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    return [batch.slice(begin, PIECE) for begin in range(0, batch.num_rows, PIECE)]


def _rate(work) -> tuple[float, float]:
    """Return rows a second of wall and of CPU time, medians."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return ROWS / statistics.median(walls), ROWS / statistics.median(cpus)


def main() -> None:
    rng = np.random.default_rng(7)
    network = _network(rng)
    batch = _records(network, rng)
    coded = pa.RecordBatch.from_arrays(
        [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in batch.columns],
        batch.schema.names,
    )
    plain = [
        Flow(
            row["srcaddr"],
            row["dstaddr"],
            row["protocol"],
            None,
            row["dstport"],
            row["interface_id"],
            row["flow_direction"],
        )
        for row in batch.slice(0, PLAIN_ROWS).to_pylist()
    ]
    began = time.process_time()
    decided = [evaluate(network, flow).action for flow in plain]
    plain_rate = PLAIN_ROWS / (time.process_time() - began)
    began = time.process_time()
    evaluator = Evaluator(network)
    first = evaluator.decide(batch)
    first_s = time.process_time() - began
    same = [action or "UNKNOWN" for action in first.actions()[:PLAIN_ROWS].to_pylist()] == decided
    assert same, "the two evaluators differ"
    without = batch.drop_columns(["flow_direction"])
    rates = {
        "plain text, one batch": _rate(lambda: evaluator.decide(batch)),
        "plain text, batches of 65,536": _rate(lambda: [evaluator.decide(piece) for piece in _pieces(batch)]),
        "plain text, without flow-direction": _rate(lambda: evaluator.decide(without)),
        "dictionary-encoded": _rate(lambda: evaluator.decide(coded)),
    }
    actions = np.bincount(first.action, minlength=3)
    rows = "\n".join(
        f"| batches: {name} | {wall:,.0f} | {cpu:,.0f} | {cpu / plain_rate:,.0f} × |"
        for name, (wall, cpu) in rates.items()
    )
    out = f"""# Decisions on records

{ROWS:,} records, {FAR:,} far addresses as text, {INTERFACES} interfaces with two security groups of {RULES} rules in each
direction and a network ACL of {ENTRIES + 3} entries. Medians of {ROUNDS} rounds, one thread; records a second.

| evaluator | by wall time | by CPU time | plain one × |
| --- | ---: | ---: | ---: |
| plain, a flow at a time | | {plain_rate:,.0f} | 1 |
{rows}

The first {PLAIN_ROWS:,} are decided alike by both. The first batch, with all tables still to be computed, takes {first_s:.1f} s
of CPU time. Of all, {actions[1] / ROWS:.0%} are ACCEPT and {actions[2] / ROWS:.0%} REJECT.

{platform.machine()}, {os.cpu_count()} cores, shared; Python {platform.python_version()}, NumPy {np.__version__},
pyarrow {pa.__version__}.
"""
    (Path(__file__).parent / "results" / "vpc.md").write_text(out)
    sys.stdout.write(out)


if __name__ == "__main__":
    main()
