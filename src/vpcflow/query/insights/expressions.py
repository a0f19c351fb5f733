"""Expressions → SQL, at one place of a query: what names mean there, what functions may stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import comparisons, functions, kinds
from vpcflow.query.insights.faults import malformed, near
from vpcflow.query.insights.functions.function import argument
from vpcflow.query.insights.kinds import BOOL, DOUBLE, INT, JSON, NOTHING, STRUCTURES, Value, call, literal
from vpcflow.query.insights.regexes import read
from vpcflow.query.insights.syntax import (
    Binary,
    Call,
    Expr,
    Field,
    In,
    Item,
    Junction,
    Like,
    Literal,
    Negative,
    Not,
    Query,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.errors import MalformedQuery
    from vpcflow.query.insights.compile import Compiler
    from vpcflow.query.insights.functions.function import Function
    from vpcflow.query.insights.relation import Relation

_COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")
_LARGE: Final = 250
"""Nodes of a tree from which on a name's value is computed once, as a column."""


class Reading:
    """Reads expressions over *relation*. aggregates: whether functions of `stats` may stand here.

    outer: values by the name of what is known beside the relation: earlier aliases of the same `stats`.
    """

    def __init__(
        self, relation: Relation, *, aggregates: bool = False, outer: Mapping[str, Value] | None = None
    ) -> None:
        self._relation, self._aggregates = relation, aggregates
        self._outer = outer or {}
        self.loosely = False

    @property
    def _compiler(self) -> Compiler:
        return self._relation.compiler

    # --- Scope -------------------------------------------------------------------------------------------------

    def fault(self, code: str, node: Expr | Item, **values: object) -> MalformedQuery:
        """Return an error at *node*."""
        return malformed(code, self._compiler.text, node.start, node.end, **values)

    def clock(self) -> Mapping[str, int]:
        """Return when now is (s), and the question's range (ms)."""
        compiler = self._compiler
        return {"now": compiler.now, "start": compiler.span.start, "end": compiler.span.end}

    def timestamp(self, node: Call) -> Value:
        """Return `@timestamp`; after `stats` only where it was handed on."""
        found = self.named("@timestamp", Field(("@timestamp",), node.start, node.end))
        if found.kind in (NOTHING, JSON):
            raise self.fault("no_timestamp", node, function=node.function)
        return found

    def value(self, node: Expr) -> Value:
        """Return what *node* means."""
        match node:
            case Literal():
                return literal(node.value)
            case Field():
                return self.field(node)
            case Call():
                return self._call(node)
            case Negative():
                return self._negative(node)
            case Binary() if node.operator not in _COMPARISONS:
                return self._arithmetic(node)
            case Binary() | Junction() | Not() | Like() | In():
                before, self.loosely = self.loosely, False
                found = Value(self.condition(node), BOOL)
                self.loosely = before
                return found
            case _:
                raise self.fault("period_here", node)

    def condition(self, node: Expr) -> exp.Expr:  # noqa: PLR0911 - one way out for each kind of node
        """Return *node* as a condition; null where it is not known, if not `loosely`."""
        match node:
            case Junction():
                parts = [self.condition(part) for part in node.parts]
                joined = exp.and_(*parts, copy=False) if node.word == "and" else exp.or_(*parts, copy=False)
                return exp.paren(joined, copy=False)
            case Not():
                before, self.loosely = self.loosely, False
                inner = self.condition(node.operand)
                self.loosely = before
                return exp.not_(exp.paren(inner, copy=False), copy=False)
            case Binary() if node.operator in _COMPARISONS:
                loosely = self.loosely
                one, other = self._exactly(node.left), self._exactly(node.right)
                return exp.paren(comparisons.compare(node.operator, one, other, loosely=loosely), copy=False)
            case Like():
                return exp.paren(self._like(node), copy=False)
            case In(values=Query() as query):
                column = kinds.text(kinds.scalar(self._exactly(node.operand)))
                inner = self._compiler.subquery(query)
                return self._negated(node, exp.In(this=column, query=exp.Subquery(this=inner)))
            case In(values=tuple() as listed):
                loosely = self.loosely and not node.negated
                wanted = [one.value for one in listed]
                return self._negated(node, comparisons.among(self._exactly(node.operand), wanted, loosely=loosely))
            case _:
                return kinds.condition(self.value(node))

    def _exactly(self, node: Expr) -> Value:
        before, self.loosely = self.loosely, False
        found = self.value(node)
        self.loosely = before
        return found

    def _like(self, node: Like) -> exp.Expr:
        pattern = read(node.pattern).text if node.regex else node.pattern
        value, loosely = self._exactly(node.operand), self.loosely
        return comparisons.like(value, pattern, regex=node.regex, negated=node.negated, loosely=loosely)

    @staticmethod
    def _negated(node: In, found: exp.Expr) -> exp.Expr:
        return exp.not_(exp.paren(found, copy=False), copy=False) if node.negated else exp.paren(found, copy=False)

    # --- names -------------------------------------------------------------------------------------------------

    def field(self, node: Field) -> Value:
        """Return what a name means: the longest known one, and what lies below it in a structure."""
        if self._aggregates and node.name not in self._outer:
            raise self.fault("not_aggregated", node, name=node.name)
        for size in range(len(node.parts), 0, -1):
            head = Field(node.parts[:size], node.start, node.end).name
            found = self.known(head)
            if found is None:
                continue
            if size == len(node.parts):
                return found
            return self._below(found, node.parts[size:])
        return self.named(node.name, node)

    def known(self, name: str) -> Value | None:
        """Return what a whole name means; None for one that nothing has."""
        if name in self._outer:
            return self._outer[name]
        if name in self._relation.names:
            return self._relation.names[name]
        if self._relation.records is None:
            return None
        return self._compiler.record_field(self._relation, name)

    def named(self, name: str, node: Field) -> Value:
        """Return what a whole name means; null, and a note, for one that no record has."""
        found = self.known(name)
        if found is not None:
            return found
        relation = self._relation
        if relation.records is None:
            close = near(name, [*relation.names, *self._outer])
            raise self.fault("after_stats_near" if close else "after_stats", node, name=name, near=close)
        self._compiler.unknown(name, node, [*relation.names, *relation.records.names()])
        return kinds.nothing()

    @staticmethod
    def _below(value: Value, parts: tuple[str | int, ...]) -> Value:
        if value.kind not in STRUCTURES:
            return kinds.nothing()
        path = "".join(f"[{part}]" if isinstance(part, int) else f'."{part}"' for part in parts if '"' not in str(part))
        return Value(call("json_extract", value.sql, exp.Literal.string(f"${path}")), JSON)

    def bind(self, name: str, value: Value) -> Value:
        """Give *value* a name; what is large becomes a column."""
        relation = self._relation
        if sum(1 for _ in value.sql.walk()) > _LARGE:
            value = relation.settle(value)
        relation.names[name] = value
        return value

    # --- functions and arithmetic ------------------------------------------------------------------------------

    def _call(self, node: Call) -> Value:
        typed = self._compiler.text[node.start : node.end]
        if self._relation.records is None and not self._aggregates and typed in self._relation.names:
            return self._relation.names[typed]
        function = functions.find(node.function)
        if function is None:
            close = near(node.function, functions.names())
            raise self.fault(
                "unknown_function_near" if close else "unknown_function", node, name=node.function, near=close
            )
        if function.aggregate and not self._aggregates:
            raise self.fault("aggregate_here", node, name=function.name)
        self._check(function, node)
        if function.aggregate:
            inner = Reading(self._relation)
            values = [] if function.lazy else [inner.value(one) for one in node.arguments]
            if function.build is None:
                raise NotImplementedError(function.name)
            return function.build(inner, node, values)
        values = [] if function.lazy else [self._exactly(one) for one in node.arguments]
        if function.build is not None:
            return function.build(self, node, values)
        return self._macro(function, values)

    def _check(self, function: Function, node: Call) -> None:
        parameters = function.parameters
        least = sum(not one.optional and not one.variadic for one in parameters)
        most = len(parameters) if not any(one.variadic for one in parameters) else 255
        given = len(node.arguments)
        if node.star and function.key not in ("count", "countovertime"):
            raise self.fault("arguments", node, usage=function.shown, given="*")
        if not least <= given <= most:
            raise self.fault("arguments", node, usage=function.shown, given=given)

    @staticmethod
    def _macro(function: Function, values: list[Value]) -> Value:
        parameters = function.parameters
        taken = [argument(value, one.kind) for value, one in zip(values, parameters, strict=False)]
        taken += [exp.Null() for _ in parameters[len(values) :]]
        return Value(call(function.macro[0].partition("(")[0], *taken), function.result)

    def _negative(self, node: Negative) -> Value:
        if isinstance(node.operand, Literal) and type(node.operand.value) in (int, float):
            return literal(-node.operand.value)  # type: ignore[operator]
        given = kinds.as_number(kinds.scalar(self.value(node.operand)))
        if given.kind is INT and given.bits <= 63:
            return Value(exp.paren(exp.Neg(this=exp.cast(given.sql.copy(), "HUGEINT"))), INT, bits=given.bits + 1)
        return Value(exp.paren(exp.Neg(this=exp.paren(given.sql.copy()))), given.kind, bits=given.bits)

    def _arithmetic(self, node: Binary) -> Value:
        one, other = (kinds.as_number(kinds.scalar(self.value(side))) for side in (node.left, node.right))
        whole = one.kind is INT and other.kind is INT
        if node.operator in ("+", "-", "*") and whole:
            bits = one.bits + other.bits if node.operator == "*" else max(one.bits, other.bits) + 1
            if bits <= 126:
                return self._whole(node.operator, one, other, bits)
        if node.operator == "%" and whole and max(one.bits, other.bits) <= 63:
            return Value(
                exp.paren(exp.Mod(this=one.sql.copy(), expression=exp.paren(other.sql.copy()))), INT, bits=other.bits
            )
        left, right = kinds.real(one), kinds.real(other)
        if node.operator == "^":
            return Value(call("cwl_finite", call("power", left, right)), DOUBLE)
        if node.operator in ("/", "%") and not (isinstance(other.const, (int, float)) and other.const):
            right = call("nullif", right, exp.Literal.number(0))
        kind = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "%": exp.Mod}[node.operator]
        found = exp.paren(kind(this=exp.paren(left), expression=exp.paren(right)))
        plain = node.operator == "/" and isinstance(other.const, int) and one.kind is INT
        return Value(found if plain else call("cwl_finite", found), DOUBLE)

    @staticmethod
    def _whole(operator: str, one: Value, other: Value, bits: int) -> Value:
        """Compute with whole numbers: in 64 bits where no result needs more, else in 128."""
        width = "BIGINT" if bits <= 63 else "HUGEINT"
        kind = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}[operator]
        sides = (exp.cast(side.sql.copy(), width) for side in (one, other))
        return Value(exp.paren(kind(this=next(sides), expression=next(sides))), INT, bits=bits)
