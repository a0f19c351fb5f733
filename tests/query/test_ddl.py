"""Tables that users declare: AWS's own statements, Hive's reading rules, partitions, projection, views, CTAS."""

from __future__ import annotations

import datetime as dt
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpcflow.app import App
from vpcflow.config import load
from vpcflow.errors import QueryError, SourceError, VpcFlowError
from vpcflow.query.athena import projection
from vpcflow.query.athena.ddl.parse import parse
from vpcflow.record import hive
from vpcflow.state.tables import HiveColumn, UserTable
from vpcflow.telemetry import ReadReport

NOW = dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)
V2 = (
    "version int, account_id string, interface_id string, srcaddr string, dstaddr string, srcport int, dstport int, "
    "protocol bigint, packets bigint, bytes bigint, start bigint, `end` bigint, action string, log_status string"
)
HEADER = b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"


def line(source="10.0.0.1", port=443, size=100, action="ACCEPT", status="OK"):
    return f"2 123456789012 eni-1 {source} 10.0.0.2 40000 {port} 6 5 {size} 1764000000 1764000060 {action} {status}\n".encode()


NODATA = b"2 123456789012 eni-1 - - - - - - - 1764000000 1764000060 - NODATA\n"


@pytest.fixture
def ask(tmp_path):
    """Ask in a lake of its own; rows as tuples, the answer's notes in `ask.notes`."""
    app = App(load({"lake": str(tmp_path / "lake")}, {}))

    def ask(text, *, database="default", now=NOW):
        with (
            app.lake(create=True) as lake,
            app.state() as state,
            app.asker(lake, tables=state, database=database) as asker,
        ):
            answer = asker.query(text, now=now, typed=True)
            batches = list(answer.batches)
            ask.notes = [key for key, _ in answer.notes]
            ask.scanned = answer.status.bytes_scanned
            ask.losses = answer.losses()
        table = pa.Table.from_batches(batches) if batches and batches[0].num_columns else None
        return [] if table is None else list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    return ask


def write(root, files):
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return root.as_uri()


def fails(ask, text, code):
    with pytest.raises(VpcFlowError) as caught:
        ask(text)
    assert caught.value.code == code
    assert caught.value.message
    return caught.value


# --- AWS's own statements ------------------------------------------------------------------------------------------

AWS_PARTITIONED = f"""CREATE EXTERNAL TABLE IF NOT EXISTS `vpc_flow_logs` (
  {V2.replace(", ", ",  ")},
  vpc_id string, subnet_id string, instance_id string, tcp_flags int, type string, pkt_srcaddr string, pkt_dstaddr string,
  region string, az_id string, sublocation_type string, sublocation_id string, pkt_src_aws_service string,
  pkt_dst_aws_service string, flow_direction string, traffic_path int
)
PARTITIONED BY (`date` date)
ROW FORMAT DELIMITED
FIELDS TERMINATED BY ' '
LOCATION '%s'
TBLPROPERTIES ("skip.header.line.count"="1");"""

AWS_PARQUET = f"""CREATE EXTERNAL TABLE IF NOT EXISTS vpc_flow_logs_parquet (
  {V2}
)
PARTITIONED BY (
  `aws-account-id` string,
  `aws-service` string,
  `aws-region` string,
  `year` string,
  `month` string,
  `day` string,
  `hour` string
)
ROW FORMAT SERDE
  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat'
OUTPUTFORMAT
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION
  '%s'
TBLPROPERTIES (
  'EXTERNAL'='true',
  'skip.header.line.count'='1'
  )"""

AWS_PROJECTED = f"""CREATE EXTERNAL TABLE IF NOT EXISTS test_table_vpclogs (
  {V2}
)
PARTITIONED BY (accid string, region string, day string)
ROW FORMAT DELIMITED
FIELDS TERMINATED BY ' '
LOCATION '%s'
TBLPROPERTIES
(
"skip.header.line.count"="1",
"projection.enabled" = "true",
"projection.accid.type" = "enum",
"projection.accid.values" = "111122223333,444455556666",
"projection.region.type" = "enum",
"projection.region.values" = "us-east-1,us-west-2",
"projection.day.type" = "date",
"projection.day.range" = "2026/11/01,NOW",
"projection.day.format" = "yyyy/MM/dd",
"storage.location.template" = "%s/AWSLogs/${{accid}}/vpcflowlogs/${{region}}/${{day}}"
)"""

