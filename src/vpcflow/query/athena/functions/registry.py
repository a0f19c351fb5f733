"""The lines of all groups, read once."""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.query.athena.call import Builder

_GROUPS: Final = ("text", "number", "time", "address", "collection", "aggregate", "window", "condition", "document",
    "lambdas",
)  # fmt: skip
_LINE: Final = re.compile(
    r"^(?P<kind>aggregate |window |internal )?(?P<once>once )?(?P<name>\w+)\((?P<parameters>.*?)\)\s+(?P<result>\S[^=\n]*?|=\d)\s+(?P<how>=|->)\s+(?P<body>.*)$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Function:
    """One overload. kind: "scalar", "aggregate", "window" or "internal" (only used by other bodies).

    parameters: (name, type) as written, a variadic one with "..." after its name. body: of the macro; "" with native.
    """

    name: str
    kind: str
    parameters: tuple[tuple[str, str], ...]
    result: str
    body: str
    native: str
    macro: str

    @property
    def variadic(self) -> bool:
        """Whether the last parameter may come any number of times."""
        return bool(self.parameters) and self.parameters[-1][0].endswith("...")

    @property
    def signature(self) -> str:
        """The overload as a user may read it."""
        return f"{self.name}({', '.join(kind for _, kind in self.parameters)})"

    @property
    def result_shown(self) -> str:
        """The result's type as a user may read it."""
        place = self.result[1:]
        return self.parameters[int(place) - 1][1] if self.result.startswith("=") else self.result

    @property
    def statement(self) -> str:
        """The statement that makes its macro."""
        names = ", ".join(name for name, _ in self.parameters)
        return f"CREATE OR REPLACE TEMP MACRO {self.macro}({names}) AS ({self.body})"


@functools.cache
def functions() -> Mapping[str, tuple[Function, ...]]:
    """Return all overloads by name, in the order they are tried."""
    found: dict[str, list[Function]] = {}
    for group in (*(f"functions.{group}" for group in _GROUPS), "casts"):
        text = getattr(importlib.import_module(f"vpcflow.query.athena.{group}"), "FUNCTIONS", "")
        for block in re.split(r"\n(?=\S)", text.strip()) if text else ():
            function = _read(block, found)
            found.setdefault(function.name, []).append(function)
    return {name: tuple(overloads) for name, overloads in found.items()}


@functools.cache
def builders() -> Mapping[str, Builder]:
    """Return what is built in Python, by name."""
    found: dict[str, Builder] = {}
    for group in _GROUPS:
        found |= getattr(importlib.import_module(f"vpcflow.query.athena.functions.{group}"), "BUILDERS", {})
    return found


@functools.cache
def lambdas() -> Mapping[str, object]:
    """Return what takes lambdas and is built in Python, by name."""
    found: dict[str, object] = importlib.import_module("vpcflow.query.athena.functions.lambdas").LAMBDAS
    return found


@functools.cache
def macros() -> Mapping[str, Function]:
    """Return the functions that are macros, by the macro's name."""
    return {one.macro: one for overloads in functions().values() for one in overloads if one.body}


def nearest(name: str) -> str:
    """Return the function that *name* may have been meant to be, "" when none is near."""
    near = difflib.get_close_matches(name, names(), 1, 0.6)
    return near[0] if near else ""


def names() -> list[str]:
    """Return the names of all functions a question may call."""
    known = [one for one, overloads in functions().items() if overloads[0].kind != "internal"]
    return sorted({*known, *builders(), *lambdas(), "listagg", "substring"})


_USED: Final = re.compile(r"\b(?:trino|tried)_\w+", re.IGNORECASE)
_RAISE: Final = "CREATE OR REPLACE TEMP MACRO tried_error(message) AS ([NULL][CAST(message || ' ' AS INTEGER)])"


def statements(sql: str, made: set[str]) -> list[str]:
    """Return what makes the macros that *sql* uses, those they use first, without those of *made*; add them to it."""
    found: list[str] = []
    for name in dict.fromkeys(name.lower() for name in _USED.findall(sql)):
        tried = name.startswith("tried_")
        function = macros().get(name.replace("tried_", "trino_", 1))
        if name in made or (function is None and name != "tried_error"):
            continue
        made.add(name)
        if function is None:
            found.append(_RAISE)
            continue
        statement = _tried(function.statement) if tried else function.statement
        found += [*statements(_tried(function.body) if tried else function.body, made), statement]
    return found


def _tried(text: str) -> str:
    """Return a macro's text with errors that TRY can catch."""
    return re.sub(r"\berror\(", "tried_error(", re.sub(r"\btrino_", "tried_", text))


def _read(block: str, found: Mapping[str, list[Function]]) -> Function:
    match = _LINE.match(block)
    if match is None:
        raise ValueError(block)
    name, how, body = match["name"], match["how"], " ".join(match["body"].split())
    parameters = tuple(tuple(part.split(None, 1)) for part in _split(match["parameters"]))
    kind = (match["kind"] or "scalar").strip()
    place = len(found.get(name, ()))
    macro = f"trino_{name}" if kind == "internal" else f"trino_{name}_{place}"
    native = body if how == "->" else ""
    if match["once"]:
        body = _once([name for name, _ in parameters], body)
    return Function(name, kind, parameters, match["result"].strip(), "" if native else body, native, macro)  # type: ignore[arg-type]


def _once(names: list[str], body: str) -> str:
    """Return a body that holds each argument once, however often it names it.

    A macro is text: arguments that are calls of macros themselves would grow with every level.
    """
    fields = ", ".join(f"'{name}': {name}" for name in names)
    inner = re.sub(rf"\b({'|'.join(names)})\b", r"given.\1", body)
    return f"list_transform([{{{fields}}}], lambda given: {inner})[1]"


def _split(text: str) -> list[str]:
    """Return the parts between the commas that no bracket holds."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in [*parts, text[start:].strip()] if part]
