"""Log groups as sources, on a real server: complete, resumable, late events, errors."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from vpcflow.app import App, Reading, Wanted
from vpcflow.collect import cloudwatch
from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import Selection
from vpcflow.config import load
from vpcflow.errors import SourceError
from vpcflow.types import TimeRange

HOUR = 3600
NOW = int(time.time()) // HOUR * HOUR + 1800


def line(start, size=100, eni="eni-1"):
    return f"2 123456789012 {eni} 10.0.0.1 10.0.0.2 40000 443 6 5 {size} {start} {start + 60} ACCEPT OK"


class Group:
    """A log group of its own."""

    def __init__(self, server, name):
        self.client, self.name = server.client("logs"), name
        self.client.create_log_group(logGroupName=name)
        self.streams = set()

    def put(self, stream, events):
        if stream not in self.streams:
            self.client.create_log_stream(logGroupName=self.name, logStreamName=stream)
            self.streams.add(stream)
        told = [{"timestamp": at * 1000, "message": message} for at, message in events]
        self.client.put_log_events(logGroupName=self.name, logStreamName=stream, logEvents=told)


@pytest.fixture
def group(s3):
    made = Group(s3, f"/vpc/{time.monotonic_ns()}")
    yield made
    made.client.delete_log_group(logGroupName=made.name)


@pytest.fixture
def app(s3, tmp_path):
    return App(load({"lake": str(tmp_path / "lake"), "endpoint_url": s3.url}, {}))


def rows(app):
    with app.lake() as lake, app.asker(lake) as asker:
        question = "SELECT interface_id, start, bytes, aws_account_id, aws_region FROM flow_logs ORDER BY 2, 3, 1"
        return [tuple(row.values()) for row in asker.query(question).table().to_pylist()]


def ingest(app, group, wanted=None):
    with app.lake(create=True) as lake:
        return app.ingest(lake, [f"cloudwatch:{group.name}"], wanted or Wanted(), Reading()).progress


def test_a_group_is_read_whole_and_once(app, group):
    times = [NOW - 100 * HOUR, NOW - 50 * HOUR, NOW - 3 * HOUR, NOW - 60]
    for number, at in enumerate(times):
        group.put(f"eni-{number % 2}-all", [(at + n, line(at + n, n, f"eni-{number % 2}")) for n in range(3)])
    first = ingest(app, group)
    assert first.report.rows == 12
    found = rows(app)
    assert [(start, size) for _, start, size, _, _ in found] == [(at + n, n) for at in times for n in range(3)]
    assert {row[3:] for row in found} == {("123456789012", "us-east-1")}
    again = ingest(app, group)
    assert again.report.rows == 0
    assert again.objects == 0
    assert rows(app) == found


def test_a_late_event_makes_a_new_version_of_its_hour(app, group):
    at = NOW - 3 * HOUR
    group.put("eni-1-all", [(at, line(at, 1))])
    group.put("eni-9-all", [(NOW - 50 * HOUR, line(NOW - 50 * HOUR, 9))])
    ingest(app, group)
    group.put("eni-2-all", [(at + 5, line(at + 5, 2, "eni-2"))])
    assert ingest(app, group).objects == 1
    assert [row[2] for row in rows(app)] == [9, 1, 2]


def test_an_event_at_the_edge_of_an_hour_is_in_one_hour_only(s3, group):
    at = NOW // HOUR * HOUR - 5 * HOUR
    group.put(
        "eni-1-all",
        [(at - 1, line(at - 1)), (at, line(at)), (at + HOUR - 1, line(at + HOUR - 1)), (at + HOUR, line(at + HOUR))],
    )
    access = S3Access(endpoint_url=s3.url)
    found = list(cloudwatch.objects(f"cloudwatch:{group.name}", Selection(), access, Counter(), NOW))
    assert [one.open().read().count(b'"timestamp"') for one in found] == [1, 2, 1]
    assert len({one.etag for one in found}) == 3


def test_time_narrows_what_is_fetched(app, group, s3):
    for hours in (200, 100, 2):
        group.put("eni-1-all", [(NOW - hours * HOUR, line(NOW - hours * HOUR, hours))])
    s3.forget()
    ingest(app, group, Wanted(time=TimeRange(NOW - 101 * HOUR, NOW - 99 * HOUR)))
    assert [row[2] for row in rows(app)] == [100]
    assert len(s3.asked) <= 6


def test_settled_hours_are_not_fetched_again(app, group, s3):
    group.put("eni-1-all", [(NOW - 60 * HOUR, line(NOW - 60 * HOUR))])
    ingest(app, group)
    s3.forget()
    ingest(app, group)
    assert len(s3.asked) <= 30


def test_from_asks_a_group_directly(app, group):
    group.put("eni-1-all", [(NOW - 60, line(NOW - 60, 7))])
    with app.passing_lake([f"cloudwatch:{group.name}"], Wanted(), Reading()) as (lake, _), app.asker(lake) as asker:
        assert asker.query("SELECT bytes FROM flow_logs").table().to_pylist() == [{"bytes": 7}]


def test_a_group_by_its_arn_and_for_other_accounts(s3, group):
    group.put("eni-1-all", [(NOW - 60, line(NOW - 60))])
    access = S3Access(endpoint_url=s3.url)
    arn = f"cloudwatch:arn:aws:logs:us-east-1:123456789012:log-group:{group.name}:*"
    assert len(list(cloudwatch.objects(arn, Selection(), access, Counter(), NOW))) == 1
    left_out = Counter()
    other = Selection(accounts=frozenset(["999999999999"]))
    assert not list(cloudwatch.objects(arn, other, access, left_out, NOW))
    assert left_out == {"not_selected": 1}


@pytest.mark.parametrize("name", ["", "a b", "x" * 600, "arn:aws:logs:us-east-1:1:log-group:x"])
def test_what_is_no_group_is_refused(name):
    with pytest.raises(SourceError) as caught:
        cloudwatch.check(f"cloudwatch:{name}")
    assert caught.value.code == "source.bad_log_group"


def test_a_group_that_is_not_there_and_a_server_that_is_not(s3, monkeypatch):
    def fails(access):
        with pytest.raises(SourceError) as caught:
            list(cloudwatch.objects("cloudwatch:/no/such", Selection(), access, Counter()))
        return caught.value.code

    assert fails(S3Access(endpoint_url=s3.url)) == "source.no_log_group"
    monkeypatch.setattr(cloudwatch, "_config", lambda: None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert fails(S3Access(endpoint_url="http://127.0.0.1:9")) == "source.unreachable"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert fails(S3Access(endpoint_url=s3.url)) == "source.no_region"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert fails(S3Access(profile="nobody")) == "source.no_profile"
