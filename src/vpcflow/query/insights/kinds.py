"""Values while a query is compiled: SQL of DuckDB, and which kind of value it gives.

In Insights every scalar is a text that may look like a number. Where it is known to be one (flow log columns, results of
functions) the SQL is typed; TEXT is everything else, and is looked at row by row.

    INT     whole number; BIGINT, or HUGEINT where `bits` may pass 63
    DOUBLE  number; never NaN, never infinite: those are null
    BOOL    condition, shown as 1 and 0
    TIME    epoch ms (BIGINT), shown as YYYY-MM-DD HH:MM:SS.mmm
    TEXT    text
    JSON    JSON as text: from a document, so possibly a map, a list or a scalar, by row
    LIST    JSON array as text: from split, values, topk
    NOTHING null: a field that no record has
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from sqlglot import exp


class Kind(Enum):
    """What a value is."""

    INT = "BIGINT"
    DOUBLE = "DOUBLE"
    BOOL = "BOOLEAN"
    TIME = "BIGINT "
    TEXT = "VARCHAR"
    JSON = "VARCHAR "
    LIST = "VARCHAR  "
    NOTHING = "VARCHAR   "

    @property
    def sql(self) -> str:
        """DuckDB's type."""
        return self.value.strip()


INT, DOUBLE, BOOL, TIME, TEXT = Kind.INT, Kind.DOUBLE, Kind.BOOL, Kind.TIME, Kind.TEXT
JSON, LIST, NOTHING = Kind.JSON, Kind.LIST, Kind.NOTHING
NUMBERS: Final = frozenset({INT, DOUBLE, BOOL, TIME})
STRUCTURES: Final = frozenset({JSON, LIST})

NUMBER: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""A text that acts as a number: what `isNumeric` says yes to."""
_NUMBER: Final = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class Value:
    """sql: its tree; copied by whoever uses it twice. bits: of an INT. const: of a literal.

    raw: of a flow log's text column, whose null is shown as "-": the column itself. total: every record has the field, so that
    this value is never null. number_dash: a number column's null is a "-" of the log. plain: never
    looks like a number. address: an address, or "-".
    """

    sql: exp.Expr
    kind: Kind
    bits: int = 63
    const: str | int | float | bool | None = None
    raw: exp.Expr | None = None
    total: bool = False
    number_dash: bool = False
    plain: bool = False
    address: bool = False


def nothing() -> Value:
    """Return null."""
    return Value(exp.cast(exp.Null(), "VARCHAR"), NOTHING)


def number_of(text: str) -> int | float | None:
    """Return the number a text acts as, None for one that does not."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return None
    digits = text.lstrip("+-")
    return int(text) if digits.isdigit() and len(digits) <= 18 else value


def literal(value: str | float | bool) -> Value:  # noqa: FBT001 - a value like the others
    """Return a constant."""
    if isinstance(value, bool):
        return Value(exp.true() if value else exp.false(), BOOL, const=value)
    if isinstance(value, str):
        return Value(exp.Literal.string(value), TEXT, const=value, plain=number_of(value) is None)
    if isinstance(value, int):
        return Value(whole(value), INT, bits=max(1, value.bit_length()), const=value)
    return Value(double(value), DOUBLE, const=value)


def whole(value: int) -> exp.Expr:
    """Return a whole number's literal."""
    number = exp.Literal.number(abs(value))
    return exp.paren(exp.Neg(this=number)) if value < 0 else number


def double(value: float) -> exp.Expr:
    """Return a double's literal, exactly."""
    return exp.cast(exp.Literal.string(repr(float(value))), "DOUBLE")


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call of one of DuckDB's functions, or of a macro of ours; arguments are copied."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


# --- coercions -------------------------------------------------------------------------------------------------


def text(value: Value) -> exp.Expr:
    """Return *value* as a text function gets it. A time is its milliseconds, a structure nothing."""
    if value.kind is TEXT:
        return value.sql.copy()
    if value.kind in (INT, TIME):
        return exp.cast(value.sql.copy(), "VARCHAR")
    if value.kind is DOUBLE:
        return call("cwl_shown", value.sql)
    if value.kind is BOOL:
        return exp.cast(exp.cast(value.sql.copy(), "INTEGER"), "VARCHAR")
    if value.kind is JSON:
        return call("cwl_scalar", value.sql)
    return nothing().sql


