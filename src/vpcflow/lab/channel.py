"""A process of ours, started apart, and the way to talk with it: messages both ways, refusals as ConfigErrors."""

from __future__ import annotations

import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from typing import IO, TYPE_CHECKING, Any

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


def start(module: str, *, log: IO[bytes] | int, apart: bool = False) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``python -m module`` with one end of a channel as its only argument; return it and the other end.

    log: where its errors go. apart: it outlives this session and gets none of its signals.
    """
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(its.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[its.fileno()],
            start_new_session=apart,
        )
    return process, Connection(ours.detach())


def given() -> Connection:
    """Return this process's end."""
    return Connection(int(sys.argv[1]))


def ask(channel: Connection, command: str, *arguments: object) -> Any:  # noqa: ANN401 - each command has its own answer
    """Ask for something and return the answer; ConfigError as the other side raised it, EOFError when there is none."""
    channel.send((command, arguments))
    return taken(channel)


def taken(channel: Connection) -> Any:  # noqa: ANN401
    """Return the next answer."""
    kind, value = channel.recv()
    if kind == "error":
        code, values = value
        raise ConfigError(code, **values)
    return value


def answer(channel: Connection, work: Callable[[], object]) -> bool:
    """Do *work* and send what it returns, or why it failed (a ConfigError, or the system's); tell whether it went well."""
    try:
        value = work()
    except ConfigError as error:
        channel.send(("error", (error.code, {name: str(value) for name, value in error.values.items()})))
        return False
    except OSError as error:
        channel.send(("error", ("lab.system", {"reason": str(error)})))
        return False
    channel.send(("value", value))
    return True
