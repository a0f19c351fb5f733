"""Announcements of S3 in a real queue: all forms, deleted only after the commit, lost ones found by listing."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest

from vpcflow.app import App, Reading, Wanted, Watching
from vpcflow.collect.queue import Queue
from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import Selection
from vpcflow.config import load
from vpcflow.errors import SourceError

KEY = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/23/a %d.log.gz"


def body(size):
    line = f"2 123456789012 eni-1 10.0.0.1 10.0.0.2 40000 443 6 5 {size} 1764000000 1764000060 ACCEPT OK\n"
    return gzip.compress(line.encode())


@pytest.fixture
def queue(s3):
    client = s3.client("sqs")
    url = client.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
    yield client, url
    client.delete_queue(QueueUrl=url)


@pytest.fixture
def app(s3, tmp_path):
    return App(load({"lake": str(tmp_path / "lake"), "endpoint_url": s3.url}, {}))


def event(bucket, key, name="ObjectCreated:Put"):
    from urllib.parse import quote_plus  # noqa: PLC0415 - as S3 does

    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": name,
                "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
            }
        ]
    }


def waiting(client, url):
    told = client.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )
    return sum(int(value) for value in told["Attributes"].values())


def sizes(app):
    with app.lake() as lake, app.asker(lake) as asker:
        return [row["bytes"] for row in asker.query("SELECT bytes FROM flow_logs ORDER BY 1").table().to_pylist()]


def follow(app, bucket, url, until, *, listed_s=900.0):
    """Follow a queue until *until* says it is enough, at most 20 s."""
    stop, troubles, strange = threading.Event(), [], []

    def watch():
        deadline = time.monotonic() + 20
        try:
            while not until() and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            stop.set()

    thread = threading.Thread(target=watch)
    thread.start()
    how = Watching(1, stop, troubles.append, strange.append, queue_url=url, listed_s=listed_s)
    with app.lake(create=True) as lake:
        rounds = list(app.watch(lake, [f"s3://{bucket}/AWSLogs"], Wanted(), Reading(), how))
    thread.join()
    return rounds, troubles, strange


def test_all_forms_of_an_announcement(s3, app, queue):
    client, url = queue
    bucket = s3.bucket({"AWSLogs/x": b""})
    for number in range(1, 5):
        s3.client().put_object(Bucket=bucket, Key=KEY % number, Body=body(number))
    bodies = [
        event(bucket, KEY % 1),
        {
            "Type": "Notification",
            "Message": json.dumps(event(bucket, KEY % 2, "s3:ObjectCreated:CompleteMultipartUpload")),
        },
        {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": bucket}, "object": {"key": KEY % 3}},
        },
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket},
        event(bucket, KEY % 4, "ObjectRemoved:Delete"),
        event(bucket, "elsewhere/a.log.gz"),
        event("another-bucket", KEY % 1),
        event(bucket, KEY % 99),
        event(bucket, KEY % 1),
    ]
    for one in bodies:
        client.send_message(QueueUrl=url, MessageBody=json.dumps(one))
    source = Queue(url, [f"s3://{bucket}/AWSLogs/"], Selection(), S3Access(endpoint_url=s3.url))
    objects, left_out = set(), {}
    while (found := source.receive(0)).messages:
        objects |= {one.uri for one in found.objects}
        for reason, count in found.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + count
        source.done(found, [])
    assert objects == {f"s3://{bucket}/{KEY % number}" for number in (1, 2, 3)}
    assert left_out == {"not_selected": 2, "gone": 1}
    assert waiting(client, url) == 0


@pytest.mark.parametrize(
    "text", ["no JSON", "{}", "[]", "7", '{"Records": 1}', '{"Type": "Notification", "Message": "x"}', "[" * 5000]
)
def test_a_strange_message_is_told_and_stays(s3, queue, text):
    client, url = queue
    client.send_message(QueueUrl=url, MessageBody=text)
    source = Queue(url, ["s3://bucket"], Selection(), S3Access(endpoint_url=s3.url))
    found = source.receive(0)
    assert (found.strange, found.messages) == (1, {})
    source.done(found, [])
    assert waiting(client, url) == 1


def test_following_takes_what_is_announced_and_what_was_never(s3, app, queue):
    client, url = queue
    bucket = s3.bucket({KEY % 1: body(1)})

    def put(number, *, told=True):
        s3.client().put_object(Bucket=bucket, Key=KEY % number, Body=body(number))
        if told:
            client.send_message(QueueUrl=url, MessageBody=json.dumps(event(bucket, KEY % number)))

    put(2)
    put(3, told=False)
    added = []

    def until():
        # The first three are there by the first listing; one more is announced later, one never.
        if not added and (app.lake_home / "_vpcflow").exists():
            added.append(1)
            put(4)
            put(5, told=False)
        with app.lake(create=True) as lake:
            return lake.ledger.totals().sources == 5 and waiting(client, url) == 0

    rounds, troubles, strange = follow(app, bucket, url, until, listed_s=2.0)
    assert sizes(app) == [1, 2, 3, 4, 5]
    assert (troubles, strange) == ([], [])
    assert sum(done.progress.objects for done in rounds) == 5


def test_a_message_stays_until_its_object_is_in_the_lake(s3, app, queue):
    client, url = queue
    bucket = s3.bucket({KEY % 1: body(1)})
    client.send_message(QueueUrl=url, MessageBody=json.dumps(event(bucket, KEY % 1)))
    source = Queue(url, [f"s3://{bucket}"], Selection(), S3Access(endpoint_url=s3.url))
    found = source.receive(0)
    source.done(found, [f"s3://{bucket}/{KEY % 1}"])
    assert waiting(client, url) == 1
    source.done(found, [])
    assert waiting(client, url) == 0


KILLED = """
import os, signal, sys
from vpcflow.cli.main import main
from vpcflow.collect.queue import Queue
lake, endpoint, source, url = sys.argv[1:]
Queue.done = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(["ingest", source, "--watch", "--sqs-url", url, "--interval", "1s", "--lake", lake, "--endpoint-url", endpoint])
"""


def test_killed_between_commit_and_delete_nothing_is_doubled(s3, app, queue):
    client, url = queue
    bucket = s3.bucket({KEY % 1: body(1)})
    client.send_message(QueueUrl=url, MessageBody=json.dumps(event(bucket, KEY % 1)))
    lake = str(app.lake_home)
    child = subprocess.run([sys.executable, "-c", KILLED, lake, s3.url, f"s3://{bucket}", url], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert sizes(app) == [1]
    assert waiting(client, url) == 1
    # Who comes next gets the message again once it is visible; here it is put once more.
    client.send_message(QueueUrl=url, MessageBody=json.dumps(event(bucket, KEY % 1)))
    follow(app, bucket, url, lambda: waiting(client, url) == 1)
    assert sizes(app) == [1]


def test_a_queue_that_is_not_there(s3):
    source = Queue(f"{s3.url}/123456789012/none", ["s3://bucket"], Selection(), S3Access(endpoint_url=s3.url))
    with pytest.raises(SourceError) as caught:
        source.receive(0)
    assert caught.value.code == "source.no_queue"
