"""`vpcflow fields`: every field of a flow log record, from the registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from vpcflow.cli.choices import one_of
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.words import option
from vpcflow.i18n import t
from vpcflow.record.fields import FIELDS

if TYPE_CHECKING:
    from vpcflow.cli.session import Session
    from vpcflow.record.fields import Field


@declare("fields", examples=("vpcflow fields", "vpcflow fields addr", "vpcflow fields -o json"))
@click.argument("part", required=False, default="", metavar="[PART]")
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
@option("--exit-code", is_flag=True)
def command(session: Session, part: str, kind: str, exit_code: bool) -> int:  # noqa: FBT001 - click's own
    """See ``command.fields``."""
    wanted = part.lower()
    found = [field for field in FIELDS.values() if wanted in field.name or wanted in field.insights.lower()]
    if kind == "json":
        click.echo(json.dumps([_document(field) for field in found], indent=2, ensure_ascii=False))
    elif found:
        head = [t(f"fields.{name}") for name in ("name", "type", "version", "insights", "meaning")]
        rows = [(f.name, f.type, str(f.version), f.insights, t(f"field.{f.column}")) for f in found]
        write_table(session, head, rows, right=frozenset({2}))
    if not found:
        session.note("note.no_field", part=part)
    return 1 if exit_code and not found else 0


def _document(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "column": field.column,
        "insights": field.insights,
        "type": field.type,
        "version": field.version,
        "of": list(field.families),
        "unit": field.unit or None,
        "meaning": t(f"field.{field.column}"),
    }
