"""`vpcflow network`: what a VPC is made of, and when it was so."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app import networks
from vpcflow.cli.choices import one_of
from vpcflow.cli.network_table import counts, draw_changes, draw_network, draw_resource, summary
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import harmless_json, json_text, printable
from vpcflow.cli.when import When, seconds, utc
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.errors import UsageError
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.cli.session import Session
    from vpcflow.errors import SourceError
    from vpcflow.vpc.topology import Network

EXAMPLES: Final = (
    "vpcflow network import describe.json",
    "vpcflow network show",
    "vpcflow network diff @2026-11-20 @state",
)
_NAME: Final = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_SHOWN: Final = 8

_output = option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)


@click.group("network", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.network``."""


@declare(
    "import",
    examples=(
        "vpcflow network import describe.json",
        "vpcflow network import terraform.json --at 2026-11-20T02:00:00 --name prod",
        "vpcflow network import template.yaml --parameter VpcCidr=10.0.0.0/16",
    ),
)
@click.argument("files", nargs=-1, metavar="FILE…")
@option("--at", type=When(), metavar="TIME")
@option("--name", default="default", metavar="NAME")
@option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE")
@option("--live", is_flag=True)
@option("--region", metavar="REGION")
@option("--profile", metavar="NAME")
@option("--endpoint-url", metavar="URL")
def import_(session: Session, **values: Any) -> None:  # noqa: ANN401 - click's own
    """See ``command.network.import``."""
    files, name = values["files"], values["name"]
    if bool(files) == values["live"]:
        raise UsageError("network.files_or_live")
    if not _NAME.fullmatch(name):
        raise UsageError("network.bad_name", value=name)
    if values["live"]:

        def left_out(error: SourceError) -> None:
            session.warn(t("note.network_left_out", reason=error.message))

        network, region = networks.live(session.app, values["region"], left_out)
        source = f"ec2 {region}"
    else:
        network, source = networks.read(files, _parameters(values["parameters"])), " ".join(files)
    found = counts(network)
    since = int(time.time()) if values["at"] is None else values["at"]
    new = networks.keep(session.app, network, name=name, since_s=since, summary=json.dumps(found), source=source)
    click.echo(summary(found))
    _incomplete(session, network)
    session.note("note.network_kept" if new else "note.network_same", since=utc(since), name=name)


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError("network.bad_parameter", value=word)
        found[key] = value
    return found


def _incomplete(session: Session, network: Network) -> None:
    if network.incomplete:
        shown = network.incomplete[:_SHOWN]
        more = len(network.incomplete) - len(shown)
        words = ", ".join(shown) + (f" … (+{more})" if more else "")
        session.note("note.network_incomplete", missing=words)


@declare(
    "show",
    examples=(
        "vpcflow network show",
        "vpcflow network show sg-0123456789abcdef0 --at 2026-11-20",
        "vpcflow network show -o json > network.json",
    ),
)
@click.argument("resource", required=False, metavar="[ID|NAME]")
@option("--at", type=When(), metavar="TIME")
@option("--network", "word", metavar="PATH|@TIME")
@_output
def show(session: Session, resource: str | None, at: int | None, word: str | None, kind: str) -> None:
    """See ``command.network.show``."""
    if word is not None and at is not None:
        raise UsageError("network.at_or_path")
    found = _named(session, word) if word else networks.at(session.app, at)
    if found is None:
        raise UsageError("network.none_kept", path=session.app.state_path)
    if found.early:
        session.note("note.network_early", since=utc(found.since_s))
    if resource is not None:
        draw_resource(session, found.network, resource, kind)
    elif kind == "json":
        from vpcflow.vpc.json_form import dumps

        click.echo(harmless_json(dumps(found.network, indent=2)))
    else:
        draw_network(session, found.network)
        _incomplete(session, found.network)


@declare(
    "diff",
    examples=(
        "vpcflow network diff",
        "vpcflow network diff @2026-11-20 @state",
        "vpcflow network diff before.json after.json -o json",
    ),
)
@click.argument("before", required=False, metavar="[A]")
@click.argument("after", required=False, metavar="[B]")
@_output
def diff(session: Session, before: str | None, after: str | None, kind: str) -> None:
    """See ``command.network.diff``."""
    from vpcflow.vpc.diff import changes

    one, other = _both(session, before, after)
    found = list(changes(one, other))
    if kind == "json":
        click.echo(json_text([asdict(change) for change in found], 2))
    else:
        draw_changes(found)
    if not found:
        session.note("note.network_no_change")


def _both(session: Session, before: str | None, after: str | None) -> tuple[Network, Network]:
    """Return the two networks that are meant: by default the last two that are kept."""
    if before is not None:
        return _named(session, before).network, _named(session, after or networks.KEPT).network
    times = sorted({version.since_s for version in networks.versions(session.app)})
    if len(times) < 2:
        raise UsageError("network.one_kept", count=len(times))
    one, other = (networks.at(session.app, moment) for moment in times[-2:])
    if one is None or other is None:  # somebody removed them meanwhile
        raise UsageError("network.none_kept", path=session.app.state_path)
    return one.network, other.network


def _named(session: Session, word: str) -> networks.Dated:
    return networks.named(session.app, word, lambda text: seconds(text, now_s=time.time()))


@declare(
    "list",
    examples=("vpcflow network list", "vpcflow network list -o json", "vpcflow network list -q"),
)
@_output
def list_(session: Session, kind: str) -> None:
    """See ``command.network.list``."""
    found = networks.versions(session.app)
    if kind == "json":
        rows = [{**asdict(one), "summary": json.loads(one.summary)} for one in found]
        click.echo(json_text(rows, 2))
        return
    for one in found:
        click.echo(printable(f"{utc(one.since_s)}  {one.name}  {summary(json.loads(one.summary))}  ({one.source})"))
    if not found:
        session.note("note.network_none")


@declare(
    "remove",
    examples=(
        "vpcflow network remove 2026-11-20",
        "vpcflow network remove 2026-11-20T02:00:00 --name prod",
        "vpcflow network remove 2026-11-20 -q",
    ),
)
@click.argument("since", type=When(), metavar="TIME")
@option("--name", default="default", metavar="NAME")
def remove(session: Session, since: int, name: str) -> None:
    """See ``command.network.remove``."""
    if not networks.remove(session.app, name, since):
        raise UsageError("network.no_version", since=utc(since), name=name)
    click.echo(t("network.removed", since=utc(since), name=name))


for _command in (import_, show, diff, list_, remove):
    command.add_command(_command)
