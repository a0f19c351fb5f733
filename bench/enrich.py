"""`python bench/enrich.py`: what a network tells of records, vpcflow beside one record after the other; figures to bench/results.

CPU seconds count (user and system), as machines are shared; the best of some rounds, taken in turns. The network has 2,000
interfaces in 40 subnets, each with its route table; the published ranges are 10,000 made-up ones. The other way is what one
writes first: dicts by interface and address, `ipaddress` and a longest-prefix search by bisection for each record, answers of
addresses remembered. VPCFLOW_BENCH_SCALE=0.1 makes everything smaller for a quick look.
"""

from __future__ import annotations

import ipaddress
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from vpcflow.aggregate.records import Identity, flow_records
from vpcflow.app.daemon import Daemon, Wiring
from vpcflow.app.flow_logs import FlowLogService
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.spool import Spool
from vpcflow.enrich.aws_service import AwsRanges
from vpcflow.enrich.enrichment import Enrichment
from vpcflow.record.flow_counts import ROW, FlowCounts
from vpcflow.state.flow_logs import FlowLogs
from vpcflow.state.store import State
from vpcflow.vpc.topology import Gateway, Network, NetworkInterface, Route, RouteTable, Subnet, Vpc

RESULTS = Path(__file__).parent / "results"
SCALE = float(os.environ.get("VPCFLOW_BENCH_SCALE", "1"))
ROUNDS = int(os.environ.get("VPCFLOW_BENCH_REPEATS", "3"))
FLOWS = int(200_000 * SCALE)
SECOND = 1_000_000_000
T0 = 1_800_000_000
SUBNETS, EACH = 40, 50
FORMAT = " ".join(
    f"${{{name}}}"
    for name in (
        "version", "vpc-id", "subnet-id", "instance-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
        "pkt-srcaddr", "pkt-dstaddr", "protocol", "packets", "bytes", "start", "end", "action", "log-status", "traffic-path",
        "pkt-dst-aws-service", "next-hop-interface-id",
    )
)  # fmt: skip


def network() -> Network:
    """Return a VPC with one NAT gateway; every other subnet is public."""
    subnets, tables, interfaces = {}, {}, {}
    for number in range(SUBNETS):
        name, table = f"subnet-{number}", f"rtb-{number}"
        subnets[name] = Subnet(name, "vpc-1", (f"10.0.{number}.0/24",), az_id=f"euc1-az{number % 3}", route_table=table)
        target = "igw-1" if number % 2 else "nat-1"
        routes = (Route("10.0.0.0/16", "local"), Route("0.0.0.0/0", target), Route("172.16.0.0/12", "tgw-1"))
        tables[table] = RouteTable(table, "vpc-1", routes=routes)
        for host in range(EACH):
            one = NetworkInterface(
                f"eni-{number}-{host}",
                "vpc-1",
                name,
                addresses=(f"10.0.{number}.{host + 10}",),
                instance_id=f"i-{number}-{host}",
            )
            interfaces[one.id] = one
    nat = NetworkInterface("eni-nat", "vpc-1", "subnet-1", addresses=("10.0.1.5",), type="nat_gateway")
    interfaces[nat.id] = nat
    return Network(
        "123456789012",
        "eu-central-1",
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))},
        subnets=subnets,
        interfaces=interfaces,
        route_tables=tables,
        gateways={"nat-1": Gateway("nat-1", "nat", "vpc-1", interface_id="eni-nat"), "igw-1": Gateway("igw-1", "igw")},
    )


def ranges() -> dict[str, object]:
    """Return made-up ranges in the form of the published ones."""
    chance = np.random.default_rng(2)
    names = ["AMAZON", "EC2", "S3", "CLOUDFRONT", "DYNAMODB", "ROUTE53"]
    entries = [
        {"ip_prefix": str(ipaddress.ip_network((int(at), int(length)), strict=False)), "service": names[int(which)]}
        for at, length, which in zip(
            chance.integers(3 << 24, 99 << 24, 10_000),
            chance.integers(14, 29, 10_000),
            chance.integers(0, 6, 10_000),
            strict=True,
        )
    ]
    return {"createDate": "made up", "prefixes": entries, "ipv6_prefixes": []}


