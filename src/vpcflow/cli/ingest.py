"""`vpcflow ingest`: sources into the lake."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app import Wanted, Watching
from vpcflow.cli.choices import place_options, read_options, reading, resource_options, s3_options, time_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.stop import stopping
from vpcflow.cli.summary import report_problems, summary
from vpcflow.cli.when import Duration
from vpcflow.cli.words import option
from vpcflow.errors import SourceError, UsageError
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    import threading

    from vpcflow.app import Ingested, Reading
    from vpcflow.cli.session import Session
    from vpcflow.lake.lake import Lake
    from vpcflow.record.log_events import Filing


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
@option("--list-every", type=Duration(), default="1h", metavar="DURATION")
@option("--no-compact", is_flag=True)
@option("--log-group", metavar="NAME")
@option("--log-stream", metavar="NAME")
@read_options
@s3_options
@resource_options
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.ingest``."""
    since, until = values["since"], values["until"]
    if since is not None and until is not None and since >= until:
        raise UsageError("time_empty")
    _check_queue(session, values)
    filing = _filing(values)
    wanted = Wanted(values["accounts"], values["regions"], TimeRange(since, until))
    with (
        session.app.lake(create=True) as lake,
        reading(
            session,
            values["log_format"],
            values["bad_lines"],
            strict=values["strict"],
            total=lambda: session.app.total_bytes(values["sources"], wanted),
        ) as plain,
    ):
        read = replace(plain, filing=filing)
        code = _once(session, lake, wanted, read, values)
        if values["watch"]:
            code = 0
            with stopping() as stop:
                watching = _watching(session, values, stop)
                for done in session.app.watch(lake, values["sources"], wanted, read, watching):
                    _told(session, done, events=filing is not None)
    return code


def _filing(values: dict[str, Any]) -> Filing | None:
    """Return the names under which the sources are kept as log events; UsageError for what can be none."""
    group, stream = values["log_group"], values["log_stream"]
    if group is None:
        if stream is not None:
            raise UsageError("stream_without_group")
        return None
    if values["log_format"] is not None:
        raise UsageError("group_and_format")
    from vpcflow.record.log_events import LOG_GROUP, LOG_STREAM, Filing

    if not LOG_GROUP.fullmatch(group):
        raise UsageError("log_group_name", name=group)
    if stream is not None and not LOG_STREAM.fullmatch(stream):
        raise UsageError("log_stream_name", name=stream)
    return Filing(group, stream)


def _once(session: Session, lake: Lake, wanted: Wanted, read: Reading, values: dict[str, Any]) -> int:
    """Ingest what is there; a source with nothing in it yet may be watched."""
    try:
        done = session.app.ingest(lake, values["sources"], wanted, read, compact=not values["no_compact"])
    except SourceError as error:
        if not values["watch"] or error.code != "source.empty":
            raise
        session.note("note.nothing_yet", reason=error.message)
        return 0
    return _told(session, done, events=read.filing is not None)


def _watching(session: Session, values: dict[str, Any], stop: threading.Event) -> Watching:
    if values["sqs_url"] is None:
        session.note("note.watching", seconds=values["interval"])
    else:
        session.note("note.watching_queue", seconds=values["interval"], listing=values["list_every"])
    return Watching(
        interval_s=values["interval"],
        stop=stop,
        on_trouble=lambda error: session.warn(error.message),
        compact=not values["no_compact"],
        queue_url=values["sqs_url"],
        list_every_s=values["list_every"],
    )


def _check_queue(session: Session, values: dict[str, Any]) -> None:
    """Refuse what does not go with a queue, and a queue that is not there, before anything is read."""
    if values["sqs_url"] is None:
        return
    if not values["watch"]:
        raise UsageError("queue_without_watch")
    for source in values["sources"]:
        if not source.startswith("s3://"):
            raise UsageError("queue_not_s3", source=source)
    attributes = session.app.queue(values["sqs_url"]).attributes()
    if attributes and "RedrivePolicy" not in attributes:
        session.note("note.no_redrive", queue=values["sqs_url"])


def _told(session: Session, done: Ingested, *, events: bool) -> int:
    report_problems(session, done)
    click.echo(summary(done.progress, events=events))
    if done.compacted is not None and done.compacted.merged and session.verbose:
        session.note("note.compacted", merged=done.compacted.merged, made=done.compacted.made)
    failed = done.progress.failed
    return failed[0][1].exit_code if failed else 0
