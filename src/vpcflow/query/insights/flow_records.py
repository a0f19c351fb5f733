"""The lake's flow logs as log groups: fields under Insights' names, system fields, lines as their flow log wrote them.

A text field that a record's flow log has and the lake holds as null is "-" here, as in the line; one that its flow log lacks is
missing. Numbers that are "-" in the line are missing either way. What a source says of its records (log format, group, stream) is
a small table beside, `insights_sources`, looked up only where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from sqlglot import exp

from vpcflow.query.insights.kinds import INT, TEXT, TIME, Value, call
from vpcflow.query.insights.records import EVERYTHING, Scope
from vpcflow.record.fields import BY_ANY_NAME, FIELDS, TABLES, Field
from vpcflow.record.format import DEFAULT, TGW_DEFAULT, LogFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vpcflow.query.insights.records import Range
    from vpcflow.query.schema import Schema

SOURCES: Final = "insights_sources"
"""The name of the table of sources, where a question needs it."""
SYSTEM: Final = (
    "@timestamp", "@message", "@ingestionTime", "@logStream", "@log", "@ptr", "@aws.account", "@aws.region",
    "@data_source_name", "@data_source_type",
)  # fmt: skip
_PLAIN: Final = {"address", "id", "name"}
"""Kinds of fields whose values never look like numbers; tags and accounts may."""
_LAST_S: Final = 9_000_000_000_000_000
"""A `start` past this (s) would not fit as milliseconds; there is then no `@timestamp`."""


@dataclass(frozen=True, slots=True)
class FlowSource:
    """One source of flow log records. formats: its log formats' texts; ingested_at: epoch s."""

    id: int
    formats: tuple[str, ...] = ()
    log_group: str = ""
    log_stream: str = ""
    ingested_at: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of its lines; those of the default format where it does not say. One whose format changes has the first."""
        return names_of(self.formats[0]) if self.formats else tuple(DEFAULT.names)

    @property
    def table(self) -> str:
        """The lake's table that its records are in."""
        return LogFormat(self.names).table


class Sources:
    """All sources of a lake, with a number for each log format among them."""

    def __init__(self, sources: Iterable[FlowSource]) -> None:
        self.all = tuple(sources)
        self._format = {source.id: source.names for source in self.all}
        self.formats = sorted(set(self._format.values()))
        self._number = {names: place for place, names in enumerate(self.formats)}

    def of(self, table: str, ids: frozenset[int] | None = None) -> tuple[FlowSource, ...]:
        """Return those of a table, or those of *ids* among them."""
        return tuple(one for one in self.all if one.table == table and (ids is None or one.id in ids))

    def number(self, source: FlowSource) -> int:
        """Return the number of a source's format."""
        return self._number[self._format[source.id]]

    def arrow(self) -> pa.Table:
        """Return the table of sources that SQL looks things up in."""
        return pa.table(
            {
                "source_id": pa.array([one.id for one in self.all], pa.int32()),
                "format": pa.array([self.number(one) for one in self.all], pa.int32()),
                "log_group": pa.array([one.log_group for one in self.all], pa.string()),
                "log_stream": pa.array([one.log_stream for one in self.all], pa.string()),
                "ingested_at": pa.array([one.ingested_at for one in self.all], pa.int64()),
            }
        )


SOURCE_COLUMNS: Final = (
    ("source_id", "INTEGER"), ("format", "INTEGER"), ("log_group", "VARCHAR"), ("log_stream", "VARCHAR"),
    ("ingested_at", "BIGINT"),
)  # fmt: skip
"""The columns of `Sources.arrow` as an engine has them."""


