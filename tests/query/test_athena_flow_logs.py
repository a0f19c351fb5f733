"""Questions over flow_logs: a lake of the records of golden/trino/flow_logs answers as Trino does on the same records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from golden.trino.records import files
from query.trino import kind, plain, recorded, same
from vpcflow.errors import QueryError
from vpcflow.lake.ingest import Config, Ingest
from vpcflow.lake.lake import Lake
from vpcflow.query.answer import Asker
from vpcflow.query.athena.saved import PREDEFINED
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.types import SourceObject

GOLDEN = recorded("flow_logs")
NOW = datetime(2023, 12, 2, tzinfo=UTC)
"""When the questions marked "now" are asked (record.py, TODAY)."""


@pytest.fixture(scope="module")
def asker(tmp_path_factory):
    root = tmp_path_factory.mktemp("golden") / "lake"
    lake = Lake(root, create=True, durable=False)
    with lake.writer() as writer:
        objects = [
            SourceObject(path.name, "1", path.stat().st_size, lambda path=path: path.open("rb"), account, region)
            for path, account, region in files()
        ]
        progress = Ingest(lake, writer, Config(threads=1)).run(objects)
        assert not progress.failed
    engine = DuckDBEngine([lake.root])
    yield Asker(engine, lake)
    engine.close()
    lake.close()


def asked(asker: Asker, sql: str) -> tuple[list[list[str]], list[list[Any]]]:
    """Return names and types of the columns, and the rows in the form of Trino's protocol."""
    found = asker.query(sql, now=NOW)
    rows: list[list[Any]] = []
    for batch in found.batches:
        columns = [
            [plain(value, column.type) for value in array.to_pylist()]
            for array, column in zip(batch.columns, found.columns, strict=True)
        ]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return [[column.name, str(column.type)] for column in found.columns if not column.hidden], rows


def check(asker: Asker, sql: str, wanted: dict[str, Any], *, dashes: bool = False) -> None:
    if "error" in wanted:
        with pytest.raises(QueryError) as caught:
            asked(asker, sql)
        assert caught.value.message
        return
    columns, rows = asked(asker, sql)
    told = wanted["rows"]
    if dashes:
        told = [[None if value == "-" else value for value in row] for row in told]
    if "order by" not in sql.lower():
        rows, told = sorted(rows, key=repr), sorted(told, key=repr)
    assert same(told, rows), f"\n{told}\n{rows}"
    assert [name for name, _ in columns] == [name for name, _ in wanted["columns"]]
    assert [kind(one) for _, one in columns] == [kind(one) for _, one in wanted["columns"]]


@pytest.mark.parametrize("line", GOLDEN["answers"])
def test_the_answer_is_trinos(asker, line):
    sql, _, mark = line.partition(" -- ")
    check(asker, sql, GOLDEN["answers"][line], dashes=mark == "dash")


@pytest.mark.parametrize("name", PREDEFINED)
def test_a_predefined_query_answers_as_on_trino(asker, name):
    check(asker, PREDEFINED[name], GOLDEN["saved"][name])
