"""`vpcflow query` as a user runs it: on a lake, on files, on Amazon Athena, in the shell."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from athena_server import AthenaServer
from cli.conftest import EXAMPLES

COUNTS = "SELECT action, count(*) AS n FROM vpc_flow_logs GROUP BY action ORDER BY n DESC"


def test_on_a_lake_and_on_files_the_answer_is_the_same(run):
    assert run("ingest", str(EXAMPLES)).code == 0
    lake = run("query", "--lake", "lake", COUNTS, "-o", "json")
    files = run("query", "--from", str(EXAMPLES), COUNTS, "-o", "json")
    assert lake.json() == files.json()
    assert lake.json()[0] == {"action": "ACCEPT", "n": 10310}
    assert "3 rows, " in lake.err
    assert " scanned, " in lake.err


@pytest.mark.parametrize("kind", ["table", "wide", "text", "json", "jsonl", "csv", "arrow", "parquet"])
def test_every_output(run, kind):
    ran = run(
        "query",
        "SELECT from_unixtime(0) AS t, 1 AS n, CAST('10.0.0.1' AS ipaddress) AS ip",
        "--from",
        str(EXAMPLES),
        "-o",
        kind,
    )
    assert ran.code == 0
    if kind == "parquet":
        table = pq.read_table(io.BytesIO(ran.data))
        assert str(table.schema.field("t").type) == "timestamp[ms, tz=UTC]"
    elif kind != "arrow":
        assert "1970-01-01 00:00:00.000 UTC" in ran.out
        assert "10.0.0.1" in ran.out


def test_a_saved_query_and_a_name_there_is_not(run):
    ran = run("query", "--from", str(EXAMPLES), "--saved", "vpcflowlogstoptalkers", "-o", "jsonl")
    totals = [row["bytes"] for row in ran.rows()]
    assert len(totals) == 50
    assert totals == sorted(totals, reverse=True)
    ran = run("query", "--saved", "Nosuch")
    assert ran.code == 2
    assert "VpcFlowLogsTopTalkers" in ran.err


def test_an_error_underlines_its_place(run):
    ran = run("query", "SELECT srcadr FROM flow_logs", "--from", str(EXAMPLES))
    assert ran.code == 4
    assert "       ^^^^^^" in ran.err
    assert "Did you mean srcaddr?" in ran.err


def test_max_rows_and_exit_code(run):
    ran = run("query", "SELECT srcaddr FROM flow_logs", "--from", str(EXAMPLES), "--max-rows", "3", "-o", "jsonl")
    assert len(ran.lines) == 3
    assert "--max-rows" in ran.err
    assert run("query", "SELECT 1 FROM flow_logs WHERE false", "--from", str(EXAMPLES), "--exit-code").code == 1


SLOW = "SELECT count(*) FROM flow_logs a, flow_logs b, flow_logs c WHERE a.bytes + b.bytes + c.bytes = 1"


def test_timeout(run):
    began = time.monotonic()
    ran = run("query", SLOW, "--from", str(EXAMPLES), "--timeout", "0.5")
    assert ran.code == 4
    assert time.monotonic() - began < 10


def test_an_interrupt_stops_at_once(run, place):
    assert run("ingest", str(EXAMPLES)).code == 0
    child = subprocess.Popen([sys.executable, "-m", "vpcflow", "query", SLOW], stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert time.monotonic() - began < 3
    assert "Traceback" not in err


def test_the_shell_answers_and_goes_on_after_an_error(run, place):
    assert run("ingest", str(EXAMPLES)).code == 0
    main, side = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "vpcflow", "query"],
        stdin=side,
        stdout=side,
        stderr=side,
        env=os.environ | {"TERM": "dumb"},
    )
    os.close(side)
    os.write(main, b"SELECT nosuch;\nSELECT count(*)\nFROM flow_logs;\nquit\n")
    seen = b""
    until = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < until:
        try:
            seen += os.read(main, 65536)
        except OSError:
            break
    child.wait(timeout=10)
    os.close(main)
    assert child.returncode == 0
    assert b'there is no column "nosuch"' in seen
    assert b"11000" in seen


@pytest.fixture
def athena(s3, monkeypatch, run):
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AK"),
        ("AWS_SECRET_ACCESS_KEY", "SK"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    assert run("records", "--from", str(EXAMPLES), "-o", "parquet").code == 0
    rows = run("records", "--from", str(EXAMPLES), "-o", "parquet").data
    server = AthenaServer(s3)
    server.table("flow_logs", pq.read_table(io.BytesIO(rows)))
    yield server
    server.close()


def test_on_amazon_athena_the_answer_is_the_same(run, athena, s3):
    asked = "SELECT action, count(*) AS n, sum(bytes) AS b FROM flow_logs GROUP BY action ORDER BY n DESC"
    place = ("--endpoint-url", athena.url, "--results-endpoint-url", s3.url, "--output-location", athena.output)
    there = run("query", asked, "--engine", "athena", *place, "-o", "json")
    here = run("query", asked, "--from", str(EXAMPLES), "-o", "json")
    assert there.code == 0, there.err
    assert there.json() == here.json()
    assert [operation for operation, _ in athena.asked].count("StartQueryExecution") == 1


def test_only_questions_go_to_amazon_athena(run, athena, s3):
    place = ("--endpoint-url", athena.url, "--results-endpoint-url", s3.url, "--output-location", athena.output)
    assert run("query", "DROP TABLE flow_logs", "--engine", "athena", *place).code == 4
    assert not athena.asked
    ran = run("query", "SELECT nosuch FROM flow_logs", "--engine", "athena", *place)
    assert ran.code == 4
    assert "nosuch" in ran.err
    assert json.loads(run("query", "SELECT 1 AS x", "--engine", "athena", *place, "-o", "jsonl").out) == {"x": 1}
