"""Statements → changes of the catalogue, and what they tell. The data that tables tell of is never touched.

CREATE TABLE … AS and CREATE VIEW hold a question; who can ask it does them (`query.answer`), the checks are here.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.athena.ddl import hive_types, show
from vpcflow.query.athena.ddl import statements as ddl
from vpcflow.query.athena.ddl.parse import parse
from vpcflow.query.athena.files import NO_VALUE, arrow
from vpcflow.query.athena.parse import parse as read_query
from vpcflow.record.hive import convert
from vpcflow.state.tables import DEFAULT, HiveColumn, Partition, UserTable, UserView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from vpcflow.query.athena.user_tables import UserTables

_NAME: Final = re.compile(r"[a-z0-9_]{1,255}")
_PLACEHOLDER: Final = re.compile(r"\{[a-z_-]+\}|<[a-z_-]+>", re.IGNORECASE)
_UNNAMED: Final = re.compile(r"_col\d+")
_NESTED: Final = ("array", "map", "row", "varbinary")


@dataclass(frozen=True, slots=True)
class Told:
    """What a statement tells: names of its columns, its rows, and what it did, as a text's key and what the text names."""

    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    notes: tuple[tuple[str, Mapping[str, str]], ...] = ()


def _did(key: str, **values: object) -> Told:
    return Told(notes=((key, {name: str(value) for name, value in values.items()}),))


