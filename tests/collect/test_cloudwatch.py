from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from log_groups import ACCOUNT, WINDOW, LogGroup, line, window_before
from vpcflow.collect import cloudwatch
from vpcflow.collect.log_group import find, split
from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import MARGIN_S, Selection
from vpcflow.collect.source import open_sources
from vpcflow.errors import SourceError
from vpcflow.record.inflate import inflate
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport
from vpcflow.types import Look, TimeRange

ARN = "arn:aws:logs:eu-west-1:123456789012:log-group:/vpc/flow"


@pytest.fixture
def group(s3):
    return LogGroup(s3)


def objects(server, source, selection=None, looks=None, left_out=None, *, empty=False, **access):
    reach = S3Access(**{"endpoint_url": server.url, "aws_region": "us-east-1", **access})
    counted = Counter() if left_out is None else left_out
    found = open_sources([source], selection or Selection(), reach, counted, looks)
    return [each for each in found if each.etag or empty]


def refusal(*args, **kwargs):
    with pytest.raises(SourceError) as refused:
        objects(*args, **kwargs)
    return refused.value


def events(found):
    with found.open() as raw:
        return [json.loads(text) for text in b"".join(inflate(raw, found.uri, ReadReport())).splitlines()]


def messages(all_found):
    return [event["message"] for found in all_found for event in events(found)]


def known(found):
    """What a lake would know of these objects."""
    there = {each.uri: Look(each.looked_at, each.etag) for each in found}
    return lambda uris: {uri: there[uri] for uri in uris if uri in there}


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("cloudwatch:/vpc/flow", ("/vpc/flow", None, None)),
        ("cloudwatch:a.b-c_d#1", ("a.b-c_d#1", None, None)),
        (f"cloudwatch:{ARN}", ("/vpc/flow", "123456789012", "eu-west-1")),
        (f"cloudwatch:{ARN}:*", ("/vpc/flow", "123456789012", "eu-west-1")),
        (
            "cloudwatch:arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:x",
            ("x", "123456789012", "us-gov-west-1"),
        ),
    ],
)
def test_a_log_group_is_named_by_name_or_arn(source, told):
    assert split(source) == told


@pytest.mark.parametrize(
    "source",
    ["cloudwatch:", "cloudwatch:a b", "cloudwatch:a:b", f"cloudwatch:{ARN}:log-stream:x", "cloudwatch:arn:aws:s3:::b",
     "cloudwatch:" + "x" * 513, "cloudwatch:grüße", "cloudwatch:a\n"],
)  # fmt: skip
def test_what_is_no_name_is_refused_before_anybody_is_asked(source):
    with pytest.raises(SourceError) as refused:
        open_sources([source], Selection(), S3Access(), Counter())
    assert refused.value.code == "source.bad_log_group"


# --- windows -------------------------------------------------------------------------------------------------------


def test_each_window_with_events_is_an_object_that_tells_place_and_time(s3, group):
    start = window_before(7200)
    lines = group.fill(start, start + 3 * WINDOW)
    group.put([(start + 5 * WINDOW, line(start + 5 * WINDOW))])
    found = objects(s3, group.source)
    assert [each.time_s for each in found] == [start, start + WINDOW, start + 2 * WINDOW, start + 5 * WINDOW]
    assert {(each.account, each.region) for each in found} == {(ACCOUNT, "us-east-1")}
    assert all(each.uri.startswith(f"cloudwatch:{group.arn}:") for each in found)
    assert len({each.uri for each in found}) == len({each.etag for each in found}) == 4
    assert sorted(messages(found)) == sorted([*lines, line(start + 5 * WINDOW)])


def test_an_event_keeps_group_stream_times_and_id_as_readers_of_events_know_them(s3, group):
    start = window_before(3600)
    group.put([(start + 1.234, line(start))], "eni-1-all")
    (found,) = objects(s3, group.source)
    (event,) = events(found)
    assert event["logGroup"] == group.name
    assert (event["logStreamName"], event["timestamp"]) == ("eni-1-all", start * 1000 + 1234)
    assert event["ingestionTime"] > event["timestamp"]
    assert event["eventId"]
    origin, report = Origin(), ReadReport()
    with found.open() as raw:
        ((table, batch),) = read(raw, found.uri, report, origin)
    assert (table, origin.kind, origin.log_group, origin.log_stream) == ("flow_logs", "events", group.name, "eni-1-all")
    assert batch.column("x_event_time").to_pylist() == [start * 1000 + 1234]


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_pages_of_any_length_give_the_same_windows(s3, group, page):
    start = window_before(5400)
    lines = group.fill(start, start + 2 * WINDOW, step_s=60)
    whole = objects(s3, group.source)

    def short(operation, request):
        if operation == "FilterLogEvents":
            request["limit"] = min(page, request.get("limit", page))

    s3.between = short
    found = objects(s3, group.source)
    assert [(each.uri, each.etag) for each in found] == [(each.uri, each.etag) for each in whole]
    assert sorted(messages(found)) == sorted(lines)


