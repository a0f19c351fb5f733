"""Keys, file names and contents of files are exactly those of AWS's own delivery.

Source: VPC User Guide "Flow log files"; Transit Gateway guide "Flow log files".
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deliver.flows import START, WIDE, batch, flow_log, nothing, row, send, wanted_rows
from deliver.test_crash import numbers_of
from vpcflow.deliver import encode
from vpcflow.deliver.encode import selected
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.objects import key_of
from vpcflow.deliver.place import BucketPlace, NamedPlace, bucket_place, group_place, stream_place
from vpcflow.deliver.windows import by_window
from vpcflow.errors import DeliveryError
from vpcflow.record.format import TGW_DEFAULT, LogFormat
from vpcflow.record.layout import parse
from vpcflow.vpc.flow_logs import DestinationOptions

NAME = "123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_20231114T2320Z_[0-9a-f]{8}"
PLAIN = "AWSLogs/123456789012/vpcflowlogs/us-east-1"
HIVE = "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1"
GATEWAY = "AWSLogs/aws-account-id=123456789012/service=vpcflowlogs/aws-region=us-east-1"


@pytest.mark.parametrize(
    ("options", "transit", "prefix", "key"),
    [
        ((), False, "", f"{PLAIN}/2023/11/14/{NAME}.log.gz"),
        ((), False, "a/b", f"a/b/{PLAIN}/2023/11/14/{NAME}.log.gz"),
        (("plain-text", False, True), False, "", f"{PLAIN}/2023/11/14/23/{NAME}.log.gz"),
        (("parquet", True, False), False, "", f"{HIVE}/year=2023/month=11/day=14/{NAME}.log.parquet"),
        (("parquet", True, True), False, "", f"{HIVE}/year=2023/month=11/day=14/hour=23/{NAME}.log.parquet"),
        ((), True, "", f"{PLAIN}/2023/11/14/{NAME}.log.gz"),
        (("parquet", True, True), True, "", f"{GATEWAY}/year=2023/month=11/day=14/hour=23/{NAME}.log.parquet"),
    ],
)
def test_a_key(options, transit, prefix, key):
    flow = flow_log("s3", resource_type="TransitGateway" if transit else "VPC")
    flow = type(flow)(
        **{name: getattr(flow, name) for name in flow.__slots__} | {"options": DestinationOptions(*options)}
    )
    made = key_of(flow, prefix, "1-ab", START + 1200, 0)
    assert re.fullmatch(key, made), made
    told = parse(made)
    assert (told.account, told.region, told.flow_log_id, told.time_s) == (
        "123456789012",
        "us-east-1",
        flow.id,
        START + 1200,
    )
    assert made == key_of(flow, prefix, "1-ab", START + 1200, 0), "the same unit, the same key"
    assert made != key_of(flow, prefix, "2-ab", START + 1200, 0)
    assert made != key_of(flow, prefix, "1-ab", START + 1200, 1)


def test_a_file_holds_the_records_whose_end_lies_in_its_five_minutes(tmp_path):
    starts = [START, START + 249, START + 250, START + 549, START + 550]
    flow = flow_log("folder", tmp_path)
    send(FolderDestination(flow), batch([row(number, start=at) for number, at in enumerate(starts)]))
    found = {}
    for path in tmp_path.rglob("*.gz"):
        minute = path.name.split("_")[-2]
        found[minute] = sorted(numbers_of([path.open("rb")]))
    # `end` is 50 s after `start`.
    assert found == {"20231114T2300Z": [0, 1], "20231114T2305Z": [2, 3], "20231114T2310Z": [4]}


def test_records_without_times_are_of_the_time_they_are_delivered():
    bare = pa.RecordBatch.from_pydict({"srcaddr": ["10.0.0.1", "10.0.0.2"]})
    assert list(by_window([bare], START + 7)) == [START]


def test_text_has_a_header_and_is_one_gzip_stream(tmp_path):
    flow = flow_log("folder", tmp_path, LogFormat(("dstaddr", "srcaddr", "az-id", "end")))
    send(FolderDestination(flow), batch([row(1), row(4)]), batch([row(2)]))
    [path] = tmp_path.rglob("*.gz")
    text = gzip.decompress(path.read_bytes()).decode()
    end = START + 50
    assert text == (
        f"dstaddr srcaddr az-id end\n198.51.100.7 10.0.0.1 - {end}\n2001:db8::1 10.0.0.4 - {end}\n198.51.100.7 10.0.0.2 - {end}\n"
    )


def test_parquet_is_awss(tmp_path):
    flow = flow_log("folder", tmp_path, WIDE, file_format="parquet")
    rows = [
        row(1, instance_tag="a b/ü", x_extra=None) | {"vpc_id": None},
        nothing("eni-9", "NODATA") | {"instance_tag": None},
    ]
    rows = [{name: one.get(name) for name in (*rows[0],) if name != "x_extra"} for one in rows]
    send(FolderDestination(flow), selected(batch(rows), flow))
    [path] = tmp_path.rglob("*.log.parquet")
    file = pq.ParquetFile(path)
    assert file.schema_arrow.names == [name.replace("-", "_") for name in WIDE.names]
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert {types[name] for name in ("srcport", "protocol", "tcp_flags", "version", "traffic_path")} == {"int32"}
    assert {types[name] for name in ("packets", "bytes", "start", "end")} == {"int64"}
    assert {types[name] for name in ("srcaddr", "action", "instance_tag", "log_status")} == {"string"}
    group = file.metadata.row_group(0)
    assert {group.column(place).compression for place in range(group.num_columns)} == {"GZIP"}
    first, second = file.read().to_pylist()
    assert first["vpc_id"] == "-"
    assert first["instance_tag"] == "a%20b%2F%C3%BC"
    assert (second["srcaddr"], second["action"], second["packets"], second["srcport"]) == ("-", "-", None, None)
    assert first["version"] == second["version"] == 11


@pytest.mark.parametrize("file_format", ["plain-text", "parquet"])
def test_a_file_that_is_full_is_closed_and_another_one_begun(file_format, tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "MAX_FILE", 120_000)
    monkeypatch.setattr(encode, "_ROWS", 512)
    flow = flow_log("folder", tmp_path, file_format=file_format)
    records = batch([row(number * 7919) for number in range(20_000)])
    send(FolderDestination(flow), records)
    paths = [path for path in tmp_path.rglob("*.log.*") if path.is_file()]
    assert len(paths) > 2
    assert all(path.stat().st_size <= 120_000 for path in paths)
    if file_format == "plain-text":
        assert all(gzip.decompress(path.read_bytes()).startswith(b"version account-id") for path in paths)
        assert numbers_of(path.open("rb") for path in paths) == numbers_of_rows(records)
    else:
        assert sum(pq.read_metadata(path).num_rows for path in paths) == 20_000


def numbers_of_rows(records):
    return type(numbers_of([]))(packets - 1 for packets in records.column("packets").to_pylist())


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [("ALL", {"ACCEPT", "REJECT", None}), ("ACCEPT", {"ACCEPT", None}), ("REJECT", {"REJECT", None})],
)
def test_a_flow_log_of_a_traffic_type_has_its_records_and_those_without_action(traffic, expected):
    records = batch([*(row(number) for number in range(20)), nothing("eni-1", "NODATA"), nothing("eni-2", "SKIPDATA")])
    found = wanted_rows([records], flow_log(traffic_type=traffic))
    assert {record[12] for record in found} == expected
    assert sum(record[12] is None for record in found) == 2


def test_a_transit_gateways_records_have_no_action():
    flow = flow_log(resource_type="TransitGateway", traffic_type=None, log_format=TGW_DEFAULT)
    assert sum(wanted_rows([batch([row(number) for number in range(10)])], flow).values()) == 10


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("arn:aws:s3:::my-logs", BucketPlace("my-logs")),
        ("arn:aws:s3:::my-logs/", BucketPlace("my-logs")),
        ("arn:aws-cn:s3:::my-logs/a/b/", BucketPlace("my-logs", "a/b")),
        ("s3://my-logs/a", BucketPlace("my-logs", "a")),
    ],
)
def test_a_bucket_by_its_arn_or_uri(text, place):
    assert bucket_place(text) == place


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("arn:aws:s3:::b/AWSLogs/", "deliver.bad_bucket"),
        ("arn:aws:s3:::my-logs/AWSLogs/", "deliver.reserved"),
        ("s3://my-logs/AWSLogs/x", "deliver.reserved"),
        ("s3://my-logs/a/../b", "deliver.bad_bucket"),
        ("s3://my-logs/a//b", "deliver.bad_bucket"),
        ("my-logs", "deliver.bad_bucket"),
        ("s3://My_Logs", "deliver.bad_bucket"),
    ],
)
def test_what_is_no_bucket(text, code):
    with pytest.raises(DeliveryError) as told:
        bucket_place(text)
    assert told.value.code == code


def test_groups_and_streams_by_name_or_arn():
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/vpc/flow:*"
    assert group_place(arn) == NamedPlace("/vpc/flow", "eu-west-1", "123456789012")
    assert group_place("/vpc/flow") == NamedPlace("/vpc/flow")
    for sign in "/:":
        arn = f"arn:aws:firehose:eu-west-1:123456789012:deliverystream{sign}flow"
        assert stream_place(arn) == NamedPlace("flow", "eu-west-1", "123456789012")
    for text in ("", "a b", "arn:aws:s3:::x", "x" * 513):
        with pytest.raises(DeliveryError):
            group_place(text)


def test_a_folder_that_is_written_to_holds_whole_files_only(tmp_path):
    flow = flow_log("folder", tmp_path)
    send(FolderDestination(flow), batch([row(1)]))
    assert [path.suffix for path in Path(tmp_path).rglob("*") if path.is_file()] == [".gz"]
