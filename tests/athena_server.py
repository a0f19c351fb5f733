"""Amazon Athena on a free port, as far as an engine needs it: it runs the SQL it gets, in DuckDB, and leaves the result in S3.

Nothing is canned: a question is translated by sqlglot, its rows are written as Athena writes them (athena.md 5.2, 6). Requests
are held against botocore's model of the service. Tests may `delay` queries, `refuse` or `throttle` operations.
"""

from __future__ import annotations

import decimal
import io
import ipaddress
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import botocore.session
import duckdb
import sqlglot
from botocore.validate import ParamValidator
from sqlglot import exp

MODEL = botocore.session.get_session().get_service_model("athena")
PAGE = 1000
UTILITY = re.compile(r"\s*(SHOW|DESCRIBE|CREATE|DROP)\b", re.IGNORECASE)

# DuckDB's types → Athena's name, precision, scale, Hive's name.
TYPES = {
    "BOOLEAN": ("boolean", 0, "boolean"), "TINYINT": ("tinyint", 3, "tinyint"), "SMALLINT": ("smallint", 5, "smallint"),
    "INTEGER": ("integer", 10, "int"), "BIGINT": ("bigint", 19, "bigint"), "HUGEINT": ("bigint", 19, "bigint"),
    "FLOAT": ("float", 17, "float"), "DOUBLE": ("double", 17, "double"), "VARCHAR": ("varchar", 2147483647, "string"),
    "BLOB": ("varbinary", 1073741824, "binary"), "DATE": ("date", 0, "date"), "TIMESTAMP": ("timestamp", 3, "timestamp"),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", 3, "timestamp"), "TIME": ("time", 3, "string"),
    '"NULL"': ("unknown", 0, "string"), "JSON": ("json", 0, "string"), "UUID": ("uuid", 0, "string"),
}  # fmt: skip


class RefusedError(Exception):
    """An error of the API."""

    def __init__(self, code: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"__type": code, "Message": message, **members}


def invalid(message: str) -> RefusedError:
    return RefusedError("InvalidRequestException", message, AthenaErrorCode="INVALID_INPUT")


@dataclass
class Column:
    name: str
    type: str
    precision: int
    scale: int = 0
    zone: str = "UTC"

    def info(self) -> dict:
        return {
            "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": self.name, "Label": self.name,
            "Type": self.type, "Precision": self.precision, "Scale": self.scale, "Nullable": "UNKNOWN",
            "CaseSensitive": self.type == "varchar",
        }  # fmt: skip


@dataclass
class Execution:
    """One query execution."""

    id: str
    request: dict
    location: str
    state: str = "QUEUED"
    reason: str | None = None
    columns: list[Column] = field(default_factory=list)
    scanned: int = 0
    submitted: float = field(default_factory=time.time)
    completed: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    cursor: duckdb.DuckDBPyConnection | None = None
    kind: str = "DML"
    workgroup: dict = field(default_factory=dict)

    def where(self) -> dict:
        """Return what is told of where the answer lies: nothing where Athena keeps it."""
        managed = self.workgroup.get("ManagedQueryResultsConfiguration", {}).get("Enabled")
        sealed = self.workgroup.get("ResultConfiguration", {}).get("EncryptionConfiguration")
        told = {} if managed else {"OutputLocation": self.location}
        return told | ({"EncryptionConfiguration": sealed} if sealed else {})

    def told(self) -> dict:
        status = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.completed is not None:
            status["CompletionDateTime"] = self.completed
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        return {
            "QueryExecutionId": self.id, "Query": self.request["QueryString"], "StatementType": self.kind,
            "ResultConfiguration": self.where(), "Status": status,
            "QueryExecutionContext": self.request.get("QueryExecutionContext", {}),
            "WorkGroup": self.request.get("WorkGroup", "primary"),
            "Statistics": {"DataScannedInBytes": self.scanned, "TotalExecutionTimeInMillis": 1},
            "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
        }  # fmt: skip


