"""The filter language: what each form means, and where and how a wrong one is refused."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.filter import MAX_LENGTH, parse
from vpcflow.query.schema import columns_of
from vpcflow.record.fields import FIELDS, TGW_FIELDS, VPC_FIELDS


def trino(text, table="flows"):
    """Return what a filter means, in the plan's dialect."""
    found = parse(text, table)
    return None if found is None else found.sql(dialect="trino")


def refused(text, table="flows"):
    with pytest.raises(QueryError) as caught:
        parse(text, table)
    return caught.value


def underlined(text):
    """Return the code of the error and the part of the filter it underlines."""
    error = refused(text)
    return error.code, text[error.start : error.end]


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "-- only a comment", "-- one\n  -- two\n"])
def test_an_empty_filter_is_no_condition(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("dstport = 22", "dstport = 22"),
        ("dstport == 22", "dstport = 22"),
        ("dstport != 22", "dstport <> 22"),
        ("dstport <> 22", "dstport <> 22"),
        ("dstport < 22", "dstport < 22"),
        ("dstport <= 22", "dstport <= 22"),
        ("dstport > 22", "dstport > 22"),
        ("dstport >= 22", "dstport >= 22"),
        ("dstport=22", "dstport = 22"),
        ("bytes > -1", "bytes > -1"),
        ("dstport in (22)", "dstport IN (22)"),
        ("dstport in (22, 3389)", "dstport IN (22, 3389)"),
        ("dstport not in (22, 3389)", "NOT dstport IN (22, 3389)"),
        ("DSTPORT IN(22,3389)", "dstport IN (22, 3389)"),
        ("action = ACCEPT", "action = 'ACCEPT'"),
        ("action = 'ACCEPT'", "action = 'ACCEPT'"),
        ('action = "ACCEPT"', "action = 'ACCEPT'"),
        ("action like 'A%'", "action LIKE 'A%'"),
        ("interface_id not like eni-0%", "NOT interface_id LIKE 'eni-0%'"),
        ("srcaddr like '10.0.%'", "srcaddr LIKE '10.0.%'"),
        ("action is null", "action IS NULL"),
        ("action is not null", "NOT action IS NULL"),
        ("srcport > dstport", "srcport > dstport"),
        ("srcaddr = pkt-srcaddr", "srcaddr = pkt_srcaddr"),
        ("start = end", 'start = "end"'),
        ("date = 2026-11-24", "\"date\" = CAST('2026-11-24' AS DATE)"),
    ],
)
def test_each_comparison_means_what_it_says(text, meaning):
    assert trino(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("bytes = 1 or bytes = 2 and packets = 3", "bytes = 1 OR (bytes = 2 AND packets = 3)"),
        ("(bytes = 1 or bytes = 2) and packets = 3", "(bytes = 1 OR bytes = 2) AND packets = 3"),
        ("not bytes = 1 and packets = 3", "NOT bytes = 1 AND packets = 3"),
        ("not (bytes = 1 and packets = 3)", "NOT (bytes = 1 AND packets = 3)"),
        ("not not bytes = 1", "NOT NOT bytes = 1"),
        ("((bytes = 1))", "((bytes = 1))"),
        ("BYTES = 1 AND NOT PACKETS IN (1) OR START = 5", "(bytes = 1 AND NOT packets IN (1)) OR start = 5"),
    ],
)
def test_not_binds_closer_than_and_and_and_closer_than_or(text, meaning):
    assert parse(text) == exp.maybe_parse(meaning, dialect="trino")


@pytest.mark.parametrize("field", VPC_FIELDS, ids=lambda field: field.name)
def test_every_field_goes_by_all_of_awss_spellings(field):
    for spelling in (field.name, field.column, field.insights, field.name.upper(), field.insights.lower()):
        found = parse(f"{spelling} is null")
        assert found.find(exp.Column).name == field.column


