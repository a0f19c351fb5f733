"""Which partitions of a user's table a question needs: its own conditions on partition columns, asked of their values.

The conditions are those that WHERE joins by AND and that look at nothing but the table's partition columns. They are put to
DuckDB as the question has them, so a partition is left out only where the question itself would leave out its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from vpcflow.query.athena.functions.registry import statements
from vpcflow.query.athena.types import duckdb as held
from vpcflow.query.literal import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vpcflow.query.athena.types import Type


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a question says of one table it reads. alias: the table's name in the question; tests: bound, joined by AND."""

    alias: str
    tests: tuple[exp.Expr, ...] = ()

    @classmethod
    def of(cls, tree: exp.Expr, relation: str) -> Conditions:
        """Find what *tree* (bound) says of the table that it reads as *relation*."""
        table = next((table for table in tree.find_all(exp.Table) if table.name == relation), None)
        if table is None:
            return cls("")
        select = table.parent_select
        where = select.args.get("where") if select is not None else None
        alias = table.alias_or_name
        if select is None or where is None or _is_outer(table, select):
            return cls(alias)
        return cls(alias, tuple(test for test in _conjuncts(where.this) if _is_about(test, alias)))

    def about(self, names: Sequence[str]) -> list[exp.Expr]:
        """Return the tests that look at no other column than *names*."""
        return [test for test in self.tests if {column.name for column in test.find_all(exp.Column)} <= set(names)]

    def texts(self, name: str) -> list[str] | None:
        """Return the texts that column *name* must be one of by `=` or IN, None where nothing says so."""
        for test in self.about([name]):
            left = test.this if isinstance(test, (exp.EQ, exp.In)) else None
            values = [test.expression] if isinstance(test, exp.EQ) else test.expressions if left is not None else []
            if isinstance(left, exp.Column) and values and all(map(_is_text, values)):
                return list(dict.fromkeys(value.name for value in values))
        return None

    def keep(self, kinds: Mapping[str, Type], rows: Sequence[tuple[Any, ...]]) -> list[int]:
        """Return the places of those *rows* (a value for each name of *kinds*) that no test leaves out."""
        tests = self.about(list(kinds))
        if not tests or not rows:
            return list(range(len(rows)))
        where = exp.and_(*(test.copy() for test in tests)).sql(dialect="duckdb", identify=True)
        casts = ", ".join(
            f"CAST({identifier(name)} AS {held(kind)}) AS {identifier(name)}" for name, kind in kinds.items()
        )
        columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(kinds))]
        given = pa.table([pa.array(range(len(rows)), pa.int64()), *columns], names=["x_place", *kinds])
        sql = f"SELECT x_place FROM (SELECT x_place, {casts} FROM given) AS {identifier(self.alias)} WHERE {where}"
        db = duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": 1})
        try:
            db.register("given", given)
            for statement in statements(sql, set()):
                db.execute(statement)
            return sorted(place for (place,) in db.execute(sql).fetchall())
        except duckdb.Error:
            # The question itself will say what is wrong with its condition, if a row ever comes to it.
            return list(range(len(rows)))
        finally:
            db.close()


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    node = node.unnest()
    if isinstance(node, exp.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _is_about(test: exp.Expr, alias: str) -> bool:
    if test.find(exp.Query, exp.Lambda, exp.Window):
        return False
    columns = list(test.find_all(exp.Column))
    return bool(columns) and all(column.table == alias for column in columns)


def _is_outer(table: exp.Table, select: exp.Select) -> bool:
    """Tell whether rows may come that *table* has no part in, so that a condition need not hold for its own."""
    if table.find_ancestor(exp.From, exp.Join) is None:
        return True
    joins = select.args.get("joins") or []
    return any(join.side for join in joins)


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string
