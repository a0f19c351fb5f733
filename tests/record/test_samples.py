"""Real samples of others, where VPCFLOW_SAMPLES says they are: each gives what its expected.json says."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from record.reading import read_all, values

SAMPLES = os.environ.get("VPCFLOW_SAMPLES")
pytestmark = pytest.mark.skipif(not SAMPLES, reason="VPCFLOW_SAMPLES is not set")


def sample(name, **options):
    return read_all((Path(SAMPLES) / "flowlogs" / name).read_bytes(), **options)


def expected(folder):
    return json.loads((Path(SAMPLES) / "flowlogs" / folder / "expected.json").read_text())


def as_ours(record):
    """Write an expected record as a row: times as epoch seconds, protocols as numbers."""
    row = dict(record)
    for name in ("start", "end"):
        if isinstance(row.get(name), str):
            row[name] = int(datetime.fromisoformat(row[name]).timestamp())
    row["protocol"] = {"tcp": 6}.get(row.get("protocol"), row.get("protocol"))
    return values(row)


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("v3-s3.log", "test_serial"),
        ("v3-s3.log.gz", "test_serial"),
        ("v3-s3.log.gz", "test_threads"),
        ("v4-s3.log", "test_serial_v4"),
        ("v4-s3.log.gz", "test_serial_v4"),
        ("v5-s3.log", "test_serial_v5"),
        ("v5-s3.log.gz", "test_serial_v5"),
        ("v6-s3.log", "test_serial_v6"),
        ("v6-s3.log.gz", "test_serial_v6"),
        ("flows.parquet", "test_serial_parquet"),
    ],
)
def test_files_of_flowlogs_reader_give_the_records_it_expects(name, test):
    wanted = expected("flowlogs-reader")[f"S3FlowLogsReaderTestCase.{test}"]
    got = [values(row) for row in sample(f"flowlogs-reader/{name}").rows]
    # That library expects the first records of a file only.
    assert got[: len(wanted)] == [as_ours(record) for record in wanted]
    assert len(got) >= len(wanted)


def test_the_bogus_line_of_version_5_is_counted_and_nothing_else_is_lost():
    result = sample("flowlogs-reader/v5-s3.log")
    assert result.bad == [(4, "too_few_fields", "az-id")]
    assert len(result.rows) == 2


def test_messages_without_a_header_are_the_default_format():
    result = sample("flowlogs-reader/v2-cwl-messages.log")
    tests = expected("flowlogs-reader")
    wanted = [as_ours(tests[f"FlowRecordTestCase.{test}"]) for test in ("test_parse", "test_to_dict")]
    assert [values(result.rows[0]), values(result.rows[2])] == wanted
    assert [row["log_status"] for row in result.rows] == ["OK", "OK", "OK", "NODATA", "SKIPDATA"]


def test_those_messages_add_up_as_the_library_adds_them():
    wanted = expected("flowlogs-reader")["FlowRecordTestCase.test_str"]
    row = sample("flowlogs-reader/v2-cwl-messages.log").rows[0]
    assert f"packets: {row['packets']}, bytes: {row['bytes']}" in wanted


def test_transit_gateway_fields_go_to_their_own_table():
    result = sample("flowlogs-reader/v6-s3.log")
    assert set(result.tables) == {"transit_gateway_flow_logs"}


def test_two_records_of_the_collector_are_read_as_it_reads_them():
    wanted = [as_ours(record) for record in expected("otel")["vpc-two-records.log"]["records"]]
    rows = sample("otel/vpc-two-records.log").rows
    assert [{name: row[name] for name in want} for row, want in zip(rows, wanted, strict=True)] == wanted


def test_ecs_fields_are_read_without_a_newline_at_the_end():
    wanted = expected("otel")["vpc-ecs.log"]
    (row,) = sample("otel/vpc-ecs.log").rows
    assert {name: row[name] for name in ("ecs_second_container_id", "ecs_service_name", "bytes")} == {
        name: wanted[name] for name in ("ecs_second_container_id", "ecs_service_name", "bytes")
    }


@pytest.mark.parametrize(
    ("name", "reason"), [("too-few-fields.log", "too_few_fields"), ("too-many-fields.log", "too_many_fields")]
)
def test_lines_of_the_wrong_width_are_counted_and_never_shifted(name, reason):
    result = sample(f"otel/{name}")
    assert result.rows == []
    assert [(line, why) for line, why, _ in result.bad] == [(2, reason)]


def test_lost_packets_in_the_middle_of_a_line_keep_their_names():
    wanted = expected("otel")["tgw.log"]
    (row,) = sample("otel/tgw.log").rows
    assert {name: row[f"packets_lost_{name}"] for name in wanted["packets_lost"]} == wanted["packets_lost"]
    assert (row["tcp_flags"], row["flow_direction"]) == (wanted["tcp_flags"], wanted["flow_direction"])


def dollars(names):
    return " ".join(f"${{{name}}}" for name in names.split())


def test_an_envelope_of_a_custom_format_has_the_times_of_its_events():
    wanted = expected("otel")["cw-subscription-custom-format.json"]
    result = sample("otel/cw-subscription-custom-format.json", log_format=dollars(wanted["format"]))
    assert len(result.rows) == wanted["records"]
    assert [row["x_event_time"] for row in result.rows] == wanted["timestamps_ms"]
    assert (result.origin.log_group, result.origin.log_stream) == (wanted["log_group"], wanted["log_stream"])


def test_an_envelope_of_a_transit_gateway_is_read_with_its_format():
    wanted = expected("otel")["cw-subscription-tgw.json"]
    result = sample("otel/cw-subscription-tgw.json", log_format=dollars(wanted["format"]))
    assert result.tables == ["transit_gateway_flow_logs"] * wanted["records"]
    assert result.rows[0]["tgw_id"] == "tgw-0abc12345def67890"
