"""Questions put straight to files: --from, and how they are read."""

from __future__ import annotations

import gzip
import io
import shutil
import sys

import pytest

from cli.conftest import EXAMPLES
from cli.logs import HEADER, line, write

ONE = next(EXAMPLES.rglob("*us-east-1*0600Z*.gz"))


def test_a_file_a_folder_and_a_glob_are_asked(run, place):
    shutil.copy(ONE, place / "one.log.gz")
    (place / "more").mkdir()
    shutil.copy(ONE, place / "more/two.log.gz")
    count = len(run("records", "--from", "one.log.gz").lines) - 1
    assert count > 100
    assert len(run("records", "--from", "more").lines) - 1 == count
    assert len(run("records", "--from", "m*/*.gz").lines) - 1 == count
    assert len(run("records", "--from", ".").lines) - 1 == 2 * count
    assert len(run("records", "--from", "one.log.gz", "--from", "more").lines) - 1 == 2 * count


def test_standard_input_is_asked(run, monkeypatch):
    for content in (ONE.read_bytes(), gzip.decompress(ONE.read_bytes())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert len(run("records", "--from", "-").lines) > 100


def test_files_give_the_same_answers_as_the_lake(run, lake):
    for words in (["top", "srcaddr", "-o", "csv"], ["denied", "-o", "json"], ["records", "-n", 50, "-o", "jsonl"]):
        assert run(*words, "--from", EXAMPLES).out == run(*words).out


def test_asking_files_leaves_no_lake(run, place, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert run("top", "dstport", "--from", ONE).code == 0
    assert list(place.iterdir()) == []
    assert list(scratch.iterdir()) == []


def test_the_newest_records_of_an_output_can_be_read_again(run, place):
    (place / "first").write_bytes(run("records", "--from", ONE, "-n", 0).data)
    again = run("records", "--from", "first", "-n", 0)
    assert sorted(again.lines) == sorted((place / "first").read_text().splitlines())


def test_bad_lines_are_told_and_do_not_stop_it(run, place):
    log = write(place / "log", line(1), "2 123456789012 eni-1 too few", line(2), line(3, bytes="many"), line(4))
    ran = run("records", "--from", log)
    assert ran.code == 0
    assert len(ran.lines) == 4
    assert "bad line: " in ran.err
    assert ":3: too few fields" in ran.err
    assert ":5: not a number at bytes" in ran.err
    assert run("records", "--from", log, "-q").err == ""


def test_bad_lines_are_kept_in_a_file_as_they_were(run, place):
    bad = ["2 123456789012 eni-1 too few", line(3, bytes="many")]
    log = write(place / "log", line(1), *bad)
    assert run("ingest", log, "--bad-lines", "bad.txt").code == 0
    assert (place / "bad.txt").read_text().splitlines() == bad
    assert run("lake", "info", "-o", "json").json()["bad_lines"] == {"too_few_fields": 1, "not_a_number": 1}


def test_strict_refuses_a_source_with_a_bad_line(run, place):
    log = write(place / "log", line(1), "2 123456789012 eni-1 too few")
    for words in (["records", "--from", log], ["ingest", log]):
        ran = run(*words, "--strict")
        assert ran.code == 4
        assert "log, line 3: too few fields" in ran.err
        assert "203.0.113.1" not in ran.out
    assert run("ingest", write(place / "good", line(1)), "--strict").code == 0


def test_text_without_a_header_is_read_by_the_format_given(run, place):
    log = write(place / "log", "443 10.0.0.1 ACCEPT", "22 10.0.0.2 REJECT", header=False)
    assert run("records", "--from", log).code == 4
    ran = run(
        "records", "--from", log, "--format", "${dstport} ${dstaddr} ${action}", "-f", "action = REJECT", "-o", "jsonl"
    )
    assert ran.rows() == [{"dstaddr": "10.0.0.2", "dstport": 22, "action": "REJECT"}]


@pytest.mark.parametrize("wrong", ["dstport dstaddr", "${dstport}${dstport}", "", "${}", "${dstport"])
def test_a_format_that_is_none_is_refused(run, place, wrong):
    ran = run("records", "--from", write(place / "log", line()), "--format", wrong)
    assert ran.code in ((4,) if wrong else (0,))


def test_fields_no_registry_has_are_kept_and_named(run, place):
    (place / "log").write_text(HEADER + " new-field\n" + line(1) + " something\n")
    ran = run("records", "--from", "log", "-o", "jsonl")
    assert "new-field" in ran.err
    assert dict(ran.rows()[0]["x_extra"]) == {"new-field": "something"}


def test_a_cut_gzip_gives_what_was_read_and_names_the_loss(run, place):
    content = gzip.compress("\n".join([HEADER, *(line(n % 250) for n in range(5000))]).encode())
    (place / "cut.gz").write_bytes(content[: len(content) // 2])
    ran = run("records", "--from", "cut.gz", "-q")
    assert ran.code == 0
    assert len(ran.lines) > 10
    assert "cut off" in ran.err


def test_one_source_that_cannot_be_read_does_not_hide_the_others(run, place):
    (place / "logs").mkdir()
    write(place / "logs/good", line(1))
    (place / "logs/other").write_text("this is no flow log at all\n")
    ran = run("records", "--from", "logs")
    assert ran.code == 0
    assert len(ran.lines) == 2
    assert "not read" in ran.err


def test_a_bucket_is_asked(s3, run, monkeypatch):
    bucket = s3.bucket({"AWSLogs/x/log.gz": ONE.read_bytes()})
    ran = run("records", "--from", f"s3://{bucket}/AWSLogs", "--endpoint-url", s3.url)
    assert ran.code == 0, ran.err
    assert sorted(ran.lines) == sorted(run("records", "--from", ONE).lines)


def test_a_bucket_that_is_not_there_exits_with_5(s3, run):
    ran = run("records", "--from", "s3://no-such-bucket-here/x", "--endpoint-url", s3.url)
    assert ran.code == 5
    assert "no such bucket" in ran.err


def test_a_bucket_without_credentials_exits_with_5_and_says_what_to_do(run, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    ran = run("records", "--from", "s3://bucket/x", "--endpoint-url", "http://127.0.0.1:9")
    assert ran.code == 5
    assert "--no-sign-request" in ran.err