def test_a_server_that_does_not_keep_the_order_of_time_is_read_completely(s3, group):
    start = window_before(7200)
    lines = group.fill(start, start + 6 * WINDOW, step_s=120, streams=3)
    whole = objects(s3, group.source)
    s3.between = lambda _, request: request.pop("interleaved", None) and None  # moto then answers stream by stream
    found = objects(s3, group.source)
    assert [(each.uri, each.etag) for each in found] == [(each.uri, each.etag) for each in whole]
    assert sorted(messages(found)) == sorted(lines)


def test_an_event_that_two_pages_share_is_one_event(s3, group):
    start = window_before(3600)
    group.put([(start + at, line(start + at)) for at in range(5)])
    page = s3.client("logs").filter_log_events(logGroupName=group.name)["events"]
    pages = iter([(page[:3], "t1"), (page[2:], None)])

    def answer(operation, request):
        if operation != "FilterLogEvents" or request.get("limit"):
            return None
        part, token = next(pages)
        return 200, {"events": part, "nextToken": token}

    s3.between = answer
    (found,) = objects(s3, group.source, Selection(time=TimeRange(start, start + 60)))
    assert messages([found]) == [line(start + at) for at in range(5)]


def test_empty_pages_with_a_token_are_not_the_end(s3, group):
    start = window_before(3600)
    group.put([(start, line(start))])
    page = s3.client("logs").filter_log_events(logGroupName=group.name)["events"]

    def answer(operation, request):
        if operation != "FilterLogEvents":
            return None
        number = int(request.get("nextToken", 0))
        return 200, {"events": page if number == 3 else [], **({"nextToken": str(number + 1)} if number < 4 else {})}

    s3.between = answer
    assert messages(objects(s3, group.source)) == [line(start)]


def test_a_token_that_repeats_is_an_error_and_no_endless_loop(s3, group):
    s3.between = lambda operation, _: (200, {"events": [], "nextToken": "t"}) if "Filter" in operation else None
    assert refusal(s3, group.source).code == "source.unreadable"


def test_years_without_events_cost_few_requests(s3, group):
    start = window_before(13 * 86_400)
    group.put([(start, line(start)), (window_before(3600), line(window_before(3600)))])
    s3.forget()
    assert len(objects(s3, group.source)) == 2
    assert s3.calls("FilterLogEvents") <= 16


def test_many_windows_take_no_handle_each_and_go_with_their_objects(s3, group):
    start = window_before(6 * 86_400)
    group.put([(at, line(at)) for at in range(start, start + 300 * WINDOW, WINDOW)])
    before = len(os.listdir("/proc/self/fd"))
    found = objects(s3, group.source)
    assert len(found) == 300
    assert len(os.listdir("/proc/self/fd")) - before < 60
    assert len(messages(found[:5] + found[-5:])) == 10
    spools = {each.open.func.__self__ for each in found}
    assert len(spools) < 40
    files = [spool._handle for spool in spools]
    del found, spools
    assert not any(Path(f"/proc/self/fd/{file}").is_file() and _nameless(file) for file in files)


def _nameless(file):
    return Path(f"/proc/self/fd/{file}").readlink().name.endswith("(deleted)")


def test_a_stretch_with_much_in_it_is_handed_on_in_pieces(s3, group, monkeypatch):
    monkeypatch.setattr(cloudwatch, "_HELD_BYTES", 3000)
    start = window_before(2 * 86_400)
    lines = group.fill(start, start + 20 * WINDOW, step_s=60, streams=1)
    found = objects(s3, group.source)
    assert [each.time_s for each in found] == list(range(start, start + 20 * WINDOW, WINDOW))
    assert messages(found) == lines
    assert len({each.open.func.__self__ for each in found}) > 5


