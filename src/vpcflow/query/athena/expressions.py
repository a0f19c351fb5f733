"""Expressions: Trino's meaning and type of each, DuckDB's words for it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from vpcflow.query.athena import casts
from vpcflow.query.athena.call import Bound, Call, sql, text
from vpcflow.query.athena.functions import registry, time
from vpcflow.query.athena.functions.condition import shared
from vpcflow.query.athena.functions.lambdas import LAMBDAS, Lambdas
from vpcflow.query.athena.match import Matched, match
from vpcflow.query.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INSTANT,
    INTEGER,
    INTERVAL,
    MONTHS,
    REAL,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    Type,
    array,
    as_decimal,
    common,
    decimal,
    duckdb,
    field_name,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from vpcflow.errors import QueryError
    from vpcflow.query.athena.binder import Column, Scope, Source
    from vpcflow.query.athena.functions.registry import Function

_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC: Final[dict[type[exp.Expr], str]] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_DAY_UNITS: Final = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK")
_NOW: Final = {
    exp.CurrentDate: "current_date", exp.CurrentTimestamp: "current_timestamp", exp.Localtimestamp: "localtimestamp",
}  # fmt: skip


class Expressions:
    """The part of the binder that knows expressions."""

    now: datetime

    # What the rest of the binder gives.

    def fail(self, code: str, node: exp.Expr, **values: object) -> QueryError:
        """Return an error that underlines *node*."""
        raise NotImplementedError

    def query(self, tree: exp.Expr, outer: Scope) -> tuple[exp.Query, tuple[Column, ...]]:
        """Bind a query inside *outer*."""
        raise NotImplementedError

    def unknown(self, code: str, node: exp.Expr, name: str, known: Sequence[str]) -> QueryError:
        """Return an error for a name nobody knows, with the near one."""
        raise NotImplementedError

    def nowhere(self) -> Scope:
        """Return a scope without names."""
        raise NotImplementedError

    def reference(self, source: Source, column: Column) -> exp.Expr:
        """Return a column as DuckDB is asked for it."""
        raise NotImplementedError

    # --- doors -------------------------------------------------------------------------------------------------

    def value(self, node: exp.Expr, scope: Scope) -> Bound:
        """Bind an expression."""
        handler = self._handlers().get(type(node))
        if handler is None:
            for kind, found in self._handlers().items():
                if isinstance(node, kind):
                    handler = found
                    break
        if handler is None:
            raise self.fail("query.not_supported", node, what=node.key.upper())
        bound: Bound = handler(node, scope)
        return bound

    def condition(self, node: exp.Expr, scope: Scope) -> Bound:
        """Bind an expression that must be true or false."""
        bound = self.value(node, scope)
        if bound.type not in (BOOLEAN, UNKNOWN):
            raise self.fail("query.types_differ", node, one=BOOLEAN, other=bound.type)
        return bound

    def no_aggregates(self, node: exp.Expr, where: str) -> None:
        """Refuse aggregates and window functions where there is nothing to aggregate."""
        for part in node.walk(prune=lambda part: isinstance(part, exp.Query)):
            if isinstance(part, exp.Window) or (
                isinstance(part, exp.Anonymous) and _is_aggregate(str(part.this).lower())
            ):
                raise self.fail("query.aggregate_here", part, where=where)

    def has_aggregate(self, node: exp.Expr) -> bool:
        """Tell whether a bound expression aggregates."""
        return any(part.meta.get("aggregate") for part in node.walk())

    def is_dashed(self, node: exp.Expr, scope: Scope) -> bool:
        """Tell whether *node*, as written, is a column whose nulls stand for "-"."""
        if not isinstance(node, exp.Column):
            return False
        found = self._find(node, scope)
        return bool(found and found[1].dashed)

    def is_address(self, node: exp.Expr, scope: Scope) -> bool:
        """Tell whether *node*, as written, is a column of addresses of the lake's, or the first there is of several."""
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "coalesce":
            return all(self.is_address(part, scope) for part in node.expressions)
        found = self._find(node, scope) if isinstance(node, exp.Column) else None
        return bool(found and found[1].address)

    def coerce(self, value: Bound, wanted: Type) -> Bound:
        """Return *value* as *wanted*, which it becomes by itself."""
        given = value.type
        if given == wanted or (
            given.name == wanted.name and not wanted.inner and given.name not in ("decimal", INSTANT.name)
        ):
            return value
        if common(given, wanted) is None:
            raise self.fail("query.types_differ", value.written, one=wanted, other=given)
        if (given.is_integer and wanted.is_integer) or wanted == UNKNOWN:
            return Bound(value.node, wanted, value.written)
        if given == UNKNOWN:
            return Bound(exp.cast(value.node, duckdb(wanted), dialect="duckdb"), wanted, value.written)
        if duckdb(given) == duckdb(wanted):
            return Bound(value.node, wanted, value.written)
        return Bound(exp.cast(value.node, duckdb(wanted), dialect="duckdb"), wanted, value.written)

    def cast(self, value: Bound, wanted: Type, *, safe: bool = False) -> Bound:
        """Return *value* as CAST gives it, as TRY_CAST with *safe*."""
        node = casts.cast(value, wanted, safe=safe)
        if node is None:
            raise self.fail("query.no_cast", value.written, one=value.type, other=wanted)
        return Bound(node, wanted, value.written)

    def call(self, name: str, *arguments: Bound) -> Bound:
        """Return the call of a function of the registry, or of an operator."""
        written = arguments[0].written
        if name in "+-*/%":
            return self._reckon(name, arguments[0], arguments[1], written)
        function = registry.functions()[name][0]
        kinds = match(function, [value.type for value in arguments])
        if kinds is None:
            raise self.fail(
                "query.arguments", written, name=name, given=", ".join(str(value.type) for value in arguments)
            )
        return Bound(sql(function.macro, *(value.node for value in arguments)), kinds.result, written)

    # --- kinds of expressions ----------------------------------------------------------------------------------

    def _handlers(self) -> dict[type[exp.Expr], Any]:
        return {
            exp.Literal: self._literal, exp.Boolean: self._boolean, exp.Null: self._null, exp.Column: self._column,
            exp.Paren: self._paren, exp.Neg: self._negative, exp.Not: self._not,
            exp.And: self._connector, exp.Or: self._connector,
            exp.Between: self._between, exp.In: self._in, exp.Is: self._is, exp.Like: self._like, exp.Escape: self._escape,
            exp.DPipe: self._concat, exp.Cast: self._cast, exp.TryCast: self._cast, exp.Case: self._case, exp.If: self._if,
            exp.Anonymous: self._function, exp.Window: self._window, exp.Filter: self._filter, exp.Bracket: self._bracket,
            exp.Array: self._array, exp.Dot: self._dot, exp.Interval: self._interval, exp.AtTimeZone: self._at_time_zone,
            exp.Extract: self._extract, exp.Trim: self._trim, exp.StrPosition: self._position, exp.Substring: self._substring,
            exp.Exists: self._exists, exp.Subquery: self._subquery, exp.Tuple: self._tuple, exp.HexString: self._hex,
            exp.UnicodeString: self._unicode, exp.ParseJSON: self._json,
            exp.WithinGroup: self._within_group, exp.GroupConcat: self._listagg, exp.IgnoreNulls: self._window_alone,
            exp.RespectNulls: self._window_alone, exp.Identifier: self._lambda_name,
            **dict.fromkeys(_COMPARISONS, self._compare), **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(_NOW, self._moment),
        }  # fmt: skip

    def _literal(self, node: exp.Literal, scope: Scope) -> Bound:
        del scope
        if node.is_string:
            return Bound(node.copy(), VARCHAR, node)
        written = str(node.this)
        if "e" in written.lower():
            return Bound(exp.cast(text(written), "DOUBLE"), DOUBLE, node)
        if "." in written:
            whole, _, part = written.partition(".")
            whole = whole.lstrip("0")
            kind = decimal(max(1, len(whole) + len(part)), len(part))
            return Bound(exp.cast(text(written), duckdb(kind), dialect="duckdb"), kind, node)
        if not written.isdecimal() or int(written) >= 2**63:
            raise self.fail("query.number", node, number=written)
        return Bound(node.copy(), INTEGER if int(written) < 2**31 else BIGINT, node)

    def _boolean(self, node: exp.Expr, scope: Scope) -> Bound:
        del scope
        return Bound(node.copy(), BOOLEAN, node)

    def _null(self, node: exp.Expr, scope: Scope) -> Bound:
        del scope
        return Bound(exp.Null(), UNKNOWN, node)

    def _hex(self, node: exp.Expr, scope: Scope) -> Bound:
        del scope
        return Bound(sql("unhex", text(str(node.this))), VARBINARY, node)

    def _json(self, node: exp.Expr, scope: Scope) -> Bound:
        """JSON '…'."""
        return self._resolved("json_parse", (self.value(node.this, scope),), node)

    def _unicode(self, node: exp.Expr, scope: Scope) -> Bound:
        """U&'…': after the escape character four digits, or six after "+", stand for a character."""
        del scope
        given = node.args.get("escape")
        escape = re.escape(given.name if isinstance(given, exp.Expr) else "\\")
        code = rf"{escape}(?:([0-9A-Fa-f]{{4}})|\+([0-9A-Fa-f]{{6}})|({escape}))"
        if re.search(escape, re.sub(code, "", str(node.this))):
            raise self.fail("query.pattern", node.parent or node, pattern=node.this, name="U&")
        read = re.sub(code, lambda found: found[3] or chr(int(found[1] or found[2], 16)), str(node.this))
        return Bound(text(read), VARCHAR, node)

    def _column(self, node: exp.Column, scope: Scope) -> Bound:
        if isinstance(node.this, exp.Star):
            raise self.fail("query.star_here", node)
        name = node.name.lower()
        if not node.table:
            around: Scope | None = scope
            while around is not None:
                if name in around.lambdas:
                    return Bound(exp.column(exp.to_identifier(name, quoted=True)), around.lambdas[name], node)
                around = around.outer
            if name in scope.aliases:
                return Bound(exp.column(exp.to_identifier(name, quoted=True)), scope.aliases[name], node)
            if name == "current_timezone":
                return Bound(text("UTC"), VARCHAR, node)
        found = self._find(node, scope)
        if found is None:
            return self._field_or_unknown(node, scope)
        reference, column = found
        return Bound(reference, column.type, node)

    def _lambda_name(self, node: exp.Identifier, scope: Scope) -> Bound:
        """A lambda's parameter, which sqlglot leaves bare."""
        column = exp.Column(this=node.copy())
        column.this.meta.update(node.meta)
        return Bound(self._column(column, scope).node, self._column(column, scope).type, node)

    def _find(self, node: exp.Column, scope: Scope) -> tuple[exp.Expr, Column] | None:
        name, table = node.name.lower(), node.table.lower()
        around: Scope | None = scope
        while around is not None:
            if not table and name in around.merged:
                return exp.column(exp.to_identifier(name, quoted=True)), around.merged[name]
            hits = [
                (source, column)
                for source in around.sources
                if table in ("", source.alias)
                for column in source.columns
                if column.name == name
            ]
            if len(hits) > 1:
                raise self.fail("query.ambiguous", node, name=name)
            if hits:
                return self.reference(*hits[0]), hits[0][1]
            around = around.outer
        return None

    def _field_or_unknown(self, node: exp.Column, scope: Scope) -> Bound:
        if node.table and not node.db:
            # "a.b" may be the field b of a row in column a.
            outer = exp.Column(this=node.args["table"].copy())
            outer.this.meta.update(node.args["table"].meta)
            if self._find(outer, scope) is not None:
                return self._field(self._column(outer, scope), node.name.lower(), node)
        known: list[str] = []
        around: Scope | None = scope
        while around is not None:
            known += [column.name for source in around.sources for column in source.columns]
            around = around.outer
        name = node.name.lower()
        raise self.unknown("query.unknown_column", node, name, [*known, *scope.aliases])

    def _field(self, row: Bound, name: str, node: exp.Expr) -> Bound:
        if row.type.name != "row" or name not in [one.lower() for one in row.type.names]:
            raise self.unknown("query.unknown_column", node, name, list(row.type.names))
        place = [one.lower() for one in row.type.names].index(name)
        return Bound(sql("struct_extract", row.node, text(field_name(row.type, place))), row.type.inner[place], node)

    def _dot(self, node: exp.Dot, scope: Scope) -> Bound:
        return self._field(self.value(node.this, scope), node.expression.name.lower(), node)

    def _paren(self, node: exp.Paren, scope: Scope) -> Bound:
        inner = self.value(node.this, scope)
        return Bound(exp.Paren(this=inner.node), inner.type, inner.written)

    def _negative(self, node: exp.Neg, scope: Scope) -> Bound:
        inner = self.value(node.this, scope)
        if not (inner.type.is_number or inner.type in (INTERVAL, MONTHS, UNKNOWN)):
            raise self.fail("query.operator", node, operator="-", given=inner.type)
        return Bound(exp.Neg(this=inner.node), inner.type, node)

    def _not(self, node: exp.Not, scope: Scope) -> Bound:
        return Bound(exp.Not(this=exp.paren(self.condition(node.this, scope).node)), BOOLEAN, node)

    def _connector(self, node: exp.Expr, scope: Scope) -> Bound:
        # A chain of thousands is as long as it is deep: no recursion along its left side.
        kind, parts = type(node), []
        while type(node) is kind:
            parts.append(node.expression)
            node = node.this
        bound = self.condition(node, scope).node
        for part in reversed(parts):
            bound = kind(this=bound, expression=self.condition(part, scope).node)
        return Bound(bound, BOOLEAN, node)

    # --- comparisons -------------------------------------------------------------------------------------------

    def _compare(self, node: exp.Expr, scope: Scope) -> Bound:
        every = node.expression
        if isinstance(every, exp.Anonymous) and str(every.this).lower() in _QUANTIFIERS and len(every.expressions) == 1:
            # sqlglot takes ALL (VALUES …) for a function.
            node.set("expression", _QUANTIFIERS[str(every.this).lower()](this=every.expressions[0]))
        if isinstance(node.expression, (exp.Any, exp.All)):
            return self._quantified(node, scope)
        null = self._dash(node, scope)
        if null is not None:
            return Bound(null, BOOLEAN, node)
        self._of_its_form([node.this, node.expression], scope)
        values = [self.value(node.this, scope), self.value(node.expression, scope)]
        left, right = self._alike(values, node)
        kind = common(values[0].type, values[1].type)
        if isinstance(node, (exp.EQ, exp.NEQ)) and kind is not None and kind.inner:
            equal = _equal(left, right, kind)
            return Bound(equal if isinstance(node, exp.EQ) else exp.Not(this=exp.paren(equal)), BOOLEAN, node)
        return Bound(type(node)(this=left, expression=right), BOOLEAN, node)

    def _alike(self, values: Sequence[Bound], node: exp.Expr) -> list[exp.Expr]:
        kind = UNKNOWN
        for value in values:
            found = common(kind, value.type)
            if found is None:
                raise self.fail("query.types_differ", node, one=kind, other=value.type)
            kind = found
        if kind.is_number or kind.is_time or kind == UNKNOWN:
            return [value.node for value in values]  # DuckDB compares these as Trino does
        if any(value.type.name == "char" for value in values):
            # A char(n) has as many blanks at its end as the other side's length asks for.
            return [sql("rtrim", self.coerce(value, kind).node, text(" ")) for value in values]
        return [self.coerce(value, kind).node for value in values]

    def _of_its_form(self, parts: Sequence[exp.Expr], scope: Scope) -> None:
        """Refuse to compare a column with a text that it can never be."""
        for column in parts:
            found = self._find(column, scope) if isinstance(column, exp.Column) else None
            form = found[1].form if found else ""
            for other in parts if form else ():
                if isinstance(other, exp.Literal) and other.is_string and not re.fullmatch(form, other.name):
                    raise self.fail("query.not_its_form", other, column=column.name, value=other.name)

    def _dash(self, node: exp.Expr, scope: Scope) -> exp.Expr | None:
        """`c = '-'` where nulls stand for "-" → `c IS NULL`."""
        if not isinstance(node, (exp.EQ, exp.NEQ)):
            return None
        for column, other in ((node.this, node.expression), (node.expression, node.this)):
            if _is_dash(other) and self.is_dashed(column, scope):
                null = exp.Is(this=self.value(column, scope).node, expression=exp.Null())
                return null if isinstance(node, exp.EQ) else exp.Not(this=null)
        return None

    def _quantified(self, node: exp.Expr, scope: Scope) -> Bound:
        left = self.value(node.this, scope)
        inner = node.expression.this
        while isinstance(inner, exp.Paren):
            inner = inner.this
        tree, columns = self.query(inner.this if isinstance(inner, exp.Subquery) else inner, scope)
        if len(columns) != 1 or common(left.type, columns[0].type) is None:
            raise self.fail("query.types_differ", node, one=left.type, other=columns[0].type)
        wrapped = type(node.expression)(this=exp.Subquery(this=tree))
        return Bound(type(node)(this=left.node, expression=wrapped), BOOLEAN, node)

    def _between(self, node: exp.Between, scope: Scope) -> Bound:
        self._of_its_form([node.args[key] for key in ("this", "low", "high")], scope)
        parts = [self.value(node.args[key], scope) for key in ("this", "low", "high")]
        value, low, high = self._alike(parts, node)
        return Bound(exp.Between(this=value, low=low, high=high), BOOLEAN, node)

    def _in(self, node: exp.In, scope: Scope) -> Bound:
        query = node.args.get("query")
        if query is not None or (node.expressions and isinstance(node.expressions[0], (exp.Query, exp.Values))):
            return self._in_query(node, query if query is not None else node.expressions[0], scope)
        if node.args.get("unnest") or node.args.get("field"):
            raise self.fail("query.not_supported", node, what="IN UNNEST")
        self._of_its_form([node.this, *node.expressions], scope)
        dashes = [value for value in node.expressions if _is_dash(value)]
        if dashes and self.is_dashed(node.this, scope):
            rest = [value for value in node.expressions if not _is_dash(value)]
            null = exp.Is(this=self.value(node.this, scope).node, expression=exp.Null())
            if not rest:
                return Bound(null, BOOLEAN, node)
            others = self._in(exp.In(this=node.this.copy(), expressions=rest), scope)
            return Bound(exp.paren(exp.or_(others.node, null, copy=False)), BOOLEAN, node)
        values = self._alike([self.value(part, scope) for part in (node.this, *node.expressions)], node)
        return Bound(exp.In(this=values[0], expressions=values[1:]), BOOLEAN, node)

    def _in_query(self, node: exp.In, query: exp.Expr, scope: Scope) -> Bound:
        inner = query.this if isinstance(query, exp.Subquery) and not query.alias else query
        tree, columns = self.query(inner, scope)
        left = self.value(node.this, scope)
        wanted = left.type.inner if left.type.name == "row" else (left.type,)
        if len(columns) != len(wanted):
            raise self.fail("query.column_count", query, given=len(columns), needed=len(wanted))
        for one, column in zip(wanted, columns, strict=True):
            if common(one, column.type) is None:
                raise self.fail("query.types_differ", node, one=one, other=column.type)
        return Bound(exp.In(this=left.node, query=exp.Subquery(this=tree)), BOOLEAN, node)

    def _is(self, node: exp.Is, scope: Scope) -> Bound:
        if not isinstance(node.expression, exp.Null):
            raise self.fail("query.not_supported", node, what="IS")
        return Bound(exp.Is(this=self.value(node.this, scope).node, expression=exp.Null()), BOOLEAN, node)

    def _like(self, node: exp.Like, scope: Scope) -> Bound:
        left, right = (self._text(part, scope) for part in (node.this, node.expression))
        return Bound(_negated(node, exp.Like(this=left, expression=right)), BOOLEAN, node)

    def _escape(self, node: exp.Escape, scope: Scope) -> Bound:
        like = node.this
        left, right = (self._text(part, scope) for part in (like.this, like.expression))
        made = exp.Escape(this=exp.Like(this=left, expression=right), expression=self._text(node.expression, scope))
        return Bound(_negated(like, made), BOOLEAN, node)

    def _text(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        bound = self.value(node, scope)
        if common(bound.type, VARCHAR) != VARCHAR and bound.type != UNKNOWN:
            raise self.fail("query.types_differ", node, one=VARCHAR, other=bound.type)
        return bound.node

    # --- reckoning ---------------------------------------------------------------------------------------------

    def _arithmetic(self, node: exp.Expr, scope: Scope) -> Bound:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        return self._reckon(_ARITHMETIC[type(node)], left, right, node)

    def _reckon(self, operator: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
        kind = common(left.type, right.type)
        if kind is not None and (kind.is_number or kind == UNKNOWN):
            return self._numbers(operator, left, right, kind, node)
        if operator in "+-":
            found = self._times(operator, left, right, node)
            if found is not None:
                return found
        if (
            operator == "*"
            and {left.type, right.type} & {INTERVAL, MONTHS}
            and (left.type.is_integer or right.type.is_integer)
        ):
            kind = left.type if right.type.is_integer else right.type
            return Bound(exp.Mul(this=exp.paren(left.node), expression=exp.paren(right.node)), kind, node)
        raise self.fail("query.operator", node, operator=operator, given=f"{left.type}, {right.type}")

    def _numbers(self, operator: str, left: Bound, right: Bound, kind: Type, node: exp.Expr) -> Bound:
        if kind == UNKNOWN:
            return Bound(exp.cast(exp.Null(), "INTEGER"), UNKNOWN, node)
        if kind.name == "decimal":
            return self._decimals(operator, left, right, node)
        one, other = self.coerce(left, kind).node, self.coerce(right, kind).node
        if operator in "+-*":
            return Bound(_OPERATORS[operator](this=_apart(one), expression=_apart(other)), kind, node)
        if kind.is_integer:
            name = "trino_divide_whole" if operator == "/" else "trino_modulo_whole"
            if _is_not_zero(right.written):
                plain = exp.IntDiv if operator == "/" else exp.Mod
                return Bound(exp.paren(plain(this=_apart(one), expression=_apart(other))), kind, node)
            return Bound(exp.cast(sql(name, one, other), duckdb(kind), dialect="duckdb"), kind, node)
        name = "trino_divide_double" if operator == "/" else "trino_modulo_double"
        return Bound(exp.cast(sql(name, one, other), duckdb(kind), dialect="duckdb"), kind, node)

    def _decimals(self, operator: str, left: Bound, right: Bound, node: exp.Expr) -> Bound:
        """Reckon with decimals; precision and scale by Trino's rules."""
        a, b = (
            as_decimal(left.type if left.type != UNKNOWN else right.type),
            as_decimal(right.type if right.type != UNKNOWN else left.type),
        )
        (p1, s1), (p2, s2) = a.numbers, b.numbers
        one, other = self.coerce(left, a).node, self.coerce(right, b).node
        scale = max(s1, s2)
        if operator in "+-":
            kind = decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
        elif operator == "*":
            kind = decimal(p1 + p2, s1 + s2)
        elif operator == "%":
            kind = decimal(min(p1 - s1, p2 - s2) + scale, scale)
        else:
            kind = decimal(p1 + s2 + max(s2 - s1, 0), scale)
        if operator in "+-*":
            made: exp.Expr = _OPERATORS[operator](this=_apart(one), expression=_apart(other))
            return Bound(exp.cast(made, duckdb(kind), dialect="duckdb"), kind, node)
        # Whole numbers of the smallest unit are exact where a double is not.
        if operator == "%":
            shifted = [_units(one, s1, scale), _units(other, s2, scale)]
            whole = sql("trino_modulo_whole", *shifted)
        else:
            shifted = [_units(one, s1, scale + s2), _units(other, s2, s2)]
            whole = sql("trino_divide_scaled", *shifted)
        return Bound(exp.cast(_scaled(whole, scale), duckdb(kind), dialect="duckdb"), kind, node)

    def _times(self, operator: str, left: Bound, right: Bound, node: exp.Expr) -> Bound | None:
        steps = (INTERVAL, MONTHS)
        if right.type in steps and left.type.is_time:
            return self._moved(operator, left, right, node)
        if operator == "+" and left.type in steps and right.type.is_time:
            return self._moved("+", right, left, node)
        if left.type in steps and left.type == right.type:
            return Bound(_OPERATORS[operator](this=_apart(left.node), expression=_apart(right.node)), left.type, node)
        if operator == "-" and left.type.is_time and right.type.is_time:
            return Bound(
                exp.Sub(
                    this=exp.cast(_apart(left.node), "TIMESTAMP"), expression=exp.cast(_apart(right.node), "TIMESTAMP")
                ),
                INTERVAL,
                node,
            )
        return None

    def _moved(self, operator: str, moment: Bound, step: Bound, node: exp.Expr) -> Bound:
        clock = time.local(moment)
        moved: exp.Expr = _OPERATORS[operator](this=_apart(clock), expression=_apart(step.node))
        if moment.type == DATE:
            return Bound(exp.cast(moved, "DATE"), DATE, node)
        zone = moment.type.zone if moment.type.name == INSTANT.name else "UTC"
        return Bound(time.instant(exp.paren(moved), zone), moment.type, node)

    def _interval(self, node: exp.Interval, scope: Scope) -> Bound:
        unit = str(node.unit).upper().rstrip("S") if node.unit is not None else ""
        known = (*_DAY_UNITS, "MONTH", "YEAR")
        amount = node.this
        if unit not in known or not isinstance(amount, exp.Literal) or not amount.is_string:
            raise self.fail("query.interval", node)
        del scope
        return Bound(
            exp.Interval(this=amount.copy(), unit=exp.var(unit)), INTERVAL if unit in _DAY_UNITS else MONTHS, node
        )

    def _concat(self, node: exp.Expr, scope: Scope) -> Bound:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        builder = registry.builders()["concat"]
        if left.type.name == "array" and right.type.name != "array":
            right = Bound(
                exp.Array(expressions=[self.coerce(right, left.type.inner[0]).node]), left.type, right.written
            )
        return builder(Call(self, "||", (left, right), node))

    # --- types -------------------------------------------------------------------------------------------------

    def _cast(self, node: exp.Cast, scope: Scope) -> Bound:
        wanted = casts.read_type(node.to)
        if wanted is None:
            raise self.fail("query.unknown_type", node, name=node.to.sql(dialect="trino").lower())
        value = self.value(node.this, scope)
        if wanted.name == "timestamp with time zone" or (wanted.name == "timestamp" and value.text is not None):
            found = casts.moment(value, wanted)
            if found is not None:
                return Bound(found[0], found[1], node)
        bound = self.cast(value, wanted, safe=isinstance(node, exp.TryCast))
        return Bound(bound.node, bound.type, node)

    def _case(self, node: exp.Case, scope: Scope) -> Bound:
        subject = self.value(node.this, scope) if node.this is not None else None
        tests: list[exp.Expr] = []
        values: list[Bound] = []
        for branch in node.args["ifs"]:
            if subject is None:
                tests.append(self.condition(branch.this, scope).node)
            else:
                pair = self._alike([subject, self.value(branch.this, scope)], branch.this)
                tests.append(exp.EQ(this=pair[0].copy(), expression=pair[1]))
            values.append(self.value(branch.args["true"], scope))
        if node.args.get("default") is not None:
            values.append(self.value(node.args["default"], scope))
        return self._chosen(tests, values, node)

    def _chosen(self, tests: list[exp.Expr], values: list[Bound], node: exp.Expr) -> Bound:
        nodes, kind = shared(Call(self, "case", tuple(values), node), tuple(values))
        made = exp.Case()
        for test, value in zip(tests, nodes, strict=False):
            made = made.when(test, value, copy=False)
        if len(nodes) > len(tests):
            made = made.else_(nodes[-1], copy=False)
        return Bound(made, kind, node)

    def _if(self, node: exp.If, scope: Scope) -> Bound:
        values = [self.value(node.args["true"], scope)]
        if node.args.get("false") is not None:
            values.append(self.value(node.args["false"], scope))
        return self._chosen([self.condition(node.this, scope).node], values, node)

    def _at_time_zone(self, node: exp.AtTimeZone, scope: Scope) -> Bound:
        arguments = (self.value(node.this, scope), self.value(node.args["zone"], scope))
        return registry.builders()["at_timezone"](Call(self, "AT TIME ZONE", arguments, node))

    def _moment(self, node: exp.Expr, scope: Scope) -> Bound:
        del scope
        name = next(name for kind, name in _NOW.items() if isinstance(node, kind))
        return registry.builders()[name](Call(self, name, (), node))

    # --- grammar of their own ----------------------------------------------------------------------------------

    def _extract(self, node: exp.Extract, scope: Scope) -> Bound:
        field = str(node.this).lower()
        value = self.value(node.expression, scope)
        if field not in _FIELDS:
            raise self.fail("query.unit", node, unit=field, known=", ".join(_FIELDS))
        return self._resolved(_FIELDS[field], (value,), node)

    def _trim(self, node: exp.Trim, scope: Scope) -> Bound:
        position = str(node.args.get("position") or "BOTH").upper()
        name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
        parts = [node.this] + ([node.expression] if node.expression is not None else [])
        return self._resolved(name, tuple(self.value(part, scope) for part in parts), node)

    def _position(self, node: exp.StrPosition, scope: Scope) -> Bound:
        return self._resolved("strpos", (self.value(node.this, scope), self.value(node.args["substr"], scope)), node)

    def _substring(self, node: exp.Substring, scope: Scope) -> Bound:
        parts = [node.this, node.args.get("start"), node.args.get("length")]
        return self._resolved("substr", tuple(self.value(part, scope) for part in parts if part is not None), node)

    def _array(self, node: exp.Array, scope: Scope) -> Bound:
        values = tuple(self.value(part, scope) for part in node.expressions)
        nodes, kind = shared(Call(self, "ARRAY", values, node), values)
        if not nodes:
            return Bound(exp.cast(exp.Array(expressions=[]), "INTEGER[]", dialect="duckdb"), array(UNKNOWN), node)
        return Bound(exp.Array(expressions=nodes), array(kind), node)

    def _bracket(self, node: exp.Bracket, scope: Scope) -> Bound:
        holder = self.value(node.this, scope)
        (key,) = node.expressions
        index = self.value(key, scope)
        if holder.type.name == "map":
            return Bound(
                sql("trino_entry", holder.node, self.coerce(index, holder.type.inner[0]).node),
                holder.type.inner[1],
                node,
            )
        if isinstance(key, exp.Literal) and not key.is_string:
            # sqlglot counts a literal from 0.
            index = Bound(exp.Literal.number(int(key.this) + 1), INTEGER, key)
        elif isinstance(key, exp.Expr) and not isinstance(key, exp.Literal):
            index = Bound(exp.paren(exp.Add(this=index.node, expression=exp.Literal.number(0))), index.type, key)
        if not index.type.is_integer:
            raise self.fail("query.types_differ", key, one=BIGINT, other=index.type)
        if holder.type.name == "row":
            place = int(key.this) if isinstance(key, exp.Literal) else -1
            if not 0 <= place < len(holder.type.inner):
                raise self.fail("query.operator", node, operator="[]", given=holder.type)
            return Bound(
                sql("struct_extract", holder.node, text(field_name(holder.type, place))), holder.type.inner[place], node
            )
        if holder.type.name != "array":
            raise self.fail("query.operator", node, operator="[]", given=holder.type)
        return Bound(sql("trino_element", holder.node, index.node), holder.type.inner[0], node)

    def _tuple(self, node: exp.Tuple, scope: Scope) -> Bound:
        values = tuple(self.value(part, scope) for part in node.expressions)
        kind = Type("row", inner=tuple(value.type for value in values), names=("",) * len(values))
        return Bound(exp.Tuple(expressions=[value.node for value in values]), kind, node)

    def _exists(self, node: exp.Exists, scope: Scope) -> Bound:
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        return Bound(exp.Exists(this=self.query(inner, scope)[0]), BOOLEAN, node)

    def _subquery(self, node: exp.Subquery, scope: Scope) -> Bound:
        tree, columns = self.query(node.this, scope)
        if len(columns) != 1:
            raise self.fail("query.column_count", node, given=len(columns), needed=1)
        return Bound(exp.Subquery(this=tree), columns[0].type, node)

    # --- functions ---------------------------------------------------------------------------------------------

    def _function(self, node: exp.Anonymous, scope: Scope) -> Bound:  # noqa: C901 - a form of call each
        name = str(node.this).lower()
        arguments = list(node.expressions)
        order, distinct = None, False
        if len(arguments) == 1 and isinstance(arguments[0], exp.Order):
            order = arguments[0]
            arguments = [order.this]
        elif arguments and isinstance(arguments[-1], exp.Order):
            order = arguments[-1]
            arguments = [*arguments[:-1], order.this]
        if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
            distinct, arguments = True, list(arguments[0].expressions)
        if (distinct or order is not None) and not _is_aggregate(name):
            raise self.fail("query.not_supported", node, what=f"DISTINCT / ORDER BY in {name}()")
        if len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            if name != "count":
                raise self.fail("query.star_here", node)
            made: exp.Expr = exp.Count(this=exp.Star())
            made.meta["aggregate"] = True
            return Bound(made, BIGINT, node)
        if _is_aggregate(name):
            for argument in arguments:
                self.no_aggregates(argument, f"{name}()")
        if name == "contains" and len(arguments) == 2:
            network = self._in_network(node, arguments, scope)
            if network is not None:
                return network
        if name in LAMBDAS and any(isinstance(argument, exp.Lambda) for argument in arguments):
            return self._over(name, arguments, node, scope)
        values = tuple(
            argument if isinstance(argument, exp.Lambda) else self.value(argument, scope) for argument in arguments
        )
        bound = self._resolved(name, values, node, scope)
        if distinct or order is not None:
            bound = self._within(bound, order, scope, distinct=distinct, node=node)
        return bound

    def _in_network(self, node: exp.Expr, arguments: list[exp.Expr], scope: Scope) -> Bound | None:
        """`contains('10.0.0.0/8', CAST(column AS ipaddress))` in the form that the rule of networks makes quick.

        Nothing for text that may be no address: its CAST must fail, its TRY_CAST be null, and the quick form would not notice;
        nor for a network with the place that IPv4 addresses have among those of IPv6.
        """
        network, cast = arguments
        if not (isinstance(network, exp.Literal) and network.is_string and isinstance(cast, (exp.Cast, exp.TryCast))):
            return None
        if cast.to.this != exp.DataType.Type.IPADDRESS:
            return None
        if not self.is_address(cast.this, scope):
            return None
        inner = self.value(cast.this, scope)
        try:
            parsed = ipaddress.ip_network(network.name)
        except ValueError:
            return None
        if isinstance(parsed, ipaddress.IPv6Network) and parsed.overlaps(_IPV4):
            return None
        held = exp.Cast(this=inner.node, to=exp.DataType(this=exp.DataType.Type.IPADDRESS))
        return Bound(exp.ArrayContains(this=network.copy(), expression=held), BOOLEAN, node)

    def _over(self, name: str, arguments: list[exp.Expr], node: exp.Expr, scope: Scope) -> Bound:
        """Call a function whose last arguments are lambdas."""
        count, build = LAMBDAS[name]
        plain, written = arguments[:-count], arguments[-count:]
        if any(isinstance(one, exp.Lambda) for one in plain) or not all(isinstance(one, exp.Lambda) for one in written):
            raise self.fail("query.arguments", node, name=name, given=f"{len(arguments)}")
        return build(Lambdas(self, name, tuple(self.value(one, scope) for one in plain), tuple(written), node, scope))

    def applied(self, node: exp.Expr, kinds: tuple[Type, ...], scope: Scope) -> tuple[exp.Expr, Bound]:
        """Bind a lambda whose parameters have *kinds*."""
        from vpcflow.query.athena.binder import Scope as Inner  # noqa: PLC0415 - the two need each other

        names = [part.name.lower() for part in node.expressions]
        if len(names) != len(kinds):
            raise self.fail("query.lambda", node, given=len(names), needed=len(kinds))
        body = self.value(node.this.copy(), Inner(outer=scope, lambdas=dict(zip(names, kinds, strict=True))))
        made = exp.Lambda(this=body.node, expressions=[exp.to_identifier(name, quoted=True) for name in names])
        return made, body

    def _resolved(self, name: str, values: tuple[Any, ...], node: exp.Expr, scope: Scope | None = None) -> Bound:
        """Find the overload of *name* that takes *values* (bound, or lambdas as written) and call it."""
        overloads = [one for one in registry.functions().get(name, ()) if one.kind != "internal"]
        builder = registry.builders().get(name)
        if builder is not None and not any(isinstance(value, exp.Lambda) for value in values):
            made = builder(Call(self, name, values, node))
            if _is_aggregate(name):
                made.node.meta["aggregate"] = True
            return Bound(made.node, made.type, node)
        if not overloads:
            near = registry.nearest(name)
            raise self.fail(
                "query.unknown_function_near" if near else "query.unknown_function", node, name=name, near=near
            )
        kinds = [None if isinstance(value, exp.Lambda) else value.type for value in values]
        for exact in (True, False):
            for function in overloads:
                found = match(function, kinds, exact=exact)
                if found is not None:
                    return self._called(function, found, values, node, scope)
        told = ", ".join("lambda" if kind is None else str(kind) for kind in kinds)
        known = "; ".join(one.signature for one in overloads)
        raise self.fail("query.no_overload", node, name=name, given=told, known=known)

    def _called(
        self, function: Function, found: Matched, values: tuple[Any, ...], node: exp.Expr, scope: Scope | None
    ) -> Bound:
        nodes: list[exp.Expr] = []
        result = found.result
        for value, wanted, local in zip(values, found.parameters, found.local, strict=True):
            if isinstance(value, exp.Lambda):
                inner, kind = self._lambda(value, found, wanted, scope)
                nodes.append(inner)
                result = found.finish(kind)
            elif local:
                nodes.append(time.local(value))
            else:
                nodes.append(self.coerce(value, wanted).node)
        made = sql(function.macro if function.body else function.native, *nodes)
        if function.kind in ("aggregate", "window"):
            made.meta["aggregate"] = True
            if function.kind == "window" and not isinstance(
                node.parent, (exp.Window, exp.IgnoreNulls, exp.RespectNulls)
            ):
                raise self.fail("query.needs_over", node, name=function.name)
            cast_after = result.is_number and function.native in (
                "sum",
                "avg",
                "bit_and",
                "bit_or",
                "ntile",
            )
            cast_after = cast_after or result == REAL
            if cast_after:
                made = exp.cast(made, duckdb(result), dialect="duckdb")
        return Bound(made, result, node)

    def _lambda(self, node: exp.Lambda, found: Matched, wanted: str, scope: Scope | None) -> tuple[exp.Expr, Type]:
        made, body = self.applied(node, tuple(found.takes(wanted)), scope or self.nowhere())
        return made, body.type

    def _within(self, bound: Bound, order: exp.Order | None, scope: Scope, *, distinct: bool, node: exp.Expr) -> Bound:
        """Put DISTINCT and ORDER BY into an aggregate's brackets."""
        call = _innermost(bound.node)
        if isinstance(call, exp.Count):
            return bound
        if not isinstance(call, exp.Anonymous):
            raise self.fail("query.not_supported", node, what="DISTINCT / ORDER BY")
        arguments = list(call.expressions)
        if distinct:
            arguments = [exp.Distinct(expressions=arguments)]
        if order is not None:
            ordered = [self.ordered(one, scope) for one in order.expressions]
            arguments = [*arguments[:-1], exp.Order(this=arguments[-1], expressions=ordered)]
        call.set("expressions", arguments)
        return bound

    def ordered(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """Bind one item of an ORDER BY that knows no aliases or positions."""
        value = self.value(node.this, scope)
        return exp.Ordered(this=value.node, desc=node.args.get("desc"), nulls_first=bool(node.args.get("nulls_first")))

    def _filter(self, node: exp.Filter, scope: Scope) -> Bound:
        inner = self.value(node.this, scope)
        test = self.condition(node.expression.this, scope).node

        def filtered(call: exp.Expr) -> exp.Expr:
            if isinstance(call, exp.Filter):
                both = exp.and_(call.expression.this, exp.paren(test), copy=False)
                return exp.Filter(this=call.this, expression=exp.Where(this=both))
            return exp.Filter(this=call, expression=exp.Where(this=test))

        return Bound(_around_call(inner.node, filtered), inner.type, node)

    def _listagg(self, node: exp.Expr, scope: Scope) -> Bound:
        order = None
        value, separator = node.this, node.args.get("separator")
        if isinstance(value, exp.Order):
            order, value = value, value.this
        return self._joined([value, *([] if separator is None else [separator])], order, scope, node)

    def _within_group(self, node: exp.WithinGroup, scope: Scope) -> Bound:
        call = node.this
        if isinstance(call, exp.Anonymous) and str(call.this).lower() != "listagg":
            raise self.fail("query.not_supported", node, what="WITHIN GROUP")
        separator = call.args.get("separator")
        parts = (
            call.expressions if isinstance(call, exp.Anonymous) else [call.this, *([separator] if separator else [])]
        )
        return self._joined(parts, node.expression, scope, node)

    def _joined(self, parts: list[exp.Expr], order: exp.Expr | None, scope: Scope, node: exp.Expr) -> Bound:
        """listagg([DISTINCT] text, separator) WITHIN GROUP (ORDER BY …)."""
        value, *rest = parts
        distinct = isinstance(value, exp.Distinct)
        if distinct:
            value, *more = value.expressions
            rest = [*more, *rest]
        told: exp.Expr = self._text(value, scope)
        ordered = [] if order is None else [self.ordered(one, scope) for one in order.expressions]
        if distinct:
            told = exp.Distinct(expressions=[told])
        separator = self._text(rest[0], scope) if rest else text("")
        made = sql("string_agg", told, exp.Order(this=separator, expressions=ordered) if ordered else separator)
        made.meta["aggregate"] = True
        return Bound(made, VARCHAR, node)

    # --- windows -----------------------------------------------------------------------------------------------

    def _window_alone(self, node: exp.Expr, scope: Scope) -> Bound:
        inner = self.value(node.this, scope)
        kind = type(node)
        return Bound(_around_call(inner.node, lambda call: kind(this=_known(call))), inner.type, node)

    def _window(self, node: exp.Window, scope: Scope) -> Bound:
        inner = self.value(node.this, scope)
        self.window_parts(node, scope)
        parts = {key: node.args.get(key) for key in ("partition_by", "order", "spec", "alias", "over", "first")}
        return Bound(_around_call(inner.node, lambda call: exp.Window(this=call, **parts)), inner.type, node)

    def window_parts(self, node: exp.Expr, scope: Scope) -> None:
        """Bind what stands between the brackets of OVER, in place."""
        node.set("partition_by", [self.value(part, scope).node for part in node.args.get("partition_by") or []])
        order = node.args.get("order")
        if order is not None:
            node.set("order", exp.Order(expressions=[self.ordered(one, scope) for one in order.expressions]))
        spec = node.args.get("spec")
        if spec is not None:
            for key in ("start", "end"):
                if isinstance(spec.args.get(key), exp.Expr):
                    spec.set(key, self.value(spec.args[key], scope).node)


_QUANTIFIERS: Final[dict[str, type[exp.Expr]]] = {"all": exp.All, "some": exp.Any, "any": exp.Any}
_IPV4: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_OPERATORS: Final[dict[str, type[exp.Expr]]] = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}
_FIELDS: Final = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "day_of_month": "day", "hour": "hour",
    "day_of_week": "day_of_week", "dow": "day_of_week", "day_of_year": "day_of_year", "doy": "day_of_year", "minute": "minute",
    "year_of_week": "year_of_week", "yow": "year_of_week", "second": "second",
}  # fmt: skip


def _equal(left: exp.Expr, right: exp.Expr, kind: Type) -> exp.Expr:
    """Compare collections: what a null makes unknown stays so (DuckDB takes a null inside for a value)."""
    if kind.name == "row":
        parts = [
            _equal(sql("struct_extract_at", left.copy(), at), sql("struct_extract_at", right.copy(), at.copy()), part)
            for at, part in zip(map(exp.Literal.number, range(1, len(kind.inner) + 1)), kind.inner, strict=True)
        ]
        return exp.paren(exp.and_(*parts, copy=False), copy=False)
    if kind.name == "array" and not kind.inner[0].inner:
        return sql("trino_same_arrays", left, right)
    return exp.EQ(this=left, expression=right)


def _negated(written: exp.Expr, made: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.paren(made)) if written.args.get("negate") else made


def _known(call: exp.Expr) -> exp.Expr:
    """Return a window function as sqlglot's own class: only these are written with IGNORE NULLS."""
    name, arguments = str(call.this).lower(), [*call.expressions, None, None, None]
    if name in ("first_value", "last_value"):
        return (exp.FirstValue if name == "first_value" else exp.LastValue)(this=arguments[0])
    if name == "nth_value":
        return exp.NthValue(this=arguments[0], offset=arguments[1])
    if name in ("lag", "lead"):
        kind = exp.Lag if name == "lag" else exp.Lead
        return kind(this=arguments[0], offset=arguments[1], default=arguments[2])
    return call


def _is_dash(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string) and node.this == "-"


def _is_not_zero(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.this.strip("0") != ""


def _is_aggregate(name: str) -> bool:
    from vpcflow.query.athena.functions.aggregate import AGGREGATES  # noqa: PLC0415 - only where it is asked

    overloads = registry.functions().get(name)
    return name in AGGREGATES or bool(overloads and overloads[0].kind == "aggregate") or name == "listagg"


def _apart(node: exp.Expr) -> exp.Expr:
    """Put brackets around what could bind less tightly than what it goes into."""
    if isinstance(node, (exp.Column, exp.Literal, exp.Anonymous, exp.Cast, exp.Paren, exp.Interval)):
        return node
    return exp.Paren(this=node)


def _units(node: exp.Expr, scale: int, wanted: int) -> exp.Expr:
    """Return a decimal as a whole number of 10^-wanted."""
    more = wanted - scale
    whole = (
        exp.cast(
            exp.Mul(
                this=exp.cast(_apart(node), f"DECIMAL(38,{scale})", dialect="duckdb"),
                expression=exp.cast(text(str(10**scale)), "DECIMAL(38,0)", dialect="duckdb"),
            ),
            "HUGEINT",
            dialect="duckdb",
        )
        if scale
        else exp.cast(_apart(node), "HUGEINT", dialect="duckdb")
    )
    return (
        whole
        if not more
        else exp.Mul(this=whole, expression=exp.cast(text(str(10**more)), "HUGEINT", dialect="duckdb"))
    )


def _scaled(whole: exp.Expr, scale: int) -> exp.Expr:
    """Return a whole number of 10^-scale as a decimal."""
    if not scale:
        return whole
    return exp.Mul(
        this=exp.cast(whole, "DECIMAL(38,0)", dialect="duckdb"),
        expression=exp.cast(text("0." + "0" * (scale - 1) + "1"), f"DECIMAL({scale + 1},{scale})", dialect="duckdb"),
    )


def _around_call(node: exp.Expr, wrap: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Wrap the aggregate inside what is made of its result, with the filter it has already."""
    call = _innermost(node)
    if isinstance(call.parent, exp.Filter):
        call = call.parent
    outer, key, index = call.parent, call.arg_key, call.index
    made = wrap(call)
    made.meta["aggregate"] = True
    if outer is None or call is node:
        return made
    outer.set(str(key), made, index)
    return node


def _innermost(node: exp.Expr) -> exp.Expr:
    """Return the engine's own aggregate: what is made of its result are casts and macros around it."""
    while True:
        if isinstance(node, (exp.Cast, exp.Filter)):
            node = node.this
        elif isinstance(node, exp.Anonymous) and str(node.this).startswith("trino_") and node.expressions:
            node = node.expressions[0]
        else:
            return node