AWS_HOURLY = f"""CREATE EXTERNAL TABLE IF NOT EXISTS vpc_flow_logs_parquet (
  {V2}
)
PARTITIONED BY (region string, date string, hour string)
ROW FORMAT SERDE
'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT
'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat'
OUTPUTFORMAT
'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION '%s/prefix/AWSLogs/{{account_id}}/vpcflowlogs/{{region_code}}/'
TBLPROPERTIES (
"skip.header.line.count"="1",
"projection.enabled" = "true",
"projection.region.type" = "enum",
"projection.region.values" = "us-east-1",
"projection.date.type" = "date",
"projection.date.range" = "2026/11/01,NOW",
"projection.date.format" = "yyyy/MM/dd",
"projection.hour.type" = "integer",
"projection.hour.range" = "00,23",
"projection.hour.digits" = "2",
"storage.location.template" = "%s/prefix/AWSLogs/${{account_id}}/vpcflowlogs/${{region}}/${{date}}/${{hour}}"
)"""


def parquet(rows):
    names = [part.split()[0].strip("`") for part in V2.split(", ")]
    kinds = [
        pa.string() if part.endswith("string") else pa.int64() if "bigint" in part else pa.int32()
        for part in V2.split(", ")
    ]
    table = pa.table([pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)], names=names)
    out = io.BytesIO()
    pq.write_table(table.drop_columns(["packets"]), out)
    return out.getvalue()


AT = dt.datetime(2025, 11, 24, 16)  # noqa: DTZ001 - a timestamp without a zone
ROW = (
    2,
    "123456789012",
    "eni-1",
    "10.0.0.1",
    "10.0.0.2",
    40000,
    443,
    6,
    5,
    100,
    1764000000,
    1764000060,
    "ACCEPT",
    "OK",
)


def test_the_partitioned_text_table_of_the_guide(ask, tmp_path):
    base = write(
        tmp_path / "bucket",
        {
            "2026/11/22/a.log.gz": HEADER + line(size=1) + NODATA,
            "2026/11/23/b.log.gz": HEADER + line("10.0.0.7", 22, 20, "REJECT"),
            "2026/11/23/c.log": HEADER + line(size=300),
        },
    )
    ask(AWS_PARTITIONED % f"{base}/")
    assert ask.notes == ["note.table_created"]
    ask(f"ALTER TABLE vpc_flow_logs ADD PARTITION (`date`='2026-11-22') LOCATION '{base}/2026/11/22';")
    ask(f"ALTER TABLE vpc_flow_logs ADD PARTITION (date='2026-11-23') LOCATION '{base}/2026/11/23'")
    assert ask("SHOW PARTITIONS vpc_flow_logs") == [("date=2026-11-22",), ("date=2026-11-23",)]
    # The guide's three questions.
    assert len(ask("SELECT * FROM vpc_flow_logs WHERE date = DATE('2026-11-23') LIMIT 100")) == 2
    assert ask.notes == ["note.users_table"]
    found = ask(
        """SELECT day_of_week(date) AS
  day,
  date,
  interface_id,
  srcaddr,
  action,
  protocol
FROM vpc_flow_logs
WHERE action = 'REJECT' AND protocol = 6
LIMIT 100;"""
    )
    assert found == [(1, dt.date(2026, 11, 23), "eni-1", "10.0.0.7", "REJECT", 6)]
    found = ask(
        """SELECT SUM(packets) AS
  packetcount,
  dstaddr
FROM vpc_flow_logs
WHERE dstport = 443 AND date > current_date - interval '7' day
GROUP BY dstaddr
ORDER BY packetcount DESC
LIMIT 10"""
    )
    assert found == [(10, "10.0.0.2")]
    # Hive reads "-": a text stays, a number is null. What a file does not have is null.
    assert ask("SELECT srcaddr, srcport, action, vpc_id FROM vpc_flow_logs WHERE log_status = 'NODATA'") == [
        ("-", None, "-", None)
    ]
    assert ask("SELECT count(*) FROM vpc_flow_logs WHERE srcaddr = '-'") == [(1,)]
    assert ask("SELECT count(*) FROM vpc_flow_logs WHERE srcaddr IS NULL") == [(0,)]
    # The lake stays there under its own name.
    assert ask("SELECT count(*) FROM flow_logs") == [(0,)]
    assert ask.notes == []


