"""What a source is, is told by its content."""

import pytest

from record.reading import V2, V2_HEADER, V2_NODATA, read_all
from vpcflow.errors import RecordError
from vpcflow.record.fields import TGW_FIELDS

TGW = (
    "6 TransitGateway 123456789012 tgw-0abc tgw-attach-0abc 123456789012 123456789012 vpc-0abc vpc-0def subnet-0abc "
    "subnet-0def eni-0abc eni-0def use1-az1 use1-az2 tgw-attach-0def 10.0.0.1 10.0.1.1 12345 443 6 10 1000 1700000000 "
    "1700000060 OK IPv4 0 0 0 0 2 us-east-1 ingress - -"
)


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n"])
def test_nothing_is_an_empty_source(data):
    result = read_all(data)
    assert (result.rows, result.origin.kind, result.losses) == ([], "empty", [])


def test_a_header_makes_text():
    result = read_all(f"{V2_HEADER}\n")
    assert (result.rows, result.origin.kind) == ([], "text")


def test_lines_whose_values_fit_are_the_default_format():
    assert len(read_all(f"{V2}\n{V2_NODATA}\n").rows) == 2


def test_one_line_in_twenty_may_be_bad():
    result = read_all("\n".join([V2] * 19 + ["bogus"]))
    assert (len(result.rows), result.report.bad) == (19, {"too_few_fields": 1})
    with pytest.raises(RecordError, match="no flow log"):
        read_all("\n".join([V2] * 18 + ["bogus"]))


@pytest.mark.parametrize(
    "changed",
    [
        V2.replace("eni-1235b8ca123456789", "ACCEPT"),
        V2.replace("172.31.16.139", "172.31.16.339"),
        V2.replace("123456789010", "12345"),
        V2.replace("ACCEPT", "accept"),
        V2.replace(" OK", " FINE"),
        V2.replace("20641", "http"),
        "a b c d e f g h i j k l m n",
        V2.rpartition(" ")[0],
    ],
)
def test_fourteen_words_are_no_record_unless_their_values_fit(changed):
    with pytest.raises(RecordError) as failed:
        read_all(f"{changed}\n" * 3)
    assert failed.value.code == "unknown_kind"
    assert "a source" in failed.value.message
    assert "--format" in failed.value.hint


def test_transit_gateway_lines_are_told_the_same_way():
    assert len(TGW.split()) == len(TGW_FIELDS)
    result = read_all(f"{TGW}\n")
    assert result.tables == ["transit_gateway_flow_logs"]
    assert result.rows[0]["tgw_dst_eni"] == "eni-0def"


def test_other_text_is_read_with_the_format_given():
    (row,) = read_all("10.0.0.1 7\n", "${srcaddr} ${bytes}").rows
    assert row == {"srcaddr": "10.0.0.1", "bytes": 7}


def test_a_header_after_a_few_lines_of_something_else_still_counts():
    result = read_all(f"# made by hand\n{V2_HEADER}\n{V2}\n")
    assert (len(result.rows), result.bad) == (1, [(1, "too_few_fields", "dstaddr")])


def test_default_lines_before_another_header_are_kept():
    result = read_all(f"{V2}\n{V2}\naccount-id bytes\n123456789012 7\n")
    assert [row["bytes"] for row in result.rows] == [4249, 4249, 7]


def test_an_export_has_a_time_before_each_record():
    result = read_all(f"2015-08-12T13:47:43.123Z {V2}\n2015-08-12T13:47:44Z {V2_NODATA}\n")
    assert [row["x_event_time"] for row in result.rows] == [1439387263123, 1439387264000]
    assert result.origin.kind == "export"


def test_an_export_of_another_format_needs_that_format_only():
    (row,) = read_all("2015-08-12T13:47:43.000Z 10.0.0.1 7\n", "${srcaddr} ${bytes}").rows
    assert row == {"srcaddr": "10.0.0.1", "bytes": 7, "x_event_time": 1439387263000}


def test_times_that_the_format_has_a_place_for_lead_nothing():
    (row,) = read_all("2015-08-12T13:47:43.000Z 7\n", "${my-time} ${bytes}").rows
    assert row["x_extra"] == [("my-time", "2015-08-12T13:47:43.000Z")]


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"<html><body>no such key</body></html>",
        b"a" * 2_000_000,
        b'{"name": "a package", "version": "1.0.0"}',
        b'{"Records": [{"eventVersion": "1.08", "eventSource": "s3.amazonaws.com"}]}',
        b"name,size\na,1\n",
        b"hello world\n" * 2000,
    ],
)
def test_what_is_no_flow_log_is_refused_by_name(data):
    with pytest.raises(RecordError) as failed:
        read_all(data)
    assert failed.value.code == "unknown_kind"


def test_a_picture_is_no_text_whatever_format_it_is_said_to_have():
    with pytest.raises(RecordError, match="no flow log"):
        read_all(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "${version} ${bytes} ${srcaddr}")


def test_the_begin_shown_has_no_control_characters():
    with pytest.raises(RecordError) as failed:
        read_all(b"\x1b[31mred\x07\n")
    assert "\x1b" not in str(failed.value)
