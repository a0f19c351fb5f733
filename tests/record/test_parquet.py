"""Parquet of AWS, of ours, and of anybody."""

import datetime as dt
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, V2_NODATA, read_all, read_or_refuse, values
from vpcflow.errors import RecordError
from vpcflow.record.fields import FIELDS
from vpcflow.record.parquet import write_parquet

TEXT = read_all(f"{V2_HEADER}\n{V2}\n{V2_NODATA}\n")


def parquet(columns, **options):
    out = io.BytesIO()
    names, arrays = (
        list(columns),
        [column if isinstance(column, pa.Array) else pa.array(column) for column in columns.values()],
    )
    pq.write_table(pa.Table.from_arrays(arrays, names=names), out, **options)
    return out.getvalue()


def written(batches, **options):
    out = io.BytesIO()
    write_parquet(batches, out, **options)
    return out.getvalue()


@pytest.mark.parametrize("dash", [False, True])
@pytest.mark.parametrize("drip", [False, True])
def test_what_is_written_is_read_back(dash, drip):
    result = read_all(written(TEXT.batches, dash=dash), drip=drip)
    assert (result.rows, result.origin.kind, result.report.bad) == (TEXT.rows, "parquet", {})


def test_in_the_place_of_aws_strings_have_a_dash_and_numbers_are_null():
    file = pq.ParquetFile(io.BytesIO(written(TEXT.batches, dash=True)))
    row = file.read().to_pylist()[1]
    assert (row["srcaddr"], row["action"], row["bytes"]) == ("-", "-", None)
    assert {file.metadata.row_group(0).column(n).compression for n in range(14)} == {"GZIP"}
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types == {field.column: field.type for field in map(FIELDS.__getitem__, V2_HEADER.split())}


def test_in_the_place_of_aws_there_are_no_columns_of_ours_and_tags_are_encoded():
    result = read_all("version instance-tag new-field\n11 my%20app%25 x\n")
    data = written(result.batches, dash=True)
    assert pq.read_table(io.BytesIO(data)).to_pylist() == [{"version": 11, "instance_tag": "my%20app%25"}]
    assert read_all(data).rows == [{"version": 11, "instance_tag": "my app%"}]
    assert read_all(written(result.batches)).rows == result.rows


@pytest.mark.parametrize("name", ["pkt-srcaddr", "pkt_srcaddr", "pktSrcAddr", "PKT_SRCADDR", " Pkt-SrcAddr "])
def test_names_are_known_in_every_spelling(name):
    assert read_all(parquet({name: ["10.0.0.1"], "bytes": [1]})).rows == [{"bytes": 1, "pkt_srcaddr": "10.0.0.1"}]


