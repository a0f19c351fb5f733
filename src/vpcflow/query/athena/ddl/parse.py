"""One DDL statement → its class of `statements`.

The grammar is Athena's. Where AWS's own pages break it, so may users: a comma after the last column, reserved words as names
without quotes, strings in double quotes, clauses in any order.

Source: Athena User Guide, "DDL statements", "Query Amazon VPC flow logs".
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vpcflow.errors import QueryError
from vpcflow.query.athena.ddl import hive_types
from vpcflow.query.athena.ddl import statements as ddl
from vpcflow.query.athena.ddl.tokens import Token, tokens
from vpcflow.state.tables import HiveColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STARTS: Final = ("CREATE", "ALTER", "DROP", "MSCK", "SHOW", "DESCRIBE", "DESC")

_PARQUET: Final = ("parquet", "parquethiveserde", "mapredparquetinputformat", "mapredparquetoutputformat")
_TEXT: Final = ("textfile", "lazysimpleserde", "textinputformat")
_SHOW: Final = ("TABLES", "VIEWS", "DATABASES", "SCHEMAS", "PARTITIONS", "COLUMNS", "CREATE", "TBLPROPERTIES")


def is_ddl(text: str) -> bool:
    """Tell whether *text* begins as a statement of DDL does."""
    try:
        return tokens(text)[0].says(*STARTS)
    except QueryError:
        return text.lstrip().upper().startswith(STARTS)


def parse(text: str) -> ddl.Statement:
    """Read one statement; QueryError underlines what cannot be read, or is DDL that does not exist here."""
    return _Parser(text).statement()


@dataclass(slots=True)
class _Clauses:
    """What follows the columns of CREATE TABLE, in whatever order."""

    keys: tuple[HiveColumn, ...] = ()
    format: str = "text"
    location: str = ""
    serde: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._place = text, tokens(text), 0

    # --- tokens ------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += bool(token)
        return token

    def _fail(self, code: str, token: Token | None = None, **values: object) -> QueryError:
        spot = token or self._next
        return QueryError(code, text=self._text, start=spot.start, end=max(spot.end, spot.start + 1), **values)

    def _expected(self, *what: str) -> QueryError:
        found = self._next
        words = [word for word in what if word.isupper()]
        near = difflib.get_close_matches(found.text.upper(), words, 1, 0.7) if found.kind == "word" else []
        code = "query.ddl_expected_near" if near else "query.ddl_expected"
        shown = self._text[found.start : found.end] or "…"
        return self._fail(code, expected=", ".join(what), found=shown, near=near[0] if near else "")

    def _if(self, *words: str) -> bool:
        """Take *words* if they come next, all of them."""
        if all(self._tokens[min(self._place + n, len(self._tokens) - 1)].says(word) for n, word in enumerate(words)):
            self._place += len(words)
            return True
        return False

    def _must(self, *words: str) -> None:
        for word in words:
            if not self._if(word):
                raise self._expected(word)

    def _string(self) -> str:
        if self._next.kind != "string":
            raise self._expected("'…'")
        return self._take().text

    def _identifier(self) -> Token:
        # Athena's pages quote names with ` in DDL; users paste "…" too.
        if self._next.kind not in ("word", "name", "string"):
            raise self._expected("name")
        return self._take()

    def _name(self) -> ddl.Name:
        first = self._identifier()
        parts, last = [first.text.lower()], first
        while self._next.says("."):
            self._take()
            last = self._identifier()
            parts.append(last.text.lower())
        if len(parts) > 3 or (len(parts) == 3 and parts[0] != "awsdatacatalog"):
            raise self._fail("query.unknown_catalog", first, name=parts[0])
        return ddl.Name(parts[-1], parts[-2] if len(parts) > 1 else None, first.start, last.end)

    def _database(self) -> ddl.Name:
        found = self._identifier()
        return ddl.Name(found.text.lower(), None, found.start, found.end)

    def _end(self) -> None:
        while self._if(";"):
            pass
        if self._next:
            raise self._expected("end")

    # --- statements --------------------------------------------------------------------------------------------

    def statement(self) -> ddl.Statement:
        """Read the whole text."""
        readers: Mapping[str, Callable[[], ddl.Statement]] = {
            "CREATE": self._create, "ALTER": self._alter, "DROP": self._drop, "MSCK": self._repair, "SHOW": self._show,
            "DESCRIBE": self._describe, "DESC": self._describe,
        }  # fmt: skip
        first = self._take()
        found = readers[first.text.upper()]()
        if not isinstance(found, (ddl.CreateView, ddl.CreateTableAs)):
            self._end()
        return found

    def _create(self) -> ddl.Statement:
        if self._if("EXTERNAL"):
            self._must("TABLE")
            return self._create_table()
        if self._if("TABLE"):
            return self._create_table_as()
        if self._if("DATABASE") or self._if("SCHEMA"):
            return self._create_database()
        replace = self._if("OR", "REPLACE")
        if self._if("VIEW"):
            name = self._name()
            self._must("AS")
            return ddl.CreateView(name, self._next.start, replace)
        raise self._expected("EXTERNAL TABLE", "TABLE", "VIEW", "DATABASE")

    def _exists_ok(self) -> bool:
        return self._if("IF", "NOT", "EXISTS")

    def _missing_ok(self) -> bool:
        return self._if("IF", "EXISTS")

    def _create_table(self) -> ddl.CreateTable:
        exists_ok, name = self._exists_ok(), self._name()
        columns = self._columns()
        clauses = self._clauses()
        return ddl.CreateTable(
            name, columns, clauses.keys, clauses.format, clauses.location, clauses.serde, clauses.properties,
            clauses.comment, exists_ok,
        )  # fmt: skip

    def _create_table_as(self) -> ddl.CreateTableAs:
        exists_ok, name = self._exists_ok(), self._name()
        if self._next.says("("):
            raise self._fail("query.ddl_not_external")
        properties = self._with() if self._if("WITH") else {}
        self._must("AS")
        # What follows is a question; only `WITH [NO] DATA` at its end is ours.
        rest = [token for token in self._tokens[self._place : -1] if not token.says(";")]
        words = [token.text.upper() for token in rest[-3:]]
        with_data = words != ["WITH", "NO", "DATA"]
        ours = 3 if not with_data else 2 if words[-2:] == ["WITH", "DATA"] else 0
        rest = rest[:-ours] if ours else rest
        end = rest[-1].end if rest else len(self._text)
        return ddl.CreateTableAs(name, self._next.start, end, properties, exists_ok, with_data)

    def _with(self) -> dict[str, str | tuple[str, ...]]:
        self._must("(")
        found: dict[str, str | tuple[str, ...]] = {}
        while True:
            key = self._identifier().text.lower()
            self._must("=")
            found[key] = self._setting()
            if not self._if(","):
                break
        self._must(")")
        return found

    def _setting(self) -> str | tuple[str, ...]:
        if self._if("ARRAY"):
            self._must("[")
            values = [self._string()]
            while self._if(","):
                values.append(self._string())
            self._must("]")
            return tuple(values)
        if self._next.kind in ("number", "word"):
            return self._take().text
        return self._string()

    def _create_database(self) -> ddl.CreateDatabase:
        exists_ok, name = self._exists_ok(), self._database()
        comment = ""
        while self._next and not self._next.says(";"):
            if self._if("COMMENT"):
                comment = self._string()
            elif self._if("LOCATION"):
                self._string()
            elif self._if("WITH", "DBPROPERTIES"):
                self._properties()
            else:
                raise self._expected("COMMENT", "LOCATION", "WITH DBPROPERTIES")
        return ddl.CreateDatabase(name, comment, exists_ok)

    # --- CREATE EXTERNAL TABLE ---------------------------------------------------------------------------------

    def _columns(self) -> tuple[HiveColumn, ...]:
        self._must("(")
        found: list[HiveColumn] = []
        while not self._next.says(")"):
            found.append(self._column())
            if not self._if(","):
                break
        self._must(")")
        return tuple(found)

    def _column(self) -> HiveColumn:
        name = self._identifier()
        self._if(":")
        kind = self._type()
        comment = self._string() if self._if("COMMENT") else ""
        return HiveColumn(name.text.lower(), kind, comment)

    def _type(self) -> str:
        first, parts, depth = self._next, "", 0
        while self._next and (depth or not self._next.says(",", ")", "COMMENT")):
            token = self._take()
            depth += token.says("<", "(") - token.says(">", ")")
            parts += token.text.lower()
            if not depth and not self._next.says("<", "("):
                break
        if not parts:
            raise self._expected("type")
        if hive_types.read(parts) is None:
            near = difflib.get_close_matches(parts, hive_types.NAMES, 1, 0.6)
            code = "query.ddl_type_near" if near else "query.ddl_type"
            raise self._fail(code, first, type=parts, near=near[0] if near else "")
        return parts

    def _clauses(self) -> _Clauses:
        found = _Clauses()
        while self._next and not self._next.says(";"):
            if self._if("COMMENT"):
                found.comment = self._string()
            elif self._if("PARTITIONED", "BY"):
                found.keys = self._columns()
            elif self._if("ROW", "FORMAT"):
                self._row_format(found)
            elif self._if("WITH", "SERDEPROPERTIES"):
                found.serde.update(self._properties())
            elif self._if("STORED", "AS"):
                self._stored(found)
            elif self._if("LOCATION"):
                found.location = self._string()
            elif self._if("TBLPROPERTIES"):
                found.properties = self._properties()
            elif self._next.says("CLUSTERED"):
                raise self._fail("query.not_supported", what="CLUSTERED BY")
            else:
                raise self._expected(
                    "PARTITIONED BY", "ROW FORMAT", "STORED AS", "LOCATION", "TBLPROPERTIES", "COMMENT"
                )
        return found

    def _row_format(self, found: _Clauses) -> None:
        if self._if("SERDE"):
            found.format = self._format(self._next, self._string())
            return
        self._must("DELIMITED")
        while True:
            if self._if("FIELDS", "TERMINATED", "BY"):
                found.serde["field.delim"] = self._delimiter()
            elif self._if("ESCAPED", "BY"):
                found.serde["escape.delim"] = self._delimiter()
            elif self._if("LINES", "TERMINATED", "BY"):
                token = self._next
                if self._string() != "\n":
                    raise self._fail("query.ddl_lines", token)
            elif self._if("NULL", "DEFINED", "AS"):
                found.serde["serialization.null.format"] = self._string()
            elif self._next.says("COLLECTION", "MAP"):
                raise self._fail("query.not_supported", what=f"{self._next.text.upper()} … TERMINATED BY")
            else:
                return

    def _delimiter(self) -> str:
        token = self._next
        sign = self._string()
        if len(sign.encode()) != 1:
            raise self._fail("query.ddl_delimiter", token, sign=sign)
        return sign

    def _stored(self, found: _Clauses) -> None:
        if self._if("INPUTFORMAT"):
            found.format = self._format(self._next, self._string())
            self._must("OUTPUTFORMAT")
            self._string()
            return
        token = self._take()
        found.format = self._format(token, token.text)

    def _format(self, token: Token, said: str) -> str:
        name = said.rpartition(".")[2].lower()
        if name in _PARQUET:
            return "parquet"
        if name in _TEXT:
            return "text"
        raise self._fail("query.ddl_format", token, format=said)

    def _properties(self) -> dict[str, str]:
        self._must("(")
        found: dict[str, str] = {}
        while not self._next.says(")"):
            key = self._string()
            self._must("=")
            found[key] = self._string()
            if not self._if(","):
                break
        self._must(")")
        return found

    # --- ALTER, DROP, MSCK -------------------------------------------------------------------------------------

    def _alter(self) -> ddl.Statement:
        if not self._if("TABLE"):
            raise self._expected("TABLE")
        name = self._name()
        if self._if("ADD", "COLUMNS"):
            return ddl.AddColumns(name, self._columns())
        if self._if("REPLACE", "COLUMNS"):
            return ddl.AddColumns(name, self._columns(), replace=True)
        if self._if("ADD"):
            return ddl.AddPartitions(name, exists_ok=self._exists_ok(), partitions=self._partitions())
        if self._if("DROP"):
            return ddl.DropPartitions(name, missing_ok=self._missing_ok(), partitions=self._partitions())
        if self._if("SET", "TBLPROPERTIES"):
            return ddl.SetProperties(name, self._properties())
        partition = self._partition() if self._next.says("PARTITION") else None
        if self._if("SET", "LOCATION"):
            return ddl.SetLocation(name, self._string(), partition)
        if self._next.says("RENAME", "CHANGE"):
            raise self._fail("query.not_supported", what=f"ALTER TABLE … {self._next.text.upper()}")
        raise self._expected("ADD", "DROP", "SET LOCATION", "SET TBLPROPERTIES", "REPLACE COLUMNS")

    def _partitions(self) -> tuple[ddl.PartitionSpec, ...]:
        found = [self._partition()]
        while self._next.says("PARTITION", ","):
            self._if(",")
            found.append(self._partition())
        return tuple(found)

    def _partition(self) -> ddl.PartitionSpec:
        start = self._next.start
        self._must("PARTITION", "(")
        values: dict[str, str] = {}
        while not self._next.says(")"):
            key = self._identifier().text.lower()
            self._must("=")
            if self._next.kind not in ("string", "number", "word"):
                raise self._expected("'…'")
            values[key] = self._take().text
            if not self._if(","):
                break
        end = self._next.end
        self._must(")")
        location = self._string() if self._if("LOCATION") else None
        return ddl.PartitionSpec(values, location, start, end)

    def _drop(self) -> ddl.Statement:
        if self._if("DATABASE") or self._if("SCHEMA"):
            missing_ok, name = self._missing_ok(), self._database()
            cascade = self._if("CASCADE")
            self._if("RESTRICT")
            return ddl.DropDatabase(name, missing_ok, cascade)
        if self._if("TABLE"):
            return ddl.Drop("table", missing_ok=self._missing_ok(), name=self._name())
        if self._if("VIEW"):
            return ddl.Drop("view", missing_ok=self._missing_ok(), name=self._name())
        raise self._expected("TABLE", "VIEW", "DATABASE")

    def _repair(self) -> ddl.Statement:
        self._must("REPAIR", "TABLE")
        return ddl.Repair(self._name())

    # --- SHOW, DESCRIBE ----------------------------------------------------------------------------------------

    def _show(self) -> ddl.Statement:
        word = self._next
        if not word.says(*_SHOW):
            raise self._expected(*_SHOW)
        self._take()
        what = word.text.upper()
        if what in ("TABLES", "VIEWS"):
            database = self._database().name if self._if("IN") or self._if("FROM") else None
            return ddl.Show("tables" if what == "TABLES" else "views", database=database, like=self._like())
        if what in ("DATABASES", "SCHEMAS"):
            return ddl.Show("databases", like=self._like())
        if what == "CREATE":
            view = self._if("VIEW")
            if not view:
                self._must("TABLE")
            return ddl.Show("create view" if view else "create table", self._name())
        if what == "TBLPROPERTIES":
            name = self._name()
            key = None
            if self._if("("):
                key = self._string()
                self._must(")")
            return ddl.Show("properties", name, key=key)
        if what == "COLUMNS":
            if not self._if("IN"):
                self._must("FROM")
            name = self._name()
            if self._if("IN") or self._if("FROM"):
                name = ddl.Name(name.name, self._database().name, name.start, name.end)
            return ddl.Show("columns", name)
        return ddl.Show("partitions", self._name())

    def _like(self) -> str | None:
        if self._if("LIKE") or self._next.kind == "string":
            return self._string()
        return None

    def _describe(self) -> ddl.Statement:
        formatted = self._if("FORMATTED") or self._if("EXTENDED")
        self._if("TABLE")
        return ddl.Show("describe", self._name(), formatted=formatted)
