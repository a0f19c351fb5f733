"""`vpcflow generate`: realistic flow logs in AWS's layout, the same for the same seed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vpcflow.cli.choices import resource_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import amount, byte_size
from vpcflow.cli.when import When
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.record.format import DEFAULT, VERSIONS, LogFormat

if TYPE_CHECKING:
    from vpcflow.cli.session import Session


@declare(
    "generate",
    examples=(
        "vpcflow generate --records 1000000 --files 16 --seed 1 --out ./made",
        "vpcflow generate --records 50000 --files 72 --version 5 --days 1 --out ./made",
        "vpcflow generate --records 1000 --format '${srcaddr} ${dstaddr} ${bytes}' --out ./made",
    ),
)
@option("--records", type=click.IntRange(1, 10_000_000_000), default=1_000_000, metavar="N")
@option("--files", type=click.IntRange(1, 1_000_000), default=16, metavar="K")
@option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, metavar="S")
@option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@option("--format", "log_format", metavar="'${FIELD} …'")
@option("--version", "version", type=click.Choice([str(v) for v in VERSIONS]), metavar="|".join(map(str, VERSIONS)))
@option("--interfaces", type=click.IntRange(12, 20_000), default=2000, metavar="N")
@option("--peers", type=click.IntRange(16, 10_000_000), default=300_000, metavar="N")
@option("--days", type=click.FloatRange(0.01, 3650), default=5.0, metavar="DAYS")
@option("--start", type=When(), metavar="TIME")
@option("--account", default="123456789012", metavar="ID")
@option("--region", default="us-east-1", metavar="REGION")
@option("--flow-log-id", metavar="ID")
@resource_options
def command(session: Session, **values: Any) -> None:  # noqa: ANN401 - click's own
    """See ``command.generate``."""
    from vpcflow.generate import Config, generate

    if values["log_format"] and values["version"]:
        raise UsageError("format_or_version")
    log_format = DEFAULT
    if values["log_format"]:
        log_format = LogFormat.parse(values["log_format"])
    elif values["version"]:
        log_format = VERSIONS[int(values["version"])]
    given = {
        name: values[name]
        for name in ("records", "files", "seed", "out", "interfaces", "peers", "days", "account", "region")
    }
    given |= {name: values[name] for name in ("start", "flow_log_id") if values[name] is not None}
    began = time.perf_counter()
    config = Config(log_format=log_format, threads=session.config.number("threads"), **given)
    with click.progressbar(
        length=values["records"], file=sys.stderr, hidden=session.quiet or not sys.stderr.isatty()
    ) as bar:
        done = generate(config, bar.update)
    elapsed = time.perf_counter() - began
    click.echo(
        t(
            "generate.done",
            records=amount(done.records),
            files=f"{done.files:,}",
            bytes=byte_size(done.bytes_packed),
            each=f"{done.bytes_packed / max(1, done.records):.1f}",
            seconds=f"{elapsed:.1f}",
            speed=amount(done.records / max(elapsed, 1e-9)),
            out=str(values["out"]),
        )
    )