# --- what is wanted ------------------------------------------------------------------------------------------------


def test_time_narrows_with_a_margin_and_whole_windows(s3, group):
    start = window_before(86_400)
    group.fill(start, start + 30 * WINDOW, step_s=300, streams=1)
    since, until = start + 10 * WINDOW + 17, start + 12 * WINDOW
    found = objects(s3, group.source, Selection(time=TimeRange(since, until)))
    assert found[0].time_s == (since - MARGIN_S) // WINDOW * WINDOW
    assert found[-1].time_s + WINDOW >= until + MARGIN_S
    assert all(len(events(each)) == 2 for each in found)
    assert len(found) == 6


def test_a_time_without_events_is_no_error_and_a_group_without_any_is(s3, group):
    left_out = Counter()
    start = window_before(86_400)
    group.put([(start, line(start))])
    assert objects(s3, group.source, Selection(time=TimeRange(start + 7200, None)), left_out=left_out) == []
    assert +left_out == {"no_events": 1}
    assert refusal(s3, LogGroup(s3).source).code == "source.empty"


def test_account_and_region_select_the_group(s3, group):
    group.put([(window_before(3600), line(1))])
    for selection in (Selection(accounts=frozenset({"1" * 12})), Selection(regions=frozenset({"eu-west-1"}))):
        left_out = Counter()
        s3.forget()
        assert objects(s3, group.source, selection, left_out=left_out) == []
        assert +left_out == {"not_selected": 1}
        assert s3.calls("FilterLogEvents") == 0
    there = Selection(accounts=frozenset({ACCOUNT}), regions=frozenset({"us-east-1"}))
    assert len(objects(s3, group.source, there)) == 1


def test_a_group_whose_name_begins_another_is_not_taken_for_it(s3, group):
    longer = LogGroup(s3, f"{group.name}-more")
    longer.put([(window_before(3600), line(1))])
    group.put([(window_before(3600), line(2))])
    assert messages(objects(s3, group.source)) == [line(2)]
    assert refusal(s3, group.source[:-1]).code == "source.log_group_missing"


# --- again ---------------------------------------------------------------------------------------------------------


def test_a_window_that_cannot_have_changed_is_not_asked_for_again(s3, group):
    start = window_before(7200)
    group.fill(start, start + 9 * WINDOW)
    first = objects(s3, group.source)
    left_out = Counter()
    s3.forget()
    again = objects(s3, group.source, looks=known(first), left_out=left_out)
    # Read an hour and more after its end a moment ago: not again for another hour.
    old = [each for each in first if each.looked_at - each.time_s - WINDOW >= 900]
    assert left_out["read_before"] >= len(old) > 0
    assert not {each.uri for each in old} & {each.uri for each in again}
    assert len(again) == len(first) - len(old)
    assert [each.etag for each in again] == [each.etag for each in first[len(old) :]]


def test_a_late_event_makes_another_etag_of_the_same_window(s3, group):
    start = window_before(7200)
    group.fill(start, start + 2 * WINDOW)
    first = objects(s3, group.source)
    group.put([(start + 60, line(start + 60, 77))], "eni-late-all")
    second = objects(s3, group.source)
    assert [each.uri for each in second] == [each.uri for each in first]
    assert second[0].etag != first[0].etag
    assert second[1].etag == first[1].etag
    assert len(events(second[0])) == len(events(first[0])) + 1


def test_a_window_that_has_lost_events_keeps_what_was_read(s3, group):
    start = window_before(7200)
    group.fill(start, start + 2 * WINDOW, streams=2)
    group.put([(start + 3 * WINDOW, line(start))], "eni-gone-all")
    first = objects(s3, group.source)
    for stream in ("eni-gone-all", "eni-00000000000000001-all"):
        group.logs.delete_log_stream(logGroupName=group.name, logStreamName=stream)
    left_out = Counter()
    long_ago = [_earlier(each, start) for each in first]
    again = objects(s3, group.source, looks=known(long_ago), left_out=left_out)
    assert left_out["fewer_events"] == 3
    assert [(each.uri, each.etag) for each in again] == [(each.uri, each.etag) for each in first]
    assert all(one.looked_at > other.looked_at for one, other in zip(again, long_ago, strict=True))
    # The lake knows it; should it not any more, nothing is taken for everything.
    with pytest.raises(SourceError) as refused:
        again[0].open()
    assert refused.value.code == "source.changed"


