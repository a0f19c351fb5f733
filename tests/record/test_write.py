"""What is written in any kind is read back the same."""

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.reading import V2, V2_HEADER, V2_NODATA, read_all, read_or_refuse, values
from vpcflow.errors import RecordError
from vpcflow.record.fields import FIELDS, TGW_FIELDS, VPC_FIELDS
from vpcflow.record.format import DEFAULT, VERSIONS, LogFormat
from vpcflow.record.write import write

KINDS = ["jsonl", "json", "csv", "arrow", "parquet"]
TEXT = read_all(f"{V2_HEADER}\n{V2}\n{V2_NODATA}\n")

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6).filter(
    lambda t: t != "-"
)
TOKENS = WORDS.filter(lambda text: not set(text) & set(" \t\r\n"))


def written(batches, kind, log_format=None):
    out = io.BytesIO()
    write(batches, kind, out, log_format)
    return out.getvalue()


def value_of(field):
    if field is None or field.type == "string":
        return st.none() | (WORDS if field and field.kind == "tag" else TOKENS)
    if field.kind == "time":
        return st.none() | st.integers(0, 10**11 - 1)
    bits = 31 if field.type == "int32" else 63
    return st.none() | st.integers(-(2**bits), 2**bits - 1)


@st.composite
def sources(draw):
    """A format of known and unknown fields, and a batch of its records."""
    family = draw(st.sampled_from([VPC_FIELDS, TGW_FIELDS]))
    fields = draw(st.lists(st.sampled_from(family), min_size=1, max_size=8, unique=True))
    names = [field.name for field in fields]
    if draw(st.booleans()) and len(names) > 2:
        names.insert(draw(st.integers(0, len(names))), "new-field")
    log_format = LogFormat(tuple(names))
    rows = draw(st.lists(st.tuples(*(value_of(FIELDS.get(name)) for name in names)), min_size=1, max_size=5))
    return log_format, rows


def batch_of(log_format, rows):
    columns, extra = {}, {}
    for name, column in zip(log_format.names, zip(*rows, strict=True), strict=True):
        field = FIELDS.get(name)
        if field is None:
            extra[name] = column
        else:
            columns[field.column] = pa.array(
                column, {"int32": pa.int32(), "int64": pa.int64()}.get(field.type, pa.string())
            )
    if extra:
        maps = [list(zip(extra, row, strict=True)) for row in zip(*extra.values(), strict=True)]
        columns["x_extra"] = pa.array(maps, pa.map_(pa.string(), pa.string()))
    return pa.RecordBatch.from_pydict(columns)


def plain(rows):
    """Rows without what is not there, whatever the order of columns."""
    return [{name: value for name, value in values(row).items() if value != []} for row in rows]


@settings(max_examples=300, deadline=None)
@given(sources())
def test_text_of_any_format_is_read_back(source):
    log_format, rows = source
    batch = batch_of(log_format, rows)
    result = read_all(written([batch, batch], "text", log_format))
    assert result.report.bad == {}
    # A line of one empty value is "-", a record of nothing, but a record.
    assert plain(result.rows) == plain(batch.to_pylist()) * 2


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None)
@given(source=sources())
def test_every_kind_is_read_back(kind, source):
    log_format, rows = source
    batch = batch_of(log_format, rows)
    result = read_all(written([batch, batch], kind))
    assert (result.report.bad, result.losses) == ({}, [])
    assert plain(result.rows) == plain(batch.to_pylist()) * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drip", [False, True])
def test_records_keep_their_event_times(kind, drip):
    batches = read_all(f"2015-08-12T13:47:43.123Z {V2}\n" * 3).batches
    data = written(batches, kind)
    assert read_all(data, drip=drip).rows == batches[0].to_pylist()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["text", *KINDS])
def test_every_version_is_written_and_read_back(version, kind):
    log_format = VERSIONS[version]
    line = " ".join(str(n) if FIELDS[name].type != "string" else f"v{n}" for n, name in enumerate(log_format.names, 2))
    source = read_all(f"{log_format.header()}\n{line}\n")
    assert read_all(written(source.batches, kind, log_format)).rows == source.rows


