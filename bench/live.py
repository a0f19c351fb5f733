"""`python bench/live.py` (as root): live capture over a wire in namespaces, beside nfpcapd in the same run.

A sender (sendmmsg on a packet socket) sends at a steady rate for some seconds; the receiving host refuses one of two flows by a
rule. CPU counts: of the sender, in whose time the wire, the receiving stack and the programs in the kernel run, and of the
process that captures. What remains when the CPU of sending alone is taken off is what capturing costs. Medians of rounds, taken
in turns; figures to bench/results. VPCFLOW_BENCH_SCALE=0.1 for a quick look.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent / "tests")  # not this folder, whose capture.py is another one

from capture.network import Wire, remove_left_over  # noqa: E402
from capture.packets import ethernet, ipv4, udp  # noqa: E402

RESULTS = HERE / "results"
SCALE = float(os.environ.get("VPCFLOW_BENCH_SCALE", "1"))
SECONDS = max(1.0, 4 * SCALE)
ROUNDS = int(os.environ.get("VPCFLOW_BENCH_REPEATS", max(1, round(3 * SCALE))))
RATE = 330_000
BURST = 256
KERNEL = (
    "CPU in the kernel: what sending takes longer than when nobody captures, as it happens in the sender's time. The machine "
    "is shared: trust ratios."
)
FLOWS = (1_000, 100_000)


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.c_void_p), ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
    ]  # fmt: skip


class _Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def send(interface: str, macs: str, flows: int, seconds: float, rate: int) -> None:
    """Send at *rate* packets a second; print how many were sent, the seconds it took, and the CPU seconds."""
    head = bytes.fromhex(macs)
    frames = []
    for flow in range(flows):
        source, port = divmod(flow, 50_000)
        packet = ipv4(17, udp(1024 + port, 9000 + (flow & 1), b"x" * 22), f"10.9.1.{source + 1}", "10.9.0.2")
        words = sum(struct.unpack("!10H", packet[:20])) % 0xFFFF
        frames.append(head + ethernet(packet[:10] + struct.pack("!H", ~words & 0xFFFF) + packet[12:])[12:])
    held = ctypes.create_string_buffer(b"".join(frames))
    size, base = len(frames[0]), ctypes.addressof(held)
    vectors, messages = (_Vector * flows)(), (_Message * flows)()
    for place in range(flows):
        vectors[place] = _Vector(base + place * size, size)
        messages[place] = _Message(None, 0, ctypes.addressof(vectors[place]), 1, None, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.suppress(PermissionError):  # a steady rate on a machine that others use too
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.setsockopt(263, 20, 1)  # PACKET_QDISC_BYPASS
        out.bind((interface, 0))
        place, sent, began, cpu = 0, 0, time.perf_counter(), time.process_time()
        while (passed := time.perf_counter() - began) < seconds:
            due = int(passed * rate) - sent
            if due < BURST:
                time.sleep(0.0002)
                continue
            count = min(BURST, flows - place)
            done = libc.sendmmsg(out.fileno(), ctypes.byref(messages, place * ctypes.sizeof(_Message)), count, 0)
            if done > 0:
                sent += done
                place = (place + done) % flows
        passed, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"sent": sent, "seconds": passed, "cpu": cpu}))


def capture(wire: Wire, source: str) -> subprocess.Popen[str]:
    """Start capturing on the receiving host; return when it captures."""
    if source == "nfpcapd":
        folder = tempfile.mkdtemp(prefix="vpcflow-bench-")
        command = ["nfpcapd", "-i", "vb", "-w", folder, "-t", "60", "-B", "1000000"]
        started = wire.b.popen(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.folder = folder
        time.sleep(1)
        return started
    words = (sys.executable, "-m", "vpcflow", "capture", "vb", "--interval", "600", "-o", "jsonl", "--backend", source)
    started = wire.b.popen(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in started.stderr:
        if "Ctrl-C ends it" in line:
            return started
    raise SystemExit(f"{source} does not start")


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def once(wire: Wire, source: str, flows: int) -> dict[str, float]:
    """Send once while *source* captures (nobody, for "nothing"); return what was counted and what it cost."""
    macs = (wire.macs[1] + wire.macs[0]).replace(":", "")
    running = None if source == "nothing" else capture(wire, source)
    before = cpu_of(running.pid) if running else 0.0
    words = (sys.executable, __file__, "send", "va", macs, flows, SECONDS, RATE)
    answer = json.loads(wire.a.run(" ".join(map(str, words))))
    user, counted, lost = 0.0, 0, 0
    if running:
        time.sleep(1.5)
        user = cpu_of(running.pid) - before
        running.send_signal(signal.SIGINT if source != "nfpcapd" else signal.SIGTERM)
        out, err = running.communicate(timeout=60)
        counted, lost = seen(running, source, out, err or "")
    return {**answer, "user": user, "counted": counted, "lost": lost}


def seen(running: subprocess.Popen[str], source: str, out: str, err: str) -> tuple[int, int]:
    """Return the packets that were counted of those sent, and those that the source itself says it lost."""
    if source == "nfpcapd":
        shown = subprocess.run(
            ["nfdump", "-R", running.folder, "-o", "fmt:%pkt", "-q", "-N", "-A", "proto", "proto udp"],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        shutil.rmtree(running.folder, ignore_errors=True)
        return sum(int(word) for word in re.findall(r"^\s*(\d+)\s*$", shown, re.MULTILINE)), 0
    counted = 0
    told = re.search(r"lost ([\d,]+) packets", err)
    for line in out.splitlines():
        row = json.loads(line)
        if row["dstport"] in (9000, 9001) and row["flow_direction"] == "ingress":
            counted += row["packets"]
    return counted, int(told.group(1).replace(",", "")) if told else 0


def main() -> None:
    """Measure everything and write the table."""
    remove_left_over()
    wire = Wire()
    lines = [f"# Live capture, {datetime.now(UTC):%Y-%m-%d}", ""]
    try:
        wire.b.run("ethtool -K vb gro off") if shutil.which("ethtool") else None
        wire.b.nft("table inet t { chain c { type filter hook input priority 0; udp dport 9001 drop; } }")
        wire.b.ip("addr add 10.9.1.254/24 dev vb")
        sources = ["nothing", "ebpf", "af_packet", *(["nfpcapd"] if shutil.which("nfpcapd") else [])]
        where = f"2 cores, {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
        what = f"{RATE:,} packets/s for {SECONDS:.0f} s over a veth, 64-byte frames, half of them refused by a rule"
        lines += [f"{where}; {what}; {ROUNDS} rounds in turns, medians.", "", KERNEL, ""]
        for flows in FLOWS:
            lines += table(wire, sources, flows)
    finally:
        wire.close()
    text = "\n".join(lines)
    print(text)
    if SCALE >= 1:
        (RESULTS / "live.md").write_text(text, encoding="utf-8")


def table(wire: Wire, sources: list[str], flows: int) -> list[str]:
    """Return the lines for one number of flows."""
    found: dict[str, list[dict[str, float]]] = {source: [] for source in sources}
    for _ in range(ROUNDS):
        for source in sources:
            found[source].append(once(wire, source, flows))

    def median(source: str, what: str) -> float:
        return statistics.median(run[what] / run["sent"] for run in found[source])

    base = median("nothing", "cpu")
    lines = [
        f"## {flows:,} flows", "",
        "| who counts | packets/s | sent | not counted | told to be lost | kernel ns/packet | process ns/packet |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for source in sources:
        runs = found[source]
        sent, counted = sum(run["sent"] for run in runs), sum(run["counted"] for run in runs)
        rate = sent / sum(run["seconds"] for run in runs)
        extra, user = (median(source, "cpu") - base) * 1e9, median(source, "user") * 1e9
        if source == "nothing":
            lines.append(f"| nobody | {rate:,.0f} | {sent:,} | | | ({base * 1e9:,.0f} in all) | |")
            continue
        told = f"{sum(run['lost'] for run in runs):,}"
        lines.append(
            f"| {source} | {rate:,.0f} | {sent:,} | {sent - counted:,} | {told} | +{extra:,.0f} | {user:,.0f} |"
        )
    return [*lines, ""]


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        send(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
    else:
        main()
