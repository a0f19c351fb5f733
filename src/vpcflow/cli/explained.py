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
    from collections.abc import Mapping

    from vpcflow.analyze.explain.cause import Cause
    from vpcflow.app.explain import Explanation, Reached
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
    texts = ("verdict", "certainty", "layer", "resource", "rule", "direction", "interface_id", "opener", "opened_by")
    columns = {name: pa.array((getattr(cause, name) or None for cause in causes), pa.string()) for name in texts}
    columns["why"] = pa.array((",".join(cause.why) for cause in causes), pa.string())
    ends = [explanation.ends(cause) for cause in causes]
    columns["source"] = pa.array((source for source, _ in ends), pa.string())
    columns["destination"] = pa.array((destination for _, destination in ends), pa.string())
    columns["services"] = pa.array((explanation.services(cause) for cause in causes), pa.string())
    for name in ("conversations", "records", "packets", "bytes", "peers", "interfaces"):
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
        _draw_all(session, causes[:limit], found)
        if len(causes) > limit:
            session.note("explain.more", count=f"{len(causes) - limit:,}")
    else:
        for cause in causes[:limit]:
            _draw_one(session, cause, found.names, wide=kind == "wide")
        if len(causes) > limit:
            session.note("explain.more", count=f"{len(causes) - limit:,}")
    if not causes:
        say_nothing_found(session, found)
        if found.path is not None and found.asked is not None:
            click.echo(t("explain.rules_say"))
            for line in explanation.path_lines(found.path, found.names, explanation.opening(found.asked)):
                click.echo(f"  {printable(line)}")
    if not session.quiet:
        for text in explanation.notes(found):
            click.echo(printable(text), err=True)


def say_nothing_found(session: Session, found: Explanation) -> None:
    """Say beside the data that there is no record, and what there is instead."""
    session.note("explain.none" if found.asked else "explain.none_refused")
    for text in explanation.silent(found) if found.asked and not session.quiet else ():
        click.echo(printable(text), err=True)


def _draw_all(session: Session, causes: tuple[Cause, ...], found: Explanation) -> None:
    if not causes:
        return
    head = [
        t(f"explain.head.{name}")
        for name in ("records", "verdict", "certainty", "interface", "services", "peers", "last")
    ]
    rows = [
        (
            f"{cause.records:,}",
            f"{explanation.glyph(cause)} {explanation.verdict(cause, found.names)}",
            explanation.certainty(cause),
            explanation.named(cause.interface_id, found.names)
            or t("explain.interfaces", count=f"{cause.interfaces:,}"),
            explanation.services(cause),
            f"{cause.peers:,}",
            explanation.utc(cause.last_s),
        )
        for cause in causes
    ]
    write_table(session, head, rows, right=frozenset({0, 5}))


def _draw_one(session: Session, cause: Cause, names: Mapping[str, str], *, wide: bool) -> None:
    sign = explanation.glyph(cause)
    _colored(session, sign, f"{sign} {explanation.verdict(cause, names)}")
    for step in cause.steps:
        if wide or step.layer != cause.layer or not cause.resource:
            _say(f"{explanation.sign(step)} {explanation.step_line(step, names, explanation.traffic(cause))}")
        for check in step.checks if wide or step.action == "REJECT" else ():
            _say(f"    {explanation.check_line(check, names)}")
    source, destination = explanation.ends(cause)
    counts = t(
        "explain.counts",
        records=f"{cause.records:,}",
        packets=f"{cause.packets:,}",
        bytes=byte_size(cause.bytes),
        conversations=f"{cause.conversations:,}",
    )
    why = "; ".join(explanation.reasons(cause))
    _say(f"{explanation.certainty(cause)}: {why}" if why else explanation.certainty(cause))
    _say(f"{explanation.named(cause.interface_id, names)}  {source} → {destination}  {explanation.services(cause)}")
    _say(f"{counts}  {explanation.utc(cause.first_s)} – {explanation.utc(cause.last_s)} UTC")
    _say(explanation.opener(cause))
    if cause.path is not None and (wide or (len(cause.path.out) and len(cause.path.into))):
        _say(t("explain.both_ends"))
        for line in explanation.path_lines(cause.path, names, explanation.opening_of(cause)):
            _say(f"  {line}")
    for line in (*explanation.mend_lines(cause.mend, terraform=wide), *explanation.opened(cause)):
        _say(line)
    if cause.evidence:
        click.echo()
        shown = cause.evidence if wide else cause.evidence[:6]
        short_table(session, [dict.fromkeys(_NEEDED) | row for row in shown])
    click.echo()


def draw_reached(session: Session, found: Reached) -> None:
    """Show whether a conversation is let through, step by step, and the smallest mend where it is not."""
    works = found.path.works
    word = {True: "works", False: "refused", None: "unknown"}[works]
    sign = {True: "✓", False: "✕", None: "?"}[works]
    service, source, destination = explanation.opening(found.asked)
    _colored(session, sign, f"{sign} {t(f'reach.{word}', service=service, source=source, destination=destination)}")
    for line in explanation.path_lines(found.path, found.names, (service, source, destination)):
        _say(line)
    for step in (*found.path.out, *found.path.into, *found.path.reply_out, *found.path.reply_into):
        if step.action == "REJECT" and step.checks:
            _say(t("reach.considered", resource=explanation.named(step.resource, found.names)))
            for check in step.checks:
                _say(f"  {explanation.check_line(check, found.names)}")
    if found.mend:
        for line in explanation.mend_lines(found.mend, terraform=True):
            _say(line)
    elif not works:
        _say(t("reach.no_mend"))


def _say(text: str) -> None:
    click.echo(f"  {printable(text)}")


def _colored(session: Session, sign: str, text: str) -> None:
    shown = printable(text)
    tint = _TINTS.get(sign, "")
    click.echo(f"{tint}{shown}\x1b[0m" if session.color and tint else shown, color=True)


_NEEDED: Final = (
    "start", "srcaddr", "srcport", "dstaddr", "dstport", "protocol", "packets", "bytes", "action", "log_status", "interface_id",
)  # fmt: skip