def _earlier(found, at_s):
    from dataclasses import replace  # noqa: PLC0415

    return replace(found, looked_at=at_s)


def test_retention_is_known_and_spares_what_was_read(s3, group):
    start = window_before(2 * 86_400)
    group.put([(start, line(start))])
    group.logs.put_retention_policy(logGroupName=group.name, retentionInDays=1)
    found = find(group.source, S3Access(endpoint_url=s3.url))
    assert found.retention_days == 1
    assert found.gone_before(10 * 86_400) == 9 * 86_400 + 3600


def test_windows_without_events_are_told_once_they_are_over_and_not_asked_for_again(s3, group):
    start = window_before(86_400)
    group.put([(at, line(at)) for at in (start, start + 40 * WINDOW)])
    first = objects(s3, group.source, empty=True)
    assert [each.time_s for each in first] == list(range(start, first[-1].time_s + WINDOW, WINDOW))
    assert first[-1].time_s + WINDOW <= first[-1].looked_at
    assert [bool(each.etag) for each in first[:41]] == [True, *[False] * 39, True]
    left_out = Counter()
    s3.forget()
    again = objects(s3, group.source, looks=known(first), left_out=left_out, empty=True)
    assert left_out["read_before"] > 130
    assert len(again) <= 3
    assert s3.calls("FilterLogEvents") <= 3


# --- when it fails -------------------------------------------------------------------------------------------------


def fails(operation, status, code, *, times=10**9):
    left = iter(range(times))

    def between(name, _request):
        if name == operation and next(left, None) is not None:
            return status, {"__type": code, "message": f"said {code}"}
        return None

    return between


@pytest.mark.parametrize(
    ("operation", "status", "code", "expected"),
    [
        ("DescribeLogGroups", 400, "AccessDeniedException", "source.log_group_denied"),
        ("FilterLogEvents", 400, "AccessDeniedException", "source.log_group_denied"),
        ("FilterLogEvents", 400, "ResourceNotFoundException", "source.log_group_missing"),
        ("FilterLogEvents", 400, "UnrecognizedClientException", "source.credentials"),
        ("FilterLogEvents", 400, "ExpiredTokenException", "source.credentials"),
        ("FilterLogEvents", 400, "InvalidParameterException", "source.unreadable"),
    ],
)
def test_what_aws_refuses_is_told_by_name(s3, group, operation, status, code, expected):
    s3.between = fails(operation, status, code)
    error = refusal(s3, group.source)
    assert error.code == expected
    assert error.exit_code == 5
    assert group.name in error.message


def test_whoever_names_a_group_by_its_arn_need_not_describe_it(s3, group):
    start = window_before(3600)
    group.put([(start, line(start))])

    def between(operation, request):
        if operation == "DescribeLogGroups":
            return 400, {"__type": "AccessDeniedException", "message": "no"}
        if "logGroupIdentifier" in request:  # which moto does not know
            assert request.pop("logGroupIdentifier") == group.arn
            request["logGroupName"] = group.name
        return None

    s3.between = between
    (found,) = objects(s3, f"cloudwatch:{group.arn}:*")
    assert (found.account, found.region, messages([found])) == (ACCOUNT, "us-east-1", [line(start)])


def test_throttling_is_waited_for(s3, group):
    start = window_before(3600)
    group.put([(start, line(start))])
    s3.between = fails("FilterLogEvents", 400, "ThrottlingException", times=2)
    assert len(objects(s3, group.source)) == 1


def test_lasting_throttling_is_told_as_something_that_passes(s3, group, monkeypatch):
    monkeypatch.setattr("vpcflow.collect.aws._TRIES", 2)
    s3.between = fails("FilterLogEvents", 400, "ThrottlingException")
    error = refusal(s3, group.source)
    assert (error.code, error.retryable) == ("source.throttled", True)


def test_a_group_of_a_class_that_cannot_be_read_is_told(s3, group):
    told = {
        "logGroupName": group.name,
        "arn": f"{group.arn}:*",
        "creationTime": 1,
        "logGroupClass": "INFREQUENT_ACCESS",
    }
    s3.between = lambda operation, _: (200, {"logGroups": [told]}) if operation == "DescribeLogGroups" else None
    error = refusal(s3, group.source)
    assert (error.code, error.values["found"]) == ("source.log_group_class", "INFREQUENT_ACCESS")


