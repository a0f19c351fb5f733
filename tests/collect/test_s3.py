from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
from collections import Counter

import pytest
from moto.core import set_initial_no_auth_action_count
from obstore.exceptions import UnauthenticatedError

from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.s3_faults import fault
from vpcflow.collect.s3_object import WHOLE
from vpcflow.collect.selection import Selection
from vpcflow.collect.source import open_sources
from vpcflow.errors import SourceError
from vpcflow.record.layout import key_for, of
from vpcflow.types import TimeRange

NOON = 1_700_049_600
DAY = 86400


def opened(server, source, selection=None, left_out=None, **access):
    counted = Counter() if left_out is None else left_out
    reach = S3Access(**{"endpoint_url": server.url, **access})
    return list(open_sources([source], selection or Selection(), reach, counted))


def keys(found, bucket):
    return [each.uri.removeprefix(f"s3://{bucket}/") for each in found]


def key(time_s=NOON, account="111111111111", region="us-east-1", *, prefix="", organization="", **layout):
    return key_for(of(account, region, "fl-1234abcd", time_s, **layout), prefix=prefix, organization=organization)


def refusal(*args, **kwargs):
    with pytest.raises(SourceError) as refused:
        opened(*args, **kwargs)
    return refused.value


LAYOUTS = [
    {}, {"hourly": True}, {"hive": True}, {"hive": True, "hourly": True},
    {"organization": "o-abcdef1234"}, {"prefix": "team a/net=1"},
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_object_of_each_layout_tells_its_place_and_gives_its_bytes(s3, layout):
    bucket = s3.bucket({key(**layout): b"some records\n"})
    (found,) = opened(s3, f"s3://{bucket}")
    assert found.uri == f"s3://{bucket}/{key(**layout)}"
    assert (found.account, found.region, found.time_s) == ("111111111111", "us-east-1", NOON)
    assert (found.bytes, found.remote) == (13, True)
    assert found.etag == s3.client().head_object(Bucket=bucket, Key=key(**layout))["ETag"].strip('"')
    with found.open() as file:
        assert file.read() == b"some records\n"


def test_a_source_is_a_bucket_a_folder_or_one_object(s3):
    bucket = s3.bucket(["logs/a.log", "logs/sub/b.log", "logs2/c.log", "d.log"])
    for source, expected in {
        "": ["d.log", "logs/a.log", "logs/sub/b.log", "logs2/c.log"],
        "/": ["d.log", "logs/a.log", "logs/sub/b.log", "logs2/c.log"],
        "/logs": ["logs/a.log", "logs/sub/b.log"],
        "/logs/": ["logs/a.log", "logs/sub/b.log"],
        "/logs/a.log": ["logs/a.log"],
    }.items():
        assert sorted(keys(opened(s3, f"s3://{bucket}{source}"), bucket)) == expected


def test_overlapping_sources_give_each_object_once(s3):
    bucket = s3.bucket(["logs/a.log", "logs/b.log"])
    left_out = Counter()
    sources = [f"s3://{bucket}/logs/b.log", f"s3://{bucket}/logs/", f"s3://{bucket}"]
    found = list(open_sources(sources, Selection(), S3Access(endpoint_url=s3.url), left_out))
    assert keys(found, bucket) == ["logs/b.log", "logs/a.log"]
    assert left_out == {"duplicate": 3, "empty_source": 0}


def test_other_services_write_tests_and_folders_made_by_consoles_are_left_out_and_counted(s3):
    bucket = s3.bucket({
        key(): b"x",
        "AWSLogs/": b"",
        "AWSLogs/aws-logs-write-test": b"Test",
        "AWSLogs/111111111111/CloudTrail/us-east-1/2023/11/15/t.json.gz": b"x",
        "AWSLogs/o-abcdef1234/111111111111/Config/us-east-1/2023/11/15/c.json.gz": b"x",
    })  # fmt: skip
    left_out = Counter()
    assert keys(opened(s3, f"s3://{bucket}", left_out=left_out), bucket) == [key()]
    assert left_out == {"write_test": 1, "other_service": 2, "empty": 1, "empty_source": 0}


def test_names_of_any_characters_are_fetched(s3):
    names = ["a b.log", "a%20b.log", "100%.log", "é.log", "#?&+.log", "=x/y=.log", "로그.log"]
    bucket = s3.bucket({name: name.encode() for name in names})
    found = opened(s3, f"s3://{bucket}")
    assert sorted(keys(found, bucket)) == sorted(names)
    for each in found:
        with each.open() as file:
            assert each.uri == f"s3://{bucket}/{file.read().decode()}"


def test_a_selection_over_many_accounts_regions_and_days_lists_only_what_may_be_wanted(s3):
    accounts = [f"{number:012}" for number in range(1, 9)]
    regions = ["us-east-1", "eu-west-1", "ap-northeast-2"]
    all_keys = [
        key(NOON + day * DAY, account, region, prefix="p")
        for account in accounts
        for region in regions
        for day in (-400, -40, -1, 0, 1, 40)
    ]
    noise = [f"p/AWSLogs/{account}/CloudTrail/us-east-1/2023/11/15/x.gz" for account in accounts]
    bucket = s3.bucket(all_keys + noise)
    chosen = Selection(frozenset({accounts[2]}), frozenset({"eu-west-1"}), TimeRange(NOON, NOON + 60))
    s3.asked.clear()
    left_out = Counter()
    found = opened(s3, f"s3://{bucket}", chosen, left_out)
    assert keys(found, bucket) == [key(NOON, accounts[2], "eu-west-1", prefix="p")]
    # One listing a level: bucket, p, AWSLogs, account, service, region, year, month, day. Nothing is fetched.
    assert s3.listings() == 9
    assert s3.gets() == 0
    # Pruned: 7 accounts, 2 regions, 1 year, 2 months, 2 days.
    assert left_out == {"not_selected": 14, "other_service": 1, "empty_source": 0}
    with found[0].open():
        assert s3.gets() == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_selected_hour_is_found_in_every_layout(s3, layout):
    times = [NOON + step * 300 for step in range(-60, 60, 6)]
    bucket = s3.bucket([key(time_s, **layout) for time_s in times])
    chosen = Selection(time=TimeRange(NOON, NOON + 3600))
    found = opened(s3, f"s3://{bucket}", chosen)
    assert [each.time_s for each in found] == [t for t in times if NOON - 1200 < t < NOON + 4500]


def test_below_what_is_wanted_whole_one_flat_listing_is_made(s3):
    bucket = s3.bucket([key(NOON + hour * 3600, hourly=True) for hour in range(30)])
    chosen = Selection(accounts=frozenset({"111111111111"}))
    assert len(opened(s3, f"s3://{bucket}", chosen)) == 30
    assert s3.listings() == 5  # bucket, AWSLogs, account, service; then all of the region at once


def test_many_folders_that_say_nothing_are_listed_as_one(s3):
    bucket = s3.bucket([f"export/{number:03}/x.log" for number in range(210)])
    chosen = Selection(time=TimeRange(NOON, NOON + 60))
    assert len(opened(s3, f"s3://{bucket}/export/", chosen)) == 210
    assert s3.listings() == 2


def test_more_keys_than_a_page_come_page_by_page_in_order(s3):
    bucket = s3.bucket([key(NOON + step * 300) for step in range(2100)])
    objects = open_sources([f"s3://{bucket}"], Selection(), S3Access(endpoint_url=s3.url), Counter())
    first = next(objects)
    assert first.time_s == NOON
    assert s3.listings() < 3
    times = [first.time_s, *(each.time_s for each in objects)]
    assert times == [NOON + step * 300 for step in range(2100)]
    assert s3.listings() == 3


# VmHWM, because the peak that getrusage() tells begins with the parent's.
READS = """
import re, sys
from collections import Counter
from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import Selection
from vpcflow.collect.source import open_sources
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
small, large = (next(open_sources([s], Selection(), S3Access(endpoint_url=sys.argv[1]), Counter())) for s in sys.argv[2:])
with small.open() as file: file.read()
before, total, wrong = peak(), 0, 0
with large.open() as file:
    while piece := file.read(1 << 20):
        wrong += piece != bytes([total >> 20]) * len(piece)
        total += len(piece)
print(total, wrong, peak() - before)
"""


def test_a_large_object_is_read_in_bounded_memory(s3):
    size = 120 << 20
    body = b"".join(bytes([number]) * (1 << 20) for number in range(120))
    bucket = s3.bucket({"large.log": body, "small.log": b"x"})
    sources = [f"s3://{bucket}/{name}.log" for name in ("small", "large")]
    done = subprocess.run(
        [sys.executable, "-c", READS, s3.url, *sources], capture_output=True, text=True, check=True, timeout=60
    )
    total, wrong, growth_mb = map(int, done.stdout.split())
    assert (total, wrong) == (size, 0)
    assert growth_mb < 60


def test_a_large_object_can_be_read_from_anywhere(s3):
    body = os.urandom(WHOLE + 1234)
    bucket = s3.bucket({"large.parquet": body})
    (found,) = opened(s3, f"s3://{bucket}")
    with found.open() as file:
        assert file.seek(-8, io.SEEK_END) == len(body) - 8
        assert file.read() == body[-8:]
        assert file.seek(1000) == 1000
        assert file.read(9_000_000) == body[1000:9_001_000]
        assert file.tell() == 9_001_000
        assert file.read() == body[9_001_000:]
        assert file.read(1) == b""


@pytest.mark.parametrize("size", [10, WHOLE + 10])
def test_an_object_deleted_or_replaced_after_it_was_listed_fails_alone_and_by_name(s3, size):
    bucket = s3.bucket({"gone.log": b"x" * size, "kept.log": b"x", "other.log": b"y" * size})
    gone, kept, other = opened(s3, f"s3://{bucket}")
    s3.client().delete_object(Bucket=bucket, Key="gone.log")
    s3.client().put_object(Bucket=bucket, Key="other.log", Body=b"z" * size)
    for each, code, retryable in ((gone, "gone", False), (other, "changed", True)):
        with pytest.raises(SourceError, match=each.uri) as refused, each.open() as file:
            file.read()
        assert (refused.value.code, refused.value.retryable) == (f"source.{code}", retryable)
    with kept.open() as file:
        assert file.read() == b"x"


def test_a_missing_bucket_is_said(s3):
    error = refusal(s3, "s3://no-such-bucket-here/logs/")
    assert error.code == "source.no_bucket"
    assert "s3://no-such-bucket-here/logs/" in error.message
    assert refusal(s3, "s3://no-such-bucket-here/logs").code == "source.no_bucket"


def test_an_empty_prefix_is_said(s3):
    bucket = s3.bucket(["logs/a.log"])
    assert refusal(s3, f"s3://{bucket}/lo").code == "source.empty"


strictly = set_initial_no_auth_action_count(0)
"""From here on the server checks who asks and what they may."""


def test_access_denied_names_what_is_needed(s3, monkeypatch):
    bucket = s3.bucket(["logs/a.log"])
    (found,) = opened(s3, f"s3://{bucket}")
    iam = s3.client("iam")
    iam.create_user(UserName="nobody")
    nobody = iam.create_access_key(UserName="nobody")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", nobody["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", nobody["SecretAccessKey"])
    for source in (f"s3://{bucket}/logs", f"s3://{bucket}/logs/a.log"):
        error = strictly(refusal)(s3, source)
        assert error.code == "source.denied"
        assert source in error.message
        assert "AccessDenied" in error.message
        assert "s3:ListBucket" in error.hint
    with found.open() as file:
        assert file.read()


def test_credentials_nobody_knows_are_said(s3):
    bucket = s3.bucket(["logs/a.log"])
    (found,) = opened(s3, f"s3://{bucket}")
    error = strictly(refusal)(s3, f"s3://{bucket}")
    assert error.code == "source.credentials"
    assert "InvalidAccessKeyId" in error.message
    with pytest.raises(SourceError) as while_reading:
        strictly(found.open)()
    assert while_reading.value.code == "source.credentials"


def test_without_credentials_the_ways_to_them_are_said(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    bucket = s3.bucket({})
    assert refusal(s3, f"s3://{bucket}").code == "source.no_credentials"


def test_a_profile_brings_credentials_region_and_endpoint(s3, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    (tmp_path / "aws-credentials").write_text("[net]\naws_access_key_id = of-profile\naws_secret_access_key = s\n")
    (tmp_path / "aws-config").write_text(f"[profile net]\nregion = eu-west-1\nendpoint_url = {s3.url}\n")
    bucket = s3.bucket(["a.log"])
    assert keys(opened(s3, f"s3://{bucket}", profile="net", endpoint_url=None), bucket) == ["a.log"]
    assert set(s3.signed_by) == {"of-profile"}
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "net")
    assert keys(opened(s3, f"s3://{bucket}", endpoint_url=None), bucket) == ["a.log"]
    assert set(s3.signed_by) == {"of-profile"}
    error = refusal(s3, f"s3://{bucket}", profile="other")
    assert (error.code, error.values["profile"]) == ("source.no_profile", "other")


def test_a_profile_whose_credentials_cannot_be_got_says_why(s3, tmp_path):
    (tmp_path / "aws-config").write_text("[profile net]\ncredential_process = /nonexistent/program\n")
    error = refusal(s3, "s3://bucket", profile="net")
    assert error.code == "source.profile_unusable"
    assert "program" in error.message


def test_credentials_that_end_while_reading_say_why():
    error = UnauthenticatedError("for path External AWS credential provider: TokenRetrievalError: expired\n\nDebug")
    assert "TokenRetrievalError: expired" in fault(error, "s3://b/k", endpoint="https://s3").message


def test_the_endpoint_of_the_environment_gives_way_to_one_that_is_named(s3, monkeypatch):
    bucket = s3.bucket(["a.log"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    assert keys(opened(s3, f"s3://{bucket}", endpoint_url=None), bucket) == ["a.log"]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert keys(opened(s3, f"s3://{bucket}"), bucket) == ["a.log"]


def test_unsigned_requests_need_no_credentials(s3, monkeypatch):
    bucket = s3.bucket(["a.log"])
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert keys(opened(s3, f"s3://{bucket}", no_sign_request=True), bucket) == ["a.log"]
    assert set(s3.signed_by) == {""}


def test_an_endpoint_where_nobody_is_ends_soon(s3):
    began = time.monotonic()
    error = refusal(s3, "s3://bucket/logs", endpoint_url="http://127.0.0.1:9")
    assert time.monotonic() - began < 5
    assert (error.code, error.retryable) == ("source.unreachable", True)
    assert "http://127.0.0.1:9" in error.message


def test_an_endpoint_that_never_answers_is_given_up_in_time(s3):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        began = time.monotonic()
        error = refusal(s3, "s3://bucket/logs", endpoint_url=f"http://127.0.0.1:{mute.getsockname()[1]}")
    assert time.monotonic() - began < 15
    assert error.code == "source.unreachable"


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "http://", "http://a b", "http://h:x", "http://[::1"])
def test_an_endpoint_that_is_no_url_is_refused(s3, endpoint):
    error = refusal(s3, "s3://bucket", endpoint_url=endpoint)
    assert (error.code, error.values["endpoint"]) == ("source.bad_endpoint", endpoint)


@pytest.mark.parametrize(
    "uri", ["s3://", "s3:///key", "s3://a b", "s3://b/x//y", "s3://b/../y", "s3://b/\0", "s3://b//"]
)
def test_a_uri_that_is_none_is_refused(s3, uri):
    error = refusal(s3, uri)
    assert error.code == "source.bad_uri"
    assert s3.asked == []


def test_a_key_that_cannot_be_read_is_named(s3):
    bucket = s3.bucket(["logs/a.log", "odd//b.log"])
    error = refusal(s3, f"s3://{bucket}")
    assert error.code == "source.bad_key"
    assert "odd//b.log" in error.message
    assert keys(opened(s3, f"s3://{bucket}/logs"), bucket) == ["logs/a.log"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("non-2xx status code: 301 Moved: <Error><Code>PermanentRedirect</Code></Error>", "wrong_region"),
        (
            "Received redirect without LOCATION, this normally indicates an incorrectly configured region",
            "wrong_region",
        ),
        ("non-2xx status code: 400 Bad: <Error><Code>ExpiredToken</Code></Error>", "credentials"),
        ("non-2xx status code: 403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code></Error>", "clock"),
        ("non-2xx status code: 403 Forbidden: <Error><Code>InvalidObjectState</Code></Error>", "archived"),
        ("non-2xx status code: 503 Slow: <Error><Code>SlowDown</Code></Error>", "unreadable"),
    ],
)
def test_answers_of_s3_have_words_of_their_own(answer, code):
    error = fault(ValueError(answer), "s3://b/k", endpoint="https://s3")
    assert error.code == f"source.{code}"
    assert "s3://b/k" in error.message
