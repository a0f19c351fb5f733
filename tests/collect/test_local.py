from __future__ import annotations

import os
import socket
from collections import Counter

import pytest

from vpcflow.collect import local
from vpcflow.collect.selection import Selection
from vpcflow.errors import SourceError
from vpcflow.record.layout import key_for, of
from vpcflow.types import TimeRange

NOON = 1_700_049_600
DATA = b"version account-id\n2 123456789012\n"


@pytest.fixture
def left_out():
    return Counter()


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)


def found(source, left_out, selection=None):
    return list(local.objects(str(source), selection or Selection(), left_out))


def names(source, left_out, folder, selection=None):
    base = folder.resolve().as_uri() + "/"
    return [each.uri.removeprefix(base) for each in found(source, left_out, selection)]


def test_a_file_is_one_object_with_its_real_path_size_and_time(tmp_path, left_out):
    put(tmp_path, "flows.log")
    link = tmp_path / "link.log"
    link.symlink_to("flows.log")
    (one,) = found(link, left_out)
    status = (tmp_path / "flows.log").stat()
    assert one.uri == f"file://{(tmp_path / 'flows.log').resolve()}"
    assert one.etag == f"{len(DATA)}-{status.st_mtime_ns}"
    assert (one.bytes, one.remote, one.account, one.time_s) == (len(DATA), False, None, None)
    with one.open() as file:
        assert file.read() == DATA


def test_a_folder_in_aws_layout_comes_in_the_order_of_time(tmp_path, left_out):
    keys = [
        key_for(of("111111111111", "us-east-1", flow_log, NOON + step * 300))
        for step in range(-200, 200, 50)
        for flow_log in ("fl-bbbbbbbb", "fl-aaaaaaaa")
    ]
    put(tmp_path, *reversed(keys))
    times = [each.time_s for each in found(tmp_path, left_out)]
    assert times == sorted(times)
    assert len(times) == len(keys)
    assert {(each.account, each.region) for each in found(tmp_path, left_out)} == {("111111111111", "us-east-1")}


def test_hidden_empty_and_foreign_files_lakes_and_devices_are_left_out_and_counted(tmp_path, left_out):
    put(tmp_path, "a.log", ".b.log", "_c.log", ".d/e.log", "lake/_vpcflow/ledger.sqlite", "lake/flow_logs/f.parquet")
    put(tmp_path, "AWSLogs/111111111111/CloudTrail/us-east-1/2023/11/15/g.json.gz", "aws-logs-write-test")
    (tmp_path / "h.log").touch()
    os.mkfifo(tmp_path / "i.log")
    (tmp_path / "j.log").symlink_to("nowhere")
    assert names(tmp_path, left_out, tmp_path) == ["a.log"]
    assert left_out == {
        "hidden": 3, "lake": 1, "other_service": 1, "write_test": 1, "empty": 1, "not_a_file": 1, "unreadable": 1
    }  # fmt: skip


def test_links_in_a_circle_end(tmp_path, left_out):
    put(tmp_path, "x/a.log", "x/y/b.log")
    (tmp_path / "x/y/back").symlink_to(tmp_path / "x")
    (tmp_path / "x/self").symlink_to(".")
    (tmp_path / "x/loop.log").symlink_to("loop.log")
    assert names(tmp_path, left_out, tmp_path) == ["x/a.log", "x/y/b.log"]
    assert sorted(set(names(tmp_path / "**/*.log", left_out, tmp_path))) == ["x/a.log", "x/y/b.log"]


def test_folders_deeper_than_any_layout_are_counted_not_entered(tmp_path, left_out):
    folder = tmp_path
    for _ in range(local._MAX_DEPTH + 5):
        folder /= "d"
    put(tmp_path, "a.log")
    put(folder, "deep.log")
    assert names(tmp_path, left_out, tmp_path) == ["a.log"]
    assert left_out == {"unreadable": 1}


