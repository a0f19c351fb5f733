"""Amazon Athena behind the engine contract, against a server that runs the SQL and writes the result object."""

from __future__ import annotations

import decimal
import math
import signal
import socket
import threading
import time
from datetime import UTC, date, datetime
from datetime import time as clock
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest
from botocore.retries import standard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from athena_server import AthenaServer, RefusedError, _cell
from query.worlds import EDGES, World
from vpcflow.analyze import denied, records, top
from vpcflow.analyze.plan import Scope
from vpcflow.errors import QueryError, SourceError, UsageError
from vpcflow.lake.lake import Lake
from vpcflow.query import amazon_athena
from vpcflow.query.amazon_athena import AthenaAccess, AthenaCatalog, AthenaEngine, AthenaUnavailableError
from vpcflow.query.answer import Asker
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.query.filter import parse
from vpcflow.types import Limits, TableRef, TimeRange

NONE = Limits()

# Servers go before the connections that botocore keeps open to them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def athena(s3):
    server = AthenaServer(s3)
    yield server
    server.close()


@pytest.fixture
def access(athena, s3):
    def make(**changed):
        given = {"region": "us-east-1", "endpoint_url": athena.url, "s3_endpoint_url": s3.url}
        return AthenaAccess(**(given | {"output_location": athena.output} | changed))

    return make


@pytest.fixture
def engine(access):
    engine = AthenaEngine(access())
    yield engine
    engine.close()


@pytest.fixture
def at_once(monkeypatch):
    """Botocore tries again without waiting."""
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.0)


def table(engine, sql, limits=NONE):
    return pa.Table.from_batches(list(engine.result(engine.submit(sql, limits))))


def ask(engine, sql, limits=NONE):
    return table(engine, sql, limits).to_pylist()


def fails(engine, sql, limits=NONE):
    with pytest.raises(QueryError) as caught:
        ask(engine, sql, limits)
    return caught.value


def only(athena):
    (execution,) = athena.executions.values()
    return execution


