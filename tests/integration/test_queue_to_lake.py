"""From S3 event notifications in a queue of a real server to the lake."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from queues import FILES, Told
from vpcflow.app import App, Reading, Wanted, Watching
from vpcflow.collect import queue
from vpcflow.collect.s3_access import S3Access
from vpcflow.config import load
from vpcflow.errors import LakeError, SourceError, VpcFlowError
from vpcflow.lake.lake import Lake

pytestmark = pytest.mark.slow

CHILD = """
import sys
from vpcflow.collect import queue
queue.VISIBILITY_S = 2
from vpcflow.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(queue, "_WAIT_S", 1)


@pytest.fixture
def told(s3):
    return Told(s3)


def follow(
    told, lake_path, *, rounds=None, until_empty=True, list_every_s=3600.0, wanted=None, seconds=20, interval_s=0.2
):
    """Follow the queue until it is empty, or some rounds were told; return what they were, and the troubles."""
    app = App(load({"lake": str(lake_path), "endpoint_url": told.server.url}, {}))
    stop, seen, troubles = threading.Event(), [], []
    watching = Watching(interval_s, stop, troubles.append, queue_url=told.url, list_every_s=list_every_s)
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    with app.lake(create=True) as lake:
        for done in app.watch(lake, [told.source], wanted or Wanted(), Reading(), watching):
            seen.append(done)
            if (until_empty and not told.left()) or (rounds is not None and len(seen) >= rounds):
                stop.set()
    timer.cancel()
    return seen, troubles


def rows(lake_path):
    with contextlib.closing(Lake(lake_path)) as lake:
        totals = lake.ledger.totals()
        return totals.tables.get("flow_logs", {}).get("rows", 0), totals.sources


def rows_of(*numbers):
    import gzip  # noqa: PLC0415

    return sum(gzip.decompress(FILES[number].read_bytes()).count(b"\n") - 1 for number in numbers)


def left_out(seen):
    return +sum((done.left_out for done in seen), Counter())


def test_objects_come_from_messages_and_messages_go_when_they_are_in_the_lake(told, tmp_path):
    for number in range(25):
        told.put(number)
    told.server.forget()
    seen, troubles = follow(told, tmp_path / "lake")
    assert rows(tmp_path / "lake") == (rows_of(*range(25)), 25)
    assert told.left() == 0
    assert not troubles
    assert told.server.listings() == 0
    assert told.server.calls("DeleteMessageBatch") <= 4  # ten at once, and the test event
    assert left_out(seen) == {"test_event": 1}


def test_notifications_by_way_of_sns_are_understood(s3, tmp_path):
    told = Told(s3, sns=True)
    for number in range(3):
        told.put(number)
    follow(told, tmp_path / "lake")
    assert rows(tmp_path / "lake") == (rows_of(0, 1, 2), 3)
    assert told.left() == 0


def test_keys_are_decoded_and_duplicates_are_harmless(told, tmp_path):
    key = told.put(0, "AWSLogs/a b+c=ü%20/x.log.gz")
    told.say("AWSLogs/a+b%2Bc%3D%C3%BC%2520/x.log.gz")
    told.say("AWSLogs/a+b%2Bc%3D%C3%BC%2520/x.log.gz")
    seen, _ = follow(told, tmp_path / "lake")
    assert rows(tmp_path / "lake") == (rows_of(0), 1)
    told.say("AWSLogs/a+b%2Bc%3D%C3%BC%2520/x.log.gz")
    follow(told, tmp_path / "lake", seconds=3)
    assert rows(tmp_path / "lake") == (rows_of(0), 1)
    assert told.left() == 0
    # The listing knows the object under the same name and identity.
    app = App(load({"lake": str(tmp_path / "lake"), "endpoint_url": told.server.url}, {}))
    with app.lake() as lake:
        listed = app.ingest(lake, [told.source], Wanted(), Reading())
    assert (listed.progress.known, listed.progress.objects) == (1, 0)
    assert key
    assert not left_out(seen).get("gone")


