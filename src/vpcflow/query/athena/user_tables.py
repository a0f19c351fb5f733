"""Users' tables and views as Athena SQL sees them, before the lake's; and what of their files a question needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.athena.binder import Column, Relation, bind
from vpcflow.query.athena.ddl import hive_types
from vpcflow.query.athena.files import Files
from vpcflow.query.athena.lake_tables import ALIASES
from vpcflow.query.athena.parse import parse
from vpcflow.query.athena.pruning import Conditions
from vpcflow.query.athena.types import VARCHAR
from vpcflow.query.schema import FLOWS, PARTITION_KEYS
from vpcflow.record.schema import LAKE_TABLES
from vpcflow.state.tables import DEFAULT, HiveColumn, UserTable, UserView
from vpcflow.telemetry import ReadReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vpcflow.query.athena.hive_stream import TextStream
    from vpcflow.query.athena.lake_tables import LakeTables
    from vpcflow.state.tables import Tables
    from vpcflow.types import HiveTable, Places

PATH: Final = "$path"
"""The hidden column that holds where a row was read."""

OWN_NAMES: Final = frozenset({*LAKE_TABLES, *FLOWS, *ALIASES})
"""Names that mean the lake while no user's table has them."""


@dataclass(slots=True)
class Question:
    """The names of one question, and which users' tables they turned out to be.

    shadowing: tables of users that were read where the lake has a table of that name. reports: what was lost in reading.
    """

    catalogue: UserTables
    now: datetime
    used: dict[str, UserTable] = field(default_factory=dict)
    streams: list[TextStream] = field(default_factory=list)
    empty: list[UserTable] = field(default_factory=list)

    def find(self, database: str | None, name: str) -> Relation | exp.Query | None:
        """Return what *name* means: a user's table or view, else the lake's."""
        catalogue = self.catalogue
        found = catalogue.tables.find(database or catalogue.database, name)
        if isinstance(found, UserView):
            return read_view(found)
        if found is None:
            return catalogue.lake.find(database or catalogue.database, name) if catalogue.lake else None
        # Each mention is a relation of its own: one may need other partitions than the next.
        relation = f"{found.database}.{name} {len(self.used)}"
        self.used[relation] = found
        return Relation(relation, columns(found))

    def names(self) -> Sequence[str]:
        """Return all names of the current database and the lake."""
        lake = self.catalogue.lake.names() if self.catalogue.lake else ()
        return [*self.catalogue.tables.names(self.catalogue.database), *lake]

    @property
    def shadowing(self) -> list[UserTable]:
        """Return the users' tables that were read under a name of the lake's."""
        found = {(table.database, table.name): table for table in self.used.values()}
        return [table for (database, name), table in found.items() if database == DEFAULT and name in OWN_NAMES]

    def read(self, tree: exp.Expr) -> list[HiveTable]:
        """Return what *tree* (bound, not compiled yet) needs of the tables it names."""
        mentioned = {column.name for column in tree.find_all(exp.Column)}
        for join in tree.find_all(exp.Join):
            mentioned.update(name.name for name in join.args.get("using") or [])
        found = []
        for relation, table in self.used.items():
            files = Files(table, self.catalogue.tables, self.catalogue.places, self.now)
            bound = files.bind(relation, Conditions.of(tree, relation), mentioned, self.catalogue.threads)
            if files.found == 0:
                self.empty.append(table)
            if files.stream is not None:
                self.streams.append(files.stream)
            found.append(bound)
        return found

    def losses(self) -> ReadReport:
        """Return what was lost so far in reading the files."""
        total = ReadReport()
        for stream in self.streams:
            for report in stream.reports.values():
                total.add(report)
        return total


@dataclass(frozen=True, slots=True)
class UserTables:
    """All tables a question may name.

    database: what a name without one belongs to. lake: its own tables, which lie at *lake_location*. new_tables: where CREATE
    TABLE AS writes when it is not told.
    """

    tables: Tables
    places: Places
    lake: LakeTables | None = None
    lake_location: str = ""
    new_tables: str = ""
    database: str = DEFAULT
    threads: int = 2

    def question(self, now: datetime) -> Question:
        """Begin a question."""
        return Question(self, now)

    def view_columns(self, view: UserView, now: datetime) -> tuple[HiveColumn, ...]:
        """Return the columns that a view's query has now."""
        found = bind(read_view(view), view.text, self.question(now), now).columns
        return tuple(HiveColumn(column.name.lower(), hive_types.written(column.type)) for column in found)

    def lake_table(self, name: str) -> UserTable | None:
        """Return a table of the lake as a declaration of it would read; None for others."""
        name = ALIASES.get(name, name)
        relation = self.lake.find(None, name) if self.lake else None
        if relation is None:
            return None
        shown = [
            HiveColumn(column.name, hive_types.written(column.type))
            for column in relation.columns
            if column.name not in ("date", *PARTITION_KEYS) and not column.name.startswith("x_")
        ]
        keys = tuple(HiveColumn(key, "string") for key in PARTITION_KEYS)
        location = f"{self.lake_location.rstrip('/')}/{name}/" if name in LAKE_TABLES else ""
        return UserTable(DEFAULT, name, tuple(shown), keys, "parquet", location)


def columns(table: UserTable) -> tuple[Column, ...]:
    """Return the columns of *table* as SQL sees them: its own, then its partition columns, then the hidden one."""
    found = []
    for column in (*table.columns, *table.keys):
        kind = hive_types.read(column.type)
        if kind is None:
            raise QueryError("query.ddl_type", type=column.type)
        found.append(Column(column.name, kind))
    return (*found, Column(PATH, VARCHAR, hidden=True))


def read_view(view: UserView) -> exp.Query:
    """Read a view's query; names without a database belong to where the view was made."""
    tree = parse(view.text).tree
    if view.context == DEFAULT and view.database == DEFAULT:
        return tree
    within = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.db and table.name.lower() not in within:
            table.set("db", exp.to_identifier(view.context))
    return tree
