"""The sources that count where there is no eBPF, in a real kernel; and whom a translated connection is between."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest

from capture.network import Namespace
from capture.packets import ethernet, ipv4, udp
from capture.tapping import A, B, firewall, send
from vpcflow.capture import af_packet
from vpcflow.capture.af_packet import Ring
from vpcflow.capture.conntrack import Translations
from vpcflow.capture.nft import Sandwich


@pytest.mark.parametrize(("of_a", "of_b"), [(A, B), ("fd09::1", "fd09::2")])
def test_the_ring_counts_as_the_tap_does(wire, tapped, of_a, of_b):
    ring, tap = tapped(wire.b, "vb", kind=Ring), tapped(wire.b, "vb")
    port = send(wire.a, (of_b, 9000), 25)
    send(wire.b, (of_a, port), 3)
    for source in (ring, tap):
        source.drain()
    told, found = (
        {key[:3]: value for key, value in source.flows().items() if port in (key[0][1], key[1][1])}
        for source in (tap, ring)
    )
    assert found == told
    assert len(found) == 2
    assert ring.packets(to=9000) == {(None, "ingress"): 25}
    assert ring.tap.without == {"action": "AF_PACKET"}


def bulk(wire, count):
    """Send *count* bytes from a to b by TCP; return the client's port."""
    with wire.b.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind((B, 8000))
        server.listen()
        with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((B, 8000))
            served, _ = server.accept()
            with served:
                sender = threading.Thread(target=client.sendall, args=(bytes(count),))
                sender.start()
                got = 0
                while got < count:
                    got += len(served.recv(1 << 20))
                sender.join()
                return client.getsockname()[1]


def test_the_ring_counts_all_segments_of_super_packets(wire, tapped):
    ring, tap = tapped(wire.b, "vb", kind=Ring), tapped(wire.b, "vb")
    port = bulk(wire, 10_000_000)
    time.sleep(0.2)
    (mine,) = [found for (src, _, way, _), found in ring.flows().items() if src[1] == port and way == "ingress"]
    (told,) = [found for (src, _, way, _), found in tap.flows().items() if src[1] == port and way == "ingress"]
    assert mine == told
    assert mine[0] > 6000


def test_the_ring_tells_what_it_left_out_and_sees_only_what_is_chosen(wire, tapped):
    ring = tapped(wire.b, "vb", kind=Ring)
    wire.b.ip("link set vb promisc on", "link add other type veth peer name other2", "link set other up")
    macs = bytes.fromhex((wire.macs[1] + wire.macs[0]).replace(":", ""))
    wire.frames(wire.a, "va", macs + b"\x08\x06" + bytes(46), macs + b"\x88\xcc" + bytes(46))
    wire.frames(wire.a, "va", b"\2\0\0\0\0\x99" + macs[6:] + ethernet(ipv4(17, udp(5000, 9000), A, "10.9.0.9"))[12:])
    ring.drain()
    assert {name: ring.left_out[name] for name in ("arp", "not_ip", "other_host")} == {
        "arp": 1,
        "not_ip": 1,
        "other_host": 1,
    }
    assert len(ring.interfaces) == 1


def test_a_ring_that_is_full_is_told(wire, tapped, monkeypatch):
    monkeypatch.setattr(af_packet, "_BLOCKS", 2)
    ring = tapped(wire.b, "vb", kind=Ring)
    with ring.tap._lock:  # its thread cannot go on
        send(wire.a, (B, 9000), 30_000)
        time.sleep(0.1)
    counted = ring.packets(to=9000)[None, "ingress"]
    (gap,) = ring.gaps
    assert counted < 30_000
    assert counted + gap.packets >= 30_000


def test_more_flows_than_there_is_room_for_are_told_by_the_ring(wire, tapped):
    ring = tapped(wire.b, "vb", kind=Ring, max_flows=1024)
    macs = bytes.fromhex((wire.macs[1] + wire.macs[0]).replace(":", ""))
    frames = [macs + ethernet(ipv4(17, udp(5000, port), A, B))[12:] for port in range(5000)]
    wire.frames(wire.a, "va", *frames)
    counted = sum(ring.packets().values())
    assert sum(gap.packets for gap in ring.gaps) + counted >= 5000


@pytest.mark.parametrize("hook", ["input", "prerouting"])
def test_rules_before_and_behind_tell_what_was_refused_between(wire, tapped, hook):
    firewall(wire.b, hook, "udp dport 9000 limit rate over 1/hour burst 10 packets drop")
    before = wire.b.run("nft list ruleset")
    here = tapped(wire.b, "vb", kind=Sandwich)
    send(wire.a, (B, 9000), 40)
    send(wire.a, (B, 9001), 5)
    send(wire.a, ("fd09::2", 9002), 6)
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 10, ("REJECT", "ingress"): 30}
    assert here.packets(to=9001) == {("ACCEPT", "ingress"): 5}
    assert here.packets(to=9002) == {("ACCEPT", "ingress"): 6}
    here.close()
    assert wire.b.run("nft list ruleset") == before


