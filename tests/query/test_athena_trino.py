"""What Trino answers, our binder and DuckDB answer too: values, types, refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from query.trino import FOLDER, kind, plain, recorded, same
from vpcflow.errors import QueryError
from vpcflow.query.athena.binder import bind
from vpcflow.query.athena.functions import registry
from vpcflow.query.athena.parse import parse
from vpcflow.query.athena.shown import shown
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.types import Limits

GOLDEN = recorded("expressions")["answers"]
DIFFERENCES = recorded("differences")["answers"]

NEWER = re.compile(r"\bip_(prefix|subnet)|ipprefix|is_subnet_of")
"""Functions that Athena has and this version of Trino has not."""

REFUSED = re.compile(
    r"natural join|shuffle|combinations|format_number|parse_data_size|parse_duration|array_first|time '|from_unixtime\(0, 9|"
    r"percentile\(x, (2|w),",
    re.IGNORECASE,
)
"""What is not built is refused by name."""

DIFFERENT = {
    "select upper('straße')": "DuckDB knows the capital ẞ",
    """select json_format(json_parse('{"b": 1, "a": [1, 2 ]}'))""": "Trino sorts an object's keys",
}
TYPE_NAMES = re.compile(r"typeof\('|typeof\(map|typeof\(row")
"""A literal's own length is not kept: varchar is not varchar(1)."""

OTHER_TYPES = re.compile(r"concat\('a', null\)|null \|\||\|\| ?null|as char\(4\)\) \|\|")
"""text || null is an array there, char(4) || text a char."""


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
            [plain(value, column.type) for value in array.to_pylist()]
            for array, column in zip(batch.columns, bound.columns, strict=True)
        ]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return [str(column.type) for column in bound.columns], rows


@pytest.mark.parametrize("sql", [sql for sql in GOLDEN if sql not in DIFFERENT and not NEWER.search(sql)])
def test_the_answer_is_trinos(engine, sql):
    check(engine, sql, GOLDEN[sql])


def check(engine: DuckDBEngine, sql: str, wanted: dict[str, Any]) -> None:
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


def named() -> list[Any]:
    """Return the questions of differences.sql, each with the name it stands under."""
    name, found = "", []
    for line in (FOLDER / "differences.sql").read_text().splitlines()[1:]:
        if line.startswith("-- "):
            name = line.removeprefix("-- ")
        elif line:
            found.append(pytest.param(line, id=name))
    return found


@pytest.mark.parametrize("sql", named())
def test_no_difference_is_silent(engine, sql):
    check(engine, sql, DIFFERENCES[sql])


FUNCTIONS = recorded("functions")["functions"]


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(registry.names())))
def test_a_function_of_trinos_that_is_not_here_is_refused_by_name(engine, name):
    with pytest.raises(QueryError) as caught:
        asked(engine, f"select {name}(1)")
    assert caught.value.code in ("query.unknown_function", "query.unknown_function_near")
    assert name in caught.value.message


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
