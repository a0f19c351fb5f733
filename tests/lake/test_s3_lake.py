"""A lake in S3, on a real server: the same answers, killed at any point, another machine, the cache."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from vpcflow.app import App, Reading, Wanted
from vpcflow.cache import CacheItem, ObjectCache
from vpcflow.config import load
from vpcflow.errors import LakeError, QueryError, SourceError
from vpcflow.types import TimeRange

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "AWSLogs"
COUNTS = "SELECT action, count(*) AS n, sum(bytes) AS b FROM flow_logs GROUP BY action ORDER BY 1"


@pytest.fixture
def bucket(s3):
    return s3.bucket(["other/object"])


@pytest.fixture
def settings(s3, bucket, tmp_path, monkeypatch):
    found = {
        "lake": f"s3://{bucket}/lake", "endpoint_url": s3.url, "state": str(tmp_path / "state"),
        "cache": str(tmp_path / "cache"), "cache_size": "1GB",
    }  # fmt: skip
    for key, value in found.items():
        monkeypatch.setenv(f"VPCFLOW_{key.upper()}", value)
    return found


def app_of(settings, **changed):
    return App(load(settings | changed, {}))


@pytest.fixture
def app(settings):
    return app_of(settings)


def ingest(app, source=EXAMPLES):
    with app.lake(create=True) as lake:
        return app.ingest(lake, [str(source)], Wanted(), Reading()).progress


def ask(app, text=COUNTS):
    with app.lake() as lake, app.asker(lake) as asker:
        return asker.query(text, typed=True).table().to_pylist()


def held(s3, bucket):
    """Return the keys of the lake's data files in the bucket."""
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="lake/flow_logs/")
    return {entry["Key"].removeprefix("lake/") for page in pages for entry in page.get("Contents", [])}


def known(app):
    with app.lake() as lake:
        return {file.path for file in lake.ledger.scan("flow_logs", _everything())}


def _everything():
    from vpcflow.types import PartitionFilter  # noqa: PLC0415 - of one helper

    return PartitionFilter()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    app = App(load({"lake": str(tmp_path_factory.mktemp("local") / "lake")}, {}))
    ingest(app)
    return ask(app)


def test_the_same_answers_as_from_a_folder(s3, app, bucket, expected):
    ingest(app)
    assert ask(app) == expected
    assert held(s3, bucket) == known(app)
    assert not list((app.lake_home).rglob("*.parquet"))
    assert ingest(app).objects == 0
    s3.forget()
    assert ask(app) == expected
    assert s3.asked == []  # everything was in the cache


def test_only_what_a_question_needs_is_fetched(s3, app):
    ingest(app)
    shutil.rmtree(app.cache.folder, ignore_errors=True)
    with app.lake() as lake:
        first = min(file.path for file in lake.ledger.scan("flow_logs", _everything()))
    hour = dict(part.split("=") for part in first.split("/") if "=" in part)
    s3.forget()
    where = " AND ".join(f"{key} = '{value}'" for key, value in hour.items() if key in ("aws_account_id", "aws_region"))
    assert ask(app, f"SELECT count(*) AS n FROM flow_logs WHERE {where}")[0]["n"] > 0
    assert 0 < s3.gets() <= len(known(app))


def test_a_time_range_that_fits_is_answered_and_more_than_the_cache_holds_is_refused(settings, s3):
    ingest(app_of(settings))
    shutil.rmtree(settings["cache"], ignore_errors=True)
    small = app_of(settings, cache_size="2kB")
    s3.forget()
    with pytest.raises(QueryError) as caught:
        ask(small)
    assert caught.value.code == "query.cache_small"
    assert "--engine athena" in caught.value.hint
    assert s3.gets() == 0
    assert ask(small, "SELECT count(*) AS n FROM flow_logs WHERE start < 0") == [{"n": 0}]


