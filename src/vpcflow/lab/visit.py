"""Running a program at a host of a lab, from outside: on this terminal, with this program's signals.

A child goes into the enclosure's namespaces, one after another, and starts the program, which is then one of the lab's processes
and ends with it. An interrupt from the terminal reaches all of them; only the program decides what it means.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError
from vpcflow.lab import linux

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KINDS: Final = {"user": linux.NEW_USER, "mnt": linux.NEW_MOUNT, "pid": linux.NEW_PID}
_NOT_FOUND, _NOT_RUN = 127, 126
"""What a shell answers for a program that is not there, and for one that cannot be run."""


def run_inside(process: int, network: int, words: Sequence[str]) -> int:
    """Run a program and return its exit code, 128 and the signal's number if one ended it.

    process: the enclosure's number. network: its open file that is the host's namespace.
    """
    try:
        doors = [(_open(f"/proc/{process}/ns/{name}"), kind, name) for name, kind in _KINDS.items()]
        doors.append((_open(f"/proc/{process}/fd/{network}"), linux.NEW_NETWORK, "net"))
    except OSError as error:
        raise ConfigError("lab.down_already") from error
    with _undisturbed():
        child = os.fork()
        if not child:
            os._exit(_visit(doors, words))
        for handle, _, _ in doors:
            os.close(handle)
        _, status = os.waitpid(child, 0)
    return _code(os.waitstatus_to_exitcode(status))


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _visit(doors: list[tuple[int, int, str]], words: Sequence[str]) -> int:
    """Go in, run the program, return what the child exits with."""
    here = os.getcwd()  # noqa: PTH109 - a string is wanted
    try:
        own = Path("/proc/thread-self/ns")
        others = [door for door in doors if os.fstat(door[0]).st_ino != (own / door[2]).stat().st_ino]
        for handle, kind, _ in others:
            linux.join(handle, kind)
        with contextlib.suppress(OSError):
            os.chdir(here)
        return _code(subprocess.run(words, check=False).returncode)
    except FileNotFoundError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return _NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return _NOT_RUN
    finally:
        sys.stderr.flush()


def _code(code: int) -> int:
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let interrupts pass by: a handler, unlike "ignore", is not inherited by programs that are started."""
    numbers = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
