"""Fields of JSON log events: which a log group has, and how a plan reaches one.

A log group's fields are discovered in its newest events when they are asked for; nothing has to be declared, and any name is
reached whether it was discovered or not. Values are texts, numbers as JSON writes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.record.json_fields import discovered, pointers
from vpcflow.record.schema import LOG_EVENTS
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vpcflow.query.answer import Asker

SAMPLE: Final = 2_000
LONGEST: Final = 16_384
"""Newest events that are looked into, and characters of the longest of them."""

MACRO: Final = """CREATE MACRO event_field(message, pointer) AS CASE WHEN json_valid(message) THEN
  CASE WHEN json_type(message, pointer) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL
  ELSE json_extract_string(message, pointer) END END"""
"""What `field` calls, for DuckDB: null for what is no JSON, and for what is no leaf of it."""


def field(name: str, message: exp.Expr | None = None) -> exp.Expr:
    """Return the text of the field *name* of an event whose *message* is JSON, null where it has none.

    name: dotted, as `record.json_fields` names it. message: the column `message` unless given.
    """
    text = exp.column("message") if message is None else message
    calls = [exp.Anonymous(this="event_field", expressions=[text.copy(), _text(one)]) for one in pointers(name)]
    return calls[0] if len(calls) == 1 else exp.func("coalesce", *calls)


def sample(log_groups: Iterable[str], time: TimeRange = TimeRange()) -> exp.Select:  # noqa: B008 - frozen
    """Return the plan that gets the newest messages of *log_groups*."""
    groups = [_text(name) for name in log_groups]
    short = exp.LTE(this=exp.func("length", exp.column("message")), expression=exp.Literal.number(LONGEST))
    chosen = exp.In(this=exp.column("log_group"), expressions=groups)
    plan = exp.select("message").from_(LOG_EVENTS).where(chosen, short)
    for edge, test in ((time.since, exp.GTE), (time.until, exp.LT)):
        if edge is not None:
            plan = plan.where(test(this=exp.column("timestamp"), expression=exp.Literal.number(edge * 1000)))
    return plan.order_by(exp.column("timestamp").desc()).limit(SAMPLE)


def of_groups(asker: Asker, log_groups: Iterable[str], time: TimeRange = TimeRange()) -> dict[str, float]:  # noqa: B008
    """Return the fields of *log_groups* and in what part of the events (0 to 100) each is, most first, then by name."""
    seen: Counter[str] = Counter()
    events = 0
    for batch in asker.ask(sample(log_groups, time)).batches:
        for message in batch.column("message").to_pylist():
            events += 1
            seen.update(list(discovered(message)))
    ranked = sorted(seen.items(), key=lambda one: (-one[1], one[0]))
    return {name: 100 * count / events for name, count in ranked}


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)
