"""The state file: versions of its parts, transactions, several processes, damage."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from vpcflow.errors import StateError
from vpcflow.state.saved_queries import SavedQueries
from vpcflow.state.store import Part, State

ONE = Part("things", (("CREATE TABLE things (name TEXT)",),))
TWO = Part("things", (*ONE.migrations, ("ALTER TABLE things ADD COLUMN size INTEGER", "UPDATE things SET size = 7")))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inner" / "state.sqlite"


def test_reading_makes_no_file(path):
    state = State(path)
    assert state.rows(ONE, "SELECT * FROM things") == []
    assert not path.exists()


def test_a_part_grows_by_its_migrations(path):
    with State(path).transaction(ONE) as db:
        db.execute("INSERT INTO things VALUES ('a')")
    assert State(path).rows(TWO, "SELECT name, size FROM things") == [("a", 7)]
    with pytest.raises(StateError) as caught:
        State(path).rows(ONE, "SELECT * FROM things")
    assert caught.value.code == "state.newer"


def test_a_failed_migration_leaves_nothing(path):
    broken = Part("things", (("CREATE TABLE things (name TEXT)", "NO SUCH STATEMENT"),))
    with pytest.raises(StateError):
        State(path).rows(broken, "SELECT 1") or State(path, create=True).rows(broken, "SELECT 1")
    assert State(path).rows(ONE, "SELECT * FROM things") == []


def test_a_change_that_fails_is_none(path):
    state = State(path)

    def change():
        with state.transaction(ONE) as db:
            db.execute("INSERT INTO things VALUES ('a')")
            db.execute("INSERT INTO things VALUES (:missing)")

    with pytest.raises(StateError):
        change()
    assert state.rows(ONE, "SELECT * FROM things") == []


def test_many_writers_lose_nothing(path):
    def write(number):
        for turn in range(5):
            with State(path).transaction(ONE) as db:
                db.execute("INSERT INTO things VALUES (?)", (f"{number}-{turn}",))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(State(path).rows(ONE, "SELECT DISTINCT name FROM things")) == 20


def test_what_is_no_database_is_said(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StateError) as caught:
        State(path)
    assert caught.value.code == "state.unreadable"
    assert str(path) in caught.value.message


def test_saved_queries_by_any_case(path):
    saved = SavedQueries(State(path), "athena")
    saved.put("Mine", "SELECT 1")
    saved.put("MINE", "SELECT 2")
    SavedQueries(State(path), "insights").put("mine", "fields @message")
    assert saved.all() == {"MINE": "SELECT 2"}
    assert saved.get("mine") == "SELECT 2"
    assert saved.remove("mine")
    assert not saved.remove("mine")
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)