def test_a_hyphen_and_an_underscore_are_the_same_in_derived_names_too():
    assert trino("start-time is null") == trino("start_time is null") == "start_time IS NULL"
    assert trino("protocol-name = TCP") == "protocol_name = 'TCP'"


@pytest.mark.parametrize("field", TGW_FIELDS, ids=lambda field: field.name)
def test_every_transit_gateway_field_can_be_asked_for_in_its_table(field):
    assert parse(f"{field.name} is null", "transit_gateway_flows").find(exp.Column).name == field.column


def test_a_field_of_the_other_table_is_unknown():
    assert refused("tgw-id is null").code.startswith("filter.unknown_field")
    assert refused("action is null", "transit_gateway_flows").code.startswith("filter.unknown_field")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("srcaddr = 10.0.1.5", "srcaddr = '10.0.1.5'"),
        ("src = '10.0.1.5'", "src = '10.0.1.5'"),
        ("srcaddr = 2001:DB8:0:0::1", "srcaddr = '2001:db8::1'"),
        ("dst = 10.0.0.0/8", "CONTAINS('10.0.0.0/8', TRY_CAST(dst AS IPADDRESS))"),
        ("dst = 10.1.2.3/8", "CONTAINS('10.0.0.0/8', TRY_CAST(dst AS IPADDRESS))"),
        ("dst != 10.0.0.0/8", "NOT CONTAINS('10.0.0.0/8', TRY_CAST(dst AS IPADDRESS))"),
        ("dst = '2001:db8::/32'", "CONTAINS('2001:db8::/32', TRY_CAST(dst AS IPADDRESS))"),
        (
            "dst in (10.0.0.1, 10.1.0.0/16)",
            "(dst IN ('10.0.0.1') OR CONTAINS('10.1.0.0/16', TRY_CAST(dst AS IPADDRESS)))",
        ),
        ("dst in (10.1.0.0/16)", "CONTAINS('10.1.0.0/16', TRY_CAST(dst AS IPADDRESS))"),
        ("action = 10.0.0.0/8", "action = '10.0.0.0/8'"),
    ],
)
def test_an_address_is_a_text_and_a_network_holds_addresses(text, meaning):
    assert trino(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("action = -", "action = '-'"),
        ("srcport != -", "srcport <> '-'"),
        ("srcaddr in (-, 10.0.0.1)", "srcaddr IN ('-', '10.0.0.1')"),
        ("start = '-'", "start = '-'"),
    ],
)
def test_a_dash_stands_for_nothing_written_in_any_kind_of_field(text, meaning):
    assert trino(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("start >= 1700000000", "start >= 1700000000"),
        ("start >= 2023-11-14", "start >= 1699920000"),
        ("start >= 2023-11-14T22:13:20", "start >= 1700000000"),
        ("start >= 2023-11-14T22:13:20Z", "start >= 1700000000"),
        ("end < '2023-11-14 23:13:20+01:00'", '"end" < 1700000000'),
        ("startTime < 1969-12-31T23:59:59Z", "start < -1"),
        ("start_time >= 2023-11-14T22:13:20Z", "start_time >= CAST('2023-11-14 22:13:20' AS TIMESTAMP)"),
        ("end_time < '2023-11-14 23:13:20.5+01:00'", "end_time < CAST('2023-11-14 22:13:20.500000' AS TIMESTAMP)"),
        ("start_time > 0999-01-01", "start_time > CAST('0999-01-01 00:00:00' AS TIMESTAMP)"),
    ],
)
def test_a_time_is_epoch_seconds_or_iso_in_utc(text, meaning):
    assert trino(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("protocol = tcp", "protocol = 6"),
        ("protocol = UDP", "protocol = 17"),
        ("protocol in (ICMP, icmpv6, 47)", "protocol IN (1, 58, 47)"),
        ("protocol_name = TCP", "protocol_name = 'TCP'"),
    ],
)
def test_a_protocol_goes_by_number_or_name(text, meaning):
    assert trino(text) == meaning


