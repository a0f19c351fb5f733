"""Names and texts as SQL writes them, quoted so that nothing in them is more than a name or a text."""

from __future__ import annotations


def identifier(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def string(text: str) -> str:
    """Return a text in single quotes."""
    return "'" + text.replace("'", "''") + "'"
