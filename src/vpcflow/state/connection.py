"""A connection to one of our SQLite files: WAL, synchronous=FULL, so that a commit survives the machine."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_BUSY_S: Final = 60.0


def connect(path: Path) -> sqlite3.Connection:
    """Open *path*, for reading only where its folder may not be written."""
    if os.access(path.parent, os.W_OK):
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        _use_wal(db)
        db.execute("PRAGMA synchronous = FULL")
        return db
    # Without the side files that a writer keeps open nobody is writing, and SQLite needs to be told so.
    quiet = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{quiet}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _use_wal(db: sqlite3.Connection) -> None:
    """Turn the journal into a log; SQLite does not wait for another process that does the same to a new file."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
