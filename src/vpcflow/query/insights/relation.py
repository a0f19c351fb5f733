"""Records on their way through the stages: a SELECT that is being made.

Names stand for SQL over the columns of `source`, computed no earlier than something needs them, so a filter reaches the table
and what is shown is computed for the rows that are left. `nest` closes the SELECT and makes it the next one's source; all its
columns stay (`SELECT *`; engines leave out those that nobody reads), so what names mean stays true.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights.kinds import NUMBERS, TEXT, Value, call, scalar, text

if TYPE_CHECKING:
    from vpcflow.query.insights.compile import Compiler
    from vpcflow.query.insights.records import Records


DEFAULT_FIELDS: Final = ("@timestamp", "@message")
"""What an event query without `fields` and `display` shows (unconfirmed)."""


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an ORDER BY; nulls stand last unless *nulls_first*."""

    sql: exp.Expr
    descending: bool = False
    nulls_first: bool = False

    @property
    def node(self) -> exp.Ordered:
        """Return it as SQL has it."""
        return exp.Ordered(this=self.sql.copy(), desc=self.descending, nulls_first=self.nulls_first)


@dataclass(slots=True)
class Relation:
    """What the stages so far have made.

    names: computed names and what they mean. records: where other names come from, None where only `names` exist.
    shown: names that `fields` mentioned, in order, default: those that are shown where it
    mentioned none; displayed: what `display` says instead. order: keys, the first one first.
    event: each row is a log event. binned: the column and the period (number, unit) of a bin that rows are grouped by.
    groups: the columns that `stats` grouped by.
    """

    compiler: Compiler
    source: exp.Expr
    records: Records | None
    where: list[exp.Expr] = field(default_factory=list)
    names: dict[str, Value] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    displayed: list[tuple[str, Value]] | None = None
    order: list[Order] = field(default_factory=list)
    qualify: exp.Expr | None = None
    event: bool = True
    default: tuple[str, ...] = ()
    binned: tuple[str, int, str] | None = None
    groups: tuple[str, ...] = ()

    def copy(self) -> Relation:
        """Return one that can be changed apart."""
        return replace(
            self, where=list(self.where), names=dict(self.names), shown=list(self.shown), order=list(self.order)
        )

    def select(self, *columns: exp.Expr) -> exp.Select:
        """Return the SELECT as it stands, without order."""
        made = exp.Select(expressions=[column.copy() for column in columns] or [exp.Star()])
        made.set("from_", exp.From(this=self.source.copy()))
        if self.where:
            made.set("where", exp.Where(this=exp.and_(*(one.copy() for one in self.where), copy=False)))
        if self.qualify is not None:
            made.set("qualify", exp.Qualify(this=self.qualify.copy()))
        return made

    def ordered(self, select: exp.Select, limit: int | None = None) -> exp.Select:
        """Put order and limit to *select*."""
        if self.order:
            select.set("order", exp.Order(expressions=[key.node for key in self.order]))
        if limit is not None:
            select.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        return select

    def nest(self, *added: exp.Expr, limit: int | None = None) -> None:
        """Make the SELECT so far the source of the next; *added*: aliased columns that it has from now on."""
        select = self.select(exp.Star(), *added)
        if limit is not None:
            self.ordered(select, limit)
        self.become(select)

    def become(self, select: exp.Query) -> None:
        """Read from *select* from now on."""
        self.source = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(self.compiler.fresh())))
        self.where, self.qualify = [], None

    def show(self, name: str) -> None:
        """Add a column to the answer, beside those that would be shown without it."""
        if not self.shown:
            self.shown = list(self.default) or (list(DEFAULT_FIELDS) if self.event else list(self.names))
        if name not in self.shown:
            self.shown.append(name)

    def settle(self, value: Value) -> Value:
        """Make *value* a column of the source, so that it is computed once."""
        key = self.compiler.fresh()
        self.nest(exp.alias_(value.sql.copy(), key, quoted=True))
        return replace(value, sql=exp.column(key, quoted=True), raw=None)


def ranks(value: Value, *, descending: bool) -> list[Order]:
    """Return the keys that put rows in the natural order of *value*.

    Ascending: texts before numbers, texts chunk by chunk (`cwl_natural`), numbers by value; descending is the reverse. What is
    missing stands last either way, except that the "-" of a flow log in a column of numbers is a text (spec: `-` sorts before
    every number ascending, after all descending).
    """
    value = scalar(value)
    if value.kind in NUMBERS:
        if value.raw is not None:
            # The column behind a time is in the same order, and known to the engine.
            return [Order(value.raw.copy(), descending)]
        return [Order(value.sql.copy(), descending, nulls_first=value.number_dash and not descending)]
    written = text(value)
    if value.kind is not TEXT:
        return [Order(written, descending)]
    if value.plain:
        return [Order(call("cwl_natural", written), descending)]
    number = call("cwl_number", written)
    is_number = exp.case().when(exp.Is(this=written.copy(), expression=exp.Null()), exp.Null()).else_(
        exp.paren(exp.not_(exp.Is(this=number.copy(), expression=exp.Null()), copy=False))
    )  # fmt: skip
    return [
        Order(is_number, descending),
        Order(number, descending),
        Order(
            exp.case().when(exp.Is(this=number.copy(), expression=exp.Null()), call("cwl_natural", written)), descending
        ),
    ]