def test_the_parquet_table_of_the_guide_and_msck_repair(ask, tmp_path):
    keys = "aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1"
    layout = f"AWSLogs/{keys}/year=2026/month=11/day=%s/hour=05/a.parquet"
    base = write(tmp_path / "bucket", {layout % "23": parquet([ROW, ROW]), layout % "24": parquet([ROW])})
    ask(AWS_PARQUET % f"{base}/AWSLogs/")
    assert ask("SELECT count(*) FROM vpc_flow_logs_parquet") == [(0,)]
    assert ask.notes == ["note.no_objects"]
    repaired = ask("MSCK REPAIR TABLE vpc_flow_logs_parquet")
    assert repaired[0][0].startswith(
        "Repair: Added partition to metastore vpc_flow_logs_parquet:aws-account-id=123456789012/"
    )
    assert len(repaired) == 2
    assert ask("MSCK REPAIR TABLE vpc_flow_logs_parquet") == []
    assert ask("SELECT day, count(*), sum(bytes), max(packets) FROM vpc_flow_logs_parquet GROUP BY 1 ORDER BY 1") == [
        ("23", 2, 200, None), ("24", 1, 100, None),
    ]  # fmt: skip
    whole = ask.scanned
    assert ask("SELECT srcaddr, \"aws-region\" FROM vpc_flow_logs_parquet WHERE year='2026' AND day = '24'") == [
        ("10.0.0.1", "us-east-1")
    ]
    assert 0 < ask.scanned < whole
    (path,) = ask("SELECT DISTINCT \"$path\" FROM vpc_flow_logs_parquet WHERE day = '24'")[0]
    assert path == f"{base}/{layout % '24'}"


def test_the_projected_tables_of_the_guide(ask, tmp_path):
    base = write(
        tmp_path / "bucket",
        {
            "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/20/a.log.gz": HEADER + line("10.117.0.1"),
            "AWSLogs/111122223333/vpcflowlogs/us-west-2/2026/11/21/a.log.gz": HEADER + line(size=7) * 2,
            "AWSLogs/999900001111/vpcflowlogs/us-east-1/2026/11/21/a.log.gz": HEADER + line(size=1) * 50,
        },
    )
    ask(AWS_PROJECTED % (base, base))
    assert ask("SELECT accid, region, day, count(*) FROM test_table_vpclogs GROUP BY 1, 2, 3 ORDER BY 3") == [
        ("111122223333", "us-east-1", "2026/11/20", 1), ("111122223333", "us-west-2", "2026/11/21", 2),
    ]  # fmt: skip
    everything = ask.scanned
    # The guide's questions on this table.
    found = ask(
        """SELECT version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes,
        to_iso8601(from_unixtime(start)) AS start_time, to_iso8601(from_unixtime("end")) AS end_time, action, log_status
        FROM test_table_vpclogs WHERE DAY >= '2026/11/20' AND DAY < '2026/11/21' AND split_part(srcaddr,'.', 1)='10'
        AND split_part(srcaddr,'.', 2) ='117' ORDER BY day ASC LIMIT 100"""
    )
    assert [row[10:12] for row in found] == [("2025-11-24T16:00:00.000Z", "2025-11-24T16:01:00.000Z")]
    assert 0 < ask.scanned < everything
    # Outside the range, or where nothing lies: no rows, no error.
    assert ask("SELECT count(*) FROM test_table_vpclogs WHERE day = '2019/01/01'") == [(0,)]
    assert ask("SHOW PARTITIONS test_table_vpclogs") == []


def test_the_hourly_table_of_the_guide_with_a_place_that_is_no_partition_column(ask, tmp_path):
    key = "prefix/AWSLogs/%s/vpcflowlogs/us-east-1/2026/11/23/07/a.parquet"
    base = write(tmp_path / "bucket", {key % "123456789012": parquet([ROW])})
    ask(AWS_HOURLY % (base, base))
    assert ask.notes == ["note.table_created", "note.placeholder"]
    question = "SELECT date, hour, srcaddr FROM vpc_flow_logs_parquet WHERE date = '2026/11/23'"
    assert ask(question) == [("2026/11/23", "07", "10.0.0.1")]
    write(tmp_path / "bucket", {key % "999999999999": parquet([ROW, ROW])})
    error = fails(ask, question, "query.projection_open")
    assert "123456789012, 999999999999" in error.message
    assert len(ask(f"{question} AND account_id = '123456789012'")) == 1


# --- Hive's reading rules -------------------------------------------------------------------------------------------