class FlowRecords:
    """Records of *table*. scope: which of them count."""

    def __init__(self, table: str, schema: Schema, sources: Sources, scope: Scope = EVERYTHING) -> None:
        self._table, self._schema, self._scope = table, schema, scope
        self._formats = sorted({sources.number(one) for one in sources.of(table, scope.sources)})
        default = tuple((DEFAULT if table == "flow_logs" else TGW_DEFAULT).names)
        self._lines = {number: sources.formats[number] for number in self._formats} or {0: default}
        self._by_name = {field.insights: field for field in TABLES[table]}
        self._by_name |= {"start": FIELDS["start"], "end": FIELDS["end"]}
        self._unknown = {name for names in self._lines.values() for name in names if name not in FIELDS}

    # --- Records -----------------------------------------------------------------------------------------------

    def source(self, span: Range) -> tuple[exp.Expr, list[exp.Expr]]:
        """See `Records`."""
        seconds = self._seconds()
        conditions = self._scope.conditions()
        if span.start > 0:
            conditions.append(exp.GTE(this=seconds.copy(), expression=exp.Literal.number(-(-span.start // 1000))))
        if not span.open_end:
            conditions.append(exp.LTE(this=seconds.copy(), expression=exp.Literal.number(span.end // 1000)))
        if self._scope.sources is not None:
            conditions.append(among(exp.column("x_source"), self._scope.sources))
        return exp.to_table(self._table), conditions

    def names(self) -> Iterable[str]:
        """See `Records`."""
        return [*SYSTEM, *self._by_name, *self._unknown]

    def field(self, name: str) -> Value | None:
        """See `Records`. Any of AWS's spellings is a field; so is a name that differs in case, hyphens and underscores only."""
        if name.startswith("@"):
            return self._system(name)
        found = self._by_name.get(name) or self._loosely(name)
        if found is not None:
            return self._flow(found)
        if name in self._unknown:
            key = exp.Bracket(this=exp.column("x_extra"), expressions=[exp.Literal.string(name)])
            return self._dashed(key, name, plain=False)
        return None

    def _loosely(self, name: str) -> Field | None:
        plain = name.lower().replace("-", "").replace("_", "")
        found = BY_ANY_NAME.get(name.lower())
        if found is None:
            found = next((f for key, f in BY_ANY_NAME.items() if key.replace("-", "").replace("_", "") == plain), None)
        return found if found is not None and found in TABLES[self._table] else None

    # --- flow log fields ---------------------------------------------------------------------------------------

    def _flow(self, field: Field) -> Value:
        column = exp.column(field.column, quoted=True)
        if field.type != "string":
            # Where some flow logs lack the field, a null may be either; it then counts as missing.
            dash = all(field.name in names for names in self._lines.values())
            return Value(column, INT, bits=31 if field.type == "int32" else 63, number_dash=dash)
        value = self._dashed(column, field.name, plain=field.kind in _PLAIN)
        return replace(value, address=field.kind == "address")

    def _dashed(self, column: exp.Expr, name: str, *, plain: bool) -> Value:
        """Return a text column with "-" where the record's line has it."""
        having = [number for number, names in self._lines.items() if name in names]
        if len(having) == len(self._lines):
            sql = exp.Coalesce(this=column, expressions=[exp.Literal.string("-")])
            return Value(sql, TEXT, raw=column.copy(), total=True, plain=plain)
        if not having:
            return Value(column, TEXT, raw=column.copy(), plain=plain)
        ids = [exp.Literal.number(number) for number in having]
        there = exp.In(this=self._told("format"), expressions=ids)
        missing = exp.and_(exp.Is(this=column.copy(), expression=exp.Null()), there, copy=False)
        shown: exp.Expr = exp.case().when(missing, exp.Literal.string("-")).else_(column.copy())
        return Value(shown, TEXT, raw=column.copy(), plain=plain)

    def _told(self, what: str) -> exp.Expr:
        """Return what the table of sources says of a record's source."""
        query = exp.select(exp.column(what)).from_(SOURCES).where("source_id = x_source")
        return exp.Subquery(this=query)

    # --- system fields -----------------------------------------------------------------------------------------

    def _seconds(self) -> exp.Expr:
        """Return the record's time: its start, else its event's."""
        start = exp.column("start", quoted=True)
        if not self._schema.has(self._table, "x_event_time"):
            return start
        floor = exp.Floor(this=exp.Div(this=exp.column("x_event_time"), expression=exp.Literal.number("1e3")))
        return exp.Coalesce(this=start, expressions=[exp.cast(floor, "BIGINT")])

    def _system(self, name: str) -> Value | None:
        constants = {"@data_source_name": "amazon_vpc", "@data_source_type": "flow"}
        if name in constants:
            return Value(exp.Literal.string(constants[name]), TEXT, plain=True)
        made: dict[str, Callable[[], Value]] = {
            "@timestamp": self._timestamp,
            "@message": self._message,
            "@ingestionTime": lambda: Value(self._milliseconds("ingested_at"), TIME),
            "@logStream": self._stream,
            "@log": self._log,
            "@ptr": self._pointer,
            "@aws.account": lambda: Value(exp.column("aws_account_id"), TEXT),
            "@aws.region": lambda: Value(exp.column("aws_region"), TEXT, plain=True),
        }
        return made[name]() if name in made else None

    def _milliseconds(self, what: str) -> exp.Expr:
        return exp.Mul(this=self._told(what), expression=exp.Literal.number(1000))

    def _timestamp(self) -> Value:
        start = exp.column("start", quoted=True)
        sane = exp.Between(this=start.copy(), low=exp.Literal.number(-_LAST_S), high=exp.Literal.number(_LAST_S))
        times = exp.Mul(this=start.copy(), expression=exp.Literal.number(1000))
        sql: exp.Expr = exp.case().when(sane, times)
        if self._schema.has(self._table, "x_event_time"):
            return Value(exp.Coalesce(this=sql, expressions=[exp.column("x_event_time")]), TIME)
        return Value(sql, TIME, raw=start)

    def _stream(self) -> Value:
        owner = "interface_id" if self._table == "flow_logs" else "tgw_attachment_id"
        made = call("concat", exp.column(owner), exp.Literal.string("-all"))
        told = call("nullif", self._told("log_stream"), exp.Literal.string(""))
        return Value(exp.Coalesce(this=told, expressions=[made]), TEXT, plain=True)

    def _log(self) -> Value:
        account = exp.Coalesce(this=exp.column("account_id"), expressions=[exp.column("aws_account_id")])
        told = call("nullif", self._told("log_group"), exp.Literal.string(""))
        group = exp.Coalesce(this=told, expressions=[exp.Literal.string(self._table)])
        return Value(call("concat", account, exp.Literal.string(":"), group), TEXT, plain=True)

    def _pointer(self) -> Value:
        """Return what finds the record again: its source, its time and what its line is."""
        parts = [exp.column("x_source"), self._timestamp().sql, call("md5", self._message().sql)]
        return Value(call("to_base64", call("encode", call("concat_ws", exp.Literal.string(":"), *parts))), TEXT)

    def _message(self) -> Value:
        lines = {number: self._line(names) for number, names in self._lines.items()}
        if len(lines) == 1:
            return Value(next(iter(lines.values())), TEXT, total=True)
        case = exp.Case(this=self._told("format"))
        for number, line in lines.items():
            case = case.when(exp.Literal.number(number), line, copy=False)
        return Value(case, TEXT)

    def _line(self, names: Sequence[str]) -> exp.Expr:
        return call("concat_ws", exp.Literal.string(" "), *map(self._token, names))

    def _token(self, name: str) -> exp.Expr:
        """Return one field as the line has it: tag values percent-encoded, "-" for null."""
        field = FIELDS.get(name)
        value: exp.Expr
        if field is None or field not in TABLES[self._table]:
            value = exp.Bracket(this=exp.column("x_extra"), expressions=[exp.Literal.string(name)])
        else:
            value = exp.column(field.column, quoted=True)
            if field.type != "string":
                value = exp.cast(value, "VARCHAR")
            elif field.kind == "tag":
                value = call("cwl_tag", value)
        return exp.Coalesce(this=value, expressions=[exp.Literal.string("-")])


def names_of(log_format: str) -> tuple[str, ...]:
    """Return the fields of a log format's text: `${version} ${account-id} …`."""
    return tuple(part.removeprefix("${").removesuffix("}") for part in log_format.split())


def among(column: exp.Expr, ids: Iterable[int]) -> exp.Expr:
    """Return whether *column* is one of *ids*, which mostly are runs."""
    runs: list[list[int]] = []
    for one in sorted(ids):
        if runs and runs[-1][1] == one - 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    tests: list[exp.Expr] = []
    single = [exp.Literal.number(low) for low, high in runs if low == high]
    if single:
        tests.append(exp.In(this=column.copy(), expressions=single))
    tests += [
        exp.Between(this=column.copy(), low=exp.Literal.number(low), high=exp.Literal.number(high))
        for low, high in runs
        if low < high
    ]
    return exp.paren(exp.or_(*tests, copy=False), copy=False) if tests else exp.false()