KILLED = """
import os, signal, sys
from vpcflow.cli.main import main
from vpcflow.lake import s3_storage, ledger
name, after, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
kind = ledger.Ledger if hasattr(ledger.Ledger, name) else s3_storage.S3Storage
whole, count = getattr(kind, name), 0
def killing(*words, **named):
    global count
    count += 1
    if count > after:
        os.kill(os.getpid(), signal.SIGKILL)
    found = whole(*words, **named)
    if count == after:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
setattr(kind, name, killing)
main(["ingest", source])
"""


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("stage", 0), ("stage", 1), ("put", 0), ("put", 1), ("put", 3), ("publish", 0), ("publish", 1), ("release", 0),
        ("push", 0), ("supersede", 0), ("supersede", 1), ("_keep", 0), ("remove", 0), ("copy_to", 1),
    ],
)  # fmt: skip
def test_killed_anywhere_nothing_is_lost_doubled_or_left(s3, app, bucket, expected, tmp_path, name, after):
    # Twice the same names with less in them first, so that files are replaced and compacted away.
    for path in EXAMPLES.rglob("*.log.gz"):
        target = tmp_path / "AWSLogs" / path.relative_to(EXAMPLES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = [sys.executable, "-c", KILLED, name, str(after), str(tmp_path / "AWSLogs")]
    child = subprocess.run(command, timeout=60, check=False, capture_output=True, env=os.environ)
    assert child.returncode in (-signal.SIGKILL, 0), child.stderr
    ingest(app, tmp_path / "AWSLogs")
    assert ask(app) == expected
    assert held(s3, bucket) == known(app)
    assert not list(app.lake_home.rglob("*.parquet"))


def test_a_lost_machine_is_replaced_by_the_copy(settings, s3, expected):
    first = app_of(settings)
    ingest(first)
    second = app_of(settings, state=settings["state"] + "-new")
    with second.lake() as lake:
        assert lake.restored
    assert ask(second) == expected
    assert ingest(second).objects == 0


def test_two_machines_that_write_are_told(settings, tmp_path):
    first, second = app_of(settings), app_of(settings, state=settings["state"] + "-new")
    ingest(first)
    line = "2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 5 100 1764000000 1764000060 ACCEPT OK\n"
    (tmp_path / "more.log").write_text(line)
    ingest(second, tmp_path / "more.log")
    (tmp_path / "again.log").write_text(line)
    with pytest.raises(LakeError) as caught:
        ingest(first, tmp_path / "again.log")
    assert caught.value.code == "lake.written_elsewhere"
    ingest(second, tmp_path / "again.log")


def test_an_object_that_is_gone_and_a_server_that_is(s3, settings, app, bucket):
    ingest(app)
    shutil.rmtree(settings["cache"], ignore_errors=True)
    gone = next(iter(held(s3, bucket)))
    s3.client().delete_object(Bucket=bucket, Key=f"lake/{gone}")
    with app.lake() as lake:
        assert [file.path for file in lake.missing()] == [gone]
    with pytest.raises(LakeError) as caught:
        ask(app)
    assert caught.value.code == "lake.object_gone"
    with pytest.raises(SourceError) as caught:
        ingest(app_of(settings, endpoint_url="http://127.0.0.1:9"))
    assert caught.value.code == "source.unreachable"


def test_a_lake_that_is_not_there(settings):
    with pytest.raises(LakeError) as caught, app_of(settings).lake():
        pass
    assert caught.value.code == "lake.missing"
    assert settings["lake"] in caught.value.message


# --- the cache -----------------------------------------------------------------------------------------------------


def item(name, size=1000, calls=None):
    def get(path):
        if calls is not None:
            calls.append(name)
        path.write_bytes(name[:1].encode() * size)

    return CacheItem(name, size, get)


def test_what_is_fetched_stays_until_there_is_no_room(tmp_path):
    cache, calls = ObjectCache(tmp_path, 3000), []
    for name in ("a", "b/b", "c", "a", "d"):
        use = cache.use()
        (path,) = use.fetch([item(name, calls=calls)])
        assert path.read_bytes() == name[:1].encode() * 1000
        use.close()
    assert calls == ["a", "b/b", "c", "d"]
    kept = {path.name for path in (tmp_path / "files").rglob("*") if path.is_file()}
    assert kept == {"a", "c", "d"}  # b was not read for longest
    assert not list((tmp_path / "in-use").iterdir())


def test_what_is_in_use_stays_readable_when_it_is_dropped(tmp_path):
    cache = ObjectCache(tmp_path, 1000)
    first, second = cache.use(), cache.use()
    (one,) = first.fetch([item("a")])
    (two,) = second.fetch([item("b")])
    assert not (tmp_path / "files" / "a").exists()
    assert (one.read_bytes()[:1], two.read_bytes()[:1]) == (b"a", b"b")
    first.close()
    assert not one.exists()


def test_half_a_file_is_fetched_again_and_a_changed_one_refused(tmp_path):
    cache, calls = ObjectCache(tmp_path, 5000), []
    use = cache.use()
    use.fetch([item("a", calls=calls)])
    use.close()
    (tmp_path / "files" / "a").write_bytes(b"a" * 10)
    (path,) = cache.use().fetch([item("a", calls=calls)])
    assert path.stat().st_size == 1000
    assert calls == ["a", "a"]
    with pytest.raises(QueryError) as caught:
        cache.use().fetch([CacheItem("x", 1000, lambda path: path.write_bytes(b"short"))])
    assert caught.value.code == "query.object_changed"
    assert not list(tmp_path.rglob("*.fetched"))


def test_what_dead_processes_had_in_use_goes(tmp_path):
    script = (
        "import os, sys, pathlib\nfrom vpcflow.cache import *\n"
        "ObjectCache(pathlib.Path(sys.argv[1]), 9000).use().fetch([CacheItem('a', 3, lambda p: p.write_bytes(b'abc'))])\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=30)
    assert len(list((tmp_path / "in-use").iterdir())) == 1
    use = ObjectCache(tmp_path, 9000).use()
    use.fetch([item("b", 3)])
    assert len(list((tmp_path / "in-use").iterdir())) == 1
    use.close()
    assert (tmp_path / "files" / "a").read_bytes() == b"abc"


def test_many_readers_at_once(tmp_path):
    cache, failures = ObjectCache(tmp_path, 4000), []

    def read(number):
        try:
            for turn in range(20):
                use = cache.use()
                names = [f"{chr(97 + (number + turn + n) % 6)}" for n in range(3)]
                for name, path in zip(names, use.fetch([item(name) for name in names]), strict=True):
                    assert path.read_bytes() == name.encode() * 1000
                use.close()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_files_in_s3_are_what_athena_reads(s3, app, bucket, tmp_path):
    ingest(app)
    key = next(iter(held(s3, bucket)))
    s3.client().download_file(bucket, f"lake/{key}", str(tmp_path / "file.parquet"))
    assert "srcaddr" in pq.read_schema(tmp_path / "file.parquet").names


def test_time_prunes_what_is_fetched(s3, app):
    ingest(app)
    shutil.rmtree(app.cache.folder, ignore_errors=True)
    with app.lake() as lake:
        newest = lake.newest("flow_logs")
        wanted = [file.path for file in lake.ledger.scan("flow_logs", _filter(newest))]
    s3.forget()
    ask(app, f"SELECT count(*) AS n FROM flow_logs WHERE start >= {newest - 600}")
    assert s3.gets() == len(wanted) < len(known(app))


def _filter(newest):
    from vpcflow.types import PartitionFilter  # noqa: PLC0415 - of one helper

    return PartitionFilter(time=TimeRange(newest - 600, None))
