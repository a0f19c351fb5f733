"""`vpcflow lookup-tables`: CSV tables that Insights queries look things up in."""

from __future__ import annotations

import difflib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vpcflow.cli.choices import one_of
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text, printable_lines
from vpcflow.cli.summary import byte_size
from vpcflow.cli.when import utc
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.state.lookup_tables import LookupTables

if TYPE_CHECKING:
    from vpcflow.cli.session import Session

EXAMPLES: Final = (
    "vpcflow lookup-tables put ports ports.csv",
    "vpcflow lookup-tables list",
    "vpcflow lookup-tables delete ports",
)


@click.group("lookup-tables", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.lookup-tables``."""


@declare(
    "put",
    examples=(
        "vpcflow lookup-tables put ports ports.csv",
        "vpcflow lookup-tables put subnets subnets.csv --description 'who owns what'",
        "vpcflow lookup-tables put ports ports.csv --lake /srv/flow",
    ),
)
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@option("--description", default="", metavar="TEXT")
def put(session: Session, name: str, file: Path, description: str) -> None:
    """See ``command.lookup-tables.put``."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        body = raw.decode()
    except UnicodeDecodeError as error:
        raise UsageError("lookup_utf8", file=str(file), place=error.start) from error
    with session.app.lake(create=True), session.app.state() as state:
        made = LookupTables(state).put(name, body, description=description)
    told = t("note.lookup_put", name=made.name, rows=f"{made.records:,}", columns=", ".join(made.fields))
    click.echo(printable_lines(told))


@declare(
    "list",
    examples=(
        "vpcflow lookup-tables list",
        "vpcflow lookup-tables list -o json",
        "vpcflow lookup-tables list --lake /srv/flow",
    ),
)
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
def list_(session: Session, kind: str) -> None:
    """See ``command.lookup-tables.list``."""
    with session.app.state() as state:
        found = LookupTables(state).all()
    if kind == "json":
        click.echo(json_text([asdict(one) for one in found], 1))
        return
    head = [t(f"lookup.{name}") for name in ("name", "rows", "bytes", "updated", "columns", "description")]
    rows = [
        [one.name, f"{one.records:,}", byte_size(one.bytes), utc(one.updated), ", ".join(one.fields), one.description]
        for one in found
    ]
    write_table(session, head, rows, right=frozenset({1, 2}))


@declare(
    "show",
    examples=(
        "vpcflow lookup-tables show ports",
        "vpcflow lookup-tables show ports --lang en",
        "vpcflow lookup-tables show ports --lake /srv/flow",
    ),
)
@click.argument("name")
def show(session: Session, name: str) -> None:
    """See ``command.lookup-tables.show``."""
    with session.app.state() as state:
        tables = LookupTables(state)
        body = tables.body(name)
        if body is None:
            raise _missing(tables, name)
    click.echo(body, nl=False)


@declare(
    "delete",
    examples=(
        "vpcflow lookup-tables delete ports",
        "vpcflow lookup-tables delete ports -q",
        "vpcflow lookup-tables delete ports --lake /srv/flow",
    ),
)
@click.argument("name")
def delete(session: Session, name: str) -> None:
    """See ``command.lookup-tables.delete``."""
    with session.app.state() as state:
        tables = LookupTables(state)
        if not tables.remove(name):
            raise _missing(tables, name)
    click.echo(printable_lines(t("note.lookup_deleted", name=name)))


def _missing(tables: LookupTables, name: str) -> UsageError:
    near = difflib.get_close_matches(name, [one.name for one in tables.all()], 1)
    return UsageError("no_lookup_near" if near else "no_lookup", name=name, near="".join(near))


for part in (put, list_, show, delete):
    command.add_command(part)
