"""`vpcflow insights`: CloudWatch Logs Insights queries on the lake or on files."""

from __future__ import annotations

import contextlib
import csv
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app.query_definitions import SavedInsights
from vpcflow.cli.chart import draw
from vpcflow.cli.choices import (
    Question,
    opened,
    place_options,
    read_options,
    resource_options,
    s3_options,
    time_options,
)
from vpcflow.cli.render import chosen, output_option, write_table
from vpcflow.cli.result import write_result
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text, printable
from vpcflow.cli.summary import byte_size, seconds_shown
from vpcflow.cli.words import option
from vpcflow.errors import UsageError
from vpcflow.record.write import defused
from vpcflow.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.cli.session import Session
    from vpcflow.query.insights.ask import Insights, Rows
    from vpcflow.query.insights.ask import Question as InsightsQuestion
    from vpcflow.query.insights.records import Scope

_TABLE_ROWS: Final = 1000
_TIMEOUT_S: Final = 3600
"""What AWS gives a query."""


@declare(
    "insights",
    examples=(
        "vpcflow insights 'filter action=\"REJECT\" | stats count(*) as hits by srcAddr | sort hits desc | limit 5'",
        "vpcflow insights --since 24h 'stats sum(bytes) by bin(1h)'",
        "vpcflow insights --from ./AWSLogs -o json 'fields @timestamp, srcAddr, dstPort | limit 3'",
    ),
)
@click.argument("query", required=False, metavar="[QUERY]")
@option("--log-group", "log_groups", multiple=True, metavar="NAME")
@time_options
@option("--from", "sources", multiple=True, metavar="SOURCE")
@option("-n", "rows", type=click.IntRange(1, 100_000), default=10_000, metavar="N")
@option("--chart", is_flag=True)
@option("--follow", is_flag=True)
@option("--timeout", type=click.FloatRange(0.001, 86_400), default=_TIMEOUT_S, metavar="SECONDS")
@place_options
@read_options
@s3_options
@resource_options
@option("--exit-code", is_flag=True)
@output_option
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.insights``."""
    question = Question.take(values | {"filters": ()})
    text = SavedInsights(session.app).expanded(_text(values["query"]))
    limits = Limits(values["timeout"])
    kind = chosen(values["kind"])
    if values["chart"] and values["kind"] is not None:
        raise UsageError("chart_output")
    if values["follow"]:
        return _follow(session, question, text, values, kind)
    with _opened(session, question, values["log_groups"]) as asker:
        asked = _question(question, text, values, pointers=kind == "json")
        began = time.perf_counter()
        rows = asker.ask(asked, limits)
        if values["chart"]:
            draw(session, rows)
        else:
            _show(session, rows, kind)
        told = byte_size(rows.bytes_scanned), seconds_shown(time.perf_counter() - began)
        _tell(session, rows)
        session.note("note.answered", rows=f"{rows.rows.num_rows:,}", bytes=told[0], time=told[1])
        if session.verbose:
            for sql in rows.sql:
                session.note("note.sql", sql=sql)
    return 1 if values["exit_code"] and not rows.rows.num_rows else 0


def _follow(session: Session, question: Question, text: str, values: dict[str, Any], kind: str) -> int:
    """Show what comes until it is stopped: the oldest of each round first, the head once."""
    from vpcflow.app.insights import follow

    if question.sources:
        raise UsageError("follow_from")
    if kind in ("json", "arrow", "parquet") or values["chart"]:
        raise UsageError("follow_output", kind=kind)
    asked = _question(question, text, values, pointers=False)
    with session.app.lake() as lake:
        limits = Limits(values["timeout"])
        rounds = follow(session.app, lake, values["log_groups"], _scope(question), asked, limits)
        for place, rows in enumerate(rounds):
            _add(rows, kind, first=place == 0)
            if place == 0:
                _tell(session, rows)
    return 0


def _add(rows: Rows, kind: str, *, first: bool) -> None:
    from vpcflow.query.insights import shown

    texts = shown.texts(rows)
    if rows.chart is None:
        texts.reverse()
    names = [column.name for column in rows.columns]
    if kind == "jsonl":
        for row in texts:
            found = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            click.echo(json_text(found))
    elif kind == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([names] if first else [])
        writer.writerows([["" if value is None else defused(value) for value in row] for row in texts])
    else:
        head: list[list[str | None]] = [[*names]] if first else []
        for cells in [*head, *texts]:
            click.echo("\t".join("-" if value is None else printable(value) for value in cells))
    sys.stdout.flush()


def _tell(session: Session, rows: Rows) -> None:
    for note in rows.notes:
        session.note(note.key, **note.values)


def _text(query: str | None) -> str:
    """Return the query: the argument, or standard input."""
    if query == "-" or (query is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    if query is None:
        raise UsageError("no_insights_query")
    return query


@contextlib.contextmanager
def _opened(session: Session, question: Question, log_groups: tuple[str, ...]) -> Iterator[Insights]:
    from vpcflow.app.insights import insights

    with opened(session, question) as lake, insights(session.app, lake, log_groups, _scope(question)) as asker:
        yield asker


def _scope(question: Question) -> Scope:
    from vpcflow.query.insights.records import Scope

    return Scope(question.accounts, question.regions)


def _question(question: Question, text: str, values: dict[str, Any], *, pointers: bool) -> InsightsQuestion:
    from vpcflow.query.insights.ask import Question as Asked
    from vpcflow.query.insights.records import OPEN, Range

    span = question.time
    start = 0 if span.since is None else span.since * 1000
    # --until is exclusive everywhere; Insights' own range includes its end.
    end = OPEN if span.until is None else span.until * 1000 - 1
    return Asked(
        text,
        Range(start, end),
        int(time.time()),
        limit=values["rows"],
        strict=question.strict,
        pointers=pointers,
    )


def _show(session: Session, rows: Rows, kind: str) -> None:
    from vpcflow.query.insights import shown

    if kind == "json":
        count = rows.statistics()
        answer = {
            "results": list(shown.results(rows)),
            "statistics": {
                "recordsMatched": float(count.matched),
                "recordsScanned": float(count.scanned),
                "bytesScanned": float(count.bytes),
            },
            "status": "Complete",
        }
        click.echo(json_text(answer, 1))
    elif kind in ("table", "wide"):
        texts = shown.texts(rows)
        head = [column.name for column in rows.columns]
        numbers = frozenset(place for place, column in enumerate(rows.columns) if column.kind in shown.RIGHT)
        write_table(session, head, [[value or "" for value in row] for row in texts[:_TABLE_ROWS]], right=numbers)
        if len(texts) > _TABLE_ROWS:
            session.note("note.more_rows", shown=f"{_TABLE_ROWS:,}", rows=f"{len(texts):,}")
    else:
        write_result([shown.batch(rows, typed=kind in ("arrow", "parquet"))], kind)
