"""Input made to hurt: time and memory stay bounded, and nothing but our own errors comes out."""

import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, read_all, read_or_refuse
from vpcflow.record import events

pytestmark = pytest.mark.slow

LIMIT_MIB = 400

CHILD = """
import base64, io, json, sys
from isal import igzip
from vpcflow.errors import RecordError
from vpcflow.record.format import DEFAULT
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport

V2, HEADER = sys.argv[1].encode(), sys.argv[2].encode()
MIB = 1 << 20

def gz(*parts):
    '''A gzip file of (bytes, times) parts; what repeats is packed once, as members of their own.'''
    return b"".join(igzip.compress(piece, 1) * times for piece, times in parts)

class Repeated(io.RawIOBase):
    '''A stream of (bytes, times) parts that are never in memory at once.'''
    def __init__(self, *parts):
        self._pieces = (piece for piece, times in parts for _ in range(times))
    def read(self, size=-1):
        return next(self._pieces, b"")

def b64(data):
    return base64.b64encode(data)

raw = {bomb}
report, origin = ReadReport(), Origin()
error = ""
try:
    rows = sum(batch.num_rows for _, batch in read(raw, "bomb", report, origin, log_format={log_format}))
except RecordError as failed:
    rows, error = 0, failed.code
print(json.dumps(dict(
    rows=rows, error=error, bad=report.bad, losses=[loss.kind for loss in report.losses],
    # ru_maxrss would count what the parent held when it forked; this is the program's own.
    mib=int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024,
)))
"""


def explode(bomb, log_format="None"):
    """Read a bomb in a process of its own; return what came of it."""
    code = CHILD.replace("{bomb}", bomb).replace("{log_format}", log_format)
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), V2, V2_HEADER],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    result = json.loads(run.stdout)
    assert result["mib"] < LIMIT_MIB, result
    return result


def test_two_gigabytes_of_one_letter_are_no_flow_log():
    assert explode('io.BytesIO(gz((b"a" * (64 * MIB), 32)))')["error"] == "unknown_kind"


def test_two_gigabytes_of_one_letter_after_a_header_are_one_bad_line():
    result = explode('io.BytesIO(gz((HEADER + b"\\n" + V2 + b"\\n", 1), (b"a" * (64 * MIB), 32)))')
    assert (result["rows"], result["bad"]) == (1, {"line_too_long": 1})


def test_half_a_gigabyte_of_newlines_are_nothing():
    result = explode('io.BytesIO(gz((HEADER + b"\\n", 1), (b"\\n" * (64 * MIB), 8), (V2 + b"\\n", 1)))')
    assert (result["rows"], result["bad"]) == (1, {})


def test_a_bomb_of_records_cut_short_keeps_them_in_pieces():
    result = explode('io.BytesIO(gz((HEADER + b"\\n", 1), ((V2 + b"\\n") * 100_000, 10))[:-20])')
    assert 900_000 < result["rows"] < 1_000_000
    assert result["losses"] == ["cut_off"]


def test_a_line_of_a_gigabyte_between_records_is_one_bad_line():
    result = explode('Repeated((HEADER + b"\\n" + V2 + b"\\n", 1), (b"a" * MIB, 1024), (b"\\n" + V2 + b"\\n", 1))')
    assert (result["rows"], result["bad"]) == (2, {"line_too_long": 1})


def test_a_string_of_a_gigabyte_in_json_is_one_bad_document():
    result = explode("""Repeated((b'{"message": "', 1), (b"a" * MIB, 1024), (b'"}\\n{"message":"' + V2 + b'"}', 1))""")
    assert (result["rows"], result["bad"]) == (1, {"document_too_long": 1})


def test_a_document_of_millions_of_values_is_refused():
    result = explode("""Repeated((b'{"a": [', 1), (b"[]," * MIB, 60), (b']}\\n{"message":"' + V2 + b'"}', 1))""")
    assert (result["rows"], result["bad"]) == (1, {"document_too_long": 1})


def test_a_gzip_bomb_inside_base64_inside_json_is_a_named_loss():
    result = explode(
        """io.BytesIO(b'{"awslogs": {"data": "' + b64(gz((b'{"message": "', 1), (b"a" * (64 * MIB), 16))) + b'"}}')"""
    )
    assert result["rows"] == 0
    assert "too_large" in result["losses"]


def test_a_gzip_bomb_of_envelopes_in_base64_lines_is_a_named_loss():
    document = """(b'{"message":"' + V2 + b'","pad":"' + b"a" * 10_000 + b'"}')"""
    result = explode(f"io.BytesIO(b64(gz(({document} * 5_000, 10))))")
    assert result["losses"] == ["too_large"]
    assert 20_000 < result["rows"] < 30_000


def test_brackets_without_end_are_refused():
    result = explode("""Repeated((b'{"k":[\\n' * 4096, 256))""")
    assert result["error"] == "unknown_kind"


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([None, "${version} ${srcaddr}"]), st.booleans())
def test_any_bytes_give_records_or_our_error(data, log_format, drip):
    read_or_refuse(data, log_format, drip=drip)


MARKS = [
    b"PAR1",
    b"\xff\xff\xff\xff",
    b"{",
    b"[",
    b"H4sIAAAAAAAA",
    b"version,bytes\n",
    b"version bytes\n",
    b"\x28\xb5\x2f\xfd",
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MARKS), st.binary(max_size=200))
def test_any_bytes_after_any_mark_are_survived(mark, rest):
    read_or_refuse(mark + rest)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_changed_text_is_survived_and_nothing_is_counted_twice(data):
    changed = bytearray(f"{V2_HEADER}\n{V2}\n{V2}\n".encode())
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(len(V2_HEADER) + 1, len(changed) - 1))] = data.draw(st.integers(0, 255))
    result = read_all(bytes(changed))
    assert len(result.rows) + sum(result.report.bad.values()) <= bytes(changed).count(b"\n") + 1
    assert read_all(bytes(changed), drip=True).rows == result.rows


def test_what_one_packed_value_inflates_to_is_bounded(monkeypatch):
    monkeypatch.setattr(events, "_INFLATED", 1000)
    import base64  # noqa: PLC0415 - this test alone
    import gzip  # noqa: PLC0415

    line = base64.b64encode(gzip.compress(f'{{"message":"{V2}"}}'.encode() * 100))
    result = read_all(line)
    assert result.losses == ["too_large"]


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "{0.__class__}", "%s%n"])
def test_what_is_in_a_bad_line_stays_data(text):
    result = read_all(f"{V2_HEADER}\n{text}\n{V2}\n")
    assert result.report.shown[0].text == text
