"""The tap in a real kernel: what is sent over a wire, and what a firewall refuses of it."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from capture.network import Namespace
from capture.packets import ethernet, ipv4, ipv6, udp
from capture.tapping import A, B, firewall, send
from vpcflow.capture.ebpf import bpf


@pytest.mark.parametrize(("of_a", "of_b"), [(A, B), ("fd09::1", "fd09::2")])
def test_what_comes_in_and_what_goes_out_is_counted_from_the_ip_header_on(wire, tapped, of_a, of_b):
    here, there = tapped(wire.b, "vb"), tapped(wire.a, "va")
    port = send(wire.a, (of_b, 9000), 25)
    size = 25 * (100 + 8 + (40 if ":" in of_b else 20))
    key = (of_a, port), (of_b, 9000)
    assert here.flows()[*key, "ingress", "ACCEPT"] == (25, size, 0)
    assert there.flows()[*key, "egress", "ACCEPT"] == (25, size, 0)
    assert here.gaps == []


def test_tcp_flags_are_those_aws_reports(wire, tapped):
    here = tapped(wire.b, "vb")
    with wire.b.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind((B, 8000))
        server.listen()
        with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((B, 8000))
            port = client.getsockname()[1]
            served, _ = server.accept()
            client.sendall(b"hello")
            assert served.recv(10) == b"hello"
            served.close()
            client.recv(1)
    time.sleep(0.1)
    flows = here.flows()
    assert flows[(A, port), (B, 8000), "ingress", "ACCEPT"][2] == 3
    assert flows[(B, 8000), (A, port), "egress", "ACCEPT"][2] == 19


def test_a_closed_port_is_accepted_as_nobody_refused_it(wire, tapped):
    here = tapped(wire.b, "vb")
    with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client, pytest.raises(ConnectionRefusedError):
        client.connect((B, 8001))
    assert here.packets(to=8001) == {("ACCEPT", "ingress"): 1}
    assert here.packets(source=8001) == {("ACCEPT", "egress"): 1}


@pytest.mark.parametrize(
    ("hook", "rule"),
    [
        ("input", "udp dport 9000 drop"),
        ("input", "udp dport 9000 reject"),
        ("prerouting", "udp dport 9000 drop"),
        ("input", "policy drop"),
    ],
)
def test_what_a_firewall_refuses_coming_in_is_rejected(wire, tapped, hook, rule):
    firewall(wire.b, hook, rule)
    here = tapped(wire.b, "vb")
    send(wire.a, (B, 9000), 40)
    assert here.packets(to=9000) == {("REJECT", "ingress"): 40}


def test_the_hook_at_the_interface_refuses_too(wire, tapped):
    wire.b.nft("table netdev t { chain c { type filter hook ingress device vb priority 0; udp dport 9000 drop; } }")
    here = tapped(wire.b, "vb")
    send(wire.a, (B, 9000), 40)
    assert here.packets(to=9000) == {("REJECT", "ingress"): 40}


def test_a_part_that_is_refused_is_taken_off_what_is_accepted(wire, tapped):
    firewall(wire.b, "input", "udp dport 9000 limit rate over 1/hour burst 10 packets drop")
    here = tapped(wire.b, "vb")
    send(wire.a, (B, 9000), 40)
    found = here.packets(to=9000)
    assert sum(found.values()) == 40
    assert found["ACCEPT", "ingress"] == 10


def test_a_reset_that_refuses_is_the_host_s_own_answer(wire, tapped):
    firewall(wire.b, "input", "tcp dport 8000 reject with tcp reset")
    here = tapped(wire.b, "vb")
    with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client, pytest.raises(ConnectionRefusedError):
        client.connect((B, 8000))
    assert here.packets(to=8000) == {("REJECT", "ingress"): 1}
    assert here.packets(source=8000) == {("ACCEPT", "egress"): 1}


@pytest.mark.parametrize("hook", ["output", "postrouting"])
def test_what_a_firewall_refuses_going_out_is_rejected(wire, tapped, hook):
    firewall(wire.b, hook, "udp dport 9000 drop")
    here = tapped(wire.b, "vb")
    send(wire.b, (A, 9000), 30)
    send(wire.b, (A, 9001), 7)
    assert here.packets(to=9000) == {("REJECT", "egress"): 30}
    assert here.packets(to=9001) == {("ACCEPT", "egress"): 7}


def test_a_connection_that_may_not_go_out_is_rejected(wire, tapped):
    firewall(wire.b, "output", "tcp dport 8000 drop")
    here = tapped(wire.b, "vb")
    with wire.b.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(0.3)
        with pytest.raises((TimeoutError, PermissionError)):
            client.connect((A, 8000))
    ((way, action, flags),) = [(w, a, f[2]) for (_, dst, w, a), f in here.flows().items() if dst[1] == 8000]
    assert (way, action, flags) == ("egress", "REJECT", 2)


@pytest.fixture
def far(wire):
    """A third host behind b: 10.8.0.2 at the other end of vc."""
    host = Namespace("c")
    wire.b.run(f"ip link add vc type veth peer name vd netns {host.name}")
    wire.b.ip("addr add 10.8.0.1/24 dev vc", "link set vc up")
    host.ip("addr add 10.8.0.2/24 dev vd", "link set vd up", "route add default via 10.8.0.1")
    wire.a.ip("route add 10.8.0.0/24 via 10.9.0.2")
    yield host
    host.close()


def test_what_is_not_forwarded_is_rejected_where_it_came_in(wire, tapped, far):
    firewall(wire.b, "forward", "udp dport 9000 drop")
    here = tapped(wire.b)
    send(wire.a, ("10.8.0.2", 9000), 12)
    send(wire.a, ("10.8.0.2", 9001), 5)
    assert here.packets(to=9000) == {("REJECT", "ingress"): 12}
    assert here.packets(to=9001) == {("ACCEPT", "ingress"): 5, ("ACCEPT", "egress"): 5}
    assert len(here.interfaces) == 2


def test_translated_packets_are_rejected_as_they_came(wire, tapped):
    wire.b.nft("""table ip t {
        chain nat { type nat hook prerouting priority -100; udp dport 8080 redirect to :9000; tcp dport 8080 redirect to :80; }
        chain c { type filter hook input priority 0; udp dport 9000 drop; tcp dport 80 drop; } }""")
    here = tapped(wire.b, "vb")
    send(wire.a, (B, 8080), 20)
    with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.connect((B, 8080))
    assert here.packets(to=8080) == {("REJECT", "ingress"): 21}
    assert here.packets(to=9000) == {}
    assert here.packets(to=80) == {}


def test_marks_tell_layer_and_rule_where_that_is_agreed(wire, tapped):
    firewall(wire.b, "input", "udp dport 9000 meta mark set 0x20064 drop")
    marked, plain = tapped(wire.b, "vb", marks=True), tapped(wire.b, "vb")
    send(wire.a, (B, 9000), 3)
    (row,) = [row for row in marked.drain().rows if row["dstport"] == 9000]
    assert (row["layer"], row["rule"], row["packets"]) == (2, 100, 3)
    (row,) = [row for row in plain.drain().rows if row["dstport"] == 9000]
    assert (row["layer"], row["rule"]) == (0, 0)


def extension(following, *, kind):
    """Return an IPv6 extension header that *following* (a protocol) stands behind."""
    body = {0: bytes(6), 43: bytes([0, 0, 0, 0, 0, 0]), 60: bytes(14)}[kind]
    return bytes([following, (len(body) + 2) // 8 - 1]) + body


def with_extensions(last, payload, *kinds):
    """Return an IPv6 packet with extension headers of *kinds* before *payload* (of protocol *last*)."""
    for place, kind in reversed(list(enumerate(kinds))):
        following = kinds[place + 1] if place + 1 < len(kinds) else last
        payload = extension(following, kind=kind) + payload
    return ipv6(kinds[0] if kinds else last, payload, "fd09::1", "fd09::2")


@pytest.mark.parametrize("kinds", [(), (0,), (0, 60), (0, 43, 60, 60), (60,) * 15])
def test_ipv6_extension_headers_are_walked(wire, tapped, kinds):
    firewall(wire.b, "prerouting", "th dport 9001 drop", priority=-500)
    here = tapped(wire.b, "vb")
    frames = [ethernet(with_extensions(17, udp(5000, port), *kinds), kind=0x86DD) for port in (9000, 9000, 9001)]
    frames = [wire_ends(wire, frame) for frame in frames]
    wire.frames(wire.a, "va", *frames)
    size = len(frames[0]) - 14
    flows = here.flows()
    assert flows[("fd09::1", 5000), ("fd09::2", 9000), "ingress", "ACCEPT"] == (2, 2 * size, 0)
    assert flows[("fd09::1", 5000), ("fd09::2", 9001), "ingress", "REJECT"] == (1, size, 0)


def test_too_many_extension_headers_are_counted_as_wrong(wire, tapped):
    here = tapped(wire.b, "vb")
    frame = wire_ends(wire, ethernet(with_extensions(17, udp(5000, 9000), *(60,) * 20), kind=0x86DD))
    wire.frames(wire.a, "va", frame)
    here.drain()
    assert here.left_out["bad_ip"] == 1


def wire_ends(wire, frame):
    """Return *frame* with the hardware addresses of the wire's ends."""
    return bytes.fromhex((wire.macs[1] + wire.macs[0]).replace(":", "")) + frame[12:]


