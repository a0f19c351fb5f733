"""One daemon for one state: a lock that goes when its process does."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = "run.lock"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Make sure that no other daemon works on this state; ConfigError when one does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError("run.already", folder=str(folder)) from error
        yield


def is_running(folder: Path) -> bool:
    """Tell whether a daemon works on this state."""
    try:
        with (folder / _NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
