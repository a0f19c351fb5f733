"""Log groups as a query sees them: where their records lie, what their fields are.

`FlowRecords` is the lake's flow logs, `TableRecords` an Arrow table, `UnionRecords` several at once. Another kind of log group is
a class with the same three methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.kinds import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OPEN: Final = 2**62


@dataclass(frozen=True, slots=True)
class Range:
    """The time a question asks about: epoch ms, both inclusive. 0 and OPEN leave a side open."""

    start: int = 0
    end: int = OPEN

    @property
    def open_end(self) -> bool:
        """Whether nothing is too late."""
        return self.end >= OPEN


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records of the lake's tables count. Empty parts leave nothing out; sources: ids of those that count, None for all."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    sources: frozenset[int] | None = None

    def conditions(self) -> list[exp.Expr]:
        """Return what it says of account and region."""
        found: list[exp.Expr] = []
        for key, values in (("aws_account_id", self.accounts), ("aws_region", self.regions)):
            if values:
                found.append(exp.In(this=exp.column(key), expressions=[exp.Literal.string(one) for one in values]))
        return found


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of rows between two steps: the field's name, its kind, and the name it has in SQL."""

    name: str
    kind: Kind
    key: str


class Records(Protocol):
    """Events of one kind of log group."""

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """Return what to select from (a table, or a subquery with an alias), and the conditions that *span* sets."""
        ...

    def field(self, name: str) -> Value | None:
        """Return what a field means over the source's columns; None for one that no record has."""
        ...

    def names(self) -> Iterable[str]:
        """Return the fields there are, for suggestions."""
        ...


class TableRecords:
    """Rows of an Arrow table that the engine knows as *table*; a column `@timestamp` of kind TIME is looked at for the time."""

    def __init__(self, table: str, columns: Sequence[Column]) -> None:
        self._table = table
        self._columns = {column.name: column for column in columns}

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """See `Records`."""
        time = self._columns.get("@timestamp")
        if time is None or time.kind is not Kind.TIME:
            return exp.to_table(self._table, quoted=True), []
        column = exp.column(time.key, quoted=True)
        ends = (exp.Literal.number(span.start), exp.Literal.number(span.end))
        return exp.to_table(self._table, quoted=True), [exp.Between(this=column, low=ends[0], high=ends[1])]

    def field(self, name: str) -> Value | None:
        """See `Records`."""
        column = self._columns.get(name)
        return None if column is None else Value(exp.column(column.key, quoted=True), column.kind)

    def names(self) -> Iterable[str]:
        """See `Records`."""
        return self._columns


class UnionRecords:
    """Records of several kinds of log groups at once. wanted: the fields that the query uses; no others can be asked for."""

    def __init__(self, parts: Sequence[Records], wanted: Iterable[str]) -> None:
        self._parts = tuple(parts)
        self._columns: dict[str, tuple[Kind, list[exp.Expr], int, str]] = {}
        for place, name in enumerate(sorted(wanted)):
            values = [part.field(name) for part in self._parts]
            if any(value is not None for value in values):
                kind, taken, bits = kinds.united([value or kinds.nothing() for value in values])
                self._columns[name] = (kind, taken, bits, f"u{place}")

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """See `Records`."""
        selects = []
        for place, part in enumerate(self._parts):
            table, conditions = part.source(span)
            shown = [
                exp.alias_(exp.cast(taken[place].copy(), kind.sql), key, quoted=True)
                for kind, taken, _, key in self._columns.values()
            ]
            select = exp.Select(expressions=shown or [exp.alias_(exp.Literal.number(1), "u")])
            select.set("from_", exp.From(this=table))
            if conditions:
                select.set("where", exp.Where(this=exp.and_(*conditions, copy=False)))
            selects.append(select)
        union = selects[0] if len(selects) == 1 else exp.union(*selects, distinct=False, copy=False)
        return exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier("groups"))), []

    def field(self, name: str) -> Value | None:
        """See `Records`."""
        found = self._columns.get(name)
        return None if found is None else Value(exp.column(found[3], quoted=True), found[0], bits=found[2])

    def names(self) -> Iterable[str]:
        """See `Records`."""
        return dict.fromkeys(name for part in self._parts for name in part.names())
