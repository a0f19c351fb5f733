"""From a bucket of a real S3 server to a lake and its answers, by the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
BOTH = {"123456789012": 6000, "210987654321": 5000}


def run(*words, lake, check=True):
    command = [sys.executable, "-m", "vpcflow", *words]
    environ = {**os.environ, "VPCFLOW_LAKE": str(lake), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, stdin=subprocess.DEVNULL)
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def bucket(s3):
    objects = {str(path.relative_to(EXAMPLES)): path.read_bytes() for path in (EXAMPLES / "AWSLogs").rglob("*.gz")}
    return s3.bucket(objects)


def records(lake):
    return json.loads(run("lake", "info", "-o", "json", lake=lake).stdout)["tables"]["flow_logs"]["rows"]


def test_a_bucket_is_ingested_once_however_often_it_is_asked_for(s3, bucket, tmp_path):
    lake = tmp_path / "lake"
    words = ("ingest", f"s3://{bucket}", "--endpoint-url", s3.url)
    assert run(*words, lake=lake).stdout.startswith("11,000 records, 60 files")
    s3.forget()
    again = run(*words, lake=lake).stdout
    assert again.startswith("0 records, 0 files")
    assert "60 already in the lake" in again
    assert s3.gets() == 0
    assert records(lake) == 11_000


def test_account_region_and_time_are_pruned_before_anything_is_fetched(s3, bucket, tmp_path):
    lake = tmp_path / "lake"
    s3.forget()
    words = ("--endpoint-url", s3.url, "--account", "123456789012", "--since", "2026-11-16T11:30:00Z")
    done = run("ingest", f"s3://{bucket}/AWSLogs", *words, lake=lake)
    # Objects of 15 minutes, and a margin of 15 minutes before.
    assert 2 <= s3.gets() <= 4
    assert f"{s3.gets()} files" in done.stdout
    assert 0 < records(lake) < 6000 / 24 * 5


def test_a_redelivered_object_replaces_its_records(s3, bucket, tmp_path):
    lake = tmp_path / "lake"
    words = ("ingest", f"s3://{bucket}", "--endpoint-url", s3.url)
    run(*words, lake=lake)
    key = next(str(path.relative_to(EXAMPLES)) for path in sorted((EXAMPLES / "AWSLogs").rglob("*.gz")))
    header = b"version account-id interface-id srcaddr dstaddr start end action log-status\n"
    s3.client().put_object(
        Bucket=bucket,
        Key=key,
        Body=header + b"2 123456789012 eni-1 192.0.2.99 10.0.0.1 1794808800 1794808801 ACCEPT OK\n",
    )
    done = run(*words, lake=lake)
    assert "1 records, 1 files" in done.stdout
    found = run("records", "-f", "srcaddr = 192.0.2.99 and interface-id = eni-1", "-o", "jsonl", lake=lake).stdout
    assert len(found.splitlines()) == 1
    assert records(lake) < 11_000
    info = json.loads(run("lake", "info", "-o", "json", lake=lake).stdout)
    assert info["replaced_sources"] == 1
    assert info["sources"] == 60


def test_questions_go_to_a_bucket_without_a_lake(s3, bucket, tmp_path):
    lake = tmp_path / "none"
    words = (
        "top",
        "srcaddr",
        "--by",
        "records",
        "-n",
        "1",
        "-o",
        "json",
        "--from",
        f"s3://{bucket}",
        "--endpoint-url",
        s3.url,
    )
    here = run(
        "top", "srcaddr", "--by", "records", "-n", "1", "-o", "json", "--from", str(EXAMPLES / "AWSLogs"), lake=lake
    )
    assert run(*words, lake=lake).stdout == here.stdout
    assert not lake.exists()


def test_a_killed_ingest_of_a_bucket_is_finished_by_the_next(s3, bucket, tmp_path):
    lake = tmp_path / "lake"
    words = ("ingest", f"s3://{bucket}", "--endpoint-url", s3.url)
    environ = {**os.environ, "VPCFLOW_LAKE": str(lake)}
    for wait_s in (0.5, 0.8, 1.1):
        child = subprocess.Popen([sys.executable, "-m", "vpcflow", *words], env=environ, stderr=subprocess.DEVNULL)
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
    run(*words, lake=lake)
    assert records(lake) == 11_000
    run("doctor", lake=lake)


def test_watch_takes_what_comes_and_ends_on_a_signal(s3, bucket, tmp_path):
    lake = tmp_path / "lake"
    words = ("ingest", f"s3://{bucket}", "--endpoint-url", s3.url, "--watch", "--interval", "1s")
    environ = {**os.environ, "VPCFLOW_LAKE": str(lake), "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "vpcflow", *words],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline().startswith("11,000 records")
        s3.client().put_object(
            Bucket=bucket,
            Key="AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/16/123456789012_vpcflowlogs_us-east-1_fl-1_20261116T1300Z_00000000.log",
            Body=b"version srcaddr dstaddr start end\n2 10.0.0.1 10.0.0.2 1794834000 1794834001\n",
        )
        assert child.stdout.readline().startswith("1 records, 1 files")
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.communicate()
    assert records(lake) == 11_001


def test_an_endpoint_nobody_answers_at_is_told_with_what_to_do(tmp_path):
    done = run(
        "ingest", "s3://bucket/AWSLogs", "--endpoint-url", "http://127.0.0.1:1", "--no-sign-request",
        lake=tmp_path / "lake", check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