class AthenaServer:
    """An Athena with one database.

    asked: (operation, request) of each call. delay: seconds before a query runs. refuse: error by operation.
    throttle: how often an operation is yet to be throttled. workgroups: configuration by name.
    """

    def __init__(self, s3, database: str = "default") -> None:
        self.database = database
        self.asked: list[tuple[str, dict]] = []
        self.delay = 0.0
        self.refuse: dict[str, RefusedError] = {}
        self.throttle: dict[str, int] = {}
        self.bucket = s3.bucket()
        self.output = f"s3://{self.bucket}/results/"
        self.workgroups = {
            "primary": {"EnforceWorkGroupConfiguration": False, "ResultConfiguration": {}},
            "enforced": {
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/enforced/"},
            },
        }
        self.executions: dict[str, Execution] = {}
        self.after_results = lambda execution: None
        self._tokens: dict[str, tuple[str, dict]] = {}
        self._s3 = s3.client()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.db = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GiB"})
        self.db.execute("SET TimeZone = 'UTC'")
        self.db.create_function("in_network", in_network, ["VARCHAR", "VARCHAR"], "BOOLEAN", null_handling="special")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def table(self, name: str, data) -> None:
        """Make a table of an Arrow table, or of the SELECT given."""
        if isinstance(data, str):
            self.db.execute(f'CREATE OR REPLACE TABLE "{name}" AS {data}')
        else:
            self.db.register("given", data)
            self.db.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM given')
            self.db.unregister("given")

    def forget_result(self, execution: Execution) -> None:
        """Delete the object with a query's answer."""
        bucket, key = execution.location.removeprefix("s3://").split("/", 1)
        self._s3.delete_object(Bucket=bucket, Key=key)

    def calls(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.asked)

    def close(self) -> None:
        for execution in self.executions.values():
            self._stop(execution)
        for thread in self._threads:
            thread.join(30)
        self._server.shutdown()
        self._server.server_close()
        self.db.close()

    # --- operations ------------------------------------------------------------------------------------------------

    def answer(self, operation: str, request: dict) -> dict:
        if operation not in MODEL.operation_names:
            raise RefusedError("UnknownOperationException", operation)
        problems = ParamValidator().validate(request, MODEL.operation_model(operation).input_shape)
        if problems.has_errors():
            raise invalid(problems.generate_report())
        with self._lock:
            self.asked.append((operation, request))
            if self.throttle.get(operation, 0):
                self.throttle[operation] -= 1
                raise RefusedError("ThrottlingException", "Rate exceeded")
        if operation in self.refuse:
            raise self.refuse[operation]
        return getattr(self, operation)(**request)

    def StartQueryExecution(self, **request) -> dict:  # noqa: N802 - AWS's name
        token = request.get("ClientRequestToken", str(uuid.uuid4()))
        if not 32 <= len(token) <= 128:
            raise invalid("clientRequestToken has a wrong length")
        location = self._location(request)
        with self._lock:
            if token in self._tokens:
                known, before = self._tokens[token]
                if before != request:
                    raise invalid("Idempotent parameters do not match")
                return {"QueryExecutionId": known}
            name = str(uuid.uuid4())
            self._tokens[token] = (name, request)
            utility = UTILITY.match(request["QueryString"])
            path = f"{location}{name}.{'txt' if utility else 'csv'}"
            execution = Execution(name, request, path, kind="DDL" if utility else "DML")
            execution.workgroup = self._workgroup(request.get("WorkGroup", "primary"))
            self.executions[name] = execution
        thread = threading.Thread(target=self._run, args=(execution,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"QueryExecutionId": name}

    def _location(self, request: dict) -> str:
        workgroup = self._workgroup(request.get("WorkGroup", "primary"))
        own = workgroup["ResultConfiguration"].get("OutputLocation")
        given = request.get("ResultConfiguration", {}).get("OutputLocation")
        location = own if workgroup["EnforceWorkGroupConfiguration"] else given or own
        if workgroup.get("ManagedQueryResultsConfiguration", {}).get("Enabled"):
            return f"s3://{self.bucket}/managed/"
        if not location:
            raise invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        return location if location.endswith("/") else f"{location}/"

    def _workgroup(self, name: str) -> dict:
        if name not in self.workgroups:
            raise invalid(f"WorkGroup {name} is not found.")
        return self.workgroups[name]

    def _execution(self, name: str) -> Execution:
        if name not in self.executions:
            raise invalid(f"QueryExecution {name} was not found")
        return self.executions[name]

    def GetQueryExecution(self, QueryExecutionId) -> dict:  # noqa: N802, N803
        return {"QueryExecution": self._execution(QueryExecutionId).told()}

    def StopQueryExecution(self, QueryExecutionId) -> dict:  # noqa: N802, N803
        self._stop(self._execution(QueryExecutionId))
        return {}

    def _stop(self, execution: Execution) -> None:
        execution.stop.set()
        cursor = execution.cursor
        if cursor is not None and execution.completed is None:
            cursor.interrupt()

    def GetQueryResults(self, QueryExecutionId, MaxResults=PAGE, NextToken=None) -> dict:  # noqa: N802, N803
        execution = self._execution(QueryExecutionId)
        if execution.state != "SUCCEEDED":
            raise invalid(f"Query has not yet finished. Current state: {execution.state}")
        bucket, key = execution.location.removeprefix("s3://").split("/", 1)
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except self._s3.exceptions.ClientError as error:
            raise invalid("Could not find results") from error
        self.after_results(execution)
        infos = [column.info() for column in execution.columns]
        header = [{"Data": [{"VarCharValue": info["Name"]} for info in infos]}]
        rows = header[:MaxResults] if execution.kind == "DML" else []  # the pages nobody here asks for are not made
        return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": infos}}, "UpdateCount": 0}

    def GetWorkGroup(self, WorkGroup) -> dict:  # noqa: N802, N803
        return {
            "WorkGroup": {"Name": WorkGroup, "State": "ENABLED", "Configuration": self._workgroup(WorkGroup)},
        }

    def GetTableMetadata(self, CatalogName, DatabaseName, TableName, WorkGroup="primary") -> dict:  # noqa: N802, N803
        self._workgroup(WorkGroup)
        if CatalogName.lower() != "awsdatacatalog" or DatabaseName != self.database:
            raise RefusedError("MetadataException", f"EntityNotFoundException: Database {DatabaseName} not found.")
        cursor = self.db.cursor()
        try:
            found = cursor.execute(f'DESCRIBE "{TableName}"').fetchall()
        except duckdb.CatalogException:
            message = f"EntityNotFoundException: Entity Not Found (Service: AWSGlue; Table {TableName})"
            raise RefusedError("MetadataException", message) from None
        columns = [{"Name": name.lower(), "Type": _hive(kind)} for name, kind, *_ in found]
        keys = [column for column in columns if column["Name"] in ("year", "month", "day", "hour")]
        plain = [column for column in columns if column not in keys]
        table = {"Name": TableName, "TableType": "EXTERNAL_TABLE", "Columns": plain, "PartitionKeys": keys}
        return {"TableMetadata": {**table, "Parameters": {}}}

    # --- running ---------------------------------------------------------------------------------------------------

    def _run(self, execution: Execution) -> None:
        sql = execution.request["QueryString"]
        state, body = "SUCCEEDED", b""
        try:
            execution.stop.wait(self.delay / 2)
            execution.state = "RUNNING"
            execution.stop.wait(self.delay / 2)
            execution.cursor = self.db.cursor()
            execution.cursor.execute("SET TimeZone = 'UTC'")
            if execution.kind == "DDL":
                body = self._utility(execution, sql)
            elif not execution.stop.is_set():
                body = self._select(execution, sql)
        except FailedError as error:
            state, execution.reason = "FAILED", str(error)
        except duckdb.InterruptException:
            state = "CANCELLED"
        except Exception as error:  # noqa: BLE001 - a fault of this server's is an answer too, lest a test wait for ever
            state, execution.reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {error!r}"
        if execution.stop.is_set():
            state, execution.reason = "CANCELLED", "Query cancelled by user"
        if state == "SUCCEEDED":
            bucket, key = execution.location.removeprefix("s3://").split("/", 1)
            try:
                self._s3.put_object(Bucket=bucket, Key=key, Body=body)
                self._s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=b"\0")
            except self._s3.exceptions.ClientError as error:
                state, execution.reason = "FAILED", f"Unable to write results: {error}"
        execution.completed = time.time()
        execution.state = state

    def _select(self, execution: Execution, sql: str) -> bytes:
        try:
            tree = sqlglot.parse_one(sql, dialect="athena")
        except sqlglot.ParseError as error:
            place = error.errors[0]
            start = place["col"] - len(place["highlight"]) + 1
            raise FailedError(
                f"line {place['line']}:{start}: mismatched input '{place['highlight']}'. Expecting: <expression>"
            ) from error
        zones = _zones(tree)
        tree = tree.transform(_addresses)
        for node in tree.find_all(exp.Select):
            _name_columns(node)
        try:
            done = execution.cursor.execute(tree.sql(dialect="duckdb"))
            names = [column[0] for column in done.description]
            kinds = [str(column[1]) for column in done.description]
            execution.columns = [_column(name, kind, zones.get(name)) for name, kind in zip(names, kinds, strict=True)]
            out = io.StringIO()
            out.write(",".join(_quoted(name) for name in names) + "\n")
            for batch in done.to_arrow_reader(10_000):  # DuckDB's own rows would need pytz for zoned times
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    out.write(",".join(map(_cell, row, execution.columns)) + "\n")
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            raise FailedError(_reason(str(error), sql, self.database)) from error
        body = out.getvalue().encode()
        tables = {table.name for table in tree.find_all(exp.Table)}
        execution.scanned = sum(self._size(execution.cursor, table) for table in tables)
        return body

    def _size(self, cursor, table: str) -> int:
        known = cursor.execute("SELECT estimated_size FROM duckdb_tables() WHERE table_name = ?", [table]).fetchone()
        return 100 * known[0] if known else 0

    def _utility(self, execution: Execution, sql: str) -> bytes:
        if re.match(r"\s*SHOW\s+TABLES\s*$", sql, re.IGNORECASE):
            execution.columns = [Column("tab_name", "string", 0)]
            names = execution.cursor.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
            return "".join(f"{name}\n" for (name,) in names).encode()
        described = re.match(r'\s*DESCRIBE\s+"?(\w+)"?\s*$', sql, re.IGNORECASE)
        if described:
            execution.columns = [Column(name, "string", 0) for name in ("col_name", "data_type", "comment")]
            try:
                found = execution.cursor.execute(f'DESCRIBE "{described[1]}"').fetchall()
            except duckdb.Error as error:
                raise FailedError(f"FAILED: SemanticException [Error 10001]: Table not found {described[1]}") from error
            return "".join(f"{name:20}\t{_hive(kind):20}\n" for name, kind, *_ in found).encode()
        try:
            execution.cursor.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])
        except (duckdb.Error, sqlglot.ParseError) as error:
            raise FailedError(f"FAILED: ParseException {error}") from error
        return b""


