"""The sample capture in examples/ is what its README says, and is made by `python tests/capture/test_example.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from capture.packets import ARP, SECOND, PcapNg, ethernet, icmp, ipv4, ipv6, tcp, udp

FILE = Path(__file__).parents[2] / "examples" / "captures" / "bastion.pcapng"
START = 1_794_830_400 * SECOND  # 2026-11-16T12:00:00Z
WEB, BASTION, WORLD = "10.0.1.10", "10.0.1.20", "203.0.113.66"


def _session(client, server, port, server_port, packets, payload):
    """A TCP session: handshake, data both ways, a proper end."""
    yield True, tcp(port, server_port, 0x02)
    yield False, tcp(server_port, port, 0x12)
    yield True, tcp(port, server_port, 0x10)
    for _ in range(packets):
        yield True, tcp(port, server_port, 0x18, b"q" * 40)
        yield False, tcp(server_port, port, 0x18, b"a" * payload)
    yield True, tcp(port, server_port, 0x11)
    yield False, tcp(server_port, port, 0x11)


def made() -> bytes:
    """Two interfaces: somebody guesses passwords on `ens5`, an inner session on `ens6`; ARP, DHCP, discovery, pings."""
    file = PcapNg()
    file.interface(1, (2, b"ens5"), (9, b"\x09")).interface(1, (2, b"ens6"), (9, b"\x09"))
    packets = []
    for attempt in range(12):
        start = START + attempt * 11 * SECOND
        for number, (out, body) in enumerate(_session(WORLD, BASTION, 40_000 + attempt, 22, 3, 120)):
            ends = (WORLD, BASTION) if out else (BASTION, WORLD)
            packets.append((start + number * SECOND // 20, 0, ethernet(ipv4(6, body, *ends))))
    for number, (out, body) in enumerate(_session(BASTION, WEB, 51_000, 443, 20, 900)):
        ends = (BASTION, WEB) if out else (WEB, BASTION)
        packets.append((START + 30 * SECOND + number * SECOND, 1, ethernet(ipv4(6, body, *ends), 0x8100)))
    for number in range(4):
        time = START + number * 20 * SECOND
        packets.append((time, 1, ethernet(ipv4(1, icmp(8), BASTION, WEB))))
        packets.append((time + SECOND // 500, 1, ethernet(ipv4(1, icmp(0), WEB, BASTION))))
        packets.append((time + 1, 0, ARP))
        packets.append((time + 2, 0, ethernet(ipv6(58, icmp(135), "fe80::1", "ff02::1"))))
        packets.append((time + 3, 0, ethernet(ipv4(17, udp(40_000, 80), BASTION, "169.254.169.254"))))
    packets.append((START + 5, 0, ethernet(ipv4(17, udp(68, 67), "0.0.0.0", "255.255.255.255"))))
    for time, interface, frame in sorted(packets):
        file.packet(time, frame, interface)
    return file.data


def test_the_sample_capture_can_be_made_again():
    assert FILE.read_bytes() == made()


if __name__ == "__main__":
    FILE.write_bytes(made())
