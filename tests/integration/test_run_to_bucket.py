"""From packets on a wire to a bucket and back: the daemon as it is called, in a namespace of its own, and a real S3 server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from capture.network import Wire, needs, remove_left_over
from s3_server import S3Server

pytestmark = pytest.mark.slow

VPCFLOW = (sys.executable, "-m", "vpcflow")
B = "10.9.0.2"


@pytest.fixture
def wire():
    needs("ip", "nft", "sysctl")
    remove_left_over()
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def inside(wire, s3):
    """The same buckets as those of `s3`, on host b's own loopback."""
    del s3
    with wire.b.entered():
        server = S3Server()
    yield server
    server.close()


class Place:
    """A lake with its flow logs on host b."""

    process = None

    def __init__(self, host, folder, url, before=()):
        self.host, self.folder, self.words = host, folder, (*before, *VPCFLOW)
        self.environ = {
            **os.environ,
            "VPCFLOW_LAKE": str(folder / "lake"),
            "VPCFLOW_ENDPOINT_URL": url,
            "LC_ALL": "C.UTF-8",
        }

    def call(self, *words):
        done = self.host.popen(
            *self.words,
            *words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
            cwd=self.folder,
        )
        out, err = done.communicate(timeout=60)
        assert done.returncode == 0, err
        return out

    def create(self, *words):
        out = self.call("flow-logs", "create", "--max-aggregation-interval", "60", "-o", "json", *words)
        return json.loads(out)["FlowLogIds"][0]

    def start(self, *words):
        self.process = self.host.popen(
            *self.words,
            "run",
            *words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
            cwd=self.folder,
        )
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            if "interval" in line or "error" in line:
                return
        raise AssertionError(self.said)

    def stop(self, number=signal.SIGTERM):
        # `ip netns exec` becomes the command: it is the same process.
        os.kill(self.process.pid, number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, "".join(self.said) + err


@pytest.fixture
def place(wire, inside, tmp_path):
    made = Place(wire.b, tmp_path, inside.url)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop(signal.SIGKILL)


def traffic(wire):
    """Send known packets from a to b; return (port, action) → packets that b sees."""
    wire.b.nft("table inet t { chain c { type filter hook input priority 0; udp dport 9001 drop; } }")
    with wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port, count in ((9000, 20), (9001, 7), (9002, 5)):
            for _ in range(count):
                sender.sendto(b"x" * 100, (B, port))
    return {(9000, "ACCEPT"): 20, (9001, "REJECT"): 7, (9002, "ACCEPT"): 5}


def seen(folder, source, endpoint, *, ingest=False):
    """Read a bucket's folder; return (port, action) → packets of what was sent to b, and the records."""
    environ = {**os.environ, "VPCFLOW_LAKE": str(folder), "VPCFLOW_ENDPOINT_URL": endpoint, "LC_ALL": "C.UTF-8"}
    asked = ["records", "-f", f"dstaddr = {B} and dstport in (9000, 9001, 9002)", "-n", "1000", "-o", "jsonl"]
    for words in [["ingest", source], asked] if ingest else [[*asked, "--from", source]]:
        done = subprocess.run([*VPCFLOW, *words], capture_output=True, text=True, env=environ, check=False)
        assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    packets = Counter()
    for row in rows:
        packets[row["dstport"], row["action"]] += row["packets"]
        assert row["bytes"] == 128 * row["packets"]
    return packets, rows


def test_what_passed_on_the_wire_is_what_comes_back_from_the_bucket(wire, s3, place, tmp_path):
    for bucket in ("text", "parquet", "refused"):
        s3.client().create_bucket(Bucket=bucket)
    text = place.create("--vpc", "local", "--traffic-type", "ALL", "--log-destination", "s3://text/logs/")
    parquet = place.create(
        "--eni", "vb", "--traffic-type", "ALL", "--log-destination", "s3://parquet",
        "--log-format",
        "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} "
        "${action} ${log-status} ${vpc-id} ${subnet-id} ${flow-direction}",
        "--destination-options", "FileFormat=parquet,HiveCompatiblePartitions=true,PerHourPartition=true",
    )  # fmt: skip
    refused = place.create("--subnet", "local", "--traffic-type", "REJECT", "--log-destination", "s3://refused")
    assert len({text, parquet, refused}) == 3
    place.start("vb")
    sent = traffic(wire)
    time.sleep(1.5)
    code, _, err = place.stop()
    assert code == 0, err
    assert " 0 B waiting" in err
    packets, rows = seen(tmp_path / "one", "s3://text/logs/", s3.url, ingest=True)
    assert packets == sent
    packets, rows = seen(tmp_path / "two", "s3://parquet", s3.url, ingest=True)
    assert packets == sent
    assert {row["flow_direction"] for row in rows} == {"ingress"}
    assert all(row["vpc_id"].startswith("vpc-") and row["subnet_id"].startswith("subnet-") for row in rows)
    packets, _ = seen(tmp_path / "three", "s3://refused", s3.url)
    assert packets == {key: count for key, count in sent.items() if key[1] == "REJECT"}
    shown = json.loads(place.call("flow-logs", "describe", "-o", "json"))["FlowLogs"]
    assert [one["DeliverLogsStatus"] for one in shown] == ["SUCCESS"] * 3


def test_a_bucket_that_is_not_there_is_refused_when_it_is_named_and_waited_for_when_it_goes(wire, s3, place, tmp_path):
    refused = place.host.popen(
        *VPCFLOW, "flow-logs", "create", "--vpc", "local", "--traffic-type", "ALL", "--log-destination", "s3://nowhere",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=place.environ, cwd=tmp_path,
    )  # fmt: skip
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 4
    assert "LogDestination: nowhere does not exist." in err
    s3.client().create_bucket(Bucket="later")
    place.create("--vpc", "local", "--traffic-type", "ALL", "--log-destination", "s3://later")
    s3.client().delete_bucket(Bucket="later")
    place.start("vb")
    sent = traffic(wire)
    time.sleep(1.5)
    code, _, err = place.stop()
    assert code == 5
    assert "Access error" in err
    (shown,) = json.loads(place.call("flow-logs", "describe", "-o", "json"))["FlowLogs"]
    assert (shown["DeliverLogsStatus"], shown["DeliverLogsErrorMessage"]) == ("FAILED", "Access error")
    s3.client().create_bucket(Bucket="later")
    place.start("vb")
    code, _, err = place.stop()
    assert code == 0, err
    packets, _ = seen(tmp_path / "one", "s3://later", s3.url)
    assert packets == sent


def test_killed_it_goes_on_and_stdout_has_lines_for_another_program(wire, place):
    place.create("--vpc", "local", "--traffic-type", "ALL", "--log-destination", "stdout")
    place.start("vb")
    traffic(wire)
    place.stop(signal.SIGKILL)
    place.start("vb")
    code, out, err = place.stop()
    assert code == 0, err
    assert "SKIPDATA" in err
    lines = [line.split() for line in out.splitlines()]
    assert any(line[-1] == "SKIPDATA" for line in lines)


NETWORK = """
[vpc]
name = "shop"
cidr = ["10.9.0.0/16", "fd09::/56"]
[subnet.web]
cidr = ["10.9.0.0/24", "fd09::/64"]
az = "euc1-az1"
route-table = "web"
[route-table.web]
routes = ["0.0.0.0/0 igw"]
[gateway.igw]
kind = "igw"
[interface.server]
subnet = "web"
address = ["10.9.0.20"]
[interface.client]
subnet = "web"
address = ["10.9.0.10"]
"""


def test_a_network_that_is_imported_while_it_runs_gives_interfaces_their_names(wire, place, tmp_path):
    wire.a.ip("addr add 10.9.0.10/24 dev va")
    wire.b.ip("addr add 10.9.0.20/24 dev vb", f"neigh replace 10.9.0.10 lladdr {wire.macs[0]} dev vb")
    (tmp_path / "shop.toml").write_text(NETWORK)
    place.create("--eni", "vb", "--traffic-type", "ALL", "--log-destination", f"file://{tmp_path / 'before'}")
    place.start("vb")
    place.call("network", "import", "shop.toml")
    (web,) = json.loads(place.call("network", "show", "-o", "json"))["subnets"]
    names = "interface-id subnet-id dstaddr pkt-dstaddr dstport packets traffic-path next-hop-interface-id flow-direction".split()  # noqa: SIM905
    place.create(
        "--subnet", "web", "--traffic-type", "ALL", "--log-destination", f"file://{tmp_path / 'after'}",
        "--log-format", " ".join(f"${{{name}}}" for name in names),
    )  # fmt: skip
    time.sleep(2.5)  # it looks each second
    with wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("10.9.0.10", 0))
        for _ in range(20):
            sender.sendto(b"x", (B, 9000))
    with wire.b.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("10.9.0.10", 9003))
    time.sleep(1.5)
    code, _, err = place.stop()
    assert code == 0, err
    assert "nothing is known" in err  # of the interface that has another id now
    done = place.call("records", "--from", str(tmp_path / "after"), "-f", "dstport in (9000, 9003)", "-o", "jsonl")
    shown = {row["dstport"]: row for row in map(json.loads, done.splitlines())}
    ids = {row["interface_id"] for row in shown.values()}
    assert len(ids) == 1
    assert {row["subnet_id"] for row in shown.values()} == {web["id"]}
    assert shown[9003]["traffic_path"] == 1
    assert shown[9003]["next_hop_interface_id"] not in (None, *ids)
    assert shown[9000]["next_hop_interface_id"] == shown[9003]["next_hop_interface_id"]
    assert shown[9000]["packets"] == 20
    # The interface's primary address stands for its others.
    assert (shown[9000]["dstaddr"], shown[9000]["pkt_dstaddr"]) == ("10.9.0.20", B)


