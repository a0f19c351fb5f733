"""The tree of a query. Each node knows which characters of the text it is: start inclusive, end exclusive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number (int where it is whole, else float), or true and false."""

    value: str | int | float | bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field. parts: names, and indexes in brackets; `name` is how it is spelled, without backticks."""

    parts: tuple[str | int, ...]
    start: int
    end: int

    @property
    def name(self) -> str:
        """The field's whole name: `a.b[0]`."""
        first, *rest = self.parts
        return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given. star: `count(*)`. key: the function's name in lower case."""

    function: str
    arguments: tuple[Expr, ...]
    star: bool
    start: int
    end: int

    @property
    def key(self) -> str:
        """The name functions are found by."""
        return self.function.lower()


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time as written: `5m` is 5 of minute (singular, spelled out)."""

    number: int
    unit: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Expr
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic (`+ - * / % ^`) or a comparison (`= != < <= > >=`)."""

    operator: str
    left: Expr
    right: Expr
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` of two conditions or more."""

    word: str
    parts: tuple[Expr, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition."""

    operand: Expr
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Like:
    """`like`, `not like`, `=~`. pattern: a text to be contained, or a regular expression (as DuckDB's RE2 takes it)."""

    operand: Expr
    pattern: str
    regex: bool
    negated: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class In:
    """`in`, `not in`: a list of literals, or a query whose one field is the list."""

    operand: Expr
    values: tuple[Literal, ...] | Query
    negated: bool
    start: int
    end: int


Expr: TypeAlias = Literal | Field | Call | Period | Negative | Binary | Junction | Not | Like | In


@dataclass(frozen=True, slots=True)
class Item:
    """An expression and the name of its column: the alias, else the text as typed."""

    expr: Expr
    name: str
    aliased: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One command as written. Each command has a subclass with its own parts. command: its name in the registry."""

    command: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Query:
    """Stages in their order."""

    stages: tuple[Stage, ...]
    start: int
    end: int
