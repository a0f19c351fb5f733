"""Capture files of every kind, and what a user would call edge cases."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from capture.packets import (
    ARP,
    SECOND,
    T0,
    PcapNg,
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
from capture.reading import ENGINES, read

NOW = T0 * SECOND + 123_456_000
INTERVAL = T0 // 60
WEB = ("10.0.0.5", "192.0.2.9", 1234, 80, 6, 0)
PACKET = ipv4(6, tcp())


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def only(got):
    """The one flow there is: (key without interface and interval, counts)."""
    ((key, flow),) = got.flows.items()
    assert key[1] == INTERVAL
    return key[2:], flow


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_byte_order_and_nanoseconds(engine, order, nano):
    time = NOW + (789 if nano else 0)
    got = read(pcap((time, ethernet(PACKET)), order=order, nano=nano), engine)
    assert only(got) == (WEB, [1, 40, time, time, 0])
    assert got.losses == []


@pytest.mark.parametrize("tags", [(0x8100,), (0x88A8, 0x8100), (0x9100, 0x9100, 0x8100), (0x8100,) * 8])
def test_vlan_tags_are_stepped_over(engine, tags):
    assert only(read(pcap((NOW, ethernet(PACKET, *tags))), engine)) == (WEB, [1, 40, NOW, NOW, 0])


def test_nine_vlan_tags_are_no_ip(engine):
    assert read(pcap((NOW, ethernet(PACKET, *[0x8100] * 9))), engine).reasons == {"not_ip": 1}


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (101, PACKET), (12, PACKET), (14, PACKET), (228, PACKET),
        (0, b"\2\0\0\0" + PACKET), (0, b"\0\0\0\2" + PACKET), (108, b"\0\0\0\2" + PACKET),
    ],
)  # fmt: skip
def test_raw_ip_and_loopback(engine, link, frame):
    assert only(read(pcap((NOW, frame), link=link), engine)) == (WEB, [1, 40, NOW, NOW, 0])


@pytest.mark.parametrize("family", [10, 24, 28, 30])
def test_ipv6_on_loopback(engine, family):
    got = read(pcap((NOW, family.to_bytes(4, "little") + ipv6(17, udp())), link=0), engine)
    assert only(got)[0] == ("2001:db8::5", "2001:db8:1::9", 5353, 53, 17, 0)


@pytest.mark.parametrize(("link", "cooked"), [(113, sll), (276, sll2)])
@pytest.mark.parametrize(("sent", "direction"), [(0, 1), (1, 1), (3, 1), (4, 2)])
def test_linux_cooked_captures_tell_the_direction(engine, link, cooked, sent, direction):
    got = read(pcap((NOW, cooked(PACKET, sent=sent)), link=link), engine)
    assert only(got)[0] == (*WEB[:-1], direction)


def test_an_unknown_link_type_is_named_and_its_packets_counted(engine):
    got = read(pcap((NOW, b"abc"), (NOW, b""), link=147), engine)
    assert (got.reasons, got.packets, got.losses) == ({"link_type": 2}, 2, [("link_type", "147")])


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_packed_files(engine, pack):
    assert only(read(pack(pcap((NOW, ethernet(PACKET)))), engine)) == (WEB, [1, 40, NOW, NOW, 0])


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_bytes_may_come_in_any_pieces(engine, piece):
    records = [(NOW + number * 1000, ethernet(ipv4(6, tcp(sport=number % 5)))) for number in range(50)]
    whole = read(pcap(*records), engine)
    assert read(pcap(*records), engine, piece=piece).flows == whole.flows
    assert whole.recorded == 50


def test_a_record_larger_than_the_buffer_is_read(engine):
    big = ethernet(PACKET + b"\0" * 3_000_000)
    assert read(pcap((NOW, big), (NOW, ethernet(PACKET))), engine).recorded == 2


# --- headers -------------------------------------------------------------------------------------------------------


def test_bytes_are_those_of_the_ip_packet_without_padding_and_link_layer(engine):
    got = read(pcap((NOW, ethernet(ipv4(17, udp())) + b"\0" * 18)), engine)
    assert only(got)[1][:2] == [1, 28]


def test_packets_cut_by_the_snaplen_count_as_on_the_wire(engine):
    got = read(pcap((NOW, ethernet(ipv4(6, tcp(), length=1500))[:54], 1514)), engine)
    assert only(got) == (WEB, [1, 1500, NOW, NOW, 0])


@pytest.mark.parametrize(
    ("kept", "reasons", "flags"),
    [(54, {}, 2), (46, {}, 128), (38, {}, 128), (37, {"cut": 1}, None), (20, {"cut": 1}, None), (0, {"cut": 1}, None)],
)
def test_what_a_snaplen_leaves(engine, kept, reasons, flags):
    """Ports need 4 bytes of the transport header, flags 14; unknown flags are told as such, not as none."""
    got = read(pcap((NOW, ethernet(ipv4(6, tcp(flags=2)))[:kept], 54)), engine)
    assert got.reasons == reasons
    assert [flow[4] for flow in got.flows.values()] == ([] if flags is None else [flags])


def test_only_the_first_fragment_has_ports(engine):
    first, second = ipv4(17, udp(payload=b"x" * 16), more=True), ipv4(17, b"y" * 24, fragment=3)
    got = read(pcap((NOW, ethernet(first)), (NOW, ethernet(second))), engine)
    assert {key[4:7]: flow[:2] for key, flow in got.flows.items()} == {(5353, 53, 17): [1, 44], (0, 0, 17): [1, 44]}


def test_ipv6_fragments(engine):
    first = ipv6(44, fragment6(17) + udp(payload=b"x" * 8))
    second = ipv6(44, fragment6(17, 2) + b"y" * 8)
    got = read(pcap((NOW, ethernet(first)), (NOW, ethernet(second))), engine)
    assert {key[4:7] for key in got.flows} == {(5353, 53, 17), (0, 0, 17)}


def test_ipv6_extension_headers_are_walked(engine):
    body = extension(43, b"\0" * 14) + extension(60) + extension(6) + tcp(flags=0x12)
    got = read(pcap((NOW, ethernet(ipv6(0, body)))), engine)
    assert only(got) == (("2001:db8::5", "2001:db8:1::9", 1234, 80, 6, 0), [1, 40 + len(body), NOW, NOW, 18])


def test_ip_options_are_stepped_over(engine):
    got = read(pcap((NOW, ethernet(ipv4(6, tcp(), options=b"\1" * 40)))), engine)
    assert only(got) == (WEB, [1, 80, NOW, NOW, 0])


@pytest.mark.parametrize("packet", [ipv4(1, icmp()), ipv6(58, icmp(128)), ipv4(47, b"\0" * 8), ipv4(50, b"\1" * 40)])
def test_ports_are_0_where_the_protocol_has_none(engine, packet):
    assert only(read(pcap((NOW, ethernet(packet))), engine))[0][2:4] == (0, 0)


@pytest.mark.parametrize("protocol", [17, 33, 132, 136])
def test_other_protocols_with_ports(engine, protocol):
    assert only(read(pcap((NOW, ethernet(ipv4(protocol, udp())))), engine))[0][2:5] == (5353, 53, protocol)


@pytest.mark.parametrize(
    ("packets", "value"),
    [
        ([0x02], 2), ([0x12], 18), ([0x02, 0x10, 0x18, 0x11], 3), ([0x12, 0x10, 0x11], 19), ([0x11], 1), ([0x14], 4),
        ([0x10, 0x18], 0), ([0x42], 2), ([0], 0), ([0x12, 0x14, 0x01], 23),
    ],
)  # fmt: skip
def test_tcp_flags_are_those_aws_reports(engine, packets, value):
    """Spec: FIN 1, SYN 2, RST 4; ACK only with SYN; OR-ed over the interval."""
    got = read(pcap(*[(NOW, ethernet(ipv4(6, tcp(flags=flags)))) for flags in packets]), engine)
    assert only(got)[1][4] == value


def test_segments_that_a_card_cuts_later_count_as_captured(engine):
    four = ethernet(ipv4(6, tcp(payload=b"x" * 3000), length=0))
    six = ethernet(ipv6(6, tcp(payload=b"x" * 3000), length=0))
    got = read(pcap((NOW, four), (NOW, six)), engine)
    assert sorted(flow[1] for flow in got.flows.values()) == [3040, 3060]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (ARP, "arp"),
        (ethernet(b"\0" * 40, kind=0x88CC), "not_ip"),
        (ethernet(ipv4(6, tcp(), length=10)), "bad_ip"),
        (ethernet(ipv4(6, tcp(), length=2000)), "bad_ip"),
        (ethernet(ipv4(6, tcp(), ihl=3)), "bad_ip"),
        (ethernet(b"\x50" + PACKET[1:], kind=0x0800), "bad_ip"),
        (ethernet(ipv4(17, b"\0\1")), "bad_transport"),
        (ethernet(ipv6(6, tcp(), length=9000)), "bad_ip"),
        (ethernet(ipv6(0, extension(0) * 17 + tcp())), "bad_ip"),
    ],
)
def test_packets_that_are_in_no_record_have_a_reason(engine, frame, reason):
    got = read(pcap((NOW, frame)), engine)
    assert (got.reasons, got.packets, got.flows) == ({reason: 1}, 1, {})


def test_neighbor_discovery_is_left_out_unless_asked_for(engine):
    file = pcap((NOW, ethernet(ipv6(58, icmp(135)))), (NOW, ethernet(ipv6(58, icmp(128)))))
    assert read(file, engine).recorded == 2
    got = read(file, engine, keep_nd=False)
    assert (got.recorded, got.reasons) == (1, {"neighbor_discovery": 1})


# --- pcapng --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
def test_interfaces_have_names_units_and_link_types_of_their_own(engine, order):
    file = PcapNg(order)
    file.interface(1, (2, b"eth0")).interface(101, (2, b"tun0"), (9, b"\x09")).interface(113, (9, b"\x03"))
    file.packet(NOW // 1000, ethernet(PACKET), 0)
    file.packet(NOW, PACKET, 1)
    file.packet(NOW // 10**6, sll(PACKET, sent=4), 2)
    got = read(file.data, engine)
    assert got.interfaces == ("eth0", "tun0", "2")
    late = NOW // 10**6 * 10**6
    assert {key[0]: (key[2:], flow[2]) for key, flow in got.flows.items()} == {
        "eth0": (WEB, NOW), "tun0": (WEB, NOW), "2": ((*WEB[:-1], 2), late),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "ticks", "expected"),
    [
        (b"\x00", T0, T0 * SECOND),
        (b"\x06", T0 * 10**6 + 1, T0 * SECOND + 1000),
        (b"\x09", NOW, NOW),
        (b"\x0a", T0 * 10**10 + 25, T0 * SECOND + 2),
        (b"\x80", T0, T0 * SECOND),
        (b"\x8a", T0 * 1024 + 512, T0 * SECOND + SECOND // 2),
        (b"\xa0", (T0 << 32) + (1 << 31), T0 * SECOND + SECOND // 2),
        (b"\xa1", (T0 << 33) + (1 << 32), T0 * SECOND + SECOND // 2),
    ],
)
def test_units_of_time(engine, unit, ticks, expected):
    got = read(PcapNg().interface(1, (9, unit)).packet(ticks, ethernet(PACKET)).data, engine)
    assert only(got)[1][2] == expected


def test_an_offset_is_added_to_times(engine):
    file = PcapNg()
    file.interface(1, (9, b"\x09"), (14, file.number("q", T0))).packet(7, ethernet(PACKET))
    assert only(read(file.data, engine))[1][2] == T0 * SECOND + 7


@pytest.mark.parametrize(("bits", "direction"), [(0, 0), (1, 1), (2, 2), (3, 0), (0x109, 1)])
def test_packet_flags_tell_the_direction(engine, bits, direction):
    file = PcapNg()
    file.interface().packet(NOW // 1000, ethernet(PACKET), 0, None, (1, b"comment"), (2, file.number("I", bits)))
    assert only(read(file.data, engine))[0] == (*WEB[:-1], direction)


def test_sections_begin_anew_and_the_same_name_is_the_same_interface(engine):
    file = PcapNg().interface(1, (2, b"eth0")).packet(NOW // 1000, ethernet(PACKET))
    file.section(">").interface(1, (2, b"eth1")).interface(1, (2, b"eth0"))
    file.packet(NOW // 1000, ethernet(PACKET), 1).packet(NOW // 1000, ethernet(PACKET), 0)
    got = read(file.data, engine)
    assert got.interfaces == ("eth0", "eth1")
    assert {key[0]: flow[0] for key, flow in got.flows.items()} == {"eth0": 2, "eth1": 1}


def test_blocks_without_time_or_interface_are_counted(engine):
    file = PcapNg().interface().simple(ethernet(PACKET)).packet(NOW // 1000, ethernet(PACKET), 3).other()
    file.old_packet(NOW // 1000, ethernet(PACKET))
    got = read(file.data, engine)
    assert (got.reasons, got.packets, got.recorded) == ({"no_time": 1, "no_interface": 1}, 3, 1)


def test_times_out_of_this_world_are_counted(engine):
    file = PcapNg().interface(1, (9, b"\x00")).packet(1 << 60, ethernet(PACKET)).packet(1 << 32, ethernet(PACKET))
    assert read(file.data, engine).reasons == {"bad_time": 2}


def test_what_the_capture_lost_is_a_gap(engine):
    file = PcapNg()
    file.interface(1, (2, b"a")).interface(1, (2, b"b")).packet(NOW // 1000, ethernet(PACKET))
    file.statistics(1, (5, file.number("Q", 7))).statistics(1, (5, file.number("Q", 9)), (7, file.number("Q", 1)))
    file.packet(NOW // 1000, ethernet(PACKET), 0, None, (4, file.number("Q", 5)))
    got = read(file.data, engine)
    assert [(gap.interface, gap.at_ns, gap.packets) for gap in got.gaps] == [(1, NOW, 7), (1, NOW, 3), (0, NOW, 5)]