GLOBS = {
    "*.log": ["a.log"],
    "**/*.log": ["a.log", "x/b.log", "x/y/c.log"],
    "x/**": ["x/b.log", "x/y/c.log", "x/y/d.gz"],
    "x/**/y/*": ["x/y/c.log", "x/y/d.gz"],
    "?/y/[cd].*": ["x/y/c.log", "x/y/d.gz"],
    "*": ["a.log", "x/b.log", "x/y/c.log", "x/y/d.gz"],
    "_*": ["_z.log"],
    "nothing/*/here": [],
}


@pytest.mark.parametrize("pattern", GLOBS)
def test_a_glob_names_files_and_folders(tmp_path, left_out, pattern):
    put(tmp_path, "a.log", "x/b.log", "x/y/c.log", "x/y/d.gz", "_z.log", ".w.log")
    assert names(tmp_path / pattern, left_out, tmp_path) == GLOBS[pattern]


def test_a_relative_glob_begins_where_the_process_is(tmp_path, left_out, monkeypatch):
    put(tmp_path, "[x]/a.log", "b/a.log")
    monkeypatch.chdir(tmp_path / "b")
    assert names("*.log", left_out, tmp_path) == ["b/a.log"]
    monkeypatch.chdir(tmp_path / "[x]")
    assert names("*.log", left_out, tmp_path) == ["%5Bx%5D/a.log"]


def test_a_name_with_the_characters_of_a_pattern_is_a_name_when_it_exists(tmp_path, left_out):
    put(tmp_path, "flow[1].log", "flow1.log")
    assert names(tmp_path / "flow[1].log", left_out, tmp_path) == ["flow%5B1%5D.log"]


def test_names_of_any_bytes_are_read(tmp_path, left_out):
    put(tmp_path, os.fsdecode(b"\xff \n%.log"))
    (one,) = found(tmp_path, left_out)
    assert one.uri.endswith("/%FF%20%0A%25.log")
    with one.open() as file:
        assert file.read() == DATA


def test_what_a_selection_leaves_out_is_not_entered(tmp_path, left_out):
    put(tmp_path, *(key_for(of(account, "us-east-1", "fl-aaaaaaaa", NOON + day * 86400))
                    for account in ("111111111111", "222222222222") for day in range(3)))  # fmt: skip
    chosen = Selection(frozenset({"111111111111"}), None, TimeRange(NOON, NOON + 60))
    (one,) = found(tmp_path, left_out, chosen)
    assert (one.account, one.time_s) == ("111111111111", NOON)
    assert left_out == {"not_selected": 3}


def test_a_missing_path_is_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match="nowhere") as refused:
        local.check(str(tmp_path / "nowhere"))
    assert refused.value.code == "source.missing"
    assert "s3://" in refused.value.hint


@pytest.mark.parametrize("source", ["", "a\0b"])
def test_a_name_that_can_be_no_path_is_refused(source):
    with pytest.raises(SourceError) as refused:
        local.check(source)
    assert refused.value.code == "source.bad_name"


def test_a_fifo_a_socket_and_a_device_are_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name, kind in ((tmp_path / "fifo", "fifo"), (tmp_path / "socket", "socket"), ("/dev/null", "device")):
            with pytest.raises(SourceError, match=f"{name} is a {kind}"):
                local.check(str(name))


def test_a_file_that_has_become_something_else_is_refused_when_it_is_opened(tmp_path, left_out):
    put(tmp_path, "a.log", "b.log", "c.log")
    became_fifo, became_folder, gone = found(tmp_path, left_out)
    for name in ("a.log", "b.log", "c.log"):
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / "a.log")
    (tmp_path / "b.log").mkdir()
    for each, code in ((became_fifo, "not_a_file"), (became_folder, "not_a_file"), (gone, "gone")):
        with pytest.raises(SourceError) as refused:
            each.open()
        assert refused.value.code == f"source.{code}"
