"""Killed at any point under load: nothing is delivered twice, what a spool had taken is delivered, and what was lost is told.

A child is forked from this warm process, runs a daemon, and is killed with SIGKILL before or after its n-th step (each write of a
spool, fsync, rename, link, unlink and SQLite statement that changes something is a step), or at any moment while a second thread
delivers. Another daemon then goes on with what it left.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from app.running import T0, House, flow
from lake import lakes
from vpcflow.app import App
from vpcflow.app.deliver import LakeDestination
from vpcflow.config import load
from vpcflow.deliver import frames
from vpcflow.deliver.delivery import Delivery
from vpcflow.deliver.folder import FolderDestination
from vpcflow.deliver.spool import Spool

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("VPCFLOW_RUN_KILLS", "110"))
INTERVALS = 4
FLOWS = 40
_CHANGES = ("BEGIN", "COMMIT", "INSERT", "UPDATE", "DELETE")


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, kill_at, *, after):
        self.count = 0
        self._kill_at, self._after = kill_at, after
        self._lock = threading.Lock()

    def around(self, function):
        def step(*args, **kwargs):
            with self._lock:
                self.count += 1
                here = self.count == self._kill_at
            if here and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **kwargs)
            if here and self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    def install(self):
        """Put itself around every step; only ever in a forked child."""
        steps = self

        class Connection(sqlite3.Connection):
            def execute(self, statement, *args):
                run = super().execute
                return (steps.around(run) if statement.lstrip().upper().startswith(_CHANGES) else run)(statement, *args)

        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)
        frames.FrameFile.add = self.around(frames.FrameFile.add)
        for name in ("fsync", "link", "replace", "rename", "unlink"):
            setattr(os, name, self.around(getattr(os, name)))
        for name in ("rename", "replace", "unlink", "hardlink_to", "mkdir"):
            setattr(Path, name, self.around(getattr(Path, name)))


class Busy(House):
    """A house whose deliveries are asked to deliver all the time, and that notes on disk what a spool has taken."""

    second = 0
    log = -1

    def delivery(self, flow_log, shared):
        del shared
        spool = Spool(self.root / "spool" / flow_log.id, segment_bytes=6000)
        if flow_log.log_destination_type == "lake":
            where = LakeDestination(App(load({"lake": str(self.root / "lake")}, {})), flow_log)
        else:
            where = FolderDestination(flow_log)
        return Delivery(flow_log, where, spool, clock=lambda: float(T0 + self.second))

    def note(self, log):
        """Write down each drain when it begins, and each batch that a spool has taken, when it has."""
        put = Delivery.put
        self.log = log

        def noted(delivery, batch):
            put(delivery, batch)
            rows = batch.select(["interface_id", "srcport", "log_status"]).to_pylist()
            lines = [
                f"{delivery.flow_log.id} {row['interface_id']} {row['srcport']}\n"
                for row in rows
                if row["log_status"] == "OK"
            ]
            os.write(log, "".join(lines).encode())

        Delivery.put = noted

    def work(self, *, beside):
        """Run through all intervals under load, then stop in order. beside: another thread delivers."""
        daemon = self.daemon(interfaces=("eni-a", "eni-b"))
        done = threading.Event()

        def tick():
            for stream in list(daemon._streams.values()):
                if stream.delivery is not None:
                    stream.delivery.tick()

        def deliver():
            while not done.is_set():
                tick()
                time.sleep(0.0005)

        other = threading.Thread(target=deliver)
        if beside:
            other.start()
        for turn in range(INTERVALS * 2):
            self.second = turn * 150 // 2 + 30
            first = turn * 75
            os.write(self.log, f"drain {turn}\n".encode())
            self.take(daemon, self.second, *flows(turn, first))
            if not beside:
                tick()
        self.second += 300
        done.set()
        if beside:
            other.join()
        self.close(daemon, self.second)


def flows(turn, first):
    """Return the load of one drain: each flow has a port of its own."""
    return [
        flow("eni-a" if number % 2 else "eni-b", first + number % 25, 1000 + turn * FLOWS + number)
        for number in range(FLOWS)
    ]


GIVEN = {
    (interface, port): first for turn in range(INTERVALS * 2) for interface, first, port, *_ in flows(turn, turn * 75)
}


class Story:
    """A house with flow logs in which nothing has happened yet. lake: there is just one, into a lake."""

    def __init__(self, folder, *, lake=False):
        self.before = folder / "before"
        house = House(self.before)
        # Where it delivers to is the same folder wherever the house stands.
        self.out = folder / "out"
        there = f"file://{self.out}"
        if lake:
            self.ids = {"lake": house.create(LogDestination="lake")}
            house.state.close()
            return
        self.ids = {
            "vpc": house.create(LogDestination=there),
            "subnet": house.create(ResourceType="Subnet", ResourceIds=["subnet-1"], LogDestination=there),
            "ten": house.create(
                MaxAggregationInterval=600, LogDestination=there, DestinationOptions={"HiveCompatiblePartitions": True}
            ),
        }
        house.state.close()

    def run(self, root, kill_at, *, after=False, beside=False, kill_after_s=None):
        """Run a daemon in a forked child; return its count of steps, None when it was killed."""
        log = os.open(root / "taken", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(reader)
                steps = Steps(kill_at, after=after)
                steps.install()
                house = Busy(root)
                house.note(log)
                house.work(beside=beside)
                os.write(writer, str(steps.count).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        os.close(log)
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return None
        assert os.WEXITSTATUS(status) == 0
        return int(said)

    def check(self, root, *, killed):
        """Go on with what a child left; look at what was delivered in the end."""
        house = Busy(root)
        house.second = 1000
        lines = [line.split() for line in (root / "taken").read_text().splitlines()]
        drained = {int(line[1]) for line in lines if line[0] == "drain"}
        taken = [(line[0], (line[1], int(line[2]))) for line in lines if line[0] != "drain"]
        daemon = house.daemon(1000)
        house.take(daemon, 1001)
        assert house.close(daemon, 1002)
        house.state.close()
        lost = 0
        for name, flow_log_id in self.ids.items():
            expected = {key for key in GIVEN if name != "subnet" or key[0] == "eni-a"}
            found, gaps = self.read(root, name, flow_log_id)
            assert not found or max(found.values()) == 1, f"{name}: delivered twice"
            assert {key for one, key in taken if one == flow_log_id} <= set(found), f"{name}: what was spooled is gone"
            assert set(found) <= expected
            missing = {key for key in expected - set(found) if (key[1] - 1000) // FLOWS in drained}
            assert killed or not missing
            lost += len(missing)
            for interface, port in missing:
                assert any(who == interface and start <= GIVEN[interface, port] <= end for who, start, end in gaps)
            assert not list((root / "spool" / flow_log_id).glob("*.sealed"))
        return lost

    def read(self, root, name, flow_log_id):
        """Return (interface, port) of what was delivered, and (interface, start, end) of SKIPDATA, times after T0."""
        if name != "lake":
            house = _Out(self.out.parent)
            told = house.statuses(flow_log_id)
            return house.ports(flow_log_id), [
                (who, start, end) for who, status, start, end in told if status == "SKIPDATA"
            ]
        found, gaps = Counter(), []
        for row, count in lakes.rows(root / "lake").items() if (root / "lake").exists() else ():
            record = dict(zip(lakes.HEADER.split(), row, strict=True))
            if record["log-status"] == "OK":
                found[record["interface-id"], record["srcport"]] += count
            elif record["log-status"] == "SKIPDATA":
                gaps.append((record["interface-id"], record["start"] - T0, record["end"] - T0))
        return found, gaps


class _Out(House):
    def __post_init__(self):
        """There is no state to open."""


@pytest.fixture(scope="module")
def place():
    """A folder in memory, where there is one: a kill takes no power away, and syncing a thousand times takes its time."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vpcflow-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def folders(place):
    return Story(place / "folders")