def until(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not come")


# --- the same plans on both engines --------------------------------------------------------------------------------


class Both:
    """One lake, asked through DuckDB and through Athena."""

    def __init__(self, root, athena, engine):
        world = World(root, seed=3, packet_level=True)
        self.lake = Lake(world.root)
        self.local = DuckDBEngine([world.root], threads=1)
        self.duckdb = Asker(self.local, self.lake)
        self.local.bind(self.lake.scan("flow_logs"))
        everything = list(self.local.result(self.local.submit("SELECT * FROM flow_logs", NONE)))
        athena.table("flow_logs", pa.Table.from_batches(everything))
        self.athena = Asker(engine, AthenaCatalog(engine))

    def close(self):
        self.local.close()
        self.lake.close()

    def rows(self, asker, plan):
        found = asker.ask(plan(asker.schema())).table()
        return [tuple(map(_plain, row.values())) for row in found.to_pylist()]


def _plain(value):
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


@pytest.fixture
def both(tmp_path, athena, engine):
    made = Both(tmp_path, athena, engine)
    yield made
    made.close()


SCOPES = {
    "all": Scope(),
    "rejected": Scope(condition=parse("action = REJECT")),
    "network": Scope(condition=parse("src = 10.0.0.0/8 and dstport != 22")),
    "ipv6": Scope(condition=parse("dst = 2001:db8::/32")),
    "host": Scope(condition=parse("src = 10.0.0.1 or dst = 10.0.0.1")),
    "absent": Scope(condition=parse("srcaddr = -")),
    "time": Scope(time=TimeRange(EDGES[1], EDGES[6])),
}


@pytest.mark.parametrize("name", SCOPES)
def test_records_are_the_same_on_both_engines(both, name):
    columns = ["start_time", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"]

    def newest(schema):
        return records.plan(SCOPES[name], schema, columns, limit=40)

    def whole(schema):
        return records.plan(SCOPES[name], schema, ["instance_id", "src", "end_time", "protocol_name"], limit=None)

    found = both.rows(both.duckdb, newest)
    assert found
    assert both.rows(both.athena, newest) == found
    assert sorted(both.rows(both.athena, whole), key=repr) == sorted(both.rows(both.duckdb, whole), key=repr)


@pytest.mark.parametrize("name", [name for name in SCOPES if name != "absent"])
@pytest.mark.parametrize("measure", ["bytes", "records"])
def test_top_talkers_are_the_same_on_both_engines(both, name, measure):
    found, same = (
        top.rank(asker, ("srcaddr", "dstport"), measure, SCOPES[name], limit=10) for asker in (both.duckdb, both.athena)
    )
    assert found.talkers
    assert (same.talkers, same.total, same.distinct) == (found.talkers, found.total, found.distinct)


@pytest.mark.parametrize("by", denied.KEYS)
def test_the_denied_are_the_same_on_both_engines(both, by):
    found, same = (denied.find(asker, by, Scope(), limit=10, at_least=2) for asker in (both.duckdb, both.athena))
    assert found.rows
    assert (same.rows, same.distinct) == (found.rows, found.distinct)


def test_a_table_that_athena_does_not_have_has_no_columns_there(both):
    assert both.athena.schema().present["transit_gateway_flow_logs"] == frozenset()
    assert both.athena.newest("transit_gateway_flow_logs") is None
    assert {"srcaddr", "x_event_time"} <= both.athena.schema().present["flow_logs"]


# --- values --------------------------------------------------------------------------------------------------------

TEXTS = [
    "",
    None,
    "plain",
    "a,b",
    'say "no"',
    '"',
    '""',
    "two\nlines",
    "\r\n",
    "\n",
    "한글 🦆",
    " edge ",
    "\t",
    "NULL",
    "-",
    "\\N",
]


def test_texts_come_as_they_are_and_nothing_is_not_the_empty_text(athena, engine):
    athena.table("texts", pa.table({"n": range(len(TEXTS)), "text": TEXTS, "again": TEXTS[::-1]}))
    found = table(engine, "SELECT n, text, again FROM texts ORDER BY n")
    assert found.column("text").to_pylist() == TEXTS
    assert found.column("again").to_pylist() == TEXTS[::-1]


def test_a_null_alone_in_its_row_is_a_row(athena, engine):
    athena.table("texts", pa.table({"n": range(len(TEXTS)), "text": TEXTS}))
    assert table(engine, "SELECT text FROM texts ORDER BY n").column(0).to_pylist() == TEXTS


VALUES = {
    "true": (True, pa.bool_()),
    "CAST(-7 AS tinyint)": (-7, pa.int8()),
    "CAST(300 AS smallint)": (300, pa.int16()),
    "2147483647": (2147483647, pa.int32()),
    "9223372036854775807": (9223372036854775807, pa.int64()),
    "CAST(1.5 AS real)": (1.5, pa.float32()),
    "CAST(123456789012.5 AS double)": (123456789012.5, pa.float64()),
    "CAST(0.00001 AS double)": (0.00001, pa.float64()),
    "CAST('Infinity' AS double)": (math.inf, pa.float64()),
    "CAST('-Infinity' AS double)": (-math.inf, pa.float64()),
    "CAST(-1.5 AS decimal(10, 2))": (decimal.Decimal("-1.50"), pa.decimal128(10, 2)),
    "CAST('99999999999999999999999999999999999999' AS decimal(38, 0))": (
        decimal.Decimal(99999999999999999999999999999999999999),
        pa.decimal128(38, 0),
    ),
    "'text'": ("text", pa.string()),
    "X'00ff68'": (b"\x00\xffh", pa.binary()),
    "DATE '2026-11-23'": (date(2026, 11, 23), pa.date32()),
    "DATE '1899-02-28'": (date(1899, 2, 28), pa.date32()),
    "TIMESTAMP '2026-11-23 10:00:00.123'": (datetime(2026, 11, 23, 10, 0, 0, 123000), pa.timestamp("ms")),  # noqa: DTZ001
    "TIME '10:00:00.123'": (clock(10, 0, 0, 123000), pa.time32("ms")),
    "from_unixtime(1700000000)": (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), pa.timestamp("ms", "UTC")),
    "from_unixtime(1700000000) AT TIME ZONE 'America/New_York'": (
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        pa.timestamp("ms", "UTC"),
    ),
}


def test_every_type_comes_as_its_own(athena, engine):
    selected = ", ".join(f"{sql} AS c{place}" for place, sql in enumerate(VALUES))
    nulls = ", ".join(f"nullif(c{place}, c{place}) AS c{place}" for place in range(len(VALUES) - 2))
    found = table(engine, f"SELECT {selected}")
    assert found.schema.types == [kind for _, kind in VALUES.values()]
    assert [column[0].as_py() for column in found.columns] == [value for value, _ in VALUES.values()]
    empty = table(engine, f"WITH v AS (SELECT {selected}) SELECT {nulls} FROM v")
    assert empty.schema.types == found.schema.types[:-2]
    assert set(empty.to_pylist()[0].values()) == {None}


def test_what_is_no_number_is_not_nothing(engine):
    (row,) = ask(engine, "SELECT CAST('NaN' AS double) AS n, CAST(NULL AS double) AS nothing")
    assert math.isnan(row["n"])
    assert row["nothing"] is None


def test_collections_stay_text_and_the_field_says_so(engine):
    found = table(engine, "SELECT ARRAY[1, 2] AS a, MAP(ARRAY['k'], ARRAY[7]) AS m, 'x' AS t")
    assert found.to_pylist() == [{"a": "[1, 2]", "m": "{k=7}", "t": "x"}]
    told = [found.schema.field(name).metadata for name in ("a", "m", "t")]
    assert told == [{b"athena.type": b"array"}, {b"athena.type": b"map"}, None]


def zoned(*texts):
    column = amazon_athena._Column({"Name": "t", "Type": "timestamp with time zone", "Precision": 3})
    return column.values(pa.array(texts, pa.string())).to_pylist()


def test_each_instant_is_read_in_its_own_zone():
    instant = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    texts = ("10:00:00.000 UTC", "05:00:00.000 America/New_York", "15:30:00.000 +05:30", "08:00:00.000 -02:00")
    found = zoned(*(f"2026-11-23 {text}" for text in texts), None)
    assert found == [instant] * 4 + [None]


def test_a_time_that_a_zone_skips_may_stand_beside_it_in_another():
    assert zoned("2026-03-08 02:30:00.000 UTC", "2026-03-08 03:30:00.000 America/New_York") == [
        datetime(2026, 3, 8, 2, 30, tzinfo=UTC),
        datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
    ]


def test_a_local_time_that_came_twice_is_refused(athena, engine):
    error = fails(engine, "SELECT from_unixtime(1793511000) AT TIME ZONE 'America/New_York' AS t")
    assert error.code == "athena.result_unreadable"
    assert "ambiguous" in error.message
    assert only(athena).id in error.message


def test_columns_without_a_name_and_with_the_same_name(engine):
    found = table(engine, "SELECT 1, 2 AS a, 3 AS a")
    assert found.schema.names == ["_col0", "a", "a"]
    assert [column[0].as_py() for column in found.columns] == [1, 2, 3]


def test_an_answer_without_rows_still_has_its_columns(engine):
    found = table(engine, "SELECT 1 AS one, 'x' AS two WHERE 1 = 0")
    assert (found.schema.names, found.num_rows) == (["one", "two"], 0)


def test_utility_statements_answer_lines(athena, engine):
    athena.table("flow_logs", pa.table({"srcaddr": ["a"], "bytes": pa.array([1], pa.int64())}))
    athena.table("other", pa.table({"x": [1]}))
    assert ask(engine, "SHOW TABLES") == [{"tab_name": "flow_logs"}, {"tab_name": "other"}]
    described = ask(engine, 'DESCRIBE "flow_logs"')
    assert [(row["col_name"].strip(), row["data_type"].strip()) for row in described] == [
        ("srcaddr", "string"),
        ("bytes", "bigint"),
    ]
    assert ask(engine, "CREATE VIEW v AS SELECT 1 AS one") == []


TEXT_COLUMNS = [amazon_athena._Column({"Name": name, "Type": "varchar"}) for name in "ab"]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.none() | st.text('ab",\n\r é', max_size=6)] * 2), max_size=12),
    size=st.integers(1, 40),
)
@example(rows=[(None, None)], size=1)
def test_rows_survive_any_cut_of_the_object(rows, size):
    column = type("Column", (), {"type": "varchar", "zone": "UTC"})
    lines = ['"a","b"', *(",".join(_cell(value, column) for value in row) for row in rows)]
    body = "".join(f"{line}\n" for line in lines).encode()
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    found = [
        tuple(row.values()) for batch in amazon_athena._csv(iter(pieces), TEXT_COLUMNS) for row in batch.to_pylist()
    ]
    assert found == rows


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b'"a","b"\n"x","y', "inside a value"),
        (b'"a","b"\n"x"\n', "columns"),
        (b'"a","b"\n"\xff","y"\n', "UTF8"),
    ],
)
def test_an_object_that_is_none_is_refused(body, said):
    with pytest.raises(ValueError, match=said):
        list(amazon_athena._csv(iter([body] if body else []), TEXT_COLUMNS))


