"""A question in Trino's words → the same in DuckDB's, with every name and type resolved.

One walk does it all: it finds what each name means, gives every expression Trino's type, refuses what Trino refuses (and what
cannot be given Trino's answer) by name and place, and writes down DuckDB's expression for it. So nothing reaches an engine that
has not been understood here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.athena.expressions import Expressions
from vpcflow.query.athena.parse import place
from vpcflow.query.athena.types import BIGINT, UNKNOWN, Type, common, field_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.athena.call import Bound

_DEEPEST: Final = 200

_NEAR: Final = {
    "query.unknown_table": "query.unknown_table_near",
    "query.unknown_column": "query.unknown_column_near",
    "query.unknown_catalog": "query.unknown_catalog_near",
}
"""The error for a name nobody knows where a near one is known."""

_REFUSED: Final = {
    "laterals": "LATERAL VIEW", "sample": "TABLESAMPLE", "connect": "CONNECT BY", "qualify": "QUALIFY",
    "match": "MATCH_RECOGNIZE",
    "into": "INTO", "hint": "HINT", "locks": "FOR UPDATE", "pivots": "PIVOT", "sort": "SORT BY", "cluster": "CLUSTER BY",
    "distribute": "DISTRIBUTE BY", "prewhere": "PREWHERE", "kind": "AS STRUCT", "settings": "SETTINGS", "format": "FORMAT",
}  # fmt: skip
"""Parts of a SELECT that sqlglot reads and Athena does not have, or we do not."""


class Column(NamedTuple):
    """A column of something one can select from.

    dashed: null stands for AWS's "-", so that `= '-'` asks for null. hidden: not in `SELECT *`. form: a pattern that all its
    texts match, "" for none: to compare it with any other text is a mistake. address: its text is an address or null, nothing
    else. label: the name as the question writes it, where that has capital letters.
    """

    name: str
    type: Type
    dashed: bool = False
    hidden: bool = False
    form: str = ""
    address: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table's name means: the name the engine has it under, and its columns in order."""

    name: str
    columns: tuple[Column, ...]


class Tables(Protocol):
    """What can be selected from."""

    def find(self, database: str | None, name: str) -> Relation | exp.Query | None:
        """Return a table, or the text of a view read anew, None where there is none. Names are lower case."""
        ...

    def names(self) -> Sequence[str]:
        """Return all names, for suggestions."""
        ...


@dataclass(slots=True)
class Source:
    """One item of FROM: its alias and columns; merged: names that USING made one."""

    alias: str
    columns: tuple[Column, ...]


@dataclass(slots=True)
class Scope:
    """Where names are looked for: this SELECT's sources, then those around it."""

    sources: list[Source] = field(default_factory=list)
    ctes: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    outer: Scope | None = None
    aliases: dict[str, Type] = field(default_factory=dict)
    merged: dict[str, Column] = field(default_factory=dict)
    lambdas: dict[str, Type] = field(default_factory=dict)

    def cte(self, name: str) -> tuple[Column, ...] | None:
        """Return the columns of a WITH query that is known here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.outer
        return None


class Answered(NamedTuple):
    """A question bound: DuckDB's tree, and the columns of its answer."""

    tree: exp.Query
    columns: tuple[Column, ...]


def bind(tree: exp.Query, text: str, tables: Tables, now: datetime | None = None) -> Answered:
    """Bind *tree* (it is used up); QueryError underlines in *text* what cannot be answered."""
    binder = _Binder(text, tables, now or datetime.now(UTC))
    bound, columns = binder.query(tree, Scope())
    return Answered(bound, tuple(column._replace(name=column.label or column.name) for column in columns))


