"""`vpcflow suggest-rules`: the narrowest rules that recorded traffic needs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app.suggest import document, network_of, rule_text, suggest_rules, unused_text
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, one_of, question_options
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text, printable
from vpcflow.cli.when import seconds
from vpcflow.cli.words import option
from vpcflow.i18n import t
from vpcflow.vpc.rule_command import aws_cli, terraform

if TYPE_CHECKING:
    from vpcflow.analyze.explain.suggest import Suggestion
    from vpcflow.cli.session import Session

_KINDS = ("table", "json", "aws", "terraform")


@declare(
    "suggest-rules",
    examples=(
        "vpcflow suggest-rules bastion --network network.toml --since 30d",
        "vpcflow suggest-rules public --max-rules 10 --network network.toml -o json",
        "vpcflow suggest-rules bastion --network network.toml --from ./AWSLogs -o aws",
    ),
)
@click.argument("resource", metavar="GROUP|ACL")
@option("--max-rules", type=click.IntRange(1, 10_000), metavar="N")
@option("--network", "network", metavar="PATH|@TIME")
@question_options
@engine_options
@option("--exit-code", is_flag=True)
@option("-o", "--output", "kind", metavar="|".join(_KINDS), default="table", callback=one_of(*_KINDS, name="output"))
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.suggest-rules``."""
    question, place = Question.take(values), athena_place(values)
    network = network_of(session.app, values["network"], lambda text: seconds(text, now_s=time.time()))
    with asked(session, question, athena=place) as asker:
        found = suggest_rules(asker, question.scope(), network, values["resource"], at_most=values["max_rules"])
    if values["kind"] == "json":
        click.echo(json_text(document(found), 2))
    elif values["kind"] == "table":
        _draw(session, found)
    else:
        render = aws_cli if values["kind"] == "aws" else terraform
        for change in found.changes:
            click.echo(printable(render(change)) if values["kind"] == "aws" else render(change))
    _proof(session, found)
    return 1 if values["exit_code"] and not found.proved else 0


def _draw(session: Session, found: Suggestion) -> None:
    head = [t(f"suggest.head.{name}") for name in ("rule", "records", "seen", "opened")]
    for side, rules in (("inbound", found.inbound), ("outbound", found.outbound)):
        click.echo(t(f"suggest.{side}", count=len(rules), resource=found.resource))
        rows = [
            (
                f"{'! ' if one.broad else ''}{rule_text(one, inbound=side == 'inbound')}",
                f"{one.records:,}",
                f"{one.seen:,}" if one.opened else "-",
                f"{one.opened:,}" if one.opened else "-",
            )
            for one in rules
        ]
        if rows:
            write_table(session, head, rows, right=frozenset({1, 2, 3}))
        click.echo()
    if found.unused:
        click.echo(t("suggest.unused"))
        for one in found.unused:
            click.echo(printable(f"  {'inbound' if one.inbound else 'outbound'} {unused_text(one)}"))
        click.echo()
    if found.changes:
        click.echo(t("suggest.changes"))
        for change in found.changes:
            click.echo(printable(f"  {aws_cli(change)}"))


def _proof(session: Session, found: Suggestion) -> None:
    """Say what the replay of the suggestion showed, and what is given up."""
    if any(one.broad for one in (*found.inbound, *found.outbound)):
        session.warn(t("suggest.broad"))
    if found.coarse:
        session.note("suggest.coarse")
    if found.proved:
        session.note("suggest.proved", records=f"{found.proof.records:,}")
    else:
        session.warn(t("suggest.not_proved", count=f"{found.proof.uncovered:,}", records=f"{found.proof.records:,}"))
    for why, count in sorted(found.proof.undecided.items()):
        session.note("what_if.undecided", count=f"{count:,}", why=t(f"what_if.why.{why}"))
