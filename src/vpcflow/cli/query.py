"""`vpcflow query`: Athena SQL on the lake or on files."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app import AthenaPlace
from vpcflow.cli.choices import Question, asked, one_of, place_options, read_options, resource_options, s3_options
from vpcflow.cli.render import chosen, output_option, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import written
from vpcflow.cli.summary import byte_size
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from vpcflow.cli.session import Session
    from vpcflow.query.answer import Asker, SqlAnswer
    from vpcflow.query.remote import RemoteAsker

_TABLE_ROWS: Final = 1000
_NUMBERS: Final = ("tinyint", "smallint", "integer", "bigint", "real", "double", "decimal")


@declare(
    "query",
    examples=(
        'vpcflow query "SELECT action, count(*) FROM flow_logs GROUP BY action"',
        "vpcflow query --saved VpcFlowLogsTopTalkers",
        'vpcflow query --from ./AWSLogs "SELECT srcaddr, sum(bytes) FROM flow_logs GROUP BY 1 ORDER BY 2 DESC LIMIT 5"',
    ),
)
@click.argument("sql", required=False, metavar="[SQL]")
@option("--saved", metavar="NAME")
@option("--timeout", type=click.FloatRange(0.001, 86_400), metavar="SECONDS")
@option("--max-rows", type=click.IntRange(1, 10**12), metavar="N")
@option("--from", "sources", multiple=True, metavar="SOURCE")
@place_options
@read_options
@s3_options
@resource_options
@option("--engine", default="duckdb", metavar="duckdb|athena", callback=one_of("duckdb", "athena", name="engine"))
@option("--workgroup", metavar="NAME")
@option("--database", default="default", metavar="NAME")
@option("--output-location", metavar="s3://…")
@option("--results-endpoint-url", metavar="URL")
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.query``."""
    question = Question.take(values | {"filters": (), "since": None, "until": None})
    limits = Limits(values["timeout"], values["max_rows"])
    text = _text(values["sql"], values["saved"])
    with _opened(session, question, values) as asker:
        if text is None:
            from vpcflow.cli.shell import run

            run(lambda line: answer(session, asker, line, limits, values["kind"]), asker.words())
            return 0
        rows = answer(session, asker, text, limits, values["kind"])
    return 1 if values["exit_code"] and not rows else 0


@contextlib.contextmanager
def _opened(session: Session, question: Question, values: dict[str, Any]) -> Iterator[Asker | RemoteAsker]:
    """Open what is asked: the lake, files, or Amazon Athena."""
    if values["engine"] == "duckdb":
        with asked(session, question) as (_, asker):
            yield asker
        return
    if question.sources:
        raise UsageError("from_and_athena")
    place = AthenaPlace(
        values["workgroup"],
        values["database"],
        values["output_location"],
        values["results_endpoint_url"],
    )
    with session.app.athena(place) as remote:
        yield remote


def answer(session: Session, asker: Asker | RemoteAsker, text: str, limits: Limits, kind: str | None) -> int:
    """Put a question, show the answer; return how many rows there were."""
    kind = chosen(kind)
    began = time.perf_counter()
    found = asker.query(text, limits, typed=kind in ("arrow", "parquet"))
    counted = _Counted(found)
    if kind in ("table", "wide"):
        _draw(session, counted, found)
    else:
        write_result(counted.batches(), kind)
    scanned, seconds = byte_size(found.status.bytes_scanned), _seconds(time.perf_counter() - began)
    session.note("note.answered", rows=f"{counted.rows:,}", bytes=scanned, time=seconds)
    if limits.max_rows is not None and counted.rows >= limits.max_rows:
        session.note("note.max_rows", rows=f"{limits.max_rows:,}")
    if session.verbose:
        session.note("note.sql", sql=found.sql)
    return counted.rows


def _text(sql: str | None, saved: str | None) -> str | None:
    """Return the question that is meant; None where one is to be typed in."""
    if sql is not None and saved is not None:
        raise UsageError("sql_and_saved")
    if saved is not None:
        from vpcflow.query.athena.saved import PREDEFINED

        for name, text in PREDEFINED.items():
            if name.lower() == saved.lower():
                return text
        raise UsageError("no_saved", name=saved, known=", ".join(PREDEFINED))
    if sql == "-" or (sql is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    return sql


class _Counted:
    def __init__(self, found: SqlAnswer) -> None:
        self._found = found
        self.rows = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._found.batches:
            self.rows += batch.num_rows
            yield batch


def _draw(session: Session, counted: _Counted, found: SqlAnswer) -> None:
    """Draw a table; of a long answer the first rows, and how to get the rest."""
    rows: list[list[str]] = []
    for batch in counted.batches():
        room = _TABLE_ROWS - len(rows)
        if room > 0:
            columns = [column.to_pylist() for column in batch.slice(0, room).columns]
            rows += [["" if value is None else written(value) for value in row] for row in zip(*columns, strict=True)]
    numbers = frozenset(place for place, column in enumerate(found.columns) if column.type.name in _NUMBERS)
    write_table(session, [column.name for column in found.columns], rows, right=numbers)
    if counted.rows > len(rows):
        session.note("note.more_rows", shown=f"{len(rows):,}", rows=f"{counted.rows:,}")


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
