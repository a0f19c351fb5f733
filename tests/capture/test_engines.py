"""Both engines say what the plain reference says, whatever the packets are."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.packets import (
    ARP,
    SECOND,
    T0,
    PcapNg,
    authentication,
    ethernet,
    extension,
    fragment6,
    icmp,
    ipv4,
    ipv6,
    pcap,
    sll,
    sll2,
    tcp,
    udp,
)  # fmt: skip
from capture.reading import AVAILABLE, ENGINES, read
from capture.reference import flows
from vpcflow.capture.engine import make

V4 = st.sampled_from(["10.0.0.5", "10.0.0.6", "192.0.2.9", "203.0.113.77", "255.255.255.255", "0.0.0.0"])
V6 = st.sampled_from(["2001:db8::5", "2001:db8:1::9", "fe80::1", "ff02::1", "::"])
PORT = st.sampled_from([0, 22, 53, 80, 443, 65535])


@st.composite
def transports(draw):
    kind = draw(st.sampled_from([1, 6, 6, 17, 33, 47, 58, 132, 136, 253]))
    if kind == 6:
        body = tcp(draw(PORT), draw(PORT), draw(st.integers(0, 255)), draw(st.binary(max_size=8)))
    elif kind in (1, 58):
        body = icmp(draw(st.sampled_from([0, 3, 8, 128, 129, 132, 133, 135, 137, 138])))
    else:
        body = udp(draw(PORT), draw(PORT), draw(st.binary(max_size=8)))
    return kind, body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 5)) == 0 else body


@st.composite
def ip_packets(draw):
    protocol, body = draw(transports())
    lie = draw(st.sampled_from([None] * 8 + [0, 1, 19, 30, 60000]))
    if draw(st.booleans()):
        options = b"\1" * (4 * draw(st.integers(0, 10)))
        return ipv4(
            protocol, body, draw(V4), draw(V4), options=options, length=lie,
            fragment=draw(st.sampled_from([0, 0, 0, 1, 185, 8191])), more=draw(st.booleans()),
            ihl=draw(st.sampled_from([None] * 8 + [0, 4, 15])),
        )  # fmt: skip
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3, 17]))):
        kind = draw(st.sampled_from([0, 43, 44, 51, 60]))
        if kind == 44:
            head = fragment6(protocol, draw(st.sampled_from([0, 0, 185])))
        elif kind == 51:
            head = authentication(protocol)
        else:
            head = extension(protocol, b"\0" * (6 + 8 * draw(st.integers(0, 2))))
        protocol, body = kind, head + body
    return ipv6(protocol, body, draw(V6), draw(V6), length=lie)


@st.composite
def frames(draw, link):
    packet = draw(st.one_of(ip_packets(), ip_packets(), ip_packets(), st.binary(max_size=80)))
    six = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    if link == 1:
        tags = draw(st.lists(st.sampled_from([0x8100, 0x88A8, 0x9100, 0x9200]), max_size=9))
        frame = draw(
            st.sampled_from([ethernet(packet, *tags), ethernet(packet, *tags), ARP, ethernet(packet, kind=0x88CC)])
        )
    elif link in (113, 276):
        cooked = sll if link == 113 else sll2
        frame = cooked(packet, draw(st.sampled_from([six, six, six, 0x0806, 4])), sent=draw(st.integers(0, 4)))
    elif link in (0, 108):
        family = draw(st.sampled_from([2, 10, 24, 28, 30, 7]))
        frame = family.to_bytes(4, draw(st.sampled_from(["little", "big"]))) + packet
    else:
        frame = packet
    frame += b"\0" * draw(st.sampled_from([0, 0, 6]))
    kept = draw(st.integers(0, len(frame))) if draw(st.integers(0, 4)) == 0 else len(frame)
    return frame[:kept], len(frame)


LINKS = (0, 1, 12, 101, 108, 113, 147, 228, 276)
times = st.integers(0, 200 * SECOND // 1000).map(lambda us: T0 * SECOND + us * 1000)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_pcap_is_what_the_reference_says(engine, data):
    link = data.draw(st.sampled_from(LINKS))
    found = data.draw(st.lists(st.tuples(times, frames(link)), max_size=30))
    records = [(time, frame, wire) for time, (frame, wire) in found]
    file = pcap(*records, link=link, order=data.draw(st.sampled_from("<>")), nano=data.draw(st.booleans()))
    interval_s, keep_nd = data.draw(st.sampled_from([1, 60, 600])), data.draw(st.booleans())
    expected, reasons = flows([(time, link, frame, wire) for time, frame, wire in records], interval_s, keep_nd=keep_nd)
    got = read(
        file, engine, interval_s=interval_s, keep_nd=keep_nd, piece=data.draw(st.sampled_from([None, None, 1000]))
    )
    assert {key[1:]: flow for key, flow in got.flows.items()} == expected
    assert got.reasons == reasons
    assert got.packets == len(records) == got.recorded + got.reasons.total()


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_pcapng_is_what_the_reference_says(engine, data):
    links = data.draw(st.lists(st.sampled_from(LINKS), min_size=1, max_size=4))
    file = PcapNg(data.draw(st.sampled_from("<>")))
    for number, link in enumerate(links):
        file.interface(link, (2, f"if{number}".encode()), (9, b"\x09"))
    expected, reasons, packets = {}, None, 0
    by_link = {number: [] for number in range(len(links))}
    for _ in range(data.draw(st.integers(0, 25))):
        number = data.draw(st.integers(0, len(links) - 1))
        time = data.draw(times)
        frame, wire = data.draw(frames(links[number]))
        if data.draw(st.booleans()):
            file.packet(time, frame, number, wire)
        else:
            file.old_packet(time, frame, number)
            wire = len(frame)
        if data.draw(st.integers(0, 4)) == 0:
            file.other(body=data.draw(st.binary(max_size=9)))
        by_link[number].append((time, links[number], frame, wire))
        packets += 1
    reasons = {}
    for number, found in by_link.items():
        told, refused = flows(found, 60)
        expected |= {(f"if{number}", *key): flow for key, flow in told.items()}
        for reason, count in refused.items():
            reasons[reason] = reasons.get(reason, 0) + count
    got = read(file.data, engine)
    assert got.flows == expected
    assert dict(got.reasons) == reasons
    assert got.packets == packets


def _many(count, hosts, seed=1):
    chance = random.Random(seed)
    for number in range(count):
        src, dst = f"10.{chance.randrange(hosts)}.0.1", f"10.0.{chance.randrange(hosts)}.2"
        yield (T0 * SECOND + number * 1_000_000, ethernet(ipv4(17, udp(chance.randrange(50), 53), src, dst)))


def test_engines_agree_when_the_table_grows_and_drains():
    file = pcap(*_many(20_000, 100), nano=True)
    whole = read(file, "numpy")
    assert whole.recorded == 20_000
    assert len(whole.flows) > 15_000
    for engine in AVAILABLE:
        small = read(file, engine, max_bytes=1 << 18, piece=1 << 16)
        assert small.flows == whole.flows
        assert small.drains > 3


@pytest.mark.skipif("numba" not in AVAILABLE, reason="Numba is not installed")
def test_a_new_interval_drains_a_table_that_is_worth_it():
    file = pcap(*_many(40_000, 250), nano=True)
    got = read(file, "numba", interval_s=20)
    assert got.drains > 1
    assert got.flows == read(file, "numpy", interval_s=20).flows


def test_numba_that_cannot_be_loaded_is_done_without(monkeypatch):
    """Numba refuses each new NumPy for some months."""
    monkeypatch.setitem(sys.modules, "vpcflow.capture.compiled", None)
    assert make("auto", 60, total_bytes=None, max_bytes=1 << 20, keep_nd=False).name == "numpy"
    with pytest.raises(ImportError):
        make("numba", 60, total_bytes=None, max_bytes=1 << 20, keep_nd=False)


def test_small_captures_are_not_worth_loading_a_compiler():
    assert make("auto", 60, total_bytes=1000, max_bytes=1 << 20, keep_nd=False).name == "numpy"
    assert make("auto", 60, total_bytes=None, max_bytes=1 << 20, keep_nd=False).name == AVAILABLE[-1]
