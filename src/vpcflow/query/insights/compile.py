"""Stages → a plan: SELECTs for an engine, and operators between them. What each stage means is in `commands/`."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.insights import commands, kinds
from vpcflow.query.insights.commands.source import Source
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.faults import malformed, near, unexpected
from vpcflow.query.insights.flow_records import SYSTEM
from vpcflow.query.insights.kinds import INT, TIME, Value
from vpcflow.query.insights.operators import ROW, Step
from vpcflow.query.insights.records import Column, Range
from vpcflow.query.insights.relation import DEFAULT_FIELDS, Order, Relation, ranks
from vpcflow.query.insights.syntax import Field, Query, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from vpcflow.query.insights.operators import Operator
    from vpcflow.query.insights.records import Records

DEFAULT_ROWS: Final = 10_000
MAX_ROWS: Final = 100_000
MAX_STATS: Final = 10
_ONLY_LAST: Final = ("sort", "limit")


@dataclass(frozen=True, slots=True)
class Note:
    """Something to say beside the answer: a text's key and what it names."""

    key: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled query. columns: of the last step's rows. matched: counts the events that passed the filters.

    pointer: the column that is each event's `@ptr`, "" where rows are no events. chart: the bin that rows are grouped by, if any.
    tables: Arrow tables to attach, by name. estimate: only how much would be read is asked.
    """

    steps: tuple[Step, ...]
    columns: tuple[Column, ...]
    matched: exp.Query
    scanned: exp.Query
    notes: tuple[Note, ...]
    tables: Mapping[str, pa.Table]
    pointer: str = ""
    chart: tuple[str, int, str] | None = None
    estimate: bool = False


class Groups(Protocol):
    """What a query may read."""

    @property
    def asked(self) -> Sequence[str]:
        """The log groups that it is put to, as they were named."""
        ...

    def names(self) -> Iterable[str]:
        """Return the names of all log groups."""
        ...

    def records(self, source: Source | None, wanted: frozenset[str]) -> Records | None:
        """Return the records that a SOURCE stage names, without one those the question is put to; None for no such log group.

        wanted: the fields that the query uses.
        """
        ...

    def table(self, name: str) -> pa.Table | None:
        """Return a lookup table, all its columns texts; None for no such table."""
        ...


class Compiler:
    """Compiles one query.

    used: the names of all fields in the query. now: epoch s.
    limit: rows, where the text has no `limit`. strict: unknown fields are errors. pointers: event rows get `@ptr`.
    before: while a stage is compiled, those before it.
    """

    def __init__(
        self,
        text: str,
        groups: Groups,
        span: Range,
        *,
        now: int,
        limit: int = DEFAULT_ROWS,
        strict: bool = False,
        pointers: bool = False,
    ) -> None:
        self.text, self.span, self.now = text, span, now
        self._groups, self._limit, self._strict, self._pointers = groups, limit, strict, pointers
        self._count = 0
        self._steps: list[Step] = []
        self._notes: dict[str, Note] = {}
        self._inner = 0
        self.used: frozenset[str] = frozenset()
        self.tables: dict[str, pa.Table] = {}
        self.before: tuple[Stage, ...] = ()
        self._at = Stage("", 0, 0)

    # --- what commands use -------------------------------------------------------------------------------------

    def fresh(self) -> str:
        """Return a name that SQL has not used yet."""
        self._count += 1
        return f"c{self._count}"

    def note(self, key: str, **values: str) -> None:
        """Have something said beside the answer, once."""
        self._notes.setdefault(f"{key}{sorted(values.items())}", Note(key, values))

    def record_field(self, relation: Relation, name: str) -> Value | None:
        """Return a field of the records behind *relation*."""
        return None if relation.records is None else relation.records.field(name)

    def unknown(self, name: str, node: Field, known: Sequence[str]) -> None:
        """Note that no record has a field, or refuse."""
        close = near(name, known)
        if self._strict:
            code = "unknown_field_near" if close else "unknown_field"
            raise malformed(code, self.text, node.start, node.end, name=name, near=close)
        self.note("note.insights_unknown_near" if close else "note.insights_unknown", name=name, near=close)

    def lookup_table(self, name: str, node: Field) -> pa.Table:
        """Return a lookup table; MalformedQuery when there is none."""
        found = self._groups.table(name)
        if found is None:
            raise malformed("no_lookup_table", self.text, node.start, node.end, name=name)
        return found

    def attach(self, table: pa.Table) -> str:
        """Have *table* ready for the engine; return its name there."""
        name = f"insights_{self.fresh()}"
        self.tables[name] = table
        return name

    def subquery(self, query: Query) -> exp.Query:
        """Return a query in brackets as a SELECT of its one column, as texts."""
        relation = self.inner(query)
        columns = self.outputs(relation)
        if len(columns) != 1:
            raise malformed("one_field", self.text, query.start, query.end, count=len(columns))
        value = kinds.text(kinds.scalar(columns[0][1]))
        # Null in a list would make `not in` of everything unknown.
        relation.where.append(exp.not_(exp.Is(this=value.copy(), expression=exp.Null()), copy=False))
        return relation.select(exp.alias_(value, self.fresh(), quoted=True))

    def inner(self, query: Query) -> Relation:
        """Compile a query in brackets, on its own SOURCE or the outer log groups; no operator or other query may be in it."""
        if self._inner:
            raise malformed("nested", self.text, query.start, query.end)
        self._inner += 1
        relation = self._relation(query, self.span)
        for place, stage in enumerate(query.stages):
            relation = self._stage(relation, query.stages, place, stage)
        self._inner -= 1
        return relation

    def again(self, stages: Sequence[Stage], span: Range) -> Relation:
        """Compile *stages* anew for another time: what `diff` and `logcompare` compare with."""
        query = Query(tuple(stages), stages[0].start, stages[-1].end) if stages else Query((), 0, 0)
        before, self.span = self.span, span
        relation = self._relation(query, span)
        for place, stage in enumerate(stages):
            relation = self._stage(relation, stages, place, stage)
        self.span = before
        return relation

    def operate(self, operator: Operator, *inputs: tuple[Relation, Sequence[tuple[str, Value]]]) -> Relation:
        """Have *operator* run on rows of these relations, each the columns given, in order; return what its rows are."""
        if self._inner:
            raise malformed("nested", self.text, self._at.start, self._at.end)
        selects, columns = [], []
        for relation, wanted in inputs:
            keyed = tuple(Column(name, value.kind, self.fresh()) for name, value in wanted)
            selects.append(self._rows(relation, wanted, keyed, operator.most + 1))
            columns.append(keyed)
        made = tuple(Column(name, kind, self.fresh()) for name, kind in operator.columns(*columns))
        table = f"insights_{self.fresh()}"
        self._steps.append(Step(tuple(selects), tuple(columns), operator, table, made))
        names = {column.name: Value(exp.column(column.key, quoted=True), column.kind) for column in made}
        return Relation(
            self, exp.to_table(table, quoted=True), None, names=names, event=False, default=tuple(names),
            order=[Order(exp.column(ROW, quoted=True))],
        )  # fmt: skip

    def outputs(self, relation: Relation) -> list[tuple[str, Value]]:
        """Return the columns that a query shows at the end of *relation*."""
        if relation.displayed is not None:
            return relation.displayed
        reading = Reading(relation)
        wanted = relation.shown or list(relation.default)
        if not wanted:
            wanted = list(DEFAULT_FIELDS) if relation.event else list(relation.names)
        return [(name, reading.named(name, Field((name,), 0, 0))) for name in wanted]

    # --- the whole ---------------------------------------------------------------------------------------------

    def plan(self, query: Query) -> Plan:
        """Compile a whole query."""
        self.used = used_fields(query)
        relation = self._relation(query, self.span)
        scanned = _counted(relation)
        matched: exp.Query | None = None
        for place, stage in enumerate(query.stages):
            if matched is None and not commands.get(stage.command).narrows:
                matched = _counted(relation)
            relation = self._stage(relation, query.stages, place, stage)
        matched = matched or _counted(relation)
        wanted = self.outputs(relation)
        pointer = ""
        if self._pointers and relation.event and relation.records is not None:
            pointer_value = relation.records.field("@ptr")
            if pointer_value is not None and all(name != "@ptr" for name, _ in wanted):
                wanted = [*wanted, ("@ptr", pointer_value)]
                pointer = "@ptr"
        limited = any(stage.command == "limit" for stage in query.stages)
        columns = tuple(Column(name, value.kind, self.fresh()) for name, value in wanted)
        select = self._rows(relation, wanted, columns, None if limited else self._limit)
        steps = _needed([*self._steps, Step((select,), (columns,))])
        notes, tables = tuple(self._notes.values()), self.tables
        estimate = query.stages[-1].command == "estimate"
        return Plan(steps, columns, matched, scanned, notes, tables, pointer, relation.binned, estimate)

    def _rows(
        self, relation: Relation, wanted: Sequence[tuple[str, Value]], keyed: Sequence[Column], limit: int | None
    ) -> exp.Query:
        """Return the SELECT of these values, in order; with a limit they are computed for the rows that it leaves."""
        relation = relation.copy()
        if limit is not None and relation.order:
            relation.nest(limit=limit)
            limit = None
        shown = [
            exp.alias_(_typed(value), column.key, quoted=True) for (_, value), column in zip(wanted, keyed, strict=True)
        ]
        return relation.ordered(relation.select(*shown), limit)

    def _relation(self, query: Query, span: Range) -> Relation:
        source = next((stage for stage in query.stages if isinstance(stage, Source)), None)
        records = self._groups.records(source, used_fields(query) | set(SYSTEM))
        if records is None:
            start, end = (source.start, source.end) if source else (query.start, query.start)
            name = source.name if source else ", ".join(self._groups.asked)
            close = near(name, self._groups.names())
            code = "insights.no_log_group_near" if close else "insights.no_log_group"
            raise QueryError(code, text=self.text if source else "", start=start, end=end, name=name, near=close)
        if source is not None:
            now = self.now * 1000
            since, until = (None if at is None else now + at if at < 0 else at for at in (source.since, source.until))
            span = Range(span.start if since is None else since, span.end if until is None else until)
        table, conditions = records.source(span)
        relation = Relation(self, table, records, conditions)
        time = records.field("@timestamp")
        if time is not None and time.kind is TIME:
            relation.order = ranks(time, descending=True)
        return relation

    def _stage(self, relation: Relation, stages: Sequence[Stage], place: int, stage: Stage) -> Relation:
        self._check(stages, place, stage)
        self.before, self._at = tuple(stages[:place]), stage
        found = commands.get(stage.command).compile(relation, stage)
        return relation if found is None else found

    def _check(self, stages: Sequence[Stage], place: int, stage: Stage) -> None:
        """Refuse a command that may not stand where it does."""
        before = [one.command for one in stages[:place]]
        word = self.text[stage.start :].split(None, 1)[0] if stage.start < len(self.text) else stage.command
        if "dedup" in before and stage.command != "limit":
            raise unexpected(self.text, stage.start, stage.start + len(word), "only limit after dedup")
        if stage.command == "stats":
            early = next((one for one in stages[:place] if one.command in _ONLY_LAST), None)
            if early is not None:
                raise malformed("before_stats", self.text, early.start, early.end, command=early.command)
            if before.count("stats") >= MAX_STATS:
                raise malformed("many_stats", self.text, stage.start, stage.end, most=MAX_STATS)
        if "estimate" in before:
            raise unexpected(self.text, stage.start, stage.start + len(word), "nothing after estimate")
        if stage.command == "join" and "join" in before:
            raise malformed("one_join", self.text, stage.start, stage.end)


def _needed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps whose rows something reads; what `diff` looks at anew, `pattern` made for nothing."""
    kept: list[Step] = []
    read: set[str] = set()
    for step in reversed(steps):
        if step.operator is None or step.table in read:
            kept.append(step)
            read |= {table.name for select in step.selects for table in select.find_all(exp.Table)}
    return tuple(reversed(kept))


def _counted(relation: Relation) -> exp.Query:
    return relation.select(exp.Count(this=exp.Star()))


def _typed(value: Value) -> exp.Expr:
    """Return *value* as a column of its kind's type."""
    if value.kind is INT and value.bits > 63:
        return value.sql.copy()
    return exp.cast(value.sql.copy(), value.kind.sql)


def used_fields(node: object) -> frozenset[str]:
    """Return the names of all fields in a query, whole and as far as each dot: any of these may be a record's field."""
    return frozenset(name for field in _fields(node) for name in _heads(field))


def _heads(field: Field) -> Iterator[str]:
    for size in range(1, len(field.parts) + 1):
        yield Field(field.parts[:size], 0, 0).name


def _fields(node: object) -> Iterator[Field]:
    if isinstance(node, Field):
        yield node
    elif isinstance(node, (tuple, list)):
        for one in node:
            yield from _fields(one)
    elif is_dataclass(node) and not isinstance(node, type):
        for one in fields(node):
            yield from _fields(getattr(node, one.name))
