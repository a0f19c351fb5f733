"""`vpcflow deliver`: records go where they are told to, once, and what cannot go is said."""

from __future__ import annotations

import itertools
import time
import uuid

import pytest

from cli.logs import write
from deliver.faulty import DENIED, FaultyServer
from vpcflow.deliver import replay
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination
from vpcflow.deliver.folder import FolderDestination

ACCOUNT = "123456789012"


def line(number: int, at: int, account: str = ACCOUNT, action: str = "") -> str:
    return (
        f"2 {account} eni-{number % 2} 10.0.0.{number % 250} 10.9.0.1 {1024 + number} 443 6 {1 + number} 99 {at} {at + 9} "
        f"{action or ('REJECT' if number % 3 == 0 else 'ACCEPT')} OK"
    )


@pytest.fixture
def now():
    return int(time.time()) - 7200


@pytest.fixture
def source(place, now):
    return write(place / "source.log", *(line(number, now + 30 * number) for number in range(60)))


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_command_writes_the_same_files(run, place, source):
    words = ("deliver", "--from", str(source), "--log-destination-type", "folder", "--log-destination", "to")
    first = run(*words)
    assert first.code == 0, first.err
    assert first.out.startswith("60 records delivered in ")
    found = files(place / "to")
    assert run(*words).code == 0
    assert files(place / "to") == found
    assert run(*words, "--traffic-type", "REJECT").out.startswith("20 records")
    assert len(files(place / "to")) > len(found)


def test_what_is_read_back_is_what_was_there(run, place, source):
    run("deliver", "--from", str(source), "--log-destination-type", "folder", "--log-destination", "to",
        "--file-format", "parquet", "--hive-compatible-partitions")  # fmt: skip
    there = run("records", "--from", str(source), "-o", "text").lines
    assert sorted(run("records", "--from", "to", "-o", "text").lines) == sorted(there)
    del place


def test_each_account_has_its_own_keys(run, place, now):
    lines = [line(number, now, account) for number, account in enumerate([ACCOUNT, "210987654321", "unknown", ACCOUNT])]
    write(place / "source.log", *lines)
    done = run("deliver", "--from", "source.log", "--log-destination-type", "folder", "--log-destination", "to")
    assert done.out.startswith("4 records delivered in 3 pieces")
    assert sorted(path.parts[1] for path in files(place / "to")) == ["000000000000", ACCOUNT, "210987654321"]


def test_fields_in_the_order_of_the_format(run, place, source):
    words = (
        "--log-destination-type",
        "folder",
        "--log-destination",
        "to",
        "--log-format",
        "${dstport} ${az-id} ${packets}",
    )
    assert run("deliver", "--from", str(source), *words).code == 0
    lines = run("records", "--from", "to", "-o", "text", "--fields", "dstport,az-id,packets").lines
    assert sorted(lines[1:]) == sorted(f"443 - {1 + number}" for number in range(60))
    del place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--log-destination", "nowhere"), '"nowhere" is no bucket'),
        (("--log-destination", "s3://logs/AWSLogs"), "AWSLogs"),
        (("--log-destination-type", "kinesis-data-firehose", "--log-destination", "a b"), "no delivery stream"),
        (
            ("--log-destination-type", "cloud-watch-logs", "--log-destination", "/g", "--file-format", "parquet"),
            "has no files",
        ),
        (("--log-destination", "s3://logs", "--log-format", "${nothing}"), "nothing"),
        (
            ("--log-destination", "s3://logs", "--table", "transit_gateway_flow_logs", "--traffic-type", "ACCEPT"),
            "no action",
        ),
        (("--log-destination-type", "ftp", "--log-destination", "x"), "ftp"),
    ],
)
def test_what_is_wrong_is_named(words, said, run, source):
    done = run("deliver", "--from", str(source), *words)
    assert done.code in (2, 4, 5)
    assert said in done.err


def test_access_denied_ends_it_and_says_what_is_needed(run, source, aws):
    with FaultyServer(otherwise=DENIED) as server:
        words = ("--log-destination", "s3://logs", "--destination-endpoint-url", server.url)
        done = run("deliver", "--from", str(source), *words)
    assert done.code == 5
    assert "access denied to PutObject" in done.err
    assert "s3:PutObject" in done.err
    del aws


