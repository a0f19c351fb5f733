"""Captures others have made: packets and IP bytes of each connection are what Zeek counted.

The files and Zeek's numbers are named by VPCFLOW_SAMPLES; without it these tests are left out.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from capture.reading import ENGINES, read

SAMPLES = Path(os.environ.get("VPCFLOW_SAMPLES", "/nonexistent")) / "pcaps" / "zeek"
WITH_ANSWERS = sorted(path.with_suffix("").with_suffix("") for path in SAMPLES.glob("*.expected.json"))
ALL = sorted([*SAMPLES.rglob("*.pcap"), *SAMPLES.rglob("*.pcapng")])
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "sctp": 132}

SCTP = PROTOCOLS["sctp"]

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="VPCFLOW_SAMPLES is not set")


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def sample(name, engine="numpy", **how):
    return read((SAMPLES / name).read_bytes(), engine, **how)


def by_tuple(got):
    """{(src, dst, sport, dport, protocol): (packets, bytes)} over all intervals and interfaces."""
    packets, octets = Counter(), Counter()
    for (_, _, src, dst, sport, dport, protocol, _), flow in got.flows.items():
        ports = (0, 0) if protocol == SCTP else (sport, dport)  # Zeek does not look into it
        packets[src, dst, *ports, protocol] += flow[0]
        octets[src, dst, *ports, protocol] += flow[1]
    return {key: (packets[key], octets[key]) for key in packets}


def zeek(path):
    """The same of Zeek's connections, each two flows; inner packets of tunnels are not ours to count."""
    packets, octets = Counter(), Counter()
    for row in json.loads(Path(f"{path}.expected.json").read_text())["connections"]:
        if row["tunnel_parents"] not in ("-", "(empty)"):
            continue
        protocol = int(row["ip_proto"]) if row["ip_proto"] != "-" else PROTOCOLS[row["proto"]]
        ports = (0, 0) if protocol in (1, 58) else (int(row["id.orig_p"]), int(row["id.resp_p"]))
        ends = [str(ipaddress.ip_address(row[f"id.{end}_h"])) for end in ("orig", "resp")]
        for side, key in (
            ("orig", (*ends, *ports, protocol)),
            ("resp", (*reversed(ends), *reversed(ports), protocol)),
        ):
            if int(row[f"{side}_pkts"]):
                packets[key] += int(row[f"{side}_pkts"])
                octets[key] += int(row[f"{side}_ip_bytes"])
    return {key: (packets[key], octets[key]) for key in packets}


@pytest.mark.parametrize("path", WITH_ANSWERS, ids=lambda path: path.name)
@pytest.mark.parametrize("interval_s", [1, 60, 600])
def test_packets_and_bytes_of_each_connection_are_zeeks(path, interval_s, engine):
    got = read(path.read_bytes(), engine, interval_s=interval_s)
    assert zeek(path)
    assert by_tuple(got) == zeek(path)


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_packet_is_in_a_record_or_counted(path, engine):
    got = read(path.read_bytes(), engine)
    assert got.recorded + got.reasons.total() == got.packets
    assert got.losses == []
    assert bool(got.packets) == (path.name != "empty.pcap")


def test_there_are_samples():
    assert len(WITH_ANSWERS) >= 9
    assert len(ALL) >= 30


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("syn.pcap", [2]), ("single-rst.pcap", [4]), ("syn-synack.pcap", [2, 18]), ("syn-then-rst.pcap", [6]),
    ],
)  # fmt: skip
def test_flags(name, flags, engine):
    assert sorted(flow[4] for flow in sample(f"extra/{name}", engine).flows.values()) == flags


@pytest.mark.parametrize(("name", "protocol", "packets"), [("5-pings.pcap", 1, 10), ("icmp6-ping.pcap", 58, 8)])
def test_pings_have_ports_0(name, protocol, packets, engine):
    got = sample(f"extra/{name}", engine)
    assert {key[4:7] for key in got.flows} == {(0, 0, protocol)}
    assert got.recorded == packets
    assert len(got.flows) == 2


def test_a_tunnel_is_one_outer_flow(engine):
    assert [key[4:7] for key in sample("extra/6in4.pcap", engine).flows] == [(0, 0, 41)]


@pytest.mark.parametrize("name", ["fragmented-1.pcap", "fragmented-3.pcap", "ipv6-fragmented-dns.pcap"])
def test_only_first_fragments_have_ports(name, engine):
    ports = {key[4:6] for key in sample(f"extra/{name}", engine).flows}
    assert (0, 0) in ports
    assert len(ports) > 1


def test_three_vlan_tags(engine):
    got = sample("extra/vlan-qinqinq.pcap", engine)
    assert (got.recorded, len(got.flows)) == (14, 2)


def test_arp_makes_no_record(engine):
    got = sample("extra/arp-who-has.pcap", engine)
    assert (got.flows, got.reasons) == ({}, {"arp": 2})
