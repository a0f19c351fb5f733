"""Compaction, expiry, readers, and start-up: the lake stays right while it is kept."""

from __future__ import annotations

import os
import tempfile
import threading

import pytest

from lake import lakes
from vpcflow.errors import LakeError
from vpcflow.lake import compaction, retention
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake


def _many(tmp_path, files=5, hours=2):
    root = tmp_path / "lake"
    texts = []
    for number in range(files):
        lines = [lakes.line(n, mark=number, hour=lakes.HOUR + n % hours) for n in range(20)]
        texts.append(lines)
        lakes.ingest(root, [lakes.write_source(tmp_path / f"{number}.log", lines)], compact=False)
    return root, lakes.expected(*texts)


def _compact(root, **options):
    lake = Lake(root)
    try:
        with lake.writer() as writer:
            return compaction.compact(lake, writer, memory=1 << 30, threads=1, **options)
    finally:
        lake.close()


def test_compaction_leaves_one_file_an_hour_and_the_same_rows(tmp_path):
    root, rows = _many(tmp_path)
    assert len(lakes.on_disk(root)) == 10
    done = _compact(root)
    assert (done.merged, done.made) == (10, 2)
    assert len(lakes.on_disk(root)) == 2
    assert lakes.on_disk(root) == lakes.listed(root)
    assert lakes.rows(root) == rows
    assert _compact(root).merged == 0


def test_an_hour_that_is_not_closed_stays_as_it_is(tmp_path):
    root, _ = _many(tmp_path, hours=1)
    closing = (lakes.HOUR + 1 + compaction.LATENESS_H) * 3600
    assert _compact(root, now_s=closing - 1).merged == 0
    assert _compact(root, now_s=closing).merged == 5


def test_a_late_source_is_counted_and_its_hour_merged_again(tmp_path):
    root, rows = _many(tmp_path, files=2, hours=1)
    _compact(root)
    late = [lakes.line(7, mark=9)]
    lakes.ingest(root, [lakes.write_source(tmp_path / "late.log", late)])
    lake = Lake(root)
    assert lake.ledger.totals().late == 1
    lake.close()
    assert len(lakes.on_disk(root)) == 1
    assert lakes.rows(root) == rows + lakes.expected(late)


def test_files_stay_while_somebody_reads_and_go_afterwards(tmp_path):
    root, rows = _many(tmp_path)
    reader = Lake(root)
    with reader.reading():
        before = [file.path for file in reader.scan("flow_logs").files]
        _compact(root)
        assert all(os.path.exists(path) for path in before)
        assert len(reader.scan("flow_logs").files) == 2
    reader.close()
    _compact(root)
    assert not any(os.path.exists(path) for path in before)
    assert lakes.on_disk(root) == lakes.listed(root)
    assert lakes.rows(root) == rows


def test_a_source_replaced_while_its_files_are_merged_is_not_brought_back(tmp_path, monkeypatch):
    root, rows = _many(tmp_path, files=3, hours=1)
    new = [lakes.line(3, mark=8)]
    merged = threading.Event()
    write_sorted = compaction.datafile.write_sorted

    def meanwhile(*args):
        entries = list(write_sorted(*args))
        if not merged.is_set():
            merged.set()
            lakes.ingest(root, [lakes.write_source(tmp_path / "0.log", new)], compact=False)
        return iter(entries)

    monkeypatch.setattr(compaction.datafile, "write_sorted", meanwhile)
    assert _compact(root).skipped == 1
    monkeypatch.undo()
    wanted = rows - lakes.expected([lakes.line(n, mark=0) for n in range(20)]) + lakes.expected(new)
    assert lakes.rows(root) == wanted
    _compact(root)
    assert lakes.rows(root) == wanted
    assert lakes.on_disk(root) == lakes.listed(root)


def test_expire_removes_whole_hours_and_their_sources_do_not_come_back(tmp_path):
    root, rows = _many(tmp_path, files=2, hours=3)
    lake = Lake(root)
    gone = retention.expire(lake, before_s=(lakes.HOUR + 2) * 3600 + 1800)
    lake.close()
    assert gone.rows == sum(n for row, n in rows.items() if row[10] < (lakes.HOUR + 2) * 3600)
    left = {row: n for row, n in rows.items() if row[10] >= (lakes.HOUR + 2) * 3600}
    assert lakes.rows(root) == left
    again = lakes.ingest(root, [tmp_path / "0.log", tmp_path / "1.log"])
    assert again.known == 2
    assert lakes.rows(root) == left
    assert lakes.on_disk(root) == lakes.listed(root)


def test_where_there_is_no_lake_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(LakeError) as caught:
        Lake(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in caught.value.message
    assert "vpcflow ingest" in caught.value.hint
    assert not (tmp_path / "nothing").exists()


def test_a_ledger_that_is_damaged_or_newer_is_refused_by_name(tmp_path):
    root, _ = _many(tmp_path, files=1)
    lake = Lake(root)
    lake.ledger._db.execute("PRAGMA user_version = 99")
    lake.close()
    with pytest.raises(LakeError) as newer:
        Lake(root)
    assert newer.value.code == "lake.newer"
    for part in (root / "_vpcflow").glob("ledger.sqlite*"):
        part.write_bytes(b"not a database" * 500)
    with pytest.raises(LakeError) as damaged:
        Lake(root)
    assert damaged.value.code == "lake.ledger_unreadable"


def test_stop_ends_an_ingest_without_half_written_files(tmp_path):
    root = tmp_path / "lake"
    paths = [lakes.write_source(tmp_path / f"{n}.log", [lakes.line(k, mark=n) for k in range(50)]) for n in range(5)]
    lake = Lake(root, create=True)

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), lake.writer() as writer:
        Ingest(lake, writer, Config(threads=2), interrupt).run(lakes.objects(paths))
    lake.close()
    assert lakes.on_disk(root) == lakes.listed(root)
    assert list((root / "_vpcflow" / "staging").iterdir()) == []
    lakes.ingest(root, paths)
    assert sum(lakes.rows(root).values()) == 250


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: becomes another user")
def test_whoever_may_only_read_a_lake_can_ask_it(tmp_path):
    root, rows = _many(tmp_path, files=1)
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder) == tempfile.gettempdir():
            break
        os.chmod(folder, 0o755)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            status = 0 if lakes.rows(root) == rows else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_a_path_that_engines_take_for_a_pattern_is_refused(tmp_path):
    with pytest.raises(LakeError) as caught:
        Lake(tmp_path / "a[1]", create=True)
    assert caught.value.code == "lake.bad_path"


def test_an_ingest_leaves_two_large_files_of_an_hour_and_merges_them_when_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction.datafile, "ROW_GROUP", 15)
    root, rows = _many(tmp_path, files=2, hours=1)
    assert _compact(root, thorough=False).merged == 0
    lakes.ingest(root, [lakes.write_source(tmp_path / "s.log", [lakes.line(1, mark=7)])], compact=False)
    assert _compact(root, thorough=False).merged == 3
    assert lakes.rows(root) == rows + lakes.expected([lakes.line(1, mark=7)])


def test_compaction_merges_all_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction.datafile, "ROW_GROUP", 15)
    root, _ = _many(tmp_path, files=2, hours=1)
    assert _compact(root).merged == 2
