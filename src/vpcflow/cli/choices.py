"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from sqlglot import exp

from vpcflow.analyze.plan import Scope
from vpcflow.app import AthenaPlace, Reading, Wanted
from vpcflow.cli.progress import Bar
from vpcflow.cli.shown import described
from vpcflow.cli.summary import byte_size, report_problems, summary
from vpcflow.cli.when import When
from vpcflow.cli.words import option
from vpcflow.errors import RecordError, UsageError
from vpcflow.i18n import t
from vpcflow.query.filter import parse
from vpcflow.query.schema import nearest, resolve
from vpcflow.record.format import LogFormat
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vpcflow.cli.session import Session
    from vpcflow.lake.lake import Lake
    from vpcflow.query.answer import Asker
    from vpcflow.telemetry import BadLine


def _all(*declarations: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(function: Any) -> Any:  # noqa: ANN401 - click's own
        for declare in reversed(declarations):
            function = declare(function)
        return function

    return apply


def one_of(*words: str, name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a check that a value is one of *words*, in our words."""

    def check(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:  # noqa: ANN401
        if value is not None and value not in words:
            raise click.BadParameter(t("error.not_one_of", value=value, words=", ".join(words)), ctx, parameter)
        return value

    check.__name__ = name
    return check


time_options = _all(
    option("--since", type=When(), metavar="TIME"),
    option("--until", type=When(), metavar="TIME"),
)
place_options = _all(
    option("--account", "accounts", multiple=True, metavar="ID"),
    option("--region", "regions", multiple=True, metavar="REGION"),
)
s3_options = _all(
    option("--profile", metavar="NAME"),
    option("--bucket-region", metavar="REGION"),
    option("--aws-region", metavar="REGION"),
    option("--endpoint-url", metavar="URL"),
    option("--no-sign-request", is_flag=True),
)
read_options = _all(
    option("--format", "log_format", metavar="'${FIELD} …'"),
    option("--strict", is_flag=True),
    option("--bad-lines", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE"),
)
resource_options = _all(
    option("--memory", metavar="SIZE"), option("--threads", metavar="N"), option("--cache-size", metavar="SIZE")
)
engine_options = _all(
    option("--engine", default="duckdb", metavar="duckdb|athena", callback=one_of("duckdb", "athena", name="engine")),
    option("--workgroup", metavar="NAME"),
    option("--database", default="default", metavar="NAME"),
    option("--output-location", metavar="s3://…"),
    option("--results-endpoint-url", metavar="URL"),
)


def athena_place(values: dict[str, Any]) -> AthenaPlace | None:
    """Take where on Amazon Athena is asked out of a command's values; None where it is asked here."""
    names = ("workgroup", "database", "output_location", "results_endpoint_url")
    place = AthenaPlace(*(values.pop(name) for name in names))
    return place if values.pop("engine") == "athena" else None


question_options = _all(
    option("-f", "--filter", "filters", multiple=True, metavar="FILTER"),
    time_options,
    option("--from", "sources", multiple=True, metavar="SOURCE"),
    place_options,
    read_options,
    s3_options,
    resource_options,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What the options of a question say together."""

    filters: tuple[str, ...]
    since: int | None
    until: int | None
    sources: tuple[str, ...]
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    log_format: str | None
    strict: bool
    bad_lines: Path | None

    @classmethod
    def take(cls, values: dict[str, Any]) -> Question:
        """Take a question's options out of a command's values."""
        names = cls.__dataclass_fields__
        return cls(**{name: values.pop(name) for name in names})

    @property
    def time(self) -> TimeRange:
        """The time asked about; UsageError when it ends before it begins."""
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise UsageError("time_empty")
        return TimeRange(self.since, self.until)

    def scope(self, table: str = "flows") -> Scope:
        """Return the records that are meant."""
        conditions = [found for text in self.filters if (found := parse(text, table)) is not None]
        for column, values in (("aws_account_id", self.accounts), ("aws_region", self.regions)):
            if values:
                literals = [exp.Literal.string(value) for value in values]
                conditions.append(exp.In(this=exp.column(column), expressions=literals))
        return Scope(table, exp.and_(*conditions) if conditions else None, self.time)


@contextlib.contextmanager
def asked(
    session: Session,
    question: Question,
    *,
    tables: bool = False,
    database: str = "default",
    create: bool = False,
    athena: AthenaPlace | None = None,
) -> Iterator[Asker]:
    """Open what a question is put to: the lake, with ``--from`` the sources themselves, or Amazon *athena*.

    tables: users' tables are asked too, where it is the lake. create: the lake is made where there is none.
    """
    question.time  # noqa: B018 - a wrong range is told before anything is read
    if athena is not None:
        if question.sources:
            raise UsageError("from_and_athena")
        with session.app.athena_asker(athena) as asker:
            yield asker
        return
    with opened(session, question, create=create) as lake, contextlib.ExitStack() as stack:
        state = stack.enter_context(session.app.state()) if tables and not question.sources else None
        yield stack.enter_context(session.app.asker(lake, tables=state, database=database))


@contextlib.contextmanager
def opened(session: Session, question: Question, *, create: bool = False) -> Iterator[Lake]:
    """Open the lake, or with ``--from`` the sources as one. create: the lake is made where there is none."""
    question.time  # noqa: B018 - a wrong range is told before anything is read
    if not question.sources:
        with session.app.lake(create=create) as lake:
            if lake.restored:
                session.note("note.restored", path=session.app.lake_name)
            yield lake
            counts = session.app.cache.counts
            if session.verbose and (counts.hits or counts.fetched):
                fetched = byte_size(counts.fetched_bytes)
                session.note("note.fetched", count=f"{counts.fetched:,}", bytes=fetched, hits=f"{counts.hits:,}")
        return
    wanted = Wanted(question.accounts, question.regions, question.time)
    with (
        reading(
            session,
            question.log_format,
            question.bad_lines,
            strict=question.strict,
            total=lambda: session.app.total_bytes(question.sources, wanted),
        ) as read,
        session.app.passing_lake(question.sources, wanted, read) as (lake, done),
    ):
        failed = done.progress.failed
        if failed and not done.progress.objects:
            # The first is told as the error that it is, any others before it.
            error = failed.pop(0)[1]
            report_problems(session, done)
            raise error
        report_problems(session, done)
        if session.verbose:
            click.echo(summary(done.progress), err=True)
        yield lake


@contextlib.contextmanager
def reading(
    session: Session, log_format: str | None, bad_lines: Path | None, *, strict: bool, total: Callable[[], int | None]
) -> Iterator[Reading]:
    """Open how sources are read: progress on a terminal, bad lines to a file, or none allowed.

    total: bytes there are to read, asked only where a bar is shown.
    """
    with contextlib.ExitStack() as stack:
        keep: BinaryIO | None = None
        if bad_lines is not None:
            keep = stack.enter_context(bad_lines.open("wb"))
        shown = sys.stderr.isatty() and not session.quiet
        bar = stack.enter_context(Bar(shown=shown, total_bytes=total() if shown else None))

        def on_bad(bad: BadLine, raw: bytes) -> None:
            if keep is not None:
                keep.write(raw.rstrip(b"\r\n") + b"\n")
            if strict:
                raise RecordError("strict", **described(bad))

        yield Reading(
            log_format=LogFormat.parse(log_format) if log_format else None,
            on_bad=on_bad if strict or keep is not None else None,
            on_progress=bar.show,
        )


def field(name: str, table: str) -> str:
    """Return the column that a field's name means; UsageError suggests the near one. table: one of `schema.FLOWS`."""
    column = resolve(name, table)
    if column is None:
        near = nearest(name, table)
        raise UsageError("unknown_field_near" if near else "unknown_field", name=name, near=near)
    return column