def test_a_comment_ends_with_its_line():
    assert trino("bytes = 1 -- or packets = 2\n and packets = 3 --") == "bytes = 1 AND packets = 3"


def test_a_comment_mark_inside_quotes_is_text():
    assert trino("action = 'a -- b'") == "action = 'a -- b'"


def test_a_doubled_quote_is_a_quote():
    assert parse("action = 'it''s'").expression.name == "it's"
    assert parse('action = "a""b\'c"').expression.name == "a\"b'c"
    assert trino("action = 'it''s'") == "action = 'it''s'"


def test_a_field_name_in_quotes_is_a_text():
    assert trino("action = 'srcaddr'") == "action = 'srcaddr'"
    assert trino("action = srcaddr") == "action = srcaddr"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("dstport", "filter.expected", ""),
        ("dstport =", "filter.expected_value", ""),
        ("dstport = ,", "filter.expected_value", ","),
        ("dstport 22", "filter.expected", "22"),
        ("dstport not 22", "filter.expected", "22"),
        ("dstport in 22", "filter.expected", "22"),
        ("dstport in ()", "filter.expected_value", ")"),
        ("dstport in (22", "filter.expected", ""),
        ("dstport in (22,)", "filter.expected_value", ")"),
        ("dstport in (22 23)", "filter.expected", "23"),
        ("(dstport = 22", "filter.expected", ""),
        ("dstport = 22)", "filter.expected", ")"),
        ("dstport = 22 dstport = 23", "filter.expected", "dstport"),
        ("dstport = 22 and", "filter.expected_field", ""),
        ("and dstport = 22", "filter.expected_field", "and"),
        ("not", "filter.expected_field", ""),
        ("'dstport' = 22", "filter.expected_field", "'dstport'"),
        ("= 22", "filter.expected_field", "="),
        ("action is ACCEPT", "filter.expected", "ACCEPT"),
        ("action is not ACCEPT", "filter.expected", "ACCEPT"),
        ("action = 'ACC", "filter.bad_character", "'"),
        ("action ! ACCEPT", "filter.bad_character", "!"),
        ("dst_port = 22", "filter.unknown_field_near", "dst_port"),
        ("qqqqqq = red", "filter.unknown_field", "qqqqqq"),
        ("dstport = ssh", "filter.not_number", "ssh"),
        ("dstport = 22.5", "filter.not_number", "22.5"),
        ("dstport = 1_000", "filter.not_number", "1_000"),
        ("dstport = ٢٢", "filter.not_number", "٢٢"),
        ("bytes = 10000000000000000000", "filter.not_number", "10000000000000000000"),
        ("dstport in (22, ssh)", "filter.not_number", "ssh"),
        ("srcaddr = 10.0.0", "filter.not_address", "10.0.0"),
        ("srcaddr = 10.0.0.256", "filter.not_address", "10.0.0.256"),
        ("srcaddr = 10.0.0.0/33", "filter.not_address", "10.0.0.0/33"),
        ("srcaddr = action-x", "filter.not_address", "action-x"),
        ("start > yesterday", "filter.not_time", "yesterday"),
        ("start > 2023-11-14T22:13:20.5", "filter.not_time", "2023-11-14T22:13:20.5"),
        ("start > 0001-01-01T00:00+23:59", "filter.not_time", "0001-01-01T00:00+23:59"),
        ("start_time > 1700000000", "filter.not_timestamp", "1700000000"),
        ("date = today", "filter.not_date", "today"),
        ("srcaddr < 10.0.0.0/8", "filter.network_order", "<"),
        ("bytes > -", "filter.dash_order", ">"),
        ("dstport like '2%'", "filter.like_text", "dstport"),
        ("start_time like '2026%'", "filter.like_text", "start_time"),
        ("srcaddr = srcport", "filter.not_comparable", "srcport"),
        ("start < end_time", "filter.not_comparable", "end_time"),
    ],
)
def test_what_is_wrong_is_named_and_its_place_underlined(text, code, part):
    assert underlined(text) == (code, part)