@pytest.mark.parametrize("hook", ["output", "postrouting"])
def test_rules_tell_what_may_not_go_out(wire, tapped, hook):
    firewall(wire.b, hook, "udp dport 9000 drop")
    here = tapped(wire.b, "vb", kind=Sandwich)
    send(wire.b, (A, 9000), 30)
    send(wire.b, (A, 9001), 7)
    assert here.packets(to=9000) == {("REJECT", "egress"): 30}
    assert here.packets(to=9001) == {("ACCEPT", "egress"): 7}


def test_rules_see_through_translation(wire, tapped):
    wire.b.nft("""table ip t {
        chain nat { type nat hook prerouting priority -100; udp dport 8080 redirect to :9000; udp dport 8081 redirect to :9001; }
        chain c { type filter hook input priority 0; udp dport 9001 drop; } }""")
    here = tapped(wire.b, "vb", kind=Sandwich)
    with (
        wire.b.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind((B, 9000))
        for _ in range(8):
            client.sendto(b"x", (B, 8080))
            _, back = server.recvfrom(10)
            server.sendto(b"y", back)
            client.recv(10)
    send(wire.a, (B, 8081), 4)
    assert here.packets(to=8080) == {("ACCEPT", "ingress"): 8}
    assert here.packets(source=8080) == {("ACCEPT", "egress"): 8}
    assert here.packets(to=8081) == {("REJECT", "ingress"): 4}
    assert here.packets(to=9000) == here.packets(source=9000) == {}


def test_nothing_is_refused_when_readings_fall_amid_traffic(wire, tapped):
    here = tapped(wire.b, "vb", kind=Sandwich)
    thread = threading.Thread(target=send, args=(wire.a, (B, 9000), 40_000, b"x"))
    thread.start()
    while thread.is_alive():
        here.drain()
    here.drain()
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 40_000}


def test_rules_go_with_the_process_however_it_ends(wire, tapped):
    script = (
        "import os, signal; from vpcflow.capture.live import Config; from vpcflow.capture.nft import Sandwich\n"
        "here = Sandwich(Config(interfaces=('vb',))); print('ready', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = wire.b.popen(sys.executable, "-c", script, stdout=subprocess.PIPE, text=True)
    assert ended.communicate(timeout=20)[0] == "ready\n"
    deadline = time.monotonic() + 5
    while "vpcflow_" in wire.b.run("nft list tables"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rules_left_over_by_a_kernel_that_knows_no_owners_are_removed(wire, tapped):
    dead = subprocess.Popen(["true"])
    dead.wait()
    wire.b.nft(f"table inet vpcflow_{dead.pid} {{ }}")
    wire.b.nft(f"table inet vpcflow_{os.getpid() + 1000000} {{ }}")
    wire.b.nft("table inet vpcflow_1 { }")
    tapped(wire.b, "vb", kind=Sandwich)
    listed = wire.b.run("nft list tables")
    assert f"vpcflow_{dead.pid}\n" not in listed
    assert "vpcflow_1\n" in listed


# --- who really talks ---------------------------------------------------------------------------------------------------


def batch(*rows):
    names = ("protocol", "srcaddr", "srcport", "dstaddr", "dstport")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return pa.RecordBatch.from_pydict({**columns, "pkt_srcaddr": columns["srcaddr"], "pkt_dstaddr": columns["dstaddr"]})


def test_ends_behind_translation_are_told_on_both_sides(wire, tapped):
    """b translates: what a sends to b's port 8080 goes to 10.4.0.2, and what that host sends goes out as b."""
    inner = Inner(wire)
    try:
        with (
            inner.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
            wire.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        ):
            server.bind(("10.4.0.2", 80))
            client.bind((A, 5000))
            client.sendto(b"x", (B, 8080))
            _, back = server.recvfrom(10)
            server.sendto(b"y", back)
            client.recv(10)
            other = send(inner.host, (A, 9000), 1)
            with wire.b.entered():
                known = Translations(60)
                known.refresh()
        rows = (
            (17, A, 5000, B, 8080),
            (17, B, 8080, A, 5000),
            (17, A, 5000, "10.4.0.2", 80),
            (17, B, other, A, 9000),
            (17, A, 9000, B, other),
        )
        filled = known.fill(batch(*rows, (6, A, 1, B, 2)))
        ends = list(
            zip(filled.column("pkt_srcaddr").to_pylist(), filled.column("pkt_dstaddr").to_pylist(), strict=True)
        )
        there, back = (A, "10.4.0.2"), ("10.4.0.2", A)
        assert ends == [there, back, there, back, there, (A, B)]
    finally:
        inner.host.close()


class Inner:
    """A host 10.4.0.2 behind b."""

    def __init__(self, wire):
        self.host = Namespace("inner")
        wire.b.run(f"ip link add ve type veth peer name vg netns {self.host.name}")
        wire.b.ip("addr add 10.4.0.1/24 dev ve", "link set ve up")
        self.host.ip("addr add 10.4.0.2/24 dev vg", "link set vg up", "route add default via 10.4.0.1")
        wire.b.nft("""table ip n {
            chain pre { type nat hook prerouting priority -100; udp dport 8080 dnat to 10.4.0.2:80; }
            chain post { type nat hook postrouting priority 100; ip saddr 10.4.0.2 masquerade; } }""")