_THREE = "-all,+net_raw,+bpf,+perfmon"
NOBODY = (
    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", _THREE, "--ambient-caps", _THREE,
    "--bounding-set", _THREE,
)  # fmt: skip


@pytest.fixture
def open_folder():
    """A folder below one that others may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="vpcflow-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_three_capabilities_are_enough_for_anybody(wire, inside, open_folder):
    needs("setpriv")
    folder = open_folder
    (folder / "home").mkdir()
    os.chown(folder / "home", 65534, 65534)
    probe = subprocess.run(
        ["setpriv", "--reuid", "65534", *VPCFLOW, "--version"], capture_output=True, check=False, cwd="/"
    )
    if probe.returncode:
        pytest.skip("needs an installation that others may read")
    place = Place(wire.b, folder / "home", inside.url, before=NOBODY)
    place.environ["HOME"] = str(folder / "home")
    place.create("--eni", "vb", "--traffic-type", "ALL", "--log-destination", "lake")
    place.start("vb")
    try:
        sent = traffic(wire)
        time.sleep(1.5)
        code, _, err = place.stop()
        assert code == 0, err
    finally:
        place.process.kill()
    rows = place.call("records", "-f", "dstport in (9000, 9001, 9002)", "-o", "jsonl").splitlines()
    assert {(row["dstport"], row["action"]): row["packets"] for row in map(json.loads, rows)} == sent
