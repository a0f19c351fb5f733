"""A destination that refuses, stumbles or is away: nothing is lost, nothing doubled, and the status says what AWS's would."""

from __future__ import annotations

import base64
import itertools
import json
import time
import uuid
from collections import Counter

import pytest
from botocore.exceptions import ReadTimeoutError

from deliver.faulty import BROKEN, DENIED, NO_ACL, NO_BUCKET, SLOW_DOWN, FaultyServer, refused
from deliver.flows import REGION, START, batch, flow_log, nothing, row, rows_of
from deliver.test_crash import numbers_of
from vpcflow.aws import S3Access
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.firehose import FirehoseDestination
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.s3 import S3Destination
from vpcflow.deliver.ship import Backoff
from vpcflow.deliver.spool import Spool


class Clock:
    """A time that is set."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened():
    """Makes deliveries, and closes them."""
    made = []

    def make(flow, destination, folder, clock, **spooling):
        delivery = Delivery(flow, destination, Spool(folder, **spooling), clock, Backoff(chance=lambda: 1.0))
        made.append(delivery)
        return delivery

    yield make
    for delivery in made:
        delivery.spool.close()
        delivery.destination.close()


def to_s3(server, clock):
    flow = flow_log("s3", "s3://logs")
    return flow, S3Destination(flow, S3Access(endpoint_url=server.url), clock=clock)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (DENIED, "Access error"),
        (NO_BUCKET, "Access error"),
        (SLOW_DOWN, "Rate limited"),
        (BROKEN, "Unknown error"),
    ],
    ids=["denied", "no bucket", "slow down", "broken"],
)
def test_what_a_store_answers_is_told_as_aws_tells_it_and_tried_again(answer, message, tmp_path, clock, opened):
    with FaultyServer(otherwise=answer) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        assert delivery.status().status is None
        delivery.put(batch([row(1)]))
        clock.now += 300
        delivery.tick()
        assert (delivery.status().status, delivery.status().error_message) == ("FAILED", message)
        assert delivery.status().reason
        assert delivery.waiting_bytes
        server.otherwise = (200, b"")
        clock.now += 60
        delivery.tick()
        assert delivery.status().status == "SUCCESS"
        assert delivery.status().error_message == ""
        assert not delivery.waiting_bytes
        keys = {path for _, path, _, _ in server.asked}
        assert len(keys) == 1, "each attempt writes the same object"


def test_a_store_that_fails_is_asked_ever_more_seldom(tmp_path, clock, opened):
    with FaultyServer(otherwise=DENIED) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        delivery.put(batch([row(1)]))
        clock.now += 300
        asked = []
        for _ in range(200):
            before = len(server.asked)
            delivery.tick()
            if len(server.asked) > before:
                asked.append(clock.now)
            clock.now += 1
        waits = [later - earlier for earlier, later in itertools.pairwise(asked)]
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_flow_log_that_is_denied_does_not_hold_up_another(tmp_path, clock, opened):
    with FaultyServer(otherwise=DENIED) as server:
        denied = opened(*to_s3(server, clock), tmp_path / "1", clock)
        flow = flow_log("folder", tmp_path / "to", id="fl-2")
        other = opened(flow, FolderDestination(flow, clock=clock), tmp_path / "2", clock)
        for delivery in (denied, other):
            delivery.put(batch([row(1)]))
        clock.now += 300
        for delivery in (denied, other):
            delivery.tick()
        assert denied.status().status == "FAILED"
        assert other.status().status == "SUCCESS"


def test_without_credentials_records_are_kept(tmp_path, clock, opened, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with FaultyServer(otherwise=(200, b"")) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        delivery.put(batch([row(1)]))
        clock.now += 300
        delivery.tick()
        assert delivery.status().error_message == "Access error"
        assert server.asked == []
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        clock.now += 60
        delivery.tick()
        assert delivery.status().status == "SUCCESS"
        assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_waited_for(tmp_path, clock, opened):
    with FaultyServer(otherwise=(200, b"")) as server:
        gone = server
    flow, destination = to_s3(gone, clock)
    delivery = opened(flow, destination, tmp_path, clock)
    delivery.put(batch([row(1)]))
    clock.now += 300
    delivery.tick()
    assert delivery.status().error_message == "Unknown error"
    assert gone.url in delivery.status().reason


def test_objects_belong_to_the_buckets_owner_where_a_store_knows_acls(tmp_path, clock, opened):
    with FaultyServer(otherwise=(200, b"")) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        delivery.put(batch([row(1)]))
        assert delivery.flush()
        assert [headers["x-amz-acl"] for _, _, headers, _ in server.asked] == ["bucket-owner-full-control"]


def test_a_store_without_acls_is_written_to_without(tmp_path, clock, opened):
    with FaultyServer(NO_ACL, otherwise=(200, b"")) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        for number in range(2):
            delivery.put(batch([row(number)]))
            assert delivery.flush()
        assert ["x-amz-acl" in headers for _, _, headers, _ in server.asked] == [True, False, False]
        assert server.asked[0][3] == server.asked[1][3]


def test_a_destination_that_is_away_for_an_hour_loses_nothing_and_gets_it_in_order(tmp_path, clock, opened):
    flow = flow_log("folder", tmp_path / "to")
    (tmp_path / "to").write_text("in the way")
    delivery = opened(flow, FolderDestination(flow, clock=clock), tmp_path / "spool", clock)
    for minute in range(60):
        delivery.put(batch([row(minute, start=int(clock.now))]))
        clock.now += 60
        delivery.tick()
    assert delivery.status().error_message == "Access error"
    (tmp_path / "to").unlink()
    clock.now += 60
    delivery.tick()
    clock.now += 300
    delivery.tick()
    assert delivery.status().status == "SUCCESS"
    assert not delivery.waiting_bytes
    files = sorted((tmp_path / "to").rglob("*.gz"), key=lambda path: path.name.split("_")[-2])
    assert len(files) == 12
    assert list(numbers_of(path.open("rb") for path in files)) == list(range(60))
    written = sorted(files, key=lambda path: path.stat().st_mtime_ns)
    assert written == files, "the oldest first"


# --- Firehose --------------------------------------------------------------------------------------------------------


def firehose(server):
    flow = flow_log("kinesis-data-firehose", "stream")
    return flow, FirehoseDestination(flow, S3Access(aws_region=REGION), endpoint_url=server.url)


def partly(*failed: int, of: int, code: str = "ServiceUnavailableException"):
    responses = [{"ErrorCode": code} if place in failed else {"RecordId": str(place)} for place in range(of)]
    return 200, json.dumps({"FailedPutCount": len(failed), "RequestResponses": responses}).encode()


def sent(body) -> list[int]:
    messages = [json.loads(base64.b64decode(record["Data"]))["message"] for record in body["Records"]]
    return [int(message.split()[8]) - 1 for message in messages]


def test_of_a_batch_that_was_taken_in_part_the_rest_alone_is_sent_again(tmp_path, clock, opened):
    whole = partly(of=2)
    with FaultyServer(partly(1, 3, 4, of=5), partly(0, of=3), otherwise=whole) as server:
        delivery = opened(*firehose(server), tmp_path, clock)
        delivery.put(batch([row(number) for number in range(5)]))
        for _ in range(3):
            delivery.tick()
            clock.now += 60
        assert [sent(body) for body in server.bodies()] == [[0, 1, 2, 3, 4], [1, 3, 4], [1]]
        assert delivery.counts.accepted == 5
        assert delivery.status().status == "SUCCESS"


def test_what_is_left_of_a_batch_is_remembered_across_processes(tmp_path, clock, opened):
    with FaultyServer(partly(1, 3, of=5), otherwise=partly(of=2)) as server:
        first = opened(*firehose(server), tmp_path, clock)
        first.put(batch([row(number) for number in range(5)]))
        first.tick()
        assert first.status().error_message == "Unknown error"
        first.spool.close()
        second = opened(*firehose(server), tmp_path, clock)
        second.tick()
        assert [sent(body) for body in server.bodies()] == [[0, 1, 2, 3, 4], [1, 3]]


def test_a_stream_of_which_all_is_throttled_is_rate_limited(tmp_path, clock, opened):
    with FaultyServer(partly(0, 1, of=2)) as server:
        delivery = opened(*firehose(server), tmp_path, clock)
        delivery.put(batch([row(0), row(1)]))
        delivery.tick()
        assert delivery.status().error_message == "Rate limited"


# --- CloudWatch Logs -------------------------------------------------------------------------------------------------


@pytest.fixture
def group(s3):
    """A log group that is not there yet: (flow log, destination), and what is in it, by stream."""

    class Group:
        def __init__(self) -> None:
            self.name = f"/vpc/{uuid.uuid4().hex}"
            self.start = int(time.time()) - 3600

        def destination(self, **more):
            flow = flow_log("cloud-watch-logs", self.name, **more.pop("flow", {}))
            return flow, CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=s3.url, **more)

        def events(self):
            logs = s3.client("logs")
            found = {}
            for stream in logs.describe_log_streams(logGroupName=self.name)["logStreams"]:
                name = stream["logStreamName"]
                said = logs.get_log_events(logGroupName=self.name, logStreamName=name, startFromHead=True)
                found[name] = [(event["timestamp"], event["message"]) for event in said["events"]]
            return found

        def exists(self) -> bool:
            return bool(s3.client("logs").describe_log_groups(logGroupNamePrefix=self.name)["logGroups"])

    return Group()


def test_the_group_and_a_stream_for_each_interface_are_made_when_traffic_comes(group, tmp_path, clock, opened):
    delivery = opened(*group.destination(), tmp_path, clock)
    delivery.put(batch([nothing("eni-1", "NODATA", group.start)]))
    delivery.tick()
    assert delivery.status().status == "SUCCESS"
    assert not group.exists()
    assert delivery.counts.rejected == Counter(before_traffic=1)
    at = group.start
    delivery.put(batch([row(1, start=at + 60, interface="eni-1"), row(2, start=at, interface="eni-2")]))
    delivery.put(batch([nothing("eni-1", "NODATA", at + 120), row(3, start=at + 30, interface="eni-1")]))
    delivery.tick()
    events = group.events()
    assert sorted(events) == ["eni-1-all", "eni-2-all"]
    assert [when for when, _ in events["eni-1-all"]] == [1000 * (at + 30), 1000 * (at + 60), 1000 * (at + 120)]
    assert events["eni-1-all"][0][1] == (
        f"2 123456789012 eni-1 10.0.0.3 198.51.100.7 1027 443 6 4 43 {at + 30} {at + 80} ACCEPT OK"
    )
    assert events["eni-1-all"][2][1] == f"2 123456789012 eni-1 - - - - - - - {at + 120} {at + 170} - NODATA"


@pytest.mark.parametrize(
    ("traffic", "shared", "stream"),
    [("ACCEPT", False, "eni-1-accept"), ("REJECT", False, "eni-1-reject"), ("REJECT", True, "eni-1-all")],
)
def test_a_streams_name_says_which_traffic(traffic, shared, stream, group, tmp_path, clock, opened):
    delivery = opened(*group.destination(flow={"traffic_type": traffic}, shared=shared), tmp_path, clock)
    delivery.put(batch([row(number, start=group.start, interface="eni-1") for number in range(10)]))
    delivery.tick()
    events = group.events()
    assert list(events) == [stream]
    assert all(f" {traffic} OK" in message for _, message in events[stream])


def test_a_request_whose_answer_got_lost_is_not_put_twice(group, tmp_path, clock, opened, monkeypatch):
    flow, destination = group.destination()
    put, lost = CloudWatchLogsDestination._put, []

    def answer_lost(self, stream, events):
        answer = put(self, stream, events)
        if len(lost) < 2:
            lost.append(stream)
            raise ReadTimeoutError(endpoint_url="http://x")
        return answer

    delivery = opened(flow, destination, tmp_path, clock)
    delivery.put(batch([row(0, start=group.start, interface="eni-1")]))
    delivery.tick()
    monkeypatch.setattr(CloudWatchLogsDestination, "_put", answer_lost)
    delivery.put(
        batch([row(number, start=group.start + number, interface=f"eni-{number % 2}") for number in range(1, 9)])
    )
    for _ in range(4):
        delivery.tick()
        clock.now += 60
    assert len(lost) == 2
    assert delivery.status().status == "SUCCESS"
    assert sum(map(len, group.events().values())) == 9
    assert delivery.counts.known == 8
    assert delivery.counts.accepted == 1


def test_what_is_out_of_time_is_counted_and_does_not_hold_up_the_rest(group, tmp_path, clock, opened):
    flow, destination = group.destination()
    delivery = opened(flow, destination, tmp_path, clock)
    now = int(time.time())
    days = [now - 15 * 86400, now - 13 * 86400, now - 86400, now, now + 3600, now + 3 * 3600]
    delivery.put(batch([row(number, start=at, interface="eni-1") for number, at in enumerate(days)]))
    delivery.tick()
    assert delivery.status().status == "SUCCESS"
    assert delivery.counts.rejected == Counter(too_old=1, too_new=1)
    assert [when // 1000 for when, _ in group.events()["eni-1-all"]] == days[1:5]


def test_what_the_service_refuses_itself_is_counted(tmp_path, clock, opened):
    said = json.dumps({"rejectedLogEventsInfo": {"expiredLogEventEndIndex": 2, "tooNewLogEventStartIndex": 4}}).encode()
    with FaultyServer(otherwise=(200, said)) as server:
        flow = flow_log("cloud-watch-logs", "/vpc")
        destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=server.url, clock=clock)
        delivery = opened(flow, destination, tmp_path, clock)
        delivery.put(batch([row(number, interface="eni-1") for number in range(5)]))
        delivery.tick()
        assert delivery.counts.rejected == Counter(expired=2, too_new=1)
        assert delivery.counts.accepted == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ThrottlingException", "Rate limited"),
        ("LimitExceededException", "Rate limited"),
        ("AccessDeniedException", "Access error"),
        ("ExpiredTokenException", "Access error"),
        ("InvalidParameterException", "Unknown error"),
    ],
)
def test_what_the_service_answers_is_told_as_aws_tells_it(code, message, tmp_path, clock, opened):
    with FaultyServer(otherwise=refused(code)) as server:
        flow = flow_log("cloud-watch-logs", "/vpc")
        destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=server.url, clock=clock)
        delivery = opened(flow, destination, tmp_path, clock)
        delivery.put(batch([row(1)]))
        delivery.tick()
        assert delivery.status().error_message == message


# --- by itself -------------------------------------------------------------------------------------------------------


def test_a_delivery_that_was_started_delivers_by_itself_and_ends_with_nothing_left(tmp_path):
    flow = flow_log("stdout")
    out = (tmp_path / "out").open("w+b")
    from vpcflow.deliver.stdout import StreamDestination  # noqa: PLC0415

    delivery = Delivery(flow, StreamDestination(flow, out), Spool(tmp_path / "spool"))
    delivery.start()
    records = [batch([row(number) for number in range(4)])]
    delivery.put(records[0])
    until = time.monotonic() + 10
    while delivery.waiting_bytes and time.monotonic() < until:
        time.sleep(0.05)
    assert not delivery.waiting_bytes
    delivery.put(batch([row(9)]))
    assert delivery.close()
    out.seek(0)
    lines = out.read().decode().splitlines()
    out.close()
    assert len(lines) == 1 + 4 + 1
    assert sum(rows_of(records).values()) == 4


def test_a_delivery_that_cannot_end_leaves_what_is_left_on_disk(tmp_path, clock):
    with FaultyServer(otherwise=DENIED) as server:
        delivery = Delivery(*to_s3(server, clock), Spool(tmp_path), clock)
        delivery.put(batch([row(1)]))
        assert not delivery.close()
    assert [path.suffix for path in tmp_path.iterdir() if path.name != "lock"] == [".sealed"]


def test_a_role_that_may_not_read_the_stream_delivers_even_so(tmp_path, clock, opened):
    answers = [(500, b"{}"), (500, b"{}"), refused("AccessDeniedException")]
    with FaultyServer(*answers, otherwise=(200, b"{}")) as server:
        flow = flow_log("cloud-watch-logs", "/vpc")
        destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=server.url, clock=clock)
        delivery = opened(flow, destination, tmp_path, clock)
        delivery.put(batch([row(1)]))
        for _ in range(2):
            delivery.tick()
            clock.now += 60
        asked = [headers["X-Amz-Target"].rpartition(".")[2] for _, _, headers, _ in server.asked]
        assert asked == ["PutLogEvents", "PutLogEvents", "GetLogEvents", "PutLogEvents"]
        assert delivery.status().status == "SUCCESS"


def test_while_a_destination_is_away_what_comes_is_put_together(tmp_path, clock, opened):
    with FaultyServer(otherwise=refused("ThrottlingException")) as server:
        flow = flow_log("cloud-watch-logs", "/vpc")
        destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=server.url, clock=clock)
        delivery = opened(flow, destination, tmp_path, clock)
        for number in range(50):
            delivery.put(batch([row(number)]))
            clock.now += 0.01
            delivery.tick()
        assert len(list(tmp_path.iterdir())) == 3, "the lock, what is tried, what came since"
        server.otherwise = (200, b"{}")
        server.asked.clear()
        answer = {"events": [], "nextForwardToken": ""}
        server.answers = [(200, json.dumps(answer).encode())]
        for _ in range(2):
            clock.now += 60
            delivery.tick()
        put = [body for body in server.bodies() if "logEvents" in body]
        assert sum(len(body["logEvents"]) for body in put) == 50
        assert not delivery.waiting_bytes


def test_a_clock_that_is_set_back_is_not_waited_for(tmp_path, clock, opened):
    with FaultyServer(BROKEN, BROKEN, otherwise=(200, b"")) as server:
        delivery = opened(*to_s3(server, clock), tmp_path, clock)
        delivery.put(batch([row(1)]))
        clock.now += 300
        delivery.tick()
        assert delivery.status().status == "FAILED"
        clock.now -= 86_400
        delivery.tick()
        assert delivery.status().status == "SUCCESS"
