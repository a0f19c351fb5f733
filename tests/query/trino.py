"""Trino's recorded answers, and how ours are held against them."""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from vpcflow.query.athena.types import Type

FOLDER = Path(__file__).parents[1] / "golden" / "trino"


def recorded(name: str) -> dict[str, Any]:
    """Return what record.py wrote."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def plain(value: Any, kind: Type) -> Any:
    """Return a value as Trino's protocol writes it."""
    if value is not None and kind.name == "array":
        return [plain(one, kind.inner[0]) for one in value]
    if value is not None and kind.name == "map":
        return {str(plain(key, kind.inner[0])): plain(one, kind.inner[1]) for key, one in value}
    if value is not None and kind.name == "row" and isinstance(value, dict):
        return [plain(one, part) for one, part in zip(value.values(), kind.inner, strict=True)]
    return scalar(value, kind)


def scalar(value: Any, kind: Type) -> Any:
    if isinstance(value, Decimal | date):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind.name == "real" and value is not None:
        return float(str(np.float32(value)))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def kind(name: str) -> str:
    """Return a type's name without what the protocol leaves out."""
    return (
        re.sub(r"varchar\(\d+\)|timestamp\(\d\)", lambda found: found[0].partition("(")[0], name)
        .replace(" ", "")
        .lower()
    )
