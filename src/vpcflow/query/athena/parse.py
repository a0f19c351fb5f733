"""Athena SQL → sqlglot's tree, with the place of every name and every function by the name it was written with.

sqlglot makes classes of its own of the functions it knows, and forgets what was written. Here no function is known: each keeps
its name and arguments, so that `functions` alone says what exists and what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError

from vpcflow.errors import QueryError

_LONGEST: Final = 262_144
"""Athena's limit for a query's text, in bytes."""

_SPECIAL: Final = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING", "LISTAGG")
_EXPLAIN: Final = re.compile(r"\s*explain\s+(?P<analyze>analyze\s+)?(?P<options>\([^)]*\)\s*)?", re.IGNORECASE)


_TrinoParser: Any = Trino.Parser


class Written(Trino):
    """Trino's dialect in which functions keep their names."""

    class Parser(_TrinoParser):  # type: ignore[misc]
        """Knows only the functions whose arguments have a grammar of their own."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: parser for name, parser in _TrinoParser.FUNCTION_PARSERS.items() if name in _SPECIAL
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. explain: only how it would be answered is wanted."""

    text: str
    tree: exp.Query
    explain: bool = False


def parse(text: str) -> Question:
    """Read one SELECT (or WITH, VALUES, TABLE, EXPLAIN); QueryError underlines what cannot be read or is no question."""
    if len(text.encode()) > _LONGEST:
        raise QueryError("query.too_long", bytes=f"{_LONGEST:,}")
    explain = _EXPLAIN.match(text)
    if explain and explain["analyze"]:
        raise QueryError(
            "query.not_supported", text=text, start=explain.start("analyze"), end=explain.end(), what="EXPLAIN ANALYZE"
        )
    # Blanks keep the places of what follows.
    body = " " * explain.end() + text[explain.end() :] if explain else text
    try:
        trees = [tree for tree in Written().parse(body) if tree is not None]
    except SqlglotError as error:
        raise _unreadable(text, error) from None
    except RecursionError:
        raise QueryError("query.too_deep") from None
    if not trees:
        raise QueryError("query.nothing")
    if len(trees) > 1:
        start = place(trees[1])[0]
        raise QueryError("query.several", text=text, start=start, end=start + 1)
    tree = trees[0]
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(exp.alias_(tree, "_values", table=True))
    if not isinstance(tree, exp.Query):
        word = re.match(r"\s*(\S+)", body)
        start, end = word.span(1) if word else (0, 1)
        raise QueryError("query.not_a_question", text=text, start=start, end=end, what=text[start:end].upper())
    return Question(text, tree, explain=bool(explain))


def place(node: exp.Expr) -> tuple[int, int]:
    """Return where *node* was written: 0-based first character, and the one after the last."""
    spots = [(part.meta["start"], part.meta["end"] + 1) for part in node.walk() if "start" in part.meta]
    return (min(start for start, _ in spots), max(end for _, end in spots)) if spots else (0, 1)


def _unreadable(text: str, error: SqlglotError) -> QueryError:
    found = getattr(error, "errors", None)
    if not found or found[0].get("line") is None:
        return QueryError("query.unreadable", reason=str(error).partition("\n")[0])
    first = found[0]
    lines = text.split("\n")
    word = str(first.get("highlight") or "")
    # sqlglot counts lines from 1 and gives the column of the word's last character.
    line = min(first["line"], len(lines)) - 1
    end = sum(len(before) + 1 for before in lines[:line]) + first["col"]
    start = max(0, min(end, len(text)) - max(1, len(word)))
    reason = str(first.get("description") or "").rstrip(".")
    return QueryError("query.unreadable", text=text, start=start, end=min(end, len(text)), reason=reason)