def test_a_row_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(amazon_athena, "_LONGEST_ROW", 1 << 20)
    taken = []

    def endless():
        yield b'"a","b"\n"'
        while True:
            taken.append(1)
            yield b"x\n" * 50_000

    with pytest.raises(ValueError, match="row has more than"):
        list(amazon_athena._csv(endless(), TEXT_COLUMNS))
    assert len(taken) < 15


# --- large answers -------------------------------------------------------------------------------------------------


def test_a_quarter_of_a_million_rows_stream_in_bounded_memory(athena, engine, s3):
    sql = "SELECT x AS n, 'interface-' || CAST(x AS varchar) || repeat('-', 150) AS name FROM range(250000) AS r(x)"
    athena.table("many", sql)
    before, peak, rows, total, held = pa.total_allocated_bytes(), 0, 0, 0, 0
    query = engine.submit("SELECT n, name FROM many", NONE)
    batches = engine.result(query)
    until(lambda: engine.status(query).state == "SUCCEEDED")
    s3.forget()
    for batch in batches:
        if batch.num_rows and not rows:
            assert s3.gets() == 1
        peak = max(peak, pa.total_allocated_bytes() - before)
        rows += batch.num_rows
        total += sum(batch.column(0).to_pylist()[:1])
        held += batch.nbytes
        del batch
    assert rows == 250_000
    assert held > 40_000_000
    assert peak < 32_000_000
    assert s3.gets() > 4
    assert engine.status(query).bytes_scanned == 25_000_000


