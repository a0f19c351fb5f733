"""Exactly once, whatever is done again, and filed where it belongs."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from lake import lakes
from vpcflow.errors import RecordError, SourceError
from vpcflow.lake import ingest as ingest_module
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake
from vpcflow.types import PartitionFilter, SourceObject, TimeRange


def _lines(count: int, **values):
    return [lakes.line(n, **values) for n in range(count)]


def test_ingesting_twice_doubles_nothing(tmp_path):
    source = lakes.write_source(tmp_path / "a.log", _lines(50))
    first = lakes.ingest(tmp_path / "lake", [source])
    second = lakes.ingest(tmp_path / "lake", [source])
    assert (first.report.rows, first.objects, first.known) == (50, 1, 0)
    assert (second.report.rows, second.objects, second.known) == (0, 0, 1)
    assert lakes.rows(tmp_path / "lake") == lakes.expected(_lines(50))


def test_new_content_of_a_source_replaces_its_rows_and_nothing_else(tmp_path):
    a, b = tmp_path / "a.log", tmp_path / "b.log"
    lakes.write_source(a, _lines(30))
    lakes.write_source(b, _lines(30, mark=1))
    lakes.ingest(tmp_path / "lake", [a, b])
    new = [lakes.line(n, mark=2) for n in range(10)]
    lakes.write_source(a, new)
    lakes.ingest(tmp_path / "lake", [a, b], compact=False)
    wanted = lakes.expected(new, _lines(30, mark=1))
    assert lakes.rows(tmp_path / "lake") == wanted
    lake = Lake(tmp_path / "lake")
    assert lake.ledger.totals().tables["flow_logs"]["rows"] == 40
    assert lake.ledger.totals().replaced == 1
    assert any(file.dead for file in lake.scan("flow_logs").files)
    lake.close()
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "c.log", [])])
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "d.log", _lines(1, mark=3))])
    assert lakes.rows(tmp_path / "lake") == wanted + lakes.expected(_lines(1, mark=3))
    lake = Lake(tmp_path / "lake")
    assert not any(file.dead for file in lake.scan("flow_logs").files)
    lake.close()


def test_content_that_comes_back_replaces_what_had_replaced_it(tmp_path):
    source = lakes.write_source(tmp_path / "a.log", _lines(3))
    was = source.stat().st_mtime_ns
    lakes.ingest(tmp_path / "lake", [source])
    lakes.write_source(source, _lines(5, mark=1))
    lakes.ingest(tmp_path / "lake", [source])
    lakes.write_source(source, _lines(3))
    os.utime(source, ns=(was, was))
    lakes.ingest(tmp_path / "lake", [source])
    assert lakes.rows(tmp_path / "lake") == lakes.expected(_lines(3))


def test_a_source_that_becomes_empty_leaves_no_rows(tmp_path):
    source = lakes.write_source(tmp_path / "a.log", _lines(3))
    lakes.ingest(tmp_path / "lake", [source])
    lakes.write_source(source, [])
    lakes.ingest(tmp_path / "lake", [source])
    assert lakes.rows(tmp_path / "lake") == lakes.expected()


def test_an_object_that_cannot_be_read_is_named_and_the_others_are_kept(tmp_path):
    good = lakes.write_source(tmp_path / "a.log", _lines(5))
    bad = tmp_path / "b.log"
    bad.write_text("this is no flow log\nat all\n")
    progress = lakes.ingest(tmp_path / "lake", [good, bad])
    assert [(uri, type(error)) for uri, error in progress.failed] == [(bad.as_uri(), RecordError)]
    assert lakes.rows(tmp_path / "lake") == lakes.expected(_lines(5))


def test_an_object_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    """Rows already written of it, in files with other sources' rows, must go too."""
    monkeypatch.setattr(ingest_module, "ROWS", 20)
    good = lakes.write_source(tmp_path / "a.log", _lines(30))

    class Breaking:
        """A peer that hangs up."""

        def __init__(self):
            self._pieces = [lakes.HEADER.encode() + b"\n" + "\n".join(_lines(4000, mark=9)).encode() + b"\n"]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, size=-1):
            if self._pieces:
                return self._pieces.pop()
            raise SourceError("source.unreadable", source="s3://b/k", reason="hung up")

    broken = SourceObject("s3://b/k", "1", 10, Breaking)
    root = tmp_path / "lake"
    lake = Lake(root, create=True)
    with lake.writer() as writer:
        config = Config(threads=1)
        progress = Ingest(lake, writer, config).run([broken, *lakes.objects([good])])
    lake.close()
    assert [uri for uri, _ in progress.failed] == ["s3://b/k"]
    assert lakes.rows(root) == lakes.expected(_lines(30))
    assert lakes.on_disk(root) == lakes.listed(root)