def test_what_is_not_wanted_is_counted_and_its_message_goes(told, tmp_path):
    told.put(0)
    told.put(1, "elsewhere/x.log.gz")
    told.put(1, "AWSLogsx/x.log.gz")
    told.say("k", bucket="somebody-else")
    gone = told.put(2)
    told.s3.delete_object(Bucket=told.bucket, Key=gone)
    told.put(
        3,
        "AWSLogs/999999999999/vpcflowlogs/eu-west-1/2026/11/16/999999999999_vpcflowlogs_eu-west-1_fl-1_20261116T0600Z_a.log.gz",
    )
    told.s3.put_object(Bucket=told.bucket, Key="AWSLogs/empty", Body=b"")
    seen, troubles = follow(told, tmp_path / "lake", wanted=Wanted(accounts=("123456789012",)))
    assert left_out(seen) == {"test_event": 1, "outside": 3, "gone": 1, "not_selected": 1, "empty": 1}
    assert rows(tmp_path / "lake") == (rows_of(0), 1)
    assert told.left() == 0
    assert not troubles


def test_messages_that_cannot_be_used_stay_for_the_redrive_policy(told, tmp_path):
    told.send("hello")
    told.s3.put_object(Bucket=told.bucket, Key="AWSLogs/picture", Body=b"\x89PNG\x00\x01\x02" * 100)
    told.put(0)
    seen, _ = follow(told, tmp_path / "lake", until_empty=False, rounds=1)
    assert left_out(seen) == {"test_event": 1, "poison": 1, "left_message": 1}
    assert [uri.rpartition("/")[2] for done in seen for uri, _ in done.progress.failed] == ["picture"]
    assert rows(tmp_path / "lake") == (rows_of(0), 1)
    assert told.left() == 2


def test_an_event_that_was_lost_is_found_by_listing(s3, tmp_path):
    told = Told(s3, notify=False)
    told.put(0)
    told.put(1)
    seen, _ = follow(told, tmp_path / "lake", list_every_s=0.5, rounds=1, until_empty=False)
    assert [done.progress.objects for done in seen] == [2]
    assert rows(tmp_path / "lake") == (rows_of(0, 1), 2)


def test_a_message_stays_when_the_commit_fails(told, tmp_path, monkeypatch):
    told.put(0)
    fsync = os.fsync

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises((OSError, LakeError)):
            follow(told, tmp_path / "lake", seconds=5)
    assert os.fsync is fsync
    assert told.left() == 2  # the test event's is in the same round
    assert told.server.calls("DeleteMessageBatch") == 0
    assert rows(tmp_path / "lake") == (0, 0)


def test_messages_stay_invisible_while_their_objects_are_worked_on(told, monkeypatch):
    told.put(0)
    slow = queue.Queue(told.url, S3Access(endpoint_url=told.server.url), visibility_s=1)
    with queue.Round(slow) as found:
        intake = queue.Intake(slow, [told.source], _everything(), S3Access(endpoint_url=told.server.url))
        intake.gather(found, 0.5, threading.Event())
        assert len(found.objects) == 1
        time.sleep(2.5)
        assert told.attributes()["ApproximateNumberOfMessages"] == "0"
        found.settle(set())
    assert told.left() == 0
    assert not found.troubles
    # Whoever dies lets them go.
    told.put(1)
    with queue.Round(slow) as found:
        intake.gather(found, 0.5, threading.Event())
    time.sleep(1.2)
    assert told.attributes()["ApproximateNumberOfMessages"] == "1"


def _everything():
    from vpcflow.collect.selection import Selection  # noqa: PLC0415

    return Selection()


def test_an_object_deleted_after_it_was_looked_at_is_counted_and_its_message_goes(told, tmp_path):
    told.put(1)
    key = told.put(0)
    told.server.forget()

    def delete():
        wait_for(lambda: any(method == "HEAD" and key in path for method, path in told.server.asked))
        told.s3.delete_object(Bucket=told.bucket, Key=key)

    deleting = threading.Thread(target=delete)
    deleting.start()
    seen, _ = follow(told, tmp_path / "lake", interval_s=2)
    deleting.join()
    assert left_out(seen) == {"test_event": 1, "gone": 1}
    assert [done.progress.failed for done in seen] == [[]]
    assert rows(tmp_path / "lake") == (rows_of(1), 1)
    assert told.left() == 0


