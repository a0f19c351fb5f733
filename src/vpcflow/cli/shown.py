"""Log values made safe to show: they are data, whatever a terminal would make of them."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from vpcflow.i18n import t

if TYPE_CHECKING:
    from vpcflow.telemetry import BadLine


def described(bad: BadLine) -> dict[str, object]:
    """Return what is told of a bad line: where, why, and the line made safe to print."""
    reason = t(f"bad.{bad.reason}")
    if bad.field:
        reason = t("bad.at_field", reason=reason, field=bad.field)
    return {"source": bad.source, "line": bad.line, "reason": reason, "text": printable(bad.text)}


def written(value: object) -> str:
    """Return a value as text; times as ISO, in UTC."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def printable_lines(text: str) -> str:
    """Return a text of several lines with each made `printable`: names of files and keys are as foreign as log values."""
    return "\n".join(printable(line) for line in text.split("\n"))


def printable(text: str) -> str:
    """Return *text* without anything a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


_UNSAFE: Final = re.compile(r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON may hold as it is and a terminal obeys, or cannot be written."""


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - JSON
    """Return a value as JSON that people can read and that is harmless on a terminal."""
    return harmless_json(json.dumps(value, ensure_ascii=False, indent=indent))


def harmless_json(text: str) -> str:
    """Return the same JSON with what a terminal would obey as escapes."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
