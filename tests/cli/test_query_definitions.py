"""`vpcflow query-definitions`: saved queries in AWS's shapes, kept beside the lake."""

from __future__ import annotations

import io
import re
import sys
import uuid

import pytest

from vpcflow.query.insights.predefined import PREDEFINED
from vpcflow.state import query_definitions

QUERY = "filter action = 'REJECT' | stats count(*) as n by srcAddr"


def _shown(run, name):
    return run("query-definitions", "show", name, "-o", "json", "--lake", "lake").json()


def test_a_query_is_kept_changed_and_forgotten(run, place):
    first = run("query-definitions", "put", "mine", QUERY, "--log-group", "/a", "--lake", "lake", "-o", "json").json()
    assert uuid.UUID(first["queryDefinitionId"]).version == 4
    told = _shown(run, "mine")
    assert told | {"lastModified": 0} == {
        "queryLanguage": "CWLI",
        "queryDefinitionId": first["queryDefinitionId"],
        "name": "mine",
        "queryString": QUERY,
        "lastModified": 0,
        "logGroupNames": ["/a"],
    }
    assert told["lastModified"] > 1_600_000_000_000
    again = run("query-definitions", "put", "mine", "limit 5", "--lake", "lake", "-o", "json").json()
    assert again == first
    assert _shown(run, first["queryDefinitionId"])["queryString"] == "limit 5"
    assert run("query-definitions", "delete", "mine", "--lake", "lake", "-o", "json").json() == {"success": True}
    gone = run("query-definitions", "show", "mine", "--lake", "lake")
    assert gone.code == 4
    assert 'no saved query "mine"' in gone.err


