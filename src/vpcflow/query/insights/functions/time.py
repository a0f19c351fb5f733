"""Times. A time is epoch milliseconds inside and shown as `YYYY-MM-DD HH:MM:SS.mmm`, UTC.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions", "stats" (bins).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlglot import exp

from vpcflow.query.insights import kinds, periods
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import INT, TEXT, TIME, Value, call, literal
from vpcflow.query.insights.syntax import Literal, Period

if TYPE_CHECKING:
    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call, Expr

_MONDAY: Final = 4 * 86_400_000
"""The first Monday after the epoch, a Thursday (ms)."""
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_LAST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: a calendar goes no further."""


def floored(moment: exp.Expr, number: int, unit: str) -> exp.Expr:
    """Return *moment* (epoch ms) rounded down to a bin of *number* times *unit*, aligned to the epoch or the calendar, UTC."""
    if unit in _MONTHS:
        return call("cwl_month_floor", moment, exp.Literal.number(number * _MONTHS[unit]))
    length = number * periods.MILLISECONDS[unit]
    if unit == "week":
        shifted = exp.paren(exp.Sub(this=moment.copy(), expression=exp.Literal.number(_MONDAY)))
        return exp.Add(this=_whole_bins(shifted, length), expression=exp.Literal.number(_MONDAY))
    return _whole_bins(moment.copy(), length)


def _whole_bins(moment: exp.Expr, length: int) -> exp.Expr:
    """Return *moment* less what is over; times before the epoch go down too."""
    return call("cwl_bin", moment, exp.Literal.number(length))


def next_bin(floor: exp.Expr, number: int, unit: str) -> exp.Expr:
    """Return the begin of the bin after the one that begins at *floor*."""
    if unit in _MONTHS:
        return call("cwl_month_next", floor, exp.Literal.number(number * _MONTHS[unit]))
    return exp.Add(this=floor.copy(), expression=exp.Literal.number(number * periods.MILLISECONDS[unit]))


def period_of(scope: Scope, node: Expr) -> tuple[int, str]:
    """Return the number, capped, and the unit of a period; MalformedQuery for anything else."""
    if not isinstance(node, Period) or node.number < 1:
        raise scope.fault("period", node)
    return periods.capped(node.number, node.unit), node.unit


def _moment(value: Value) -> exp.Expr:
    return kinds.integer(value)


