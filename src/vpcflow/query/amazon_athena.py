"""Amazon Athena behind the engine contract: SQL goes to the API, the answer comes from the result object in S3.

    submit   StartQueryExecution; the id it answers is the question's id, and every error names it
    status   GetQueryExecution, at most every 0.2 s, later every 2 s
    result   waits; GetQueryResults tells the columns' types; then the object is read range by range
    cancel   StopQueryExecution, which a time limit, `close` and whoever stops reading early send too

Sources: Athena API reference; Athena User Guide, "Find query output files in Amazon S3", "Data types in Amazon Athena".
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from vpcflow.errors import QueryError, SourceError, UsageError, VpcFlowError
from vpcflow.query.schema import PARTITION_KEYS
from vpcflow.record.fields import TABLES
from vpcflow.record.schema import in_order
from vpcflow.types import Limits, PartitionFilter, Status, TableRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST: Final = 262_144
"""Bytes of a query string that Athena takes."""

_FIRST_S, _LAST_S, _SLOWER = 0.2, 2.0, 1.4
"""Seconds between two looks at a running query: at first, at last, and how much longer each pause is."""

_RANGE: Final = 8 << 20
"""Bytes of the result object fetched by one request, so that a slow reader keeps no connection open."""

_LONGEST_ROW: Final = 64 << 20
_TRIES: Final = 3
_ROWS: Final = 65_536
_NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class AthenaAccess:
    """How to reach Athena; what is None comes from where the AWS CLI takes it, or from the workgroup.

    endpoint_url, s3_endpoint_url: of another Athena and S3 than AWS's. output_location: an s3:// folder for the results.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    workgroup: str | None = None
    database: str = "default"
    catalog: str = "AwsDataCatalog"
    output_location: str | None = None


class AthenaUnavailableError(QueryError):
    """Athena or S3 may answer later."""

    retryable = True


class AthenaEngine:
    """Answers plans on tables of a Glue data catalogue.

    Raises SourceError where region, profile or credentials are missing; asks nobody before the first question.
    """

    name = "athena"
    dialect = "athena"
    traits = frozenset({"hive", "ipaddress", "cancel", "bytes-scanned"})

    def __init__(self, access: AthenaAccess) -> None:
        if access.output_location is not None and not re.fullmatch(r"s3://[^/]+(/.*)?", access.output_location):
            raise UsageError("athena.bad_location", location=access.output_location)
        self._access = access
        self._aws = _Aws(access)
        self._tables: dict[str, frozenset[str]] = {}
        self._queries: dict[str, _Query] = {}

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of *table*'s columns and partition keys; QueryError ``athena.no_table`` for none."""
        if table not in self._tables:
            self._tables[table] = self._aws.columns(self._access, table)
        return self._tables[table]

    def bind(self, table: TableRef) -> None:
        """Check that Athena has *table* with the columns the next questions read; it is asked once a table."""
        missing = sorted(set(table.columns) - self.columns(table.name))
        if missing:
            raise QueryError(
                "athena.no_columns", table=table.name, database=self._access.database, columns=", ".join(missing)
            )

    def submit(self, sql: str, limits: Limits) -> str:
        """Start a question, answer the id AWS gave it; QueryError when it is refused at once."""
        if len(sql.encode()) > _LONGEST:
            raise QueryError("query.too_long", bytes=_LONGEST)
        query_id = self._aws.start(sql, self._access)
        self._queries[query_id] = _Query(self._aws, query_id, sql, limits)
        return query_id

    def status(self, query_id: str) -> Status:
        """Tell how a question stands; asks Athena if that was not done a moment ago."""
        query = self._queries[query_id]
        query.look()
        return query.status

    def result(self, query_id: str) -> Iterator[pa.RecordBatch]:
        """Return the answer, waiting for it; whoever stops early stops the query at AWS."""
        return self._queries[query_id].batches()

    def cancel(self, query_id: str) -> None:
        """Stop a question; nothing happens to one that has ended. QueryError when AWS could not be told."""
        self._queries[query_id].cancel()

    def close(self) -> None:
        """Stop all questions and let go of everything; QueryError names a query that could not be stopped."""
        failed: QueryError | None = None
        for query in self._queries.values():
            try:
                query.cancel()
            except QueryError as error:
                failed = error
        self._queries.clear()
        self._aws.close()
        if failed is not None:
            raise failed