def test_an_error_shows_the_line_with_a_caret_under_the_place():
    error = refused("action = REJECT\n  and dst_port = 22\nand bytes > 1")
    assert str(error) == textwrap.dedent("""\
        unknown field "dst_port" (2:7)
            and dst_port = 22
                ^^^^^^^^
        did you mean dstport?""")


def test_an_error_at_the_end_points_behind_it():
    error = refused("dstport =")
    assert error.message.splitlines()[1:] == ["  dstport =", "           ^"]


@pytest.mark.parametrize(
    ("written", "near"),
    [("srcadr", "srcaddr"), ("dest_port", "dstport"), ("log_stat", "log_status"), ("pkt-src-addr", "pkt_srcaddr")],
)
def test_an_unknown_field_names_the_near_one(written, near):
    assert refused(f"{written} is null").hint == f"did you mean {near}?"


def test_a_name_like_no_other_points_to_the_list():
    assert refused("qqqqqq = 1").hint == "'vpcflow fields' lists all"


def test_a_filter_may_be_long_but_not_endless():
    parts = "bytes = 1 or ".join([""] * 1500)
    assert len(list(parse(parts + "bytes = 1").find_all(exp.EQ))) == 1500
    assert refused("x" * (MAX_LENGTH + 1)).code == "filter.too_long"


@pytest.mark.parametrize("text", ["(" * 5000, "not " * 4000, "(" * 99 + "not " * 99 + "bytes = 1" + ")" * 99])
def test_a_filter_that_is_too_deep_is_refused(text):
    assert refused(text).code == "filter.too_deep"


def test_a_filter_of_ninety_parentheses_is_fine():
    assert parse("(" * 90 + "bytes = 1" + ")" * 90).find(exp.EQ) is not None


@pytest.mark.parametrize("text", ["action = 'a\0b'", "action = a\0", "\0", "action = '\udcff'"])
def test_what_no_engine_takes_in_a_text_is_refused(text):
    error = refused(text)
    assert error.code == "filter.bad_character"
    assert "\N{REPLACEMENT CHARACTER}" in error.message
    error.message.encode()


@pytest.mark.parametrize(
    "value", ["'; DROP TABLE flows; --", "' OR 1=1 --", "\\'", "a\nb", "%s", "{0}", "$1", "?", "\\x00", "*/"]
)
def test_a_hostile_text_stays_a_text(value):
    quoted = value.replace("'", "''")
    found = parse(f"action = '{quoted}'")
    assert isinstance(found, exp.EQ)
    assert found.expression.name == value
    for dialect in ("duckdb", "athena", "trino"):
        again = exp.maybe_parse(found.sql(dialect=dialect), dialect=dialect)
        assert again.expression.name == value


_WORDS = """
and or not in like is null ( ) , = != <> < <= > >= == - -- ! ' " 10.0.0.1 10.0.0.0/8 2001:db8::/32 ::1 22 -1 ACCEPT 'it''s' tcp
2026-11-24 2026-11-24T01:02:03Z 0001-01-01T00:00+23:59 9999-12-31T23:59:59-23:59 1e5 999999999999999999999 % ;
"""
_PIECES = st.sampled_from([*FIELDS, *columns_of("flows"), *_WORDS.split(), "\n", "\0"])


@settings(max_examples=1500, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80), st.lists(_PIECES, max_size=14).map(" ".join), st.lists(_PIECES, max_size=9).map("".join)
    )
)
def test_any_text_is_an_expression_or_a_query_error(text):
    found, refusal = None, None
    try:
        found = parse(text)
    except QueryError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code.startswith("filter.")
        assert 0 <= refusal.start <= refusal.end
        assert refusal.message
    elif found is not None:
        assert isinstance(found, exp.Expr)
        assert all(found.sql(dialect=dialect) for dialect in ("duckdb", "athena", "trino"))
