"""Compressed content: what is there is read, what is lost is named."""

import gzip
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, V2_NODATA, read_all

TEXT = f"{V2_HEADER}\n{V2}\n{V2_NODATA}\n{V2}\n".encode()
ROWS = read_all(TEXT).rows


def zstd(data):
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
class TestBoth:
    def test_content_is_inflated_by_what_it_is(self, pack):
        result = read_all(pack(TEXT))
        assert (result.rows, result.losses) == (ROWS, [])

    def test_members_one_after_another_are_one_file(self, pack):
        half = len(TEXT) // 2
        assert read_all(pack(TEXT[:half]) + pack(TEXT[half:])).rows == ROWS

    def test_fed_byte_by_byte_it_is_the_same(self, pack):
        result = read_all(pack(TEXT) + pack(TEXT), drip=True)
        assert (result.rows, result.losses) == (ROWS * 2, [])

    def test_packed_twice_is_unpacked_twice(self, pack):
        assert read_all(pack(gzip.compress(TEXT))).rows == ROWS

    def test_the_bytes_counted_are_those_stored(self, pack):
        assert read_all(pack(TEXT)).report.bytes_in == len(pack(TEXT))

    def test_empty_content_has_no_records(self, pack):
        assert read_all(pack(b"")).rows == []

    def test_what_came_before_a_cut_is_kept_and_the_loss_named(self, pack):
        many = V2_HEADER.encode() + b"\n" + b"".join(V2.replace("20641", str(n)).encode() + b"\n" for n in range(5000))
        packed = pack(many)
        result = read_all(packed[: len(packed) * 2 // 3])
        assert result.losses == ["cut_off"]
        assert 1000 < len(result.rows) < 5000
        assert result.rows == read_all(many).rows[: len(result.rows)]


def test_cut_at_any_byte_a_gzip_keeps_a_prefix_of_its_records_and_names_the_loss():
    packed = gzip.compress(TEXT, mtime=0)
    counts = set()
    for end in range(2, len(packed)):
        result = read_all(packed[:end])
        assert result.rows == ROWS[: len(result.rows)]
        assert result.losses == ["cut_off"], end
        counts.add(len(result.rows))
    assert counts >= {0, 1, 3}


def test_half_a_record_before_a_cut_is_none():
    stored = gzip.compress(TEXT, compresslevel=0, mtime=0)
    result = read_all(stored[: stored.rindex(b" OK")])
    assert result.rows == ROWS[:2]
    assert result.report.bad == {"cut_off": 1}
    assert read_all(stored[: stored.index(b" - NODATA")]).rows == ROWS[:1]


def test_zeros_between_and_after_members_are_nothing():
    packed = gzip.compress(TEXT)
    result = read_all(packed + b"\0" * 700 + packed + b"\0" * 3)
    assert (result.rows, result.losses) == (ROWS * 2, [])


@pytest.mark.parametrize("rest", [b"x", b"trailing bytes", b"\x1f"])
def test_other_bytes_after_the_last_member_are_named(rest):
    result = read_all(gzip.compress(TEXT) + rest)
    assert (result.rows, result.losses) == (ROWS, ["trailing"])


def test_a_zstd_frame_that_wants_more_memory_than_there_should_be_is_refused():
    window_of_2_gib = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    result = read_all(window_of_2_gib)
    assert (result.rows, result.losses) == ([], ["damaged"])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_byte_never_stops_reading_and_never_goes_unnamed(data):
    packed = bytearray(gzip.compress(TEXT, mtime=0))
    place = data.draw(st.integers(10, len(packed) - 9))
    packed[place] ^= data.draw(st.integers(1, 255))
    result = read_all(bytes(packed), "${version}")
    # A bit that means nothing to the decoder (padding before the checksum) loses nothing.
    assert bool(result.losses) != _harmless(bytes(packed))


def _harmless(packed: bytes) -> bool:
    try:
        return gzip.decompress(packed) == TEXT
    except (OSError, EOFError, zlib.error):
        return False


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_the_mark_of_gzip_are_survived(rest):
    read_all(b"\x1f\x8b" + rest, "${version}")


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_the_mark_of_zstd_are_survived(rest):
    read_all(b"\x28\xb5\x2f\xfd" + rest, "${version}")
