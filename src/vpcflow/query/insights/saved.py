"""Saved queries in a query: `{{name}}` becomes what is given, `$Name(p="v")` the text of a saved one.

Both are done to the text before it is parsed. A saved query in a query may hold no other.
Source: CloudWatch Logs User Guide, "Save and re-run CloudWatch Logs Insights queries".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vpcflow.errors import QueryError
from vpcflow.query.insights.faults import MAX_LENGTH, malformed, near
from vpcflow.state.query_definitions import MAX_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vpcflow.state.query_definitions import QueryDefinition

NAME: Final = re.compile(rf"[a-zA-Z_][a-zA-Z0-9_]{{0,{MAX_PARAMETER - 1}}}", re.ASCII)
_PLACE: Final = re.compile(r"\{\{\s*([^{}\s]*)\s*\}\}")


def places(text: str) -> list[str]:
    """Return the names of the places `{{name}}` in *text*, each once, in their order; QueryError for what can be no name."""
    names = list(dict.fromkeys(match[1] for match in _PLACE.finditer(text)))
    for name in names:
        if not NAME.fullmatch(name):
            raise QueryError("insights.parameter_name", name=name)
    return names


def filled(definition: QueryDefinition, values: Mapping[str, str]) -> str:
    """Return the text of *definition* with its places filled: by *values*, else by their defaults.

    QueryError names a value that no place is for, and a place that nothing is for.
    """
    defaults = {one.name: one.default for one in definition.parameters if one.default is not None}
    wanted = places(definition.text)
    for name in values:
        if name not in wanted:
            raise QueryError(
                "insights.parameter_unknown", name=name, query=definition.name, known=", ".join(wanted) or "-"
            )
    given = defaults | dict(values)
    missing = [name for name in wanted if name not in given]
    if missing:
        raise QueryError("insights.parameter_missing", names=", ".join(missing), query=definition.name)
    return _PLACE.sub(lambda match: given[match[1]], definition.text)


def expanded(text: str, find: Callable[[str], QueryDefinition | None], names: Callable[[], list[str]]) -> str:
    """Return *text* with each stage `$Name` or `$Name(p="v")` replaced by that saved query.

    find: returns a saved query by its name. names: of all there are, for a near one. MalformedQuery says what is wrong where.
    """
    done: list[str] = []
    place = 0
    for match in _WALK.finditer(text):
        if match["called"] is None:
            continue
        start, end = match.start("called"), match.end("called")
        done += [text[place:start], _text_of(text, match, find, names)]
        place = end
    found = "".join((*done, text[place:]))
    if done and len(found) > MAX_LENGTH:
        raise malformed("too_long", text, 0, 0, length=len(found), limit=MAX_LENGTH)
    return found


def _text_of(
    text: str, match: re.Match[str], find: Callable[[str], QueryDefinition | None], names: Callable[[], list[str]]
) -> str:
    start, end = match.span("called")
    name = match["bare"] or match["quoted"]
    definition = find(name)
    if definition is None:
        close = near(name, names())
        raise malformed("no_saved_near" if close else "no_saved", text, start, end, name=name, near=close)
    values = {one["name"]: _value(one["value"]) for one in _ARGUMENT.finditer(match["arguments"] or "")}
    try:
        inner = filled(definition, values)
    except QueryError as error:
        raise malformed(error.code.removeprefix("insights."), text, start, end, **error.values) from None
    if any(one["called"] is not None for one in _WALK.finditer(inner)):
        raise malformed("saved_nested", text, start, end, name=name)
    # It stands as stages of its own, even if its last line is a comment.
    return f"{inner.strip().strip('|').strip()}\n"


def _value(literal: str) -> str:
    return re.sub(r"\\([\"'\\])", r"\1", literal[1:-1]) if literal[:1] in "\"'" else literal


_STRING: Final = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_ARGUMENT: Final = re.compile(rf"(?P<name>[a-zA-Z_]\w*)\s*=\s*(?P<value>{_STRING}|[^\s,()\"']+)", re.ASCII | re.DOTALL)
_WALK: Final = re.compile(
    # What is passed: comments, texts, names in backticks, regular expressions.
    rf"""\#[^\n]* | {_STRING} | (?<!\$)`[^`\n]*`
    | (?:\blike|=~|\bparse(?:\s+[^\s|/"']+)?)\s*/(?:\\.|[^/\\\n])*/
    | (?:(?<=\|)|(?<=\()|\A)\s*(?P<called>\$(?:(?P<bare>[A-Za-z_][\w.-]*)|`(?P<quoted>[^`\n]+)`)
      (?:\s*\((?P<arguments>(?:\s*{_ARGUMENT.pattern.replace("?P<name>", "?:").replace("?P<value>", "?:")}\s*,?)*)\s*\))?)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
"""Everything in which a dollar sign is a dollar sign, and calls of saved queries at the begin of a stage."""
