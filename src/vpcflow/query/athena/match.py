"""Which overload takes which arguments: the patterns of a function's line against types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vpcflow.query.athena.types import TIMESTAMP, UNKNOWN, Type, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.query.athena.functions.registry import Function

_WORDS: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z ]*?)\s*(?:\((?P<inner>.*)\))?$")


class Unmatched(Exception):  # noqa: N818 - it is no error, it is an answer
    """The types do not fit."""


@dataclass(slots=True)
class Matched:
    """A fitting overload. parameters: the type each argument becomes (a lambda's pattern as text); local: which are shifted."""

    function: Function
    parameters: list[Any] = field(default_factory=list)
    local: list[bool] = field(default_factory=list)
    bound: dict[str, Type] = field(default_factory=dict)

    @property
    def result(self) -> Type:
        """The type of the call."""
        return self._resolve(self.function.result)

    def _resolve(self, pattern: str) -> Type:
        if re.fullmatch(r"=\d", pattern):
            found = self.parameters[int(pattern[1]) - 1]
            return found if isinstance(found, Type) else UNKNOWN
        return resolve(pattern, self.bound, self.parameters)

    def takes(self, pattern: str) -> list[Type]:
        """Return the types of a lambda's parameters."""
        left = pattern.partition("->")[0].strip()
        parts = split(left[1:-1]) if left.startswith("(") else [left]
        return [resolve(part, self.bound, self.parameters) for part in parts]

    def finish(self, kind: Type) -> Type:
        """Return the type of the call, a lambda of it giving *kind*."""
        for pattern in self.parameters:
            if isinstance(pattern, str) and "->" in pattern:
                given = pattern.partition("->")[2].strip()
                if len(given) == 1:
                    self.bound[given] = kind
        return self.result


def match(function: Function, kinds: Sequence[Type | None], *, exact: bool = False) -> Matched | None:
    """Fit *kinds* (None for a lambda) to *function*; exact: nothing but type variables may change."""
    patterns = [kind for _, kind in function.parameters]
    if function.variadic:
        if len(kinds) < len(patterns) - 1:
            return None
        patterns = patterns[:-1] + [patterns[-1]] * (len(kinds) - len(patterns) + 1)
    if len(patterns) != len(kinds):
        return None
    found = Matched(function)
    try:
        for pattern, kind in zip(patterns, kinds, strict=True):
            if kind is not None and "->" not in pattern:
                unify(pattern, kind, found.bound, exact=exact)
        for pattern, kind in zip(patterns, kinds, strict=True):
            found.local.append(pattern == "local")
            if kind is None or "->" in pattern:
                if kind is not None or "->" not in pattern:
                    return None
                found.parameters.append(pattern)
            else:
                found.parameters.append(
                    kind
                    if pattern in ("local", "number", "decimal", "timestamp")
                    else resolve(pattern, found.bound, [])
                )
    except Unmatched:
        return None
    return found


def unify(pattern: str, kind: Type, bound: dict[str, Type], *, exact: bool) -> None:  # noqa: C901, PLR0912 - a kind of pattern each
    """Fit one type to a pattern; Unmatched when it does not."""
    if len(pattern) == 1 and pattern.isupper():
        before = bound.get(pattern)
        widened = kind if before is None else common(before, kind)
        if widened is None:
            raise Unmatched
        bound[pattern] = widened
        return
    name, inner = _parts(pattern)
    if kind == UNKNOWN:
        return
    if name == "local":
        if not kind.is_time:
            raise Unmatched
        return
    if name == "number":
        if not kind.is_number:
            raise Unmatched
        return
    if inner and not inner[0].isdecimal():
        if kind.name != name or len(kind.inner) != len(inner):
            raise Unmatched
        for part, one in zip(inner, kind.inner, strict=True):
            unify(part, one, bound, exact=exact)
        return
    if kind.name == name:
        return
    if exact or kind.inner or name == "decimal":
        raise Unmatched
    wanted = Type(name, TIMESTAMP.numbers if name.startswith("timestamp") else ())
    widened = common(kind, wanted)
    if widened is None or widened.name != name:
        raise Unmatched


def resolve(pattern: str, bound: dict[str, Type], parameters: Sequence[Any]) -> Type:
    """Return the type that a pattern means now."""
    if len(pattern) == 1 and pattern.isupper():
        return bound.get(pattern, UNKNOWN)
    name, inner = _parts(pattern)
    if name == "decimal":
        given = next(
            (one for one in parameters if isinstance(one, Type) and one.name == "decimal"), Type("decimal", (38, 0))
        )
        return Type("decimal", (38, given.numbers[1])) if inner else given
    if name.startswith("timestamp"):
        return Type(name, (int(inner[0]),) if inner else TIMESTAMP.numbers)
    if inner and inner[0].isdecimal():
        return Type(name, tuple(int(one) for one in inner))
    kinds = tuple(resolve(part, bound, parameters) for part in inner)
    return Type(name, inner=kinds, names=("",) * len(kinds) if name == "row" else ())


def _parts(pattern: str) -> tuple[str, list[str]]:
    if pattern in ("timestamp with time zone", "interval day to second", "interval year to month"):
        return pattern, []
    found = _WORDS.match(pattern)
    if found is None:
        raise ValueError(pattern)
    return found["name"], split(found["inner"]) if found["inner"] else []


def split(text: str) -> list[str]:
    """Return the parts between the commas that no bracket holds."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]
