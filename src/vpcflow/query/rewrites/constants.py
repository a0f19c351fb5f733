"""What an expression without columns is worth as a time: seconds since the epoch, so that a range of it can leave files out.

Only what is certain: whole numbers, literal dates and timestamps in UTC, intervals added to them, and the functions that bound
Athena SQL writes for these. Anything else is None, and leaves out nothing.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from sqlglot import exp

DAY: Final = 86_400
SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
_MONTHS: Final = {"month": 1, "year": 12}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATE)
_NAMES: Final = ("trino_from_unixtime", "trino_to_unixtime", "trino_day", "trino_moment", "date_trunc")


def seconds(node: exp.Expr) -> Fraction | None:  # noqa: PLR0911 - a kind of expression each
    """Return the seconds that *node* is worth, None where that is not certain."""
    if isinstance(node, exp.Paren):
        return seconds(node.this)
    if isinstance(node, exp.Neg):
        inner = seconds(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal):
        return Fraction(int(node.this)) if not node.is_string and node.this.isdecimal() else None
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, (exp.Add, exp.Sub)):
        return _moved(node)
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _NAMES:
        return _called(str(node.this).lower(), node.expressions)
    return None


def _cast(node: exp.Cast) -> Fraction | None:
    inner = node.this
    if node.is_type(*_TIMES):
        found = _read(inner.name) if isinstance(inner, exp.Literal) and inner.is_string else seconds(inner)
        return Fraction(found // DAY * DAY) if found is not None and node.is_type(exp.DataType.Type.DATE) else found
    if node.is_type(exp.DataType.Type.DOUBLE):
        return seconds(inner)
    if node.is_type(exp.DataType.Type.BIGINT, exp.DataType.Type.INT):
        found = seconds(inner.expressions[0]) if _is_round(inner) else seconds(inner)
        return None if found is None or (not _is_round(inner) and found.denominator != 1) else Fraction(_round(found))
    return None


def _is_round(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "round" and bool(node.expressions)


def _round(number: Fraction) -> int:
    """Round half away from zero."""
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole


def _read(text: str) -> Fraction | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if when.tzinfo else _of(when.replace(tzinfo=UTC))


def _of(when: datetime) -> Fraction:
    return Fraction((when - _EPOCH) // timedelta(microseconds=1), 10**6)


def _moved(node: exp.Expr) -> Fraction | None:
    sign = 1 if isinstance(node, exp.Add) else -1
    base = seconds(node.this)
    if base is None:
        return None
    step = _step(node.expression)
    if step is None:
        number = seconds(node.expression)
        # A double may be a little off; of a whole number and one with a fraction the sum is on the same side of each second.
        return None if number is None or 1 not in (base.denominator, number.denominator) else base + sign * number
    count, unit = step
    if unit in SECONDS:
        return base + sign * count * SECONDS[unit]
    return _months(base, sign * count * _MONTHS[unit])


def _step(node: exp.Expr) -> tuple[int, str] | None:
    """Return an interval's number and unit."""
    if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal) and node.unit is not None:
        unit, number = str(node.unit).lower(), str(node.this.this)
        known = unit in SECONDS or unit in _MONTHS
        return (int(number), unit) if known and number.isdecimal() else None
    if isinstance(node, exp.Anonymous) and str(node.this).lower().startswith("to_"):
        unit = str(node.this).lower()[3:-1]
        found = seconds(node.expressions[0])
        if found is not None and found.denominator == 1 and (unit in SECONDS or unit in _MONTHS):
            return int(found), unit
    return None


def _months(base: Fraction, count: int) -> Fraction | None:
    """Move by whole months; a day the month has not is its last."""
    try:
        when = _EPOCH + timedelta(microseconds=int(base * 10**6))
        year, month = divmod(when.year * 12 + when.month - 1 + count, 12)
        day = min(when.day, calendar.monthrange(year, month + 1)[1])
        return _of(when.replace(year=year, month=month + 1, day=day))
    except (ValueError, OverflowError):
        return None


def _called(name: str, arguments: list[exp.Expr]) -> Fraction | None:
    if name == "date_trunc":
        unit, found = arguments[0].name.lower(), seconds(arguments[1])
        size = SECONDS.get(unit) if unit != "week" else None
        return None if found is None or size is None else Fraction(found // size * size)
    inner = arguments[0]
    if name in ("trino_day", "trino_moment"):
        return _read(inner.name) if isinstance(inner, exp.Literal) and inner.is_string else None
    return seconds(inner)