class AthenaCatalog:
    """The tables of Athena's catalogue as the lake's: those named like them, with the columns they have there."""

    def __init__(self, engine: AthenaEngine) -> None:
        self._engine = engine

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the registry's columns that *table* has there, in its order; none for a table that is missing."""
        return tuple(in_order(table, self._there(table)))

    def keys(self) -> frozenset[str]:
        """Return which of the lake's partition keys every table of ours has there, so that a time can leave partitions out."""
        found = [self._there(table) for table in TABLES]
        have = [names for names in found if names]
        return frozenset(PARTITION_KEYS).intersection(*have) if have else frozenset()

    def _there(self, table: str) -> frozenset[str]:
        try:
            return self._engine.columns(table)
        except QueryError as error:
            if error.code != "athena.no_table":
                raise
            return frozenset()

    def scan(self, table: str, where: PartitionFilter) -> TableRef:
        """Return *table* without files: Athena finds them by the partition keys that `compile` put in the SQL."""
        del where
        return TableRef(table, self.columns(table))

    def newest(self, table: str) -> int | None:
        """Ask when the newest record of *table* ends (epoch s); AWS bills one column of it."""
        if "end" not in self.columns(table):
            return None
        sql = f'SELECT CAST(max("end") AS BIGINT) AS newest FROM "{table}"'
        answer = pa.Table.from_batches(list(self._engine.result(self._engine.submit(sql, _NO_LIMITS))))
        newest: int | None = answer.column(0)[0].as_py() if answer.num_rows else None
        return newest


# --- one question --------------------------------------------------------------------------------------------------