class FailedError(Exception):
    """Why a query failed, in Athena's words."""


def _reason(said: str, sql: str, database: str) -> str:
    """Return Athena's reason for DuckDB's, the place found again in the text that was sent."""
    for mark, code, text in (
        (
            r"Table with name (\S+) does not exist",
            "TABLE_NOT_FOUND",
            "Table 'awsdatacatalog.{database}.{name}' does not exist",
        ),
        (r'Referenced column "([^"]+)" not found', "COLUMN_NOT_FOUND", "Column '{name}' cannot be resolved"),
    ):
        found = re.search(mark, said)
        place = found and re.search(rf'"?\b{re.escape(found[1])}\b', sql)
        if place:
            row = sql.count("\n", 0, place.start()) + 1
            column = place.start() - sql.rfind("\n", 0, place.start())
            return f"{code}: line {row}:{column}: {text.format(database=database, name=found[1])}"
    return f"GENERIC_USER_ERROR: {said}"


# --- SQL ---------------------------------------------------------------------------------------------------------------


def in_network(network, address):
    """Tell whether *network* has *address*, as Trino's contains() does; a text that is no address fails the query."""
    if address is None:
        return None
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _addresses(node: exp.Expr) -> exp.Expr:
    """`contains(network, CAST(x AS ipaddress))` → our function of that meaning."""
    if isinstance(node, exp.ArrayContains):
        inner = node.expression
        if isinstance(inner, exp.Cast) and inner.to.sql().upper() == "IPADDRESS":
            return exp.Anonymous(this="in_network", expressions=[node.this, inner.this])
    return node


