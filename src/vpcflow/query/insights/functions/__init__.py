"""Functions, one family a file, each function one entry of its family's FUNCTIONS.

How to add a function: write a `Function` into the family's tuple: name, signature, kind of its result, a sentence for the
reference, and at least two examples (one of them with nothing, or an edge). Most are a `body`: one expression of DuckDB over the
parameters' names; it may use `cwl_number(t)`, `cwl_text`… (`macros.py`) and any function of DuckDB that needs no extension. Write
`build` only where the SQL depends on the arguments' kinds or on literals. What it returns for null, for a text that is no number,
and for a structure is part of what it is: say it, and show it in an example. `docs/reference/insights.md` is printed from the
entries, and `tests/query/test_insights_reference.py` runs every example.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.query.insights.functions.function import Function

FAMILIES: Final = ("number", "time", "general", "document", "address", "words", "encoding", "aggregate")
"""The modules, in the order of the reference."""


@functools.cache
def families() -> Mapping[str, tuple[Function, ...]]:
    """Return all functions by family."""
    return {
        family: importlib.import_module(f"vpcflow.query.insights.functions.{family}").FUNCTIONS for family in FAMILIES
    }


@functools.cache
def _by_name() -> Mapping[str, Function]:
    return {
        name.lower(): function
        for functions in families().values()
        for function in functions
        for name in (function.name, *function.aliases)
    }


def find(name: str) -> Function | None:
    """Return the function of this name or alias, in any case."""
    return _by_name().get(name.lower())


def names() -> list[str]:
    """Return every name and alias as documented."""
    return [
        name
        for functions in families().values()
        for function in functions
        for name in (function.name, *function.aliases)
    ]


def macros() -> dict[str, str]:
    """Return head → body of the functions that are one expression, and of what their families need."""
    found = dict(one.macro for functions in families().values() for one in functions if one.body)
    for family in FAMILIES:
        found |= getattr(importlib.import_module(f"vpcflow.query.insights.functions.{family}"), "HELPERS", {})
    return found
