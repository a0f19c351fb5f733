"""Tests of the keys `year`, `month`, `day`, `hour` → the time that they leave.

The keys are text with fixed lengths. For each the values are tried that pass all its tests; a key counts where the ones before
it leave one value. `year || '-' || month >= '2023-11'` is read as a whole: text of one length sorts as time does.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.rewrites.constants import DAY
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEYS: Final = ("year", "month", "day", "hour")
_VALUES: Final = {
    "year": tuple(f"{year:04d}" for year in (*range(1970, 2101), 9999)),
    "month": tuple(f"{month:02d}" for month in range(1, 13)),
    "day": tuple(f"{day:02d}" for day in range(1, 32)),
    "hour": tuple(f"{hour:02d}" for hour in range(24)),
}
_LAST: Final = "9999"
_COMPARED: Final[dict[type[exp.Expr], Callable[[str, str], bool]]] = {
    exp.EQ: lambda a, b: a == b, exp.NEQ: lambda a, b: a != b, exp.LT: lambda a, b: a < b, exp.LTE: lambda a, b: a <= b,
    exp.GT: lambda a, b: a > b, exp.GTE: lambda a, b: a >= b,
}  # fmt: skip
_FLIPPED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE,
}  # fmt: skip


def left(tests: Iterable[exp.Expr], belongs: Callable[[exp.Column], bool], known: TimeRange) -> TimeRange:
    """Return what is left of *known* where all *tests* hold. belongs: whether a column is of the table meant."""
    tests = list(tests)
    named = [text for test in tests for _, _, literals in _read(test) for text in literals]
    passing = {key: list(values) for key, values in _VALUES.items()}
    passing["year"] = sorted({*passing["year"], *_around(named)})
    found, tested = known, False
    for test in tests:
        for subject, passes, literals in _read(test):
            if isinstance(subject, exp.Column) and subject.name in KEYS and belongs(subject):
                tested = True
                passing[subject.name] = [value for value in passing[subject.name] if passes(value)]
            else:
                for part in _together(subject, test, literals, belongs):
                    found = _both(found, part)
    return _hour(_both(found, _hull(passing)), passing["hour"]) if tested else found


def _read(test: exp.Expr) -> Iterator[tuple[exp.Expr, Callable[[str], bool], list[str]]]:
    """Yield what is tested, its test, and the texts it is tested against."""
    if isinstance(test, exp.Between):
        low, high = test.args["low"], test.args["high"]
        if _is_text(low) and _is_text(high):
            yield test.this.unnest(), lambda value: low.name <= value <= high.name, [low.name, high.name]
    elif isinstance(test, exp.In) and test.expressions and all(map(_is_text, test.expressions)):
        names = [value.name for value in test.expressions]
        yield test.this.unnest(), lambda value: value in names, names
    elif type(test) in _COMPARED:
        kind, subject, other = type(test), test.this.unnest(), test.expression.unnest()
        if _is_text(subject):
            kind, subject, other = _FLIPPED.get(kind, kind), other, subject
        if _is_text(other):
            yield subject, lambda value: _COMPARED[kind](value, other.name), [other.name]


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _around(literals: list[str]) -> list[str]:
    """Return the years at and beside those a test names: where it changes, it changes there."""
    years = [int(text[:4]) for text in literals if re.match(r"\d{4}", text)]
    return [f"{year:04d}" for one in years for year in (one - 1, one, one + 1) if 1970 <= year <= 9999]


def _hull(passing: dict[str, list[str]]) -> TimeRange:
    years, months, days = passing["year"], passing["month"], passing["day"]
    if not years:
        return TimeRange()
    low, high = int(years[0]), int(years[-1])
    if low != high:
        first = None if low == 1970 else _second(low, 1, 1)
        return TimeRange(first, None if years[-1] == _LAST else _second(high + 1, 1, 1))
    if not months or low in (1970, 9999):
        return TimeRange()
    if months[0] != months[-1] or not days:
        return TimeRange(_second(low, int(months[0]), 1), _after_month(low, int(months[-1])))
    month = int(months[0])
    since, until = (_day(low, month, int(days[place])) for place in (0, -1))
    if since is None:
        # There is no such day: no row has it, whatever is read.
        return TimeRange(_second(low, month, 1), _after_month(low, month))
    end = _after_month(low, month) if until is None else until + DAY
    return TimeRange(since, end)


def _hour(day: TimeRange, passing: list[str]) -> TimeRange:
    """Narrow a range that is one day to hours."""
    if day.since is None or day.until is None or day.since % DAY or day.until - day.since != DAY or not passing:
        return day
    return TimeRange(day.since + int(passing[0]) * 3600, day.since + (int(passing[-1]) + 1) * 3600)


def _second(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return _second(year, month, day)
    except ValueError:
        return None


def _after_month(year: int, month: int) -> int:
    return _second(year + month // 12, month % 12 + 1, 1)


def _together(
    subject: exp.Expr, test: exp.Expr, literals: list[str], belongs: Callable[[exp.Column], bool]
) -> Iterator[TimeRange]:
    """Read keys written one after another, `year || month || day`, the first of them first."""
    shape = _shape(subject, belongs)
    if shape is None or isinstance(test, exp.NEQ):
        return
    spans = [_span(shape, text) for text in literals]
    if any(span is None for span in spans):
        return
    known = [span for span in spans if span is not None]
    low, high = min(since for since, _ in known), max(until for _, until in known)
    if isinstance(test, (exp.EQ, exp.In, exp.Between)):
        yield TimeRange(low, high)
        return
    kind = type(test) if not _is_text(test.this.unnest()) else _FLIPPED[type(test)]
    if kind in (exp.GT, exp.GTE):
        yield TimeRange(high if kind is exp.GT else low, None)
    else:
        yield TimeRange(None, low if kind is exp.LT else high)


def _shape(node: exp.Expr, belongs: Callable[[exp.Column], bool]) -> re.Pattern[str] | None:
    """Return the pattern of the texts that such keys make, None where they are no keys in order."""
    parts: list[exp.Expr] = []
    waiting = [node]
    while waiting:
        part = waiting.pop().unnest()
        if isinstance(part, exp.DPipe):
            waiting += [part.expression, part.this]
        else:
            parts.append(part)
    pattern, keys = "", []
    for part in parts:
        if _is_text(part):
            pattern += re.escape(part.name)
        elif isinstance(part, exp.Column) and part.name in KEYS and belongs(part):
            keys.append(part.name)
            pattern += rf"(\d{{{4 if part.name == 'year' else 2}}})"
        else:
            return None
    return re.compile(pattern) if len(keys) > 1 and tuple(keys) == KEYS[: len(keys)] else None


def _span(shape: re.Pattern[str], text: str) -> tuple[int, int] | None:
    """Return the first second of what *text* names, and the one after its last."""
    found = shape.fullmatch(text)
    if found is None:
        return None
    numbers = [int(part) for part in found.groups()]
    try:
        start = _second(*[*numbers, 1, 1][: max(3, len(numbers))])
        if len(numbers) == 2:
            return start, _after_month(numbers[0], numbers[1])
    except (ValueError, OverflowError):
        return None
    return start, start + (DAY if len(numbers) == 3 else 3600)


def _both(one: TimeRange, other: TimeRange) -> TimeRange:
    since = max((edge for edge in (one.since, other.since) if edge is not None), default=None)
    until = min((edge for edge in (one.until, other.until) if edge is not None), default=None)
    return TimeRange(since, until)
