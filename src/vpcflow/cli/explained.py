"""Explanations on a terminal, and as tables and documents for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click
import pyarrow as pa

from vpcflow.app import explanation
from vpcflow.cli.flow_table import short_table
from vpcflow.cli.render import data_out, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.shown import printable, printable_lines
from vpcflow.cli.summary import byte_size
from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.analyze.explain.find import Cause
    from vpcflow.app.explain import Explanation
    from vpcflow.cli.session import Session

_TINTS: Final = {"✕": "\x1b[31m", "✓": "\x1b[34m"}


def write_document(found: Explanation, kind: str) -> None:
    """Write it as JSON; as JSON lines, a cause a line."""
    told = explanation.document(found)
    with data_out(kind) as out:
        if kind == "json":
            out.write(json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
        else:
            out.writelines(json.dumps(cause, ensure_ascii=False).encode() + b"\n" for cause in told["causes"])


def write_flat(found: Explanation, kind: str) -> None:
    """Write one row a cause."""
    write_result([_table(found.found.causes)], kind)


def _table(causes: tuple[Cause, ...]) -> pa.RecordBatch:
    texts = ("verdict", "certainty", "layer", "direction", "interface_id", "opener", "opened_by")
    columns = {name: pa.array((getattr(cause, name) or None for cause in causes), pa.string()) for name in texts}
    columns["why"] = pa.array((",".join(cause.why) for cause in causes), pa.string())
    ends = [explanation.ends(cause.conversation, cause.direction) for cause in causes]
    columns["source"] = pa.array((source for source, _ in ends), pa.string())
    columns["destination"] = pa.array((destination for _, destination in ends), pa.string())
    columns["services"] = pa.array((explanation.services(cause) for cause in causes), pa.string())
    for name in ("conversations", "records", "packets", "bytes", "peers"):
        columns[name] = pa.array((getattr(cause, name) for cause in causes), pa.int64())
    columns["first_seen"] = pa.array((cause.first_s for cause in causes), pa.int64())
    columns["last_seen"] = pa.array((cause.last_s for cause in causes), pa.int64())
    return pa.record_batch(columns)


def draw(session: Session, found: Explanation, kind: str, *, limit: int) -> None:
    """Show it to people. kind: `table`, `wide` or `markdown`."""
    if kind == "markdown":
        click.echo(printable_lines(explanation.markdown(found)), nl=False)
        return
    causes = found.found.causes
    if found.asked is None:
        _draw_all(session, causes[:limit])
        if len(causes) > limit:
            session.note("explain.more", count=f"{len(causes) - limit:,}")
    else:
        for cause in causes[:limit]:
            _draw_one(session, cause, wide=kind == "wide")
        if len(causes) > limit:
            session.note("explain.more", count=f"{len(causes) - limit:,}")
    if not causes:
        session.note("explain.none" if found.asked else "explain.none_refused")
        for text in explanation.silent(found) if found.asked else ():
            click.echo(printable(text), err=True)
    if not session.quiet:
        for text in explanation.notes(found):
            click.echo(printable(text), err=True)


def _draw_all(session: Session, causes: tuple[Cause, ...]) -> None:
    if not causes:
        return
    head = [
        t(f"explain.head.{name}")
        for name in ("records", "verdict", "certainty", "interface", "services", "peers", "last")
    ]
    rows = [
        (
            f"{cause.records:,}",
            f"{explanation.glyph(cause)} {explanation.verdict(cause)}",
            explanation.certainty(cause),
            cause.interface_id,
            explanation.services(cause),
            f"{cause.peers:,}",
            explanation.utc(cause.last_s),
        )
        for cause in causes
    ]
    write_table(session, head, rows, right=frozenset({0, 5}))


def _draw_one(session: Session, cause: Cause, *, wide: bool) -> None:
    sign = explanation.glyph(cause)
    headline = printable(f"{sign} {explanation.verdict(cause)}")
    click.echo(f"{_TINTS[sign]}{headline}\x1b[0m" if session.color else headline, color=True)
    source, destination = explanation.ends(cause.conversation, cause.direction)
    counts = t(
        "explain.counts",
        records=f"{cause.records:,}",
        packets=f"{cause.packets:,}",
        bytes=byte_size(cause.bytes),
        conversations=f"{cause.conversations:,}",
    )
    lines = [
        f"{explanation.certainty(cause)}: {'; '.join(explanation.reasons(cause))}"
        if cause.why
        else explanation.certainty(cause),
        f"{cause.interface_id}  {source} → {destination}  {explanation.services(cause)}",
        f"{counts}  {explanation.utc(cause.first_s)} – {explanation.utc(cause.last_s)} UTC",
        explanation.opener(cause),
    ]
    for line in lines:
        click.echo(f"  {printable(line)}")
    if cause.evidence:
        click.echo()
        shown = cause.evidence if wide else cause.evidence[:6]
        short_table(session, [dict.fromkeys(_NEEDED) | row for row in shown])
    click.echo()


_NEEDED: Final = (
    "start", "srcaddr", "srcport", "dstaddr", "dstport", "protocol", "packets", "bytes", "action", "log_status", "interface_id",
)  # fmt: skip