class _Query:
    """One query execution: what AWS last said of it, and whether we have stopped it."""

    def __init__(self, aws: _Aws, query_id: str, sql: str, limits: Limits) -> None:
        self.status = Status()
        self._aws, self._id, self._sql, self._limits = aws, query_id, sql, limits
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._timed_out = self._reading = False
        self._execution: dict[str, Any] = {}
        self._began = time.monotonic()
        self._pause = _FIRST_S
        self._next = self._began + self._pause
        self._timer: threading.Timer | None = None
        if limits.timeout_s is not None:
            # A query costs money whether or not somebody waits for it, so the limit does not depend on being asked.
            self._timer = threading.Timer(limits.timeout_s, self._time_out)
            self._timer.daemon = True
            self._timer.start()

    @property
    def _ended(self) -> bool:
        return self.status.state not in ("QUEUED", "RUNNING")

    def look(self, *, at_once: bool = False) -> None:
        """Ask AWS how it stands, unless it has ended or was asked a moment ago."""
        with self._lock:
            now = time.monotonic()
            if self._ended or (now < self._next and not at_once):
                return
            found = self._aws.call("get_query_execution", self._id, QueryExecutionId=self._id)["QueryExecution"]
            self._pause = min(self._pause * _SLOWER, _LAST_S)
            self._next = time.monotonic() + self._pause
            self._execution = found
            self.status.bytes_scanned = found.get("Statistics", {}).get("DataScannedInBytes", 0)
            if not self._ended:  # by `cancel` of another thread, meanwhile
                self.status.elapsed_s = time.monotonic() - self._began
                self._take(found.get("Status", {}))

    def _take(self, said: dict[str, Any]) -> None:
        state, reason = said.get("State"), (said.get("StateChangeReason") or "-")[:2000]
        if state in ("QUEUED", "RUNNING"):
            # AWS goes back to QUEUED when it tries again; we have no state that is left again.
            self.status.state = "RUNNING" if state == "RUNNING" else self.status.state
        elif state == "SUCCEEDED":
            self.status.state = "SUCCEEDED"
        elif state == "CANCELLED":
            # A workgroup's limit of bytes scanned comes this way too.
            self._end(None if self._stopped.is_set() else QueryError("athena.cancelled", id=self._id, reason=reason))
        else:
            self._end(_placed("athena.failed", self._sql, id=self._id, reason=reason))

    def _end(self, error: VpcFlowError | None) -> None:
        """End without an answer: *error* says why, None that we stopped it."""
        if error is None and self._timed_out:
            error = QueryError("query.timeout", seconds=self._limits.timeout_s, id=self._id)
        self.status.error = error
        self.status.state = "CANCELLED" if error is None or error.code == "athena.cancelled" else "FAILED"
        self.status.elapsed_s = time.monotonic() - self._began

    def cancel(self) -> None:
        """Stop it at AWS, or stop reading what it answered."""
        if self._timer is not None and not self._timed_out:
            self._timer.cancel()
        if not self._ended:
            self._stopped.set()
            try:
                self._aws.call("stop_query_execution", self._id, QueryExecutionId=self._id)
            except QueryError as error:
                self._end(QueryError("athena.not_stopped", id=self._id, reason=error.message))
                raise self.status.error from error  # type: ignore[misc]
            self._end(None)
        elif self._reading:
            self._stopped.set()

    def _time_out(self) -> None:
        with contextlib.suppress(QueryError):
            self.look(at_once=True)
        if not self._ended or self._reading:
            self._timed_out = True
            # That it could not be stopped is in the status, which who waits is told.
            with contextlib.suppress(QueryError):
                self.cancel()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Return the answer, waiting for it."""
        try:
            while not self._ended:
                self._stopped.wait(max(0.0, self._next - time.monotonic()))
                self.look()
            if self.status.state == "SUCCEEDED":
                self._reading = True
                yield from self._read()
        except QueryError as error:
            self.cancel()
            self._end(error)
            raise
        finally:
            self._reading = False
            # Ctrl-C, an error, or somebody who wanted no more: nothing runs on at AWS's price unseen.
            self.cancel()
        if self.status.state != "SUCCEEDED":
            raise self.status.error or QueryError("query.cancelled", id=self._id)

    def _read(self) -> Iterator[pa.RecordBatch]:
        left = self._limits.max_rows
        for batch in self._result():
            if self._stopped.is_set():
                self._end(None)
                return
            if left is not None and batch.num_rows >= left:
                yield batch.slice(0, left)
                return
            left = None if left is None else left - batch.num_rows
            yield batch
            self.status.elapsed_s = time.monotonic() - self._began

    def _result(self) -> Iterator[pa.RecordBatch]:
        where = self._execution.get("ResultConfiguration", {})
        location = where.get("OutputLocation") or ""
        told = self._aws.call("get_query_results", self._id, QueryExecutionId=self._id, MaxResults=1)
        infos = told.get("ResultSet", {}).get("ResultSetMetadata", {}).get("ColumnInfo", [])
        if where.get("EncryptionConfiguration", {}).get("EncryptionOption") == "CSE_KMS":
            raise QueryError("athena.result_encrypted", id=self._id)
        if not location:
            raise QueryError("athena.result_managed", id=self._id)
        if not location.endswith((".csv", ".txt")):
            # INSERT and CREATE TABLE AS leave a manifest there and answer a count.
            rows = [told["UpdateCount"]] if "UpdateCount" in told else []
            yield pa.record_batch({"rows": pa.array(rows, pa.int64())})
            return
        columns = [_Column(info) for info in infos]
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([column.field for column in columns]))
        if not columns:
            return
        read = _csv if location.endswith(".csv") else _text
        try:
            yield from read(self._aws.ranges(location, self._id), columns)
        except (pa.ArrowException, ValueError) as error:
            reason = str(error).partition("\n")[0][:300]
            raise QueryError("athena.result_unreadable", id=self._id, source=location, reason=reason) from error


def _placed(code: str, sql: str, *, reason: str, **values: Any) -> QueryError:  # noqa: ANN401 - what a text names
    """Return an error whose *reason* is AWS's, with the place underlined where it says ``line L:C``."""
    found = re.search(r"\bline (\d{1,6}):(\d{1,6})", reason)
    lines = sql.splitlines(keepends=True)
    if not found or not 0 < int(found[1]) <= len(lines):
        return QueryError(code, reason=reason, **values)
    start = sum(map(len, lines[: int(found[1]) - 1])) + min(max(int(found[2]), 1) - 1, len(lines[int(found[1]) - 1]))
    word = re.compile(r'"(?:[^"]|"")*"|\w+|').match(sql, start)
    return QueryError(code, text=sql, start=start, end=word.end() if word else start, reason=reason, **values)