@pytest.fixture(scope="module")
def into_lake(place):
    return Story(place / "lake", lake=True)


@pytest.fixture
def root(place):
    """Return a function that gives a house in which nothing has happened, with an empty folder to deliver to."""

    def made(story):
        shutil.rmtree(story.out, ignore_errors=True)
        found = Path(tempfile.mkdtemp(dir=place))
        shutil.copytree(story.before, found, dirs_exist_ok=True)
        return found

    return made


@pytest.mark.parametrize("kind", ["folders", "into_lake"])
def test_left_alone_it_delivers_everything_once(kind, root, request):
    story = request.getfixturevalue(kind)
    house = root(story)
    assert story.run(house, None) > 100
    assert story.check(house, killed=False) == 0


@pytest.mark.parametrize(("kind", "kills"), [("folders", KILLS), ("into_lake", KILLS // 5)])
def test_killed_at_any_step_nothing_doubles_and_what_was_spooled_is_delivered(kind, kills, root, request):
    story = request.getfixturevalue(kind)
    steps = story.run(root(story), None)
    every = [(step, after) for step in range(1, steps + 1) for after in (False, True)]
    assert len(every) > kills
    lost = 0
    for step, after in random.Random(7).sample(every, kills):
        house = root(story)
        assert story.run(house, step, after=after) is None
        lost += story.check(house, killed=True)
        shutil.rmtree(house)
    assert lost > 0


def test_killed_at_any_moment_while_another_thread_delivers(folders, root):
    story = folders
    began = time.monotonic()
    story.run(root(story), None, beside=True)
    length = time.monotonic() - began
    chance = random.Random(11)
    killed = 0
    for _ in range(max(10, KILLS // 5)):
        house = root(story)
        dead = story.run(house, None, beside=True, kill_after_s=chance.uniform(0, length)) is None
        killed += dead
        story.check(house, killed=dead)
        shutil.rmtree(house)
    assert killed > 3
