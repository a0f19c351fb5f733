"""`vpcflow denied`: who is refused again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from vpcflow.analyze.denied import KEYS, find
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, question_options
from vpcflow.cli.render import chosen, output_option, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.when import utc
from vpcflow.cli.words import option
from vpcflow.i18n import t
from vpcflow.query.schema import resolve
from vpcflow.record.fields import BY_COLUMN
from vpcflow.record.schema import arrow_type

if TYPE_CHECKING:
    from vpcflow.analyze.denied import Denials
    from vpcflow.cli.session import Session


def _key(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    column = resolve(value, "flows")
    if column not in KEYS:
        names = ", ".join(BY_COLUMN[name].name for name in KEYS)
        raise click.BadParameter(t("error.not_one_of", value=value, words=names), ctx, parameter)
    return column


@declare(
    "denied",
    examples=(
        "vpcflow denied --since 24h",
        "vpcflow denied --by dstport -n 5",
        "vpcflow denied -f 'dst = 10.0.0.0/16' --from ./AWSLogs -o json",
    ),
)
@option("--by", default="srcaddr", metavar="srcaddr|dstaddr|dstport|interface-id", callback=_key)
@option("-n", "--limit", "limit", type=click.IntRange(1, 1_000_000), default=10, metavar="N")
@option("--at-least", type=click.IntRange(1, 1_000_000_000), default=2, metavar="ATTEMPTS")
@question_options
@engine_options
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.denied``."""
    question, place = Question.take(values), athena_place(values)
    scope = question.scope()
    with asked(session, question, athena=place) as asker:
        denials = find(asker, values["by"], scope, limit=values["limit"], at_least=values["at_least"])
    kind = chosen(values["kind"])
    if kind in ("table", "wide"):
        _draw(session, denials)
    else:
        write_result([_table(denials)], kind)
    if not denials.rows:
        session.note("note.nobody_denied", attempts=values["at_least"])
    if session.verbose:
        session.note("note.sql", sql=denials.sql)
    return 1 if values["exit_code"] and not denials.rows else 0


def _draw(session: Session, denials: Denials) -> None:
    if not denials.rows:
        return
    titles = ("attempts", "ports", "targets", "sources", "first", "last", "still")
    shown = [name for name in titles if not _same(name, denials.by)]
    rows = []
    for row in denials.rows:
        cells = {
            "attempts": f"{row.attempts:,}",
            "ports": f"{row.ports:,}",
            "targets": f"{row.targets:,}",
            "sources": f"{row.sources:,}",
            "first": utc(row.first_s),
            "last": utc(row.last_s),
            "still": t("denied.yes") if row.still else t("denied.no"),
        }
        rows.append([f"✕ {row.key}", *(cells[name] for name in shown)])
    head = [BY_COLUMN[denials.by].name, *(t(f"denied.{name}") for name in shown)]
    numbers = {place for place, name in enumerate(shown, 1) if name in titles[:4]}
    write_table(session, head, rows, right=frozenset(numbers))
    if denials.distinct > len(denials.rows):
        session.note("denied.other", count=f"{denials.distinct - len(denials.rows):,}")
    session.note("denied.measure", newest=utc(denials.newest_s))


def _same(title: str, by: str) -> bool:
    """Tell whether a count would be one for every row."""
    return {"srcaddr": "sources", "dstaddr": "targets", "dstport": "ports"}.get(by) == title


def _table(denials: Denials) -> pa.RecordBatch:
    names = ("attempts", "packets", "bytes", "ports", "targets", "sources", "first_s", "last_s", "still")
    labels = {"ports": "distinct_ports", "targets": "distinct_targets", "sources": "distinct_sources",
              "first_s": "first_seen", "last_s": "last_seen", "still": "still_trying"}  # fmt: skip
    columns = {denials.by: pa.array((row.key for row in denials.rows), arrow_type(denials.by))}
    for name in names:
        kind = pa.bool_() if name == "still" else pa.int64()
        columns[labels.get(name, name)] = pa.array((getattr(row, name) for row in denials.rows), kind)
    return pa.record_batch(columns)
