"""The shell of `vpcflow query`: statements over several lines, history, completion of names."""

from __future__ import annotations

import contextlib
import os
import readline
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vpcflow.cli.shown import printable_lines
from vpcflow.errors import VpcFlowError
from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PROMPT: Final = "vpcflow> "
_MORE: Final = "     ... "
_KEPT: Final = 2000
_LEAVE: Final = ("quit", "exit", "\\q")


def run(ask: Callable[[str], object], words: Sequence[str]) -> None:
    """Read statements that end with ";" and put each to *ask*, until the input ends. An error ends only its statement."""
    history = _history()
    readline.set_history_length(_KEPT)
    readline.set_completer_delims(" \t\n,()=<>'\";+-*/%")
    readline.set_completer(_completer(words))
    readline.parse_and_bind("tab: complete")
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    click.echo(t("shell.welcome"), err=True)
    try:
        for statement in _statements():
            _answer(ask, statement)
    finally:
        with contextlib.suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)


def _answer(ask: Callable[[str], object], statement: str) -> None:
    try:
        ask(statement)
    except VpcFlowError as error:
        click.echo(printable_lines(f"{t('error.label')}: {error.message}"), err=True)
        if error.hint:
            click.echo(printable_lines(f"  {error.hint}"), err=True)
    except KeyboardInterrupt:
        click.echo(t("error.interrupted"), err=True)


def _statements() -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            line = input(_MORE if lines else _PROMPT)
        except EOFError:
            click.echo(err=True)
            return
        except KeyboardInterrupt:
            lines = []
            click.echo(err=True)
            continue
        if not lines and line.strip().rstrip(";").lower() in _LEAVE:
            return
        if not line.strip() and not lines:
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []


def _history() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "vpcflow" / "history"


def _completer(words: Sequence[str]) -> Callable[[str, int], str | None]:
    def complete(begun: str, place: int) -> str | None:
        found = [word for word in words if word.lower().startswith(begun.lower())]
        return found[place] if place < len(found) else None

    return complete
