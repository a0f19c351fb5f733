"""Log events in a lake: exactly once, filed by hour, merged, let go, and beside flow logs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from lake import lakes
from vpcflow.lake import compaction, retention
from vpcflow.lake import datafile as datafile_module
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake
from vpcflow.record.log_events import Filing
from vpcflow.types import PartitionFilter, TimeRange

HOUR = lakes.HOUR
ALL = PartitionFilter()


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(count: int, *, hour: int = HOUR, mark: str = ""):
    return [f"{_iso(hour * 3600 + n % 3000)} {mark}event {n}" for n in range(count)]


def _write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def _ingest(root, *paths, group="/app", compact=False, **config):
    return lakes.ingest(root, paths, compact=compact, filing=Filing(group), **config)


def _rows(root, where=ALL):
    lake = Lake(root)
    try:
        found = []
        for file in lake.scan("log_events", where).files:
            found += [row for row in pq.ParquetFile(file.path).read().to_pylist() if row["x_source"] not in file.dead]
        return found
    finally:
        lake.close()


def _messages(root, where=ALL):
    return sorted(row["message"] for row in _rows(root, where))


def test_a_source_is_kept_once_and_replaced_when_it_grows(tmp_path):
    root, source = tmp_path / "lake", _write(tmp_path / "a.log", _lines(20))
    assert _ingest(root, source).report.rows == 20
    assert _ingest(root, source).known == 1
    _write(source, _lines(25))
    assert _ingest(root, source).report.rows == 25
    assert _messages(root) == sorted(_lines(25))


def test_rows_know_group_stream_and_account(tmp_path):
    root = tmp_path / "lake"
    _ingest(root, _write(tmp_path / "web.log", _lines(1)))
    (row,) = _rows(root)
    assert (row["log_group"], row["log_stream"], row["timestamp"]) == ("/app", "web", HOUR * 3_600_000)
    lake = Lake(root)
    (group,) = lake.ledger.log_groups()
    lake.close()
    assert (group.name, group.table, group.rows, group.accounts) == ("/app", "log_events", 1, ("123456789012",))


def test_events_lie_in_their_hours_and_time_leaves_files_out(tmp_path):
    root = tmp_path / "lake"
    _ingest(root, _write(tmp_path / "a.log", _lines(5) + _lines(5, hour=HOUR + 5)))
    assert len(lakes.on_disk(root)) == 2
    only = PartitionFilter(time=TimeRange((HOUR + 5) * 3600, None))
    assert _messages(root, only) == sorted(_lines(5, hour=HOUR + 5))


def test_a_group_leaves_out_files_without_it(tmp_path):
    root = tmp_path / "lake"
    _ingest(root, _write(tmp_path / "a.log", _lines(5)), group="/a")
    _ingest(root, _write(tmp_path / "b.log", _lines(5, mark="b")), group="/b")
    assert len(_rows(root, PartitionFilter(log_groups=frozenset({"/b"})))) == 5
    assert len(_rows(root, PartitionFilter(log_groups=frozenset({"/a", "/b"})))) == 10


def test_compaction_makes_one_file_an_hour_and_keeps_the_order_of_events(tmp_path):
    root = tmp_path / "lake"
    for number in range(4):
        _ingest(root, _write(tmp_path / f"{number}.log", _lines(30, mark=f"{number} ")))
    before = _messages(root)
    _ingest(root, _write(tmp_path / "x.log", []), compact=True)
    assert len(lakes.on_disk(root)) == 1
    rows = _rows(root)
    assert sorted(row["message"] for row in rows) == before
    keys = [(row["log_group"], row["log_stream"], row["timestamp"]) for row in rows]
    assert keys == sorted(keys)


def test_events_of_one_moment_stay_in_the_order_they_came(tmp_path):
    root = tmp_path / "lake"
    lines = [f"{_iso(HOUR * 3600)} {n}" for n in range(5000)]
    _ingest(root, _write(tmp_path / "a.log", lines))
    assert [row["message"] for row in _rows(root)] == lines


def test_compaction_drops_rows_of_replaced_sources(tmp_path):
    root, source = tmp_path / "lake", _write(tmp_path / "a.log", _lines(20, mark="old "))
    _ingest(root, source)
    _write(source, _lines(3, mark="new "))
    _ingest(root, source)
    lake = Lake(root)
    with lake.writer() as writer:
        compaction.compact(lake, writer, memory=1 << 30, threads=1)
    assert not any(file.dead for file in lake.scan("log_events").files)
    lake.close()
    assert _messages(root) == sorted(_lines(3, mark="new "))


def test_old_hours_go(tmp_path):
    root = tmp_path / "lake"
    _ingest(root, _write(tmp_path / "a.log", _lines(5) + _lines(5, hour=HOUR + 5)))
    lake = Lake(root)
    gone = retention.expire(lake, before_s=(HOUR + 1) * 3600)
    (group,) = lake.ledger.log_groups()
    lake.close()
    assert (gone.rows, group.rows) == (5, 5)
    assert _messages(root) == sorted(_lines(5, hour=HOUR + 5))


def test_large_messages_are_merged_within_the_memory_given(tmp_path, monkeypatch):
    root = tmp_path / "lake"
    for number in range(6):
        big = [f"{line} {os.urandom(150_000).hex()}" for line in _lines(4, mark=f"{number} ")]
        _ingest(root, _write(tmp_path / f"{number}.log", big))
    before = _messages(root)
    taken = []
    real = datafile_module.combine
    monkeypatch.setattr(
        datafile_module,
        "combine",
        lambda table, batches: taken.append(sum(b.nbytes for b in batches)) or real(table, batches),
    )
    lake = Lake(root)
    with lake.writer() as writer:
        done = compaction.compact(lake, writer, memory=20 << 20, threads=1)
    lake.close()
    assert done.merged >= 2
    assert max(taken) < 20 << 20
    assert _messages(root) == before


def test_a_file_of_too_many_hours_is_refused(tmp_path):
    lines = [f"{_iso(n * 3600)} x" for n in range(21_000)]
    done = _ingest(tmp_path / "lake", _write(tmp_path / "a.log", lines))
    assert [error.code for _, error in done.failed] == ["too_many_hours"]


def test_flow_logs_are_a_group_of_their_table_s_name_unless_their_source_tells_one(tmp_path):
    root = tmp_path / "lake"
    told = {
        "messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/vpc/flow", "logStream": "eni-1-all",
        "logEvents": [{"id": "1", "timestamp": HOUR * 3_600_000, "message": lakes.line(1)}],
    }  # fmt: skip
    lakes.ingest(root, [lakes.write_source(tmp_path / "a.log", [lakes.line(n) for n in range(3)])])
    lakes.ingest(root, [_write(tmp_path / "b.json", [json.dumps(told)])])
    _ingest(root, _write(tmp_path / "c.log", _lines(2)))
    lakes.ingest(root, [lakes.write_source(tmp_path / "d.log", [lakes.line(n, mark=1) for n in range(2)])])
    lake = Lake(root)
    try:
        groups = {(group.name, group.table): group.rows for group in lake.ledger.log_groups()}
        assert groups == {("/app", "log_events"): 2, ("/vpc/flow", "flow_logs"): 1, ("flow_logs", "flow_logs"): 5}
        assert lake.ledger.group_sources("flow_logs", ["/vpc/flow"]) == [(2, 2)]
        assert lake.ledger.group_sources("flow_logs", ["flow_logs"]) == [(1, 1), (4, 4)]
        assert lake.ledger.group_sources("flow_logs", ["flow_logs", "/vpc/flow"]) == [(1, 4)]
        assert lake.ledger.group_sources("flow_logs", ["/app"]) == []
    finally:
        lake.close()


@pytest.mark.parametrize("flush", [1 << 20, 8 << 20])
def test_small_memory_writes_more_files_of_the_same_events(tmp_path, flush, monkeypatch):
    monkeypatch.setattr(Config, "flush_bytes", flush)
    root = tmp_path / "lake"
    lines = [f"{line} {'x' * 500}" for line in _lines(6000)]
    done = _ingest(root, _write(tmp_path / "a.log", lines))
    assert done.files == (1 if flush > 4 << 20 else done.files)
    assert _messages(root) == sorted(lines)


def test_an_interrupted_run_leaves_nothing(tmp_path):
    root, source = tmp_path / "lake", _write(tmp_path / "a.log", _lines(20))
    lake = Lake(root, create=True)
    with lake.writer() as writer:
        ingest = Ingest(lake, writer, Config(threads=1, filing=Filing("/app")), lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ingest.run(lakes.objects([source]))
    lake.close()
    assert lakes.on_disk(root) == set()
    assert _ingest(root, source).report.rows == 20
