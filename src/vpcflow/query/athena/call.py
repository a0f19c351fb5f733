"""A function's call as builders see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from vpcflow.errors import QueryError
    from vpcflow.query.athena.types import Type


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression in DuckDB's terms, and Trino's type of it.

    written: the expression as it was in the question, for errors and for what must be a literal.
    """

    node: exp.Expr
    type: Type
    written: exp.Expr

    @property
    def text(self) -> str | None:
        """The text it is, when a literal."""
        return str(self.written.this) if isinstance(self.written, exp.Literal) and self.written.is_string else None


class Binder(Protocol):
    """What a builder may ask of the binder."""

    now: datetime

    def cast(self, value: Bound, wanted: Type, *, safe: bool = False) -> Bound:
        """Return *value* as CAST (or TRY_CAST, *safe*) gives it."""
        ...

    def coerce(self, value: Bound, wanted: Type) -> Bound:
        """Return *value* as *wanted*, which it becomes by itself."""
        ...

    def fail(self, code: str, node: exp.Expr, **values: object) -> QueryError:
        """Return an error that underlines *node*."""
        ...

    def call(self, name: str, *arguments: Bound) -> Bound:
        """Return the call of a function of the registry."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the function's name as written, its arguments bound."""

    binder: Binder
    name: str
    arguments: tuple[Bound, ...]
    node: exp.Expr

    def takes(self, least: int, most: int | None = None) -> None:
        """Refuse a wrong number of arguments."""
        most = least if most is None else most
        if not least <= len(self.arguments) <= most:
            raise self.binder.fail("query.arguments", self.node, name=self.name, given=self.told)

    @property
    def told(self) -> str:
        """The types given, for errors."""
        return ", ".join(str(value.type) for value in self.arguments)

    def bound(self, node: exp.Expr, kind: Type) -> Bound:
        """Return a result."""
        return Bound(node, kind, self.node)


Builder: TypeAlias = "Callable[[Call], Bound]"


def sql(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return the call of a function of DuckDB's."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Expr:
    """Return a text literal."""
    return exp.Literal.string(value)


def number(value: int | str) -> exp.Expr:
    """Return a number literal."""
    return exp.Literal.number(value)