@pytest.fixture
def aws(s3, monkeypatch):
    """A server of AWS's services, and keys for it; `place` has cleared the environment before."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return s3


def to_group(name, aws):
    return ("--log-destination-type", "cloud-watch-logs", "--log-destination", name, "--endpoint-url", aws.url)


def messages(name, aws) -> list[str]:
    logs = aws.client("logs")
    streams = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]]
    assert streams == ["eni-0-all", "eni-1-all"]
    said = [logs.get_log_events(logGroupName=name, logStreamName=one, startFromHead=True)["events"] for one in streams]
    return [event["message"] for events in said for event in events]


def test_a_log_group_goes_on_where_it_was_interrupted(run, source, aws, monkeypatch):
    monkeypatch.setattr(replay.pieces, "__defaults__", (10,))
    name = f"/vpc/{uuid.uuid4().hex}"
    put, calls = CloudWatchLogsDestination._put, itertools.count(1)

    def breaking(self, stream, events):
        answer = put(self, stream, events)
        if next(calls) == 7:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(CloudWatchLogsDestination, "_put", breaking)
    words = ("deliver", "--from", str(source), *to_group(name, aws))
    assert run(*words).code == 130
    # Some of the first calls find no stream yet; the seventh is accepted, and its answer lost.
    assert 20 <= len(messages(name, aws)) < 60
    done = run(*words)
    assert done.code == 0, done.err
    assert "continued" in done.err
    found = messages(name, aws)
    assert len(found) == 60
    assert sorted(found) == sorted(source.read_text().splitlines()[1:])


def test_records_that_a_log_group_would_not_take_are_told(run, place, aws):
    write(place / "old.log", *(line(number, 1_700_000_000) for number in range(4)))
    name = f"/vpc/{uuid.uuid4().hex}"
    done = run("deliver", "--from", "old.log", *to_group(name, aws))
    assert done.code == 5
    assert "4 records cannot be delivered: 4 older than 14 days" in done.err


def test_nothing_to_deliver_is_said(run, source):
    words = ("--log-destination-type", "folder", "--log-destination", "to", "-f", "dstport = 1")
    done = run("deliver", "--from", str(source), *words)
    assert done.code == 0
    assert "nothing found" in done.err


def test_files_are_the_same_whether_or_not_it_was_interrupted(run, place, source, monkeypatch):
    words = ("deliver", "--from", str(source), "--log-destination-type", "folder", "--log-destination")
    store, calls = FolderDestination._store, itertools.count(1)

    def breaking(self, key, file):
        if next(calls) == 4:
            raise KeyboardInterrupt
        store(self, key, file)

    with monkeypatch.context() as patched:
        patched.setattr(FolderDestination, "_store", breaking)
        assert run(*words, "to").code == 130
    partly = files(place / "to")
    assert len(partly) == 3
    assert run(*words, "to").code == 0
    whole = files(place / "to")
    assert partly.items() <= whole.items()
    assert run(*words, "other").code == 0
    assert sorted(whole.values()) == sorted(files(place / "other").values())


def test_to_a_bucket_and_to_a_stream(run, source, aws):
    bucket = aws.bucket()
    stream = f"stream-{uuid.uuid4().hex[:12]}"
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/r",
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": "stream/",
        },
    )
    words = ("deliver", "--from", str(source), "--endpoint-url", aws.url)
    for more in (
        ("--log-destination", f"s3://{bucket}/objects"),
        ("--log-destination-type", "kinesis-data-firehose", "--log-destination", stream),
    ):
        done = run(*words, *more)
        assert done.code == 0, done.err
        assert done.out.startswith("60 records delivered")
    there = sorted(source.read_text().splitlines()[1:])
    for folder in ("objects", "stream"):
        found = run("records", "--from", f"s3://{bucket}/{folder}", "--endpoint-url", aws.url, "-o", "text").lines
        assert sorted(found[1:]) == there, folder
