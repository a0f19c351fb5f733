"""Address look-ups → branches that each test one plain column, so that statistics and bloom filters can leave out files.

    WHERE a = x OR b = x                →  a = x   UNION ALL   b = x AND a IS DISTINCT FROM x
    WHERE src = x (packet-level)        →  pkt_srcaddr = x   UNION ALL   srcaddr = x AND pkt_srcaddr IS NULL
    WHERE src = x OR dst = x            →  both together, four branches without overlap

No engine tried prunes on the disjunction (research: 0.59 s as OR, 0.03 s as UNION ALL). Only for engines that do not bill a
second scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.rewrites import flows
from vpcflow.query.schema import FLOWS

if TYPE_CHECKING:
    from vpcflow.query.schema import Schema

_SIDES: Final = {"src": "srcaddr", "dst": "dstaddr"}
_PLAIN: Final = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")


def rewrite(tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Give each SELECT from one table of the lake, whose WHERE looks addresses up, branches to read from."""
    wanted = flows.wanted(tree)
    shadowed = {cte.alias for cte in tree.find_all(exp.CTE)}
    for select in list(tree.find_all(exp.Select)):
        source = select.args.get("from_")
        where = select.args.get("where")
        if source is None or where is None or select.args.get("joins"):
            continue
        table = source.this
        if not isinstance(table, exp.Table) or table.db or table.name in shadowed:
            continue
        base = FLOWS.get(table.name, table.name)
        if base in FLOWS.values():
            _branch(select, table, base, schema, wanted)
    return tree


def _branch(select: exp.Select, table: exp.Table, base: str, schema: Schema, wanted: set[str]) -> None:
    conditions = list(_conjuncts(select.args["where"].this))
    for place, condition in enumerate(conditions):
        tests = _lookups(condition, table.alias_or_name, derived=table.name in FLOWS)
        branches = _branches(tests, base, schema) if tests else []
        if len(branches) < 2:
            continue
        rest = conditions[:place] + conditions[place + 1 :]
        select.set("where", exp.Where(this=exp.and_(*rest, copy=False)) if rest else None)
        source = flows.select(base, schema, wanted) if table.name in FLOWS else exp.select("*").from_(base)
        parts = [source.where(branch) for branch in branches]
        union = exp.union(*parts, distinct=False, copy=False)
        select.set(
            "from_",
            exp.From(this=exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))),
        )
        return


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return _parts(condition, exp.And)


def _parts(condition: exp.Expr, kind: type[exp.Connector]) -> list[exp.Expr]:
    """Return what *kind* joins, left to right; a filter may join thousands, so no recursion."""
    found: list[exp.Expr] = []
    waiting = [condition]
    while waiting:
        part = waiting.pop().unnest()
        if isinstance(part, kind):
            waiting += [part.right, part.left]
        else:
            found.append(part)
    return found


def _lookups(condition: exp.Expr, name: str, *, derived: bool) -> list[tuple[str, list[exp.Expr]]]:
    """Return (column, values) for each part of a pure disjunction of address look-ups; nothing for anything else."""
    found = []
    for part in _parts(condition, exp.Or):
        test = _lookup(part, name, derived=derived)
        if test is None:
            return []
        found.append(test)
    return found


def _lookup(test: exp.Expr, name: str, *, derived: bool) -> tuple[str, list[exp.Expr]] | None:
    if isinstance(test, exp.EQ):
        for column, value in ((test.left, test.right), (test.right, test.left)):
            if _is_address(column, name, derived=derived) and _is_text(value):
                return column.name, [value]
    if isinstance(test, exp.In) and _is_address(test.this, name, derived=derived):
        values = test.expressions
        if values and all(_is_text(value) for value in values):
            return test.this.name, values
    return None


def _is_address(node: exp.Expr, name: str, *, derived: bool) -> bool:
    known = (*_PLAIN, *_SIDES) if derived else _PLAIN
    return isinstance(node, exp.Column) and node.name in known and node.table in ("", name)


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _branches(tests: list[tuple[str, list[exp.Expr]]], base: str, schema: Schema) -> list[exp.Expr]:
    merged: dict[str, list[exp.Expr]] = {}
    for column, values in tests:
        merged.setdefault(column, []).extend(values)
    found: list[exp.Expr] = []
    before: list[exp.Expr] = []
    for column, values in merged.items():
        found += [
            exp.and_(branch, *(miss.copy() for miss in before), copy=False)
            for branch in _own_branches(column, values, base, schema)
        ]
        before.append(_misses(column, values, base, schema))
    return found


def _own_branches(column: str, values: list[exp.Expr], base: str, schema: Schema) -> list[exp.Expr]:
    plain = _SIDES.get(column)
    if plain is None:
        return [_hits(column, values)]
    packet = f"pkt_{plain}"
    if not schema.has(base, packet):
        return [_hits(plain, values)]
    absent = exp.Is(this=exp.column(packet), expression=exp.Null())
    return [_hits(packet, values), exp.and_(_hits(plain, values), absent, copy=False)]


def _hits(column: str, values: list[exp.Expr]) -> exp.Expr:
    if len(values) == 1:
        return exp.EQ(this=exp.column(column), expression=values[0].copy())
    return exp.In(this=exp.column(column), expressions=[value.copy() for value in values])


def _misses(column: str, values: list[exp.Expr], base: str, schema: Schema) -> exp.Expr:
    """State that an earlier test does not hold, true for null too."""
    plain = _SIDES.get(column)
    tested = flows.packet_level(plain, base, schema) if plain else exp.column(column)
    parts = [exp.NullSafeNEQ(this=tested.copy(), expression=value.copy()) for value in values]
    return exp.paren(exp.and_(*parts, copy=False), copy=False)
