"""Which log groups a query reads: those of the lake by name, or by what `SOURCE` says of them.

Flow logs that came with a log group are in it; those that did not (files, S3) are in one called as their table: `flow_logs`,
`transit_gateway_flow_logs`. A query that names no log group is put to all flow logs. Other log groups (`log_events`) come from
an `EventGroups`.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from vpcflow.query.insights.flow_records import FlowRecords
from vpcflow.query.insights.records import EVERYTHING, Scope, UnionRecords
from vpcflow.record.fields import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

    from vpcflow.query.insights.commands.source import Selector, Source
    from vpcflow.query.insights.flow_records import Sources
    from vpcflow.query.insights.records import Records
    from vpcflow.query.schema import Schema

FLOW_DATA_SOURCE = "amazon_vpc.flow"
"""The data source of flow logs."""


@dataclass(frozen=True, slots=True)
class EventGroup:
    """A log group that holds other events than flow logs. tags: key, value."""

    name: str
    account: str = ""
    log_class: str = "STANDARD"
    tags: tuple[tuple[str, str], ...] = ()
    data_source: str = ""


class EventGroups(Protocol):
    """Log groups that hold other events."""

    def groups(self) -> Iterable[EventGroup]:
        """Return all of them."""
        ...

    def records(self, names: Sequence[str], wanted: frozenset[str], scope: Scope = EVERYTHING) -> Records:
        """Return the events of these. wanted: the fields that the query uses."""
        ...


class LakeGroups:
    """Log groups of a lake.

    names: what the question is put to, none for all flow logs. lookup: gives a lookup table by name. scope: which
    records of them count.
    """

    def __init__(
        self,
        schema: Schema,
        sources: Sources,
        names: Sequence[str] = (),
        *,
        events: EventGroups | None = None,
        lookup: Callable[[str], pa.Table | None] = lambda _name: None,
        scope: Scope = EVERYTHING,
    ) -> None:
        self._schema, self._sources, self.asked = schema, sources, tuple(names)
        self._events, self._lookup, self._scope = events, lookup, scope
        self._flows: dict[tuple[str, str], set[int]] = {}
        for source in sources.all:
            self._flows.setdefault((source.log_group or source.table, source.table), set()).add(source.id)

    def names(self) -> list[str]:
        """Return the names of all log groups, sorted."""
        return sorted({name for name, _ in self._flows} | {group.name for group in self._event_groups()})

    def table(self, name: str) -> pa.Table | None:
        """See `compile.Groups`."""
        return self._lookup(name)

    def records(self, source: Source | None, wanted: frozenset[str]) -> Records | None:
        """See `compile.Groups`."""
        if source is None:
            return (
                self._named(self.asked, wanted)
                if self.asked
                else FlowRecords("flow_logs", self._schema, self._sources, self._scope)
            )
        if source.name:
            return self._named((source.name,), wanted)
        return self._of(*self._selected(source.selector), wanted)

    def _event_groups(self) -> list[EventGroup]:
        return list(self._events.groups()) if self._events is not None else []

    def _named(self, names: Sequence[str], wanted: frozenset[str]) -> Records | None:
        """Return the records of these log groups, None where one of them does not exist. An ARN is as good as a name."""
        plain = [name.removesuffix(":*").rpartition(":log-group:")[2] for name in names]
        others = {group.name for group in self._event_groups()}
        flows = [key for key in self._flows if key[0] in plain]
        known = {name for name, _ in flows} | others | set(TABLES)
        if not set(plain) <= known:
            return None
        empty = [(name, name) for name in plain if name in TABLES and not any(key[0] == name for key in flows)]
        return self._of([*flows, *empty], [name for name in plain if name in others], wanted)

    def _of(self, flows: Sequence[tuple[str, str]], events: Sequence[str], wanted: frozenset[str]) -> Records | None:
        parts: list[Records] = []
        for table in dict.fromkeys(table for _, table in flows):
            ids = frozenset().union(*(self._flows.get(key, set()) for key in flows if key[1] == table))
            ids = ids if self._scope.sources is None else ids & self._scope.sources
            everything = frozenset(one.id for one in self._sources.of(table))
            chosen = replace(self._scope, sources=None if ids == everything else ids)
            parts.append(FlowRecords(table, self._schema, self._sources, chosen))
        if events and self._events is not None:
            parts.append(self._events.records(events, wanted, self._scope))
        if not parts:
            # Nothing is selected: no log group is an empty answer, as on AWS, not an error.
            return FlowRecords("flow_logs", self._schema, self._sources, Scope(sources=frozenset()))
        return parts[0] if len(parts) == 1 else UnionRecords(parts, wanted)

    def _selected(self, selector: Selector) -> tuple[list[tuple[str, str]], list[str]]:
        flows = [key for key in self._flows if _matches(selector, EventGroup(key[0], data_source=FLOW_DATA_SOURCE))]
        return flows, [group.name for group in self._event_groups() if _matches(selector, group)]


def _matches(selector: Selector, group: EventGroup) -> bool:
    if selector.prefixes and not group.name.startswith(selector.prefixes):
        return False
    if selector.accounts and group.account and group.account not in selector.accounts:
        return False
    if group.log_class not in (selector.classes or ("STANDARD",)):
        return False
    if selector.data_sources and group.data_source not in selector.data_sources:
        return False
    return all(_tagged(group, key, values) for key, values in selector.tags)


def _tagged(group: EventGroup, key: str, values: Sequence[str]) -> bool:
    """Tell whether a group's tag is one of *values*: `*` stands for anything, a leading `!` for not."""
    value = dict(group.tags).get(key)
    if value is None:
        return False
    return any(not _like(value, one[1:]) if one.startswith("!") else _like(value, one) for one in values)


def _like(value: str, pattern: str) -> bool:
    escaped = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(value, escaped)
