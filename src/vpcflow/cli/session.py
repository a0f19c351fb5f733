"""What every command has: settings, the app, and where words go."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow import i18n
from vpcflow.app import App
from vpcflow.cli.shown import printable_lines
from vpcflow.cli.words import Command, Option
from vpcflow.config import load
from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.config import Config

_FLAGS = (
    "lake", "memory", "threads", "cache_size", "profile", "bucket_region", "aws_region", "endpoint_url", "no_sign_request",
    "color", "lang",
)  # fmt: skip


_SHARED: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    (("--lake",), {"metavar": "PATH"}),
    (("--lang",), {"metavar": "en|ko"}),
    (("--color",), {"metavar": "auto|always|never"}),
    (("-q", "--quiet"), {"is_flag": True}),
    (("-v", "--verbose"), {"is_flag": True}),
    (("--debug",), {"is_flag": True}),
)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command. Data goes to stdout, everything else through `note` to stderr."""

    app: App
    config: Config
    quiet: bool
    verbose: bool

    @property
    def color(self) -> bool:
        """Whether stdout gets colours."""
        wanted = self.config.text("color")
        if wanted != "auto":
            return wanted == "always"
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def note(self, key: str, /, **values: object) -> None:
        """Say something beside the data, unless it is to be quiet."""
        if not self.quiet:
            click.echo(printable_lines(t(key, **values)), err=True)

    def warn(self, text: str) -> None:
        """Say something that must not be missed: a loss is told even when quiet."""
        click.echo(printable_lines(f"{t('note.warning')}: {text}"), err=True)


def command(
    name: str, *, examples: tuple[str, ...], lists: tuple[str, ...] = ()
) -> Callable[[Callable[..., object]], click.Command]:
    """Make a function a command: its first parameter is the session, the others are its own options.

    Every command has ``--lake --lang --color -q -v --debug``. lists: options that take all words up to the next option.
    """

    def wrap(function: Callable[..., object]) -> click.Command:
        @functools.wraps(function)
        def run(quiet: bool, verbose: bool, debug: bool, **values: Any) -> object:  # noqa: ANN401, FBT001 - click's own
            del debug  # main() has looked for it already
            given = {key: _text(values.pop(key)) for key in _FLAGS if key in values}
            config = load(given, file=values.pop("config_file", None))
            if config.text("lang"):
                i18n.choose(config.text("lang"))
            try:
                return function(Session(App(config), config, quiet, verbose), **values)
            except BrokenPipeError:
                # Whoever read us has had enough (`| head`); nothing more may be written, by the interpreter's end either.
                # Click would exit with 1.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 0

        # click tells parameters from the last declared to the first: what all commands share stands at the end.
        own = getattr(run, "__click_params__", [])
        shared = [Option(list(names), **attributes) for names, attributes in _SHARED]
        run.__click_params__ = [*reversed(shared), *own]  # type: ignore[attr-defined]
        return click.command(name, cls=Command, examples=examples, lists=lists)(run)

    return wrap


def _text(value: object) -> str | None:
    if value is None or value is False:
        return None
    return "true" if value is True else str(value)