def number(value: Value) -> exp.Expr:
    """Return *value* as a number: INT as it is, everything else a double; null for what is none."""
    if value.kind in (INT, DOUBLE, TIME):
        return value.sql.copy()
    if value.kind is BOOL:
        return exp.cast(value.sql.copy(), "BIGINT")
    if value.kind is NOTHING or value.kind is LIST:
        return exp.cast(exp.Null(), "DOUBLE")
    if isinstance(value.const, str):
        found = number_of(value.const)
        return exp.cast(exp.Null(), "DOUBLE") if found is None else literal(found).sql
    return call("cwl_number", text(value))


def as_number(value: Value) -> Value:
    """Return *value* as a number with its kind."""
    if value.kind in (INT, DOUBLE):
        return value
    if isinstance(value.const, str) and isinstance(found := number_of(value.const), int):
        return literal(found)
    if value.kind in (BOOL, TIME):
        return Value(number(value), INT, bits=1 if value.kind is BOOL else 63)
    return Value(number(value), DOUBLE)


def real(value: Value) -> exp.Expr:
    """Return *value* as a double."""
    found = as_number(value)
    return found.sql.copy() if found.kind is DOUBLE else exp.cast(found.sql.copy(), "DOUBLE")


def integer(value: Value) -> exp.Expr:
    """Return *value* as a BIGINT, what is behind the point cut off; null for what is no number or too large."""
    found = as_number(value)
    if found.kind is INT:
        return (
            found.sql.copy()
            if found.bits <= 63
            else exp.TryCast(this=found.sql.copy(), to=exp.DataType.build("BIGINT"))
        )
    return call("cwl_int", found.sql)


def condition(value: Value) -> exp.Expr:
    """Return *value* as a condition: numbers are true unless 0, texts unless they are no number or 0."""
    if value.kind is BOOL:
        return value.sql.copy()
    if value.kind is NOTHING:
        return exp.cast(exp.Null(), "BOOLEAN")
    return exp.NEQ(this=number(value), expression=exp.Literal.number(0))


def scalar(value: Value) -> Value:
    """Return a structure as the scalar it may be, everything else as it is."""
    if value.kind is JSON:
        return Value(text(value), TEXT)
    return nothing() if value.kind is LIST else value


def present(value: Value) -> exp.Expr:
    """Return whether there is a value."""
    if value.kind is NOTHING:
        return exp.false()
    if value.total or value.const is not None:
        return exp.true()
    return exp.not_(exp.Is(this=value.sql.copy(), expression=exp.Null()), copy=False)


def united(values: list[Value]) -> tuple[Kind, list[exp.Expr], int]:
    """Return the kind that all of *values* can be, and each as that; for `coalesce`, `case`, a column of several sources."""
    kinds = {value.kind for value in values} - {NOTHING}
    bits = max((value.bits for value in values if value.kind is INT), default=63)
    if not kinds:
        return NOTHING, [value.sql.copy() for value in values], bits
    if len(kinds) == 1:
        (kind,) = kinds
    elif kinds <= {INT, DOUBLE}:
        kind = DOUBLE
    elif kinds <= {TEXT, INT, DOUBLE, BOOL, TIME}:
        kind = TEXT
    else:
        kind = JSON
    return kind, [as_kind(value, kind) for value in values], bits


def as_kind(value: Value, kind: Kind) -> exp.Expr:
    """Return *value* as a value of *kind*."""
    if value.kind is kind:
        return value.sql.copy()
    if value.kind is NOTHING:
        return exp.cast(exp.Null(), kind.sql)
    if kind is DOUBLE:
        return real(value)
    if kind is JSON:
        return value.sql.copy() if value.kind in STRUCTURES else call("cwl_json", text(value))
    return text(value)


def unlike(value: Value) -> Value:
    """Return *value* without what is only true of a plain column."""
    return replace(value, raw=None, total=False, number_dash=False, const=None)
