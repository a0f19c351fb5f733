"""`vpcflow config`: the settings in force and where each comes from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

import click

from vpcflow.cli.choices import one_of
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.config import SETTINGS, files
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.cli.session import Session


EXAMPLES: Final = ("vpcflow config show", "vpcflow config check", "vpcflow config show -o json")


@click.group("config", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.config``."""


@declare(
    "show",
    examples=("vpcflow config show", "vpcflow config show -o json", "VPCFLOW_LAKE=/srv/flow vpcflow config show"),
)
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
def show(session: Session, kind: str) -> None:
    """See ``command.config.show``."""
    values = session.config.values
    if kind == "json":
        click.echo(
            json.dumps({key: {"value": value.text, "origin": value.origin} for key, value in values.items()}, indent=2)
        )
        return
    rows = [(key, values[key].text or "-", _origin(values[key].origin), t(f"config.{key}")) for key in SETTINGS]
    write_table(session, [t(f"config.head.{name}") for name in ("key", "value", "origin", "meaning")], rows)


def _origin(origin: str) -> str:
    return t("config.default") if origin == "default" else origin


@declare(
    "check",
    examples=(
        "vpcflow config check",
        "vpcflow config check --lake /srv/flow",
        "VPCFLOW_MEMORY=2GB vpcflow config check",
    ),
)
def check(session: Session) -> None:
    """See ``command.config.check``."""
    for key in SETTINGS:
        session.config.get(key)
    for path in files(os.environ):
        click.echo(t("config.file_read" if path.is_file() else "config.file_absent", path=str(path)))
    changed = sum(value.origin != "default" for value in session.config.values.values())
    click.echo(t("config.good", count=len(SETTINGS), changed=changed))


for _command in (show, check):
    command.add_command(_command)
