"""The compiler, by golden cases: `VPCFLOW_GOLDEN=rewrite` writes them anew, the diff is for a person."""

from __future__ import annotations

import pytest
from sqlglot import parse_one, select

from query.golden import DIALECTS, REWRITE, cases
from vpcflow.errors import QueryError
from vpcflow.query.compile import compile as compile_plan
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.query.filter import parse
from vpcflow.query.schema import Schema
from vpcflow.types import Limits, TableRef

CASES = cases()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = DuckDBEngine([tmp_path_factory.mktemp("nothing")], threads=1)
    engine.bind(TableRef("flow_logs", ()))
    yield engine
    engine.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_a_plan_compiles_as_written(case):
    if REWRITE:
        case.rewrite()
    for dialect in DIALECTS:
        assert case.now(dialect) == (case.sql[dialect], case.scans)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_what_is_compiled_for_duckdb_runs(case, engine):
    sql = compile_plan(case.tree, case.schema, "duckdb").sql
    list(engine.result(engine.submit(sql, Limits(timeout_s=10))))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_compiling_leaves_the_plan_as_it_was_and_gives_the_same_each_time(dialect):
    for case in CASES:
        tree = case.tree
        before = tree.sql(dialect="trino")
        first = compile_plan(tree, case.schema, dialect)
        assert tree.sql(dialect="trino") == before
        assert compile_plan(tree, case.schema, dialect) == first


def test_a_dialect_without_rules_is_refused():
    with pytest.raises(KeyError):
        compile_plan(parse_one("SELECT 1"), Schema({}), "mysql")


def test_a_network_that_is_none_is_refused_when_raw_sql_has_it():
    tree = parse_one(
        "SELECT * FROM flow_logs WHERE contains('10.0.0.0/99', CAST(srcaddr AS ipaddress))", dialect="athena"
    )
    with pytest.raises(QueryError) as caught:
        compile_plan(tree, Schema({"flow_logs": frozenset()}), "duckdb")
    assert caught.value.code == "query.not_a_network"


@pytest.mark.parametrize("word", ["or", "and"])
def test_a_filter_of_a_thousand_look_ups_compiles_and_runs(word, engine):
    condition = parse(f" {word} ".join(f"{'src' if n % 2 else 'dst'} = 1.0.{n // 250}.{n % 250}" for n in range(900)))
    schema = Schema({"flow_logs": frozenset({"srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr"})})
    sql = compile_plan(select("srcaddr").from_("flows").where(condition), schema, "duckdb").sql
    assert list(engine.result(engine.submit(sql, Limits(timeout_s=60)))) != []