def tagged(frame, *tags):
    """Return *frame* with VLAN tags (kind, id), the outer one first."""
    for kind, number in reversed(tags):
        frame = frame[:12] + struct.pack("!HH", kind, number) + frame[12:]
    return frame


@pytest.mark.parametrize("tags", [[(0x8100, 5)], [(0x88A8, 5), (0x8100, 6)], [(0x8100, 5), (0x8100, 6), (0x8100, 7)]])
def test_tags_are_stepped_over_in_both_directions(wire, tapped, tags):
    here, there = tapped(wire.b, "vb"), tapped(wire.a, "va")
    packet = ipv4(17, udp(5000, 9000, b"x" * 90), A, B)
    frame = tagged(wire_ends(wire, ethernet(packet)), *tags)
    wire.frames(wire.a, "va", frame, frame)
    key = (A, 5000), (B, 9000)
    assert here.flows()[*key, "ingress", "ACCEPT"] == (2, 2 * len(packet), 0)
    assert there.flows()[*key, "egress", "ACCEPT"] == (2, 2 * len(packet), 0)


if Path("/proc/net/vlan").is_dir():  # other kernels have no such interface to look at

    def test_an_interface_on_a_vlan_and_the_one_below_each_see_it(wire, tapped):
        for host, name, address in ((wire.a, "va", "10.7.0.1"), (wire.b, "vb", "10.7.0.2")):
            host.ip(f"link add link {name} name v7 type vlan id 7", f"addr add {address}/24 dev v7", "link set v7 up")
        firewall(wire.b, "input", "udp dport 9001 drop")
        here = tapped(wire.b)
        send(wire.a, ("10.7.0.2", 9000), 6)
        send(wire.a, ("10.7.0.2", 9001), 4)
        assert here.packets(to=9000) == {("ACCEPT", "ingress"): 12}
        # Refused at the one on the VLAN; the one below has passed it on.
        assert here.packets(to=9001) == {("REJECT", "ingress"): 4, ("ACCEPT", "ingress"): 4}


