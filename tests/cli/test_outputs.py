"""Every form of output says the same."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.logs import line, write
from vpcflow.record.fields import BY_COLUMN
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport

KINDS = ("table", "wide", "text", "json", "jsonl", "csv", "parquet", "arrow")
ASKED = ("records", "-f", "dstport in (22, 443, 3389) or log_status != OK", "-n", 300)


def rows_of(kind, ran):
    """Read an output back as typed rows."""
    if kind == "json":
        return ran.json()
    if kind == "jsonl":
        return ran.rows()
    if kind == "parquet":
        return pq.read_table(io.BytesIO(ran.data)).to_pylist()
    if kind == "arrow":
        return pa.ipc.open_stream(ran.data).read_all().to_pylist()
    if kind == "csv":
        head, *rows = csv.reader(io.StringIO(ran.out))
        return [{name: _typed(name, text or None) for name, text in zip(head, row, strict=True)} for row in rows]
    report = ReadReport()
    found = [row for _, batch in read(io.BytesIO(ran.data), "out", report, Origin()) for row in batch.to_pylist()]
    assert not report.bad
    return found


def _told(rows, absent):
    return [[absent if value is None else str(value) for value in row.values()] for row in rows]


def _typed(name, text):
    return int(text) if text is not None and BY_COLUMN[name].type != "string" else text


@pytest.mark.parametrize("kind", ["text", "json", "csv", "parquet", "arrow"])
def test_records_read_back_are_the_same_in_every_form(lake, run, kind):
    expected = run(*ASKED, "-o", "jsonl").rows()
    assert len(expected) == 300
    assert {row["log_status"] for row in expected} > {"OK"}
    assert rows_of(kind, run(*ASKED, "-o", kind)) == expected


def test_json_has_underscore_names_typed_values_and_null(lake, run):
    row = next(row for row in run("records", "-f", "log_status = NODATA", "-o", "jsonl").rows() if row["vpc_id"])
    assert row["srcaddr"] is None
    assert row["bytes"] is None
    assert row["account_id"] == "123456789012"
    assert isinstance(row["start"], int)
    assert all("-" not in name for name in row)


def test_parquet_has_awss_types(lake, run):
    schema = pq.read_schema(io.BytesIO(run("records", "-n", 1, "-o", "parquet").data))
    found = {field.name: str(field.type) for field in schema}
    assert (found["bytes"], found["srcport"], found["srcaddr"], found["account_id"]) == (
        "int64",
        "int32",
        "string",
        "string",
    )


def test_a_pipe_gets_text_with_awss_names(lake, run):
    ran = run("records", "-n", 2)
    assert ran.lines[0].startswith("version account-id interface-id srcaddr dstaddr")
    assert len(ran.lines) == 3
    assert ran.data == run("records", "-n", 2, "-o", "text").data


def test_a_table_shows_each_record_on_a_line(lake, run):
    ran = run(*ASKED, "-o", "table")
    assert len(ran.lines) == 301
    assert ran.lines[0].split()[0:2] == ["start", "(UTC)"]
    assert any("✕ REJECT" in text for text in ran.lines)
    assert any("– NODATA" in text for text in ran.lines)


def test_wide_has_every_field(lake, run):
    ran = run("records", "-n", 1, "-o", "wide")
    assert {"vpc-id", "flow-direction", "traffic-path"} <= set(ran.lines[0].split())


@pytest.mark.parametrize("kind", ["text", "json", "csv", "parquet", "arrow"])
@pytest.mark.parametrize(
    "asked", [("top", "srcaddr", "dstport", "-n", 20), ("denied", "--by", "dstport", "-n", 20), ("denied", "--at-least", 10**9)],
    ids=["top", "denied", "nothing"],
)  # fmt: skip
def test_results_read_back_are_the_same_in_every_form(lake, run, asked, kind):
    expected = run(*asked, "-o", "jsonl").rows()
    ran = run(*asked, "-o", kind)
    if kind == "text":
        head, *rows = (text.split("\t") for text in ran.lines)
        assert rows == _told(expected, "-")
    elif kind == "csv":
        head, *rows = csv.reader(io.StringIO(ran.out))
        assert rows == _told(expected, "")
    else:
        assert rows_of(kind, ran) == expected
        return
    assert all(head == list(row) for row in expected)


@pytest.mark.parametrize("kind", ["text", "csv", "json", "parquet", "arrow"])
def test_derived_columns_can_be_chosen_in_every_form(lake, run, kind):
    asked = ("records", "--fields", "src,start-time,date,protocol_name,aws_region,bytes", "-n", 40)
    expected = run(*asked, "-o", "jsonl").rows()
    assert expected[0]["start_time"] == "2026-11-16T11:59:53Z"
    assert expected[0]["date"] == "2026-11-16"
    assert list(expected[0]) == ["src", "start_time", "date", "protocol_name", "aws_region", "bytes"]
    ran = run(*asked, "-o", kind)
    if kind == "text":
        assert [text.split("\t") for text in ran.lines[1:]] == _told(expected, "-")
    elif kind == "csv":
        assert list(csv.reader(io.StringIO(ran.out)))[1:] == _told(expected, "")
    else:
        found = rows_of(kind, ran)
        assert [(row["src"], row["bytes"]) for row in found] == [(row["src"], row["bytes"]) for row in expected]
        assert str(found[0]["start_time"]).startswith("2026-11-16")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_found_is_well_formed_in_every_form(lake, run, kind):
    ran = run("records", "-f", "bytes > 99999999999", "-o", kind)
    assert ran.code == 0
    assert "nothing found" in ran.err
    if kind not in ("table", "wide"):
        assert rows_of(kind, ran) == []
    else:
        assert ran.out == ""


def test_zero_means_all_and_a_number_the_newest(lake, run):
    everything = run("records", "-n", 0, "--fields", "start", "-o", "jsonl").rows()
    assert len(everything) == 11_000
    newest = sorted((row["start"] for row in everything if row["start"]), reverse=True)[:50]
    assert [row["start"] for row in run("records", "-n", 50, "--fields", "start", "-o", "jsonl").rows()] == newest


def test_a_table_stops_at_a_hundred_and_says_so(lake, run):
    ran = run("records", "-o", "table")
    assert len(ran.lines) == 101
    assert "the newest 100" in ran.err
    assert run("records", "-o", "table", "-q").err == ""


def test_fields_are_given_in_the_order_asked_for(lake, run):
    assert (
        run("records", "--fields", "dstPort,srcaddr, interface-id", "-n", 1).lines[0] == "dstport srcaddr interface-id"
    )


def test_times_are_asked_since_inclusive_until_exclusive(run, place):
    log = write(place / "log", *(line(n) for n in range(10)))
    asked = ("records", "--from", log, "--since", 1_700_002_803, "--until", 1_700_002_806, "--fields", "srcaddr")
    assert sorted(run(*asked).lines[1:]) == ["203.0.113.3", "203.0.113.4", "203.0.113.5"]


def test_several_filters_hold_together(lake, run):
    ran = run("records", "-f", "action = REJECT", "-f", "dstport = 22 or dstport = 3389", "-o", "jsonl")
    assert {(row["action"], row["dstport"]) for row in ran.rows()} <= {("REJECT", 22), ("REJECT", 3389)}
    assert ran.lines


def test_account_and_region_choose_partitions(lake, run):
    ran = run("records", "--account", "210987654321", "--region", "ap-northeast-2", "--fields", "account-id")
    assert set(ran.lines[1:]) == {"210987654321"}
    assert len(ran.lines) == 5_001
    assert run("records", "--region", "eu-west-1", "-o", "jsonl").out == ""


def test_csv_defuses_what_a_spreadsheet_would_compute(run, place):
    log = write(place / "log", line(interface_id="=cmd|calc"))
    for asked in (("records", "--fields", "interface-id"), ("top", "interface-id")):
        ran = run(*asked, "--from", log, "-o", "csv")
        assert ran.lines[1].startswith("'=cmd")


def test_verbose_tells_rows_bytes_and_sql(lake, run):
    assert "rows," in run("records", "-n", 1, "-v").err
    assert "SQL: SELECT" in run("top", "srcaddr", "-v").err.replace("WITH", "SELECT")


def test_a_table_of_denied_leaves_out_what_is_one_for_every_row(lake, run):
    head = run("denied", "-o", "table").lines[0]
    assert "targets" in head
    assert "sources" not in head
    assert "still trying?" in head


def test_shares_in_a_table_add_up(lake, run):
    ran = run("top", "action", "-o", "table")
    assert ran.lines[-1].split()[-4:] != []
    assert "100.0%" in ran.lines[-1]
