"""Killed at any point: what the spool had taken is delivered, once; what it had no room for is told.

A child is forked from this warm process, takes records into a spool and delivers them, and is killed with SIGKILL at its n-th
step (before it, after it, or with half of a write on disk). Then another delivery goes on from what it left.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import tempfile
import uuid
from collections import Counter
from pathlib import Path

import pytest

from deliver.flows import REGION, START, batch, flow_log, row
from vpcflow.aws import S3Access
from vpcflow.deliver import cloudwatch_logs, s3, stdout
from vpcflow.deliver import spool as spool_module
from vpcflow.deliver.cloudwatch_logs import CloudWatchLogsDestination
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.s3 import S3Destination
from vpcflow.deliver.spool import Spool
from vpcflow.record.fields import FIELDS
from vpcflow.record.read import Origin, read
from vpcflow.telemetry import ReadReport

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("VPCFLOW_CRASH_KILLS", "60"))
ROWS = 6
ROUNDS = 8


class Steps:
    """Counts the steps of this process, and ends it at one of them. how: before it, after it, or with half of it done."""

    def __init__(self, kill_at: int | None, how: str) -> None:
        self.count, self._kill_at, self._how = 0, kill_at, how

    def around(self, function, half=None):
        def step(*args, **kwargs):
            self.count += 1
            here = self.count == self._kill_at
            if here and self._how == "half" and half:
                half(*args)
            if here and self._how != "after":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **kwargs)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    def install(self) -> None:
        """Put itself around every step; only ever in a forked child."""
        write = os.write
        os.write = self.around(write, lambda handle, data: write(handle, data[: len(data) // 2]))
        os.fsync = self.around(os.fsync)
        os.ftruncate = self.around(os.ftruncate)
        for name in ("rename", "replace", "unlink"):
            setattr(Path, name, self.around(getattr(Path, name)))
        s3.S3Destination._store = self.around(s3.S3Destination._store)
        cloudwatch_logs.CloudWatchLogsDestination._put = self.around(cloudwatch_logs.CloudWatchLogsDestination._put)


def in_child(work) -> tuple[bool, list[int]]:
    """Run *work(told)* in a forked child; return whether it came to its end, and what it told."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status, write = 1, os.write
        try:
            work(lambda number: write(writer, f"{number}\n".encode()))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = [int(line) for line in pipe.read().split()]
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False, said
    assert os.WEXITSTATUS(status) == 0
    return True, said


class Story:
    """Some rounds of records, each put and delivered; two of them while the destination is not tried."""

    now = START + 10

    def __init__(self, make, folder: Path, **spooling) -> None:
        self.make, self.folder, self.spooling = make, folder, spooling

    def batch(self, number: int):
        rows = [row(ROWS * number + place, start=self.now + 40 * number) for place in range(ROWS)]
        return batch(rows)

    def run(self, kill_at: int | None, how: str) -> tuple[int | None, int]:
        """Return the count of steps, None when it was killed, and how many rounds were surely spooled."""

        def work(told) -> None:
            steps = Steps(kill_at, how)
            steps.install()
            now = self.now
            delivery = Delivery(*self.make(), Spool(self.folder, **self.spooling), lambda: now)
            for number in range(ROUNDS):
                delivery.put(self.batch(number))
                told(number)
                now += 40
                if number not in (2, 3):
                    delivery.tick(now)
            delivery.close()
            told(1000 + steps.count)

        done, said = in_child(work)
        rounds = sum(number < 1000 for number in said)
        return (said[-1] - 1000 if done else None), rounds

    def finish(self) -> Delivery:
        delivery = Delivery(*self.make(), Spool(self.folder, **self.spooling), lambda: self.now + 900)
        assert delivery.close()
        assert [path.name for path in self.folder.iterdir()] == ["lock"]
        return delivery


def points(steps: int, wanted: int) -> list[tuple[int, str]]:
    every = [(step, how) for step in range(1, steps + 1) for how in ("before", "half", "after")]
    return every if len(every) <= wanted else random.Random(7).sample(every, wanted)


def check(found: Counter[int], rounds: int) -> None:
    """All of the rounds that were spooled are there once; of the one on its way all or nothing; of later ones nothing."""
    sure = set(range(ROWS * rounds))
    on_its_way = set(range(ROWS * rounds, ROWS * (rounds + 1)))
    assert set(found.values()) <= {1}
    assert set(found) - on_its_way == sure
    assert not set(found) & on_its_way or on_its_way <= set(found)


def numbers_of(files) -> Counter[int]:
    """Return which records files (opened) hold, by their number."""
    found: Counter[int] = Counter()
    for file in files:
        with file:
            for _, records in read(file, "-", ReadReport(), Origin()):
                found.update(packets - 1 for packets in records.column("packets").to_pylist())
    return found


