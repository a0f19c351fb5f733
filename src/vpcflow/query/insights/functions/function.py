"""What a function is: one entry, with its reference text and examples, which run as tests.

A function is either `body`, one expression of DuckDB over its parameters' names (it becomes a macro), or `build`, which makes the
SQL from the arguments' values. Null in gives null out wherever the body's own functions do so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from vpcflow.query.insights import kinds
from vpcflow.query.insights.kinds import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlglot import exp

    from vpcflow.errors import MalformedQuery
    from vpcflow.query.insights.syntax import Call, Expr


class Scope(Protocol):
    """Where a call stands: what its arguments mean there."""

    loosely: bool
    """Whether null counts as false here, as at the top of a filter."""

    def value(self, node: Expr) -> Value:
        """Return what an expression means."""
        ...

    def condition(self, node: Expr) -> exp.Expr:
        """Return an expression as a condition."""
        ...

    def timestamp(self, node: Call) -> Value:
        """Return `@timestamp`; MalformedQuery where stats has left none."""
        ...

    def clock(self) -> Mapping[str, int]:
        """Return `now` (s), `start` and `end` of the question's range (ms)."""
        ...

    def fault(self, code: str, node: Expr, **values: object) -> MalformedQuery:
        """Return an error at *node*."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. kind: text, number, int, time, any, json, condition or period."""

    name: str
    kind: str
    optional: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    signature: `s: text, chars?: text, more...: any`. result: the kind of what it gives; body, build: see above. examples: a call
    and what `fields` shows of it, "" for nothing; an argument that is a field stands for what `given` says.
    """

    name: str
    signature: str
    result: Kind
    text: str
    examples: tuple[tuple[str, str], ...]
    body: str = ""
    build: Callable[[Scope, Call, list[Value]], Value] | None = None
    aliases: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    aggregate: bool = False
    lazy: bool = False
    """Whether *build* reads the arguments itself and gets no values."""

    @property
    def key(self) -> str:
        """The name it is found by."""
        return self.name.lower()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, read from the signature."""
        found = []
        for part in filter(None, (part.strip() for part in self.signature.split(","))):
            name, _, kind = (piece.strip() for piece in part.partition(":"))
            plain = name.rstrip("?").removesuffix("...")
            found.append(Parameter(plain, kind, name.endswith("?"), name.endswith("...")))
        return tuple(found)

    @property
    def macro(self) -> tuple[str, str]:
        """The macro's head and body."""
        return f"cwl_f_{self.key}({', '.join(one.name for one in self.parameters)})", self.body

    @property
    def shown(self) -> str:
        """How it is called, for people."""
        parts = []
        for one in self.parameters:
            name = f"{one.name} …" if one.variadic else one.name
            parts.append(f"[{name}]" if one.optional else name)
        return f"{self.name}({', '.join(parts)})"


def argument(value: Value, kind: str) -> exp.Expr:
    """Return *value* as a parameter of this kind takes it."""
    return _TAKEN[kind](value)


_TAKEN: Final[dict[str, Callable[[Value], exp.Expr]]] = {
    "text": kinds.text,
    "number": kinds.real,
    "int": kinds.integer,
    "time": kinds.integer,
    "any": lambda value: value.sql.copy(),
    "json": lambda value: value.sql.copy() if value.kind in kinds.STRUCTURES else kinds.text(value),
    "condition": kinds.condition,
}
