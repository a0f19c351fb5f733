"""Ending what goes on until it is told to end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import sys
import threading
from typing import TYPE_CHECKING, Final

import click

from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_MS: Final = 500


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """Yield what SIGINT and SIGTERM set, once each block; a second signal interrupts.

    It is set too when nobody reads standard output any more (`| head`), even if nothing is written.
    """
    stop = threading.Event()

    def end(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo(t("note.stopping", signal=signal.Signals(number).name), err=True)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    done = threading.Event()
    _watch_reader(stop, done)
    try:
        yield stop
    finally:
        done.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_reader(stop: threading.Event, done: threading.Event) -> None:
    """Set *stop* when the other end of standard output, if it is a pipe, is closed."""
    try:
        fd = sys.stdout.fileno()
        piped = stat.S_ISFIFO(os.fstat(fd).st_mode)
    except (OSError, ValueError):
        return
    if not piped:
        return
    poll = select.poll()
    poll.register(fd, 0)

    def look() -> None:
        while not done.is_set():
            if any(event & select.POLLERR for _, event in poll.poll(_LOOK_MS)):
                stop.set()
                return

    threading.Thread(target=look, name="vpcflow-reader", daemon=True).start()
