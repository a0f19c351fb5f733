"""Fields that CloudWatch Logs Insights discovers in a JSON event: its leaves, by dotted names.

`{"user": {"id": 7}, "items": [{"sku": "a"}]}` has the fields `user.id` and `items.0.sku`. Objects and arrays are no fields,
nor is null. A name that begins with "@" gets one more, so that it is told apart from Insights' own.

Source: CloudWatch Logs User Guide, "Supported logs and discovered fields", "Fields that contain special characters".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 200
"""Fields discovered in one event; what comes after them is found by its name, but not listed."""

_DEEPEST: Final = 100


def discovered(message: str, *, most: int = MOST) -> dict[str, str]:
    """Return the first *most* fields of an event by name, in their order; none of one that is no JSON object.

    Numbers are written as JSON writes them, booleans as `true` and `false`.
    """
    if message.lstrip()[:1] != "{":
        return {}
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for name, value in _leaves(document, "", 0):
        found.setdefault(f"@{name}" if name.startswith("@") else name, value)
        if len(found) == most:
            break
    return found


def _leaves(value: object, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, (dict, list)):
        if depth < _DEEPEST:
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            for key, one in inner:
                yield from _leaves(one, f"{name}.{key}" if name else str(key), depth + 1)
    elif value is not None and name:
        yield name, value if isinstance(value, str) else json.dumps(value)


def pointers(name: str) -> list[str]:
    """Return the JSON pointers (RFC 6901) under which the field *name* may lie in a document, the likeliest first.

    A dot is a step inside, or part of a key: `a.b` is `{"a": {"b": 1}}`, or else `{"a.b": 1}`. A number steps into an array
    or an object alike.
    """
    plain = name[1:] if name.startswith("@@") else name
    found = ["/" + "/".join(_escaped(part) for part in plain.split("."))]
    if "." in plain:
        found.append(f"/{_escaped(plain)}")
    return found


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
