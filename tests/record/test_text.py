"""Lines ⇄ records: the columnar way and the line codec are one."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, V2_NODATA, read_all
from vpcflow.record.blocks import MAX_LINE, Block
from vpcflow.record.format import DEFAULT, LogFormat
from vpcflow.record.text import TextReader, write_lines
from vpcflow.telemetry import ReadReport

FORMATS = [
    DEFAULT,
    LogFormat(("version", "srcaddr", "start")),
    LogFormat(("start", "instance-tag", "new-field", "tcp-flags")),
    LogFormat(("srcaddr", "dstaddr")),
    LogFormat(("instance-id",)),
    LogFormat(("bytes",)),
    LogFormat(("version", "tgw-id", "packets-lost-blackhole", "interface-id")),
]
TOKENS = st.sampled_from(
    [
        "-",
        "0",
        "5",
        "+5",
        "-5",
        "--5",
        "-0",
        "007",
        "00000000000000000000000000000012",
        "2147483647",
        "2147483648",
        "-2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "0x1F",
        "0X1f",
        "-0x1F",
        "1e3",
        "1.0",
        "1_000",
        "٣",
        "NaN",
        "None",
        "null",
        "1418530010",
        "1418530010123",
        "99999999999",
        "100000000000",
        "99999999999999",
        "100000000000000",
        "10.0.0.1",
        "::1",
        "eni-1",
        "OK",
        "ACCEPT",
        '"-"',
        '"5"',
        "'5'",
        "a\x00b",
        "\x00",
        "a%20b",
        "%FF",
        "%zz",
        "é",
        "\u2028",
        "\xa05",
        "\x0b",
        "\x0c5",
        "\x1c",
        "\x85",
        "\ufeff2",
        "a,b",
        "a;b",
        "\\",
        "\\n",
        "2015-08-12T13:47:43Z",
        "2015-08-12T13:47:43.123Z",
        "2015-08-12T13:47:43.123456Z",
        "2015-08-12T13:47:43.1234567891Z",
        "2015-08-12T13:47:43+05:30",
        "2015-08-12T13:47:43+0530",
        "2015-08-12T13:47:43+05",
        "2015-08-12T13:47:43+24:00",
        "2015-08-12T13:47:43-00:30",
        "2015-08-12T13:47:43+23:59",
        "2015-08-12T13:47:43",
        "2015-08-12T13:47Z",
        "2015-08-12T13Z",
        "2015-08-12",
        "20150812T134743Z",
        "2015-08-12t13:47:43z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2015-02-30T00:00:00Z",
        "2015-08-12T24:00:00Z",
        "2015-08-12T23:59:60Z",
        "2015-08-12T13:47:43,5Z",
        "version",
        "srcaddr",
        "start",
    ]
)
RAW = st.one_of(TOKENS.map(str.encode), st.binary(max_size=6))
SPACES = st.sampled_from([b" ", b" ", b" ", b"  ", b"\t", b" \t ", b"\r"])
ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b" \n", b"\n ", b"\n\t\n"])


@st.composite
def texts(draw, log_format, lead):
    """Lines that are nearly records of *log_format*."""
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        what = draw(st.integers(0, 9))
        width = len(log_format.names) + bool(lead)
        if what == 0:
            line = draw(st.sampled_from(FORMATS)).header().encode()
        elif what == 1:
            line = draw(st.binary(max_size=40))
        else:
            count = max(0, width + draw(st.sampled_from([0, 0, 0, 0, -1, 1])))
            good = [*([lead.encode()] if lead else []), *(good_token(name) for name in log_format.names), b"x"][:count]
            tokens = [draw(RAW) if draw(st.integers(0, 2 * width)) == 0 else token for token in good]
            line = b"".join(token + draw(SPACES) for token in tokens[:-1]) + b"".join(tokens[-1:])
        lines.append(line + draw(ENDS))
    text = b"".join(lines)
    return text[: len(text) - draw(st.integers(0, 2))]


def good_token(name):
    numbers = ("version", "start", "end", "bytes", "tcp-flags", "srcport", "dstport", "protocol", "packets")
    return b"1418530010" if name in (*numbers, "packets-lost-blackhole") else b"abc"


def outcome(log_format, leading, data, *, fast):
    """Read one block; return everything that can be seen of it."""
    report = ReadReport()
    reader = TextReader(log_format, "a source", report, leading=leading)
    if not fast:
        reader._parse = lambda _data: None
    found = list(reader.read(Block(data, 1)))
    rows = [(table, name, value) for table, batch in found for row in batch.to_pylist() for name, value in row.items()]
    return rows, report.rows, dict(report.bad), report.shown, dict(report.unknown_fields), reader.formats


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_the_columnar_way_and_the_line_codec_agree_on_any_lines(data):
    log_format = data.draw(st.sampled_from(FORMATS))
    leading, lead = data.draw(st.sampled_from([("", ""), ("ms", "1733430000000"), ("iso", "2015-08-12T13:47:43.000Z")]))
    text = data.draw(texts(log_format, lead))
    assert outcome(log_format, leading, text, fast=True) == outcome(log_format, leading, text, fast=False)


@pytest.mark.parametrize("log_format", FORMATS[1:], ids=str)
@pytest.mark.parametrize("leading", ["", "ms", "iso"])
def test_the_columnar_way_and_the_line_codec_agree_on_every_odd_token_in_every_place(log_format, leading):
    lead = {"": [], "ms": [b"1733430000000"], "iso": [b"2015-08-12T13:47:43.000Z"]}[leading]
    good = [*lead, *(good_token(name) for name in log_format.names)]
    for odd in ODD:
        for place in range(len(good)):
            line = b" ".join([*good[:place], odd, *good[place + 1 :]]) + b"\n"
            fast, slow = (outcome(log_format, leading, line, fast=way) for way in (True, False))
            assert fast == slow, line


ODD = [token.encode() for token in TOKENS.elements] + [
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"a b",
    b"",
    b"\r",
    b"\t5",
    b"5\t",
]


def test_numbers_are_decimal_and_nothing_else():
    lines = [
        V2.replace("4249", token) for token in ("+4249", "0x1F", "1e3", "4249.0", "1_000", "٣", "99999999999999999999")
    ]
    result = read_all("\n".join([V2_HEADER, *lines, V2]))
    assert result.bad == [(number, "not_a_number", "bytes") for number in range(2, 9)]
    assert len(result.rows) == 1


def test_a_bad_line_names_its_number_and_its_field():
    result = read_all(f"{V2_HEADER}\n{V2}\n{V2.replace('20641', 'http')}\n{V2}\n")
    assert result.bad == [(3, "not_a_number", "srcport")]
    assert result.report.shown[0].text.split()[5] == "http"
    assert len(result.rows) == 2


def test_no_data_and_skipped_data_are_records():
    (row,) = read_all(f"{V2_HEADER}\n{V2_NODATA}\n").rows
    assert (row["log_status"], row["srcaddr"], row["bytes"], row["start"]) == ("NODATA", None, None, 1431280876)


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n"), lambda t: t.replace(" ", "   "), lambda t: t[:-1]]
)
def test_white_space_does_not_matter(change):
    text = f"{V2_HEADER}\n{V2}\n{V2_NODATA}\n"
    assert read_all(change(text)).rows == read_all(text).rows


def test_a_mark_at_the_begin_of_a_file_is_no_part_of_its_header():
    assert len(read_all(b"\xef\xbb\xbf" + f"{V2_HEADER}\n{V2}\n".encode()).rows) == 1


def test_headers_in_a_file_change_its_format_where_they_stand():
    text = f"{V2_HEADER}\n{V2}\n{V2_HEADER}\n{V2}\naccount_id bytes\n123456789012 7\n{V2_HEADER}\n{V2}\n"
    result = read_all(text)
    assert [row["bytes"] for row in result.rows] == [4249, 4249, 7, 4249]
    assert [log_format.header() for log_format in result.origin.formats] == [V2_HEADER, "account-id bytes"]
    assert not result.report.bad


def test_two_families_in_one_file_go_to_their_tables():
    result = read_all(f"{V2_HEADER}\n{V2}\nversion tgw-id bytes\n6 tgw-1 9\n")
    assert result.tables == ["flow_logs", "transit_gateway_flow_logs"]


def test_a_header_that_names_a_field_twice_is_a_bad_line():
    result = read_all(f"{V2_HEADER}\n{V2}\nversion version\n{V2}\n")
    assert [reason for _, reason, _ in result.bad] == ["too_few_fields"]
    assert len(result.rows) == 2


def test_a_header_in_the_file_wins_over_the_format_given():
    assert read_all(f"{V2_HEADER}\n{V2}\n", "${bytes}").rows[0]["srcaddr"] == "172.31.16.139"


def test_fields_that_no_registry_has_are_kept_and_counted():
    result = read_all("version new-field bytes\n2 abc 1\n2 - 2\n")
    assert [row["x_extra"] for row in result.rows] == [[("new-field", "abc")], [("new-field", None)]]
    assert result.report.unknown_fields == {"new-field": 2}


@pytest.mark.parametrize("name", ["x_event_time", "x_source", "x_extra"])
def test_a_field_called_like_a_column_of_ours_is_an_unknown_field(name):
    (row,) = read_all(f"version bytes {name}\n2 1 7\n").rows
    assert row["x_extra"] == [(name, "7")]
    assert set(row) == {"version", "bytes", "x_extra"}


def test_fields_of_the_other_family_are_kept_beside():
    (row,) = read_all("version tgw-id interface-id\n6 tgw-1 eni-1\n").rows
    assert row == {"version": 6, "tgw_id": "tgw-1", "x_extra": [("interface-id", "eni-1")]}


def test_milliseconds_become_seconds():
    result = read_all("version start end\n2 1418530010123 1418530070\n2 1418530010 1418530070999\n")
    assert [(row["start"], row["end"]) for row in result.rows] == [(1418530010, 1418530070)] * 2


def test_a_time_outside_the_calendar_is_a_bad_line():
    result = read_all("version start\n2 -5\n2 100000000000000\n2 5\n")
    assert result.bad == [(2, "not_a_time", "start"), (3, "not_a_time", "start")]


def test_account_ids_keep_their_zeros():
    assert read_all("version account-id\n2 000000000012\n").rows[0]["account_id"] == "000000000012"


def test_tag_values_are_plain_in_a_record_and_encoded_in_a_line():
    log_format = LogFormat(("version", "instance-tag"))
    result = read_all("version instance-tag\n11 my%20app%2F%EC%84%9C%EB%B2%84\n")
    assert result.rows[0]["instance_tag"] == "my app/서버"
    assert write_lines(result.batches[0], log_format) == b"11 my%20app%2F%EC%84%9C%EB%B2%84\n"


def test_lines_too_long_for_a_record_are_dropped_wherever_they_stand():
    long = V2.replace("eni-", "eni-" + "a" * MAX_LINE)
    for text in (
        f"{V2_HEADER}\n{long}\n{V2}\n",
        f"{V2_HEADER}\n{V2}\n{long}\n{V2}\n",
        f"{V2_HEADER}\n{V2}\n{V2}\n{long}",
    ):
        result = read_all(text, block_bytes=1 << 20)
        assert [reason for _, reason, _ in result.bad] == ["line_too_long"]
        assert len(result.rows) == text.count(V2)


def test_line_numbers_stay_right_over_many_blocks():
    lines = [V2] * 9000
    for place in (10, 4000, 8999):
        lines[place] = "bogus"
    result = read_all("\n".join([V2_HEADER, *lines]), block_bytes=100_000)
    assert [line for line, _, _ in result.bad] == [12, 4002, 9001]
    assert len(result.rows) == 8997


@given(st.lists(st.sampled_from([V2, V2_NODATA, "", "bogus", V2_HEADER]), max_size=8), st.integers(1, 400))
@example([V2, V2, "bogus"], 1)
@settings(max_examples=100, deadline=None)
def test_the_size_of_blocks_changes_nothing(lines, size):
    text = "\n".join([V2_HEADER, *lines])
    small, large = read_all(text, block_bytes=size), read_all(text)
    assert (small.rows, small.report.bad, small.bad) == (large.rows, large.report.bad, large.bad)


def test_fed_byte_by_byte_a_file_reads_the_same():
    text = f"{V2_HEADER}\n{V2}\nbogus\n{V2_NODATA}\n"
    whole, drip = read_all(text), read_all(text, drip=True)
    assert (drip.rows, drip.bad) == (whole.rows, whole.bad)
