"""The lake's own tables as Athena SQL sees them: names, columns in AWS's order, types.

`SELECT *` shows the columns that have data; the others exist and are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.query.athena.binder import Column, Relation
from vpcflow.query.athena.types import BIGINT, DATE, INSTANT, INTEGER, VARCHAR, Type
from vpcflow.query.rewrites.flows import NAMES
from vpcflow.query.schema import FLOWS, PARTITION_KEYS
from vpcflow.record.fields import TABLES
from vpcflow.record.schema import EVENT_COLUMNS, LAKE_TABLES, LOG_EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.schema import Schema

ALIASES: Final = {"vpc_flow_logs": "flow_logs"}
"""What AWS's pages call our tables."""

_TYPES: Final = {"int32": INTEGER, "int64": BIGINT, "string": VARCHAR}
_DERIVED: Final = {"start_time": INSTANT, "end_time": INSTANT}
_FORMS: Final = {"year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}", "hour": r"\d{2}"}
"""What the texts of the lake's own partition keys look like; AWS's examples have a `day` of another form."""

_KEYS: Final = (
    Column("date", DATE),
    *(Column(key, VARCHAR, form=_FORMS.get(key, "")) for key in PARTITION_KEYS),
)

_HIDDEN: Final = (
    ("x_event_time", BIGINT),
    ("x_source", INTEGER),
    ("x_layer", VARCHAR),
    ("x_rule", INTEGER),
    ("x_extra", Type("map", inner=(VARCHAR, VARCHAR))),
)


class LakeTables:
    """The tables of one lake. schema: which columns have data."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def find(self, database: str | None, name: str) -> Relation | None:
        """Return a table of the lake's by its name or AWS's; None for others."""
        if database not in (None, "default"):
            return None
        name = ALIASES.get(name, name)
        if name in FLOWS:
            return Relation(
                name,
                (
                    *self._columns(FLOWS[name]),
                    *(Column(one, _DERIVED.get(one, VARCHAR), address=one in ("src", "dst")) for one in NAMES),
                ),
            )
        if name == LOG_EVENTS:
            known = [Column(column, _TYPES[str(kind)]) for column, kind in EVENT_COLUMNS.items()]
            return Relation(name, (*known, *_KEYS, Column("x_source", INTEGER, hidden=True)))
        return Relation(name, self._columns(name)) if name in TABLES else None

    def names(self) -> Sequence[str]:
        """Return all names."""
        return [*LAKE_TABLES, *FLOWS, *ALIASES]

    def _columns(self, table: str) -> tuple[Column, ...]:
        known = [
            Column(
                field.column,
                _TYPES[field.type],
                dashed=field.type == "string",
                hidden=not self._schema.has(table, field.column),
                address=field.kind == "address",
            )
            for field in TABLES[table]
        ]
        return (*known, *_KEYS, *(Column(name, kind, hidden=True) for name, kind in _HIDDEN))
