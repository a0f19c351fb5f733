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
        self._fields: dict[tuple[str, ...], Fields] = {}

    def groups(self) -> list[EventGroup]:
        """See `groups.EventGroups`."""
        return [
            EventGroup(group.name, group.accounts[0] if len(group.accounts) == 1 else "") for group in self._known()
        ]

    def records(self, names: Sequence[str], wanted: frozenset[str], scope: Scope = EVERYTHING) -> EventRecords:
        """See `groups.EventGroups`."""
        key = tuple(names)
        fields = self._fields.setdefault(key, Fields(key, self._asker))
        return EventRecords(fields, wanted, scope)


class Fields:
    """The fields of the JSON events of the log groups *names*."""

    def __init__(self, names: tuple[str, ...], asker: Asker) -> None:
        self._names, self._asker = names, asker
        self._known: dict[str, bool] | None = None
        self._whole = False

    def chosen(self) -> exp.Expr:
        """Return the condition that an event is of these log groups."""
        return exp.In(this=exp.column("log_group"), expressions=[exp.Literal.string(name) for name in self._names])

    def seen(self) -> dict[str, bool]:
        """Return the names that the newest events have, and what was found out of others since."""
        if self._known is None:
            found: dict[str, bool] = {}
            events = 0
            for batch in self._asker.ask(event_fields.sample(self._names)).batches:
                events += batch.num_rows
                for message in batch.column("message").to_pylist():
                    found.update(dict.fromkeys(discovered(message, most=_ALL), True))
            self._known, self._whole = found, events < event_fields.SAMPLE and events == self._count()
        return self._known

    def _count(self) -> int:
        plan = exp.select(exp.Count(this=exp.Star())).from_(LOG_EVENTS).where(self.chosen())
        return sum(batch.column(0)[0].as_py() for batch in self._asker.ask(plan).batches if batch.num_rows)

    def has(self, name: str) -> bool:
        """Tell whether any event has a field."""
        known = self.seen()
        if name not in known:
            known[name] = not self._whole and self._any(name)
        return known[name]

    def _any(self, name: str) -> bool:
        there = exp.not_(exp.Is(this=event_fields.field(name), expression=exp.Null()))
        plan = exp.select(exp.Literal.number(1)).from_(LOG_EVENTS).where(self.chosen(), there).limit(1)
        return any(batch.num_rows for batch in self._asker.ask(plan).batches)


class EventRecords:
    """Events and their fields.

    wanted: those that the query uses. What the newest events have of them is a column, so that it is parsed once. scope: which
    events count.
    """

    def __init__(self, fields: Fields, wanted: frozenset[str], scope: Scope = EVERYTHING) -> None:
        self._fields, self._scope = fields, scope
        known = sorted(name for name in wanted if name not in SYSTEM and fields.seen().get(name))
        self._columns = {name: f"j{place}" for place, name in enumerate(known)}

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """See `records.Records`."""
        time = exp.column("timestamp")
        conditions: list[exp.Expr] = [self._fields.chosen(), *self._scope.conditions()]
        if self._scope.sources is not None:
            conditions.append(among(exp.column("x_source"), self._scope.sources))
        if span.start > 0:
            conditions.append(exp.GTE(this=time.copy(), expression=exp.Literal.number(span.start)))
        if not span.open_end:
            conditions.append(exp.LTE(this=time.copy(), expression=exp.Literal.number(span.end)))
        if not self._columns:
            return exp.to_table(LOG_EVENTS), conditions
        parsed = [exp.alias_(event_fields.field(name), key, quoted=True) for name, key in self._columns.items()]
        select = exp.select(exp.Star(), *parsed).from_(LOG_EVENTS).where(*conditions)
        return exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("events"))), []

    def field(self, name: str) -> Value | None:
        """See `records.Records`."""
        if name in SYSTEM:
            return self._system(name)
        if name in self._columns:
            return Value(exp.column(self._columns[name], quoted=True), TEXT)
        return Value(_shown(event_fields.field(name)), TEXT) if self._fields.has(name) else None

    def names(self) -> list[str]:
        """See `records.Records`."""
        return [*SYSTEM, *(name for name, there in self._fields.seen().items() if there)]

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


def _shown(field: exp.Expr) -> exp.Expr:
    """Return a field as Insights has it: booleans are 1 and 0 (unconfirmed)."""
    for node in field.find_all(exp.Anonymous):
        if str(node.this).lower() == "event_field":
            node.set("this", "cwl_event_field")
    return field