def test_rows_are_filed_by_account_region_and_hour_of_start(tmp_path):
    lines = [lakes.line(1, hour=lakes.HOUR), lakes.line(2, hour=lakes.HOUR + 1), lakes.line(3, hour=lakes.HOUR + 25)]
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "a.log", lines)])
    wanted = set()
    for hour in (lakes.HOUR, lakes.HOUR + 1, lakes.HOUR + 25):
        when = datetime.fromtimestamp(hour * 3600, UTC)
        wanted.add(
            when.strftime("flow_logs/aws_account_id=123456789012/aws_region=us-east-1/year=%Y/month=%m/day=%d/hour=%H")
        )
    assert {os.path.dirname(path) for path in lakes.on_disk(tmp_path / "lake")} == wanted


def _one(root, header, line, **place):
    path = root / "s.log"
    path.write_text(f"{header}\n{line}\n")
    found = SourceObject(path.as_uri(), "1", path.stat().st_size, lambda: path.open("rb"), **place)
    lake = Lake(root / "lake", create=True)
    with lake.writer() as writer:
        progress = Ingest(lake, writer, Config(threads=1)).run([found])
    assert progress.failed == []
    (only,) = {os.path.dirname(path) for path in lakes.on_disk(root / "lake")}
    lake.close()
    return only


def test_without_a_key_the_place_comes_from_the_record(tmp_path):
    folder = _one(tmp_path, "account-id region srcaddr start", "123456789012 eu-west-1 10.0.0.1 1700000000")
    assert "aws_account_id=123456789012/aws_region=eu-west-1/year=2023/month=11/day=14/hour=22" in folder


@pytest.mark.parametrize("value", ["../../../tmp/x", "unknown", "1234", "a" * 500, "-", "12345678901%"])
def test_what_is_no_account_or_region_never_becomes_a_path(tmp_path, value):
    folder = _one(tmp_path, "account-id region srcaddr start", f"{value} {value} 10.0.0.1 1700000000")
    assert folder.startswith("flow_logs/aws_account_id=unknown/aws_region=unknown/year=2023/")


def test_without_start_the_time_of_the_key_decides(tmp_path):
    folder = _one(tmp_path, "srcaddr dstaddr action", "10.0.0.1 10.0.0.2 ACCEPT", time_s=1_700_000_000)
    assert folder.endswith("year=2023/month=11/day=14/hour=22")


def test_without_any_time_rows_have_a_partition_of_their_own_and_are_counted(tmp_path):
    folder = _one(tmp_path, "srcaddr dstaddr action", "10.0.0.1 10.0.0.2 ACCEPT")
    assert folder.endswith("/".join(f"{key}=__HIVE_DEFAULT_PARTITION__" for key in ("year", "month", "day", "hour")))
    lake = Lake(tmp_path / "lake")
    assert lake.ledger.totals().tables["flow_logs"]["without_time"] == 1
    lake.close()


def test_a_source_of_too_many_hours_is_refused_by_name(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("srcaddr start\n" + "".join(f"10.0.0.1 {n * 3600}\n" for n in range(20_500)))
    progress = lakes.ingest(tmp_path / "lake", [path])
    assert [error.code for _, error in progress.failed] == ["too_many_hours"]
    assert lakes.on_disk(tmp_path / "lake") == set()


def test_files_are_sorted_and_have_awss_types_and_bloom_filters(tmp_path):
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "a.log", reversed(_lines(500)))])
    (path,) = lakes.on_disk(tmp_path / "lake")
    parquet = pq.ParquetFile(tmp_path / "lake" / path)
    rows = parquet.read().to_pylist()
    keys = [(row["interface_id"], row["srcaddr"], row["dstaddr"], row["start"]) for row in rows]
    assert keys == sorted(keys)
    types = {field.name: str(field.type) for field in parquet.schema_arrow}
    assert types["srcport"] == types["version"] == types["x_source"] == "int32"
    assert types["bytes"] == types["start"] == "int64"
    assert types["srcaddr"] == types["account_id"] == "string"
    group = parquet.metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in columns["start"].encodings
    assert columns["srcaddr"].compression == "ZSTD"


def test_five_minute_objects_become_one_file_an_hour(tmp_path):
    for minute in range(0, 60, 5):
        lines = [lakes.line(n + minute * 60, mark=minute) for n in range(20)]
        lakes.write_source(tmp_path / "in" / f"{minute:02d}.log", lines)
    lakes.ingest(tmp_path / "lake", sorted((tmp_path / "in").iterdir()))
    assert len(lakes.on_disk(tmp_path / "lake")) == 1


