"""`vpcflow ingest`: sources into the lake."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app import Wanted, Watching
from vpcflow.cli.choices import place_options, read_options, reading, resource_options, s3_options, time_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import report_problems, summary
from vpcflow.cli.when import Duration
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from vpcflow.app import Ingested
    from vpcflow.cli.session import Session


@declare(
    "ingest",
    examples=(
        "vpcflow ingest ./AWSLogs",
        "vpcflow ingest s3://my-logs/AWSLogs --account 123456789012 --region us-east-1 --since 24h",
        "vpcflow ingest /var/log/flow --watch",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@place_options
@time_options
@option("--watch", is_flag=True)
@option("--interval", type=Duration(), default="30s", metavar="DURATION")
@option("--sqs-url", metavar="URL")
@option("--no-compact", is_flag=True)
@read_options
@s3_options
@resource_options
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.ingest``."""
    since, until = values["since"], values["until"]
    if since is not None and until is not None and since >= until:
        raise UsageError("time_empty")
    if values["sqs_url"] is not None and not values["watch"]:
        raise UsageError("sqs_without_watch")
    if values["sqs_url"] is not None and not all(source.startswith("s3://") for source in values["sources"]):
        raise UsageError("sqs_without_s3")
    wanted = Wanted(values["accounts"], values["regions"], TimeRange(since, until))
    with (
        session.app.lake(create=True) as lake,
        reading(
            session,
            values["log_format"],
            values["bad_lines"],
            strict=values["strict"],
            total=lambda: session.app.total_bytes(values["sources"], wanted),
        ) as read,
    ):
        if lake.restored:
            session.note("note.restored", path=session.app.lake_name)
        done = session.app.ingest(lake, values["sources"], wanted, read, compact=not values["no_compact"])
        code = _told(session, done)
        if not values["watch"]:
            return code
        stop = threading.Event()
        _stop_on_signals(stop)
        session.note("note.watching", seconds=values["interval"])
        how = Watching(
            values["interval"], stop, compact=not values["no_compact"], queue_url=values["sqs_url"],
            on_trouble=lambda error: session.warn(error.message),
            on_strange=lambda count: session.warn(t("note.strange_messages", count=count)),
        )  # fmt: skip
        for done in session.app.watch(lake, values["sources"], wanted, read, how):
            _told(session, done)
    return 0


def _told(session: Session, done: Ingested) -> int:
    report_problems(session, done)
    click.echo(summary(done.progress))
    if done.compacted is not None and done.compacted.merged and session.verbose:
        session.note("note.compacted", merged=done.compacted.merged, made=done.compacted.made)
    failed = done.progress.failed
    return failed[0][1].exit_code if failed else 0


def _stop_on_signals(stop: threading.Event) -> None:
    def end(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo(t("note.stopping", signal=signal.Signals(number).name), err=True)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