def test_nobody_there_is_told_with_the_endpoint(s3, monkeypatch):
    monkeypatch.setattr("vpcflow.collect.aws._TRIES", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = refusal(s3, "cloudwatch:/vpc/flow", endpoint_url=url)
    assert (error.code, error.retryable) == ("source.unreachable", True)
    assert url in error.message


def test_region_credentials_profile_and_endpoint_are_asked_for_by_name(s3, monkeypatch):
    assert refusal(s3, "cloudwatch:x", endpoint_url="ftp://x").code == "source.bad_endpoint"
    assert refusal(s3, "cloudwatch:x", profile="nobody").code == "source.no_profile"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert refusal(s3, "cloudwatch:x", aws_region=None).code == "source.no_region"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refusal(s3, "cloudwatch:x").code == "source.no_credentials"


def test_the_region_is_the_arn_s_then_the_option_s_then_the_environment_s(s3, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    asked = []

    def between(_operation, _request):
        return 200, {"logGroups": []}

    s3.between = between
    for source, access in (
        (f"cloudwatch:{ARN}", {}),
        ("cloudwatch:x", {"aws_region": "sa-east-1"}),
        ("cloudwatch:x", {"aws_region": None}),
    ):
        reach = S3Access(**{"endpoint_url": s3.url, "aws_region": "sa-east-1", **access})
        try:
            asked.append(find(source, reach).region)
        except SourceError as error:
            asked.append(error.values["answer"])
    assert asked == ["eu-west-1", "sa-east-1", "ap-south-1"]


def test_an_error_stops_what_is_read_beside_it(s3, group):
    start = window_before(13 * 86_400)
    group.fill(start, start + 600 * WINDOW, step_s=WINDOW, streams=1)
    calls = iter(range(10**6))

    def between(operation, _request):
        if operation == "FilterLogEvents" and next(calls) >= 3:
            return 400, {"__type": "AccessDeniedException", "message": "no longer"}
        return None

    s3.between = between
    before = threading.active_count()
    assert refusal(s3, group.source).code == "source.log_group_denied"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("log-group")]
    assert threading.active_count() <= before + 8  # the server's own


def test_objects_come_in_order_of_time(s3, group):
    start = window_before(10 * 86_400)
    group.fill(start, start + 200 * WINDOW, step_s=WINDOW, streams=1)
    found = objects(s3, group.source)
    assert len(found) == 200
    assert all(one.time_s < other.time_s for one, other in pairwise(found))


def test_whatever_comes_late_is_there_in_the_end_once_and_then_nothing_is_read_any_more(s3, group):
    chance = random.Random(7)
    begin = window_before(6 * 3600)
    now, lake, put = begin, {}, []
    access = S3Access(endpoint_url=s3.url, aws_region="us-east-1")

    def look():
        """Read what is due as a lake would; return the times of the windows that were read."""
        seen = {uri: Look(at, etag) for uri, (at, etag, _) in lake.items()}
        left_out = Counter()
        found = list(
            cloudwatch.objects(
                group.source, Selection(), access, left_out, lambda uris: {u: seen[u] for u in uris if u in seen},
                clock=lambda: now,
            )
        )  # fmt: skip
        for each in found:
            same = each.uri in seen and seen[each.uri].etag == each.etag
            lines = lake[each.uri][2] if same else messages([each]) if each.etag else []
            lake[each.uri] = (each.looked_at, each.etag, lines)
        assert not left_out["fewer_events"]
        return [each.time_s for each in found]

    for number in range(14):
        now += chance.choice([30, 600, 3600])
        late = min(chance.choice([0, 60, 900, 7200]), now - begin)
        at = min(max(begin, now - late), int(time.time()))
        coming = [(at, line(at, each)) for each in range(len(put), len(put) + chance.randrange(4))]
        put += [message for _, message in coming]
        if coming:
            group.put(coming, f"eni-{number % 3}-all")
        look()
    end = now
    for days in (1, 2, 4, 8, 16):
        now = end + days * 86_400
        look()
    assert sorted(message for _, _, lines in lake.values() for message in lines) == sorted(put)
    assert max(look()) > min(look()) > end  # only what is younger than 14 days