def test_v2_and_v5_sources_lie_side_by_side_with_absent_columns_null(tmp_path):
    v2 = lakes.write_source(tmp_path / "a.log", _lines(3))
    v5 = tmp_path / "b.log"
    v5.write_text(
        "version account-id interface-id srcaddr dstaddr start end action log-status pkt-srcaddr flow-direction\n"
        f"5 123456789012 eni-1 10.0.0.9 10.0.0.8 {lakes.HOUR * 3600} {lakes.HOUR * 3600 + 5} ACCEPT OK 1.2.3.4 egress\n"
    )
    lakes.ingest(tmp_path / "lake", [v2, v5])
    (path,) = lakes.on_disk(tmp_path / "lake")
    rows = pq.ParquetFile(tmp_path / "lake" / path).read().to_pylist()
    assert sorted(row["pkt_srcaddr"] or "" for row in rows) == ["", "", "", "1.2.3.4"]
    assert sorted(row["dstport"] or 0 for row in rows) == [0, 443, 443, 443]


def test_less_memory_gives_the_same_rows_in_more_files(tmp_path):
    paths = []
    for number in range(4):
        lines = [lakes.line(n, hour=lakes.HOUR + n % 6, mark=number) for n in range(4000)]
        path = tmp_path / f"{number}.log.gz"
        path.write_bytes(gzip.compress((lakes.HEADER + "\n" + "\n".join(lines) + "\n").encode()))
        paths.append(path)
    lakes.ingest(tmp_path / "one", paths, memory=1 << 30, compact=False)
    lakes.ingest(tmp_path / "two", paths, memory=208 << 20, compact=False)
    assert lakes.rows(tmp_path / "one") == lakes.rows(tmp_path / "two")


def test_threads_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest_module, "ROWS", 100)
    paths = [
        lakes.write_source(
            tmp_path / "in" / f"{n:02d}.log", [lakes.line(k, mark=n, hour=lakes.HOUR + k % 3) for k in range(60)]
        )
        for n in range(20)
    ]
    lakes.ingest(tmp_path / "one", paths, threads=1)
    lakes.ingest(tmp_path / "four", paths, threads=4, memory=2 << 30)
    assert lakes.rows(tmp_path / "one") == lakes.rows(tmp_path / "four")
    assert sum(lakes.rows(tmp_path / "four").values()) == 1200


def test_a_scan_leaves_out_files_outside_the_time_and_only_those(tmp_path):
    lines = [lakes.line(n, hour=lakes.HOUR + n % 8) for n in range(80)]
    lakes.ingest(tmp_path / "lake", [lakes.write_source(tmp_path / "a.log", lines)])
    lake = Lake(tmp_path / "lake")
    begin = (lakes.HOUR + 3) * 3600
    files = lake.scan("flow_logs", PartitionFilter(time=TimeRange(begin, begin + 7200))).files
    assert len(files) == 2
    assert sum(file.rows for file in files) == 20
    assert lake.scan("flow_logs", PartitionFilter(accounts=frozenset({"000000000000"}))).files == ()
    assert lake.scan("flow_logs", PartitionFilter(end=TimeRange(since=begin + 3600 * 5))).files == ()
    lake.close()


def test_bad_lines_losses_and_unknown_fields_are_in_the_ledger(tmp_path):
    path = tmp_path / "a.log.gz"
    text = (
        f"{lakes.HEADER} my-field\n" + "".join(f"{line} x{n}\n" for n, line in enumerate(_lines(200))) + "bogus\n" * 3
    )
    whole = gzip.compress(text.encode())
    path.write_bytes(whole[: len(whole) - 30])
    lakes.ingest(tmp_path / "lake", [path])
    lake = Lake(tmp_path / "lake")
    totals = lake.ledger.totals()
    assert totals.losses == {"cut_off": 1}
    assert totals.bad["cut_off"] == 1
    assert totals.unknown_fields["my-field"] == totals.tables["flow_logs"]["rows"] > 100
    entry = lake.ledger.source(1)
    assert entry.formats == ["".join(f"${{{name}}} " for name in [*lakes.HEADER.split(), "my-field"]).strip()]
    lake.close()


def test_a_lake_file_ingested_again_gives_the_same_records_tags_with_percent_signs_too(tmp_path):
    path = tmp_path / "a.log"
    start = lakes.HOUR * 3600
    path.write_text(
        "account-id interface-id srcaddr start instance-tag my-own\n"
        f"123456789012 eni-1 10.0.0.1 {start} 100%2541 seen\n123456789012 eni-1 10.0.0.2 {start} - -\n"
    )
    lakes.ingest(tmp_path / "one", [path])
    (made,) = lakes.on_disk(tmp_path / "one")
    lakes.ingest(tmp_path / "two", [tmp_path / "one" / made])
    (again,) = lakes.on_disk(tmp_path / "two")
    first, second = (
        pq.ParquetFile(root / name).read().drop_columns(["x_source"]).to_pylist()
        for root, name in ((tmp_path / "one", made), (tmp_path / "two", again))
    )
    assert first == second
    assert [row["instance_tag"] for row in first] == ["100%41", None]
