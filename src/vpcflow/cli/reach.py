"""`vpcflow reach`: would this be let through now, and what decides at each step?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app import explanation
from vpcflow.app.explain import asked_about, reach, rules_in
from vpcflow.cli.choices import one_of
from vpcflow.cli.explain import port, protocol
from vpcflow.cli.explained import draw_reached
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text
from vpcflow.cli.when import When, seconds
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from vpcflow.cli.session import Session


@declare(
    "reach",
    examples=(
        "vpcflow reach 203.0.113.77 10.0.1.20 22 --network network.toml",
        "vpcflow reach bastion web 22 --network network.toml",
        "vpcflow reach 10.0.1.20 10.0.1.10 --protocol icmp --network network.toml -o json",
    ),
)
@click.argument("source")
@click.argument("destination")
@click.argument("port", required=False, callback=port)
@option("--protocol", callback=protocol, metavar="NAME|NUMBER")
@option("--source-port", callback=port, metavar="PORT")
@option("--at", type=When(), metavar="TIME")
@option("--network", "network", metavar="PATH|@TIME")
@option("--exit-code", is_flag=True)
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.reach``."""
    moment = int(time.time()) if values["at"] is None else values["at"]
    rules = rules_in(
        session.app, TimeRange(moment, moment + 1), values["network"], lambda text: seconds(text, now_s=time.time())
    )
    if not rules:
        raise UsageError("network.none_kept", path=session.app.state_path)
    asked = asked_about(values["source"], values["destination"], values["port"], values["protocol"], rules)
    found = reach(rules[-1], asked, values["source_port"])
    if values["kind"] == "json":
        click.echo(json_text(explanation.reached(found), 2))
    else:
        draw_reached(session, found)
    return 1 if values["exit_code"] and not found.path.works else 0
