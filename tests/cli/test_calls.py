"""Exit codes, and what a wrong call is told."""

from __future__ import annotations

import json

import pytest

from cli.logs import line, write
from vpcflow import __version__
from vpcflow.query.duckdb import DuckDBEngine


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frob"], "no such command: frob"),
        (["recrods"], "did you mean records?"),
        (["lake", "inf"], "did you mean info?"),
        (["records", "--sinec", "1h"], "no such option: --sinec; did you mean --since"),
        (["records", "--since"], "--since is not used right"),
        (["records", "--since", "yesterday"], '"yesterday" is no time'),
        (["records", "--since", "2026-13-01"], '"2026-13-01" is no time'),
        (["records", "--since", "1h", "--until", "2h"], "--since"),
        (["records", "-n", "-1"], "-1 is not within 0 to"),
        (["records", "-n", "many"], "-n"),
        (["records", "-o", "xml"], '"xml" is none of table, wide, text'),
        (["records", "--table", "flows"], '"flows" is none of flow_logs'),
        (["records", "--fields", "dst_port"], "dst_port"),
        (["records", "--fields", "srcaddr,srcAddr"], "named twice"),
        (["top"], "'FIELD…' is missing"),
        (["top", "srcaddr", "dstaddr", "dstport", "action"], "4"),
        (["top", "srcaddr", "srcaddr"], "named twice"),
        (["top", "sourceaddr"], "srcaddr"),
        (["top", "srcaddr", "--by", "size"], '"size" is none of bytes, packets, records'),
        (["denied", "--by", "bytes"], '"bytes" is none of srcaddr, dstaddr, dstport, interface-id'),
        (["denied", "-n", "0"], "0 is not within 1 to"),
        (["ingest"], "'SOURCE…' is missing"),
        (["lake", "expire"], "--older-than"),
        (["lake", "expire", "--older-than", "90d", "--before", "2026-01-01"], "--older-than"),
        (["lake", "expire", "--older-than", "soon"], '"soon" is no length of time'),
        (["generate", "--out", "x", "--version", "2", "--format", "${bytes}"], "--format"),
        (["generate", "--out", "x", "--version", "99"], '"99" is none of'),
        (["generate"], "--out"),
        (["completion", "tcsh"], '"tcsh" is none of bash, zsh, fish'),
        (["config", "show", "-o", "csv"], '"csv" is none of table, json'),
        (["records", "--from", "x", "--bad-lines", "."], '"." cannot be used as a path'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_exits_with_2_and_is_told_in_a_line_or_two(run, lake, words, said):
    ran = run(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert len(ran.err.splitlines()) <= 2
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("words", [[], ["lake"], ["config"]])
def test_a_group_alone_shows_its_help(run, words):
    ran = run(*words)
    assert ran.code == 2
    assert "Commands:" in ran.err
    assert "error" not in ran.err


def test_version_and_help_exit_with_0(run):
    assert run("--version").out == f"vpcflow {__version__}\n"
    for words in (["--help"], ["-h"], ["records", "-h"], ["lake", "--help"], ["lake", "info", "--help"]):
        assert run(*words).code == 0


@pytest.mark.parametrize(
    "words",
    [["records"], ["top", "srcaddr"], ["denied"], ["records", "-o", "table"], ["denied", "-o", "json"]],
    ids=" ".join,
)
def test_nothing_found_exits_with_1_only_when_asked_to(run, lake, words):
    nothing = [*words, "-f", "bytes > 99999999999"]
    assert run(*nothing).code == 0
    assert run(*nothing, "--exit-code").code == 1
    assert run(*words, "--exit-code").code == 0


def test_fields_that_are_none_exit_with_1_only_when_asked_to(run):
    assert run("fields", "nosuchfield").code == 0
    assert run("fields", "nosuchfield", "--exit-code").code == 1
    assert run("fields", "addr", "--exit-code").code == 0


def test_a_wrong_setting_exits_with_3(run, lake):
    ran = run("records", "--memory", "1MB")
    assert ran.code == 3
    assert "--memory" in ran.err


@pytest.mark.parametrize("words", [["records"], ["top", "srcaddr"], ["denied"]], ids=" ".join)
def test_a_wrong_filter_exits_with_4_and_underlines_its_place(run, lake, words):
    ran = run(*words, "-f", "action = REJECT and dst_port = 22")
    assert ran.code == 4
    assert ran.err.splitlines() == [
        'error: unknown field "dst_port" (1:21)', "  action = REJECT and dst_port = 22", "                      ^^^^^^^^",
        "  did you mean dstport?",
    ]  # fmt: skip


def test_a_wrong_filter_is_told_before_anything_is_read(run):
    assert run("records", "--from", "nowhere", "-f", "dst_port = 22").code == 4


@pytest.mark.parametrize(
    "words",
    [
        ["records"],
        ["top", "srcaddr"],
        ["denied"],
        ["lake", "info"],
        ["lake", "compact"],
        ["lake", "expire", "--older-than", "1d"],
    ],
    ids=" ".join,
)
def test_without_a_lake_it_says_how_to_make_one(run, place, words):
    ran = run(*words)
    assert ran.code == 4
    assert "there is no lake at lake" in ran.err
    assert "vpcflow ingest SOURCE --lake lake" in ran.err
    assert list(place.iterdir()) == []


def test_what_is_no_flow_log_exits_with_4(run, place):
    (place / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    ran = run("records", "--from", "hosts")
    assert ran.code == 4
    assert ran.err.count("no flow log") == 1
    assert "--format" in ran.err


@pytest.mark.parametrize("words", [["records", "--from"], ["ingest"]], ids=" ".join)
def test_a_source_that_is_not_there_exits_with_5(run, words):
    ran = run(*words, "nowhere/*.gz")
    assert ran.code == 5
    assert "nowhere/*.gz" in ran.err


def test_a_lake_that_cannot_be_made_is_an_error_by_name(run, place):
    write(place / "log", line())
    (place / "lake").write_text("a file")
    ran = run("ingest", "log")
    assert ran.code == 4
    assert "--lake PATH" in ran.err


def test_interrupted_exits_with_130(run, lake, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(DuckDBEngine, "submit", interrupted)
    ran = run("records")
    assert ran.code == 130
    assert ran.err.strip() == "interrupted"


def test_debug_shows_where_an_error_arose(lake, place):
    from vpcflow.cli.main import main  # noqa: PLC0415
    from vpcflow.errors import QueryError  # noqa: PLC0415

    with pytest.raises(QueryError):
        main(["records", "-f", "nosuch = 1", "--debug"])


def test_an_empty_lake_has_no_records_and_no_error(run, place):
    write(place / "log")
    assert run("ingest", "log").code == 0
    for words in (["records"], ["records", "-o", "table"], ["top", "srcaddr", "-o", "json"], ["denied", "-o", "table"]):
        ran = run(*words)
        assert ran.code == 0
        assert ran.err.strip()
    assert run("lake", "info", "-o", "json").json()["tables"] == {}
    assert run("lake", "compact").code == 0


def test_ingest_twice_doubles_nothing_and_says_so(run, place):
    write(place / "log", line(1), line(2))
    assert run("ingest", "log").out.startswith("2 records, 1 files")
    again = run("ingest", "log")
    assert again.code == 0
    assert "1 already in the lake" in again.out
    assert len(run("records").lines) == 3


def test_expire_removes_old_hours(run, own_lake):
    ran = run("lake", "expire", "--before", "2026-11-16T11:00:00Z")
    assert ran.code == 0
    left = run("records", "--fields", "start", "-o", "jsonl").rows()
    assert left
    assert min(row["start"] for row in left) >= 1_794_826_800


def test_lake_info_tells_what_is_there_and_what_is_missing(run, lake):
    ran = run("lake", "info", "-o", "json")
    document = ran.json()
    assert document["tables"]["flow_logs"]["rows"] == 11_000
    assert document["sources"] == 60
    assert document["bad_lines"] == {}
    assert document["gap_interfaces"] >= len(document["gaps"]) > 0
    text = run("lake", "info").out
    assert "flow_logs: 11,000 records" in text
    assert "no bad lines" in text
    assert "gaps: " in text


def test_fields_lists_the_registry(run):
    found = run("fields", "pkt-src", "-o", "json").json()
    assert [field["name"] for field in found] == ["pkt-srcaddr", "pkt-src-aws-service"]
    assert found[0] == {
        "name": "pkt-srcaddr", "column": "pkt_srcaddr", "insights": "pktSrcAddr", "type": "string", "version": 3, "of": ["vpc"],
        "unit": None, "meaning": found[0]["meaning"],
    }  # fmt: skip
    assert "source address in the packet" in found[0]["meaning"]
    assert len(run("fields").lines) > 60


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(run, shell):
    ran = run("completion", shell)
    assert ran.code == 0
    assert "_VPCFLOW_COMPLETE" in ran.out


def test_doctor_says_what_was_found_and_what_to_do(run, place):
    ran = run("doctor", "-o", "json")
    assert ran.code == 0
    found = {finding["what"]: finding for finding in ran.json()}
    assert found["vpcflow"]["level"] == "good"
    assert found["lake"]["level"] == "warning"
    assert "vpcflow ingest" in found["lake"]["todo"]
    assert found["AWS credentials"]["level"] == "warning"
    assert {finding["level"] for finding in found.values()} <= {"good", "warning", "bad"}


def test_doctor_finds_credentials_and_lost_files(run, own_lake, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    good = run("doctor")
    assert good.code == 0
    assert "11,000 records of 60 sources" in good.out
    assert "(env)" in good.out
    next(own_lake.rglob("*.parquet")).unlink()
    ran = run("doctor", "-o", "json")
    assert ran.code == 3
    assert [finding["what"] for finding in ran.json() if finding["level"] == "bad"] == ["lake"]


def test_doctor_asks_the_sources_and_the_queue_it_is_given(run, s3, place):
    from log_groups import LogGroup, line, window_before  # noqa: PLC0415 - moto takes a second that most need not pay
    from queues import Told  # noqa: PLC0415

    group, empty, told = LogGroup(s3), LogGroup(s3), Told(s3)
    start = window_before(3600)
    group.put([(start, line(start))])
    group.logs.put_retention_policy(logGroupName=group.name, retentionInDays=30)
    told.put(0)
    words = [
        group.source,
        empty.source,
        told.source,
        "cloudwatch:/nope",
        "s3://no-such-bucket-here",
        "--sqs-url",
        told.url,
    ]
    ran = run("doctor", *words, "--endpoint-url", s3.url, "--aws-region", "us-east-1", "-o", "json")
    found = {finding["what"]: finding for finding in ran.json()}
    assert ran.code == 3
    assert (found["AWS Region"]["level"], found["AWS Region"]["found"]) == ("good", "us-east-1")
    assert found[group.source]["level"] == "good"
    assert "123456789012 us-east-1, events are kept 30 days, first event" in found[group.source]["found"]
    assert (found[empty.source]["level"], "no events" in found[empty.source]["found"]) == ("warning", True)
    assert (found[told.source]["level"], "can be read" in found[told.source]["found"]) == ("good", True)
    assert found["cloudwatch:/nope"]["level"] == found["s3://no-such-bucket-here"]["level"] == "bad"
    assert "--aws-region" in found["cloudwatch:/nope"]["todo"]
    assert found[told.url]["level"] == "warning"
    assert "2 messages waiting, 0 in flight" in found[told.url]["found"]
    assert told.left() == 2
    good = run("doctor", group.source, "--endpoint-url", s3.url, "--aws-region", "us-east-1")
    assert good.code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("s3://b/p", "--sqs-url", "https://sqs.us-east-1.amazonaws.com/1/q"), "--sqs-url needs --watch"),
        (("./here", "--watch", "--sqs-url", "https://sqs.us-east-1.amazonaws.com/1/q"), "./here is none"),
        (("cloudwatch:x", "--watch", "--sqs-url", "https://sqs.us-east-1.amazonaws.com/1/q"), "cloudwatch:x is none"),
    ],
)
def test_a_queue_goes_with_watched_s3_sources_only(run, words, said):
    ran = run("ingest", *words)
    assert ran.code == 2
    assert said in ran.err


def test_doctor_tells_a_damaged_ledger(run, own_lake):
    (own_lake / "_vpcflow/ledger.sqlite").write_bytes(b"this is no database" * 100)
    ran = run("doctor", "-o", "json")
    assert ran.code == 3
    assert any(finding["level"] == "bad" for finding in ran.json())


def test_generate_writes_in_awss_layout_and_can_be_read_at_once(run, place):
    words = [
        "generate",
        "--records",
        500,
        "--files",
        2,
        "--seed",
        3,
        "--interfaces",
        12,
        "--peers",
        16,
        "--out",
        "made",
        "-q",
    ]
    assert run(*words).code == 0
    files = sorted(path.relative_to(place / "made") for path in (place / "made").rglob("*.gz"))
    assert len(files) == 2
    assert str(files[0]).startswith("AWSLogs/123456789012/vpcflowlogs/us-east-1/")
    assert len(run("records", "--from", "made", "-o", "jsonl").rows()) == 500


def test_the_language_is_chosen_by_flag_and_environment(run, monkeypatch):
    assert run("--lang", "ko", "records").err.startswith("오류")
    assert run("records", "--lang=ko").err.startswith("오류")
    assert "명령" in run("--lang", "ko", "--help").out
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert run("records").err.startswith("오류")
    assert run("records", "--lang", "en").err.startswith("error")


def test_machine_forms_are_the_same_in_every_language(run, lake):
    for words in (
        ["records", "-n", 3],
        ["top", "srcaddr", "-o", "json"],
        ["denied", "-o", "csv"],
        ["config", "show", "-o", "json"],
    ):
        english = run(*words).out
        korean = run(*words, "--lang", "ko").out
        if words[0] == "config":
            assert set(json.loads(english)) == set(json.loads(korean))
        else:
            assert english == korean
