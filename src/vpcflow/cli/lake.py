"""`vpcflow lake`: what is kept, merging its files, letting old hours go."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.analyze import gaps
from vpcflow.cli.choices import one_of, resource_options
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import amount, byte_size, reasons
from vpcflow.cli.when import Duration, When, utc
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.errors import UsageError
from vpcflow.i18n import t
from vpcflow.lake import retention
from vpcflow.record.schema import LOG_EVENTS

if TYPE_CHECKING:
    from vpcflow.cli.session import Session
    from vpcflow.lake.ledger import Totals
    from vpcflow.types import LogGroup

_SHOWN_GAPS = 5


EXAMPLES: Final = ("vpcflow lake info", "vpcflow lake compact", "vpcflow lake expire --older-than 90d")


@click.group("lake", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.lake``."""


@declare("info", examples=("vpcflow lake info", "vpcflow lake info -o json", "vpcflow lake info --lake /srv/flow"))
@option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)
def info(session: Session, kind: str) -> None:
    """See ``command.lake.info``."""
    with session.app.lake() as lake:
        totals = lake.ledger.totals()
        with session.app.asker(lake) as asker:
            found = gaps.find(asker, limit=_SHOWN_GAPS) if _skipped(totals) else None
        groups = lake.ledger.log_groups()
    if kind == "json":
        click.echo(json.dumps(_document(session.app.lake_name, totals, found, groups), indent=2))
        return
    click.echo(t("lake.path", path=session.app.lake_name))
    for table, sums in totals.tables.items():
        _draw_table(table, sums)
    _draw_groups(groups)
    click.echo(t("lake.sources", count=f"{totals.sources:,}", bytes=byte_size(totals.bytes_in)))
    for key, count in (("lake.replaced", totals.replaced), ("lake.late", totals.late)):
        if count:
            click.echo(t(key, count=f"{count:,}"))
    bad = sum(totals.bad.values())
    click.echo(t("lake.bad", count=f"{bad:,}", reasons=reasons(totals.bad)) if bad else t("lake.no_bad"))
    for kind_of, count in sorted(totals.losses.items()):
        click.echo(t(f"lake.loss.{kind_of}", count=f"{count:,}"))
    if totals.unknown_fields:
        click.echo(t("lake.unknown_fields", names=", ".join(sorted(totals.unknown_fields))))
    if found is not None:
        _draw_gaps(found)


def _skipped(totals: Totals) -> int:
    return totals.tables.get("flow_logs", {}).get("skipdata", 0)


def _draw_table(table: str, sums: dict[str, int]) -> None:
    click.echo(
        t(
            "lake.table",
            table=table,
            rows=amount(sums["rows"]),
            files=f"{sums['files']:,}",
            hours=f"{sums['partitions']:,}",
            bytes=byte_size(sums["bytes"]),
        )
    )
    if sums["first"] is not None:
        click.echo(t("lake.span", first=utc(sums["first"]), last=utc(sums["last"])))
    if sums["without_time"]:
        click.echo(t("lake.without_time", count=f"{sums['without_time']:,}"))
    if table != LOG_EVENTS:
        click.echo(t("lake.statuses", nodata=f"{sums['nodata']:,}", skipdata=f"{sums['skipdata']:,}"))


def _draw_gaps(found: gaps.Gaps) -> None:
    click.echo(t("lake.gaps", interfaces=f"{found.interfaces:,}", count=f"{found.records:,}"))
    for gap in found.worst:
        first, last = utc(gap.first_s), utc(gap.last_s)
        click.echo(t("lake.gap", interface=gap.interface_id or "-", count=f"{gap.records:,}", first=first, last=last))


def _draw_groups(groups: list[LogGroup]) -> None:
    """Draw the log groups, unless all there is is a table's own."""
    if all(group.name == group.table for group in groups):
        return
    click.echo(t("lake.log_groups"))
    for group in groups:
        click.echo(
            t(
                "lake.log_group",
                name=group.name,
                rows=amount(group.rows),
                sources=f"{group.sources:,}",
                table=group.table,
                first="-" if group.first_s is None else utc(group.first_s),
                last="-" if group.last_s is None else utc(group.last_s),
            )
        )


def _document(path: str, totals: Totals, found: gaps.Gaps | None, groups: list[LogGroup]) -> dict[str, Any]:
    return {
        "lake": path,
        "tables": totals.tables,
        "log_groups": [asdict(group) for group in groups],
        "sources": totals.sources,
        "replaced_sources": totals.replaced,
        "late_files": totals.late,
        "source_bytes": totals.bytes_in,
        "bad_lines": totals.bad,
        "losses": totals.losses,
        "unknown_fields": totals.unknown_fields,
        "gaps": [] if found is None else [gap.document() for gap in found.worst],
        "gap_interfaces": 0 if found is None else found.interfaces,
    }


@declare(
    "compact",
    examples=("vpcflow lake compact", "vpcflow lake compact --memory 4GB", "vpcflow lake compact --lake /srv/flow"),
)
@resource_options
def compact(session: Session) -> None:
    """See ``command.lake.compact``."""
    with session.app.lake() as lake:
        began = time.perf_counter()
        done = session.app.compact(lake)
    click.echo(t("lake.compacted", merged=done.merged, made=done.made, seconds=f"{time.perf_counter() - began:.1f}"))
    if done.skipped:
        session.note("lake.compact_skipped", count=done.skipped)


@declare(
    "expire",
    examples=(
        "vpcflow lake expire --older-than 90d",
        "vpcflow lake expire --before 2026-01-01",
        "vpcflow lake expire --older-than 52w -q",
    ),
)
@option("--older-than", type=Duration(), metavar="DURATION")
@option("--before", type=When(), metavar="TIME")
def expire(session: Session, older_than: int | None, before: int | None) -> None:
    """See ``command.lake.expire``."""
    if (older_than is None) == (before is None):
        raise UsageError("expire_one_of")
    edge = before if before is not None else int(time.time()) - (older_than or 0)
    with session.app.lake() as lake:
        gone = retention.expire(lake, before_s=edge)
    hour = utc(edge // 3600 * 3600)
    click.echo(
        t("lake.expired", rows=amount(gone.rows), files=f"{gone.files:,}", bytes=byte_size(gone.bytes), before=hour)
    )


for _command in (info, compact, expire):
    command.add_command(_command)
