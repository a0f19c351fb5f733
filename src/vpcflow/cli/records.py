"""`vpcflow records`: the records themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.analyze.records import plan
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, field, one_of, question_options
from vpcflow.cli.flow_table import SHORT, short_table, wide_table
from vpcflow.cli.render import chosen, output_option, write_batches
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.summary import byte_size
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.query.schema import FLOWS
from vpcflow.record.fields import BY_COLUMN
from vpcflow.record.format import LogFormat
from vpcflow.record.schema import OWN, in_order
from vpcflow.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from vpcflow.cli.session import Session
    from vpcflow.query.answer import Answer, Asker

_TABLE_ROWS: Final = 100
_MAX_ROWS: Final = 1_000_000_000


@declare(
    "records",
    examples=(
        "vpcflow records -f 'action = REJECT and dstport in (22, 3389)'",
        "vpcflow records --since 1h -f 'src = 203.0.113.77 or dst = 203.0.113.77' -o wide",
        "vpcflow records --from ./AWSLogs -o parquet > flows.parquet",
    ),
)
@question_options
@engine_options
@option("-n", "--limit", "limit", type=click.IntRange(0, _MAX_ROWS), metavar="N")
@option("--fields", metavar="FIELD,…")
@option("--table", default="flow_logs", metavar="TABLE", callback=one_of(*FLOWS.values(), name="table"))
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.records``."""
    question, place = Question.take(values), athena_place(values)
    kind = chosen(values["kind"])
    flows = next(name for name, base in FLOWS.items() if base == values["table"])
    human = kind in ("table", "wide")
    limit = values["limit"] if values["limit"] is not None else (_TABLE_ROWS if human else 0)
    scope = question.scope(flows)
    chosen_fields = _chosen(values["fields"], flows)
    with asked(session, question, athena=place) as asker:
        columns = chosen_fields or _columns(asker, values["table"], kind)
        # One row more tells whether there is more.
        wanted = limit + 1 if limit and human else limit or None
        answer = asker.ask(plan(scope, asker.schema(), columns, limit=wanted), Limits())
        counted = _Counted(answer)
        if not human and not all(_is_written(name, kind) for name in columns):
            write_result(counted.batches(limit), kind)
        elif not human:
            write_batches(counted.batches(limit), kind, _format(columns) if kind == "text" else None)
        elif kind == "wide" or values["fields"] or values["table"] != "flow_logs":
            wide_table(session, counted.dicts(limit), columns)
        else:
            short_table(session, counted.dicts(limit))
        if counted.more:
            session.note("note.more_records", count=f"{limit:,}")
        if not counted.rows:
            session.note("note.no_records")
            _elsewhere(session, asker, values["table"])
        if session.verbose:
            session.note("note.scanned", bytes=byte_size(answer.status.bytes_scanned), rows=f"{counted.rows:,}")
    return 1 if values["exit_code"] and not counted.rows else 0


def _elsewhere(session: Session, asker: Asker, table: str) -> None:
    """Say where records are when there are none here."""
    for other in FLOWS.values():
        if other != table and asker.newest(table) is None and asker.schema().present[other]:
            session.note("note.other_table", table=other)


class _Counted:
    """An answer's batches, counted, cut at the number asked for."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.rows = 0
        self.more = False

    def batches(self, limit: int) -> Iterator[pa.RecordBatch]:
        for batch in self._answer.batches:
            kept = batch
            if limit and self.rows + batch.num_rows > limit:
                kept, self.more = batch.slice(0, limit - self.rows), True
            self.rows += kept.num_rows
            yield kept

    def dicts(self, limit: int) -> Iterator[dict[str, Any]]:
        for batch in self.batches(limit):
            yield from batch.to_pylist()


def _chosen(fields: str | None, flows: str) -> list[str]:
    """Return the columns that ``--fields`` names, in its order; none where it is not given."""
    found: list[str] = []
    for name in (fields or "").split(","):
        if not name.strip():
            continue
        column = field(name.strip(), flows)
        if column in found:
            raise UsageError("same_dimension", name=name.strip())
        found.append(column)
    return found


def _columns(asker: Asker, table: str, kind: str) -> list[str]:
    present = asker.schema().present[table]
    if kind == "table" and table == "flow_logs":
        return list(SHORT)
    shown = [name for name in in_order(table, present) if name in BY_COLUMN or (name in OWN and kind != "text")]
    if kind in ("json", "jsonl", "arrow", "parquet") and "x_extra" in present:
        shown.append("x_extra")
    return shown or [name for name in SHORT if table == "flow_logs" or name not in ("action", "interface_id")]


def _is_written(name: str, kind: str) -> bool:
    """Tell whether a column is of records, which have forms of their own; others make a result. Text has AWS's only."""
    return name in BY_COLUMN or name == "x_extra" or (name in OWN and kind != "text")


def _format(columns: list[str]) -> LogFormat:
    return LogFormat(tuple(BY_COLUMN[name].name if name in BY_COLUMN else name for name in columns))
