"""What DDL can say, one class a statement. Names are lower case; places are those of the text it was written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.state.tables import HiveColumn


@dataclass(frozen=True, slots=True)
class Name:
    """A table's or view's name, with its database where that was written. start, end: its place in the text."""

    name: str
    database: str | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE EXTERNAL TABLE."""

    name: Name
    columns: tuple[HiveColumn, ...]
    keys: tuple[HiveColumn, ...] = ()
    format: str = "text"
    location: str = ""
    serde: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    exists_ok: bool = False


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE … AS query. query, end: its place. properties: of WITH, as text or lists of text."""

    name: Name
    query: int
    end: int
    properties: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    exists_ok: bool = False
    with_data: bool = True


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW. query: place where it begins."""

    name: Name
    query: int
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP TABLE, VIEW."""

    kind: Literal["table", "view"]
    name: Name
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: Name
    comment: str = ""
    exists_ok: bool = False


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE."""

    name: Name
    missing_ok: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """`PARTITION (k = 'v', …) [LOCATION '…']`."""

    values: Mapping[str, str]
    location: str | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """ALTER TABLE … ADD PARTITION."""

    name: Name
    partitions: tuple[PartitionSpec, ...]
    exists_ok: bool = False


@dataclass(frozen=True, slots=True)
class DropPartitions:
    """ALTER TABLE … DROP PARTITION."""

    name: Name
    partitions: tuple[PartitionSpec, ...]
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class SetLocation:
    """ALTER TABLE … [PARTITION (…)] SET LOCATION."""

    name: Name
    location: str
    partition: PartitionSpec | None = None


@dataclass(frozen=True, slots=True)
class SetProperties:
    """ALTER TABLE … SET TBLPROPERTIES."""

    name: Name
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AddColumns:
    """ALTER TABLE … ADD COLUMNS, and with *replace* REPLACE COLUMNS."""

    name: Name
    columns: tuple[HiveColumn, ...]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """MSCK REPAIR TABLE."""

    name: Name


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW …, DESCRIBE. like: a pattern of names."""

    what: Literal[
        "tables", "views", "databases", "partitions", "columns", "create table", "create view", "properties", "describe"
    ]
    name: Name | None = None
    database: str | None = None
    like: str | None = None
    key: str | None = None
    formatted: bool = False


Statement: TypeAlias = (
    CreateTable | CreateTableAs | CreateView | Drop | CreateDatabase | DropDatabase | AddPartitions | DropPartitions
    | SetLocation | SetProperties | AddColumns | Repair | Show
)  # fmt: skip