def test_no_more_rows_than_wanted_are_given_or_fetched(athena, engine, s3):
    athena.table("many", "SELECT x AS n, repeat('-', 200) AS name FROM range(100000) AS r(x)")
    query = engine.submit("SELECT n, name FROM many", Limits(max_rows=1234))
    until(lambda: engine.status(query).state == "SUCCEEDED")
    s3.forget()
    assert sum(batch.num_rows for batch in engine.result(query)) == 1234
    assert s3.gets() == 1
    assert engine.status(query).state == "SUCCEEDED"
    assert len(ask(engine, "SELECT n FROM many", Limits(max_rows=0))) == 0


# --- states --------------------------------------------------------------------------------------------------------


def test_a_question_is_queued_runs_and_succeeds(athena, engine):
    athena.delay = 1.0
    query = engine.submit("SELECT 1 AS one", NONE)
    seen = []

    def note():
        seen.append(engine.status(query).state)
        return seen[-1] == "SUCCEEDED"

    until(note)
    assert list(dict.fromkeys(seen)) == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert engine.status(query).elapsed_s >= 0.9
    assert query == only(athena).id


def test_aws_is_asked_seldom_however_often_one_looks(athena, engine):
    athena.delay = 3.0
    query = engine.submit("SELECT 1 AS one", NONE)
    until(lambda: engine.status(query).state == "SUCCEEDED")
    assert 3 <= athena.calls("GetQueryExecution") <= 9
    asked = len(athena.asked)
    engine.status(query)
    assert len(athena.asked) == asked


def test_a_failed_query_tells_athenas_reason_and_underlines_the_place(athena, engine):
    athena.table("flow_logs", "SELECT 1 AS x")
    sql = "SELECT x,\n  nope\nFROM flow_logs"
    error = fails(engine, sql)
    assert error.code == "athena.failed"
    assert sql[error.start : error.end] == "nope"
    assert error.message.endswith("(2:3)\n    nope\n    ^^^^")
    assert only(athena).id in error.message
    status = engine.status(only(athena).id)
    assert (status.state, status.error) == ("FAILED", error)


@pytest.mark.parametrize(
    ("sql", "marked"),
    [
        ('SELECT 1 FROM "gone"', '"gone"'),
        ("SELECT a b c FROM x", "c"),
    ],
)
def test_the_whole_word_is_underlined(engine, sql, marked):
    error = fails(engine, sql)
    assert sql[error.start : error.end] == marked