def test_fields_too_many_too_few_and_of_no_type(ask, tmp_path):
    body = b"1\tone\t2026-01-02\ttrue\t1.50\textra\n2\n\nx\ttwo\t2026-13-45\tyes\tno\n0x1F\t\\N\n99999999999\tbig\r\n"
    base = write(tmp_path / "t", {"a.tsv": body, "_hidden.tsv": b"9\n", ".hidden": b"9\n"})
    ask(
        f"CREATE EXTERNAL TABLE t (a int, b string, c date, d boolean, e decimal(5,2)) "
        f"ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' LOCATION '{base}'"
    )
    assert [(*row[:4], row[4] and str(row[4])) for row in ask("SELECT * FROM t")] == [
        (1, "one", dt.date(2026, 1, 2), True, "1.50"), (2, None, None, None, None), (None,) * 5,
        (None, "two", None, None, None), (None, None, None, None, None), (None, "big", None, None, None),
    ]  # fmt: skip


def test_losses_are_told_beside_the_answer(ask, tmp_path):
    whole = gzip.compress(line() * 2000)
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "cut.gz").write_bytes(whole[: len(whole) // 2])
    ask(
        f"CREATE EXTERNAL TABLE t ({V2}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION '{(tmp_path / 't').as_uri()}'"
    )
    ((rows,),) = ask("SELECT count(*) FROM t")
    assert 0 < rows < 2000
    assert [loss.kind for loss in ask.losses.losses] == ["cut_off"]
    ask("SELECT count(*) FROM t a JOIN t b ON a.srcport = b.srcport WHERE a.srcport = 1")
    assert len(ask.losses.losses) == 2  # once for each time it was read


def test_a_table_read_twice_in_one_question_is_whole_both_times(ask, tmp_path):
    base = write(tmp_path / "t", {f"{n}.log": line(size=n) * 3 for n in range(5)})
    ask(f"CREATE EXTERNAL TABLE t ({V2}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION '{base}'")
    assert ask("SELECT count(*) FROM t a JOIN t b ON a.bytes = b.bytes") == [(45,)]
    assert ask("WITH x AS (SELECT * FROM t) SELECT (SELECT count(*) FROM x), (SELECT sum(bytes) FROM x)") == [(15, 30)]


_FIELD = st.sampled_from(
    ["1", "-7", "0x1", "2147483648", "-", "", "\\N", "a b", "é", "2026-02-30", "2026-02-03", "1.5", "TRUE", "\x00"]
)
_KINDS = (pa.int32(), pa.string(), pa.int64(), pa.date32(), pa.bool_(), pa.float64())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(_FIELD, min_size=1, max_size=8), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_columnar_reader_equals_a_plain_one(rows, newline, ends):
    text = newline.join(",".join(row) for row in rows) + (newline if ends and rows else "")
    layout = hive.Layout(tuple((f"c{n}", kind) for n, kind in enumerate(_KINDS)), ",")
    names = [name for name, _ in layout.columns]
    batches = hive.read(io.BytesIO(text.encode()), layout, names, "s", ReadReport())
    found = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    lines = text.split("\n")
    lines = lines[:-1] if not lines[-1] else lines
    assert found == [_plain(one.removesuffix("\r").split(",")) for one in lines]


def _plain(fields):
    return tuple(
        None if place >= len(fields) or fields[place] == "\\N" else hive.convert(fields[place], kind)
        for place, kind in enumerate(_KINDS)
    )


def test_parquet_by_name_of_another_width_and_of_another_type(ask, tmp_path):
    (tmp_path / "p").mkdir()
    pq.write_table(
        pa.table({"pkt-srcaddr": ["10.0.0.1"], "Bytes": pa.array([5], pa.int32())}), tmp_path / "p" / "a.parquet"
    )
    pq.write_table(pa.table({"bytes": pa.array([7], pa.int64())}), tmp_path / "p" / "b.parquet")
    where = f"STORED AS PARQUET LOCATION '{(tmp_path / 'p').as_uri()}'"
    ask(f"CREATE EXTERNAL TABLE p (pkt_srcaddr string, bytes bigint, nowhere string) {where}")
    assert ask("SELECT * FROM p ORDER BY bytes") == [("10.0.0.1", 5, None), (None, 7, None)]
    ask(f"CREATE EXTERNAL TABLE q (bytes string) {where}")
    assert "int" in fails(ask, "SELECT bytes FROM q", "query.parquet_type").message
    (tmp_path / "p" / "c.parquet").write_bytes(b"PAR1 no parquet at all")
    fails(ask, "SELECT count(bytes) FROM p", "query.not_parquet")


def test_a_varchar_is_cut_to_its_length(ask, tmp_path):
    base = write(tmp_path / "t", {"a": b"abcdef\n"})
    ask(f"CREATE EXTERNAL TABLE t (a varchar(3)) LOCATION '{base}'")
    assert ask("SELECT a, length(a) FROM t") == [("abc", 3)]


# --- views, CTAS, databases ----------------------------------------------------------------------------------------


def test_views_see_what_is_there_now_and_never_themselves(ask, tmp_path):
    base = write(tmp_path / "t", {"a": line() + line(action="REJECT", size=3)})
    ask(f"CREATE EXTERNAL TABLE t ({V2}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION '{base}'")
    ask("CREATE VIEW refused AS SELECT srcaddr, bytes AS octets FROM t WHERE action = 'REJECT'")
    ask("CREATE VIEW sums AS SELECT srcaddr, sum(octets) AS total FROM refused GROUP BY srcaddr")
    assert ask("SELECT * FROM sums") == [("10.0.0.1", 3)]
    write(tmp_path / "t", {"b": line(action="REJECT", size=4)})
    assert ask("SELECT * FROM sums") == [("10.0.0.1", 7)]
    assert ask("DESCRIBE sums") == [("srcaddr", "string", ""), ("total", "bigint", "")]
    assert ask("SHOW VIEWS") == [("refused",), ("sums",)]
    fails(ask, "CREATE OR REPLACE VIEW refused AS SELECT srcaddr, total AS octets FROM sums", "query.view_cycle")
    fails(ask, "CREATE VIEW unnamed AS SELECT count(*) FROM t", "query.column_unnamed")
    error = fails(ask, "CREATE VIEW broken AS\nSELECT srcadr FROM t", "query.unknown_column_near")
    assert "(2:8)" in error.message
    assert error.text.startswith("CREATE VIEW")
    assert "CREATE VIEW refused AS" in "\n".join(row[0] for row in ask("SHOW CREATE VIEW refused"))
    fails(ask, "DROP TABLE refused", "query.is_a_view")
    ask("DROP VIEW refused")
    fails(ask, "SELECT * FROM sums", "query.unknown_table")


def test_create_table_as_writes_parquet_that_is_a_table_and_stays(ask, tmp_path):
    base = write(tmp_path / "t", {"a": line() + line("10.0.0.3", action="REJECT", size=3) + NODATA})
    ask(f"CREATE EXTERNAL TABLE t ({V2}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION '{base}'")
    target = (tmp_path / "out" / "kept").as_uri()
    made = ask(
        f"CREATE TABLE kept WITH (format = 'PARQUET', external_location = '{target}', partitioned_by = ARRAY['action', 'port'],"
        " write_compression = 'SNAPPY') AS SELECT srcaddr, from_unixtime(start, 'UTC') AT TIME ZONE 'UTC' IS NOT NULL AS timed,"
        " CAST(from_unixtime(start) AS timestamp) AS at, ARRAY[bytes] AS sizes, action, dstport AS port FROM t"
    )
    assert made == [(3,)]
    assert ask("SHOW PARTITIONS kept") == [
        ("action=-/port=__HIVE_DEFAULT_PARTITION__",), ("action=ACCEPT/port=443",), ("action=REJECT/port=443",),
    ]  # fmt: skip
    assert ask("SELECT srcaddr, at, sizes, action, port FROM kept WHERE port IS NOT NULL ORDER BY 1") == [
        ("10.0.0.1", AT, [100], "ACCEPT", 443),
        ("10.0.0.3", AT, [3], "REJECT", 443),
    ]
    with pytest.raises(SourceError) as caught:
        ask(f"CREATE TABLE again WITH (external_location = '{target}') AS SELECT 1 AS one")
    assert caught.value.code == "source.not_empty"
    assert ask("CREATE TABLE empty AS SELECT srcaddr AS Source FROM t WITH NO DATA") == [(0,)]
    assert ask("SHOW COLUMNS IN empty") == [("source",)]
    assert ask("SELECT count(*) FROM empty") == [(0,)]
    ask("DROP TABLE kept")
    assert len(list((tmp_path / "out" / "kept").rglob("*.parquet"))) == 3
    assert not list(tmp_path.rglob(".vpcflow-*"))


MANY = """CREATE TABLE x WITH (partitioned_by = ARRAY['b']) AS
SELECT 1 AS a, n AS b FROM UNNEST(sequence(1, 101)) AS u(n)"""


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("CREATE TABLE x AS SELECT count(*) FROM t", "query.column_unnamed"),
        ("CREATE TABLE x AS SELECT bytes, bytes FROM t", "query.column_twice"),
        ("CREATE TABLE x AS SELECT NULL AS n", "query.ctas_unknown"),
        ("CREATE TABLE x AS SELECT CAST('10.0.0.1' AS ipaddress) AS ip", "query.ctas_type"),
        ("CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a", "query.ddl_format"),
        ("CREATE TABLE x WITH (partitoned_by = ARRAY['a']) AS SELECT 1 AS a", "query.ctas_property_near"),
        ("CREATE TABLE x WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a, 2 AS b", "query.ctas_partitioned_by"),
        (MANY, "query.ctas_partitions"),
        ("CREATE TABLE x AS SELECT 1 / 0 AS a", "query.failed"),
        ("CREATE TABLE t AS SELECT 1 AS a", "query.table_exists"),
        ("CREATE TABLE x (a int)", "query.ddl_not_external"),
        ("CREATE EXTERNAL TABLE x (a int)", "query.ddl_location"),
        ("CREATE EXTERNAL TABLE x (a int) LOCATION 'http://x/'", "query.ddl_location"),
        ("CREATE EXTERNAL TABLE x (a int) LOCATION 'file:///tmp/../etc/'", "query.ddl_location"),
        ("CREATE EXTERNAL TABLE x (a int, A int) LOCATION 's3://b/'", "query.column_twice"),
        ("CREATE EXTERNAL TABLE x (a array<int>) LOCATION 's3://b/'", "query.ddl_text_type"),
        ("CREATE EXTERNAL TABLE x (a strin) LOCATION 's3://b/'", "query.ddl_type_near"),
        ("CREATE EXTERNAL TABLE x (a int) LOCATON 's3://b/'", "query.ddl_expected_near"),
        ("CREATE EXTERNAL TABLE x (a int) STORED AS ORC LOCATION 's3://b/'", "query.ddl_format"),
        ("CREATE EXTERNAL TABLE x (a int) CLUSTERED BY (a) INTO 2 BUCKETS LOCATION 's3://b/'", "query.not_supported"),
        ("CREATE EXTERNAL TABLE `a-b` (a int) LOCATION 's3://b/'", "query.bad_table_name"),
        ("CREATE EXTERNAL TABLE nodb.x (a int) LOCATION 's3://b/'", "query.no_database"),
        ("CREATE EXTERNAL TABLE x (a int) LOCATION 's3://b/", "query.unclosed"),
        ("ALTER TABLE t ADD PARTITION (a='1')", "query.partition_keys"),
        ("ALTER TABLE t RENAME TO u", "query.not_supported"),
        ("ALTER TABLE flow_logs SET LOCATION 's3://b/'", "query.ddl_on_lake"),
        ("DROP TABLE flow_logs", "query.ddl_on_lake"),
        ("DROP TABLE tt", "query.unknown_table_near"),
        ("DROP DATABASE default", "query.default_database"),
        ("MSCK REPAIR TABLE t", "query.not_partitioned"),
        ("SHOW FUNCTIONS", "query.ddl_expected"),
        ("SHOW TABLES IN nowhere", "query.no_database"),
        ("CREATE VIEW v AS DROP TABLE t", "query.not_a_question"),
        ("CREATE TABLE v AS DELETE FROM t", "query.not_a_question"),
        ("DROP TABLE t; DROP TABLE t", "query.ddl_expected"),
        ("SELECT * FROM t; DROP TABLE t", "query.several"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name_and_changes_nothing(ask, tmp_path, statement, code):
    base = write(tmp_path / "t", {"a": line()})
    ask(f"CREATE EXTERNAL TABLE t ({V2}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION '{base}'")
    before = ask("SHOW TABLES")
    with pytest.raises(VpcFlowError) as caught:
        ask(statement)
    assert caught.value.code == code
    assert "'error." not in caught.value.message
    assert ask("SHOW TABLES") == before
    assert not (tmp_path / "lake" / "tables" / "default" / "x").exists()


def test_databases_tables_and_what_show_says(ask, tmp_path):
    base = write(tmp_path / "t", {"k=1/a": b"x\n", "k=2/a": b"y\nz\n"})
    ask("CREATE DATABASE IF NOT EXISTS net COMMENT 'mine'")
    ask(
        f"CREATE EXTERNAL TABLE net.t (a string COMMENT 'it''s') COMMENT 'c' PARTITIONED BY (k int) LOCATION '{base}' "
        "TBLPROPERTIES ('x'='1')"
    )
    assert ask("SHOW DATABASES") == [("default",), ("net",)]
    assert ask("SHOW TABLES IN net") == [("t",)]
    assert ask("SHOW TABLES '*gateway*'") == [("transit_gateway_flow_logs",), ("transit_gateway_flows",)]
    ask("MSCK REPAIR TABLE net.t")
    assert ask("SELECT k, count(*) FROM t GROUP BY k ORDER BY k", database="net") == [(1, 1), (2, 2)]
    assert ask('SELECT count(*) FROM "awsdatacatalog"."net"."t" WHERE k > 1') == [(2,)]
    created = "\n".join(row[0] for row in ask("SHOW CREATE TABLE net.t"))
    ask("ALTER TABLE net.t SET TBLPROPERTIES ('x'='2', 'y'='3')")
    assert ask("SHOW TBLPROPERTIES net.t") == [("x", "2"), ("y", "3")]
    assert ask("SHOW TBLPROPERTIES net.t('y')") == [("3",)]
    ask("ALTER TABLE net.t ADD COLUMNS (b string)")
    assert ask("SHOW COLUMNS IN net.t") == [("a",), ("b",), ("k",)]
    assert ("# Partition Information", "", "") in ask("DESCRIBE FORMATTED net.t")
    ask(f"ALTER TABLE net.t PARTITION (k='2') SET LOCATION '{base}/k=1'")
    assert ask("SELECT count(*) FROM net.t WHERE k = 2") == [(1,)]
    ask("ALTER TABLE net.t DROP IF EXISTS PARTITION (k='1'), PARTITION (k='9')")
    assert ask("SHOW PARTITIONS net.t") == [("k=2",)]
    fails(ask, "DROP DATABASE net", "query.database_not_empty")
    ask("DROP DATABASE net CASCADE")
    assert ask("SHOW DATABASES") == [("default",)]
    assert (tmp_path / "t" / "k=1" / "a").exists()
    # What SHOW CREATE TABLE says can be said again.
    again = parse(created)
    assert [column.comment for column in again.columns] == ["it's"]
    assert again.comment == "c"


def test_the_lakes_own_tables_can_be_described(ask):
    described = {row[0]: row[1] for row in ask("DESCRIBE flow_logs")}
    assert described["aws_account_id"] == "string"
    created = "\n".join(row[0] for row in ask("SHOW CREATE TABLE flow_logs"))
    assert "ParquetHiveSerDe" in created
    assert parse(created).keys[0].name == "aws_account_id"


# --- S3 ------------------------------------------------------------------------------------------------------------


def test_tables_in_s3(s3, tmp_path):
    day = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/%02d/a.log.gz"
    files = {day % n: gzip.compress(HEADER + line(size=n)) for n in range(1, 22)}
    files["AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/03/_temporary/x.log.gz"] = gzip.compress(HEADER + line())
    bucket = s3.bucket(files)
    app = App(load({"lake": str(tmp_path / "lake"), "endpoint_url": s3.url}, {}))

    def rows(text):
        with app.lake(create=True) as lake, app.state() as state, app.asker(lake, tables=state) as asker:
            return pa.Table.from_batches(list(asker.query(text, now=NOW, typed=True).batches))

    rows_of = AWS_PROJECTED % (f"s3://{bucket}/AWSLogs/", f"s3://{bucket}")
    with app.lake(create=True) as lake, app.state() as state, app.asker(lake, tables=state) as asker:
        list(asker.query(rows_of, now=NOW).batches)
    s3.forget()
    assert rows(
        "SELECT sum(bytes) AS b FROM test_table_vpclogs WHERE day = '2026/11/07' AND accid = '111122223333'"
    ).to_pylist() == [{"b": 7}]
    assert s3.gets() == 1
    assert s3.listings() <= 2
    s3.forget()
    # Many partitions are found by one listing of what is above them.
    assert rows("SELECT count(*) AS n, sum(bytes) AS b FROM test_table_vpclogs").to_pylist() == [{"n": 21, "b": 231}]
    assert s3.listings() <= 2
    target = f"s3://{bucket}/out/"
    rows(
        f"CREATE TABLE kept WITH (external_location = '{target}', partitioned_by = ARRAY['day']) "
        "AS SELECT bytes, day FROM test_table_vpclogs"
    )
    s3.forget()
    assert rows(
        "SELECT sum(bytes) AS b, max(\"$path\") AS p FROM kept WHERE day IN ('2026/11/02', '2026/11/03')"
    ).to_pylist() == [{"b": 5, "p": f"{target}day=2026%2F11%2F03/part-0.parquet"}]
    assert s3.gets() == 2


def test_a_bucket_that_is_not_there_is_said(s3, ask, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    ask("CREATE EXTERNAL TABLE t (a string) LOCATION 's3://no-such-bucket-at-all/x/'")
    with pytest.raises(SourceError) as caught:
        ask("SELECT count(*) FROM t")
    assert caught.value.code == "source.no_bucket"


# --- projection ----------------------------------------------------------------------------------------------------


def projected(**properties):
    said = {f"projection.c.{name}": value for name, value in properties.items()}
    table = UserTable(
        "default",
        "t",
        (),
        (HiveColumn("c", "string"),),
        location="s3://b/t",
        properties={"projection.enabled": "TRUE"} | said,
    )
    return projection.projected(table, NOW)


@pytest.mark.parametrize(
    ("properties", "values"),
    [
        ({"type": "enum", "values": "a, b"}, ("a", " b")),
        ({"type": " Integer ", "range": "-1,2"}, ("-1", "0", "1", "2")),
        ({"type": "integer", "range": "0,9", "interval": "4", "digits": "2"}, ("00", "04", "08")),
        ({"type": "date", "range": "2026-11-22,NOW", "format": "yyyy-MM-dd"}, ("2026-11-22", "2026-11-23", "2026-11-24")),
        ({"type": "date", "range": "NOW-2DAYS,NOW", "format": "yyyyMMdd"}, ("20261122", "20261123", "20261124")),
        ({"type": "date", "range": "202610,NOW+1MONTH", "format": "yyyyMM"}, ("202610", "202611", "202612")),
        (
            {"type": "date", "range": "2026/11/24/03,NOW", "format": "yyyy/MM/dd/HH", "interval": "1", "interval.unit": "HOURS"},
            ("2026/11/24/03", "2026/11/24/04", "2026/11/24/05"),
        ),
        ({"type": "date", "range": "2024-02-29,2026-02-28", "format": "yyyy-MM-dd", "interval": "1", "interval.unit": "YEARS"},
         ("2024-02-29", "2025-02-28", "2026-02-28")),
        ({"type": "date", "range": "'d'2026,'d'2027", "format": "'''d'''yyyy", "interval": "1", "interval.unit": "years"},
         ("'d'2026", "'d'2027")),
        ({"type": "injected"}, None),
    ],
)  # fmt: skip
def test_projected_values(properties, values):
    found = projected(**properties)
    assert found.columns["c"] == values
    assert found.location({"c": "v"}) == "s3://b/t/c=v/"


@pytest.mark.parametrize(
    "properties",
    [
        {"type": "enum"}, {"type": "list", "values": "a"}, {"type": "integer", "range": "1"},
        {"type": "integer", "range": "5,1"}, {"type": "integer", "range": "a,b"},
        {"type": "date", "range": "x,NOW", "format": "yyyy"},
        {"type": "date", "range": "2026,NOW", "format": "yyyy"}, {"type": "date", "range": "NOW,NOW", "format": "eee"},
        {"type": "integer", "range": "0,99999999999"}, {"type": "integer", "range": "0,9", "interval": "0"},
    ],
)  # fmt: skip
def test_wrong_projections_are_refused_by_property(properties):
    with pytest.raises(VpcFlowError) as caught:
        projected(**properties)
    assert caught.value.code in ("query.projection_value", "query.partitions_many")


def test_a_projection_without_configuration_and_an_injected_one_without_a_value(ask, tmp_path):
    base = write(tmp_path / "t", {"k=1/a": b"x\n", "k=2/a": b"y\n"})
    ask(
        f"CREATE EXTERNAL TABLE t (a string) PARTITIONED BY (k string) LOCATION '{base}' "
        "TBLPROPERTIES ('projection.enabled'='true')"
    )
    error = fails(ask, "SELECT * FROM t", "query.projection_missing")
    assert "missing projection configuration: [k]" in error.message
    ask("ALTER TABLE t SET TBLPROPERTIES ('projection.k.type'='injected')")
    fails(ask, "SELECT * FROM t", "query.projection_injected")
    assert ask("SELECT a FROM t WHERE k IN ('1', '2', '3') ORDER BY 1") == [("x",), ("y",)]


@settings(max_examples=60, deadline=None)
@given(st.text("CREATEXNLBDOPSHWIMK()`'\" ,;=.\n<>-*", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text):
    for start in ("CREATE ", "SHOW ", "ALTER TABLE t ", "CREATE EXTERNAL TABLE t (a int) "):
        try:
            parse(start + text)
        except QueryError as error:
            told = error.message
        else:
            told = "read"
        assert told