def test_json_has_typed_values_and_null():
    lines = written(TEXT.batches, "jsonl").decode().splitlines()
    first, second = map(json.loads, lines)
    assert (first["bytes"], first["account_id"], first["log_status"]) == (4249, "123456789010", "OK")
    assert (second["bytes"], second["srcaddr"]) == (None, None)
    assert list(first) == [name.replace("-", "_") for name in V2_HEADER.split()]
    assert json.loads(written(TEXT.batches, "json")) == [first, second]


def test_unknown_fields_are_an_object_of_their_own_and_only_where_there_are_any():
    batches = read_all("version new-field\n2 a\n").batches
    assert json.loads(written(batches, "jsonl")) == {"version": 2, "x_extra": {"new-field": "a"}}
    assert "x_extra" not in written(TEXT.batches, "jsonl").decode()


def test_nothing_is_written_as_nothing():
    assert written([], "jsonl") == b""
    assert json.loads(written([], "json")) == []
    assert written([], "text", DEFAULT) == f"{V2_HEADER}\n".encode()
    for kind in KINDS:
        assert read_all(written([], kind)).rows == []


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "'"])
def test_formulas_are_defused_in_csv_and_whole_again_when_read(begin):
    name = f"{begin}1+cmd|'/c calc'!A0"
    batch = pa.RecordBatch.from_pydict({"version": [2], "bytes": [-5], "instance_tag": [name]})
    data = written([batch], "csv").decode()
    (row,) = csv.DictReader(io.StringIO(data))
    assert row == {"version": "2", "bytes": "-5", "instance_tag": f"'{name}"}
    assert read_all(data).rows == [{"version": 2, "bytes": -5, "instance_tag": name}]


def test_csv_rows_of_the_wrong_width_are_counted():
    result = read_all("version,srcaddr,bytes\n2,10.0.0.1,5\n2,10.0.0.1\n2,a,b,c\n2,10.0.0.1,x\n2,10.0.0.1,7\n")
    assert [row["bytes"] for row in result.rows] == [5, 7]
    assert sorted(result.bad) == [(3, "too_few_fields", ""), (4, "too_many_fields", ""), (5, "not_a_number", "bytes")]


def test_the_result_of_another_engine_is_read_too():
    (row,) = read_all('"version","account_id","srcaddr","bytes"\r\n"2","000000000012","10.0.0.1",""\r\n').rows
    assert row == {"version": 2, "account_id": "000000000012", "srcaddr": "10.0.0.1", "bytes": None}


def test_text_needs_a_format():
    with pytest.raises(RecordError) as failed:
        written(TEXT.batches, "text")
    assert failed.value.code == "write.no_format"


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_come_late_are_refused_not_dropped(kind):
    batches = read_all("version bytes\n2 1\nversion srcaddr\n2 ::1\n").batches
    with pytest.raises(RecordError, match="srcaddr"):
        written(batches, kind)
    written(batches, kind, LogFormat(("version", "bytes", "srcaddr")))


def test_a_format_chooses_the_columns():
    data = written(TEXT.batches, "csv", LogFormat(("bytes", "action")))
    assert data == b"bytes,action\n4249,ACCEPT\n,\n"


def test_a_value_can_never_make_a_second_line():
    batch = pa.RecordBatch.from_pydict({"version": [2], "ecs_cluster_name": ["a b\n2 evil"]})
    log_format = LogFormat(("version", "ecs-cluster-name"))
    assert written([batch], "text", log_format) == b"version ecs-cluster-name\n2 a%20b%0A2%20evil\n"


def test_a_column_whose_name_is_no_text_is_damage():
    changed = written(TEXT.batches, "arrow").replace(b"version", b"\x80ersion")
    assert [loss.kind for loss in read_or_refuse(changed).report.losses] == ["damaged"]


@pytest.mark.parametrize("kind", ["arrow", "csv", "jsonl"])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_bytes_are_survived(kind, data):
    changed = bytearray(written(TEXT.batches, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(changed)))
    read_or_refuse(bytes(changed[:end]))
