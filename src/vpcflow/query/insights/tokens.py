"""Texts → patterns: what is the same in many of them, and where they differ.

Two steps. In SQL, what looks like a time, an address, an id, a number … becomes one sign each, so that texts of one shape are one
template with a count (`template`). Then templates of equally many words that differ in a few of them become one pattern
(`Clusters`), the words that differ being dynamic tokens too.

A sign is a letter of Unicode's private use area; texts that have such letters lose them. AWS does not publish its method: this
one is ours, the same on every engine, and approximate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights.kinds import call

if TYPE_CHECKING:
    from collections.abc import Iterable

_ISO: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
KINDS: Final = (
    # The order matters: what comes first is no longer there for what comes later.
    (
        "Time",
        _ISO + r"|\b\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?",
    ),
    ("UUID", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("IP", r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"),
    ("IPv6", r"(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,7}|(?:[0-9a-fA-F]{1,4}:){1,7}:"),
    ("HTTPError", r"\b[45]\d\d\b"),
    ("ResourceId", r"\b[a-z]{1,10}-[0-9a-f]{8,17}\b"),
    # Twelve digits and more are hexadecimal only with a letter among them.
    ("Hex", r"\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{0,11}[a-f][0-9a-f]{11,}\b|\b[0-9a-f]{11,}[a-f][0-9a-f]{0,11}\b"),
    ("Number", r"\b\d+(?:\.\d+)?\b"),
)
"""What a dynamic token may be, and how it is told (RE2)."""

_HTTP: Final = r'(HTTP/\d(?:\.\d)?"?,? +|"?status(?:_?[cC]ode)?"?[:=] *"?)'
"""What stands before the number that is a status of HTTP."""

_FIRST: Final = 0xE000
SIGNS: Final = {name: chr(_FIRST + place) for place, (name, _) in enumerate(KINDS)}
TOKEN: Final = chr(_FIRST + len(KINDS))
"""The sign of a word that differs and is of no kind."""
_NAMES: Final = {sign: name for name, sign in SIGNS.items()} | {TOKEN: "Token"}
_WORD: Final = re.compile(r"\s+|[^\s]+")
_PRIVATE: Final = r"[\x{E000}-\x{E0FF}]"
_SEVERITIES: Final = (
    ("FATAL", ("FATAL", "CRITICAL", "PANIC", "EMERG")),
    ("ERROR", ("ERROR", "ERR", "EXCEPTION", "FAIL", "FAILED", "FAILURE", "SEVERE")),
    ("WARN", ("WARN", "WARNING")),
    ("INFO", ("INFO", "NOTICE")),
    ("DEBUG", ("DEBUG", "TRACE", "VERBOSE")),
)
_LIKE: Final = 0.6
"""Part of the words that two templates must share to be of one pattern."""
_COMPARED: Final = 200
"""Patterns of one length that a template is compared with."""
_WORDS: Final = 20_000_000
"""Words compared in all, some seconds' work; templates that come later are patterns by themselves."""


def _replaced(text: exp.Expr, pattern: str, by: str) -> exp.Expr:
    literals = (exp.Literal.string(pattern), exp.Literal.string(by), exp.Literal.string("g"))
    return call("regexp_replace", text, *literals)


def unnumbered(text: exp.Expr) -> exp.Expr:
    """Return *text* with a sign for each dynamic token but the numbers."""
    found = _replaced(text, _PRIVATE, "")
    for name, pattern in KINDS:
        if name == "HTTPError":
            found = _replaced(found, _HTTP + pattern, f"\\1{SIGNS[name]}")
        elif name != "Number":
            found = _replaced(found, pattern, SIGNS[name])
    return found


def template(text: exp.Expr) -> exp.Expr:
    """Return *text* with a sign for each dynamic token."""
    return _replaced(unnumbered(text), KINDS[-1][1], SIGNS["Number"])


NUMBER: Final = KINDS[-1][1]


def severity(pattern: str) -> str:
    """Return how bad a pattern is, by its words: the worst one counts; NONE where none tells."""
    words = set(re.findall(r"[A-Z]+", pattern.upper()))
    return next((label for label, told in _SEVERITIES if words.intersection(told)), "NONE")


def shown(words: Iterable[str]) -> str:
    """Return a pattern as people read it: dynamic tokens as `<Kind-N>`, N counting them."""
    place = 0

    def name(match: re.Match[str]) -> str:
        nonlocal place
        place += 1
        return f"<{_NAMES[match[0]]}-{place}>"

    return re.sub(f"[{chr(_FIRST)}-{TOKEN}]", name, "".join(words))


@dataclass(slots=True)
class Cluster:
    """Templates of one pattern. words: with the white space between them; count: texts; variants: templates."""

    words: list[str]
    count: int = 0
    variants: int = 0
    members: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> str:
        """The pattern as people read it."""
        return shown(self.words)


def _either(one: str, other: str) -> str:
    """Return what stands for two words at one place; white space stays as the first pattern has it."""
    return one if one == other or one.isspace() else TOKEN


class Clusters:
    """Puts templates together. Those with the most texts come first and decide what a pattern looks like."""

    def __init__(self, words: int = _WORDS) -> None:
        self._left = words
        self._of_length: dict[int, list[Cluster]] = {}

    def add(self, template_: str, count: int) -> Cluster:
        """Count a template to the pattern it is like, or to a new one."""
        words = _WORD.findall(template_)
        found = self.find(words)
        if found is None:
            found = Cluster(words)
            self._of_length.setdefault(len(words), []).append(found)
        else:
            found.words = [_either(one, other) for one, other in zip(found.words, words, strict=True)]
        found.count += count
        found.variants += 1
        found.members.append(template_)
        return found

    def find(self, words: list[str]) -> Cluster | None:
        """Return the pattern that a template is like."""
        best: Cluster | None = None
        most = _LIKE * sum(not word.isspace() for word in words)
        known = self._of_length.get(len(words), ())[:_COMPARED]
        self._left -= len(words) * len(known)
        for cluster in known if self._left > 0 else ():
            pairs = [pair for pair in zip(cluster.words, words, strict=True) if not pair[0].isspace()]
            same = sum(one in {other, TOKEN} for one, other in pairs)
            # Dynamic tokens alone make no two texts alike.
            alike = same == len(pairs) or any(one == other and one[0] not in _NAMES for one, other in pairs)
            if alike and same >= most:
                best, most = cluster, same
        return best

    def all(self) -> list[Cluster]:
        """Return all patterns, those with the most texts first, then by what they look like."""
        found = [cluster for clusters in self._of_length.values() for cluster in clusters]
        return sorted(found, key=lambda one: (-one.count, one.pattern))
