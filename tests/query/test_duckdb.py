"""DuckDB behind the engine contract: states, limits, cancelling, and what its SQL may not reach."""

from __future__ import annotations

import ipaddress
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vpcflow.errors import QueryError
from vpcflow.query.duckdb import DuckDBEngine, view
from vpcflow.types import DataFile, Limits, TableRef

NONE = Limits()
HEAVY = "SELECT count(*) FROM range(1000000) AS a(x), range(1000000) AS b(y) WHERE x * y % 7 = 3"
STREAM = "SELECT x FROM range(1000000000) AS a(x)"


@pytest.fixture
def engine(tmp_path):
    inside = tmp_path / "lake"
    inside.mkdir()
    engine = DuckDBEngine([inside], threads=1, memory=512 << 20)
    yield engine
    engine.close()


def ask(engine, sql, limits=NONE):
    return [row for batch in engine.result(engine.submit(sql, limits)) for row in batch.to_pylist()]


def fails(engine, sql, limits=NONE):
    with pytest.raises(QueryError) as caught:
        ask(engine, sql, limits)
    return caught.value


def put(engine, folder, hour, rows, **changed):
    """Write a file of the lake's layout and return it as the ledger lists it."""
    path = (
        folder
        / "flow_logs/aws_account_id=1/aws_region=r/year=2023/month=11/day=14"
        / f"hour={hour}"
        / f"{len(rows)}.parquet"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(rows)
    pq.write_table(table, path)
    return DataFile(
        **{"path": str(path), "columns": tuple(table.column_names), "rows": len(table), "bytes": path.stat().st_size}
        | changed
    )


# --- the contract --------------------------------------------------------------------------------------------------


def test_a_question_is_queued_or_running_then_succeeds(engine):
    query = engine.submit("SELECT 1 AS one", Limits())
    assert engine.status(query).state in ("QUEUED", "RUNNING", "SUCCEEDED")
    assert [row for batch in engine.result(query) for row in batch.to_pylist()] == [{"one": 1}]
    status = engine.status(query)
    assert status.state == "SUCCEEDED"
    assert status.error is None
    assert status.elapsed_s > 0


def test_an_answer_without_rows_still_has_its_columns(engine):
    batches = list(engine.result(engine.submit("SELECT 1 AS one WHERE false", Limits())))
    assert pa.Table.from_batches(batches).schema.names == ["one"]


def test_questions_have_ids_of_their_own_and_may_run_side_by_side(engine):
    one, other = engine.submit("SELECT 1 AS n", Limits()), engine.submit("SELECT 2 AS n", Limits())
    assert one != other
    assert pa.Table.from_batches(list(engine.result(other)))["n"].to_pylist() == [2]
    assert pa.Table.from_batches(list(engine.result(one)))["n"].to_pylist() == [1]


def test_rows_come_while_the_question_still_runs(engine):
    query = engine.submit(STREAM, Limits())
    rows = engine.result(query)
    assert next(batch for batch in rows if batch.num_rows)["x"][0].as_py() == 0
    assert engine.status(query).state == "RUNNING"


def test_an_error_of_the_engine_is_a_query_error(engine):
    error = fails(engine, "SELECT nonsense FROM nowhere")
    assert error.code == "query.failed"
    assert "nowhere" in error.message


def test_an_error_halfway_is_raised_after_the_rows_before_it(engine):
    query = engine.submit(
        "SELECT CASE WHEN x = 900000 THEN error('halfway') ELSE x END AS x FROM range(1000000) AS a(x)", Limits()
    )
    sizes = []
    with pytest.raises(QueryError, match="halfway"):
        sizes.extend(batch.num_rows for batch in engine.result(query))
    assert sum(sizes) <= 900_000
    assert engine.status(query).state == "FAILED"


@pytest.mark.parametrize("sql", [HEAVY, STREAM], ids=["heavy", "streaming"])
@pytest.mark.parametrize("wait_s", [0, 0.2])
def test_cancelling_stops_a_question_within_half_a_second(engine, sql, wait_s):
    query = engine.submit(sql, Limits())
    time.sleep(wait_s)
    began = time.perf_counter()
    engine.cancel(query)
    assert time.perf_counter() - began < 0.5
    assert engine.status(query).state == "CANCELLED"
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "query.cancelled"


def test_cancelling_wakes_whoever_waits_for_the_answer(engine):
    query = engine.submit(HEAVY, Limits())
    timer = threading.Timer(0.2, engine.cancel, [query])
    timer.start()
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    timer.join()
    assert caught.value.code == "query.cancelled"


def test_cancelling_what_has_ended_changes_nothing(engine):
    query = engine.submit("SELECT 1 AS one", Limits())
    answer = list(engine.result(query))
    engine.cancel(query)
    assert engine.status(query).state == "SUCCEEDED"
    assert sum(batch.num_rows for batch in answer) == 1


def test_an_engine_goes_on_after_a_question_was_cancelled(engine):
    engine.cancel(engine.submit(HEAVY, Limits()))
    assert ask(engine, "SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize("sql", [HEAVY, STREAM], ids=["heavy", "streaming"])
def test_a_time_limit_ends_a_question_by_name(engine, sql):
    query = engine.submit(sql, Limits(timeout_s=0.2))
    time.sleep(0.5)
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "query.timeout"
    assert "0.2 s" in caught.value.message
    assert engine.status(query).state == "FAILED"


def test_a_question_within_its_time_is_not_disturbed(engine):
    assert ask(engine, "SELECT 1 AS one", Limits(timeout_s=30)) == [{"one": 1}]


@pytest.mark.parametrize("limit", [1, 3, 65_536, 65_537, 100_000])
def test_a_row_limit_gives_that_many_rows_and_no_more(engine, limit):
    query = engine.submit("SELECT x FROM range(200000) AS a(x)", Limits(max_rows=limit))
    assert sum(batch.num_rows for batch in engine.result(query)) == limit
    assert engine.status(query).state == "SUCCEEDED"


def test_a_row_limit_larger_than_the_answer_changes_nothing(engine):
    assert len(ask(engine, "SELECT x FROM range(5) AS a(x)", Limits(max_rows=6))) == 5


def test_memory_is_limited_and_the_error_says_so(tmp_path):
    engine = DuckDBEngine([tmp_path], threads=1, memory=64 << 20)
    try:
        error = fails(engine, "SELECT list(x::VARCHAR || repeat('y', 100)) FROM range(3000000) AS a(x)")
    finally:
        engine.close()
    assert error.code == "query.memory"
    assert "--memory" in error.hint


def test_closing_stops_what_still_runs(tmp_path):
    engine = DuckDBEngine([tmp_path], threads=1)
    queries = [engine.submit(HEAVY, Limits()) for _ in range(3)]
    threads = [engine._queries[query]._thread for query in queries]
    engine.close()
    assert not any(thread.is_alive() for thread in threads)


def test_text_that_no_database_takes_is_an_error_and_not_an_empty_answer(engine):
    assert fails(engine, "SELECT '\udcff'").code == "query.failed"


# --- tables --------------------------------------------------------------------------------------------------------


def test_files_with_different_columns_are_one_table_with_typed_nulls(engine, tmp_path):
    one = put(engine, tmp_path / "lake", "01", {"x_source": pa.array([1], pa.int32()), "bytes": [7]})
    two = put(
        engine, tmp_path / "lake", "02", {"x_source": pa.array([1, 2], pa.int32()), "srcaddr": ["10.0.0.1", None]}
    )
    engine.bind(TableRef("flow_logs", ("bytes", "srcaddr"), (one, two)))
    rows = ask(engine, "SELECT bytes, srcaddr, dstport, hour, date, aws_region FROM flow_logs ORDER BY ALL")
    assert [(row["bytes"], row["srcaddr"], row["hour"]) for row in rows] == [
        (7, None, "01"),
        (None, "10.0.0.1", "02"),
        (None, None, "02"),
    ]
    assert {(row["dstport"], str(row["date"]), row["aws_region"]) for row in rows} == {(None, "2023-11-14", "r")}
    types = {row["column_name"]: row["column_type"] for row in ask(engine, "DESCRIBE flow_logs")}
    assert (types["bytes"], types["srcaddr"], types["dstport"], types["hour"]) == (
        "BIGINT",
        "VARCHAR",
        "INTEGER",
        "VARCHAR",
    )


def test_dead_rows_do_not_count(engine, tmp_path):
    file = put(
        engine, tmp_path / "lake", "01", {"x_source": pa.array([1, 2, 3], pa.int32()), "bytes": [1, 2, 3]}, dead=(1, 3)
    )
    engine.bind(TableRef("flow_logs", ("bytes",), (file,)))
    assert ask(engine, "SELECT bytes FROM flow_logs") == [{"bytes": 2}]


def test_a_table_without_files_is_empty_and_has_all_columns(engine):
    engine.bind(TableRef("flow_logs", ()))
    assert ask(engine, 'SELECT srcaddr, "end", aws_account_id, x_extra FROM flow_logs') == []


def test_the_bytes_of_the_files_bound_are_what_was_scanned(engine, tmp_path):
    file = put(engine, tmp_path / "lake", "01", {"x_source": pa.array([1], pa.int32())})
    engine.bind(TableRef("flow_logs", (), (file,)))
    query = engine.submit("SELECT count(*) FROM flow_logs", Limits())
    assert engine.status(query).bytes_scanned == file.bytes


def test_a_question_keeps_the_files_it_was_bound_to(engine, tmp_path):
    one = put(engine, tmp_path / "lake", "01", {"x_source": pa.array([1], pa.int32())})
    two = put(engine, tmp_path / "lake", "02", {"x_source": pa.array([1, 1], pa.int32())})
    engine.bind(TableRef("flow_logs", (), (one,)))
    first = engine.submit("SELECT count(*) AS n FROM flow_logs", Limits())
    engine.bind(TableRef("flow_logs", (), (two,)))
    second = engine.submit("SELECT count(*) AS n FROM flow_logs", Limits())
    assert [pa.Table.from_batches(list(engine.result(query)))["n"].to_pylist() for query in (first, second)] == [
        [1],
        [2],
    ]


def test_quotes_in_paths_stay_in_paths(engine, tmp_path):
    folder = tmp_path / "lake" / 'it\'s; "odd" --'
    file = put(engine, folder, "01", {"x_source": pa.array([1], pa.int32())})
    engine.bind(TableRef("flow_logs", (), (file,)))
    assert ask(engine, "SELECT count(*) AS n FROM flow_logs") == [{"n": 1}]
    assert "it''s" in view(TableRef("flow_logs", (), (file,)))


# --- lock-down -----------------------------------------------------------------------------------------------------

ESCAPES = {
    "read_csv": "SELECT * FROM read_csv('/etc/passwd', header = false, columns = {'line': 'VARCHAR'}, sep = '\\0')",
    "read_csv relative": "SELECT * FROM read_csv('{outside}/../outside/secret.csv')",
    "file as a table": "SELECT * FROM '{outside}/secret.csv'",
    "read_text": "SELECT content FROM read_text('/etc/passwd')",
    "read_blob": "SELECT content FROM read_blob('/etc/passwd')",
    "read_json": "SELECT * FROM read_json('{outside}/secret.json')",
    "read_parquet": "SELECT * FROM read_parquet('{outside}/secret.parquet')",
    "parquet metadata": "SELECT * FROM parquet_metadata('{outside}/secret.parquet')",
    "out by ..": "SELECT * FROM read_text('{inside}/../outside/secret.csv')",
    "glob by ..": "SELECT content FROM read_text('{inside}/../outside/*')",
    "glob": "SELECT * FROM glob('{outside}/*')",
    "glob of root": "SELECT * FROM glob('/etc/*')",
    "sniff": "SELECT * FROM sniff_csv('/etc/passwd')",
    "copy out": "COPY (SELECT 1) TO '{outside}/stolen.csv'",
    "copy out as parquet": "COPY (SELECT 1) TO '{outside}/stolen.parquet' (FORMAT parquet)",
    "copy in": "COPY (SELECT 1 AS a) FROM '/etc/passwd'",
    "attach": "ATTACH '{outside}/stolen.duckdb' AS stolen",
    "export": "EXPORT DATABASE '{outside}/stolen'",
    "import": "IMPORT DATABASE '{outside}'",
    "install": "INSTALL httpfs",
    "load": "LOAD '{outside}/evil.duckdb_extension'",
    "load by name": "LOAD httpfs",
    "http": "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "https table": "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
    "s3": "SELECT * FROM read_parquet('s3://bucket/key.parquet')",
    "set": "SET enable_external_access = true",
    "set global": "SET GLOBAL allowed_directories = ['/']",
    "reset": "RESET enable_external_access",
    "unlock": "SET lock_configuration = false",
    "pragma": "PRAGMA enable_external_access = true",
    "pragma log": "PRAGMA log_query_path = '{outside}/log'",
    "profile": "PRAGMA profiling_output = '{outside}/profile'",
    "temp directory": "SET temp_directory = '{outside}'",
    "home": "SET home_directory = '/'",
    "secret directory": "SET secret_directory = '{outside}'",
    "secret": "CREATE PERSISTENT SECRET stolen (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "getenv": "SELECT getenv('PATH')",
}  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_even_raw_sql_cannot_leave_the_lake(engine, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("a\n1\n")
    (outside / "secret.json").write_text('{"a": 1}')
    pq.write_table(pa.table({"a": [1]}), outside / "secret.parquet")
    before = sorted(path.name for path in outside.iterdir())
    sql = ESCAPES[name].replace("{outside}", str(outside)).replace("{inside}", str(tmp_path / "lake"))
    assert fails(engine, sql).code == "query.failed"
    assert sorted(path.name for path in outside.iterdir()) == before


def test_the_lake_itself_can_be_read(engine, tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "lake" / "mine.parquet")
    assert ask(engine, f"SELECT a FROM read_parquet('{tmp_path}/lake/mine.parquet')") == [{"a": 1}]


def test_raw_sql_could_write_inside_the_lake_so_only_compiled_plans_may_run(engine, tmp_path):
    """DuckDB's allowed_directories knows no "read only". What guards the lake is that `compile` makes nothing but SELECT."""
    ask(engine, f"COPY (SELECT 1 AS a) TO '{tmp_path}/lake/junk.csv'")
    assert (tmp_path / "lake" / "junk.csv").exists()


# --- macros --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    engine = DuckDBEngine([tmp_path_factory.mktemp("lake")], threads=1)
    yield engine
    engine.close()


def _texts(number: int) -> list[str]:
    """Return ways to write one address: short, in full, without leading zeros, upper case."""
    address = ipaddress.IPv6Address(number)
    groups = address.exploded.split(":")
    short = ":".join(f"{int(group, 16):x}" for group in groups)
    compressed = address.compressed if "." not in address.compressed else short
    return [compressed, address.exploded, short, compressed.upper()]


_GROUPS = st.lists(
    st.sampled_from([0, 0, 0, 1, 0xDB8, 0x2001, 0xFFFF]) | st.integers(0, 0xFFFF), min_size=8, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_GROUPS, min_size=1, max_size=40))
@example([[0] * 8, [0] * 7 + [1], [1] + [0] * 7, [1] + [0] * 6 + [1], [0xFFFF] * 8, [0, 1, 0, 1, 0, 1, 0, 1]])
def test_ip6_key_is_the_address_in_full(shared, addresses):
    numbers = [sum(group << (112 - 16 * place) for place, group in enumerate(groups)) for groups in addresses]
    pairs = [(text, f"{number:032x}") for number in numbers for text in _texts(number)]
    values = ", ".join(f"('{text}')" for text, _ in pairs)
    rows = ask(shared, f"SELECT t, ip6_key(t) AS key FROM (VALUES {values}) AS v(t)")
    assert {row["t"]: row["key"] for row in rows} == dict(pairs)