def _bin(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    return Value(floored(scope.timestamp(node).sql, *period_of(scope, node.arguments[0])), TIME)


def _datefloor(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    return Value(floored(_moment(scope.value(node.arguments[0])), *period_of(scope, node.arguments[1])), TIME)


def _dateceil(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    moment = _moment(scope.value(node.arguments[0]))
    period = period_of(scope, node.arguments[1])
    floor = floored(moment, *period)
    same = exp.EQ(this=floor.copy(), expression=moment.copy())
    return Value(exp.case().when(same, floor).else_(next_bin(floor, *period)), TIME)


def _clock(name: str) -> object:
    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        del node, values
        clock = scope.clock()
        return kinds.unlike(literal(clock["end"] - clock["start"] if name == "range" else clock[name]))

    return build


def text_of(scope: Scope, node: Expr) -> str:
    """Return the text of an argument that must be written out."""
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        raise scope.fault("literal", node)
    return node.value


def _zone(scope: Scope, node: Expr) -> exp.Expr:
    name = text_of(scope, node)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise scope.fault("zone", node, zone=name) from None
    return exp.Literal.string(name)


_STRFTIME: Final = re.compile(r"%-?[aAbBcdDfFgGhHIjmMnpSuUVwWxXyYzZ%]")


def _format(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    pattern = text_of(scope, node.arguments[1])
    if "%" in _STRFTIME.sub("", pattern):
        raise scope.fault("date_format", node.arguments[1], pattern=pattern)
    moment = _moment(scope.value(node.arguments[0]))
    zone = _zone(scope, node.arguments[2]) if len(node.arguments) > 2 else exp.Literal.string("UTC")
    return Value(call("cwl_format_date", moment, exp.Literal.string(pattern), zone), TEXT)


_JAVA: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_LETTERS: Final = {
    "yyyy": "%Y", "uuuu": "%Y", "y": "%Y", "u": "%Y", "yy": "%y", "uu": "%y", "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B",
    "d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j", "H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M",
    "s": "%-S", "ss": "%S", "S": "%g", "SS": "%g", "SSS": "%g", "SSSSSS": "%f", "SSSSSSSSS": "%n", "a": "%p", "E": "%a", "EE": "%a",
    "EEE": "%a", "EEEE": "%A", "X": "%z", "XX": "%z", "XXX": "%z", "x": "%z", "xx": "%z", "xxx": "%z", "Z": "%z", "z": "%Z",
    "VV": "%Z",
}  # fmt: skip
"""Java's DateTimeFormatter → strptime of DuckDB."""


def _parse(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    pattern = text_of(scope, node.arguments[1])
    written = kinds.text(scope.value(node.arguments[0]))
    made = ""
    at = 0
    for found in _JAVA.finditer(pattern):
        word = found.group()
        known = _LETTERS.get(word) if found[2] else (found[1] or "'" if word[0] == "'" else word).replace("%", "%%")
        if known is None or found.start() != at:
            raise scope.fault("date_format", node.arguments[1], pattern=pattern)
        made += known
        at = found.end()
    if at != len(pattern) or not made:
        raise scope.fault("date_format", node.arguments[1], pattern=pattern)
    with_zone = "%z" in made or "%Z" in made
    if "%Z" not in made and with_zone:
        # Java's X takes Z for +00:00, DuckDB's %z takes offsets alone.
        written = call("cwl_zulu", written)
    zone = _zone(scope, node.arguments[2]) if len(node.arguments) > 2 else exp.Literal.string("UTC")
    name = "cwl_parse_zoned" if with_zone else "cwl_parse_date"
    arguments = [written, exp.Literal.string(made)] + ([] if with_zone else [zone])
    return Value(call(name, *arguments), INT)


HELPERS: Final = {
    "cwl_bin(t, p)": "t - (CASE WHEN t >= 0 THEN t % p ELSE (t % p + p) % p END)",
    "cwl_moment(t)": f"CASE WHEN t BETWEEN -62135596800000 AND {_LAST} THEN make_timestamp(t * 1000) END",
    "cwl_month_floor(t, n)": (
        "epoch_ms(make_timestamp(CAST((year(cwl_moment(t)) * 12 + month(cwl_moment(t)) - 1) // n * n // 12 AS BIGINT), "
        "CAST((year(cwl_moment(t)) * 12 + month(cwl_moment(t)) - 1) // n * n % 12 + 1 AS BIGINT), 1, 0, 0, 0.0))"
    ),
    "cwl_month_next(t, n)": "epoch_ms(cwl_moment(t) + to_months(CAST(n AS INTEGER)))",
    "cwl_format_date(t, f, z)": "strftime((cwl_moment(t) AT TIME ZONE 'UTC') AT TIME ZONE z, f)",
    "cwl_zulu(s)": "CASE WHEN s LIKE '%Z' THEN left(s, -1) || '+00' ELSE s END",
    "cwl_parse_date(s, f, z)": "epoch_ms(timezone(z, try_strptime(s, f)))",
    "cwl_parse_zoned(s, f)": "epoch_ms(try_strptime(s, f))",
}
"""Macros of this family."""

FUNCTIONS: Final = (
    Function(
        "bin", "period: period", TIME,
        "`@timestamp` rounded down to a bin. Bins are aligned to 1970-01-01 UTC, weeks begin on Monday, months, quarters and years "
        "follow the calendar. A number past the unit's cap is taken for the cap: `bin(300s)` is `bin(60s)`.",
        (("bin(5m)", "2026-11-24 02:15:00.000"), ("bin(300s)", "2026-11-24 02:17:00.000"), ("bin(1w)", "2026-11-23 00:00:00.000"),
         ("bin(1mo)", "2026-11-01 00:00:00.000")),
        build=_bin, lazy=True, given={"@timestamp": "2026-11-24 02:17:31.250"},
    ),
    Function(
        "datefloor", "t: time, period: period", TIME, "A time rounded down to a period, aligned as `bin` is.",
        (("datefloor(fromMillis(1794823261000), 1h)", "2026-11-16 10:00:00.000"),
         ("datefloor(fromMillis(1794823261000), 1q)", "2026-10-01 00:00:00.000"), ("datefloor(missing, 1h)", "")),
        build=_datefloor, lazy=True,
    ),
    Function(
        "dateceil", "t: time, period: period", TIME, "A time rounded up to a period; one that is round already stays.",
        (("dateceil(fromMillis(1794823261000), 1h)", "2026-11-16 11:00:00.000"),
         ("dateceil(fromMillis(0), 1d)", "1970-01-01 00:00:00.000"),
         ("dateceil(fromMillis(1794823261000), 1y)", "2027-01-01 00:00:00.000")),
        build=_dateceil, lazy=True,
    ),
    Function(
        "fromMillis", "n: int", TIME, "The time that is *n* milliseconds after the epoch.",
        (("fromMillis(0)", "1970-01-01 00:00:00.000"), ('fromMillis("1794823261250")', "2026-11-16 10:01:01.250"),
         ('fromMillis("-")', "")),
        build=lambda _scope, _node, values: Value(_moment(values[0]), TIME),
    ),
    Function(
        "toMillis", "t: time", INT, "A time as milliseconds since the epoch.",
        (("toMillis(fromMillis(1500))", "1500"), ("toMillis(@timestamp)", "1795486651250"), ("toMillis(missing)", "")),
        build=lambda _scope, _node, values: Value(_moment(values[0]), INT),
        given={"@timestamp": "2026-11-24 02:17:31.250"},
    ),
    Function(
        "now", "", INT, "When the question was asked, in epoch seconds.",
        (("now() > 1000000000", "1"), ("now() < 100000000000", "1")), build=_clock("now"),  # type: ignore[arg-type]
    ),
    Function(
        "parseDate", "s: text, format: text, zone?: text", INT,
        "The time that a text tells, in epoch milliseconds; nothing if it does not fit. *format* is a pattern of Java's "
        "DateTimeFormatter, written out.",
        (('parseDate("2026-11-16 10:01:01", "yyyy-MM-dd HH:mm:ss")', "1794823261000"),
         ('parseDate("16/Nov/2026:19:01:01 +0900", "dd/MMM/yyyy:HH:mm:ss Z")', "1794823261000"),
         ("parseDate(\"2026-11-16T10:01:01Z\", \"yyyy-MM-dd'T'HH:mm:ssX\")", "1794823261000"),
         ('parseDate("2026-11-16 19:01:01", "yyyy-MM-dd HH:mm:ss", "Asia/Seoul")', "1794823261000"),
         ('parseDate("yesterday", "yyyy-MM-dd")', "")),
        build=_parse, lazy=True,
    ),
    Function(
        "formatDate", "t: time, format: text, zone?: text", TEXT,
        "A time as *format*, a pattern of strftime, written out, says.",
        (('formatDate(fromMillis(1794823261000), "%Y/%m/%d %H:%M")', "2026/11/16 10:01"),
         ('strftime(fromMillis(1794823261000), "%H:%M", "Asia/Seoul")', "19:01"), ('formatDate(missing, "%Y")', "")),
        build=_format, lazy=True, aliases=("strftime",),
    ),
    Function(
        "queryStartTime", "", INT, "Where the question's time range begins, in epoch milliseconds.",
        (("queryStartTime()", "0"), ("queryStartTime() + 1", "1")), build=_clock("start"),  # type: ignore[arg-type]
    ),
    Function(
        "queryEndTime", "", INT, "Where the question's time range ends, in epoch milliseconds.",
        (("queryEndTime() > queryStartTime()", "1"), ("queryEndTime() - queryTimeRange()", "0")),
        build=_clock("end"),  # type: ignore[arg-type]
    ),
    Function(
        "queryTimeRange", "", INT, "How long the question's time range is, in milliseconds.",
        (("queryTimeRange() = queryEndTime() - queryStartTime()", "1"), ("queryTimeRange() > 0", "1")),
        build=_clock("range"),  # type: ignore[arg-type]
    ),
)  # fmt: skip