def test_a_query_may_come_by_standard_input(run, place, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fields a\n| limit 3\n")))
    run("query-definitions", "put", "mine", "-", "--lake", "lake")
    assert run("query-definitions", "show", "mine", "--lake", "lake").out == "fields a\n| limit 3\n"


def test_parameters_are_found_in_the_text(run, place):
    text = "filter a = '{{x}}' | limit {{n}}"
    assert run("query-definitions", "put", "mine", text, "--parameter", "n=5", "--lake", "lake").code == 0
    assert _shown(run, "mine")["parameters"] == [{"name": "x"}, {"name": "n", "defaultValue": "5"}]
    shown = run("query-definitions", "show", "mine", "--lake", "lake")
    assert shown.out == f"{text}\n"
    assert "needs -p x=VALUE" in shown.err
    assert "takes -p n=VALUE, 5 without it" in shown.err


def test_those_of_the_start_are_listed_with_the_users_by_name_and_told_in_both_languages(run, place):
    run("query-definitions", "put", "Zzz", QUERY, "--lake", "lake")
    listed = run("query-definitions", "list", "--lake", "lake", "-o", "json").json()["queryDefinitions"]
    names = [one["name"] for one in listed]
    assert names == sorted([*PREDEFINED, "Zzz"])
    assert [one["name"] for one in listed if one["lastModified"] == 0] == sorted(PREDEFINED)
    table = run("query-definitions", "list", "VpcFlowLogsUdp", "--lake", "lake")
    assert "Addresses that send UDP" in table.out
    assert len(table.lines) == 2
    korean = run("query-definitions", "list", "--lake", "lake", "--lang", "ko")
    titles = [line for line in korean.lines if line.startswith("VpcFlow")]
    assert len(titles) == len(PREDEFINED)
    assert all(re.search("[가-힣]", line) for line in titles)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["put", "x", "filter a ="], "unexpected symbol found"),
        (["put", "x", "nothing a"], "nothing"),
        (["put", "VpcFlowLogsUdpSources", QUERY], "there from the start"),
        (["put", "a`b", QUERY], "cannot be the name"),
        (["put", "x" * 256, QUERY], "cannot be the name"),
        (["put", "x", ""], "1 to 10000 characters"),
        (["put", "x", "limit 1 #" + "x" * 10_000], "1 to 10000 characters"),
        (["put", "x", "limit {{1}}"], "cannot be the name of a parameter"),
        (["put", "x", "limit 1", "--parameter", "n=1"], "the query has no {{n}}"),
        (["put", "x", "limit {{n}}", "--parameter", "n=" + "1" * 1025], "longer than 1024"),
        (["put", "x", "limit {{n}}", "--parameter", "n=many"], "unexpected symbol found"),
        (["put", "x", "fields " + ", ".join(f"a{n}{{{{a{n}}}}}" for n in range(21))], "21 parameters"),
        (["delete", "VpcFlowLogsUdpSources"], "there from the start"),
        (["show", "VpcFlowLogsUdpSource"], "did you mean VpcFlowLogsUdpSources?"),
        (["delete", "x"], "no saved query"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_changes(run, place, words, said):
    done = run("query-definitions", *words, "--lake", "lake")
    assert done.code == 4
    assert said in done.err
    listed = run("query-definitions", "list", "--lake", "lake", "-o", "json").json()["queryDefinitions"]
    assert len(listed) == len(PREDEFINED)


def test_there_may_be_a_thousand(run, place, monkeypatch):
    monkeypatch.setattr(query_definitions, "MAX_DEFINITIONS", 1)
    assert run("query-definitions", "put", "a", QUERY, "--lake", "lake").code == 0
    assert run("query-definitions", "put", "b", QUERY, "--lake", "lake").code == 4
    assert run("query-definitions", "put", "a", "limit 1", "--lake", "lake").code == 0


def test_listing_makes_no_lake(run, place):
    assert run("query-definitions", "list", "--lake", "lake").code == 0
    assert not (place / "lake").exists()


def _rows(ran):
    return [line.split("\t") for line in ran.lines]


def test_a_saved_query_runs_with_its_parameters_and_the_options_of_insights(run, lake):
    done = run("query-definitions", "run", "VpcFlowLogsTopBytesInSubnet", "-p", "subnet=10.0.0.0/8", "-o", "text")
    assert done.code == 0, done.err
    assert _rows(done)[0] == ["dstAddr", "bytesTransferred"]
    assert 2 < len(done.lines) <= 16
    direct = run("insights", '$VpcFlowLogsTopBytesInSubnet(subnet="10.0.0.0/8")', "-o", "text")
    assert direct.out == done.out
    missing = run("query-definitions", "run", "VpcFlowLogsTopBytesInSubnet")
    assert (missing.code, "needs a value for subnet" in missing.err) == (4, True)
    assert run("query-definitions", "run", "VpcFlowLogsTopBytesInSubnet", "-p", "subnet").code == 2


SHIPPED = {
    "subnet": "10.0.0.0/16",
    "interfaceId": "eni-00000000000000001",
    "natAddress": "10.0.",
    "vpcBegin": "10.",
    "table": "owners",
}


@pytest.mark.parametrize("name", PREDEFINED)
def test_each_query_that_is_there_from_the_start_runs(run, own_lake, place, name):
    (place / "owners.csv").write_text("network,region,owner,datacenter\n10.0.0.0/8,home,us,a\n")
    run("lookup-tables", "put", "owners", "owners.csv")
    given = [f"-p{one.name}={SHIPPED[one.name]}" for one in PREDEFINED[name].parameters]
    done = run("query-definitions", "run", name, *given, "-o", "json")
    assert done.code == 0, done.err
    assert done.json()["status"] == "Complete"
    if not PREDEFINED[name].parameters and "Skipped" not in name:
        assert done.json()["results"]


def test_a_saved_query_is_put_to_its_log_groups_unless_others_are_said(run, own_lake, place):
    (place / "a.log").write_text('{"level": "warn"}\n{"level": "info"}\n')
    run("ingest", "a.log", "--log-group", "/app", "--lake", own_lake)
    run("query-definitions", "put", "levels", "stats count(*) as n by level", "--log-group", "/app", "--lake", own_lake)
    done = run("query-definitions", "run", "levels", "--lake", own_lake, "-o", "text")
    assert _rows(done) == [["level", "n"], ["info", "1"], ["warn", "1"]]
    other = run("query-definitions", "run", "levels", "--log-group", "flow_logs", "--lake", own_lake, "-o", "text")
    assert _rows(other)[1][0] == "-"
