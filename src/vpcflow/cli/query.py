"""`vpcflow query`: Athena SQL on the lake or on files."""

from __future__ import annotations

import contextlib
import difflib
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.cli.choices import (
    Question,
    asked,
    athena_place,
    engine_options,
    place_options,
    read_options,
    resource_options,
    s3_options,
)
from vpcflow.cli.render import chosen, output_option, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import written
from vpcflow.cli.summary import byte_size, report_losses, seconds_shown
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from vpcflow.app import AthenaPlace
    from vpcflow.cli.session import Session
    from vpcflow.query.answer import Asker, SqlAnswer
    from vpcflow.query.remote import RemoteAsker

_TABLE_ROWS: Final = 1000
_LONGEST_NAME: Final = 128
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
@option("--save", metavar="NAME")
@option("--timeout", type=click.FloatRange(0.001, 86_400), metavar="SECONDS")
@option("--max-rows", type=click.IntRange(1, 10**12), metavar="N")
@option("--from", "sources", multiple=True, metavar="SOURCE")
@place_options
@read_options
@s3_options
@resource_options
@engine_options
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.query``."""
    question = Question.take(values | {"filters": (), "since": None, "until": None})
    limits = Limits(values["timeout"], values["max_rows"])
    text, database = _text(session, values["sql"], values["saved"]), values["database"]
    if values["save"] is not None:
        _save(session, values["save"], text)
    place = athena_place(values)
    with _opened(session, question, text, place, database) as asker:
        if text is None:
            from vpcflow.cli.shell import run

            run(lambda line: answer(session, asker, line, limits, values["kind"]), asker.words())
            return 0
        rows = answer(session, asker, text, limits, values["kind"])
    return 1 if values["exit_code"] and not rows else 0


@contextlib.contextmanager
def _opened(
    session: Session, question: Question, text: str | None, place: AthenaPlace | None, database: str
) -> Iterator[Asker | RemoteAsker]:
    """Open what is asked: the lake, files, or Amazon Athena. Whoever declares a table needs no lake first."""
    if place is None:
        from vpcflow.query.athena.ddl.parse import is_ddl

        create = text is not None and is_ddl(text)
        with asked(session, question, tables=True, database=database, create=create) as asker:
            yield asker
        return
    if question.sources:
        raise UsageError("from_and_athena")
    with session.app.athena(place) as remote:
        yield remote


def answer(session: Session, asker: Asker | RemoteAsker, text: str, limits: Limits, kind: str | None) -> int:
    """Put a question, show the answer; return how many rows there were."""
    kind = chosen(kind)
    began = time.perf_counter()
    found = asker.query(text, limits, typed=kind in ("arrow", "parquet"))
    counted = _Counted(found)
    if not found.columns:
        # A statement that tells nothing but what it did.
        list(counted.batches())
    elif kind in ("table", "wide"):
        _draw(session, counted, found)
    else:
        write_result(counted.batches(), kind)
    for key, told in found.notes:
        session.note(key, **told)
    report_losses(session, found.losses())
    if not found.columns:
        return 0
    scanned, seconds = byte_size(found.status.bytes_scanned), seconds_shown(time.perf_counter() - began)
    session.note("note.answered", rows=f"{counted.rows:,}", bytes=scanned, time=seconds)
    if limits.max_rows is not None and counted.rows >= limits.max_rows:
        session.note("note.max_rows", rows=f"{limits.max_rows:,}")
    if session.verbose:
        session.note("note.sql", sql=found.sql)
    return counted.rows


def _text(session: Session, sql: str | None, saved: str | None) -> str | None:
    """Return the question that is meant; None where one is to be typed in."""
    if sql is not None and saved is not None:
        raise UsageError("sql_and_saved")
    if saved is not None:
        from vpcflow.query.athena.saved import PREDEFINED
        from vpcflow.state.saved_queries import SavedQueries

        with session.app.state() as state:
            own = SavedQueries(state, "athena").all()
        known = PREDEFINED | own
        for name, text in known.items():
            if name.lower() == saved.lower():
                return text
        near = difflib.get_close_matches(saved, known, 1, 0.6)
        raise UsageError(
            "no_saved_near" if near else "no_saved", name=saved, known=", ".join(known), near=near[0] if near else ""
        )
    if sql == "-" or (sql is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    return sql


def _save(session: Session, name: str, text: str | None) -> None:
    """Keep a question that can be read under a name."""
    from vpcflow.query.athena.parse import parse
    from vpcflow.query.athena.saved import PREDEFINED
    from vpcflow.state.saved_queries import SavedQueries

    if text is None:
        raise UsageError("save_nothing")
    if name.lower() in {known.lower() for known in PREDEFINED}:
        raise UsageError("save_predefined", name=name)
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise UsageError("save_name", name=name)
    parse(text)
    with session.app.lake(create=True), session.app.state() as state:
        SavedQueries(state, "athena").put(name, text.strip())
    session.note("note.saved", name=name)


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