def _zones(tree: exp.Expr) -> dict[str, str]:
    """Take `x AT TIME ZONE 'z'` off the columns of the answer (DuckDB would lose the zone), return z by column."""
    found = {}
    for projection in tree.selects:
        inner = projection.unalias()
        if isinstance(inner, exp.AtTimeZone) and projection.alias:
            found[projection.alias] = inner.args["zone"].name
            inner.replace(inner.this)
    return found


def _name_columns(select: exp.Select) -> None:
    """Give expressions without a name Trino's: _col0, _col1 …"""
    outermost = select.parent is None
    for place, projection in enumerate(select.expressions):
        if outermost and not projection.is_star and not isinstance(projection, exp.Alias | exp.Column):
            select.expressions[place].replace(exp.alias_(projection.copy(), f"_col{place}"))


# --- text ----------------------------------------------------------------------------------------------------------


def _column(name: str, kind: str, zone: str | None) -> Column:
    numbers = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    if numbers:
        return Column(name, "decimal", int(numbers[1]), int(numbers[2]))
    if kind.endswith("[]"):
        return Column(name, "array", 0)
    for mark, called in (("MAP(", "map"), ("STRUCT(", "row")):
        if kind.startswith(mark):
            return Column(name, called, 0)
    called, precision, _ = TYPES[re.sub(r"_(S|MS|NS)$", "", kind)]
    return Column(name, called, precision, zone=zone or "UTC")


