"""Every text a user sees, in each language: one flat JSON catalogue a language.

Keys are dotted names, places are ``{name}``, and ``{name:record|records}`` is the word that goes with
its number. A key without text is a defect that ``tests/test_i18n.py`` finds, so look-ups fail loudly.
"""

from __future__ import annotations

import json
import os
import string
from functools import cache
from importlib import resources

LANGUAGES = ("en", "ko")
"""The languages that have a complete catalogue; the first one is the default."""

_chosen = LANGUAGES[0]


class _Formatter(string.Formatter):
    """Fills places; ``{count:record|records}`` becomes the first word where *count* is 1, else the second one."""

    def format_field(self, value: object, format_spec: str) -> str:
        if "|" not in format_spec:
            return str(super().format_field(value, format_spec))
        one, many = format_spec.split("|")
        return one if str(value) == "1" else many


_FORMATTER = _Formatter()


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return all texts of one language by key."""
    text = resources.files(__name__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    texts: dict[str, str] = json.loads(text)
    return texts


def choose(language: str) -> None:
    """Make *language* (``ko``, ``ko_KR.UTF-8`` …) the one that `t` answers in; unknown ones mean English."""
    global _chosen  # noqa: PLW0603 - the language is one per process, like the locale
    short = language.replace("-", "_").partition("_")[0].lower()
    _chosen = short if short in LANGUAGES else LANGUAGES[0]


def chosen() -> str:
    """Return the language in use."""
    return _chosen


def preferred(environ: dict[str, str] | None = None) -> str:
    """Return the language the environment asks for: VPCFLOW_LANG, then LC_ALL, LC_MESSAGES, LANG."""
    env = os.environ if environ is None else environ
    for name in ("VPCFLOW_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if env.get(name):
            return env[name]
    return LANGUAGES[0]


def t(key: str, /, **values: object) -> str:
    """Return the text of *key* with its places filled; KeyError when no text has that key."""
    return _FORMATTER.vformat(catalogue(_chosen)[key], (), values)


def has(key: str) -> bool:
    """Tell whether *key* has a text."""
    return key in catalogue(LANGUAGES[0])
