"""Hive's words for types, which DDL uses, and Trino's, which queries use.

Source: Athena User Guide, "Data types in Amazon Athena".
"""

from __future__ import annotations

import re
from typing import Final

from vpcflow.query.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    REAL,
    TIMESTAMP,
    VARBINARY,
    VARCHAR,
    Type,
    array,
    decimal,
)  # fmt: skip

_SIMPLE: Final = {
    "boolean": BOOLEAN, "tinyint": Type("tinyint"), "smallint": Type("smallint"), "int": INTEGER, "integer": INTEGER,
    "bigint": BIGINT, "float": REAL, "double": DOUBLE, "string": VARCHAR, "date": DATE, "timestamp": TIMESTAMP,
    "binary": VARBINARY, "decimal": decimal(10, 0), "varchar": VARCHAR,
}  # fmt: skip
_NUMBERED: Final = re.compile(r"(decimal|varchar)\((\d+)(?:,(\d+))?\)")
_NAMES: Final = {"integer": "int", "real": "float", "varbinary": "binary"}
NAMES: Final = (*_SIMPLE, "decimal(p,s)", "varchar(n)", "array<t>", "map<k,v>", "struct<a:t>")


def read(text: str) -> Type | None:
    """Return Trino's type for Hive's *text* (lower case, without blanks); None for a type there is not."""
    if text in _SIMPLE:
        return _SIMPLE[text]
    numbered = _NUMBERED.fullmatch(text)
    if numbered:
        return _numbered(numbered[1], int(numbered[2]), int(numbered[3] or 0))
    outer, bracket, rest = text.partition("<")
    if not bracket or not rest.endswith(">"):
        return None
    return _nested(outer, _parts(rest[:-1]))


def _numbered(name: str, first: int, second: int) -> Type | None:
    if name != "decimal":
        return Type(name, (first,)) if 0 < first <= 65535 else None
    return decimal(first, second) if 0 < first <= 38 and second <= first else None


def _nested(outer: str, parts: list[str]) -> Type | None:
    if outer == "struct":
        pairs = [part.partition(":") for part in parts]
        inner = [read(kind) for _, _, kind in pairs]
        if all(inner) and all(name for name, _, _ in pairs):
            return Type("row", inner=tuple(kind for kind in inner if kind), names=tuple(name for name, _, _ in pairs))
        return None
    inner = [read(part) for part in parts]
    if outer == "array" and len(inner) == 1 and inner[0]:
        return array(inner[0])
    if outer == "map" and len(inner) == 2 and inner[0] and inner[1]:
        return Type("map", inner=(inner[0], inner[1]))
    return None


def _parts(text: str) -> list[str]:
    """Cut at the commas that stand in no brackets."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return found


def written(kind: Type) -> str:
    """Return Hive's word for *kind*."""
    if kind.name == "row":
        pairs = zip(kind.names, kind.inner, strict=True)
        return f"struct<{','.join(f'{name}:{written(part)}' for name, part in pairs)}>"
    if kind.inner:
        return f"{kind.name}<{','.join(written(part) for part in kind.inner)}>"
    if kind.name in ("timestamp", "timestamp with time zone"):
        return "timestamp"
    if kind.name == "varchar" and not kind.numbers:
        return "string"
    numbers = f"({','.join(map(str, kind.numbers))})" if kind.numbers else ""
    return _NAMES.get(kind.name, kind.name) + numbers