def test_an_object_that_cannot_be_looked_at_leaves_its_message(told, tmp_path):
    told.say("AWSLogs//x")  # a key that obstore cannot name
    seen, troubles = follow(told, tmp_path / "lake", until_empty=False, rounds=1)
    assert left_out(seen)["left_message"] == 1
    assert len(troubles) == 1
    assert told.left() == 1


# --- killed --------------------------------------------------------------------------------------------------------


def command(told, lake):
    words = [
        "ingest",
        told.source,
        "--watch",
        "--interval",
        "1s",
        "--sqs-url",
        told.url,
        "--endpoint-url",
        told.server.url,
    ]
    environ = {**os.environ, "VPCFLOW_LAKE": str(lake), "LC_ALL": "C.UTF-8"}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *words], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for(condition, seconds=25):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_killed_between_commit_and_delete_nothing_is_doubled(told, tmp_path):
    lake = tmp_path / "lake"
    child = command(told, lake)
    killed = threading.Event()

    def kill(operation, _request):
        if operation != "DeleteMessageBatch" or killed.is_set():
            return None
        os.kill(child.pid, signal.SIGKILL)
        killed.set()
        return 500, {"__type": "InternalError"}

    told.server.between = kill
    wait_for(lambda: told.server.calls("ReceiveMessage") > 0)  # the first listing is over
    for number in range(3):
        told.put(number)
    wait_for(killed.is_set)
    child.communicate(timeout=10)
    assert rows(lake) == (rows_of(0, 1, 2), 3) or rows(lake)[1] > 0  # a round may have had some of them only
    assert told.left() > 0
    again = command(told, lake)
    wait_for(lambda: told.left() == 0)
    again.send_signal(signal.SIGTERM)
    out, _ = again.communicate(timeout=15)
    assert again.returncode == 0, out
    assert rows(lake) == (rows_of(0, 1, 2), 3)
    assert "SIGTERM" in out


def test_an_empty_prefix_is_waited_for_and_ctrl_c_ends_it(told, tmp_path):
    child = command(told, tmp_path / "lake")
    wait_for(lambda: told.server.calls("ReceiveMessage") > 0)
    told.put(0)
    wait_for(lambda: told.left() == 0)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=15)
    assert child.returncode == 0, out
    assert "nothing to read" in out
    assert f"{rows_of(0)} records" in out
    assert "no redrive policy" in out


# --- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1", None),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1", None),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1", None),
        (
            "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q",
            "eu-west-1",
            "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com",
        ),
        ("http://127.0.0.1:5000/123456789012/q", None, "http://127.0.0.1:5000"),
    ],
)
def test_region_and_endpoint_are_those_of_the_url(url, region, endpoint):
    assert queue._where(url) == (region, endpoint)


@pytest.mark.parametrize(
    "url", ["", "q", "sqs://x/y", "https://", "https://host", "https://host/", "https://h:0/q", "http://ho st/q"]
)
def test_what_is_no_url_of_a_queue_is_refused(s3, url):
    with pytest.raises(SourceError) as refused:
        queue.Queue(url, S3Access())
    assert refused.value.code == "source.bad_queue_url"


def test_a_queue_that_is_missing_or_denied_is_told(told):
    access = S3Access(endpoint_url=told.server.url)
    with pytest.raises(VpcFlowError) as refused:
        queue.Queue(f"{told.url}-not", access).attributes()
    assert refused.value.code == "source.queue_missing"
    told.server.between = lambda *_: (403, {"__type": "AccessDeniedException", "message": "no"})
    assert queue.Queue(told.url, access).attributes() == {}
    with pytest.raises(VpcFlowError) as refused:
        queue.Queue(told.url, access).receive(1)
    assert refused.value.code == "source.queue_denied"
    assert refused.value.exit_code == 5


def test_trouble_with_the_queue_is_told_and_passes(told, tmp_path, monkeypatch):
    monkeypatch.setattr("vpcflow.collect.aws._TRIES", 1)
    left = iter(range(2))

    def between(operation, _request):
        if operation == "ReceiveMessage" and next(left, None) is not None:
            return 503, {"__type": "ServiceUnavailable", "message": "later"}
        return None

    told.server.between = between
    told.put(0)
    _, troubles = follow(told, tmp_path / "lake")
    assert [error.code for error in troubles] == ["source.unreadable"] * 2
    assert rows(tmp_path / "lake") == (rows_of(0), 1)
