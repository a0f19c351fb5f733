"""`vpcflow insights` and `vpcflow lookup-tables`: forms, errors, limits, what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
BASE = 1_794_823_200


def line(start=0, action="ACCEPT", port=443, source="10.0.1.10"):
    return (
        f"2 123456789012 eni-0a1 {source} 10.0.0.2 40000 {port} 6 1 40 {BASE + start} {BASE + start + 59} {action} OK"
    )


def test_json_has_the_shape_of_get_query_results(run, lake):
    ran = run("insights", 'filter action = "REJECT" | fields @timestamp, dstPort, nothing | limit 2', "-o", "json")
    answer = ran.json()
    assert answer["status"] == "Complete"
    assert [[pair["field"] for pair in row] for row in answer["results"]] == [["@timestamp", "dstPort", "@ptr"]] * 2
    assert all(isinstance(pair["value"], str) for row in answer["results"] for pair in row)
    counts = answer["statistics"]
    assert counts["recordsScanned"] == 11_000.0
    assert counts["recordsMatched"] == 655.0
    assert counts["bytesScanned"] > 0
    assert "no record has a field nothing" in ran.err


def test_rows_of_stats_have_no_pointer(run, lake):
    answer = run("insights", "stats count(*) by action", "-o", "json").json()
    assert [pair["field"] for pair in answer["results"][0]] == ["action", "count(*)"]


def test_a_pointer_is_the_same_each_time_and_no_other_records(run, lake):
    query = "fields @timestamp | sort srcAddr, dstAddr, srcPort, dstPort, @timestamp | limit 50"
    found = [
        [pair["value"] for row in run("insights", query, "-o", "json").json()["results"] for pair in row[-1:]]
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == 50


def test_each_form_has_the_same_answer(run, lake, place):
    query = "stats count(*) as n, avg(bytes) as mean by action | sort action"
    table = run("insights", query, "-o", "table").lines
    assert table[0].split() == ["action", "n", "mean"]
    text = [cells.split("\t") for cells in run("insights", query).lines]
    assert text[0] == ["action", "n", "mean"]
    assert run("insights", query, "-o", "jsonl").rows()[1] == dict(zip(text[0], text[2], strict=True))
    assert run("insights", query, "-o", "csv").lines[2].split(",") == text[2]
    (place / "answer.parquet").write_bytes(run("insights", query, "-o", "parquet").data)
    typed = pq.read_table(place / "answer.parquet").to_pylist()
    assert typed[1]["n"] == int(text[2][1])
    assert str(typed[1]["mean"]) == text[2][2]


def test_ten_thousand_rows_come_unless_a_number_is_given(run, lake):
    assert len(run("insights", "fields srcAddr").lines) == 10_001
    assert len(run("insights", "fields srcAddr", "-n", "7").lines) == 8
    assert len(run("insights", "fields srcAddr | limit 3", "-n", "7").lines) == 4


def test_a_time_is_a_time(run, lake):
    ran = run(
        "insights",
        "stats count(*), min(start), max(start)",
        "--since",
        "1794823200",
        "--until",
        "1794826800",
        "-o",
        "jsonl",
    )
    (row,) = ran.rows()
    assert int(row["min(start)"]) >= 1794823200
    assert int(row["max(start)"]) < 1794826800


def test_an_account_or_a_region_is_chosen(run, lake):
    assert run("insights", "stats count(*)", "--account", "210987654321").lines[1] == "5000"
    assert run("insights", "stats count(*)", "--region", "us-east-1", "--region", "eu-west-1").lines[1] == "6000"


def test_files_are_asked_without_a_lake(run, place):
    (place / "a.log").write_text("\n".join([HEADER, line(), line(5, "REJECT", 22)]) + "\n")
    ran = run("insights", "--from", "a.log", "fields dstPort, @message", "-o", "jsonl")
    assert ran.rows() == [
        {"dstPort": "22", "@message": line(5, "REJECT", 22)},
        {"dstPort": "443", "@message": line()},
    ]


def test_a_query_comes_from_standard_input(place, lake):
    done = subprocess.run(
        [sys.executable, "-m", "vpcflow", "insights"],
        input="stats count(*)",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "count(*)\n11000\n"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("fields a | filtr b", "MalformedQueryException: there is no command"),
        ("stats count(*) by action | sort actoin", "Did you mean action?"),
        ("SOURCE 'nowhere'", "ResourceNotFoundException: Log group 'nowhere' does not exist"),
        ("SOURCE 'flow_lags'", "Did you mean flow_logs?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(run, lake, query, said):
    ran = run("insights", query)
    assert ran.code == 4
    assert said in ran.err
    assert "^" in ran.err


def test_strict_refuses_a_field_that_no_record_has(run, lake):
    assert run("insights", "fields srcAdr").code == 0
    ran = run("insights", "fields srcAdr", "--strict")
    assert ran.code == 4
    assert "Did you mean srcAddr?" in ran.err


def test_a_log_group_that_is_not_there_is_named(run, lake):
    ran = run("insights", "limit 1", "--log-group", "flow_log")
    assert ran.code == 4
    assert "Log group 'flow_log' does not exist" in ran.err


def test_a_query_of_two_tables_and_of_transit_gateways(run, lake):
    assert (
        run("insights", "stats count(*)", "--log-group", "flow_logs", "--log-group", "transit_gateway_flow_logs").lines[
            1
        ]
        == "11000"
    )
    assert run("insights", "stats count(*)", "--log-group", "transit_gateway_flow_logs").lines[1] == "0"


def test_the_tables_form_is_drawn_and_exit_code_tells_of_nothing(run, lake):
    assert run("insights", "filter dstPort = 65536", "--exit-code").code == 1
    assert run("insights", "limit 1", "--exit-code").code == 0


def test_bins_are_drawn_as_bars(run, lake):
    drawn = run("insights", "stats count(*) by bin(1h)", "--chart").lines
    assert drawn[0].split() == ["count(*)"]
    assert [row.split()[1] for row in drawn[1:]] == [f"{hour:02d}:00:00.000" for hour in range(6, 12)]
    longest = max(drawn[1:], key=lambda row: row.count("█"))
    assert longest.count("█") == 40
    assert "by bin(" in run("insights", "stats count(*) by action", "--chart").err
    assert run("insights", "stats count(*) by bin(1h)", "--chart", "-o", "csv").code == 2


def test_a_bin_without_records_is_a_line_without_a_bar(run, place):
    (place / "a.log").write_text("\n".join([HEADER, line(), line(180)]) + "\n")
    drawn = run("insights", "--from", "a.log", "stats count(*) by bin(1m)", "--chart").lines
    assert ["█" in row for row in drawn[1:]] == [True, False, False, True]


def test_lookup_tables_are_kept_shown_and_deleted(run, lake, place, monkeypatch):
    monkeypatch.setenv("VPCFLOW_LAKE", str(place / "own"))
    (place / "ports.csv").write_text("port,service\n443,https\n")
    assert (
        "1 rows, columns port, service" in run("lookup-tables", "put", "ports", "ports.csv", "--description", "x").out
    )
    (told,) = run("lookup-tables", "list", "-o", "json").json()
    assert (told["name"], told["fields"], told["records"], told["description"]) == (
        "ports",
        ["port", "service"],
        1,
        "x",
    )
    assert run("lookup-tables", "show", "ports").out == "port,service\n443,https\n"
    (place / "a.log").write_text("\n".join([HEADER, line(), line(5, "REJECT", 22)]) + "\n")
    run("ingest", "a.log")
    ran = run("insights", "fields dstPort | lookup ports port as dstPort OUTPUT service", "-o", "jsonl")
    assert ran.rows() == [{"dstPort": "22", "service": None}, {"dstPort": "443", "service": "https"}]
    assert "Did you mean ports?" in run("lookup-tables", "show", "port").err
    assert run("lookup-tables", "delete", "ports").code == 0
    assert "no lookup table ports" in run("insights", "lookup ports port as dstPort OUTPUT service").err


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("bad name", "a\n1\n", "cannot be the name"),
        ("t", "", "must name every column"),
        ("t", "a,a\n1,2\n", "is there twice"),
        ("t", "a,b\n1\n", "line 2 has 1 cells"),
        ("t", 'a,b\n"1,2\n', "is no CSV"),
        ("t", "a\n" + "x" * (10 << 20), "10,485,760 at the most"),
    ],
)
def test_what_is_no_lookup_table_is_refused(run, place, name, body, said):
    (place / "t.csv").write_text(body)
    ran = run("lookup-tables", "put", name, "t.csv")
    assert ran.code == 4
    assert said in ran.err
    assert run("lookup-tables", "list", "-o", "json").json() == []


HEAVY = (
    "join left=l right=r where l.dstPort = r.dstPort (SOURCE 'flow_logs') "
    "| stats count_distinct(concat(l.@message, r.@message))"
)


def test_a_query_ends_with_its_time(run, lake):
    began = time.monotonic()
    ran = run("insights", HEAVY, "--timeout", "0.5")
    assert ran.code == 4
    assert "stopped after 0.5 s" in ran.err
    assert time.monotonic() - began < 5


def test_ctrl_c_stops_a_query_at_once(lake):
    running = subprocess.Popen(
        [sys.executable, "-m", "vpcflow", "insights", HEAVY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(3)
        assert running.poll() is None
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
        # It takes 0.2 s; the rest is for a busy machine.
        assert time.monotonic() - began < 3
        assert running.returncode == 130
    finally:
        running.kill()


@pytest.fixture
def following(place, run):
    """Start a query that goes on in a lake with one record."""
    started = []
    (place / "a.log").write_text(f"{HEADER}\n{line()}\n")
    run("ingest", "a.log")

    def start(*words):
        running = subprocess.Popen(
            [sys.executable, "-m", "vpcflow", "insights", "--follow", *words], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(running)
        time.sleep(2.5)
        return running

    yield start
    for running in started:
        running.kill()
        running.communicate()


def test_following_shows_new_records_the_oldest_first(following, place, run):
    running = following('filter action = "REJECT" | fields dstPort, toupper(interfaceId) as eni')
    rows = [line(60, "REJECT", 22), line(61), line(62, "REJECT", 23)]
    (place / "b.log").write_text("\n".join([HEADER, *rows]) + "\n")
    run("ingest", "b.log")
    assert [running.stdout.readline() for _ in range(3)] == ["dstPort\teni\n", "22\tENI-0A1\n", "23\tENI-0A1\n"]
    (place / "c.log").write_text("\n".join([HEADER, line(70, "REJECT", 80)]) + "\n")
    run("ingest", "c.log")
    assert running.stdout.readline() == "80\tENI-0A1\n"


def test_following_counts_a_bin_once_it_is_closed(following, place, run):
    running = following("stats count(*) as n by bin(1h)", "--since", "2026-11-16", "-o", "jsonl")
    rows = [line(60), line(3600), line(3600 + 700)]
    (place / "b.log").write_text("\n".join([HEADER, *rows]) + "\n")
    run("ingest", "b.log")
    assert running.stdout.readline() == '{"bin(1h)": "2026-11-16 10:00:00.000", "n": "2"}\n'


def test_what_cannot_be_followed_is_refused(run, lake):
    ran = run("insights", "--follow", "sort srcAddr")
    assert ran.code == 4
    assert "sort cannot be followed" in ran.err
    assert "bins of days or less" in run("insights", "--follow", "stats count(*) by action").err
    assert run("insights", "--follow", "limit 1", "--from", "x").code == 2
    assert run("insights", "--follow", "fields srcAddr", "-o", "parquet").code == 2