class _Binder(Expressions):
    def __init__(self, text: str, tables: Tables, now: datetime) -> None:
        self._asked, self._tables, self.now = text, tables, now
        self._depth = 0

    # --- errors ------------------------------------------------------------------------------------------------

    def fail(self, code: str, node: exp.Expr, **values: object) -> QueryError:
        start, end = place(node)
        if end == 0 and node.parent is not None:
            start, end = place(node.parent)
        told = {name: str(value) for name, value in values.items()}
        return QueryError(code, text=self._asked, start=start, end=end, **told)

    def nowhere(self) -> Scope:
        return Scope()

    # --- queries -----------------------------------------------------------------------------------------------

    def query(self, tree: exp.Expr, outer: Scope) -> tuple[exp.Query, tuple[Column, ...]]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.fail("query.too_deep", tree)
        try:
            return self._query(tree, outer)
        finally:
            self._depth -= 1

    def _query(self, tree: exp.Expr, outer: Scope) -> tuple[exp.Query, tuple[Column, ...]]:
        scope = Scope(outer=outer)
        self._with(tree, scope)
        if isinstance(tree, exp.Subquery):
            inner, columns = self.query(tree.this, scope)
            tree.set("this", inner)
            self._modifiers(tree, columns, scope)
            return tree, columns
        if isinstance(tree, exp.SetOperation):
            columns = self._set_operation(tree, scope)
            self._modifiers(tree, columns, scope)
            return tree, columns
        if isinstance(tree, exp.Values):
            tree = exp.select("*").from_(exp.alias_(tree, "_values", table=True))
        if not isinstance(tree, exp.Select):
            raise self.fail("query.not_supported", tree, what=tree.key.upper())
        return tree, self._select(tree, scope)

    def _with(self, tree: exp.Expr, scope: Scope) -> None:
        found = tree.args.get("with_")
        if found is None:
            return
        for cte in found.expressions:
            name = cte.alias.lower()
            given = [column.name.lower() for column in cte.args["alias"].args.get("columns") or []]
            if found.recursive and self._names(cte.this, name):
                columns = self._recursive(cte, name, given, scope)
            else:
                cte_tree, columns = self.query(cte.this, scope)
                cte.set("this", cte_tree)
            scope.ctes[name] = self._renamed(cte, columns, given)
            cte.args["alias"].set("this", exp.to_identifier(name, quoted=True))
            self._quote(cte.args["alias"])

    def _names(self, tree: exp.Expr, name: str) -> bool:
        return any(table.name.lower() == name and not table.db for table in tree.find_all(exp.Table))

    def _recursive(self, cte: exp.Expr, name: str, given: list[str], scope: Scope) -> tuple[Column, ...]:
        union = cte.this
        if not isinstance(union, exp.Union) or not given:
            raise self.fail("query.recursive", cte)
        left, first = self.query(union.left, scope)
        scope.ctes[name] = self._renamed(cte, first, given)
        right, second = self.query(union.right, scope)
        if len(first) != len(second) or any(
            common(a.type, b.type) != a.type for a, b in zip(first, second, strict=True)
        ):
            raise self.fail("query.recursive", cte)
        union.set("this", left)
        union.set("expression", right)
        return first

    def _renamed(self, node: exp.Expr, columns: tuple[Column, ...], names: Sequence[str]) -> tuple[Column, ...]:
        shown = tuple(column for column in columns if not column.hidden)
        if not names:
            return shown
        if len(names) != len(shown):
            raise self.fail("query.column_count", node, given=len(names), needed=len(shown))
        return tuple(column._replace(name=name, label="") for column, name in zip(shown, names, strict=True))

    def _set_operation(self, tree: exp.SetOperation, scope: Scope) -> tuple[Column, ...]:
        sides = []
        for key in ("this", "expression"):
            bound, columns = self.query(tree.args[key], scope)
            tree.set(key, bound)
            sides.append(columns)
        left, right = sides
        if len(left) != len(right):
            raise self.fail("query.column_count", tree.args["expression"], given=len(right), needed=len(left))
        found = []
        for one, other in zip(left, right, strict=True):
            kind = common(one.type, other.type)
            if kind is None:
                raise self.fail("query.types_differ", tree.args["expression"], one=one.type, other=other.type)
            address = one.address and other.address
            found.append(Column(one.name, kind, one.dashed and other.dashed, address=address, label=one.label))
        return tuple(found)

    def _modifiers(self, tree: exp.Query, columns: tuple[Column, ...], scope: Scope) -> None:
        """Bind ORDER BY, LIMIT and OFFSET of what is no plain SELECT."""
        inner = Scope([Source("", columns)], outer=scope)
        order = tree.args.get("order")
        for ordered in order.expressions if order is not None else ():
            self._ordered(ordered, inner, columns)
        self._limits(tree)

    # --- SELECT ------------------------------------------------------------------------------------------------

    def _select(self, tree: exp.Select, scope: Scope) -> tuple[Column, ...]:
        for key, what in _REFUSED.items():
            if tree.args.get(key):
                part = tree.args[key]
                raise self.fail("query.not_supported", part if isinstance(part, exp.Expr) else tree, what=what)
        self._from(tree, scope)
        where = tree.args.get("where")
        if where is not None:
            self.no_aggregates(where.this, "WHERE")
            where.set("this", self.condition(where.this, scope).node)
        windows = tree.args.get("windows") or []
        for window in windows:
            self.window_parts(window, scope)
        columns = self._projections(tree, scope)
        self._group(tree, scope, columns)
        having = tree.args.get("having")
        if having is not None:
            having.set("this", self.condition(having.this, scope).node)
        self._order(tree, scope, columns)
        self._limits(tree)
        distinct = tree.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise self.fail("query.not_supported", distinct, what="DISTINCT ON")
        return columns

    def _projections(self, tree: exp.Select, scope: Scope) -> tuple[Column, ...]:
        found: list[Column] = []
        nodes: list[exp.Expr] = []
        for projection in tree.expressions:
            starred = self._star(projection, scope)
            if starred is not None:
                for column, node in starred:
                    found.append(column)
                    nodes.append(exp.alias_(node, column.name, quoted=True))
                continue
            named = projection.alias if isinstance(projection, exp.Alias) else ""
            inner = projection.this if isinstance(projection, exp.Alias) else projection
            bound = self.value(inner, scope)
            label = named or self._own_name(inner) or f"_col{len(found)}"
            name = label.lower()
            dashed, address = self.is_dashed(inner, scope), self.is_address(inner, scope)
            found.append(Column(name, bound.type, dashed, address=address, label=label if label != name else ""))
            nodes.append(exp.alias_(bound.node, name, quoted=True))
        tree.set("expressions", nodes)
        return tuple(found)

    def _own_name(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            return node.name if self._own_name(node.this) else ""
        return node.name if isinstance(node, exp.Column) else ""

    def _star(self, node: exp.Expr, scope: Scope) -> list[tuple[Column, exp.Expr]] | None:
        wanted = ""
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            wanted = node.table.lower()
        elif not isinstance(node, exp.Star):
            return None
        star = node if isinstance(node, exp.Star) else node.this
        if any(star.args.get(key) for key in ("except_", "replace", "rename", "except")):
            raise self.fail("query.not_supported", node, what="* EXCEPT")
        if not scope.sources:
            raise self.fail("query.star_alone", node)
        if wanted and wanted not in [source.alias for source in scope.sources]:
            raise self.unknown("query.unknown_table", node, wanted, [source.alias for source in scope.sources])
        found: list[tuple[Column, exp.Expr]] = []
        if not wanted:
            found += [
                (column, exp.column(exp.to_identifier(name, quoted=True))) for name, column in scope.merged.items()
            ]
        for source in scope.sources:
            if wanted in ("", source.alias):
                found += [
                    (column, self.reference(source, column))
                    for column in source.columns
                    if not column.hidden and (wanted or column.name not in scope.merged)
                ]
        return found

    def reference(self, source: Source, column: Column) -> exp.Expr:
        """Return a column as DuckDB is asked for it."""
        table = exp.to_identifier(source.alias, quoted=True) if source.alias else None
        return exp.Column(this=exp.to_identifier(column.name, quoted=True), table=table)

    def _group(self, tree: exp.Select, scope: Scope, columns: tuple[Column, ...]) -> None:
        group = tree.args.get("group")
        if group is None:
            return
        if group.args.get("all"):
            raise self.fail("query.not_supported", group, what="GROUP BY ALL")
        self._group_items(group, "expressions", scope, tree, columns)

    def _group_items(
        self, node: exp.Expr, key: str, scope: Scope, tree: exp.Select, columns: tuple[Column, ...]
    ) -> None:
        bound: list[exp.Expr] = []
        for item in node.args.get(key) or []:
            if isinstance(item, (exp.GroupingSets, exp.Rollup, exp.Cube, exp.Tuple)):
                self._group_items(item, "expressions", scope, tree, columns)
                bound.append(item)
            elif isinstance(item, exp.Paren):
                bound.append(exp.Tuple(expressions=[self._group_item(item.this, scope, tree, columns)]))
            else:
                bound.append(self._group_item(item, scope, tree, columns))
        node.set(key, bound)

    def _group_item(self, item: exp.Expr, scope: Scope, tree: exp.Select, columns: tuple[Column, ...]) -> exp.Expr:
        if isinstance(item, exp.Literal) and not item.is_string:
            number = self._ordinal(item, len(columns), "GROUP BY")
            chosen: exp.Expr = tree.expressions[number - 1].this
            if self.has_aggregate(chosen):
                raise self.fail("query.aggregate_here", item, where="GROUP BY")
            return chosen.copy()
        self.no_aggregates(item, "GROUP BY")
        return self.value(item, scope).node

    def _ordinal(self, item: exp.Expr, most: int, where: str) -> int:
        if not item.this.isdecimal() or not 1 <= int(item.this) <= most:
            raise self.fail("query.position", item, position=item.this, where=where, most=most)
        return int(item.this)

    def _order(self, tree: exp.Select, scope: Scope, columns: tuple[Column, ...]) -> None:
        order = tree.args.get("order")
        if order is None:
            return
        # ORDER BY sees the answer's columns first, then those of FROM.
        for ordered in order.expressions:
            self._ordered(ordered, scope, columns, aliases=True)

    def _ordered(self, ordered: exp.Expr, scope: Scope, columns: tuple[Column, ...], *, aliases: bool = False) -> None:
        item = ordered.this
        ordered.set("nulls_first", bool(ordered.args.get("nulls_first")))
        if isinstance(item, exp.Literal) and not item.is_string:
            self._ordinal(item, len(columns), "ORDER BY")
            return
        if isinstance(item, exp.Column) and not item.table and item.name.lower() in {column.name for column in columns}:
            ordered.set("this", exp.column(exp.to_identifier(item.name.lower(), quoted=True)))
            return
        inner = Scope(scope.sources, scope.ctes, scope.outer, {}, scope.merged)
        if aliases:
            inner.aliases = {column.name: column.type for column in columns}
        ordered.set("this", self.value(item, inner).node)

    def _limits(self, tree: exp.Query) -> None:
        limit, offset = tree.args.get("limit"), tree.args.get("offset")
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                raise self.fail("query.not_supported", limit, what="WITH TIES")
            limit = exp.Limit(expression=limit.args.get("count") or exp.Literal.number(1))
            tree.set("limit", limit)
        if (
            limit is not None
            and isinstance(limit.expression, (exp.Column, exp.Var))
            and limit.expression.name.lower() == "all"
        ):
            tree.set("limit", None)
            limit = None
        for part in (limit, offset):
            if part is None:
                continue
            number = part.expression
            if not (isinstance(number, exp.Literal) and not number.is_string and number.this.isdecimal()):
                raise self.fail("query.limit", number)
            if int(number.this) > 2**62:
                raise self.fail("query.limit", number)

    # --- FROM --------------------------------------------------------------------------------------------------

    def _from(self, tree: exp.Select, scope: Scope) -> None:
        source = tree.args.get("from_")
        if source is None:
            return
        source.set("this", self._item(source.this, scope))
        for join in tree.args.get("joins") or []:
            self._join(join, scope)

    def _join(self, join: exp.Join, scope: Scope) -> None:
        if join.method or join.kind in ("SEMI", "ANTI") or join.args.get("global_"):
            what = f"{join.method} {join.kind} JOIN".strip()
            if join.method.upper() == "NATURAL":
                raise self.fail("query.not_supported", join, what="NATURAL JOIN")
            raise self.fail("query.not_supported", join, what=what)
        before = len(scope.sources)
        join.set("this", self._item(join.this, scope))
        on = join.args.get("on")
        if on is not None:
            join.set("on", self.condition(on, scope).node)
        using = join.args.get("using")
        if using:
            self._using(join, using, scope, before)

    def _using(self, join: exp.Join, using: Sequence[exp.Expr], scope: Scope, before: int) -> None:
        names = []
        for item in using:
            name = item.name.lower()
            left = scope.merged.get(name) or next(
                (column for source in scope.sources[:before] for column in source.columns if column.name == name), None
            )
            right = next(
                (column for source in scope.sources[before:] for column in source.columns if column.name == name), None
            )
            if left is None or right is None:
                raise self.unknown("query.unknown_column", item, name, [])
            kind = common(left.type, right.type)
            if kind is None:
                raise self.fail("query.types_differ", item, one=left.type, other=right.type)
            scope.merged[name] = Column(name, kind, left.dashed and right.dashed)
            names.append(exp.to_identifier(name, quoted=True))
        join.set("using", names)

    def _item(self, item: exp.Expr, scope: Scope) -> exp.Expr:
        if isinstance(item, exp.Table):
            if item.args.get("sample") or item.args.get("pivots") or item.args.get("when") or item.args.get("version"):
                raise self.fail("query.not_supported", item, what="TABLESAMPLE")
            if isinstance(item.this, (exp.Anonymous, exp.Func)):
                raise self.fail("query.not_supported", item, what=f"TABLE({item.this.name})")
            bound = self._table(item, scope)
        elif isinstance(item, exp.Subquery):
            if item.args.get("sample") or item.args.get("pivots"):
                raise self.fail("query.not_supported", item, what="TABLESAMPLE")
            if isinstance(item.this, exp.Table):
                bound = item.this if not item.alias else item
                item.set("this", self._item(item.this, scope))
                return item
            inner, columns = self.query(item.this, self._around(scope))
            item.set("this", inner)
            self._add(item, columns, scope)
            bound = item
        elif isinstance(item, exp.Values):
            bound = self._values(item, scope)
        elif isinstance(item, exp.Unnest):
            bound = self._unnest(item, scope)
        elif isinstance(item, exp.Lateral):
            inner, columns = self.query(item.this.this if isinstance(item.this, exp.Subquery) else item.this, scope)
            item.set("this", exp.Subquery(this=inner))
            self._add(item, columns, scope)
            bound = item
        else:
            raise self.fail("query.not_supported", item, what=item.key.upper())
        for join in item.args.get("joins") or []:
            self._join(join, scope)
        return bound

    def _around(self, scope: Scope) -> Scope:
        """A derived table sees the WITH queries, not its neighbours."""
        return Scope(ctes=scope.ctes, outer=scope.outer)

    def _table(self, item: exp.Table, scope: Scope) -> exp.Expr:
        name, database, catalog = item.name.lower(), item.db.lower(), item.catalog.lower()
        alias = (item.alias or name).lower()
        given = [
            column.name.lower()
            for column in (item.args["alias"].args.get("columns") if item.args.get("alias") else None) or []
        ]
        if catalog and catalog != "awsdatacatalog":
            raise self.unknown("query.unknown_catalog", item.args["catalog"], catalog, ["awsdatacatalog"])
        cte = scope.cte(name) if not database else None
        if cte is not None:
            table: exp.Expr = exp.Table(this=exp.to_identifier(name, quoted=True))
            columns = cte
        else:
            found = self._tables.find(database or None, name)
            if found is None:
                shown = f"{database}.{name}" if database else name
                raise self.unknown("query.unknown_table", item, shown, self._tables.names())
            if isinstance(found, Relation):
                table, columns = exp.Table(this=exp.to_identifier(found.name, quoted=True)), found.columns
            else:
                inner, columns = self.query(found, Scope())
                table = exp.Subquery(this=inner)
        columns = self._renamed(item, columns, given) if given else columns
        self._put(alias, columns, scope, item)
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        if given:
            table.args["alias"].set("columns", [exp.to_identifier(one, quoted=True) for one in given])
        return table

    def _put(self, alias: str, columns: tuple[Column, ...], scope: Scope, node: exp.Expr) -> None:
        if alias and alias in [source.alias for source in scope.sources]:
            raise self.fail("query.alias_twice", node, name=alias)
        scope.sources.append(Source(alias, columns))

    def _add(self, item: exp.Expr, columns: tuple[Column, ...], scope: Scope) -> None:
        alias = item.args.get("alias")
        name = alias.name.lower() if alias is not None else ""
        given = [column.name.lower() for column in alias.args.get("columns") or []] if alias is not None else []
        self._put(name, self._renamed(item, columns, given), scope, item)
        if alias is not None:
            self._quote(alias)

    def _quote(self, alias: exp.Expr) -> None:
        alias.set("this", exp.to_identifier(alias.name.lower(), quoted=True))
        columns = alias.args.get("columns") or []
        alias.set("columns", [exp.to_identifier(column.name.lower(), quoted=True) for column in columns])

    def _values(self, item: exp.Values, scope: Scope) -> exp.Expr:
        kinds: list[Type] = []
        rows: list[list[Bound]] = []
        for row in item.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row.this if isinstance(row, exp.Paren) else row]
            bound = [self.value(cell, Scope(outer=scope)) for cell in cells]
            if rows and len(bound) != len(kinds):
                raise self.fail("query.column_count", row, given=len(bound), needed=len(kinds))
            kinds = kinds or [UNKNOWN] * len(bound)
            for number, cell in enumerate(bound):
                kind = common(kinds[number], cell.type)
                if kind is None:
                    raise self.fail("query.types_differ", row, one=kinds[number], other=cell.type)
                kinds[number] = kind
            rows.append(bound)
        told = [[self.coerce(cell, kind).node for cell, kind in zip(row, kinds, strict=True)] for row in rows]
        item.set("expressions", [exp.Tuple(expressions=row) for row in told])
        columns = tuple(Column(f"_col{number}", kind) for number, kind in enumerate(kinds))
        alias = item.args.get("alias")
        if alias is None:
            alias = exp.TableAlias(this=exp.to_identifier("_values"))
            item.set("alias", alias)
        self._add(item, columns, scope)
        if not alias.args.get("columns"):
            alias.set("columns", [exp.to_identifier(column.name, quoted=True) for column in columns])
        return item

    def _unnest(self, item: exp.Unnest, scope: Scope) -> exp.Expr:
        """UNNEST of several arrays or maps side by side → DuckDB's unnest in a lateral SELECT."""
        columns: list[Column] = []
        parts: list[exp.Expr] = []
        for argument in item.expressions:
            bound = self.value(argument, Scope(scope.sources, outer=scope))
            if bound.type.name == "array":
                self._unnested(bound, columns, parts)
            elif bound.type.name == "map":
                for name, kind in zip(("map_keys", "map_values"), bound.type.inner, strict=True):
                    parts.append(
                        exp.Anonymous(
                            this="unnest", expressions=[exp.Anonymous(this=name, expressions=[bound.node.copy()])]
                        )
                    )
                    columns.append(Column(f"_col{len(columns)}", kind))
            else:
                raise self.fail("query.unnest", argument, given=bound.type)
        alias = item.args.get("alias")
        if item.args.get("offset"):
            longest = exp.Anonymous(this="greatest", expressions=[
                exp.Anonymous(this="len", expressions=[part.expressions[0].copy()]) for part in parts
            ])  # fmt: skip
            numbers = exp.Anonymous(this="generate_series", expressions=[exp.Literal.number(1), longest])
            parts.append(exp.Anonymous(this="unnest", expressions=[numbers]))
            columns.append(Column(f"_col{len(columns)}", BIGINT))
            if alias is not None and isinstance(item.args["offset"], exp.Identifier):
                alias.append("columns", item.args["offset"])
        select = exp.select(
            *(exp.alias_(part, column.name, quoted=True) for part, column in zip(parts, columns, strict=True))
        )
        lateral = exp.Lateral(
            this=exp.Subquery(this=select), alias=alias or exp.TableAlias(this=exp.to_identifier("_unnest"))
        )
        self._add(lateral, tuple(columns), scope)
        return lateral

    def _unnested(self, bound: Bound, columns: list[Column], parts: list[exp.Expr]) -> None:
        element = bound.type.inner[0]
        if element.name != "row":
            parts.append(exp.Anonymous(this="unnest", expressions=[bound.node]))
            columns.append(Column(f"_col{len(columns)}", element))
            return
        for number, kind in enumerate(element.inner):
            name = element.names[number] or f"_col{len(columns)}"
            fields = exp.Lambda(
                this=exp.Anonymous(
                    this="struct_extract",
                    expressions=[exp.column("r"), exp.Literal.string(field_name(element, number))],
                ),
                expressions=[exp.to_identifier("r")],
            )
            lists = exp.Anonymous(this="list_transform", expressions=[bound.node.copy(), fields])
            parts.append(exp.Anonymous(this="unnest", expressions=[lists]))
            columns.append(Column(name, kind))

    # --- names -------------------------------------------------------------------------------------------------

    def unknown(self, code: str, node: exp.Expr, name: str, known: Sequence[str]) -> QueryError:
        """Return an error for a name nobody knows, with the near one."""
        near = difflib.get_close_matches(name, known, 1, 0.6)
        return self.fail(_NEAR[code] if near else code, node, name=name, near=near[0] if near else "")
