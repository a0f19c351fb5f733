"""Saved queries of CloudWatch Logs Insights: query definitions as PutQueryDefinition keeps them, but names are told apart.

Source: CloudWatch Logs API reference, PutQueryDefinition, QueryParameter; User Guide, "Save and re-run queries".
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.state.store import Part

if TYPE_CHECKING:
    from vpcflow.state.store import State

PART: Final = Part(
    "query_definitions",
    (
        (
            """CREATE TABLE query_definitions (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
               log_groups TEXT NOT NULL, parameters TEXT NOT NULL, modified_ms INTEGER NOT NULL) WITHOUT ROWID""",
        ),
    ),
)

MAX_DEFINITIONS: Final = 1000
MAX_PARAMETERS: Final = 20
MAX_NAME: Final = 255
MAX_TEXT: Final = 10_000
MAX_PARAMETER: Final = 128
MAX_DEFAULT: Final = 1024


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """One `{{name}}` of a text. default: what stands for it unless it is said; None where it must be."""

    name: str
    default: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class QueryDefinition:
    """One saved query. id: a UUID. log_groups: those it is put to unless others are said. modified_ms: epoch ms."""

    id: str
    name: str
    text: str
    log_groups: tuple[str, ...] = ()
    parameters: tuple[QueryParameter, ...] = ()
    modified_ms: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as DescribeQueryDefinitions does."""
        found: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "queryDefinitionId": self.id,
            "name": self.name,
            "queryString": self.text,
            "lastModified": self.modified_ms,
            "logGroupNames": list(self.log_groups),
        }
        if self.parameters:
            found["parameters"] = [_parameter(one) for one in self.parameters]
        return found


def _parameter(one: QueryParameter) -> dict[str, str]:
    told = {"name": one.name, "defaultValue": one.default, "description": one.description or None}
    return {name: value for name, value in told.items() if value is not None}


class QueryDefinitions:
    """All that users have saved."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self, prefix: str = "") -> list[QueryDefinition]:
        """Return those whose names begin with *prefix*, by name."""
        rows = self._state.rows(
            PART, "SELECT id, name, text, log_groups, parameters, modified_ms FROM query_definitions ORDER BY name"
        )
        return [_definition(row) for row in rows if row[1].startswith(prefix)]

    def find(self, name: str) -> QueryDefinition | None:
        """Return the one of this name or id, None where there is none."""
        rows = self._state.rows(
            PART,
            "SELECT id, name, text, log_groups, parameters, modified_ms FROM query_definitions WHERE name = ?1 OR id = ?1 "
            "ORDER BY name = ?1 DESC",
            (name,),
        )
        return _definition(rows[0]) if rows else None

    def put(self, definition: QueryDefinition) -> bool:
        """Keep *definition*, in place of what has its id; False, and nothing is kept, when there are `MAX_DEFINITIONS`."""
        values = (
            definition.id,
            definition.name,
            definition.text,
            json.dumps(definition.log_groups),
            json.dumps([asdict(one) for one in definition.parameters]),
            definition.modified_ms,
        )
        with self._state.transaction(PART) as db:
            (others,) = db.execute("SELECT count(*) FROM query_definitions WHERE id <> ?", (definition.id,)).fetchone()
            if others >= MAX_DEFINITIONS:
                return False
            db.execute("INSERT OR REPLACE INTO query_definitions VALUES (?, ?, ?, ?, ?, ?)", values)
        return True

    def remove(self, definition_id: str) -> bool:
        """Forget one; say whether there was any."""
        with self._state.transaction(PART) as db:
            return db.execute("DELETE FROM query_definitions WHERE id = ?", (definition_id,)).rowcount > 0


def _definition(row: tuple[Any, ...]) -> QueryDefinition:
    number, name, text, groups, parameters, modified = row
    told = tuple(QueryParameter(**one) for one in json.loads(parameters))
    return QueryDefinition(number, name, text, tuple(json.loads(groups)), told, modified)
