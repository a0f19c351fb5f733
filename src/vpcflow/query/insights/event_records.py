"""Log groups that hold other events than flow logs, as a query sees them: the table `log_events` and the fields of its JSON.

A field that no event has is no field: the newest events are looked into, and for a name that none of them has, the log groups
are asked whether any event has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query import event_fields
from vpcflow.query.insights.flow_records import among
from vpcflow.query.insights.groups import EventGroup
from vpcflow.query.insights.kinds import TEXT, TIME, Value, call
from vpcflow.query.insights.records import EVERYTHING, Scope
from vpcflow.record.json_fields import discovered
from vpcflow.record.schema import LOG_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vpcflow.query.answer import Asker
    from vpcflow.query.insights.records import Range
    from vpcflow.types import LogGroup

SYSTEM: Final = (
    "@timestamp", "@message", "@ingestionTime", "@logStream", "@log", "@ptr", "@aws.account", "@aws.region",
)  # fmt: skip

_ALL: Final = 100_000
"""Fields of one event that a name is looked for among."""


class LakeEvents:
    """The log groups of a lake that hold other events. known: returns them. asker: what is asked which fields there are."""

    def __init__(self, known: Callable[[], Iterable[LogGroup]], asker: Asker) -> None:
        self._known, self._asker = known, asker

    def groups(self) -> list[EventGroup]:
        """See `groups.EventGroups`."""
        return [
            EventGroup(group.name, group.accounts[0] if len(group.accounts) == 1 else "") for group in self._known()
        ]

    def records(self, names: Sequence[str], scope: Scope = EVERYTHING) -> EventRecords:
        """See `groups.EventGroups`."""
        return EventRecords(names, self._asker, scope)


class EventRecords:
    """Events of the log groups *names*. scope: which of them count."""

    def __init__(self, names: Sequence[str], asker: Asker, scope: Scope = EVERYTHING) -> None:
        self._groups, self._asker, self._scope = tuple(names), asker, scope
        self._known: dict[str, bool] | None = None
        self._whole = False

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """See `records.Records`."""
        time = exp.column("timestamp")
        conditions: list[exp.Expr] = [self._chosen(), *self._scope.conditions()]
        if self._scope.sources is not None:
            conditions.append(among(exp.column("x_source"), self._scope.sources))
        if span.start > 0:
            conditions.append(exp.GTE(this=time.copy(), expression=exp.Literal.number(span.start)))
        if not span.open_end:
            conditions.append(exp.LTE(this=time.copy(), expression=exp.Literal.number(span.end)))
        return exp.to_table(LOG_EVENTS), conditions

    def field(self, name: str) -> Value | None:
        """See `records.Records`."""
        if name in SYSTEM:
            return self._system(name)
        return Value(event_fields.field(name), TEXT) if self._has(name) else None

    def names(self) -> list[str]:
        """See `records.Records`."""
        return [*SYSTEM, *(name for name, there in self._sample().items() if there)]

    def _chosen(self) -> exp.Expr:
        groups = [exp.Literal.string(name) for name in self._groups]
        return exp.In(this=exp.column("log_group"), expressions=groups)

    def _sample(self) -> dict[str, bool]:
        """Return the names that the newest events have, and what was found out of others since."""
        if self._known is None:
            found: dict[str, bool] = {}
            events = 0
            for batch in self._asker.ask(event_fields.sample(self._groups)).batches:
                events += batch.num_rows
                for message in batch.column("message").to_pylist():
                    found.update(dict.fromkeys(discovered(message, most=_ALL), True))
            self._known, self._whole = found, events < event_fields.SAMPLE and events == self._count()
        return self._known

    def _count(self) -> int:
        plan = exp.select(exp.Count(this=exp.Star())).from_(LOG_EVENTS).where(self._chosen())
        return sum(batch.column(0)[0].as_py() for batch in self._asker.ask(plan).batches if batch.num_rows)

    def _has(self, name: str) -> bool:
        known = self._sample()
        if name not in known:
            known[name] = not self._whole and self._any(name)
        return known[name]

    def _any(self, name: str) -> bool:
        there = exp.not_(exp.Is(this=event_fields.field(name), expression=exp.Null()))
        plan = exp.select(exp.Literal.number(1)).from_(LOG_EVENTS).where(self._chosen(), there).limit(1)
        return any(batch.num_rows for batch in self._asker.ask(plan).batches)

    def _system(self, name: str) -> Value:
        time = exp.column("timestamp")
        if name == "@timestamp":
            return Value(time, TIME, raw=time.copy())
        if name == "@ingestionTime":
            return Value(exp.column("ingestion_time"), TIME)
        columns = {
            "@message": "message",
            "@logStream": "log_stream",
            "@aws.account": "aws_account_id",
            "@aws.region": "aws_region",
        }
        if name in columns:
            return Value(exp.column(columns[name]), TEXT, total=True, plain=name == "@aws.region")
        if name == "@log":
            account = exp.column("aws_account_id")
            return Value(call("concat", account, exp.Literal.string(":"), exp.column("log_group")), TEXT, plain=True)
        # What finds the event again: its source, its time and what it is.
        parts = [exp.column("x_source"), time, call("md5", exp.column("message"))]
        return Value(call("to_base64", call("encode", call("concat_ws", exp.Literal.string(":"), *parts))), TEXT)