@pytest.mark.parametrize(
    ("reason", "marked"),
    [
        ("line 9:1: no such line", None),
        ("line 1:999: past the end", ""),
        ("line 0:0: no place", None),
        ("no place at all", None),
        ("line 99999999999999999999:1: hostile", None),
    ],
)
def test_a_place_that_is_none_is_not_underlined(reason, marked):
    error = amazon_athena._placed("athena.failed", "SELECT 1", id="-", reason=reason)
    assert (error.text[error.start : error.end] if error.text else None) == marked
    assert reason in error.message


# --- stopping ------------------------------------------------------------------------------------------------------


def test_cancelling_stops_the_query_at_aws(athena, engine):
    athena.delay = 60
    query = engine.submit("SELECT 1 AS one", NONE)
    engine.cancel(query)
    assert engine.status(query).state == "CANCELLED"
    until(lambda: only(athena).state == "CANCELLED")
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "query.cancelled"
    engine.cancel(query)
    assert athena.calls("StopQueryExecution") == 1


def test_cancelling_from_another_thread_wakes_who_waits(athena, engine):
    athena.delay = 60
    query = engine.submit("SELECT 1 AS one", NONE)
    threading.Timer(0.7, engine.cancel, [query]).start()
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"query\.cancelled|stopped"):
        list(engine.result(query))
    assert time.monotonic() - began < 5


def test_cancelling_what_has_ended_changes_nothing(athena, engine):
    query = engine.submit("SELECT 1 AS one", NONE)
    until(lambda: engine.status(query).state == "SUCCEEDED")
    engine.cancel(query)
    assert [row for batch in engine.result(query) for row in batch.to_pylist()] == [{"one": 1}]
    assert athena.calls("StopQueryExecution") == 0


def test_cancelling_while_rows_come_ends_them(athena, engine):
    athena.table("many", "SELECT x AS n, repeat('-', 200) AS name FROM range(100000) AS r(x)")
    query = engine.submit("SELECT n, name FROM many", NONE)
    batches = engine.result(query)
    assert next(batches).num_rows == 0
    assert next(batches).num_rows > 0
    engine.cancel(query)
    with pytest.raises(QueryError) as caught:
        list(batches)
    assert caught.value.code == "query.cancelled"
    assert engine.status(query).state == "CANCELLED"


