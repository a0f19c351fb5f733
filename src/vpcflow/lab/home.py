"""Where a lab's keeper can be found: a folder with a lock that says whether it lives, its number, and a socket to ask it.

<home>/lock      held while the keeper lives; the kernel lets go of it however it dies
<home>/keeper    its process number
<home>/socket    where it answers
<home>/log       what it could not tell anybody
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import stat
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_S: Final = 20


class Home:
    """The folder *path*; it need not be there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_alive(self) -> bool:
        """Tell whether a keeper lives."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(handle)

    def clean(self) -> bool:
        """Remove what a dead keeper left; tell whether there was anything."""
        if not self.path.is_dir():
            return False
        if self.is_alive():
            raise ConfigError("lab.up_already", folder=str(self.path))
        shutil.rmtree(self.path, ignore_errors=True)
        return True

    def check_owner(self) -> None:
        """Raise a ConfigError when the folder is somebody else's: what comes from its socket is trusted as one's own."""
        found = self.path.lstat()  # a link would be whoever made it choosing a folder
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise ConfigError("lab.not_yours", folder=str(self.path))

    # --- the keeper's side -------------------------------------------------------------------------------------

    def take(self) -> int:
        """Make the folder this process's; return the lock's handle. ConfigError when a keeper lives there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.check_owner()
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise ConfigError("lab.up_already", folder=str(self.path)) from error
        (self.path / "keeper").write_text(str(os.getpid()), encoding="ascii")
        return handle

    def is_mine(self) -> bool:
        """Tell whether the folder is still this process's: nobody removed it."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / "keeper").read_text(encoding="ascii")) == os.getpid()
        return False

    def listen(self) -> socket.socket:
        """Return the socket to answer at."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._short_path() as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{folder}/socket")  # noqa: PTH108 - not a path of pathlib's
            listener.bind(f"{folder}/socket")
        listener.listen(8)
        return listener

    # --- the others' side --------------------------------------------------------------------------------------

    def connect(self) -> Connection:
        """Return a channel to the keeper; ConfigError when there is none."""
        try:
            self.check_owner()
        except FileNotFoundError as error:
            raise ConfigError("lab.down_already") from error
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._short_path() as folder:
                caller.connect(f"{folder}/socket")
        except OSError as error:
            caller.close()
            raise ConfigError("lab.down_already") from error
        return Connection(caller.detach())

    def wait(self, patience_s: float) -> bool:
        """Wait until no keeper lives; False when one still does after that time."""
        until = time.monotonic() + patience_s
        while self.is_alive():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """End a keeper that does not answer, and wait until it is gone."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.path / "keeper").read_text(encoding="ascii")), signal.SIGKILL)
        self.wait(_PATIENCE_S)

    @contextlib.contextmanager
    def _short_path(self) -> Iterator[str]:
        """Give a short name of the folder: a socket's path may have 107 bytes."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
