from __future__ import annotations

import io
import types
from collections import Counter

import pytest

from vpcflow.collect.left_out import REASONS, told
from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import Selection
from vpcflow.collect.source import Total, open_sources, total
from vpcflow.errors import SourceError
from vpcflow.i18n import has
from vpcflow.record.layout import key_for, of
from vpcflow.types import TimeRange

NOON = 1_700_049_600


def opened(sources, left_out=None, selection=None):
    counted = Counter() if left_out is None else left_out
    return list(open_sources([str(source) for source in sources], selection or Selection(), S3Access(), counted))


def test_sources_come_in_the_order_they_are_named_and_each_object_once(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("a.log", "b/c.log"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link.log").symlink_to("a.log")
    left_out = Counter()
    found = opened([tmp_path / "b", tmp_path, tmp_path / "b", tmp_path / "*.log"], left_out)
    assert [each.uri.rpartition("/")[2] for each in found] == ["c.log", "a.log"]
    assert left_out["duplicate"] == 4


def test_standard_input_is_read_once_however_often_it_is_named(monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(b"hello")))
    (found,) = opened(["-", "-"])
    with found.open() as file:
        assert file.read() == b"hello"


def test_a_missing_source_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(SourceError) as refused:
        open_sources([str(tmp_path), str(tmp_path / "nowhere")], Selection(), S3Access(), Counter())
    assert refused.value.code == "source.missing"
    with pytest.raises(SourceError) as refused:
        open_sources([str(tmp_path), "s3://"], Selection(), S3Access(), Counter())
    assert refused.value.code == "source.bad_uri"


def test_nothing_to_read_says_what_was_left_out(tmp_path):
    (tmp_path / ".hidden.log").write_bytes(b"x")
    with pytest.raises(SourceError, match="1 hidden") as refused:
        opened([tmp_path])
    assert refused.value.code == "source.empty"
    with pytest.raises(SourceError, match=r"\*\.gz"):
        opened([tmp_path / "*.gz"])


def test_one_empty_source_among_others_is_counted(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b.log").write_bytes(b"x")
    left_out = Counter()
    assert len(opened([tmp_path / "a", tmp_path / "b.log"], left_out)) == 1
    assert left_out == {"empty_source": 1}


def test_nothing_left_by_the_selection_is_no_error(tmp_path):
    path = tmp_path / key_for(of("111111111111", "us-east-1", "fl-aaaaaaaa", NOON))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    left_out = Counter()
    assert opened([tmp_path], left_out, Selection(time=TimeRange(NOON + 86400))) == []
    assert left_out["not_selected"] == 1


def test_files_can_be_counted_before_they_are_read_and_s3_cannot(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.log").write_bytes(b"x" * number)
    assert total([str(tmp_path), str(tmp_path / "4.log")], Selection()) == Total(4, 10)
    assert total([str(tmp_path), "s3://bucket"], Selection()) is None
    assert total(["-"], Selection()) is None


def test_a_folder_is_listed_as_it_is_read(tmp_path):
    for number in range(50):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}/a.log").write_bytes(b"x")
    objects = open_sources([str(tmp_path)], Selection(), S3Access(), Counter())
    next(objects)
    for number in range(10, 50):
        (tmp_path / f"{number:02}/a.log").unlink()
    assert len(list(objects)) < 49


def test_every_reason_has_its_words():
    assert all(has(f"left_out.{reason}") for reason in REASONS)
    assert told(Counter(hidden=2, lake=1)) == "2 hidden (. or _), 1 lakes of vpcflow"
