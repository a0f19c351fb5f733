"""Athena SQL on a lake: the same rows as plain Python finds, and nothing else reachable."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from query.worlds import EDGES, HOUR, World
from vpcflow.errors import QueryError
from vpcflow.lake.lake import Lake
from vpcflow.query.answer import Asker
from vpcflow.query.athena.saved import PREDEFINED
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.types import Limits


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("sql"), seed=7, packet_level=True)


@pytest.fixture(scope="module")
def asker(world):
    lake = Lake(world.root, durable=False)
    engine = DuckDBEngine([lake.root])
    yield Asker(engine, lake)
    engine.close()
    lake.close()


def rows(asker: Asker, sql: str, **values) -> list[tuple]:
    found = []
    for batch in asker.query(sql, **values).batches:
        found += list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return found


def test_group_by_counts_what_is_there(asker, world):
    wanted = Counter((row["action"], row["log_status"]) for row in world.rows)
    found = rows(asker, "SELECT action, log_status, count(*) FROM vpc_flow_logs GROUP BY 1, 2")
    assert {(action, status): count for action, status, count in found} == wanted


@pytest.mark.parametrize("edge", EDGES)
def test_time_ranges_prune_no_row(asker, world, edge):
    wanted = sum(1 for row in world.rows if row["start"] is not None and edge <= row["start"] < edge + 1801)
    sql = f'SELECT count(*) FROM flow_logs WHERE "start" >= {edge} AND start < {edge + 1801}'
    assert rows(asker, sql) == [(wanted,)]
    stamp = [datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S") for when in (edge, edge + 1801)]
    bounds = f"from_unixtime(start) >= TIMESTAMP '{stamp[0]}' AND from_unixtime(start) < TIMESTAMP '{stamp[1]}'"
    sql = f"SELECT count(*) FROM flow_logs WHERE {bounds}"
    assert rows(asker, sql) == [(wanted,)]


def test_a_range_of_timestamps_leaves_files_out(asker):
    everything = asker.query("SELECT count(*) FROM flow_logs")
    for bounds in (
        f"from_unixtime(start) >= from_unixtime({HOUR}) AND from_unixtime(start) < TIMESTAMP '2023-11-15 00:00:00'",
        "from_unixtime(start) BETWEEN TIMESTAMP '2023-11-14 23:00:00' AND TIMESTAMP '2023-11-14 23:30:00'",
    ):
        some = asker.query(f"SELECT count(*) FROM flow_logs WHERE {bounds}")
        assert 0 < some.status.bytes_scanned < everything.status.bytes_scanned
        list(some.batches)
    list(everything.batches)


def test_addresses_are_found_at_both_ends(asker, world):
    for address in ("10.0.0.1", "2001:db8::1", "203.0.113.99"):
        wanted = sorted(row["instance_id"] for row in world.rows if address in (row["src"], row["dst"]))
        found = rows(asker, f"SELECT instance_id FROM flows f WHERE f.src = '{address}' OR f.dst = '{address}'")
        assert sorted(one for (one,) in found) == wanted
        wanted = sorted(row["instance_id"] for row in world.rows if address in (row["srcaddr"], row["dstaddr"]))
        found = rows(asker, f"SELECT instance_id FROM flow_logs WHERE srcaddr = '{address}' OR dstaddr = '{address}'")
        assert sorted(one for (one,) in found) == wanted


def test_a_dash_is_null_only_in_the_lake(asker, world):
    wanted = sum(1 for row in world.rows if row["srcaddr"] is None)
    assert rows(asker, "SELECT count(*) FROM flow_logs WHERE srcaddr = '-'") == [(wanted,)]
    assert rows(asker, "SELECT count(*) FROM (SELECT srcaddr s FROM flow_logs) WHERE s = '-'") == [(wanted,)]
    assert rows(asker, "SELECT count(*) FROM flow_logs WHERE srcaddr <> '-'") == [(len(world.rows) - wanted,)]
    assert rows(asker, "SELECT count(*) FROM (VALUES '-', 'a') t(srcaddr) WHERE srcaddr = '-'") == [(1,)]


def test_networks_are_found_by_their_text(asker, world):
    for network, test in (("10.0.0.0/8", "10."), ("10.1.0.0/16", "10.1."), ("0.0.0.0/0", "")):
        wanted = sum(
            1 for row in world.rows if row["srcaddr"] and "." in row["srcaddr"] and row["srcaddr"].startswith(test)
        )
        sql = f"SELECT count(*) FROM flow_logs WHERE contains('{network}', CAST(srcaddr AS ipaddress))"
        assert rows(asker, sql) == [(wanted,)]
        sql = f"SELECT count(*) FROM flow_logs WHERE contains('{network}', try_cast(lower(srcaddr) AS ipaddress))"
        assert rows(asker, sql) == [(wanted,)]


def test_joins_windows_and_with(asker, world):
    sums: dict[str | None, int] = defaultdict(int)
    for row in world.rows:
        sums[row["srcaddr"]] += row["bytes"] or 0
    found = rows(
        asker,
        """WITH t AS (SELECT srcaddr, sum(coalesce(bytes, 0)) AS b FROM flow_logs GROUP BY srcaddr)
           SELECT srcaddr, b, rank() OVER (ORDER BY b DESC) r, sum(b) OVER () FROM t ORDER BY r, srcaddr""",
    )
    ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0] is None, one[0]))
    assert [(one[0], one[1]) for one in found] == ordered
    assert {one[3] for one in found} == {sum(sums.values())}


def test_star_shows_what_has_data_in_awss_order(asker):
    columns = [column.name for column in asker.query("SELECT * FROM flow_logs LIMIT 0").columns if not column.hidden]
    assert "x_source" not in columns
    assert columns[-7:] == ["date", "aws_account_id", "aws_region", "year", "month", "day", "hour"]
    assert columns.index("srcaddr") < columns.index("dstaddr") < columns.index("start") < columns.index("pkt_srcaddr")
    assert rows(asker, "SELECT count(vpc_id) FROM flow_logs") == [(0,)]


@pytest.mark.parametrize("name", sorted(PREDEFINED))
def test_predefined_queries_run(asker, name):
    found = rows(asker, PREDEFINED[name])
    totals = [row[-1] for row in found]
    assert len(found) <= 100
    if "Ranked" in name:
        assert totals == sorted(totals, reverse=True)


def test_there_are_sixteen_predefined_queries():
    assert len(PREDEFINED) == 16


def test_explain_shows_the_plan(asker):
    assert any(
        "PARQUET" in line or "READ" in line.upper() for (line,) in rows(asker, "EXPLAIN SELECT srcaddr FROM flow_logs")
    )


def test_now_is_one_instant(asker):
    now = datetime.fromtimestamp(HOUR, UTC)
    found = rows(asker, "SELECT now(), current_date, current_timestamp = now(), to_unixtime(now())", now=now)
    assert found[0][0] == f"{now:%Y-%m-%d %H:%M:%S}.000 UTC"
    assert found[0][2:] == (True, float(HOUR))


def test_max_rows_cut_the_answer(asker):
    assert len(rows(asker, "SELECT srcaddr FROM flow_logs", limits=Limits(max_rows=3))) == 3


def test_a_timeout_stops_it(asker):
    every = "flow_logs a, flow_logs b, flow_logs c, flow_logs d"
    slow = f"SELECT count(*) FROM {every} WHERE a.bytes + b.bytes + c.bytes + d.bytes = 1"
    with pytest.raises(QueryError) as caught:
        rows(asker, slow, limits=Limits(timeout_s=0.3))
    assert caught.value.code == "query.timeout"


ESCAPES = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM read_parquet('/tmp/*.parquet')",
    "SELECT read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_master",
    "SELECT current_setting('secret_directory')",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "COPY flow_logs FROM '/etc/passwd'",
    "ATTACH '/tmp/x.db' AS x",
    "DETACH memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "DROP VIEW flow_logs",
    "DELETE FROM flow_logs",
    "UPDATE flow_logs SET bytes = 0",
    "INSERT INTO flow_logs SELECT * FROM flow_logs",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    "CHECKPOINT",
    "VACUUM",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN COPY (SELECT 1) TO '/tmp/out.csv'",
    "EXPLAIN (FORMAT JSON) DROP TABLE x",
    "SELECT 1; DROP TABLE x",
    "SELECT 1; SELECT 2",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('flow_logs')",
    "SELECT error('x')",
    "SELECT trino_ip('1.1.1.1')",
    "SELECT tried_error('x')",
    "SELECT ip6_key('::')",
    "WITH t AS (DELETE FROM flow_logs RETURNING *) SELECT * FROM t",
    "SELECT * FROM (DROP TABLE x)",
    "SELECT * EXCLUDE (srcaddr) FROM flow_logs",
    "SELECT COLUMNS('.*') FROM flow_logs",
    "SELECT $1",
    "SELECT ?",
    "SELECT * FROM flow_logs FOR UPDATE",
    "SELECT * FROM flow_logs TABLESAMPLE BERNOULLI (10)",
    "SELECT * FROM flow_logs QUALIFY row_number() OVER () = 1",
    "SELECT * INTO x FROM flow_logs",
    "SELECT nextval('s')",
    "",
    ";",
    "-- nothing",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_what_is_no_question_reaches_no_engine(asker, sql, monkeypatch):
    def submit(*_):
        raise AssertionError(sql)

    monkeypatch.setattr(DuckDBEngine, "submit", submit)
    with pytest.raises(QueryError) as caught:
        asker.query(sql)
    assert caught.value.message


@pytest.mark.parametrize(
    ("sql", "code", "underlined"),
    [
        ("SELECT srcadr FROM flow_logs", "query.unknown_column_near", "srcadr"),
        ("SELECT x.srcaddr FROM flow_logs f", "query.unknown_column_near", "x.srcaddr"),
        ("SELECT 1 FROM flow_log", "query.unknown_table_near", "flow_log"),
        ("SELECT dat_trunc('hour', now())", "query.unknown_function_near", "dat_trunc"),
        ("SELECT 1 FROM flow_logs WHERE srcport = '22'", "query.types_differ", "srcport = '22'"),
        ("SELECT 1 FROM flow_logs WHERE bytes", "query.types_differ", "bytes"),
        ("SELECT srcaddr FROM flow_logs WHERE sum(bytes) > 1", "query.aggregate_here", "sum"),
        ("SELECT date_trunc('fortnight', now())", "query.unit", "'fortnight'"),
        ("SELECT srcaddr FROM flow_logs ORDER BY 2", "query.position", "2"),
        ("SELECT srcaddr FROM flow_logs a JOIN flow_logs b ON a.bytes = b.bytes", "query.ambiguous", "srcaddr"),
        ("SELECT now() AT TIME ZONE 'Asia/Soul'", "query.zone", "'Asia/Soul'"),
        ("SELECT row_number() FROM flow_logs", "query.needs_over", "row_number"),
        ("SELECT 1 FROM nosuch.flow_logs", "query.unknown_table_near", "flow_logs"),
        ("SELECT cast(now() AS integer)", "query.no_cast", "now"),
        ("SELECT cast(1 AS nosuchtype)", None, ""),
    ],
)
def test_errors_underline_the_place(asker, sql, code, underlined):
    with pytest.raises(QueryError) as caught:
        asker.query(sql)
    error = caught.value
    if code is not None:
        assert error.code == code
        assert underlined in error.text[error.start : error.end]
