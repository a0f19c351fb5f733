"""What an ingest did, in a line, and what went wrong, in as few as needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from vpcflow.cli.shown import described
from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.app import Ingested
    from vpcflow.cli.session import Session
    from vpcflow.lake.ingest import Progress
    from vpcflow.telemetry import ReadReport

_SHOWN: Final = 3


def amount(number: float) -> str:
    """Return ``20.0 M``, ``12,481``."""
    for limit, unit in ((1e9, "G"), (1e6, "M")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:,.0f}"


def byte_size(number: float) -> str:
    """Return ``3.6 GB`` (powers of 1000, as AWS bills)."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:.0f} B"


def seconds_shown(seconds: float) -> str:
    """Return ``15 ms``, ``1.2 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def summary(progress: Progress, *, events: bool = False) -> str:
    """Return the line that ends each ingest: records (or log events), files, time, speed, bad lines by reason."""
    rows = progress.report.rows
    parts = [
        t("summary.events" if events else "summary.records", count=amount(rows)),
        t("summary.files", count=f"{progress.objects:,}"),
        f"{progress.elapsed_s:.1f} s",
    ]
    if progress.elapsed_s > 0 and rows:
        parts.append(t("summary.speed", count=amount(rows / progress.elapsed_s)))
    if progress.known:
        parts.append(t("summary.known", count=f"{progress.known:,}"))
    bad = progress.report.bad
    if bad:
        parts.append(t("summary.bad", count=f"{bad.total():,}", reasons=reasons(bad)))
    return ", ".join(parts)


def reasons(bad: Mapping[str, int]) -> str:
    """Return ``2 too few fields, 1 not a number``, most first."""
    ranked = sorted(bad.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {t(f'bad.{reason}')}" for reason, count in ranked)


def report_losses(session: Session, report: ReadReport) -> None:
    """Tell on stderr the first bad lines and damaged sources of *report*, and how many more there are."""
    for bad in report.shown[:_SHOWN]:
        session.note("note.bad_line", **described(bad))
    if len(report.shown) < report.bad.total() or len(report.shown) > _SHOWN:
        session.note("note.more_bad_lines", count=f"{report.bad.total() - min(_SHOWN, len(report.shown)):,}")
    for loss in report.losses[: 2 * _SHOWN]:
        session.warn(t(f"loss.{loss.kind}", source=loss.source, detail=loss.detail))
    if len(report.losses) > 2 * _SHOWN:
        session.warn(t("note.more_losses", count=f"{len(report.losses) - 2 * _SHOWN:,}"))


def report_problems(session: Session, done: Ingested) -> None:
    """Tell on stderr what was lost: first bad lines, damaged sources, sources not read, objects left out, unknown fields."""
    report = done.progress.report
    report_losses(session, report)
    for _, error in done.progress.failed[: 2 * _SHOWN]:
        session.warn(t("note.not_read", reason=error.message))
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
    if len(done.progress.failed) > 2 * _SHOWN:
        session.warn(t("note.more_not_read", count=f"{len(done.progress.failed) - 2 * _SHOWN:,}"))
    for reason, count in sorted((+done.left_out).items()):
        session.note(f"left_out.{reason}", count=f"{count:,}")
    for key, count in (("note.file_times", report.file_times), ("note.mended", report.mended)):
        if count:
            session.note(key, count=f"{count:,}")
    if report.unknown_fields:
        names = ", ".join(sorted(report.unknown_fields))
        session.note("note.unknown_fields", names=names, count=f"{max(report.unknown_fields.values()):,}")
