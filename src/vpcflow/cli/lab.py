"""`vpcflow lab`: a real VPC on this machine, to try things on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.cli.network_table import counts
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.errors import UsageError
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.app.lab import Counted
    from vpcflow.cli.session import Session

_MAX_S: Final = 600

EXAMPLES: Final = ("vpcflow lab up", "vpcflow lab traffic", "vpcflow lab down")


@click.group("lab", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.lab``."""


@declare("up", examples=("vpcflow lab up", "vpcflow lab up my-vpc.toml", "vpcflow lab up my-vpc.toml --interval 10"))
@click.argument("files", nargs=-1, metavar="[FILE…]")
@option("--interval", type=click.IntRange(1, _MAX_S), default=60, metavar="SECONDS")
def up(session: Session, files: tuple[str, ...], interval: int) -> None:
    """See ``command.lab.up``."""
    from vpcflow.app import lab

    wanted = lab.network(files)
    changed = lab.up(session.app, wanted, interval, json.dumps(counts(wanted)))
    standing = lab.standing(session.app)
    if changed:
        click.echo(t("lab.rules_changed"))
        return
    interfaces, subnets = len(standing.network.interfaces), len(standing.network.subnets)
    click.echo(t("lab.is_up", hosts=len(standing.hosts), subnets=subnets, interfaces=interfaces))
    click.echo(t("lab.into", lake=session.app.lake_name, interval=interval))
    if not standing.ipv6:
        session.note("note.lab_no_ipv6")
    if standing.swapping:
        session.note("note.lab_swapping")
    session.note("note.lab_next")


@declare(
    "exec",
    examples=(
        "vpcflow lab exec web -- ip address",
        "vpcflow lab exec internet -- curl -m 3 http://203.0.113.10/",
        "vpcflow lab exec router -- ip route show table all",
    ),
)
@click.argument("host")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
def execute(session: Session, host: str, words: tuple[str, ...]) -> int:
    """See ``command.lab.exec``."""
    from vpcflow.app import lab

    return lab.execute(session.app, host, words[1:] if words[0] == "--" else words)


# What stands behind the host is the program's.
execute.context_settings = {**execute.context_settings, "allow_interspersed_args": False}


@declare("traffic", examples=("vpcflow lab traffic", "vpcflow lab traffic port-scan", "vpcflow lab traffic web nat"))
@click.argument("names", nargs=-1, metavar="[SCENARIO…]")
def traffic(session: Session, names: tuple[str, ...]) -> None:
    """See ``command.lab.traffic``."""
    from vpcflow.app import lab

    known = lab.scenarios()
    for name in names:
        if name not in known:
            raise UsageError("lab.no_scenario", name=name, names=", ".join(known))
    began = time.monotonic()
    total = None
    for name in names or known:
        counted = lab.traffic(session.app, name)
        click.echo(f"{name}: {t(f'lab.scenario.{name}')}")
        click.echo(f"  {_amounts(counted)}")
        if counted.lost:
            session.warn(t("note.capture_lost", count=f"{counted.lost:,}"))
        total = counted if total is None else type(counted)(
            total.records + counted.records, total.accepted + counted.accepted, total.refused + counted.refused,
            total.lost + counted.lost,
        )  # fmt: skip
    if total is not None and len(names or known) > 1:
        click.echo(t("lab.all", amounts=_amounts(total), seconds=f"{time.monotonic() - began:.0f}"))
    session.note("note.lab_look")


@declare("status", examples=("vpcflow lab status", "vpcflow lab status --lake ./lake", "vpcflow lab status --lang ko"))
def status(session: Session) -> None:
    """See ``command.lab.status``."""
    from vpcflow.app import lab

    standing = lab.standing(session.app)
    minutes = (time.time() - standing.since_s) / 60
    click.echo(t("lab.since", minutes=f"{minutes:.0f}", lake=session.app.lake_name))
    rows: list[tuple[str, Any]] = [
        *standing.hosts.items(),
        ("internet", t("lab.internet")),
        ("router", t("lab.router")),
    ]
    write_table(session, (t("lab.host"), t("lab.addresses")), rows)
    click.echo(_amounts(standing.counted))
    if standing.busy:
        click.echo(t("lab.busy"))
    if standing.counted.lost:
        session.warn(t("note.capture_lost", count=f"{standing.counted.lost:,}"))
    if standing.trouble:
        session.warn(standing.trouble)


@declare(
    "network",
    examples=("vpcflow lab network", "vpcflow lab network > my-vpc.toml", "vpcflow lab network --lang ko"),
)
def network(session: Session) -> None:
    """See ``command.lab.network``."""
    from vpcflow.app import lab

    del session
    click.echo(lab.default_text(), nl=False)


@declare("down", examples=("vpcflow lab down", "vpcflow lab down --lake ./lake", "vpcflow lab down -q"))
def down(session: Session) -> None:
    """See ``command.lab.down``."""
    from vpcflow.app import lab

    click.echo(t("lab.is_down" if lab.down(session.app) else "lab.was_down"))


def _amounts(counted: Counted) -> str:
    values = {name: f"{getattr(counted, name):,}" for name in ("records", "accepted", "refused")}
    return t("lab.amounts", **values)


for _command in (up, traffic, execute, status, network, down):
    command.add_command(_command)
