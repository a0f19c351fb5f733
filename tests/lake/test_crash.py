"""Killed at any point: nothing lost, nothing doubled, no junk visible.

A child is forked from this warm process, ingests, and is killed with SIGKILL before or after its n-th step (each write, fsync,
rename, unlink, mkdir and SQLite statement that changes something is a step). What it left is looked at as a reader would, then
the work is done again and must end as if nothing had happened.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lake import lakes
from vpcflow.lake import datafile
from vpcflow.lake import ingest as ingest_module
from vpcflow.lake import ledger as ledger_module
from vpcflow.lake.lake import Lake

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("VPCFLOW_CRASH_KILLS", "220"))
_STEPS = ("BEGIN", "COMMIT", "INSERT", "UPDATE", "DELETE")


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, kill_at: int | None, *, after: bool) -> None:
        self.count = 0
        self._kill_at, self._after = kill_at, after

    def around(self, function):
        def step(*args, **kwargs):
            self.count += 1
            here = self.count == self._kill_at
            if here and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **kwargs)
            if here and self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    def install(self) -> None:
        """Put itself around every step; only ever in a forked child."""
        steps = self

        class Connection(sqlite3.Connection):
            def execute(self, statement, *args):
                run = super().execute
                return (steps.around(run) if statement.lstrip().upper().startswith(_STEPS) else run)(statement, *args)

        connect = sqlite3.connect
        ledger_module.sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)
        os.fsync = self.around(os.fsync)
        Path.rename = self.around(Path.rename)
        Path.unlink = self.around(Path.unlink)
        Path.mkdir = self.around(Path.mkdir)
        shutil.rmtree = self.around(shutil.rmtree)
        datafile.pq.ParquetWriter.write_batch = self.around(pq.ParquetWriter.write_batch)
        datafile.pq.ParquetWriter.close = self.around(pq.ParquetWriter.close)


def in_child(work) -> int | None:
    """Run *work* in a forked child; return its count of steps, None when it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            os.write(writer, str(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0
    return int(said)


class Story:
    """A lake with three sources; then one of them comes with new content and two more come, of the same hours."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.before = folder / "before"
        self.old = {n: [lakes.line(10 * n + k, hour=lakes.HOUR + k % 2) for k in range(10)] for n in range(3)}
        self.new = {n: [lakes.line(100 * n + k, hour=lakes.HOUR + k % 2, mark=1) for k in range(10)] for n in (1, 3, 4)}
        for number, lines in self.old.items():
            lakes.write_source(self.sources / f"{number}.log", lines)
        lakes.ingest(self.before, sorted(self.sources.iterdir()))
        for number, lines in self.new.items():
            path = lakes.write_source(self.sources / f"{number}.log", lines)
            os.utime(path, ns=(1, 1))
        self.after = lakes.expected(*{**self.old, **self.new}.values())
        self.kept = lakes.expected(self.old[0], self.old[2])
        # A commit takes sources together, so what may be seen between is known: each source old or new, as a whole.
        self.choices = [
            self.kept + one + three + four
            for one in (lakes.expected(self.old[1]), lakes.expected(self.new[1]))
            for three in (lakes.expected(), lakes.expected(self.new[3]))
            for four in (lakes.expected(), lakes.expected(self.new[4]))
        ]

    def run(self, root: Path, kill_at: int | None, *, after: bool) -> int | None:
        def work() -> int:
            steps = Steps(kill_at, after=after)
            steps.install()
            lakes.ingest(root, sorted(self.sources.iterdir()))
            return steps.count

        return in_child(work)

    def check(self, root: Path) -> None:
        """Look at what a killed child left, then do the work again."""
        seen = lakes.rows(root)
        assert seen in self.choices
        lakes.ingest(root, sorted(self.sources.iterdir()))
        assert lakes.rows(root) == self.after
        assert lakes.on_disk(root) == lakes.listed(root)
        assert list((root / "_vpcflow" / "staging").iterdir()) == []


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return Story(tmp_path_factory.mktemp("crash"))


def _points(steps: int, wanted: int):
    every = [(step, after) for step in range(1, steps + 1) for after in (False, True)]
    return every if len(every) <= wanted else random.Random(7).sample(every, wanted)


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    """Let a group hold one or two of these tests' sources, so that there are several commits."""
    monkeypatch.setattr(ingest_module, "ROWS", 40)


def test_killed_at_any_step_nothing_is_lost_nothing_doubled_no_junk_left(story, tmp_path):
    quiet = tmp_path / "quiet"
    shutil.copytree(story.before, quiet)
    steps = story.run(quiet, None, after=False)
    assert steps is not None
    assert steps >= 40
    story.check(quiet)
    points = _points(steps, KILLS)
    assert len(points) >= min(KILLS, 200)
    killed = 0
    for step, after in points:
        root = tmp_path / f"{step}-{after}"
        shutil.copytree(story.before, root)
        killed += story.run(root, step, after=after) is None
        story.check(root)
        shutil.rmtree(root)
    assert killed == len(points)


def test_killed_at_random_moments_many_times_over_the_same_lake(story, tmp_path):
    root = tmp_path / "lake"
    shutil.copytree(story.before, root)
    chance = random.Random(11)
    steps = 60
    for _ in range(max(10, KILLS // 10)):
        story.run(root, chance.randrange(1, steps), after=chance.random() < 0.5)
        assert lakes.rows(root) in story.choices
    story.check(root)


def test_killed_while_the_lake_is_made(story, tmp_path):
    del story
    source = lakes.write_source(tmp_path / "a.log", [lakes.line(n) for n in range(5)])
    for step in itertools.count(1):
        root = tmp_path / f"made-{step}"

        def work(root=root, step=step) -> int:
            steps = Steps(step, after=False)
            steps.install()
            lakes.ingest(root, [source])
            return steps.count

        if in_child(work) is not None:
            break
        lakes.ingest(root, [source])
        assert sum(lakes.rows(root).values()) == 5
    assert step > 20


def test_two_at_once_both_finish_and_nothing_doubles(tmp_path):
    lines = {n: [lakes.line(20 * n + k, hour=lakes.HOUR + n % 3) for k in range(20)] for n in range(12)}
    for number, texts in lines.items():
        lakes.write_source(tmp_path / "sources" / f"{number:02d}.log", texts)
    paths = sorted((tmp_path / "sources").iterdir())
    root = tmp_path / "lake"
    Lake(root, create=True).close()
    children = []
    for turn in range(3):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                time.sleep(0.01 * turn)
                lakes.ingest(root, paths if turn % 2 else list(reversed(paths)))
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert lakes.rows(root) == lakes.expected(*lines.values())
    lakes.ingest(root, paths)
    assert lakes.on_disk(root) == lakes.listed(root)
