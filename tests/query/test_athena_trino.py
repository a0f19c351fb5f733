"""What Trino answers, our binder and DuckDB answer too: values, types, refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from query.trino import kind, plain, recorded, same
from vpcflow.errors import QueryError
from vpcflow.query.athena.binder import bind
from vpcflow.query.athena.functions import registry
from vpcflow.query.athena.parse import parse
from vpcflow.query.athena.shown import shown
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.types import Limits

GOLDEN = recorded("expressions")["answers"]

NEWER = re.compile(r"\bip_(prefix|subnet)|ipprefix|is_subnet_of")
"""Functions that Athena has and this version of Trino has not."""

REFUSED = re.compile(
    r"multimap_agg|map_filter|transform_values|zip_with|U&'|max_by\(y, x, 2\)|all \(values", re.IGNORECASE
)
"""What is not built is refused by name."""

DIFFERENT = {
    "select upper('straße')": "DuckDB knows the capital ẞ",
}
TYPE_NAMES = re.compile(r"typeof\('|typeof\(map|typeof\(row")
"""A literal's own length is not kept: varchar is not varchar(1)."""

OTHER_TYPES = re.compile(r"grouping\(|corr\(|null \|\||\|\|null")
"""grouping() is an integer there, corr() of whole numbers a real, text || null an array."""


class NoTables:
    def find(self, database: str | None, name: str) -> None:
        return None

    def names(self) -> list[str]:
        return []


@pytest.fixture(scope="module")
def engine():
    engine = DuckDBEngine([])
    yield engine
    engine.close()


def asked(engine: DuckDBEngine, sql: str) -> tuple[list[str], list[list[Any]]]:
    bound = bind(parse(sql).tree, sql, NoTables())
    query = engine.submit(bound.tree.sql(dialect="duckdb", identify=True), Limits())
    rows: list[list[Any]] = []
    for batch in shown(engine.result(query), bound.columns, typed=False):
        columns = [
            [plain(value, column.type.name) for value in array.to_pylist()]
            for array, column in zip(batch.columns, bound.columns, strict=True)
        ]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return [str(column.type) for column in bound.columns], rows


@pytest.mark.parametrize("sql", [sql for sql in GOLDEN if sql not in DIFFERENT and not NEWER.search(sql)])
def test_the_answer_is_trinos(engine, sql):
    wanted = GOLDEN[sql]
    if REFUSED.search(sql) or "error" in wanted:
        with pytest.raises(QueryError) as caught:
            asked(engine, sql)
        assert caught.value.message
        return
    kinds, rows = asked(engine, sql)
    if not TYPE_NAMES.search(sql):
        assert same(wanted["rows"], rows)
    if not OTHER_TYPES.search(sql):
        assert [kind(one) for one in kinds] == [kind(one) for _, one in wanted["columns"]]


@pytest.mark.parametrize("sql", sorted(DIFFERENT))
def test_a_known_difference_is_still_one(engine, sql):
    assert not same(GOLDEN[sql]["rows"], asked(engine, sql)[1]), f"remove it from the list: {DIFFERENT[sql]}"


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("cast(ip_prefix(cast('10.1.2.3' as ipaddress), 9) as varchar)", "10.0.0.0/9"),
        ("cast(ip_prefix('192.168.255.255', 20) as varchar)", "192.168.240.0/20"),
        ("cast(ip_prefix(ipaddress '2001:db8:ffff::1', 35) as varchar)", "2001:db8:e000::/35"),
        ("cast(ip_subnet_min(ipprefix '192.168.255.255/9') as varchar)", "192.128.0.0"),
        ("cast(ip_subnet_max(ipprefix '192.64.0.0/9') as varchar)", "192.127.255.255"),
        ("is_subnet_of(ipprefix '1.2.3.128/26', ipaddress '1.2.3.129')", True),
        ("is_subnet_of(ipprefix '1.2.3.128/26', ipprefix '1.2.5.1/30')", False),
        ("is_subnet_of(ipprefix '1.2.3.128/26', ipprefix '1.2.3.128/26')", True),
    ],
)
def test_prefixes_are_as_trinos_documentation_has_them(engine, sql, wanted):
    assert asked(engine, f"select {sql}")[1] == [[wanted]]


def test_every_function_of_a_line_can_be_made(engine):
    broken = []
    for name in registry.macros():
        # The engine makes what a question names, here only in a text.
        query = engine.submit(f"SELECT '{name}'", Limits())
        try:
            list(engine.result(query))
        except QueryError as error:
            broken.append((name, error.message))
    assert not broken