@pytest.mark.parametrize("nothing", ["-", "", "None", "nan", "NaN", "null", " - ", None])
def test_words_for_nothing_are_nothing(nothing):
    data = parquet({"srcaddr": [nothing, "10.0.0.1"], "bytes": [nothing, "7"], "version": [2, 2]})
    assert [values(row) for row in read_all(data).rows] == [
        {"version": 2},
        {"version": 2, "srcaddr": "10.0.0.1", "bytes": 7},
    ]


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([7, None], pa.int8()), [7, None]),
        (pa.array([7, 8], pa.uint64()), [7, 8]),
        (pa.array([7.0, float("nan")]), [7, None]),
        (pa.array(["7", "7.0"]), [7, 7]),
        (pa.array([b"7", b"-"]), [7, None]),
        (pa.array(["7", None, "7"]).dictionary_encode()[:2], [7, None]),
        (pa.array([7, 8]).cast(pa.decimal128(30, 2)), [7, 8]),
        (pa.array([None, None], pa.null()), [None, None]),
        (pa.array(["7", "8"], pa.large_string()), [7, 8]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_numbers_of_any_type_are_numbers(column, wanted):
    result = read_all(parquet({"version": [2, 2], "bytes": column}))
    assert ([row["bytes"] for row in result.rows], result.report.bad) == (wanted, {})


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["7", "many"]),
        pa.array([7, 2**63], pa.uint64()),
        pa.array([7.0, 7.5]),
        pa.array([7.0, float("inf")]),
        pa.array([7.0, 1e300]),
        pa.array(["7", "0x1F"]),
        pa.array([b"7", b"\xff"]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_value_that_is_no_number_costs_its_row_only(column):
    result = read_all(parquet({"version": [2, 2], "bytes": column}))
    assert [row["bytes"] for row in result.rows] == [7]
    assert result.bad == [(2, "not_a_number", "bytes")]


def test_a_number_too_large_for_its_field_costs_its_row():
    result = read_all(parquet({"version": [2, 2, 2], "srcport": [1, 2**31, 3]}))
    assert ([row["srcport"] for row in result.rows], result.bad) == ([1, 3], [(2, "not_a_number", "srcport")])


def test_text_that_is_no_text_costs_its_row():
    column = pa.array([b"10.0.0.1", b"\xff\xfe", b"a\0b"])
    result = read_all(parquet({"version": [2, 2, 2], "srcaddr": column}))
    assert ([row["srcaddr"] for row in result.rows], result.bad) == (
        ["10.0.0.1"],
        [(2, "not_text", "srcaddr"), (3, "not_text", "srcaddr")],
    )


@pytest.mark.parametrize("column", [[12, 123456789010], [12.0, 123456789010.0]])
def test_account_ids_that_were_numbers_get_their_zeros_back(column):
    rows = read_all(parquet({"version": [2, 2], "account_id": column})).rows
    assert [row["account_id"] for row in rows] == ["000000000012", "123456789010"]


def test_times_of_any_type_are_seconds():
    when = dt.datetime(2015, 8, 12, 13, 47, 43, tzinfo=dt.UTC)
    for column in (
        pa.array([when], pa.timestamp("us", "UTC")),
        pa.array([when], pa.timestamp("ns", "Asia/Seoul")),
        pa.array([1439387263000]),
        pa.array([1439387263.0]),
        pa.array(["1439387263"]),
    ):
        assert read_all(parquet({"version": [2], "start": column})).rows == [{"version": 2, "start": 1439387263}]


def test_columns_that_no_registry_has_are_kept_as_text_and_counted():
    data = parquet({"version": [2], "srcaddr": ["::1"], "bytes": [1], "My Team": ["a"], "score": [0.5], "list": [[1]]})
    result = read_all(data)
    assert result.rows[0]["x_extra"] == [("my_team", "a"), ("score", "0.5"), ("list", "[1]")]
    assert result.report.unknown_fields == {"my_team": 1, "score": 1, "list": 1}


def test_two_columns_of_one_name_are_both_kept():
    (row,) = read_all(parquet({"srcaddr": ["10.0.0.1"], "srcAddr": ["10.0.0.2"], "bytes": [1]})).rows
    assert (row["srcaddr"], row["x_extra"]) == ("10.0.0.1", [("srcaddr_2", "10.0.0.2")])


def test_columns_of_the_lake_are_understood():
    extra = pa.array([[("new", "x")]], pa.map_(pa.string(), pa.string()))
    data = parquet(
        {
            "version": [2],
            "bytes": [1],
            "x_source": [77],
            "x_event_time": [1733430000000],
            "x_extra": extra,
            "aws_account_id": ["123456789010"],
            "aws_region": ["eu-west-1"],
            "year": ["2024"],
            "hour": ["07"],
        }
    )
    result = read_all(data)
    assert values(result.rows[0]) == {
        "version": 2,
        "account_id": "123456789010",
        "bytes": 1,
        "region": "eu-west-1",
        "x_event_time": 1733430000000,
        "x_extra": [("new", "x")],
    }
    assert not result.report.unknown_fields


def test_parquet_of_something_else_is_refused():
    with pytest.raises(RecordError) as failed:
        read_all(parquet({"name": ["a"], "size": [1], "type": ["b"]}))
    assert failed.value.code == "unknown_kind"


def test_row_numbers_go_on_over_row_groups():
    data = parquet({"version": [2] * 10, "bytes": ["1"] * 7 + ["x"] + ["1"] * 2}, row_group_size=3)
    assert read_all(data).bad == [(8, "not_a_number", "bytes")]


def test_a_damaged_row_group_is_a_named_loss_and_the_others_are_kept():
    data = bytearray(parquet({"version": [2] * 300, "bytes": list(range(300))}, row_group_size=100, compression="gzip"))
    place = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(1).column(1).data_page_offset
    data[place : place + 60] = b"\xff" * 60
    result = read_all(bytes(data))
    assert [row["bytes"] for row in result.rows] == [*range(100), *range(200, 300)]
    assert result.losses == ["damaged"]


def test_a_parquet_file_cut_short_has_no_records_and_a_named_loss():
    data = written(TEXT.batches)
    for end in (4, 5, 12, len(data) // 2, len(data) - 1):
        result = read_all(data[:end])
        assert (result.rows, result.losses) == ([], ["damaged"])


def test_a_code_beyond_its_dictionary_is_damage():
    data = bytearray(parquet({"version": [2] * 8, "srcaddr": ["10.0.0.1", "10.0.0.2"] * 4}, compression="none"))
    column = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(1)
    place = data.rindex(b"\x03\xaa", 0, column.dictionary_page_offset + column.total_compressed_size)
    # Codes of two bits, and a run of eight times code 3: there is no such value.
    data[place - 1 : place + 2] = b"\x02\x10\x03"
    result = read_all(bytes(data))
    assert (result.rows, result.losses) == ([], ["damaged"])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_bytes_are_survived(data):
    changed = bytearray(written(TEXT.batches, dash=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(4, len(changed) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(changed))


COLUMNS = st.dictionaries(
    st.sampled_from(
        ["version", "srcaddr", "bytes", "start", "account_id", "tgw_id", "x_event_time", "x_extra", "odd", ""]
    ),
    st.sampled_from(
        [
            pa.array([None, None, None]),
            pa.array([True, None, False]),
            pa.array([1, -1, None], pa.int8()),
            pa.array([1.5, float("nan"), float("-inf")], pa.float32()),
            pa.array(["a", "-", "\0"]),
            pa.array([b"\xff", b"", None]),
            pa.array([[1], None, []]),
            pa.array([{"a": 1}, None, {"a": None}]),
            pa.array([dt.date(2020, 1, 1), None, dt.date(1, 1, 1)]),
            pa.array([dt.datetime(2020, 1, 1), None, dt.datetime(1, 1, 1)], pa.timestamp("us")),  # noqa: DTZ001
            pa.array([dt.time(1), None, dt.time(2)]),
            pa.array([dt.timedelta(1), None, None]),
            pa.array([b"abcd"] * 3, pa.binary(4)),
            pa.array([[("a", "b")], None, []], pa.map_(pa.string(), pa.string())),
            pa.array([[(1, 2)], None, []], pa.map_(pa.int32(), pa.int32())),
            pa.array([1, 2, None], pa.decimal128(38, 3)),
            pa.array([2**64 - 1, 0, None], pa.uint64()),
        ]
    ),
    min_size=1,
)


@settings(max_examples=300, deadline=None)
@given(COLUMNS)
def test_columns_of_any_types_are_survived(columns):
    result = read_or_refuse(parquet(columns))
    if result is not None:
        assert result.report.rows + sum(result.report.bad.values()) in (3, 0)
        assert not result.losses