# --- the result object ---------------------------------------------------------------------------------------------

_PLAIN: Final[dict[str, pa.DataType]] = {
    "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "int": pa.int32(),
    "bigint": pa.int64(), "float": pa.float32(), "real": pa.float32(), "double": pa.float64(), "date": pa.date32(),
    "time": pa.time32("ms"), "varchar": pa.string(), "char": pa.string(), "string": pa.string(),
    "varbinary": pa.binary(),
}  # fmt: skip
_UTC: Final = ("UTC", "Z", "+00:00", "Etc/UTC", "GMT")


class _Column:
    """One column of an answer. field: as it is given; metadata tells the type of what stays text. read: as Arrow parses it."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._name, kind, precision = str(info["Name"]), str(info["Type"]).lower(), info.get("Precision") or 0
        self.read: pa.DataType = pa.string()
        self._convert: Callable[[pa.Array], pa.Array] | None = None
        metadata = None
        if kind == "timestamp":
            given = self.read = pa.timestamp(_unit(precision))
        elif kind == "timestamp with time zone":
            given = pa.timestamp(_unit(precision), "UTC")
            self._convert = lambda values: _instants(values, given)
        elif kind == "varbinary":
            given = pa.binary()
            self._convert = _bytes
        elif kind == "decimal" and 0 < precision <= 38:
            given = self.read = pa.decimal128(precision, info.get("Scale") or 0)
        elif kind in _PLAIN:
            given = self.read = _PLAIN[kind]
        else:
            # array, map, row, json, ipaddress …: Athena writes a map's or row's text without quotes; it cannot be read back.
            given, metadata = pa.string(), {"athena.type": kind}
        self.field = pa.field(self._name, given, metadata=metadata)

    def values(self, read: pa.Array) -> pa.Array:
        """Return the values as the field has them."""
        return self._convert(read) if self._convert else read


def _unit(precision: int) -> str:
    return "ms" if precision <= 3 else "us" if precision <= 6 else "ns"


def _bytes(values: pa.Array) -> pa.Array:
    """``68 65`` → b"he"."""
    return pa.array([None if text is None else bytes.fromhex(text) for text in values.to_pylist()], pa.binary())


def _instants(values: pa.Array, kind: pa.TimestampType) -> pa.Array:
    """``2026-11-23 10:00:00.000 Europe/Berlin`` → instants in UTC; ArrowInvalid for a local time that came twice."""
    parts = pc.split_pattern(values, " ", max_splits=1, reverse=True)
    local = pc.cast(pc.list_element(parts, 0), pa.timestamp(kind.unit))
    zones = pc.list_element(parts, 1)
    found = pa.nulls(len(values), kind)
    for zone in pc.unique(zones).to_pylist():
        if zone is not None:
            # A zone's rows only: another zone's time may not exist in this one.
            rows = pc.equal(zones, zone)
            found = pc.replace_with_mask(found, rows, _in_zone(local.filter(rows), zone, kind))
    return found


def _in_zone(local: pa.Array, zone: str, kind: pa.TimestampType) -> pa.Array:
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", zone)
    if zone in _UTC:
        return local.cast(kind)
    if offset is None:
        return pc.assume_timezone(local, zone).cast(kind)
    minutes = (int(offset[2]) * 60 + int(offset[3])) * (-1 if offset[1] == "-" else 1)
    shift = pa.scalar(minutes * 60, pa.duration("s")).cast(pa.duration(kind.unit))
    return pc.subtract(local, shift).cast(kind)


def _csv(ranges: Iterator[bytes], columns: list[_Column]) -> Iterator[pa.RecordBatch]:
    """Parse a SELECT's object: a header, all values quoted, null as nothing between the commas."""
    names = [str(place) for place, _ in enumerate(columns)]
    convert = pyarrow.csv.ConvertOptions(
        column_types={name: column.read for name, column in zip(names, columns, strict=True)},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    # A null that is alone in its row is an empty line.
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    schema = pa.schema([column.field for column in columns])
    header = 1
    for rows in _whole_rows(ranges):
        read = pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(rows) + 1, column_names=names, skip_rows_after_names=header
        )
        table = pyarrow.csv.read_csv(pa.BufferReader(rows), read, parse, convert)
        header = 0
        for batch in table.combine_chunks().to_batches(_ROWS):
            arrays = [column.values(batch.column(place)) for place, column in enumerate(columns)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    if header:
        raise ValueError("the object is empty")


def _whole_rows(ranges: Iterator[bytes]) -> Iterator[bytes]:
    """Cut at the ends of rows: newlines outside of quotes. ValueError for an endless row and for an end inside a value."""
    waiting: list[bytes] = []
    inside = False
    for piece in ranges:
        inside ^= bool(piece.count(b'"') & 1)
        end = _last_end(piece, inside=inside)
        waiting.append(piece[:end] if end else piece)
        if end:
            yield b"".join(waiting)
            waiting = [piece[end:]]
        if sum(map(len, waiting)) > _LONGEST_ROW:
            raise ValueError(f"a row has more than {_LONGEST_ROW} bytes")
    if inside:
        raise ValueError("the object ends inside a value")
    if any(waiting):
        yield b"".join(waiting)


def _last_end(piece: bytes, *, inside: bool) -> int:
    """Return where the last row that ends in *piece* ends, 0 for none. inside: whether *piece* ends in a quoted value."""
    end = len(piece)
    while True:
        if inside:
            end = piece.rfind(b'"', 0, end)
            if end < 0:
                return 0
        place = piece.rfind(b"\n", 0, end)
        if place < 0:
            return 0
        inside = bool(piece.count(b'"', place, end) & 1)
        if not inside:
            return place + 1
        end = place


def _text(ranges: Iterator[bytes], columns: list[_Column]) -> Iterator[pa.RecordBatch]:
    """Parse the object of SHOW, DESCRIBE, EXPLAIN: no header, tabs between the columns; a line may have fewer of them."""
    schema = pa.schema([pa.field(column.field.name, pa.string()) for column in columns])
    carry = b""
    for piece in ranges:
        *lines, carry = (carry + piece).split(b"\n")
        if len(carry) > _LONGEST_ROW:
            raise ValueError(f"a line has more than {_LONGEST_ROW} bytes")
        yield _lines(lines, schema)
    if carry:
        yield _lines([carry], schema)


def _lines(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    cells = [line.decode().split("\t", len(schema) - 1) for line in lines]
    columns = [[row[place] if place < len(row) else None for row in cells] for place in range(len(schema))]
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


# --- AWS -----------------------------------------------------------------------------------------------------------

_BY_CODE: Final = {
    "AccessDeniedException": "denied", "AccessDenied": "denied", "UnauthorizedOperation": "denied",
    "UnrecognizedClientException": "credentials", "ExpiredTokenException": "credentials",
    "InvalidSignatureException": "credentials", "InvalidClientTokenId": "credentials",
    "IncompleteSignature": "credentials", "MissingAuthenticationTokenException": "credentials",
    "ThrottlingException": "throttled", "TooManyRequestsException": "throttled",
    "InternalServerException": "broken", "InternalFailure": "broken", "ServiceUnavailable": "broken",
}  # fmt: skip
_BY_TEXT: Final = (
    (re.compile(r"no output location|output location is required", re.IGNORECASE), "no_output_location"),
    (re.compile(r"workgroup\b.*(not found|does not exist)", re.IGNORECASE), "no_workgroup"),
    (re.compile(r"output bucket", re.IGNORECASE), "output_bucket"),
    (re.compile(r"could not find results", re.IGNORECASE), "result_gone"),
)
_BY_OBJECT: Final = {
    "NoSuchKey": "result_gone", "NoSuchBucket": "result_gone", "404": "result_gone",
    "AccessDenied": "result_denied", "403": "result_denied", "AllAccessDisabled": "result_denied",
}  # fmt: skip
_BY_CLASS: Final = (
    ("redential", "credentials"), ("Token", "credentials"), ("SSO", "credentials"), ("ParamValidation", "refused"),
)  # fmt: skip
_LATER: Final = ("throttled", "unreachable", "broken")


class _Aws:
    """The two clients; what AWS refuses or does not answer comes out as QueryError."""

    def __init__(self, access: AthenaAccess) -> None:
        import boto3  # noqa: PLC0415 - 170 ms that nobody else need pay
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound  # noqa: PLC0415

        self._faults = (BotoCoreError, ClientError)
        # Standard mode waits and tries again where AWS throttles; the request's token keeps a second try from starting twice.
        retries = {"mode": "standard", "total_max_attempts": 5}
        config = Config(connect_timeout=3, read_timeout=20, retries=retries)
        try:
            session = boto3.Session(profile_name=access.profile)
            if session.get_credentials() is None:
                raise SourceError("athena.no_credentials")
            region = access.region or os.environ.get("AWS_REGION") or session.region_name
            if not region:
                raise SourceError("athena.no_region")
            self._athena = session.client("athena", region, endpoint_url=access.endpoint_url, config=config)
            if access.s3_endpoint_url:
                config = config.merge(Config(s3={"addressing_style": "path"}))
            self._s3 = session.client("s3", region, endpoint_url=access.s3_endpoint_url, config=config)
        except ProfileNotFound as error:
            raise SourceError("source.no_profile", profile=access.profile) from error
        except (BotoCoreError, OSError) as error:
            raise SourceError("source.profile_unusable", reason=str(error)) from error
        except ValueError as error:
            raise SourceError("source.bad_endpoint", endpoint=access.endpoint_url) from error

    def close(self) -> None:
        self._athena.close()
        self._s3.close()

    def call(self, operation: str, query_id: str = "", sql: str = "", **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask Athena; QueryError names the operation and *query_id*."""
        try:
            answer: dict[str, Any] = getattr(self._athena, operation)(**parameters)
        except self._faults as error:
            raise self._fault(error, operation, query_id, sql) from error
        return answer

    def start(self, sql: str, access: AthenaAccess) -> str:
        """Start *sql*, return its id."""
        parameters: dict[str, Any] = {
            "QueryString": sql,
            "ClientRequestToken": str(uuid.uuid4()),
            "QueryExecutionContext": {"Database": access.database, "Catalog": access.catalog},
        }
        if access.workgroup is not None:
            parameters["WorkGroup"] = access.workgroup
        if access.output_location is not None:
            parameters["ResultConfiguration"] = {"OutputLocation": access.output_location}
        return str(self.call("start_query_execution", sql=sql, **parameters)["QueryExecutionId"])

    def columns(self, access: AthenaAccess, table: str) -> frozenset[str]:
        """Return the columns and partition keys of *table*, in lower case as Athena has them."""
        parameters = {"CatalogName": access.catalog, "DatabaseName": access.database, "TableName": table}
        if access.workgroup is not None:
            parameters["WorkGroup"] = access.workgroup
        try:
            found = self._athena.get_table_metadata(**parameters)["TableMetadata"]
        except self._faults as error:
            answer = _answer(error)
            # Glue's own refusals come as MetadataException too, with their name in the text.
            if answer[0] == "MetadataException" and "AccessDenied" not in answer[1]:
                raise QueryError("athena.no_table", table=table, database=access.database, reason=answer[1]) from error
            raise self._fault(error, "get_table_metadata", "", "") from error
        return frozenset(
            column["Name"].lower() for key in ("Columns", "PartitionKeys") for column in found.get(key, ())
        )

    def _fault(self, error: Exception, operation: str, query_id: str, sql: str) -> QueryError:
        code, text = _answer(error)
        what = " ".join(filter(None, ("".join(word.capitalize() for word in operation.split("_")), query_id)))
        if code == "MetadataException":
            code = "AccessDenied"
        kind = _BY_CODE.get(code) or next((kind for mark, kind in _BY_TEXT if mark.search(text)), "refused")
        if not code:
            kind = next((kind for mark, kind in _BY_CLASS if mark in type(error).__name__), "unreachable")
        values: dict[str, Any] = {"what": what, "id": query_id, "source": query_id}
        values["endpoint"] = self._athena.meta.endpoint_url
        if kind == "refused":
            return _placed("athena.refused", sql, reason=text, **values)
        failed = AthenaUnavailableError if kind in _LATER else QueryError
        return failed(f"athena.{kind}", reason=text, **values)

    def ranges(self, uri: str, query_id: str) -> Iterator[bytes]:
        """Fetch an object piece by piece, always of the version that was there first."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        place, size, same = 0, 1, {}  # type: int, int, dict[str, str]
        while place < size:
            part = {"Bucket": bucket, "Key": key, "Range": f"bytes={place}-{place + _RANGE - 1}"}
            found, piece = self._piece({**part, **same}, uri, query_id)
            if not piece:
                return
            yield piece
            place += len(piece)
            size = int(str(found.get("ContentRange", f"/{place}")).rpartition("/")[2])
            same = {"IfMatch": found["ETag"]} if found.get("ETag") else {}

    def _piece(self, request: dict[str, str], uri: str, query_id: str) -> tuple[dict[str, Any], bytes]:
        for left in reversed(range(_TRIES)):
            try:
                found = self._s3.get_object(**request)
                if found["ContentLength"] > _RANGE:
                    raise ValueError("more was answered than asked for")
                # boto3 asks again where there is no answer, not where one breaks off.
                return found, found["Body"].read()
            except self._faults as error:
                code, text = _answer(error)
                if code in ("InvalidRange", "416"):
                    return {}, b""
                if not code and left:
                    continue
                values: dict[str, Any] = {"id": query_id, "source": uri, "reason": text}
                if not code:
                    raise AthenaUnavailableError("athena.result_unreachable", **values) from error
                raise QueryError(f"athena.{_BY_OBJECT.get(code, 'result_unreadable')}", **values) from error
        raise AssertionError


def _answer(error: Any) -> tuple[str, str]:  # noqa: ANN401 - botocore's errors, which are loaded late
    """Return code and text of an answer of AWS; the code is "" where nothing was answered."""
    said = getattr(error, "response", None) or {}
    told = said.get("Error", {}) if isinstance(said, dict) else {}
    text = told.get("Message") or said.get("Message") or str(error)
    return str(told.get("Code", "")), str(text)[:1000]
