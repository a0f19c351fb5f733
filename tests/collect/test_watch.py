from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from vpcflow.collect.s3_access import S3Access
from vpcflow.collect.selection import Selection
from vpcflow.collect.source import open_sources
from vpcflow.collect.watch import watch
from vpcflow.errors import SourceError
from vpcflow.types import SourceObject

REMOTE = SourceObject("s3://b/k", "1", 1, open, remote=True)


class Rounds(threading.Event):
    """Stops after some rounds, and lets something happen after each, so that no test waits for a clock."""

    def __init__(self, *between):
        super().__init__()
        self._between = list(between)

    def wait(self, timeout=None):
        del timeout
        if self._between:
            self._between.pop(0)()
        else:
            self.set()
        return self.is_set()


def nothing():
    """Let a round pass."""


def listing(folder):
    return lambda: open_sources([str(folder)], Selection(), S3Access(), Counter())


def uris(lists):
    return [[each.uri.rpartition("/")[2] for each in together] for together in lists]


def test_a_file_comes_out_when_it_has_stopped_changing(tmp_path):
    path = tmp_path / "a.log"

    def grow():
        with path.open("ab") as file:
            file.write(b"more")

    grow()
    rounds = watch(listing(tmp_path), 1, Rounds(grow, grow, nothing, nothing, grow, nothing, nothing))
    sizes = [[each.bytes for each in together] for together in rounds]
    assert sizes == [[12], [16]]


def test_an_empty_folder_is_waited_for(tmp_path):
    def arrive():
        (tmp_path / "a.log").write_bytes(b"x")

    assert uris(watch(listing(tmp_path), 1, Rounds(nothing, arrive, nothing, nothing))) == [["a.log"]]


def test_an_object_of_s3_comes_out_at_once_and_again_when_it_is_replaced():
    lists = iter([[REMOTE], [REMOTE], [replace(REMOTE, etag="2")], [replace(REMOTE, etag="2")]])
    found = watch(lambda: next(lists), 1, Rounds(nothing, nothing, nothing))
    assert [[each.etag for each in together] for together in found] == [["1"], ["2"]]


def test_many_objects_come_in_lists_of_a_thousand_and_memory_is_bounded():
    many = [replace(REMOTE, uri=f"s3://b/{number}") for number in range(2500)]
    found = list(watch(lambda: many, 1, Rounds(nothing), remembered=100))
    assert [len(together) for together in found] == [1000, 1000, 500] * 2
    assert [len(together) for together in watch(lambda: many, 1, Rounds(nothing))] == [1000, 1000, 500]


def test_a_refusal_ends_it_and_a_stop_is_obeyed(tmp_path):
    with pytest.raises(SourceError):
        list(watch(listing(tmp_path / "nowhere"), 1, Rounds()))
    stop = threading.Event()
    stop.set()
    assert list(watch(listing(tmp_path), 1, stop)) == []


def test_a_stop_ends_the_wait(tmp_path):
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    assert list(islice(watch(listing(tmp_path), 60, stop), 1)) == []
    timer.join()
