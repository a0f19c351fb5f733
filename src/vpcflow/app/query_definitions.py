"""Saved queries of Insights: those that are there from the start, and those that users keep beside the lake."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from vpcflow.errors import QueryError
from vpcflow.state.query_definitions import (
    MAX_DEFAULT,
    MAX_DEFINITIONS,
    MAX_NAME,
    MAX_PARAMETERS,
    MAX_TEXT,
    QueryDefinition,
    QueryDefinitions,
    QueryParameter,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.app import App


class SavedInsights:
    """The saved queries of one lake. Names are told apart; a user's may not be one of those that are there from the start."""

    def __init__(self, app: App) -> None:
        self._app = app

    def all(self, prefix: str = "") -> list[QueryDefinition]:
        """Return those whose names begin with *prefix*, by name."""
        from vpcflow.query.insights.predefined import PREDEFINED

        with self._app.state() as state:
            own = QueryDefinitions(state).all(prefix)
        own += [one for name, one in PREDEFINED.items() if name.startswith(prefix)]
        return sorted(own, key=lambda one: one.name)

    def names(self) -> list[str]:
        """Return all names."""
        return [one.name for one in self.all()]

    def find(self, name: str) -> QueryDefinition | None:
        """Return the one of this name or id, None where there is none."""
        from vpcflow.query.insights.predefined import PREDEFINED

        for one in PREDEFINED.values():
            if name in (one.name, one.id):
                return one
        with self._app.state() as state:
            return QueryDefinitions(state).find(name)

    def get(self, name: str) -> QueryDefinition:
        """Return the one of this name or id; QueryError names a near one."""
        from vpcflow.query.insights.faults import near

        found = self.find(name)
        if found is None:
            close = near(name, self.names())
            raise QueryError("query_definition.none_near" if close else "query_definition.none", name=name, near=close)
        return found

    def expanded(self, text: str) -> str:
        """Return *text* with the saved queries it calls (`$Name`) in their places; MalformedQuery says what is wrong where."""
        from vpcflow.query.insights.saved import expanded

        return expanded(text, self.find, self.names)

    def put(
        self, name: str, text: str, log_groups: Sequence[str] = (), parameters: Sequence[QueryParameter] = ()
    ) -> QueryDefinition:
        """Keep a query under a name, in place of what has it; QueryError for what can be none.

        Places of the text that *parameters* does not tell of are parameters without a default.
        """
        from vpcflow.query.insights.predefined import PREDEFINED

        if name in PREDEFINED:
            raise QueryError("query_definition.predefined", name=name)
        if not name.strip() or not name.isprintable() or len(name) > MAX_NAME or "`" in name:
            raise QueryError("query_definition.name", name=name, most=MAX_NAME)
        text = text.strip()
        if not text or len(text) > MAX_TEXT:
            raise QueryError("query_definition.length", length=len(text), most=MAX_TEXT)
        told = _told(text, parameters)
        before = self.find(name)
        number = before.id if before is not None else str(uuid.uuid4())
        found = QueryDefinition(number, name, text, tuple(log_groups), told, int(time.time() * 1000))
        _check(found)
        with self._app.lake(create=True), self._app.state() as state:
            if not QueryDefinitions(state).put(found):
                raise QueryError("query_definition.too_many", most=MAX_DEFINITIONS)
        return found

    def remove(self, name: str) -> QueryDefinition:
        """Forget one; QueryError when there is none, or it was there from the start."""
        from vpcflow.query.insights.predefined import PREDEFINED

        found = self.get(name)
        if found.name in PREDEFINED:
            raise QueryError("query_definition.predefined", name=found.name)
        with self._app.state() as state:
            QueryDefinitions(state).remove(found.id)
        return found


def _told(text: str, parameters: Sequence[QueryParameter]) -> tuple[QueryParameter, ...]:
    from vpcflow.query.insights.saved import places

    wanted = places(text)
    given = {one.name: one for one in parameters}
    for one in parameters:
        if one.name not in wanted:
            raise QueryError("query_definition.no_place", name=one.name)
        if one.default is not None and len(one.default) > MAX_DEFAULT:
            raise QueryError("query_definition.default", name=one.name, most=MAX_DEFAULT)
    if len(wanted) > MAX_PARAMETERS:
        raise QueryError("query_definition.parameters", count=len(wanted), most=MAX_PARAMETERS)
    return tuple(given.get(name, QueryParameter(name)) for name in wanted)


def _check(definition: QueryDefinition) -> None:
    """Read the text as far as it can be known: with its defaults, and where there is none, as a number or a word."""
    from vpcflow.query.insights.parse import parse
    from vpcflow.query.insights.saved import filled

    errors = []
    for stand_in in ("1", "x"):
        known = tuple(
            one if one.default is not None else replace(one, default=stand_in) for one in definition.parameters
        )
        try:
            text = filled(replace(definition, parameters=known), {})
            if "$" not in text:
                parse(text)
        except QueryError as error:
            errors.append(error)
        else:
            return
    if all(one.default is not None for one in definition.parameters):
        raise errors[0]
