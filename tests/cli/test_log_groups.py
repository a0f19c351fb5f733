"""`vpcflow ingest --log-group`: other logs, from wherever they lie, and what is said of them."""

from __future__ import annotations

import gzip
import io
import json
import sys

import pytest

from cli import logs
from log_groups import LogGroup, window_before

LINES = "2025-11-27T10:00:00Z one\n2025-11-27T10:00:01Z two\n"
ALL = "select log_group, log_stream, timestamp, message from log_events order by timestamp, message"


def _rows(run):
    return run("query", "--lake", "lake", ALL, "-o", "jsonl").rows()


def test_files_and_folders_are_kept_and_told(run, place):
    (place / "logs").mkdir()
    (place / "logs" / "a.log").write_text(LINES)
    (place / "logs" / "b.log.gz").write_bytes(gzip.compress(LINES.replace("one", "three").encode()))
    done = run("ingest", "logs", "--log-group", "/app", "--lake", "lake")
    assert (done.code, done.out.split(",")[0]) == (0, "4 log events")
    assert [row["log_stream"] for row in _rows(run)] == ["a", "b", "a", "b"]
    assert "4 of log_events" in run("lake", "info", "--lake", "lake").out
    told = run("lake", "info", "--lake", "lake", "-o", "json").json()
    assert [(group["name"], group["rows"]) for group in told["log_groups"]] == [("/app", 4)]
    assert "4 already in the lake" not in run("ingest", "logs", "--log-group", "/app", "--lake", "lake").out
    assert len(_rows(run)) == 4


def test_standard_input_is_known_by_its_content(run, place, monkeypatch):
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES.encode())))
        assert run("ingest", "-", "--log-group", "/app", "--log-stream", "s", "--lake", "lake").code == 0
    assert [(row["log_stream"], row["message"][-3:]) for row in _rows(run)] == [("s", "one"), ("s", "two")]


def test_one_file_may_be_flow_logs_and_events_of_groups(run, place):
    logs.write(place / "flow.log", logs.line(1), logs.line(2))
    for words in ([], ["--log-group", "/a"], ["--log-group", "/b"]):
        assert run("ingest", "flow.log", *words, "--lake", "lake").code == 0
    assert len(_rows(run)) == 6  # the header is a line
    assert run("query", "--lake", "lake", "select count(*) as n from flow_logs", "-o", "jsonl").rows() == [{"n": 2}]


def test_what_has_no_time_is_told(run, place):
    (place / "a.log").write_text("no time\nnone here\n")
    done = run("ingest", "a.log", "--log-group", "/app", "--lake", "lake")
    assert "2 events tell no time of their own" in done.err


def test_bad_lines_are_counted_shown_and_kept(run, place):
    (place / "a.log").write_text("ok\n" + "x" * 1_100_000 + "\n")
    done = run("ingest", "a.log", "--log-group", "/app", "--lake", "lake", "--bad-lines", "bad.txt")
    assert "1 bad lines (1 line too long)" in done.out
    assert (place / "bad.txt").stat().st_size > 1_000_000
    assert run("ingest", "a.log", "--log-group", "/b", "--lake", "lake", "--strict").code == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--log-stream", "x"], "--log-stream needs --log-group"),
        (["--log-group", "a b"], "cannot be the name of a log group"),
        (["--log-group", "a", "--log-stream", "x:y"], "cannot be the name of a log stream"),
        (["--log-group", "a", "--format", "${version}"], "choose one"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, place, words, said):
    (place / "a.log").write_text("x\n")
    done = run("ingest", "a.log", *words, "--lake", "lake")
    assert done.code == 2
    assert said in done.err
    assert not (place / "lake").exists()


def test_binary_content_is_refused_and_the_rest_is_kept(run, place):
    (place / "a.log").write_text("x\n")
    (place / "b.bin").write_bytes(b"PAR1" + bytes(100))
    done = run("ingest", "a.log", "b.bin", "--log-group", "/app", "--lake", "lake")
    assert done.code == 4
    assert "neither text nor JSON" in done.err
    assert len(_rows(run)) == 1


def test_a_log_that_is_no_flow_log_is_pointed_to_log_groups(run, place):
    (place / "a.log").write_text("hello world\n")
    assert "--log-group NAME" in run("ingest", "a.log", "--lake", "lake").err


@pytest.mark.slow
def test_a_log_group_of_cloudwatch_and_objects_of_other_services_are_kept(run, place, s3):
    at = window_before(3600)
    group = LogGroup(s3, "/aws/lambda/app")
    group.put([(at + 1, '{"level":"info","req":{"id":7}}'), (at + 2, "START RequestId: 1\n  more")], "2026/x[1]")
    words = ("--log-group", "/aws/lambda/app", "--lake", "lake", "--endpoint-url", s3.url)
    done = run("ingest", "cloudwatch:/aws/lambda/app", *words)
    assert done.code == 0, done.err
    again = run("ingest", "cloudwatch:/aws/lambda/app", *words)
    assert again.out.startswith("0 log events"), again
    rows = _rows(run)
    assert [row["message"][:5] for row in rows] == ['{"lev', "START"]
    assert {row["log_stream"] for row in rows} == {"2026/x[1]"}
    assert rows[0]["timestamp"] == (at + 1) * 1000

    trail = {"Records": [{"eventTime": "2025-11-27T10:00:00Z", "eventName": "RunInstances"}]}
    key = "AWSLogs/123456789012/CloudTrail/us-east-1/2025/11/27/123456789012_CloudTrail_us-east-1_20251127T1000Z_x.json.gz"
    bucket = s3.bucket({key: gzip.compress(json.dumps(trail).encode())})
    done = run("ingest", f"s3://{bucket}", "--log-group", "trail", "--lake", "lake", "--endpoint-url", s3.url)
    assert done.code == 0, done.err
    found = run(
        "query",
        "--lake",
        "lake",
        "select message, aws_account_id from log_events where log_group = 'trail'",
        "-o",
        "jsonl",
    )
    assert found.rows() == [
        {"message": '{"eventTime":"2025-11-27T10:00:00Z","eventName":"RunInstances"}', "aws_account_id": "123456789012"}
    ]
