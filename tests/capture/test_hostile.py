"""Files that lie, break off or never end: bounded, counted, never a crash."""

from __future__ import annotations

import gzip
import resource
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.packets import SECOND, T0, PcapNg, ethernet, ipv4, ipv6, pcap, tcp
from capture.reading import AVAILABLE, ENGINES, read
from vpcflow.errors import RecordError

NOW = T0 * SECOND
FRAME = ethernet(ipv4(6, tcp()))
GOOD = pcap(*[(NOW + number * SECOND, FRAME) for number in range(5)])
GOOD_NG = PcapNg().interface(1, (2, b"eth0"), (9, b"\x09"))
for _ in range(5):
    GOOD_NG.packet(NOW, FRAME)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.mark.parametrize(
    "data", [b"x", b"\0" * 100, b"GET / HTTP/1.1\r\n", b"2 1234 eni-1 ACCEPT OK\n", b"\xd4\xc3\xb2"]
)
def test_what_is_no_capture_is_refused_by_name(engine, data):
    with pytest.raises(RecordError) as refused:
        read(data, engine)
    assert refused.value.code == "capture.unknown_kind"


def test_an_empty_file_is_an_empty_capture(engine):
    got = read(b"", engine)
    assert (got.packets, got.flows, got.losses) == (0, {}, [])


@pytest.mark.parametrize("cut", range(4, len(GOOD)))
def test_a_file_cut_anywhere_gives_what_came_before(cut):
    for engine in AVAILABLE:
        got = read(GOOD[:cut], engine)
        whole, rest = divmod(max(0, cut - 24), 16 + len(FRAME))
        assert got.recorded == whole
        assert got.losses == ([("cut_off", "")] if rest or cut < 24 else [])
        assert got.reasons == ({"cut_off": 1} if rest >= 16 else {})
        assert bool(got.gaps) == (rest > 0 and whole > 0)


def test_a_pcapng_cut_anywhere_gives_what_came_before():
    data = GOOD_NG.data
    for cut in range(4, len(data)):
        for engine in AVAILABLE:
            got = read(data[:cut], engine)
            assert got.recorded + got.reasons.total() == got.packets <= 5
            assert all(kind == "cut_off" for kind, _ in got.losses)
    assert read(data[:-1], AVAILABLE[0]).reasons == {"cut_off": 1}


@pytest.mark.parametrize("length", [(1 << 24) + 1, 1 << 31, (1 << 32) - 1])
def test_a_record_that_claims_too_much_ends_the_file(engine, length):
    data = GOOD + struct.pack("<IIII", T0, 0, length, length) + FRAME
    got = read(data, engine)
    assert (got.recorded, got.losses) == (5, [("bad_record", f"{len(GOOD):,}")])
    assert [gap.packets for gap in got.gaps] == [None]


def test_a_record_that_claims_what_is_not_there_takes_no_memory(engine):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = GOOD + struct.pack("<IIII", T0, 0, 1 << 24, 1 << 24) + FRAME
    got = read(data, engine)
    assert (got.recorded, got.reasons, got.losses) == (5, {"cut_off": 1}, [("cut_off", "")])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("size", [0, 4, 11, 13, 28, (1 << 24) + 4, (1 << 32) - 4])
@pytest.mark.parametrize("kind", [1, 2, 5, 6, 0xBAD, 0x0A0D0D0A])
def test_blocks_with_impossible_lengths_end_the_file(engine, size, kind):
    data = GOOD_NG.data + struct.pack("<III", kind, size, 0x1A2B3C4D) + b"\0" * 40
    got = read(data, engine)
    assert got.recorded == 5
    if size == 28 and kind in (1, 5, 0xBAD, 0x0A0D0D0A):
        return  # possible, for these
    assert got.losses == [("bad_record", f"{len(GOOD_NG.data):,}")]


def test_a_packet_longer_than_its_block_ends_the_file(engine):
    body = struct.pack("<IIIII", 0, 0, 0, 1000, 1000) + b"\0" * 8
    data = GOOD_NG.data + struct.pack("<II", 6, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    assert read(data, engine).losses[0][0] == "bad_record"


def test_options_that_lie_are_not_followed(engine):
    file = PcapNg().interface().packet(NOW // 1000, FRAME)
    frame = FRAME + b"\0" * (-len(FRAME) % 4)
    for options in (b"\2\0\xff\xff", b"\2\0\4\0", b"\4\0\10\0\1\2", b"\1\0\0\0" * 20, b"\2"):
        body = struct.pack("<IIIII", 0, NOW // 1000 >> 32, NOW // 1000 & 0xFFFFFFFF, len(FRAME), len(FRAME)) + frame
        body += options + b"\0" * (-len(options) % 4)
        file.raw(struct.pack("<II", 6, len(body) + 12) + body + struct.pack("<I", len(body) + 12))
    got = read(file.data, engine)
    assert (got.recorded, got.losses) == (6, [])


def test_interfaces_without_end_are_stopped(engine):
    file = PcapNg()
    for _ in range((1 << 14) + 1):
        file.interface()
    got = read(file.packet(NOW // 1000, FRAME).data, engine)
    assert got.losses[0][0] == "bad_record"
    assert got.packets == 0


def test_a_gzip_bomb_takes_time_only(engine):
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = pcap((NOW, FRAME))
    bomb = zeros.compress(head) + b"".join(zeros.compress(b"\0" * (1 << 20)) for _ in range(100)) + zeros.flush()
    assert len(bomb) < 200_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    got = read(bomb, engine)
    assert got.packets == 1 + (100 << 20) // 16  # records without a byte, of 1970
    assert got.reasons == {"cut": (100 << 20) // 16}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_a_damaged_gzip_keeps_what_came_before(engine):
    packed = gzip.compress(pcap(*[(NOW, FRAME + bytes([number % 251])) for number in range(9000)]), 1)
    got = read(packed[: len(packed) // 2], engine)
    assert 0 < got.recorded < 9000
    assert ("cut_off", "") in got.losses


def test_addresses_made_to_collide_do_not_slow_the_table(engine):
    records = [
        (NOW, ethernet(ipv6(6, tcp(), f"2001:db8:{high:x}::1", f"2001:db8:{high:x}::{high:x}")))
        for high in range(1, 3000)
    ]
    assert len(read(pcap(*records), engine).flows) == 2999


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_files_with_flipped_bytes_never_crash_and_engines_agree(data):
    base = bytearray(data.draw(st.sampled_from([GOOD, GOOD_NG.data])))
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(4, len(base) - 1))
        base[place] = data.draw(st.integers(0, 255))
    base += data.draw(st.binary(max_size=64))
    found = [read(bytes(base), engine) for engine in AVAILABLE]
    for got in found:
        assert got.recorded + got.reasons.total() == got.packets
        assert (got.flows, got.reasons, got.losses, got.gaps) == (
            found[0].flows, found[0].reasons, found[0].losses, found[0].gaps,
        )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([GOOD[:24], GOOD_NG.data, GOOD_NG.data[:28]]), st.binary(max_size=300))
def test_any_bytes_after_a_header_never_crash(head, tail):
    for engine in AVAILABLE:
        got = read(head + tail, engine)
        assert got.recorded + got.reasons.total() == got.packets