def test_ctrl_c_while_waiting_stops_the_query_at_aws(athena, engine):
    athena.delay = 60
    query = engine.submit("SELECT 1 AS one", NONE)
    main = threading.main_thread().ident
    threading.Timer(0.7, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        list(engine.result(query))
    until(lambda: only(athena).state == "CANCELLED")


@pytest.mark.parametrize("asked_for", [True, False])
def test_the_time_limit_stops_the_query_at_aws_whether_or_not_anybody_waits(athena, engine, asked_for):
    athena.delay = 60
    query = engine.submit("SELECT 1 AS one", Limits(timeout_s=0.5))
    if not asked_for:
        until(lambda: only(athena).state == "CANCELLED")
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "query.timeout"
    assert caught.value.values["id"] == query
    assert engine.status(query).state == "FAILED"
    assert athena.calls("StopQueryExecution") == 1
    until(lambda: only(athena).state == "CANCELLED")


def test_an_answer_that_came_in_time_may_be_fetched_later(athena, engine):
    query = engine.submit("SELECT 1 AS one", Limits(timeout_s=1.0))
    time.sleep(1.5)
    assert [row for batch in engine.result(query) for row in batch.to_pylist()] == [{"one": 1}]


def test_closing_stops_what_runs(athena, access):
    athena.delay = 60
    engine = AthenaEngine(access())
    for _ in range(2):
        engine.submit("SELECT 1 AS one", NONE)
    engine.close()
    until(lambda: all(execution.state == "CANCELLED" for execution in athena.executions.values()))
    assert len(athena.executions) == 2


def test_a_query_that_cannot_be_stopped_is_named(athena, engine):
    athena.delay = 60
    athena.refuse["StopQueryExecution"] = RefusedError("AccessDeniedException", "not allowed to stop")
    query = engine.submit("SELECT 1 AS one", NONE)
    with pytest.raises(QueryError) as caught:
        engine.cancel(query)
    assert caught.value.code == "athena.not_stopped"
    assert f"--query-execution-id {query}" in caught.value.hint
    assert engine.status(query).error is caught.value


def test_somebody_else_stopping_the_query_is_told(athena, engine):
    athena.delay = 60
    query = engine.submit("SELECT 1 AS one", NONE)
    athena.StopQueryExecution(query)
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "athena.cancelled"
    assert "Query cancelled by user" in caught.value.message
    assert query in caught.value.message
    assert engine.status(query).state == "CANCELLED"


# --- what is missing or refused ------------------------------------------------------------------------------------


def test_a_table_is_looked_up_once(athena, engine):
    athena.table("flow_logs", pa.table({"SrcAddr": ["x"], "year": ["2026"]}))
    for _ in range(3):
        engine.bind(TableRef("flow_logs", ("srcaddr", "year")))
    assert athena.calls("GetTableMetadata") == 1


def test_an_unknown_table_is_told_with_the_way_to_make_it(engine):
    with pytest.raises(QueryError) as caught:
        engine.bind(TableRef("flow_logs", ("srcaddr",)))
    assert caught.value.code == "athena.no_table"
    assert "flow_logs" in caught.value.message
    assert "CREATE EXTERNAL TABLE" in caught.value.hint


def test_an_unknown_database_is_told(access):
    engine = AthenaEngine(access(database="nowhere"))
    with pytest.raises(QueryError, match="Database nowhere not found"):
        engine.bind(TableRef("flow_logs", ()))


def test_a_column_that_is_missing_there_is_named(athena, engine):
    athena.table("flow_logs", pa.table({"srcaddr": ["x"]}))
    with pytest.raises(QueryError) as caught:
        engine.bind(TableRef("flow_logs", ("srcaddr", "tcp_flags", "az_id")))
    assert caught.value.code == "athena.no_columns"
    assert "az_id, tcp_flags" in caught.value.message


def test_no_output_location(athena, access):
    error = fails(AthenaEngine(access(output_location=None)), "SELECT 1 AS one")
    assert error.code == "athena.no_output_location"
    assert "--output-location" in error.hint
    assert not athena.executions


def test_the_workgroups_location_is_enough_and_goes_first(athena, access):
    for location in (None, athena.output):
        engine = AthenaEngine(access(workgroup="enforced", output_location=location))
        assert ask(engine, "SELECT 1 AS one") == [{"one": 1}]
        engine.close()
    assert all("/enforced/" in execution.location for execution in athena.executions.values())


def test_no_such_workgroup(access):
    error = fails(AthenaEngine(access(workgroup="nobody")), "SELECT 1 AS one")
    assert error.code == "athena.no_workgroup"
    assert "nobody" in error.message


@pytest.mark.parametrize("location", ["bucket/folder", "s3://", "https://bucket/x", ""])
def test_a_location_that_is_none_is_refused_before_anything_is_asked(athena, access, location):
    with pytest.raises(UsageError):
        AthenaEngine(access(output_location=location))
    assert athena.asked == []


@pytest.mark.parametrize("operation", ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"])
def test_access_denied_names_the_operation_and_the_query(athena, engine, operation):
    athena.delay = 0.5
    athena.refuse[operation] = RefusedError("AccessDeniedException", "User: x is not authorized")
    error = fails(engine, "SELECT 1 AS one")
    assert error.code == "athena.denied"
    assert operation in error.message
    for query in athena.executions:
        assert query in error.message
        assert engine.status(query).state == "FAILED"


def test_access_denied_by_the_data_catalogue(athena, engine):
    text = "User: x is not authorized to perform: glue:GetTable (Service: AWSGlue; Error Code: AccessDeniedException)"
    athena.refuse["GetTableMetadata"] = RefusedError("MetadataException", text)
    with pytest.raises(QueryError) as caught:
        engine.bind(TableRef("flow_logs", ()))
    assert caught.value.code == "athena.denied"
    assert "glue:GetTable" in caught.value.message


def test_credentials_that_are_refused(athena, engine):
    athena.refuse["StartQueryExecution"] = RefusedError("ExpiredTokenException", "The security token is expired")
    assert fails(engine, "SELECT 1 AS one").code == "athena.credentials"


def test_a_result_object_that_is_gone(athena, engine):
    query = engine.submit("SELECT 1 AS one", NONE)
    until(lambda: engine.status(query).state == "SUCCEEDED")
    athena.forget_result(only(athena))
    with pytest.raises(QueryError) as caught:
        list(engine.result(query))
    assert caught.value.code == "athena.result_gone"
    assert query in caught.value.message


def test_a_result_object_that_goes_at_the_last_moment(athena, engine):
    athena.after_results = athena.forget_result
    error = fails(engine, "SELECT 1 AS one")
    assert error.code == "athena.result_gone"
    assert only(athena).location in error.message
    assert engine.status(only(athena).id).state == "FAILED"


def test_results_in_athenas_own_store_and_sealed_ones_are_refused_by_name(athena, access):
    athena.workgroups["managed"] = {
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {},
        "ManagedQueryResultsConfiguration": {"Enabled": True},
    }
    athena.workgroups["sealed"] = {
        "EnforceWorkGroupConfiguration": False,
        "ResultConfiguration": {"EncryptionConfiguration": {"EncryptionOption": "CSE_KMS", "KmsKey": "k"}},
    }
    for workgroup, code in (("managed", "athena.result_managed"), ("sealed", "athena.result_encrypted")):
        assert fails(AthenaEngine(access(workgroup=workgroup)), "SELECT 1 AS one").code == code


class Door(ThreadingHTTPServer):
    """An S3 that answers every GET alike: status, headers, body, or a connection that breaks off."""

    daemon_threads = True

    def __init__(self, status, body, promised=None):
        door = self
        self.gets = 0

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                """Say nothing."""

            def do_GET(self):
                door.gets += 1
                self.send_response(status)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


@pytest.mark.parametrize(
    ("door", "code", "retryable"),
    [
        ((403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"), "result_denied", False),
        ((404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"), "result_gone", False),
        (
            (412, b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>"),
            "result_unreadable",
            False,
        ),
        ((200, b'"one"\n"1"', 100), "result_unreachable", True),
        ((200, b'"one"\n"1"', 1 << 30), "result_unreadable", False),
        ((200, b'"one"\n"no number"\n'), "result_unreadable", False),
    ],
)
@pytest.mark.usefixtures("at_once")
def test_what_s3_may_answer_instead_of_the_result(athena, access, door, code, retryable):
    with Door(*door) as server:
        engine = AthenaEngine(access(s3_endpoint_url=server.url))
        error = fails(engine, "SELECT 1 AS one")
        engine.close()
    assert error.code == f"athena.{code}"
    assert error.retryable is retryable
    assert only(athena).id in error.message
    assert only(athena).location in error.message


@pytest.mark.usefixtures("at_once")
def test_throttling_is_waited_out_and_starts_no_second_query(athena, engine):
    athena.throttle = {"StartQueryExecution": 3, "GetQueryExecution": 3, "GetQueryResults": 2}
    assert ask(engine, "SELECT 1 AS one") == [{"one": 1}]
    assert len(athena.executions) == 1
    starts = [request["ClientRequestToken"] for name, request in athena.asked if name == "StartQueryExecution"]
    assert len(starts) == 4
    assert len(set(starts)) == 1


@pytest.mark.usefixtures("at_once")
def test_throttling_without_end_is_told_as_what_may_pass(athena, engine):
    athena.throttle = {"StartQueryExecution": 99}
    error = fails(engine, "SELECT 1 AS one")
    assert isinstance(error, AthenaUnavailableError)
    assert (error.code, error.retryable) == ("athena.throttled", True)


@pytest.mark.usefixtures("at_once")
def test_an_endpoint_that_does_not_answer(access):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: every connection is refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = fails(AthenaEngine(access(endpoint_url=url)), "SELECT 1 AS one")
    assert error.code == "athena.unreachable"
    assert error.retryable
    assert url in error.message


def test_no_credentials(access, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceError) as caught:
        AthenaEngine(access())
    assert caught.value.code == "athena.no_credentials"


def test_no_profile(access):
    with pytest.raises(SourceError) as caught:
        AthenaEngine(access(profile="nobody"))
    assert caught.value.code == "source.no_profile"


def test_a_region_is_needed_and_may_come_from_the_environment(access, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SourceError) as caught:
        AthenaEngine(access(region=None))
    assert caught.value.code == "athena.no_region"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    AthenaEngine(access(region=None)).close()


def test_an_endpoint_that_is_no_url(access):
    with pytest.raises(SourceError) as caught:
        AthenaEngine(access(endpoint_url="not a url"))
    assert caught.value.code == "source.bad_endpoint"


def test_a_query_longer_than_athena_takes_is_not_sent(athena, engine):
    assert fails(engine, f"SELECT '{'x' * 262_144}' AS t").code == "query.too_long"
    assert athena.asked == []


def test_an_empty_query_is_refused_by_athena(engine):
    assert fails(engine, "").code == "athena.refused"
