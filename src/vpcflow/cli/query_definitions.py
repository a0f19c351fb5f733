"""`vpcflow query-definitions`: saved queries of Insights."""

from __future__ import annotations

import copy
import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.cli import insights
from vpcflow.cli.choices import one_of
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text
from vpcflow.cli.when import utc
from vpcflow.cli.words import CONTEXT, Group, Option, option
from vpcflow.errors import UsageError
from vpcflow.i18n import has, t
from vpcflow.state.query_definitions import QueryParameter

if TYPE_CHECKING:
    from vpcflow.app.query_definitions import SavedInsights
    from vpcflow.cli.session import Session
    from vpcflow.state.query_definitions import QueryDefinition

EXAMPLES: Final = (
    "vpcflow query-definitions list",
    "vpcflow query-definitions show VpcFlowLogsTopPacketPairs",
    "vpcflow query-definitions run VpcFlowLogsTopPacketPairs",
)

_output = option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)


@click.group("query-definitions", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.query-definitions``."""


def _saved(session: Session) -> SavedInsights:
    from vpcflow.app.query_definitions import SavedInsights

    return SavedInsights(session.app)


@declare(
    "put",
    examples=(
        "vpcflow query-definitions put refused \"filter action='REJECT' | stats count(*) as n by srcAddr | sort n desc\"",
        "vpcflow query-definitions put talkers 'stats sum(bytes) as b by srcAddr | sort b desc | limit {{n}}' --parameter n=10",
        "vpcflow query-definitions put web --log-group flow_logs 'filter dstPort = 443 | limit 20' -o json",
    ),
)
@click.argument("name")
@click.argument("query", required=False, metavar="[QUERY]")
@option("--log-group", "log_groups", multiple=True, metavar="NAME")
@option("--parameter", "parameters", multiple=True, metavar="NAME[=DEFAULT]")
@_output
def put(session: Session, name: str, query: str | None, log_groups: tuple[str, ...], **values: Any) -> None:  # noqa: ANN401
    """See ``command.query-definitions.put``."""
    text = sys.stdin.read() if query in (None, "-") else query
    found = _saved(session).put(name, str(text), log_groups, [_parameter(one) for one in values["parameters"]])
    if values["kind"] == "json":
        click.echo(json.dumps({"queryDefinitionId": found.id}, indent=2))
    else:
        click.echo(t("query_definitions.saved", name=found.name))


def _parameter(text: str) -> QueryParameter:
    name, sign, default = text.partition("=")
    return QueryParameter(name, default if sign else None)


@declare(
    "list",
    examples=(
        "vpcflow query-definitions list",
        "vpcflow query-definitions list VpcFlowLogsNat",
        "vpcflow query-definitions list -o json",
    ),
)
@click.argument("prefix", required=False, default="")
@_output
def list_(session: Session, prefix: str, kind: str) -> None:
    """See ``command.query-definitions.list``."""
    found = _saved(session).all(prefix)
    if kind == "json":
        document = {"queryDefinitions": [one.document() for one in found]}
        click.echo(json_text(document, 2))
        return
    head = [t(f"query_definitions.{name}") for name in ("name", "title", "parameters", "modified")]
    write_table(session, head, [[one.name, title(one), _parameters(one), _modified(one)] for one in found])


def title(definition: QueryDefinition) -> str:
    """Return what a query that was there from the start is for, of others how they begin."""
    key = f"query_definition.{definition.name}"
    if has(key):
        return t(key)
    line = " ".join(definition.text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def _parameters(definition: QueryDefinition) -> str:
    shown = [one.name if one.default is None else f"{one.name}={one.default}" for one in definition.parameters]
    return ", ".join(shown)


def _modified(definition: QueryDefinition) -> str:
    return utc(definition.modified_ms // 1000) if definition.modified_ms else "-"


@declare(
    "show",
    examples=(
        "vpcflow query-definitions show VpcFlowLogsTopPacketPairs",
        "vpcflow query-definitions show VpcFlowLogsUdpSources -o json",
        "vpcflow query-definitions show VpcFlowLogsTopBytesInSubnet --lang ko",
    ),
)
@click.argument("name")
@_output
def show(session: Session, name: str, kind: str) -> None:
    """See ``command.query-definitions.show``."""
    found = _saved(session).get(name)
    if kind == "json":
        click.echo(json_text(found.document(), 2))
        return
    if has(f"query_definition.{found.name}"):
        session.note(f"query_definition.{found.name}")
    click.echo(found.text)
    for one in found.parameters:
        key = "query_definitions.needs" if one.default is None else "query_definitions.takes"
        session.note(key, name=one.name, default=one.default)


@declare(
    "delete",
    examples=(
        "vpcflow query-definitions delete mine",
        "vpcflow query-definitions delete mine -o json",
        "vpcflow query-definitions delete mine --lake /srv/flow",
    ),
)
@click.argument("name")
@_output
def delete(session: Session, name: str, kind: str) -> None:
    """See ``command.query-definitions.delete``."""
    found = _saved(session).remove(name)
    if kind == "json":
        click.echo(json.dumps({"success": True}, indent=2))
    else:
        click.echo(t("query_definitions.deleted", name=found.name))


def values_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what ``-p name=value`` says; UsageError for what says nothing."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError("parameter_form", text=text)
        found[name] = value
    return found


class _OfInsights(Option):
    """An option of ``vpcflow insights``, told in its words."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and help, translated."""
        name = (self.name or "").replace("_", "-")
        own = f"option.insights.{name}"
        self.help = t(own if has(own) else f"option.{name}")
        return click.Option.get_help_record(self, ctx)


@declare(
    "run",
    examples=(
        "vpcflow query-definitions run VpcFlowLogsTopPacketPairs",
        "vpcflow query-definitions run VpcFlowLogsTopBytesInSubnet -p subnet=10.0.1.0/24 --since 24h",
        "vpcflow query-definitions run VpcFlowLogsUdpSources --from ./AWSLogs -o csv",
    ),
)
@click.argument("name")
@option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE")
def run(session: Session, name: str, parameters: tuple[str, ...], **values: Any) -> int:  # noqa: ANN401
    """See ``command.query-definitions.run``."""
    from vpcflow.query.insights.saved import filled

    found = _saved(session).get(name)
    text = filled(found, values_of(parameters))
    values["log_groups"] = values["log_groups"] or found.log_groups
    code: int = insights.command.callback.__wrapped__(session, query=text, **values)  # type: ignore[union-attr]
    return code


def _borrow() -> None:
    """Give `run` the options of ``vpcflow insights``."""
    there = {parameter.name for parameter in run.params}
    for given in insights.command.params:
        if isinstance(given, click.Option) and given.name not in there:
            borrowed = copy.copy(given)
            borrowed.__class__ = _OfInsights
            run.params.append(borrowed)


_borrow()

for _command in (run, put, list_, show, delete):
    command.add_command(_command)