def test_fragments_are_counted_and_only_the_first_has_ports(wire, tapped):
    here = tapped(wire.b, "vb")
    send(wire.a, (B, 9000), 2, b"x" * 4000)
    flows = here.flows()
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 2}
    assert flows[(A, 0), (B, 0), "ingress", "ACCEPT"][0] == 4
    total = sum(octets for (src, dst, _, _), (_, octets, _) in flows.items() if (src[0], dst[0]) == (A, B))
    assert total == 2 * (4008 + 3 * 20)


def test_all_segments_of_a_super_packet_are_counted(wire, tapped):
    """A bulk transfer: as many packets and bytes as both ends of the connection say."""
    here, there = tapped(wire.b, "vb"), tapped(wire.a, "va")
    with wire.b.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind((B, 8000))
        server.listen()
        with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((B, 8000))
            port = client.getsockname()[1]
            served, _ = server.accept()
            with served:
                thread = threading.Thread(target=read_all, args=(served,))
                thread.start()
                client.sendall(bytes(30_000_000))
                client.shutdown(socket.SHUT_WR)
                thread.join(20)
                time.sleep(0.1)
                info = {"a": segments(client), "b": segments(served)}
                sent = there.flows()[(A, port), (B, 8000), "egress", "ACCEPT"]
                received = here.flows()[(A, port), (B, 8000), "ingress", "ACCEPT"]
    assert info["a"]["out"] > 20_000
    assert sent[:2] == received[:2]
    assert received[0] == info["b"]["in"]
    assert sent[0] == info["a"]["out"]
    # 30 MB and what a busy machine had sent again, and 20 + 32 bytes of headers for each packet (8 more for the SYN, whose
    # options are longer).
    assert received[1] == 30_000_000 + info["a"]["again"] + 52 * received[0] + 8


def read_all(served):
    while served.recv(1 << 20):
        pass


def segments(connection):
    """Return the segments a TCP connection has sent and received, and bytes sent again (linux/tcp.h, struct tcp_info)."""
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 216)
    out, came = struct.unpack_from("=II", raw, 136)
    return {"out": out, "in": came, "again": struct.unpack_from("=Q", raw, 208)[0]}


