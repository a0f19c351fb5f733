"""`vpcflow capture` on interfaces, as it is called: a process of its own in a namespace of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from capture.network import Wire, needs, remove_left_over
from vpcflow.capture import conntrack, privilege
from vpcflow.capture.ebpf import bpf
from vpcflow.capture.identity import interface_id, machine_id

B = "10.9.0.2"
VPCFLOW = (sys.executable, "-m", "vpcflow")


@pytest.fixture
def wire():
    needs("ip", "nft", "sysctl")
    remove_left_over()
    made = Wire()
    yield made
    made.close()


class Running:
    """A capture that runs on a host. Begins when the command says so."""

    def __init__(self, host, *words, before=(), place=None, **how):
        self.process = host.popen(
            *before,
            *VPCFLOW,
            "capture",
            *words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=place,
            **how,
        )
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            if "Ctrl-C ends it" in line or line.startswith("error"):
                break

    def end(self, number=signal.SIGTERM):
        if number:
            time.sleep(0.1)
            self.process.send_signal(number)  # `ip netns exec` and `setpriv` have become it
        out, err = self.process.communicate(timeout=20)
        self.out, self.err = out, "".join(self.said) + err
        return self.process.returncode

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


def send(host, to, count=1):
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(count):
            sender.sendto(b"x" * 100, to)


def test_records_come_out_and_totals_at_the_end(wire):
    wire.b.nft("table inet t { chain c { type filter hook input priority 0; udp dport 9001 drop; } }")
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600")
    send(wire.a, (B, 9000), 10)
    send(wire.a, (B, 9001), 4)
    assert running.end() == 0
    found = {(row["dstport"], row["action"], row["flow_direction"]): row for row in running.rows()}
    assert found[9000, "ACCEPT", "ingress"]["packets"] == 10
    assert found[9001, "REJECT", "ingress"]["packets"] == 4
    assert found[9000, "ACCEPT", "ingress"]["interface_id"] == interface_id(machine_id(), "vb")
    assert f"{interface_id(machine_id(), 'vb')} is vb" in running.err
    assert "account 000000000000 and Region local-1" in running.err
    assert "stopping" in running.err.lower() or "SIGTERM" in running.err
    assert " packets: " in running.err


def test_an_interval_is_told_when_it_is_over_and_silence_is_nodata(wire):
    began = time.time()
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "1")
    send(wire.a, (B, 9000), 3)
    rows, silent = [], []
    while len(silent) < 2:  # a new interface talks of multicast groups for a while
        rows.append(json.loads(running.process.stdout.readline()))
        assert time.time() - began < 15
        silent = [row for row in rows if row["log_status"] == "NODATA"]
    running.end(signal.SIGINT)
    rows += running.rows()
    silent = [row for row in rows if row["log_status"] == "NODATA"]
    assert all(0 <= row["end"] - row["start"] <= 1 for row in silent)
    edges = [row["end"] for row in silent]
    assert edges == sorted(set(edges))
    assert sum(row["packets"] or 0 for row in rows if row["dstport"] == 9000) == 3


def test_no_record_crosses_the_end_of_its_interval(wire):
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "1")
    with wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sent, deadline = 0, time.monotonic() + 3.5
        while time.monotonic() < deadline:
            sender.sendto(b"x", (B, 9000))
            sent += 1
    assert running.end() == 0
    rows = [row for row in running.rows() if row["dstport"] == 9000]
    assert sum(row["packets"] for row in rows) == sent
    assert [row["start"] for row in rows] == [row["end"] for row in rows]
    assert len({row["start"] for row in rows}) == len(rows) >= 4


def test_it_ends_after_the_time_that_was_said(wire):
    running = Running(wire.b, "--all-interfaces", "--duration", "1.5", "--interval", "600")
    assert running.end(0) == 0
    lines = running.out.splitlines()
    assert lines[0].startswith("version account-id")
    assert lines[-1].endswith("NODATA") or "OK" in lines[-1]


def test_a_reader_that_has_enough_ends_it_at_once(wire):
    running = Running(wire.b, "vb", "--interval", "600")
    with running.process.stderr as stderr:
        running.process.stdout.close()
        said = stderr.read()
    assert running.process.wait(timeout=10) == 0
    assert "Traceback" not in said
    assert " packets: " in said


def test_into_the_lake_interval_by_interval(wire, place):
    running = Running(wire.b, "vb", "--interval", "1", "--into-lake", "--account", "123456789012", place=place)
    send(wire.a, (B, 9000), 3)
    time.sleep(1.5)
    send(wire.a, (B, 9000), 4)
    assert running.end() == 0, running.err
    asked = subprocess.run(
        [*VPCFLOW, "records", "-o", "jsonl", "-f", "dstport = 9000"],
        capture_output=True,
        text=True,
        cwd=place,
        check=True,
    )
    rows = [json.loads(line) for line in asked.stdout.splitlines()]
    assert sum(row["packets"] for row in rows) == 7
    assert {row["account_id"] for row in rows} == {"123456789012"}


def test_a_full_table_makes_skipdata_and_a_warning(wire):
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", "--max-flows", "1024")
    with wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in range(1, 4000):
            sender.sendto(b"x", (B, port))
    assert running.end() == 0
    assert [row["interface_id"] for row in running.rows() if row["log_status"] == "SKIPDATA"] == [
        interface_id(machine_id(), "vb")
    ]
    assert "warning" in running.err
    assert "SKIPDATA" in running.err


def test_ids_come_from_the_network_that_is_named_or_kept(wire, place):
    (place / "net.toml").write_text(
        '[vpc]\nname = "lab"\ncidr = ["10.9.0.0/16"]\n[subnet.s]\ncidr = ["10.9.0.0/24"]\n'
        '[interface.b]\nid = "eni-0123456789abcdef0"\nsubnet = "s"\naddress = ["10.9.0.20"]\n'
    )
    wire.b.ip("addr add 10.9.0.20/24 dev vb")
    named = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", "--network", "net.toml", place=place)
    assert named.end() == 0, named.err
    subprocess.run([*VPCFLOW, "network", "import", "net.toml"], check=True, cwd=place, capture_output=True)
    kept = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", place=place)
    assert kept.end() == 0, kept.err
    for running in (named, kept):
        assert "eni-0123456789abcdef0 is vb" in running.err


def test_nothing_is_cut_when_a_signal_comes_while_nobody_reads(wire):
    """With PYTHONUNBUFFERED, as in containers, stdout writes a part only of what it is given when it is interrupted."""
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "1", env={**os.environ, "PYTHONUNBUFFERED": "1"})
    with wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in range(1, 4000):
            sender.sendto(b"x", (B, port))
    time.sleep(1.5)  # more than a pipe holds: it waits for a reader
    assert running.end(signal.SIGINT) == 0
    assert sum(row["packets"] or 0 for row in running.rows() if row["flow_direction"] == "ingress") >= 3999


def test_a_process_that_is_killed_leaves_nothing_behind(wire):
    before = programs()
    running = Running(wire.b, "vb", "--interval", "600")
    assert len(programs() - before) == 2
    running.end(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while programs() - before:
        assert time.monotonic() < deadline, programs() - before
        time.sleep(0.05)


def programs():
    """Return the ids of all programs in the kernel (BPF_PROG_GET_NEXT_ID)."""
    found, at = set(), 0
    with contextlib.suppress(FileNotFoundError):
        while True:
            attributes = bytearray(struct.pack("=III", at, 0, 0))
            bpf._call(11, attributes)
            (at,) = struct.unpack_from("=I", attributes, 4)
            found.add(at)
    return found


def capabilities(pid):
    with open(f"/proc/{pid}/status") as file:
        return {line.split()[0]: int(line.split()[1], 16) for line in file if line.startswith("Cap")}


_THREE = "-all,+net_raw,+bpf,+perfmon"
NOBODY = (
    "env", "HOME=/", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
    "--inh-caps", _THREE, "--ambient-caps", _THREE, "--bounding-set", _THREE,
)  # fmt: skip


@pytest.fixture
def readable():
    """Skip where somebody else may not read the program."""
    probe = subprocess.run([*NOBODY, *VPCFLOW, "--version"], capture_output=True, check=False, cwd="/")
    if probe.returncode:
        pytest.skip("needs an installation that others may read")


def test_three_capabilities_are_enough_for_anybody(wire, readable):
    wire.b.nft("table inet t { chain c { type filter hook input priority 0; udp dport 9001 drop; } }")
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", before=NOBODY, place="/")
    send(wire.a, (B, 9000), 10)
    send(wire.a, (B, 9001), 4)
    assert running.end() == 0, running.err
    found = {(row["dstport"], row["action"]): row["packets"] for row in running.rows()}
    assert found[9000, "ACCEPT"] == 10
    assert found[9001, "REJECT"] == 4


def test_with_raw_sockets_alone_it_captures_without_actions_and_says_so(wire, readable):
    words = [word.replace(",+bpf,+perfmon", "") for word in NOBODY]
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", before=words, place="/")
    send(wire.a, (B, 9000), 10)
    assert running.end() == 0, running.err
    found = {(row["dstport"], row["action"]): row["packets"] for row in running.rows()}
    assert found[9000, None] == 10
    assert "CAP_BPF, CAP_PERFMON" in running.err
    assert "af_packet is used instead" in running.err
    assert "action is -" in running.err


def test_without_the_capability_for_tracing_refusals_cannot_be_told(wire, readable):
    words = [word.replace(",+perfmon", "") for word in NOBODY]
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", before=words, place="/")
    send(wire.a, (B, 9000), 10)
    assert running.end() == 0, running.err
    found = {(row["dstport"], row["action"]): row["packets"] for row in running.rows()}
    assert found[9000, None] == 10
    assert "by ebpf" in running.err
    assert "action is -" in running.err


def test_rules_of_our_own_tell_refusals_and_are_gone_afterwards(wire):
    wire.b.nft("table inet t { chain c { type filter hook input priority 0; udp dport 9001 drop; } }")
    running = Running(wire.b, "vb", "-o", "jsonl", "--interval", "600", "--nft")
    assert "vpcflow_" in wire.b.run("nft list tables")
    send(wire.a, (B, 9000), 10)
    send(wire.a, (B, 9001), 4)
    assert running.end(signal.SIGINT) == 0, running.err
    found = {(row["dstport"], row["action"]): row["packets"] for row in running.rows()}
    assert found[9000, "ACCEPT"] == 10
    assert found[9001, "REJECT"] == 4
    assert "vpcflow_" not in wire.b.run("nft list tables")


def test_rules_that_somebody_ends_are_an_error(wire):
    running = Running(wire.b, "vb", "--interval", "600", "--nft")
    subprocess.run(["pkill", "-P", str(running.process.pid)], check=True)
    assert running.end(0) == 5
    assert "the nftables rules of this capture are gone" in running.err


def test_ends_behind_translation_are_in_the_records_where_we_may_ask(wire, readable):
    wire.b.nft("table ip n { chain c { type nat hook output priority -100; udp dport 53 dnat to 10.9.0.1:9000; } }")
    wire.b.ip("route add 198.51.100.7 via 10.9.0.1")
    words = ("vb", "--interval", "600", "--format", "${srcaddr} ${dstaddr} ${dstport} ${pkt-dstaddr} ${flow-direction}")
    running, poor = Running(wire.b, *words), Running(wire.b, *words, before=NOBODY, place="/")
    wire.b.nft(
        "table ip m { chain c { type nat hook prerouting priority -100; udp dport 9005 dnat to 10.9.0.1:9000; } }"
    )
    wire.b.nft("table ip p { chain c { type nat hook postrouting priority 100; oifname vb masquerade; } }")
    send(wire.a, (B, 9005), 2)
    time.sleep(1.2)
    assert running.end() == 0
    assert poor.end() == 0
    assert "10.9.0.1 10.9.0.2 9005 10.9.0.1 ingress" in running.out
    assert "10.9.0.1 10.9.0.2 9005 10.9.0.2 ingress" in poor.out
    assert "take CAP_NET_ADMIN" in poor.err


def test_root_lets_go_of_what_it_does_not_need(wire):
    running = Running(wire.b, "vb", "--interval", "600")
    kept = {*privilege.NEEDED, *([privilege.NET_ADMIN] if conntrack.count() is not None else [])}
    bits = sum(1 << number for number in kept)
    deadline = time.monotonic() + 5
    while capabilities(running.process.pid)["CapEff:"] != bits:
        assert time.monotonic() < deadline, capabilities(running.process.pid)
        time.sleep(0.05)
    assert capabilities(running.process.pid)["CapPrm:"] == bits
    assert running.end() == 0


def test_without_privileges_the_error_names_them():
    needs("setpriv")
    words = (
        "env",
        "HOME=/",
        "setpriv",
        "--reuid",
        "65534",
        "--clear-groups",
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
    )
    probe = subprocess.run([*words, *VPCFLOW, "--version"], capture_output=True, check=False, cwd="/")
    if probe.returncode:
        pytest.skip("needs an installation that others may read")
    ran = subprocess.run([*words, *VPCFLOW, "capture", "lo"], capture_output=True, text=True, check=False, cwd="/")
    assert ran.returncode == 3
    assert "CAP_NET_RAW, CAP_BPF, CAP_PERFMON" in ran.stderr
    assert "sudo" in ran.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("capture",), "nothing to capture from is named"),
        (("capture", "lo", "--all-interfaces"), "--all-interfaces goes with no names"),
        (("capture", "lo", "--local", "10.0.0.0/8"), "--local is for capture files"),
        (("capture", "trace.pcap", "--duration", "5"), "--duration is for interfaces"),
        (("capture", "lo", "trace.pcap"), "lo is an interface and trace.pcap is not"),
        (("capture", "--all-interfaces", "--interface-id", "eni-1"), "--interface-id goes with one interface"),
    ],
)
def test_words_that_do_not_go_together_are_refused(run, place, words, said):
    (place / "trace.pcap").write_bytes(b"")
    ran = run(*words)
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_a_name_that_is_nothing_here_is_told_with_what_there_is(run):
    ran = run("capture", "eth77")
    assert ran.code == 3
    assert "no file and no network interface is called eth77" in ran.err
    assert "there are: " in ran.err
    assert "lo" in ran.err.partition("there are: ")[2]


def test_a_file_goes_before_an_interface_of_its_name(run, place):
    (place / "lo").write_bytes(b"hello, this is no capture")
    assert "lo is not a packet capture" in run("capture", "lo").err
