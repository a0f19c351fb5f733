"""What is delivered to real servers and read back by `ingest` is what was delivered."""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deliver.flows import ACCOUNT, REGION, WIDE, batches_of, flow_log, read_back, send, wanted_rows
from vpcflow.aws import S3Access
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination
from vpcflow.deliver.firehose import FirehoseDestination
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.s3 import S3Destination
from vpcflow.record.format import DEFAULT, TGW_DEFAULT

FEW = settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # each example asks servers: shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NOW = int(time.time())
LAYOUTS = st.fixed_dictionaries({"hive_compatible_partitions": st.booleans(), "per_hour_partition": st.booleans()})


@pytest.mark.parametrize("file_format", ["plain-text", "parquet"])
@pytest.mark.parametrize("log_format", [DEFAULT, WIDE, TGW_DEFAULT], ids=["default", "wide", "transit gateway"])
def test_files_in_a_folder(log_format, file_format):
    @FEW
    @given(batches_of(log_format, NOW), LAYOUTS)
    def check(batches, layout):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            flow = flow_log("folder", place / "to", log_format, file_format=file_format, **layout)
            receipts = send(FolderDestination(flow), *batches)
            assert sum(receipt.accepted for receipt in receipts) == sum(batch.num_rows for batch in batches)
            assert read_back(place, str(place / "to"), log_format) == wanted_rows(batches, flow)

    check()


@pytest.mark.parametrize("file_format", ["plain-text", "parquet"])
def test_objects_in_s3(s3, file_format):
    @FEW
    @given(batches_of(WIDE, NOW), LAYOUTS)
    def check(batches, layout):
        with tempfile.TemporaryDirectory() as folder:
            bucket = s3.bucket()
            flow = flow_log("s3", f"arn:aws:s3:::{bucket}/some/where/", WIDE, file_format=file_format, **layout)
            send(S3Destination(flow, S3Access(endpoint_url=s3.url)), *batches)
            assert read_back(Path(folder), f"s3://{bucket}/some", WIDE, s3.url) == wanted_rows(batches, flow)

    check()


def test_events_in_cloudwatch_logs(s3):
    @FEW
    @given(batches_of(WIDE, NOW))
    def check(batches):
        with tempfile.TemporaryDirectory() as folder:
            group = f"/vpc/{uuid.uuid4().hex}"
            flow = flow_log("cloud-watch-logs", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}", WIDE)
            receipts = send(CloudWatchLogsDestination(flow, S3Access(), endpoint_url=s3.url), *batches)
            wanted = wanted_rows(batches, flow)
            if all(receipt.rejected["before_traffic"] for receipt in receipts):
                return
            left_out = sum(receipt.rejected.total() for receipt in receipts)
            found = read_back(Path(folder), f"cloudwatch:{group}", WIDE, s3.url)
            assert found <= wanted
            assert (wanted - found).total() == left_out
            status = WIDE.names.index("log-status")
            assert all(record[status] == "NODATA" for record in wanted - found)

    check()


@pytest.fixture
def delivery_stream(s3):
    """A stream of Firehose that writes to a bucket: (its ARN, the bucket)."""

    def make():
        bucket, name = s3.bucket(), f"stream-{uuid.uuid4().hex[:12]}"
        made = s3.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={
                "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/delivery",
                "BucketARN": f"arn:aws:s3:::{bucket}",
            },
        )
        return made["DeliveryStreamARN"], bucket

    return make


def test_records_in_firehose(s3, delivery_stream):
    @FEW
    @given(batches_of(WIDE, NOW))
    def check(batches):
        with tempfile.TemporaryDirectory() as folder:
            arn, bucket = delivery_stream()
            flow = flow_log("kinesis-data-firehose", arn, WIDE)
            send(FirehoseDestination(flow, S3Access(), endpoint_url=s3.url), *batches)
            assert read_back(Path(folder), f"s3://{bucket}", WIDE, s3.url) == wanted_rows(batches, flow)

    check()