def test_segments_that_are_refused_are_counted_too(wire, tapped):
    """Super-packets dropped in the output chain, as the kernel's own counter of the same hook would not count them."""
    here = tapped(wire.b, "vb")
    with wire.a.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind((A, 8000))
        server.listen()
        with wire.b.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((A, 8000))
            firewall(wire.b, "output", "tcp dport 8000 drop")
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(bytes(1_000_000))
            time.sleep(0.1)
            flows = here.flows()
    ((packets, octets, _),) = [
        found for (_, dst, _, action), found in flows.items() if dst[1] == 8000 and action == "REJECT"
    ]
    assert packets >= 10
    assert 1400 * (packets - 1) < octets <= 1500 * packets


def test_arp_and_neighbor_discovery_are_counted_apart(wire, tapped):
    here = tapped(wire.b, "vb")
    wire.a.ip("neigh del 10.9.0.2 dev va", "neigh del fd09::2 dev va")
    send(wire.a, (B, 9000), 1)
    send(wire.a, ("fd09::2", 9000), 1)
    deadline = time.monotonic() + 5
    while min(here.left_out["arp"], here.left_out["neighbor_discovery"]) < 2:
        assert time.monotonic() < deadline, here.left_out
        here.drain()


def test_what_aws_does_not_log_is_counted_apart_unless_all_is_kept(wire, tapped):
    here, everything = tapped(wire.a, "va"), tapped(wire.a, "va", keep_all=True)
    wire.a.ip(f"neigh replace 169.254.169.254 lladdr {wire.macs[1]} dev va", "route add 169.254.169.254 dev va")
    send(wire.a, ("169.254.169.254", 80), 3)
    assert here.packets(to=80) == {}
    assert here.left_out["metadata"] == 3
    assert everything.packets(to=80) == {("ACCEPT", "egress"): 3}


def test_packets_to_other_hosts_are_not_this_one_s(wire, tapped):
    here = tapped(wire.b, "vb")
    wire.b.ip("link set vb promisc on")
    other = b"\x02\x00\x00\x00\x00\x99" + wire_ends(wire, ethernet(ipv4(17, udp(5000, 9000), A, "10.9.0.9")))[6:]
    wire.frames(wire.a, "va", other, other)
    assert here.packets(to=9000) == {}
    assert here.left_out["other_host"] == 2


def test_what_a_bridge_passes_on_belongs_to_its_ports(wire, tapped):
    wire.b.ip("link add br0 type bridge", "link set br0 up", "link set vb master br0")
    here = tapped(wire.b, "vb")
    other = b"\x02\x00\x00\x00\x00\x99" + wire_ends(wire, ethernet(ipv4(17, udp(5000, 9000), A, "10.9.0.9")))[6:]
    wire.frames(wire.a, "va", other)
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 1}


def test_an_interface_without_a_link_layer_is_read_all_the_same(wire, tapped):
    """A tun device: packets begin with their IP header. The source address is one that looks like an EtherType."""
    with wire.b.entered(), open("/dev/net/tun", "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"t1", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
        wire.b.ip("addr add 10.6.0.1/24 dev t1", "link set t1 up", "route add 8.0.0.0/16 dev t1")
        firewall(wire.b, "input", "udp dport 9001 drop")
        here = tapped(wire.b, "t1")
        packets = [summed(ipv4(17, udp(5000, port, b"x" * 50), "8.0.6.2", "10.6.0.1")) for port in (9000, 9000, 9001)]
        tun.writelines(packets)
        send(wire.b, ("8.0.6.2", 9002), 3)
        flows = here.flows()
    assert flows[("8.0.6.2", 5000), ("10.6.0.1", 9000), "ingress", "ACCEPT"] == (2, 2 * 78, 0)
    assert flows[("8.0.6.2", 5000), ("10.6.0.1", 9001), "ingress", "REJECT"] == (1, 78, 0)
    assert here.packets(to=9002) == {("ACCEPT", "egress"): 3}


def summed(packet):
    """Return an IPv4 packet with its header's checksum, without which the kernel would not look further."""
    words = sum(struct.unpack("!10H", packet[:10] + bytes(2) + packet[12:20]))
    return packet[:10] + struct.pack("!H", ~(words % 0xFFFF) & 0xFFFF) + packet[12:]


def test_an_overlay_and_what_carries_it_are_seen_at_their_interfaces(wire, tapped):
    for host, name, number, other in ((wire.a, "va", 1, B), (wire.b, "vb", 2, A)):
        host.ip(
            f"link add vx type vxlan id 7 dstport 4789 dev {name} remote {other}", f"addr add 10.5.0.{number}/24 dev vx",
            "link set vx up",
        )  # fmt: skip
    firewall(wire.b, "input", "udp dport 9001 drop")
    here = tapped(wire.b)
    send(wire.a, ("10.5.0.2", 9000), 5)
    send(wire.a, ("10.5.0.2", 9001), 2)
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 5}
    assert here.packets(to=9001) == {("REJECT", "ingress"): 2}
    assert here.packets(to=4789)["ACCEPT", "ingress"] >= 7