def test_a_folder_has_everything_once(tmp_path):
    def make(to):
        flow = flow_log("folder", to)
        return lambda: (flow, FolderDestination(flow, clock=lambda: Story.now))

    steps, rounds = Story(make(tmp_path / "to"), tmp_path / "spool").run(None, "before")
    assert rounds == ROUNDS
    killed = 0
    for step, how in points(steps, KILLS):
        with tempfile.TemporaryDirectory(dir=tmp_path) as name:
            place = Path(name)
            story = Story(make(place / "to"), place / "spool")
            left, rounds = story.run(step, how)
            killed += left is None
            story.finish()
            files = [path for path in (place / "to").rglob("*") if path.is_file() and not path.name.startswith(".")]
            check(numbers_of(path.open("rb") for path in files), rounds)
    assert killed == min(KILLS, 3 * steps)


def test_a_bucket_has_everything_once(s3, tmp_path):
    def make(bucket):
        flow = flow_log("s3", f"s3://{bucket}")
        destination = S3Destination(flow, S3Access(endpoint_url=s3.url), clock=lambda: Story.now)
        destination._client  # noqa: B018 - made once, here, and inherited
        return lambda: (flow, destination)

    steps, _ = Story(make(s3.bucket()), tmp_path / "spool").run(None, "before")
    for number, (step, how) in enumerate(points(steps, KILLS * 2 // 5)):
        bucket = s3.bucket()
        story = Story(make(bucket), tmp_path / f"spool-{number}")
        _, rounds = story.run(step, how)
        story.finish()
        client = s3.client()
        keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
        check(numbers_of(client.get_object(Bucket=bucket, Key=key)["Body"] for key in keys), rounds)


def test_a_log_group_has_everything_once(s3, tmp_path):
    def make(group):
        flow = flow_log("cloud-watch-logs", group)
        # The clock is that of the records: the server would refuse what is old.
        destination = CloudWatchLogsDestination(flow, S3Access(aws_region=REGION), endpoint_url=s3.url)
        destination._client  # noqa: B018 - made once, here, and inherited
        return lambda: (flow, destination)

    import time  # noqa: PLC0415

    now = int(time.time()) - 3600
    groups = (f"/vpc/{uuid.uuid4().hex}" for _ in itertools.count())
    first = Story(make(next(groups)), tmp_path / "spool")
    first.now = now
    steps, _ = first.run(None, "before")
    packets = list(first.batch(0).schema.names).index("packets")
    for number, (step, how) in enumerate(points(steps, KILLS * 2 // 5)):
        group = next(groups)
        story = Story(make(group), tmp_path / f"spool-{number}")
        story.now = now
        _, rounds = story.run(step, how)
        story.finish()
        client = s3.client("logs")
        streams = client.describe_log_streams(logGroupName=group)["logStreams"] if rounds else ()
        events = [
            event["message"]
            for stream in streams
            for event in client.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]
        check(Counter(int(message.split()[packets]) - 1 for message in events), rounds)


def test_what_had_to_be_dropped_is_told_and_nothing_else_is(tmp_path):
    """A spool with room for a few rounds only, and a destination that takes nothing until the end."""
    flow = flow_log("stdout")

    class Refusing(stdout.StreamDestination):
        def shipments(self, unit):
            del unit
            raise spool_module.DeliveryError("deliver.no_stdout")

    size = {"max_bytes": 12_000, "segment_bytes": 2500}
    story = Story(lambda: (flow, Refusing(flow, None)), tmp_path / "spool", **size)
    steps, _ = story.run(None, "before")
    for number, (step, how) in enumerate(points(steps, KILLS * 2 // 3)):
        place = tmp_path / str(number)
        story = Story(lambda: (flow, Refusing(flow, None)), place / "spool", **size)
        _, rounds = story.run(step, how)
        assert sum(path.stat().st_size for path in (place / "spool").iterdir()) <= 12_000 + 3000
        with (place / "out").open("wb") as out:
            waiting = Spool(place / "spool", **size)
            assert Delivery(flow, stdout.StreamDestination(flow, out), waiting, lambda: Story.now + 900).close()
        lines = [line.split() for line in (place / "out").read_text().splitlines()[1:]]
        names = [FIELDS[name].column for name in flow.log_format.names]
        records = [dict(zip(names, line, strict=True)) for line in lines]
        there = Counter(int(one["packets"]) - 1 for one in records if one["log_status"] == "OK")
        assert set(there.values()) <= {1}
        skipped = [one for one in records if one["log_status"] == "SKIPDATA"]
        for missing in set(range(ROWS * rounds)) - set(there):
            record = row(missing, start=Story.now + 40 * (missing // ROWS))
            assert any(
                one["interface_id"] == record["interface_id"]
                and int(one["start"]) <= record["start"]
                and record["end"] <= int(one["end"])
                for one in skipped
            ), missing
        # Nothing is told to be missing at a time of which everything is there.
        for one in skipped:
            of_time = [
                other
                for other in range(ROWS * (rounds + 1))
                if row(other)["interface_id"] == one["interface_id"]
                and int(one["start"]) <= Story.now + 40 * (other // ROWS) <= int(one["end"])
            ]
            assert any(other not in there for other in of_time)
