"""`vpcflow explain`: security group or network ACL, which rule, and what would change."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time as clock
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vpcflow.app.explain import asked_about, asked_of, explain, explain_all, near, read_records, rules_in
from vpcflow.cli.choices import Question, asked, athena_place, engine_options, one_of, question_options
from vpcflow.cli.explained import draw, say_nothing_found, write_document, write_flat
from vpcflow.cli.render import KINDS, chosen
from vpcflow.cli.session import command as declare
from vpcflow.cli.when import When, seconds
from vpcflow.cli.words import option
from vpcflow.errors import LakeError, UsageError
from vpcflow.i18n import t
from vpcflow.record.format import LogFormat
from vpcflow.record.numbers import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.analyze.explain.judge import Rules
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import AthenaPlace
    from vpcflow.app.explain import Asked
    from vpcflow.cli.session import Session
    from vpcflow.query.answer import Asker

    _Meant = tuple[Asker, Scope, Asked | None, Sequence[Rules]]

_RECORD = (
    "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
)
_KINDS = (*KINDS, "markdown")
_MAX_PORT = 65535


def protocol(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a protocol's number, given by name or number."""
    if value is None:
        return None
    if value.lower() in BY_NAME:
        return BY_NAME[value.lower()]
    if value.isdecimal() and len(value) <= 3 and int(value) < 256:
        return int(value)
    raise click.BadParameter(t("error.not_a_protocol", value=value), ctx, parameter)


def port(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a port's number."""
    if value is not None and not (value.isdecimal() and len(value) <= 5 and int(value) <= _MAX_PORT):
        raise click.BadParameter(t("error.not_a_port", value=value), ctx, parameter)
    return None if value is None else int(value)


@declare(
    "explain",
    examples=(
        "vpcflow explain 203.0.113.77 10.0.1.10 22",
        "vpcflow explain --all --since 24h -o json",
        f"vpcflow explain --record '{_RECORD}'",
    ),
)
@click.argument("source", required=False)
@click.argument("destination", required=False)
@click.argument("port", required=False, callback=port)
@option("--all", "everything", is_flag=True)
@option("--record", "records", multiple=True, metavar="LINE")
@option("--protocol", callback=protocol, metavar="NAME|NUMBER")
@option("--at", type=When(), metavar="TIME")
@option("--network", "network", metavar="PATH|@TIME|none")
@question_options
@engine_options
@option("-n", "--limit", "limit", type=click.IntRange(1, 1_000_000), default=20, metavar="N")
@option("--exit-code", is_flag=True)
@option("-o", "--output", "kind", metavar="KIND", callback=one_of(*_KINDS, name="output"), default=None)
def command(session: Session, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.explain``."""
    question, place = Question.take(values), athena_place(values)
    _check(values)
    with _asked(session, question, place, values) as (asker, scope, about, rules):
        found = explain_all(asker, scope, rules) if about is None else explain(asker, about, scope, rules)
    kind = chosen(values["kind"])
    if kind in ("json", "jsonl"):
        write_document(found, kind)
    elif kind in ("text", "csv", "parquet", "arrow"):
        write_flat(found, kind)
    else:
        draw(session, found, kind, limit=values["limit"])
    if not found.causes and kind not in ("table", "wide", "markdown"):
        say_nothing_found(session, found)
    if session.verbose and found.found.sql:
        session.note("note.sql", sql=found.found.sql)
    return 1 if values["exit_code"] and not found.found.causes else 0


def _when(text: str) -> int:
    return seconds(text, now_s=clock.time())


def _check(values: dict[str, Any]) -> None:
    given = [name for name in ("everything", "records", "source") if values[name]]
    if len(given) != 1 or (values["source"] and not values["destination"]):
        raise UsageError("explain.what")
    if values["everything"] and values["at"] is not None:
        raise UsageError("explain.at_all")


@contextlib.contextmanager
def _asked(session: Session, question: Question, place: AthenaPlace | None, values: dict[str, Any]) -> Iterator[_Meant]:
    """Open what is asked, with the records, the conversation and the rules that are meant."""
    if values["records"]:
        with _of_record(session, question, place, values) as found:
            yield found
        return
    time = question.time if values["at"] is None else near(question.scope(), values["at"]).time
    rules = rules_in(session.app, time, values["network"], _when)
    about = None
    if not values["everything"]:
        about = asked_about(values["source"], values["destination"], values["port"], values["protocol"], rules)
    elif values["protocol"] is not None:
        question = replace(question, filters=(*question.filters, f"protocol = {values['protocol']}"))
    scope = question.scope()
    if values["at"] is not None:
        scope = near(scope, values["at"])
    with asked(session, question, athena=place) as asker:
        yield asker, scope, about, rules


@contextlib.contextmanager
def _of_record(
    session: Session, question: Question, place: AthenaPlace | None, values: dict[str, Any]
) -> Iterator[_Meant]:
    """Open the lake or the sources that have the record's conversation; where none has, the record alone is asked."""
    log_format = LogFormat.parse(question.log_format) if question.log_format else None
    lines = values["records"]
    about, time = asked_of(read_records(lines, log_format)[0])
    rules = rules_in(session.app, time, values["network"], _when)
    scope = replace(question.scope(), time=time)
    wide = replace(question, since=time.since, until=time.until)
    with contextlib.ExitStack() as stack:
        if (asker := _lake(session, wide, place, stack)) is not None and explain(asker, about, scope).found.causes:
            yield asker, scope, about, rules
            return
    session.note("explain.record_alone")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"vpcflow-{os.getpid()}-")))
        source = folder / "record.log"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        own = Question(
            (), time.since, time.until, (str(source),), (), (), question.log_format, strict=True, bad_lines=None
        )
        asker = stack.enter_context(asked(session, own))
        yield asker, scope, about, rules


def _lake(session: Session, question: Question, place: AthenaPlace | None, stack: contextlib.ExitStack) -> Asker | None:
    """Open what else may know the conversation; None where there is no lake."""
    try:
        return stack.enter_context(asked(session, question, athena=place))
    except LakeError:
        return None
