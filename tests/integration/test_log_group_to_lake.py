"""From a log group of a real server to a lake and its answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from log_groups import ACCOUNT, WINDOW, LogGroup, line, window_before
from vpcflow.app import App, Reading, Wanted, Watching
from vpcflow.config import load
from vpcflow.errors import SourceError
from vpcflow.lake.ledger import Ledger
from vpcflow.types import TimeRange

pytestmark = pytest.mark.slow

SMALL_GROUPS = """
import sys
from vpcflow.lake import ingest
ingest.ROWS = 300
from vpcflow.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def group(s3):
    return LogGroup(s3)


def run(*words, lake, code=0, program=("-m", "vpcflow"), **environ):
    there = {**os.environ, "VPCFLOW_LAKE": str(lake), "LC_ALL": "C.UTF-8", **environ}
    done = subprocess.run(
        [sys.executable, *program, *words],
        capture_output=True,
        text=True,
        env=there,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stderr
    return done


def app(s3, lake_path):
    return App(load({"lake": str(lake_path), "endpoint_url": s3.url, "aws_region": "us-east-1"}, {}))


def ingest(s3, lake_path, *sources, **wanted):
    ours = app(s3, lake_path)
    with ours.lake(create=True) as lake:
        return ours.ingest(lake, sources, Wanted(**wanted), Reading())


def records(lake_path, *more):
    """Return all records as text, in order."""
    return sorted(run("records", "-n", "0", "-o", "csv", *more, lake=lake_path).stdout.splitlines()[1:])


def ledger(lake_path, query):
    with contextlib.closing(sqlite3.connect(lake_path / "_vpcflow" / "ledger.sqlite")) as db:
        return db.execute(query).fetchall()


def test_a_log_group_gives_what_the_same_lines_in_a_file_give(s3, group, tmp_path):
    start = window_before(2 * 86_400)
    lines = group.fill(start, start + 20 * WINDOW, streams=3)
    nodata = f"2 {ACCOUNT} eni-0c19436730cc350ae - - - - - - - {start} {start + 59} - NODATA"
    group.put([(start, nodata), (start + 1, "2 no record")])
    (tmp_path / "lines.log").write_text("\n".join([*lines, nodata, "2 no record", ""]))
    done = run("ingest", group.source, "--endpoint-url", s3.url, lake=tmp_path / "group")
    assert f"{len(lines) + 1:,} records" in done.stdout
    assert "1 bad line" in done.stdout
    run("ingest", tmp_path / "lines.log", lake=tmp_path / "file")
    assert records(tmp_path / "group") == records(tmp_path / "file")
    assert len(records(tmp_path / "group")) == len(lines) + 1
    places = ledger(tmp_path / "group", "SELECT DISTINCT account, region FROM files WHERE state = 'visible'")
    assert places == [(ACCOUNT, "us-east-1")]
    kept = ledger(tmp_path / "group", "SELECT DISTINCT log_group, log_stream FROM sources WHERE state = 'live'")
    assert {name for name, _ in kept} == {group.name}
    asked = run(
        "records", "-n", "0", "-o", "csv", "--from", group.source, "--endpoint-url", s3.url, lake=tmp_path / "none"
    )
    assert sorted(asked.stdout.splitlines()[1:]) == records(tmp_path / "file")
    assert not (tmp_path / "none").exists()


def test_two_runs_double_nothing_and_the_second_asks_for_little(s3, group, tmp_path):
    start = window_before(3 * 86_400)
    lines = group.fill(start, start + 50 * WINDOW, step_s=60)
    first = ingest(s3, tmp_path, group.source)
    assert (first.progress.report.rows, first.progress.objects) == (len(lines), 50)
    s3.forget()
    again = ingest(s3, tmp_path, group.source)
    assert (again.progress.objects, again.progress.failed) == (0, [])
    assert again.left_out["read_before"] > 50
    assert s3.calls("FilterLogEvents") <= 3  # where the group begins, and the newest windows
    assert ledger(tmp_path, "SELECT count(*) FROM sources") == [(50,)]
    assert len(records(tmp_path)) == len(lines)


def test_a_late_event_replaces_its_window_and_nothing_else(s3, group, tmp_path):
    start = window_before(3 * 86_400)
    lines = group.fill(start, start + 5 * WINDOW, step_s=60)
    ingest(s3, tmp_path, group.source)
    group.put([(start + 2 * WINDOW, line(start + 2 * WINDOW, 7, "eni-late"))])
    assert (
        ingest(s3, tmp_path, group.source).progress.objects == 0
    )  # not due: read a moment ago, three days after its end
    long_ago = start + 6 * WINDOW
    with contextlib.closing(sqlite3.connect(tmp_path / "_vpcflow" / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE looks SET at = ?", (long_ago,))
    done = ingest(s3, tmp_path, group.source)
    assert (done.progress.objects, done.progress.known) == (1, 4)
    found = records(tmp_path)
    assert len(found) == len(lines) + 1
    assert sum("eni-late" in each for each in found) == 1
    # That the others were looked at is kept too, so none is due now.
    assert ledger(tmp_path, f"SELECT count(*) FROM looks WHERE at <= {long_ago}") == [(0,)]
    s3.forget()
    assert ingest(s3, tmp_path, group.source).left_out["read_before"] > 400
    assert s3.calls("FilterLogEvents") <= 3


def test_the_newest_window_grows_while_it_is_watched(s3, group, tmp_path):
    now = int(time.time())
    group.put([(now - 30, line(now - 30, 1))])
    ours, stop, seen = app(s3, tmp_path), threading.Event(), []
    timer = threading.Timer(20, stop.set)
    timer.start()
    with ours.lake(create=True) as lake:
        watching = Watching(0.2, stop, seen.append)
        for number, done in enumerate(ours.watch(lake, [group.source], Wanted(), Reading(), watching), 2):
            assert done.progress.failed == []
            if number == 5:
                stop.set()
            group.put([(now - 30 + number, line(now, number))])
        rows = lake.ledger.totals().tables["flow_logs"]["rows"]
    timer.cancel()
    assert seen == []
    assert rows == 4
    assert len(records(tmp_path)) == 4


def test_events_that_come_while_a_window_is_read_are_found_by_the_next_look(s3, group, tmp_path):
    now = int(time.time())
    group.put([(now - 20 + number, line(now, number)) for number in range(10)])

    def come(operation, request):
        if operation == "FilterLogEvents":
            if "limit" not in request and "nextToken" in request:
                s3.between = None
                group.put([(now - 20, line(now, 99))], "eni-2-all")  # before the place that reading has reached
            request["limit"] = min(5, request.get("limit", 5))

    s3.between = come
    ingest(s3, tmp_path, group.source)
    ingest(s3, tmp_path, group.source)
    assert len(records(tmp_path)) == 11


def test_killed_in_the_middle_it_goes_on_where_it_was(s3, group, tmp_path):
    start = window_before(3 * 86_400)
    lines = group.fill(start, start + 60 * WINDOW, step_s=20)

    def slow(operation, request):
        if operation == "FilterLogEvents":
            time.sleep(0.03)
            request["limit"] = min(60, request.get("limit", 60))

    s3.between = slow
    words = [sys.executable, "-c", SMALL_GROUPS, "ingest", group.source, "--endpoint-url", s3.url, "--no-compact"]
    environ = {**os.environ, "VPCFLOW_LAKE": str(tmp_path / "lake")}
    kills = 0
    for _ in range(2):
        child = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = _sources(tmp_path / "lake")
        while child.poll() is None and _sources(tmp_path / "lake") < before + 8:
            time.sleep(0.01)
        kills += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert kills == 2
    part = _sources(tmp_path / "lake")
    assert 16 <= part < 60
    s3.between = None
    s3.forget()
    done = ingest(s3, tmp_path / "lake", group.source)
    assert done.progress.objects == 60 - part
    assert done.left_out["read_before"] >= part
    assert len(records(tmp_path / "lake")) == len(lines)


def _sources(lake_path):
    try:
        return ledger(lake_path, "SELECT count(*) FROM sources WHERE state = 'live'")[0][0]
    except sqlite3.OperationalError:
        return 0


def test_since_narrows_and_a_wider_run_completes(s3, group, tmp_path):
    start = window_before(2 * 86_400)
    lines = group.fill(start, start + 40 * WINDOW, step_s=60)
    part = ingest(s3, tmp_path, group.source, time=TimeRange(start + 20 * WINDOW, start + 25 * WINDOW))
    assert part.progress.objects == 5 + 4  # and a margin before and after
    whole = ingest(s3, tmp_path, group.source)
    assert whole.progress.objects == 40 - 9
    assert len(records(tmp_path)) == len(lines)


def test_an_older_reading_does_not_replace_a_newer_one(s3, group, tmp_path):
    from vpcflow.lake.ledger import SourceEntry  # noqa: PLC0415

    start = window_before(3600)
    group.put([(start, line(start))])
    ingest(s3, tmp_path, group.source)
    with contextlib.closing(Ledger(tmp_path / "_vpcflow" / "ledger.sqlite")) as there:
        ((uri, look),) = there.looks([uri for (uri,) in ledger(tmp_path, "SELECT uri FROM sources")]).items()
        (number,) = there.reserve(1)
        assert there.stage([SourceEntry(number, uri, "0-0", looked_at=look.at_s - 1)], []) == {number}
        (number,) = there.reserve(1)
        assert there.stage([SourceEntry(number, uri, "0-0", looked_at=look.at_s + 1)], []) == set()


def test_errors_and_hints_are_told_by_the_command_line(s3, tmp_path):
    missing = run("ingest", "cloudwatch:/nope", "--endpoint-url", s3.url, lake=tmp_path, code=5)
    assert "there is no such log group (us-east-1)" in missing.stderr
    assert "--aws-region" in missing.stderr
    assert "cloudwatch:GROUP" in run("top", "srcaddr", "--from", "cloudwatch:a b", lake=tmp_path, code=5).stderr
    korean = run("ingest", "cloudwatch:a b", "--lang", "ko", lake=tmp_path, code=5)
    assert "로그 그룹" in korean.stderr


def test_a_group_of_something_else_is_named(s3, group, tmp_path):
    start = window_before(3600)
    group.put([(start, json.dumps({"level": "info", "text": "no flow log"})), (start + 1, "START RequestId")])
    done = run("ingest", group.source, "--endpoint-url", s3.url, lake=tmp_path, code=4)
    assert group.name in done.stderr


def test_what_came_before_an_error_is_kept(s3, group, tmp_path):
    start = window_before(3 * 86_400)
    group.fill(start, start + 60 * WINDOW, step_s=60)
    bad = (start + 30 * WINDOW) * 1000

    def refuse(operation, request):
        if operation == "FilterLogEvents" and request.get("limit") != 1 and request["endTime"] > bad:
            return 400, {"__type": "AccessDeniedException", "message": "no longer"}
        return None

    s3.between = refuse
    with pytest.raises(SourceError) as refused:
        ingest(s3, tmp_path, group.source)
    assert refused.value.code == "source.log_group_denied"
    part = _sources(tmp_path)
    assert 0 < part < 60
    s3.between = None
    assert ingest(s3, tmp_path, group.source).progress.objects == 60 - part
