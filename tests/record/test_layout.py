from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpcflow.record.layout import ObjectKey, key_for, of, parse, parse_folder

NAME = "123456789012_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz"
TIME = int(datetime(2018, 6, 20, 16, 20, tzinfo=UTC).timestamp())
DAY, HOUR = TIME - TIME % 86400, TIME - TIME % 3600

PLAIN = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/"
HIVE = "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/day=20/"

LAYOUTS = {
    PLAIN: (DAY, 86400, False),
    PLAIN + "16/": (HOUR, 3600, False),
    HIVE: (DAY, 86400, True),
    HIVE + "hour=16/": (HOUR, 3600, True),
    HIVE.replace("aws-service", "service"): (DAY, 86400, True),
    "AWSLogs/o-abcdef1234/123456789012/vpcflowlogs/us-east-1/2018/06/20/": (DAY, 86400, False),
    "AWSLogs/o-abcdef1234/" + HIVE.removeprefix("AWSLogs/"): (DAY, 86400, True),
    "team/a b/" + PLAIN: (DAY, 86400, False),
    "AWSLogs-old/" + PLAIN: (DAY, 86400, False),
    "/home/me/AWSLogs/copy/" + PLAIN: (DAY, 86400, False),
    "": (None, 0, False),
    "vpcflowlogs/us-east-1/2018/06/20/": (None, 0, False),
}


@pytest.mark.parametrize("folder", LAYOUTS)
def test_a_key_of_each_layout_tells_account_region_flow_log_period_and_window(folder):
    start_s, length_s, hive = LAYOUTS[folder]
    told = ObjectKey("vpcflowlogs", "123456789012", "us-east-1", start_s, length_s, TIME, "fl-1234abcd", hive)
    assert parse(folder + NAME) == told


@pytest.mark.parametrize(
    ("prefix", "length_s"),
    [
        ("2018", 365 * 86400),
        ("2020", 366 * 86400),
        ("2018/06", 30 * 86400),
        ("2018/06/20", 86400),
        ("2018/06/20/16", 3600),
    ],
)
def test_the_beginning_of_a_key_tells_the_period_of_all_under_it(prefix, length_s):
    known = parse_folder(f"p/AWSLogs/123456789012/vpcflowlogs/us-east-1/{prefix}/")
    assert known.length_s == length_s
    assert datetime.fromtimestamp(known.start_s, UTC).strftime("%Y/%m/%d/%H").startswith(prefix)


def test_the_beginning_of_a_key_tells_no_more_than_it_holds():
    assert parse_folder("") is None
    assert parse_folder("logs/AWSLogs") is None
    assert parse_folder("AWSLogs/o-abcdef1234") is None
    assert parse_folder("AWSLogs/123456789012") == ObjectKey("vpcflowlogs", "123456789012")
    assert parse_folder("AWSLogs/aws-account-id=123456789012") == ObjectKey("vpcflowlogs", "123456789012", hive=True)


@pytest.mark.parametrize(
    ("key", "service"),
    [
        ("AWSLogs/123456789012/CloudTrail/us-east-1/2018/06/20/x.json.gz", "CloudTrail"),
        ("AWSLogs/o-abcdef1234/123456789012/CloudTrail-Digest/us-east-1/2018/06/20/x.json.gz", "CloudTrail-Digest"),
        ("p/AWSLogs/123456789012/elasticloadbalancing/us-east-1/2018/06/20/x.log.gz", "elasticloadbalancing"),
        ("AWSLogs/123456789012/Config/us-east-1/2018/6/2/ConfigHistory/x.json.gz", "Config"),
        ("AWSLogs/aws-account-id=123456789012/aws-service=waflogs/aws-region=us-east-1/x", "waflogs"),
        ("123456789012_CloudTrail_us-east-1_20180620T1620Z_abcdef.json.gz", "CloudTrail"),
    ],
)
def test_keys_of_other_services_are_told_from_flow_logs(key, service):
    assert parse(key).service == service


@pytest.mark.parametrize("key", ["", "/", "flows.log", "a/b/c.parquet", "lake/x=1/y.log", "srv/service=web/flow.log"])
def test_a_key_of_no_layout_tells_nothing(key):
    assert parse(key) is None


@pytest.mark.parametrize("date", ["2018/13/01", "2018/02/30", "0000/01/01", "year/06/20", "18/06/20"])
def test_a_date_that_is_none_is_not_believed(date):
    known = parse(f"AWSLogs/123456789012/vpcflowlogs/us-east-1/{date}/x.log")
    assert known.account == "123456789012"
    assert (known.start_s, known.length_s) == (None, 0)


def test_a_month_without_a_year_is_no_year():
    folder = "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/month=06/day=20"
    assert parse_folder(folder).start_s is None


def test_a_name_with_an_impossible_time_still_tells_its_account():
    known = parse(NAME.replace("20180620T1620", "20189920T9999"))
    assert (known.account, known.time_s) == ("123456789012", None)


HOSTILE = [
    "..", "../" * 500 + "etc/passwd", "\0", "%2e%2e/%00", "a" * 100_000, "/" * 100_000, "AWSLogs/" * 50_000, "AWSLogs//",
    "AWSLogs/\0/vpcflowlogs", "year=\u0661", "AWSLogs/aws-account-id=" + "9" * 90_000, "\ud800.log",
]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_key_tells_nothing_wrong_and_raises_nothing(key):
    known = parse(key)
    assert known is None or known.time_s is None
    known = parse_folder(key)
    assert known is None or known.start_s is None


@given(st.text(st.characters(codec=None), max_size=200) | st.from_regex(r"(AWSLogs|[a-z-]+=.*|\d+)(/.*){0,8}"))
def test_no_key_raises(key):
    for found in (parse(key), parse_folder(key)):
        assert found is None or isinstance(found.service, str)


accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)
regions = st.sampled_from(["us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1", "us-iso-east-1"])
flow_logs = st.from_regex(r"fl-([0-9a-f]{8}|[0-9a-f]{17})", fullmatch=True)
minutes = st.integers(min_value=20_000_000, max_value=60_000_000).map(lambda minute: minute * 60)
keys = st.builds(of, accounts, regions, flow_logs, minutes, hive=st.booleans(), hourly=st.booleans())


@given(
    keys,
    st.sampled_from(["", "logs", "/logs/net/", "AWS/Logs", "a=b/2018/06"]),
    st.sampled_from(["", "o-abcdef1234"]),
    st.sampled_from([".log.gz", ".log.parquet", ".log"]),
)
def test_what_is_written_is_read_back(key, prefix, organization, suffix):
    assert parse(key_for(key, prefix=prefix, organization=organization, suffix=suffix)) == key


def test_the_documented_example_is_what_is_written():
    key = of("123456789012", "us-east-1", "fl-1234abcd", TIME)
    assert key_for(key, unique="fe123456") == PLAIN + NAME
    hive = of("123456789012", "us-east-1", "fl-1234abcd", TIME, hive=True, hourly=True)
    assert key_for(hive, prefix="p/", unique="fe123456") == f"p/{HIVE}hour=16/{NAME}"


def test_a_key_that_does_not_say_all_cannot_be_written():
    with pytest.raises(ValueError, match="123456789012"):
        key_for(ObjectKey("vpcflowlogs", "123456789012"))