def test_nothing_falls_between_two_readings(wire, tapped):
    firewall(wire.b, "input", "udp dport 9001 drop")
    here = tapped(wire.b, "vb")
    sent = Counter()

    def flood(port):
        sent[port] = 40_000
        send(wire.a, (B, port), 40_000, b"x")

    threads = [threading.Thread(target=flood, args=(port,)) for port in (9000, 9001)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        here.drain()
    here.drain()
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 40_000}
    assert here.packets(to=9001) == {("REJECT", "ingress"): 40_000}


def test_a_full_table_is_told_with_how_many_packets_it_cost(wire, tapped):
    here = tapped(wire.b, "vb", max_flows=1024)
    frames = [wire_ends(wire, ethernet(ipv4(17, udp(5000, port), A, B))) for port in range(3000)]
    wire.frames(wire.a, "va", *frames)
    counted = here.packets()
    (gap,) = here.gaps
    assert sum(counted.values()) + gap.packets >= 3000
    assert sum(counted.values()) <= 1024
    send(wire.a, (B, 9000), 1)
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 1}
    assert len(here.gaps) == 1


def test_a_kernel_without_batches_is_asked_entry_by_entry(wire, tapped, monkeypatch):
    monkeypatch.setattr(bpf.Map, "_take_batches", refuse)
    here = tapped(wire.b, "vb")
    for port in range(100):
        send(wire.a, (B, 9000 + port), 2)
    assert here.packets()["ACCEPT", "ingress"] >= 200


def refuse(*_):
    raise OSError(22, "Invalid argument")


def test_an_interface_that_comes_back_is_captured_again_and_the_gap_told(wire, tapped):
    wire.b.ip("link add dum type veth peer name dum2", "link set dum up")
    here = tapped(wire.b, "vb", "dum")
    assert len(here.drain().interfaces) == 2
    wire.b.ip("link del dum")
    here.drain()
    assert len(here.drain().interfaces) == 1
    wire.b.ip("link add dum type veth peer name dum2", "link set dum up")
    here.drain()
    counts = here.drain()
    assert len(counts.interfaces) == 2
    assert [counts.interfaces[gap.interface] for gap in counts.gaps] == [counts.interfaces[1]]
    assert counts.gaps[0].packets is None


def test_an_interface_that_goes_down_and_up_goes_on(wire, tapped):
    here = tapped(wire.b, "vb")
    wire.b.ip("link set vb down")
    here.drain()
    wire.b.ip("link set vb up", f"neigh replace 10.9.0.1 lladdr {wire.macs[0]} dev vb")
    deadline = time.monotonic() + 5
    while wire.b.run("cat /sys/class/net/vb/operstate").strip() != "up":
        assert time.monotonic() < deadline
    here.drain()
    send(wire.a, (B, 9000), 5)
    assert here.packets(to=9000) == {("ACCEPT", "ingress"): 5}


def test_other_namespaces_are_none_of_ours(wire, tapped):
    firewall(wire.b, "input", "udp dport 9000 drop")
    elsewhere = tapped(wire.a, "va")
    send(wire.a, (B, 9000), 9)
    assert elsewhere.packets(to=9000) == {("ACCEPT", "egress"): 9}


def test_rows_say_when(wire, tapped):
    here = tapped(wire.b, "vb", interval_s=1)
    before = time.time_ns()
    send(wire.a, (B, 9000), 1)
    time.sleep(1.1)
    with wire.a.entered():
        pass
    send(wire.a, (B, 9000), 1)
    after = time.time_ns()
    rows = here.drain().rows
    rows = rows[rows["dstport"] == 9000]
    assert all(
        before - 2_000_000 <= first <= last <= after + 2_000_000
        for first, last in zip(rows["first"], rows["last"], strict=True)
    )
    assert [int(row["interval"]) for row in rows] == [int(row["first"]) // 10**9 for row in rows]