class Runner:
    """Carries out one text. QueryError underlines what cannot be done."""

    def __init__(self, text: str, catalogue: UserTables, now: datetime) -> None:
        self._text, self.catalogue, self._tables, self.now = text, catalogue, catalogue.tables, now
        self.statement = parse(text)

    def run(self) -> Told:
        """Do it, unless it holds a question."""
        runners: Mapping[type, Callable[..., Told]] = {
            ddl.CreateTable: self._create_table, ddl.CreateDatabase: self._create_database, ddl.Drop: self._drop,
            ddl.DropDatabase: self._drop_database, ddl.AddPartitions: self._add_partitions,
            ddl.DropPartitions: self._drop_partitions, ddl.SetLocation: self._set_location,
            ddl.SetProperties: self._set_properties, ddl.AddColumns: self._add_columns, ddl.Repair: self._repair,
            ddl.Show: self._show, ddl.CreateView: self._create_view,
        }  # fmt: skip
        return runners[type(self.statement)](self.statement)

    # --- names -------------------------------------------------------------------------------------------------

    def fail(self, code: str, at: ddl.Name | ddl.PartitionSpec | None = None, **values: object) -> QueryError:
        """Return an error that underlines *at*."""
        start, end = (0, 0) if at is None else (at.start, at.end)
        told: dict[str, Any] = {name: str(value) for name, value in values.items()}
        return QueryError(code, text="" if at is None else self._text, start=start, end=end, **told)

    def database(self, name: ddl.Name) -> str:
        """Return the database a name belongs to; QueryError where there is none such."""
        wanted = name.database or self.catalogue.database
        if wanted not in self._tables.databases():
            raise self.fail("query.no_database", name, name=wanted)
        return wanted

    def free(self, name: ddl.Name, *, exists_ok: bool, view: bool = False) -> bool:
        """Tell whether *name* may be given to something new; QueryError where it is taken and that is not allowed."""
        database = self.database(name)
        if not _NAME.fullmatch(name.name):
            raise self.fail("query.bad_table_name", name, name=name.name)
        found = self._tables.find(database, name.name)
        if found is None or (view and exists_ok and isinstance(found, UserView)):
            return True
        if exists_ok and not view:
            return False
        raise self.fail("query.table_exists", name, name=f"{database}.{name.name}")

    def _table(self, name: ddl.Name) -> UserTable:
        found = self._relation(name)
        if isinstance(found, UserTable):
            return found
        raise self.fail("query.is_a_view", name, name=name.name)

    def _relation(self, name: ddl.Name) -> UserTable | UserView:
        database = self.database(name)
        found = self._tables.find(database, name.name)
        if found is not None:
            return found
        if self.catalogue.lake and self.catalogue.lake.find(database, name.name):
            raise self.fail("query.ddl_on_lake", name, name=name.name)
        known = self._tables.names(database)
        near = difflib.get_close_matches(name.name, known, 1, 0.6)
        code = "query.unknown_table_near" if near else "query.unknown_table"
        raise self.fail(code, name, name=name.name, near=near[0] if near else "")

    # --- CREATE ------------------------------------------------------------------------------------------------

    def _create_table(self, said: ddl.CreateTable) -> Told:
        if not self.free(said.name, exists_ok=said.exists_ok):
            return _did("note.table_exists", name=said.name.name)
        table = UserTable(
            self.database(said.name), said.name.name, said.columns, said.keys, said.format, said.location, said.serde,
            said.properties, said.comment, int(self.now.timestamp()),
        )  # fmt: skip
        self._checked(table, said.name)
        self._tables.put(table)
        shown = f"{len(table.columns) + len(table.keys)}"
        done = _did("note.table_created", name=table.name, columns=shown, location=table.location)
        left = _PLACEHOLDER.search(table.location)
        if left is None:
            return done
        # AWS's examples have places to fill in; a table whose partitions have places of their own needs none of it.
        return Told(notes=(*done.notes, ("note.placeholder", {"placeholder": left.group()})))

    def _checked(self, table: UserTable, name: ddl.Name) -> None:
        seen: set[str] = set()
        for column in (*table.columns, *table.keys):
            if column.name in seen:
                raise self.fail("query.column_twice", name, name=column.name)
            seen.add(column.name)
        if not table.columns:
            raise self.fail("query.no_columns", name)
        nested = [
            column
            for column in (*(table.columns if table.format == "text" else ()), *table.keys)
            if (kind := hive_types.read(column.type)) is None or kind.name in _NESTED
        ]
        if nested:
            raise self.fail("query.ddl_text_type", name, column=nested[0].name, type=nested[0].type)
        self.location(table.location, name)
        header = table.properties.get("skip.header.line.count", "0")
        if not header.strip().isdecimal():
            raise self.fail("query.ddl_property", name, property="skip.header.line.count", value=header)

    def location(self, location: str, at: ddl.Name | ddl.PartitionSpec) -> str:
        """Return *location*; QueryError where it is no `s3://…` or `file:///…`."""
        parts = urlsplit(location)
        here = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        if not here and not (parts.scheme == "s3" and parts.netloc):
            raise self.fail("query.ddl_location", at, location=location)
        if ".." in location.split("/"):
            raise self.fail("query.ddl_location", at, location=location)
        return location

    def _create_view(self, said: ddl.CreateView) -> Told:
        self.free(said.name, exists_ok=said.replace, view=True)
        text = self.question(said.query)
        view = UserView(
            self.database(said.name), said.name.name, text, self.catalogue.database, int(self.now.timestamp())
        )
        try:
            columns = self.catalogue.view_columns(view, self.now)
        except QueryError as error:
            raise self.here(error) from None
        self.named(said.name, [column.name for column in columns])
        if (view.database, view.name) in self._reached(view, set()):
            raise self.fail("query.view_cycle", said.name, name=view.name)
        self._tables.put(replace(view, text=text.strip()))
        return _did("note.view_created", name=view.name)

    def question(self, start: int, end: int | None = None) -> str:
        """Return the question that the text holds, at its place: what is before it is blank."""
        return re.sub(r"[^\n]", " ", self._text[:start]) + self._text[start:end].rstrip().rstrip(";")

    def here(self, error: QueryError) -> QueryError:
        """Return an error of the question with the whole statement as what was asked."""
        error.text = error.text and self._text
        return error

    def named(self, at: ddl.Name, names: Sequence[str]) -> None:
        """Check that the columns of a question can be those of a table."""
        for place, name in enumerate(names):
            if _UNNAMED.fullmatch(name):
                raise self.fail("query.column_unnamed", at, position=place + 1)
            if name in names[:place]:
                raise self.fail("query.column_twice", at, name=name)

    def _reached(self, view: UserView, seen: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the views that *view* reads, directly or through others."""
        for table in read_query(view.text).tree.find_all(exp.Table):
            name = (table.db.lower() or view.context, table.name.lower())
            found = self._tables.find(*name)
            if isinstance(found, UserView) and name not in seen:
                seen.add(name)
                self._reached(found, seen)
        return seen

    def _create_database(self, said: ddl.CreateDatabase) -> Told:
        if not _NAME.fullmatch(said.name.name):
            raise self.fail("query.bad_table_name", said.name, name=said.name.name)
        if said.name.name in self._tables.databases():
            if said.exists_ok:
                return _did("note.database_exists", name=said.name.name)
            raise self.fail("query.database_exists", said.name, name=said.name.name)
        self._tables.create_database(said.name.name, said.comment)
        return _did("note.database_created", name=said.name.name)

    # --- DROP --------------------------------------------------------------------------------------------------

    def _drop(self, said: ddl.Drop) -> Told:
        database = said.name.database or self.catalogue.database
        if said.missing_ok and self._tables.find(database, said.name.name) is None:
            return _did("note.nothing_dropped", name=said.name.name)
        found = self._relation(said.name)
        if isinstance(found, UserView) != (said.kind == "view"):
            code = "query.is_a_view" if isinstance(found, UserView) else "query.is_a_table"
            raise self.fail(code, said.name, name=said.name.name)
        self._tables.drop(found.database, found.name)
        if isinstance(found, UserView):
            return _did("note.view_dropped", name=found.name)
        return _did("note.table_dropped", name=found.name, location=found.location)

    def _drop_database(self, said: ddl.DropDatabase) -> Told:
        name = said.name.name
        if name not in self._tables.databases():
            if said.missing_ok:
                return _did("note.nothing_dropped", name=name)
            raise self.fail("query.no_database", said.name, name=name)
        if name == DEFAULT:
            raise self.fail("query.default_database", said.name)
        held = self._tables.names(name)
        if held and not said.cascade:
            raise self.fail("query.database_not_empty", said.name, name=name, tables=", ".join(held))
        self._tables.drop_database(name)
        return _did("note.database_dropped", name=name)

    # --- partitions --------------------------------------------------------------------------------------------

    def _add_partitions(self, said: ddl.AddPartitions) -> Told:
        table = self._table(said.name)
        have = {one.values for one in self._tables.partitions(table)}
        found: list[Partition] = []
        for spec in said.partitions:
            values = self._values(table, spec)
            if values in have:
                if said.exists_ok:
                    continue
                raise self.fail("query.partition_exists", spec, partition=show.partition(table, values))
            location = self.location(spec.location, spec) if spec.location else _folder(table, values)
            found.append(Partition(values, location))
            have.add(values)
        self._tables.add_partitions(table, found)
        return _did("note.partitions_added", name=table.name, count=len(found))

    def _drop_partitions(self, said: ddl.DropPartitions) -> Told:
        table = self._table(said.name)
        have = {one.values: one for one in self._tables.partitions(table)}
        wanted = [(spec, self._values(table, spec)) for spec in said.partitions]
        missing = [(spec, values) for spec, values in wanted if values not in have]
        if missing and not said.missing_ok:
            raise self.fail("query.no_partition", missing[0][0], partition=show.partition(table, missing[0][1]))
        found = [have[values] for _, values in wanted if values in have]
        self._tables.drop_partitions(table, found)
        return _did("note.partitions_dropped", name=table.name, count=len(found))

    def _values(self, table: UserTable, spec: ddl.PartitionSpec) -> tuple[str, ...]:
        names = [key.name for key in table.keys]
        if sorted(names) != sorted(spec.values):
            raise self.fail("query.partition_keys", spec, given=", ".join(spec.values), keys=", ".join(names) or "-")
        for key in table.keys:
            kind, text = hive_types.read(key.type), spec.values[key.name]
            if kind is not None and text != NO_VALUE and convert(text, arrow(kind)) is None:
                raise self.fail(
                    "query.partition_value", spec, column=key.name, value=text, type=key.type, table=table.name
                )
        return tuple(spec.values[name] for name in names)

    def _set_location(self, said: ddl.SetLocation) -> Told:
        table = self._table(said.name)
        location = self.location(said.location, said.partition or said.name)
        if said.partition is None:
            self._tables.put(replace(table, location=location))
        else:
            values = self._values(table, said.partition)
            if values not in {one.values for one in self._tables.partitions(table)}:
                raise self.fail("query.no_partition", said.partition, partition=show.partition(table, values))
            self._tables.add_partitions(table, [Partition(values, location)])
        return _did("note.table_changed", name=table.name)

    def _repair(self, said: ddl.Repair) -> Told:
        table = self._table(said.name)
        if not table.keys:
            raise self.fail("query.not_partitioned", said.name, name=table.name)
        have = {one.values for one in self._tables.partitions(table)}
        found = [one for one in self._walk(table, table.location, ()) if one.values not in have]
        self._tables.add_partitions(table, found)
        rows = [
            (f"Repair: Added partition to metastore {table.name}:{show.partition(table, one.values)}",) for one in found
        ]
        if not found and not have:
            keys = "/".join(f"{key.name}=…" for key in table.keys)
            return Told(("result",), rows, (("note.no_partitions", {"location": table.location, "keys": keys}),))
        return Told(("result",), rows, (("note.partitions_added", {"name": table.name, "count": str(len(found))}),))

    def _walk(self, table: UserTable, location: str, values: tuple[str, ...]) -> Iterator[Partition]:
        """Find the folders `key=value`, one level a key."""
        base = location.rstrip("/")
        key = table.keys[len(values)].name
        for name in self.catalogue.places.folders(base):
            told, equals, value = name.partition("=")
            if not equals or told.lower() != key:
                continue
            inner, here = (*values, unquote(value)), f"{base}/{name}"
            if len(inner) == len(table.keys):
                yield Partition(inner, f"{here}/")
            else:
                yield from self._walk(table, here, inner)

    # --- ALTER -------------------------------------------------------------------------------------------------

    def _set_properties(self, said: ddl.SetProperties) -> Told:
        table = self._table(said.name)
        changed = replace(table, properties={**table.properties, **said.properties})
        self._checked(changed, said.name)
        self._tables.put(changed)
        return _did("note.table_changed", name=table.name)

    def _add_columns(self, said: ddl.AddColumns) -> Told:
        table = self._table(said.name)
        columns: tuple[HiveColumn, ...] = said.columns if said.replace else (*table.columns, *said.columns)
        changed = replace(table, columns=columns)
        self._checked(changed, said.name)
        self._tables.put(changed)
        return _did("note.table_changed", name=table.name)

    # --- SHOW --------------------------------------------------------------------------------------------------

    def _show(self, said: ddl.Show) -> Told:
        if said.name is None:
            return self._names(said)
        if said.what == "partitions":
            table = self._table(said.name)
            if not table.keys:
                raise self.fail("query.not_partitioned", said.name, name=table.name)
            rows = [(show.partition(table, one.values),) for one in self._tables.partitions(table)]
            return Told(("partition",), rows)
        if said.what == "properties":
            return self._properties(said, self._table(said.name))
        relation = self._known(said.name)
        if said.what == "create table" and isinstance(relation, UserView):
            raise self.fail("query.is_a_view", said.name, name=relation.name)
        if said.what == "create view" and isinstance(relation, UserTable):
            raise self.fail("query.is_a_table", said.name, name=relation.name)
        if said.what.startswith("create"):
            return Told(("createtab_stmt",), [(line,) for line in show.create(relation).split("\n")])
        if isinstance(relation, UserView):
            columns = self.catalogue.view_columns(relation, self.now)
            relation = UserTable(relation.database, relation.name, columns)
        if said.what == "columns":
            return Told(("field",), [(column.name,) for column in (*relation.columns, *relation.keys)])
        return Told(("col_name", "data_type", "comment"), show.described(relation, formatted=said.formatted))

    def _known(self, name: ddl.Name) -> UserTable | UserView:
        """Return a user's table or view, or a table of the lake as if it were one."""
        database = self.database(name)
        found = self._tables.find(database, name.name)
        if found is None and database == DEFAULT:
            found = self.catalogue.lake_table(name.name)
        return found or self._relation(name)

    def _names(self, said: ddl.Show) -> Told:
        fits = _matcher(said.like)
        if said.what == "databases":
            return Told(("database_name",), [(name,) for name in self._tables.databases() if fits(name)])
        database = said.database or self.catalogue.database
        if database not in self._tables.databases():
            raise self.fail("query.no_database", name=database)
        names = self._tables.names(database)
        if said.what == "views":
            names = [name for name in names if isinstance(self._tables.find(database, name), UserView)]
        elif database == DEFAULT and self.catalogue.lake:
            names = sorted({*names, *self.catalogue.lake.names()})
        return Told(("views",) if said.what == "views" else ("tab_name",), [(name,) for name in names if fits(name)])

    def _properties(self, said: ddl.Show, table: UserTable) -> Told:
        if said.key is None:
            return Told(("prpt_name", "prpt_value"), sorted(table.properties.items()))
        if said.key not in table.properties:
            raise self.fail("query.ddl_property", said.name, property=said.key, value="-")
        return Told(("prpt_value",), [(table.properties[said.key],)])


def _folder(table: UserTable, values: tuple[str, ...]) -> str:
    """Return where a partition lies when nobody says where."""
    parts = [f"{key.name}={quote(value, safe='')}" for key, value in zip(table.keys, values, strict=True)]
    return "/".join([table.location.rstrip("/"), *parts, ""])


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    """Return a test for names: `*` stands for anything, `|` for a choice."""
    if pattern is None:
        return lambda _: True
    parts = [
        re.escape(part.strip().replace(".*", "*").replace("%", "*")).replace(r"\*", ".*") for part in pattern.split("|")
    ]
    compiled = re.compile("|".join(parts), re.IGNORECASE)
    return lambda name: compiled.fullmatch(name) is not None
