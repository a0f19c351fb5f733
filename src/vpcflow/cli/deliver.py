"""`vpcflow deliver`: records of the lake or of other sources to a destination of flow logs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app.deliver import Reaching, Replayed, Replaying, destination, reaching, replay
from vpcflow.cli.choices import Question, asked, one_of, question_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import amount
from vpcflow.cli.words import option
from vpcflow.errors import FormatError, UsageError
from vpcflow.i18n import t
from vpcflow.query.schema import FLOWS
from vpcflow.record.fields import TABLES
from vpcflow.record.format import DEFAULT, TGW_DEFAULT, LogFormat
from vpcflow.vpc.flow_logs import FILE_FORMATS, TRAFFIC_TYPES, DestinationOptions, FlowLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.cli.session import Session
    from vpcflow.errors import VpcFlowError

KINDS: Final = ("s3", "cloud-watch-logs", "kinesis-data-firehose", "folder")


@declare(
    "deliver",
    examples=(
        "vpcflow deliver --from ./AWSLogs --log-destination-type folder --log-destination ./copy --file-format parquet",
        "vpcflow deliver --since 24h --log-destination s3://my-logs/replayed --hive-compatible-partitions --per-hour-partition",
        "vpcflow deliver -f 'action = REJECT' --log-destination-type folder --log-destination ./rejects --per-hour-partition",
    ),
)
@option("--log-destination-type", default="s3", metavar="|".join(KINDS), callback=one_of(*KINDS, name="destination"))
@option("--log-destination", required=True, metavar="DESTINATION")
@option("--log-format", "delivered_format", metavar="'${FIELD} …'")
@option(
    "--traffic-type", default="ALL", metavar="|".join(TRAFFIC_TYPES), callback=one_of(*TRAFFIC_TYPES, name="traffic")
)
@option(
    "--file-format", default="plain-text", metavar="|".join(FILE_FORMATS), callback=one_of(*FILE_FORMATS, name="file")
)
@option("--hive-compatible-partitions", is_flag=True)
@option("--per-hour-partition", is_flag=True)
@option("--destination-endpoint-url", metavar="URL")
@option("--table", default="flow_logs", metavar="TABLE", callback=one_of(*FLOWS.values(), name="table"))
@question_options
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.deliver``."""
    flow_log = _flow_log(values)
    question = Question.take(values)
    scope = question.scope(next(name for name, base in FLOWS.items() if base == values["table"]))
    named = repr((question.sources, question.filters, question.since, question.until, values["table"]))
    done = Replayed()
    how: Reaching = reaching(session.app, values["destination_endpoint_url"])
    destination(session.app, flow_log, how).close()  # a wrong name is told before anything is read
    with asked(session, question) as asker:
        replaying = Replaying(flow_log, named, how, lambda error, wait_s: _trouble(session, error, wait_s))
        try:
            replay(session.app, asker, scope, replaying, done)
        finally:
            with contextlib.suppress(BrokenPipeError):
                _tell(session, done)
    return 5 if done.counts.rejected and not done.counts.accepted and not done.counts.known else 0


def _flow_log(values: dict[str, Any]) -> FlowLog:
    kind = values["log_destination_type"]
    table = values["table"]
    options = DestinationOptions(
        values["file_format"], values["hive_compatible_partitions"], values["per_hour_partition"]
    )
    if kind not in ("s3", "folder") and options != DestinationOptions():
        raise UsageError("deliver.no_files", kind=kind)
    gateway = table == "transit_gateway_flow_logs"
    if gateway and values["traffic_type"] != "ALL":
        raise UsageError("deliver.no_action")
    text = values["delivered_format"]
    log_format = LogFormat.parse(text) if text else TGW_DEFAULT if gateway else DEFAULT
    known = {field.name for field in TABLES[table]}
    for name in log_format.names:
        if name not in known:
            raise FormatError("format.unknown_field", name=name)
    return FlowLog(
        id="",
        resource_type="TransitGateway" if gateway else "VPC",
        resource_id="",
        account="",
        region="",
        traffic_type=None if gateway else values["traffic_type"],
        log_destination_type=kind,
        log_destination=values["log_destination"],
        log_format=log_format,
        options=options,
    )


def _trouble(session: Session, error: VpcFlowError, wait_s: float) -> None:
    session.warn(t("note.deliver_again", reason=error.message, seconds=f"{wait_s:.0f}"))


def _tell(session: Session, done: Replayed) -> None:
    counts = done.counts
    if done.resumed:
        session.note("note.deliver_resumed")
    if counts.rejected:
        session.warn(
            t("note.deliver_rejected", count=f"{counts.rejected.total():,}", reasons=_reasons(counts.rejected))
        )
    if counts.known:
        session.note("note.deliver_known", count=f"{counts.known:,}")
    if not done.uri:
        session.note("note.no_records")
        return
    click.echo(
        t(
            "deliver.done",
            records=amount(counts.accepted),
            shipments=f"{counts.shipments:,}",
            destination=done.uri,
            seconds=f"{done.elapsed_s:.1f}",
        )
    )


def _reasons(rejected: Mapping[str, int]) -> str:
    ranked = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {t(f'rejected.{reason}')}" for reason, count in ranked)