def rows(count: int) -> FlowCounts:
    """Return flows between interfaces and 50,000 addresses elsewhere, both ways."""
    chance = np.random.default_rng(3)
    found = np.zeros(count, ROW)
    which = chance.integers(0, SUBNETS * EACH, count)
    own = (10 << 24) + ((which // EACH) << 8) + which % EACH + 10
    far = chance.integers(3 << 24, 99 << 24, 50_000)[chance.integers(0, 50_000, count)]
    inside = chance.random(count) < 0.3
    far[inside] = ((10 << 24) + (chance.integers(0, SUBNETS, count) << 8) + chance.integers(10, 10 + EACH, count))[
        inside
    ]
    egress = chance.random(count) < 0.5
    found["src"][:, 1], found["dst"][:, 1] = np.where(egress, own, far), np.where(egress, far, own)
    found["direction"], found["interface"] = np.where(egress, 2, 1), which
    found["srcport"], found["dstport"] = chance.integers(1024, 65536, count), chance.choice([22, 80, 443], count)
    found["protocol"], found["version"], found["action"] = 6, 4, 1
    found["packets"], found["bytes"] = 10, 5000
    found["first"] = found["last"] = T0 * SECOND + chance.integers(0, 59 * SECOND, count)
    return FlowCounts(found, tuple(f"eni-{n}-{h}" for n in range(SUBNETS) for h in range(EACH)), Counter())


def _rank(service: str) -> int:
    return ("AMAZON", "EC2").index(service) if service in ("AMAZON", "EC2") else 2


class OneByOne:
    """The same answers for one record after the other."""

    def __init__(self, known: Network, published: dict[str, object]) -> None:
        self._known = known
        self._by_address = {one.addresses[0]: one for one in known.interfaces.values()}
        self._services = self._lengths(
            [(entry["ip_prefix"], entry["service"]) for entry in published["prefixes"]],  # type: ignore[attr-defined]
            better=lambda new, old: (_rank(new), new) > (_rank(old), old),
        )
        self._routes = {
            name: self._lengths([(route.destination, route.target) for route in table.routes], better=lambda *_: False)
            for name, table in known.route_tables.items()
        }
        self.service = lru_cache(maxsize=1 << 17)(self._service)
        self.route = lru_cache(maxsize=1 << 17)(self._route)

    @staticmethod
    def _lengths(blocks, *, better):
        found: dict[int, dict[int, str]] = {}
        for text, word in blocks:
            block = ipaddress.ip_network(text)
            at = found.setdefault(block.prefixlen, {})
            number = int(block.network_address)
            if number not in at or better(word, at[number]):
                at[number] = word
        return sorted(found.items(), reverse=True)

    @staticmethod
    def _find(lengths, address):
        number = int(ipaddress.ip_address(address))
        return [
            word for length, blocks in lengths if (word := blocks.get(number >> 32 - length << 32 - length)) is not None
        ]

    def _service(self, address):
        found = self._find(self._services, address)
        return next((word for word in found if word != "AMAZON"), found[0] if found else None)

    def _route(self, table, address):
        return next(iter(self._find(self._routes[table], address)), None)

    def __call__(self, record):
        one = self._known.interfaces[record["interface_id"]]
        subnet = self._known.subnets[one.subnet_id]
        egress = record["flow_direction"] == "egress"
        record["pkt_srcaddr"], record["pkt_dstaddr"] = record["srcaddr"], record["dstaddr"]
        record["srcaddr" if egress else "dstaddr"] = one.addresses[0]
        record |= {"vpc_id": one.vpc_id, "subnet_id": subnet.id, "instance_id": one.instance_id, "az_id": subnet.az_id}
        record["pkt_src_aws_service"] = self.service(record["pkt_srcaddr"])
        record["pkt_dst_aws_service"] = self.service(record["pkt_dstaddr"])
        far = record["pkt_dstaddr"] if egress else record["pkt_srcaddr"]
        target = self.route(subnet.route_table, far)
        record["traffic_path"] = {"local": 1, "nat-1": 1, "tgw-1": 1, "igw-1": 8}.get(target) if egress else None
        hop = (
            self._by_address.get(far)
            if target == "local"
            else self._known.interfaces["eni-nat"]
            if target == "nat-1"
            else None
        )
        record["next_hop_interface_id"] = hop.id if hop else None
        return record


COMPARED = (
    "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "vpc_id", "subnet_id", "instance_id", "az_id", "pkt_src_aws_service",
    "pkt_dst_aws_service", "traffic_path", "next_hop_interface_id",
)  # fmt: skip


def cpu(work) -> float:
    """Return the CPU seconds of *work*."""
    began = time.process_time()
    work()
    return time.process_time() - began


def daemon(known: Network, logs: int) -> float:
    """Return the CPU seconds in which a daemon folds, enriches and spools all flows for *logs* flow logs."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        state = State(home / "state.sqlite", create=True)
        service = FlowLogService(FlowLogs(state), known, "123456789012", "eu-central-1")
        for number in range(logs):
            service.create(
                {
                    "ResourceType": "VPC",
                    "ResourceIds": ["vpc-1"],
                    "TrafficType": "ALL",
                    "LogDestination": f"file://{home / str(number)}",
                    "LogFormat": FORMAT,
                    "MaxAggregationInterval": 60,
                }
            )

        def delivery(flow_log, shared):
            del shared
            return Delivery(flow_log, FolderDestination(flow_log), Spool(home / "spool" / flow_log.id))

        published = AwsRanges(ranges())
        wiring = Wiring(state, lambda: known, delivery, Identity(), home / "spool", published)
        made = Daemon(wiring, print, now_ns=T0 * SECOND)
        counts = rows(FLOWS)
        pieces = np.array_split(counts.rows, 60)

        def work():
            for second, piece in enumerate(pieces):
                made.take((T0 + second) * SECOND, FlowCounts(piece, counts.interfaces, Counter()))
            made.take((T0 + 60) * SECOND, FlowCounts(counts.rows[:0], counts.interfaces, Counter()))

        took = cpu(work)
        made.close((T0 + 61) * SECOND)
        state.close()
        return took


def main() -> None:
    known, published = network(), ranges()
    counts = rows(FLOWS)
    batches = [
        flow_records(counts.rows[at : at + 65_536], counts.interfaces, Identity()) for at in range(0, FLOWS, 65_536)
    ]
    ours = Enrichment(known, AwsRanges(published))
    alone = OneByOne(known, published)
    lists = [batch.to_pylist() for batch in batches]
    times: dict[str, list[float]] = {"ours": [], "alone": []}
    for _ in range(ROUNDS):
        times["ours"].append(cpu(lambda: [ours(batch) for batch in batches]))
        fresh = [[dict(record) for record in records] for records in lists]
        times["alone"].append(cpu(lambda found=fresh: [alone(record) for records in found for record in records]))
    check(ours, alone, batches[0], lists[0])
    took = {logs: min(daemon(known, logs) for _ in range(ROUNDS)) for logs in (1, 3)}
    write(
        {name: FLOWS / min(found) for name, found in times.items()},
        {logs: FLOWS / found for logs, found in took.items()},
    )


def check(ours, alone, batch, records) -> None:
    """Stop where the two ways do not say the same."""
    mine = ours(batch).select(COMPARED).to_pylist()
    theirs = [{name: record[name] for name in COMPARED} for record in map(alone, map(dict, records))]
    for one, other in zip(mine, theirs, strict=True):
        if one != other:
            sys.exit(f"{one}\n{other}")


def write(speed: dict[str, float], daemons: dict[int, float]) -> None:
    """Print the figures and keep them."""
    text = f"""# Enrichment

{datetime.now(UTC):%Y-%m-%d}, `bench/enrich.py`: {FLOWS:,} records, {SUBNETS * EACH:,} interfaces, {SUBNETS} route tables,
10,000 ranges. {platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}, pyarrow {pa.__version__}.
CPU seconds, best of {ROUNDS}.

| way | records a CPU second | ratio |
| --- | ---: | ---: |
| all transforms | {speed["ours"]:,.0f} | {speed["ours"] / speed["alone"]:.1f} |
| one record after the other, the same answers | {speed["alone"]:,.0f} | 1 |

| daemon: fold, enrich, spool | flows a CPU second |
| --- | ---: |
| 1 flow log | {daemons[1]:,.0f} |
| 3 flow logs of the same interfaces | {daemons[3]:,.0f} |
"""
    print(text)
    if SCALE == 1:
        (RESULTS / "enrich.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