def _hive(kind: str) -> str:
    column = _column("", kind, None)
    if column.type == "decimal":
        return f"decimal({column.precision},{column.scale})"
    return TYPES[kind][2] if kind in TYPES else "string"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _cell(value: object, column: Column) -> str:
    if value is None:
        return ""
    return _quoted(shown(dict(value) if column.type == "map" else value, column.zone))


def shown(value: object, zone: str = "UTC") -> str:
    """Return a value as Athena prints it."""
    for kind, text in PRINTED:
        if isinstance(value, kind):
            return text(value)
    if isinstance(value, datetime):
        return _timestamp(value, zone)
    return str(value)


def _timestamp(value: datetime, zone: str) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ", "milliseconds")
    local = value.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    return f"{local.replace(tzinfo=None).isoformat(' ', 'milliseconds')} {zone}"


def _double(value: float) -> str:
    """Return a double as Java prints it."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, exponent = f"{decimal.Decimal(repr(value)):E}".split("E")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}E{int(exponent)}"


PRINTED = (
    (type(None), lambda _: "null"),
    (bool, lambda value: "true" if value else "false"),
    (float, _double),
    ((bytes, bytearray), lambda value: bytes(value).hex(" ")),
    (clock, lambda value: value.isoformat("milliseconds")),
    (list, lambda value: f"[{', '.join(map(shown, value))}]"),
    (dict, lambda value: "{" + ", ".join(f"{key}={shown(inner)}" for key, inner in value.items()) + "}"),
)


# --- HTTP ----------------------------------------------------------------------------------------------------------


def _handler(server: AthenaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """Say nothing."""

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                self._send(200, server.answer(self._operation(), json.loads(body)))
            except RefusedError as error:
                self._send(error.status, error.body)

        def _operation(self):
            prefix, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
            if prefix != "AmazonAthena" or self.headers.get("Content-Type") != "application/x-amz-json-1.1":
                raise RefusedError("UnknownOperationException", "no such target")
            if "/athena/aws4_request" not in self.headers.get("Authorization", ""):
                raise RefusedError("MissingAuthenticationTokenException", "Missing Authentication Token")
            return operation

        def _send(self, status, answer):
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler
