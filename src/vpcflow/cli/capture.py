"""`vpcflow capture`: packets of capture files, or of this host's interfaces, as flow log records."""

from __future__ import annotations

import re
import time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app import Captured, Capturing
from vpcflow.capture.backends import BACKENDS
from vpcflow.cli.choices import one_of, resource_options, s3_options
from vpcflow.cli.flow_table import SHORT, short_table, wide_table
from vpcflow.cli.live_capture import is_live, run_live
from vpcflow.cli.render import chosen, output_option, write_batches
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import amount, report_problems, summary
from vpcflow.cli.when import seconds, utc
from vpcflow.cli.words import option
from vpcflow.errors import FormatError, UsageError
from vpcflow.i18n import t
from vpcflow.record.format import DEFAULT, VERSIONS, LogFormat
from vpcflow.telemetry import ReadReport

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from vpcflow.aggregate.aggregator import Totals
    from vpcflow.aggregate.records import Identity
    from vpcflow.app import Ingested
    from vpcflow.app.capture_network import Judged, Model
    from vpcflow.capture.direction import Guess
    from vpcflow.cli.session import Session
    from vpcflow.types import FlowBatch

_TABLE_ROWS: Final = 100
_SHOWN: Final = 6
_MANY: Final = 1_000_000
"""Packets from which on it matters that no compiled engine reads them."""

_MAX_S: Final = 600
_MAX_DURATION_S: Final = 366 * 86400
_LAKE_VERSION: Final = 5
"""The version that brought the newest of the fields a capture fills, `flow-direction`."""

_INTERFACE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")


@declare(
    "capture",
    examples=(
        "vpcflow capture trace.pcap --local 10.0.0.0/16 --format '${srcaddr} ${dstaddr} ${flow-direction} ${bytes}'",
        "sudo vpcflow capture eth0 --interval 10",
        "vpcflow capture ./captures --into-lake --lake ./lake",
    ),
)
@click.argument("sources", nargs=-1, metavar="FILE|INTERFACE…")
@option("--all-interfaces", is_flag=True)
@option("--interval", type=click.IntRange(1, _MAX_S), default=60, metavar="SECONDS")
@option("--local", multiple=True, metavar="CIDR")
@option("--network", metavar="PATH|@state|@TIME")
@option("--all", "keep_all", is_flag=True)
@option("--interface-id", metavar="ID")
@option("--account", metavar="ID")
@option("--region", metavar="REGION")
@option("--format", "log_format", metavar="'${FIELD} …'")
@option("--into-lake", is_flag=True)
@option("--backend", metavar="auto|ebpf|af_packet|nft", callback=one_of(*BACKENDS, name="backend"))
@option("--nft", is_flag=True)
@option("--duration", type=click.FloatRange(min=0.1, max=_MAX_DURATION_S), metavar="SECONDS")
@option("--max-flows", type=click.IntRange(1 << 10, 1 << 22), metavar="COUNT")
@output_option
@s3_options
@resource_options
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.capture``."""
    log_format = _format(values["log_format"])
    live = is_live(values["sources"], values)
    if values["into_lake"] and (values["kind"] or log_format):
        raise UsageError("capture.lake_or_output")
    kind = chosen(values["kind"])
    version = log_format.version if log_format else DEFAULT.version
    if values["into_lake"] or (kind != "text" and not log_format):
        version = _LAKE_VERSION
    if live:
        identity = _identity(session, values, version)
        return run_live(session, values, log_format, identity, partial(_tell_live, session))
    if values["into_lake"]:
        return _into_lake(session, values)
    done = Captured.nothing()
    batches = session.app.capture(values["sources"], _how(session, values, version), done)
    if kind in ("table", "wide"):
        _table(session, batches, kind, log_format)
    else:
        write_batches(batches, kind, log_format or (DEFAULT if kind == "text" else None))
    for _, error in done.failed[1:] if not done.files else done.failed:
        session.warn(t("note.not_read", reason=error.message))
    if done.failed and not done.files:
        raise done.failed[0][1]
    _tell(session, done)
    return done.failed[0][1].exit_code if done.failed else 0


def _into_lake(session: Session, values: dict[str, Any]) -> int:
    done = Captured.nothing()
    with session.app.lake(create=True) as lake:
        ingested: Ingested = session.app.capture_into_lake(
            lake, values["sources"], _how(session, values, _LAKE_VERSION), done
        )
    report_problems(session, ingested)
    if done.files:
        _tell(session, done)
    click.echo(summary(ingested.progress))
    failed = ingested.progress.failed
    return failed[0][1].exit_code if failed else 0


def _format(text: str | None) -> LogFormat | None:
    if text is None:
        return None
    found = LogFormat.parse(text)
    known = {name for log_format in VERSIONS.values() for name in log_format.names}
    for name in found.names:
        if name not in known:
            raise FormatError("format.unknown_field", name=name)
    return found


def _tell_live(session: Session, totals: Totals, elapsed_s: float) -> None:
    """Tell what a live capture has counted."""
    packets = totals.packets + totals.left_out.total() + totals.lost
    done = Captured(totals, ReadReport(), packets, elapsed_s=elapsed_s)
    _tell(session, done)


def _identity(session: Session, values: dict[str, Any], version: int) -> Identity:
    """Return who the interfaces belong to; refuse what no record may hold."""
    from vpcflow.aggregate.records import Identity
    from vpcflow.app.live import host

    interface_id, account, region = (values[name] for name in ("interface_id", "account", "region"))
    if interface_id is not None and not _INTERFACE_ID.fullmatch(interface_id):
        raise UsageError("capture.bad_interface_id", value=interface_id)
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise UsageError("capture.bad_account", value=account)
    if region is not None and not _REGION.fullmatch(region):
        raise UsageError("capture.bad_region", value=region)
    here = host(session.config)
    return Identity(account or here.account, region or here.region, version, here.vpc_id)


def _how(session: Session, values: dict[str, Any], version: int) -> Capturing:
    from vpcflow.capture.networks import Network
    from vpcflow.capture.read import Config

    identity = _identity(session, values, version)

    def on_guess(guess: Guess) -> None:
        if guess.networks:
            local = ", ".join(network.text for network in guess.networks)
            session.note("note.capture_guess", interface=guess.interface, local=local, packets=f"{guess.packets:,}")
        else:
            session.note("note.capture_no_guess", interface=guess.interface)

    config = Config(
        interval_s=values["interval"],
        local=tuple(Network.parse(text) for text in values["local"]),
        keep_all=values["keep_all"],
        interface_id=values["interface_id"],
    )
    return Capturing(config, identity, on_guess, _model(session, values) if values["network"] else None)


def _model(session: Session, values: dict[str, Any]) -> Model:
    from vpcflow.app.networks import model

    def when(text: str) -> int:
        return seconds(text, now_s=time.time())

    return model(session.app, values["network"], when, values["interface_id"], keep_all=values["keep_all"])


def _table(session: Session, batches: Iterator[FlowBatch], kind: str, log_format: LogFormat | None) -> None:
    """Draw the first records; the others are read too, for the totals."""
    records = (record for batch in batches for record in batch.to_pylist())
    shown = list(islice(records, _TABLE_ROWS))
    more = sum(1 for _ in records)
    if kind == "wide" or log_format:
        names = [name.replace("-", "_") for name in (log_format or DEFAULT).names]
        wide_table(session, [{name: record.get(name) for name in names} for record in shown], names)
    else:
        short_table(session, [{name: record[name] for name in SHORT} for record in shown])
    if more:
        session.note("note.capture_first", count=f"{_TABLE_ROWS:,}", more=f"{more:,}")


def _tell(session: Session, done: Captured) -> None:
    """Tell what was read, where every packet went, and what is not known."""
    totals = done.totals
    for loss in done.report.losses[:_SHOWN]:
        session.warn(t(f"loss.{loss.kind}", source=loss.source, detail=loss.detail))
    if len(done.report.losses) > _SHOWN:
        session.warn(t("note.more_losses", count=f"{len(done.report.losses) - _SHOWN:,}"))
    if totals.lost:
        session.warn(t("note.capture_lost", count=f"{totals.lost:,}"))
    for interface, words in list(done.interfaces.items())[:_SHOWN]:
        if interface != words:
            session.note("note.capture_interface", interface=interface, words=words)
    if len(done.interfaces) > _SHOWN:
        session.note("note.capture_more_interfaces", count=f"{len(done.interfaces) - _SHOWN:,}")
    _tell_judged(session, done.judged)
    if totals.no_direction:
        session.note("note.capture_no_direction", count=f"{totals.no_direction:,}")
    if totals.early:
        session.note("note.capture_early", count=f"{totals.early:,}")
    if "numpy" in done.engines and done.packets > _MANY:
        session.note("note.capture_plain")
    parts = [t("capture.recorded", packets=f"{totals.packets:,}", records=f"{totals.records:,}")]
    if totals.nodata or totals.skipdata:
        parts.append(t("capture.status", nodata=f"{totals.nodata:,}", skipdata=f"{totals.skipdata:,}"))
    parts += _left_out(totals.left_out)
    session.note(
        "capture.totals",
        packets=f"{done.packets:,}",
        parts=", ".join(parts),
        seconds=f"{done.elapsed_s:.1f}",
        speed=amount(done.packets / max(done.elapsed_s, 1e-9)),
    )


def _tell_judged(session: Session, judged: Judged) -> None:
    """Tell what the network decided, and what it could not."""
    undecided = judged.undecided.total()
    if not judged.decided and not undecided:
        return
    session.note("note.judged", decided=f"{judged.decided:,}", undecided=f"{undecided:,}")
    for why, count in judged.undecided.most_common():
        session.note("note.undecided", count=f"{count:,}", reason=t(f"why.{why}"))
    if judged.assumed:
        session.note("note.judged_assumed", count=f"{judged.assumed:,}")
    if judged.ambiguous:
        session.note("note.judged_ambiguous", count=f"{judged.ambiguous:,}")
    if judged.early is not None:
        session.note("note.network_early", since=utc(judged.early))


def _left_out(reasons: Counter[str]) -> list[str]:
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return [f"{count:,} {t(f'reason.{reason}')}" for reason, count in ranked if count]
