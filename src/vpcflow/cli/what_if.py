"""`vpcflow what-if`: what recorded traffic would have met with other rules."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app import explanation
from vpcflow.app.what_if import change, document, what_if
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, one_of, question_options
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text, printable
from vpcflow.cli.summary import byte_size
from vpcflow.cli.when import seconds, utc
from vpcflow.cli.words import option
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.analyze.explain.replay import Replay, Turned
    from vpcflow.app.what_if import Change
    from vpcflow.cli.session import Session


@declare(
    "what-if",
    examples=(
        "vpcflow what-if --revoke 'web inbound tcp 443 from sg:bastion' --network network.toml --from ./AWSLogs",
        "vpcflow what-if --authorize 'bastion inbound tcp 22 from 203.0.113.0/24' --network network.toml --since 30d",
        "vpcflow what-if --change after.json --network before.json -o json",
    ),
)
@option("--authorize", multiple=True, metavar="'GROUP|ACL inbound|outbound RULE'")
@option("--revoke", multiple=True, metavar="'GROUP|ACL inbound|outbound RULE'")
@option("--change", "files", multiple=True, metavar="FILE")
@option("--network", "network", metavar="PATH|@TIME")
@question_options
@engine_options
@option("-n", "--limit", "limit", type=click.IntRange(1, 1_000_000), default=10, metavar="N")
@option("--exit-code", is_flag=True)
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.what-if``."""
    question, place = Question.take(values), athena_place(values)
    wanted = change(
        session.app,
        values["network"],
        lambda text: seconds(text, now_s=time.time()),
        values["files"],
        values["authorize"],
        values["revoke"],
    )
    with asked(session, question, athena=place) as asker:
        found = what_if(asker, question.scope(), wanted)
    if values["kind"] == "json":
        click.echo(json_text(document(wanted, found, values["limit"]), 2))
    else:
        draw(session, wanted, found, limit=values["limit"])
    if session.verbose and found.sql:
        session.note("note.sql", sql=found.sql)
    return 1 if values["exit_code"] and found.refused.records else 0


def draw(session: Session, wanted: Change, found: Replay, *, limit: int) -> None:
    """Show what would be refused, what would be let in, and what cannot be told."""
    for one in wanted.changes:
        click.echo(printable(f"{t(f'what_if.{one.verb}')} {one.text}"))
        if one.verb == "authorize" and one.to_everybody:
            session.warn(t("explain.opens_world"))
    _side(session, "refused", found.refused, wanted, limit)
    _side(session, "let_in", found.let_in, wanted, limit)
    session.note("what_if.looked_at", records=f"{found.records:,}", flows=f"{found.flows:,}")
    for kind, count in sorted(found.unexplained.items()):
        session.note(f"what_if.unexplained.{kind}", count=f"{count:,}")
    if found.ambiguous:
        session.note("what_if.ambiguous", count=f"{found.ambiguous:,}")
    for why, count in sorted(found.undecided.items()):
        session.note("what_if.undecided", count=f"{count:,}", why=t(f"what_if.why.{why}"))


def _side(session: Session, kind: str, side: Turned, wanted: Change, limit: int) -> None:
    if not side.records:
        click.echo(t(f"what_if.{kind}.none"))
        return
    counts = {"records": f"{side.records:,}", "bytes": byte_size(side.bytes), "sources": f"{side.sources:,}"}
    click.echo(t(f"what_if.{kind}", **counts))
    click.echo()
    rows = [
        (explanation.service(*one.key), f"{one.records:,}", byte_size(one.bytes), f"{one.sources:,}")
        for one in side.by("protocol", "port", limit=limit)
    ]
    head = [t(f"what_if.head.{name}") for name in ("service", "records", "bytes", "sources")]
    write_table(session, head, rows, right=frozenset({1, 2, 3}))
    click.echo()
    examples = [
        (
            one.source,
            one.destination,
            explanation.service(one.protocol, one.port),
            f"{one.records:,}",
            byte_size(one.bytes),
            wanted.names.get(one.interface_id) or one.interface_id,
            utc(one.last_s),
        )
        for one in side.examples(limit)
    ]
    names = ("source", "destination", "service", "records", "bytes", "interface", "last")
    write_table(session, [t(f"what_if.head.{name}") for name in names], examples, right=frozenset({3, 4}))
    if side.flows > limit:
        session.note("explain.more", count=f"{side.flows - limit:,}")
    click.echo()
