"""Times: Trino's "Date and time functions and operators". Sessions are in UTC, as Athena's are.

A timestamp with time zone is held as the instant in UTC, and its zone is part of its type; `local` parameters get it shifted there.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from vpcflow.query.athena.call import Bound, sql, text
from vpcflow.query.athena.functions import patterns
from vpcflow.query.athena.types import BIGINT, DATE, DOUBLE, INSTANT, TIMESTAMP, VARCHAR, Type, becomes, common

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.query.athena.call import Call

FUNCTIONS: Final = r"""
year(x local) bigint -> year
quarter(x local) bigint -> quarter
month(x local) bigint -> month
week(x local) bigint -> week
week_of_year(x local) bigint -> week
year_of_week(x local) bigint -> isoyear
yow(x local) bigint -> isoyear
day(x local) bigint -> day
day_of_month(x local) bigint -> day
day_of_week(x local) bigint -> isodow
dow(x local) bigint -> isodow
day_of_year(x local) bigint -> dayofyear
doy(x local) bigint -> dayofyear
hour(x local) bigint -> hour
minute(x local) bigint -> minute
second(x local) bigint -> second
millisecond(x local) bigint = millisecond(x) % 1000
last_day_of_month(x local) date -> last_day
to_milliseconds(x interval day to second) bigint -> epoch_ms
internal from_unixtime(x bigint) timestamp = make_timestamp(CAST(x AS BIGINT) * 1000000)
internal from_unixtime_part(x double) timestamp = make_timestamp(CAST(round(x * 1000) AS BIGINT) * 1000)
internal to_unixtime(x timestamp) double = epoch_us(x) / CAST(1000000 AS DOUBLE)
internal parse_date(x varchar, pattern varchar) timestamp = date_trunc('millisecond', strptime(x, pattern))
from_iso8601_date(x varchar) date = CASE WHEN regexp_full_match(x, '[+-]?[0-9]{4,}-[0-9]{2}-[0-9]{2}') THEN CAST(x AS DATE)
  WHEN x IS NOT NULL THEN error('Invalid format: "' || x || '"') END
internal iso8601(x varchar) timestamp = CASE WHEN regexp_full_match(x,
  '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?)?(Z|[+-]00:?00)?)?')
  THEN date_trunc('millisecond', CAST(replace(regexp_replace(regexp_replace(regexp_replace(x, '(Z|[+-]00:?00)$', ''), 'T([0-9]{2})?$', 'T\1:00:00'),
  'T([0-9]{2}:[0-9]{2})$', 'T\1:00'), ',', '.') AS TIMESTAMP))
  WHEN regexp_matches(x, '[+-][0-9]{2}:?[0-9]{2}$') THEN error('A zone other than UTC cannot be kept: "' || x || '"')
  WHEN x IS NOT NULL THEN error('Invalid format: "' || x || '"') END
internal offset(minutes bigint) varchar = printf('%02d:%02d', CAST(abs(minutes) // 60 AS INTEGER), CAST(abs(minutes) % 60 AS INTEGER))
human_readable_seconds(x double) varchar = trino_human(CAST(round(x) AS BIGINT))
internal human_part(n bigint, unit varchar) varchar = CASE WHEN n = 1 THEN '1 ' || unit WHEN n > 1 THEN n || ' ' || unit || 's' END
internal human(n bigint) varchar = CASE WHEN n = 0 THEN '0 seconds' WHEN n < 0 THEN '-' ELSE '' END
  || CASE WHEN n <> 0 THEN concat_ws(', ', trino_human_part(abs(n) // 604800, 'week'), trino_human_part(abs(n) % 604800 // 86400, 'day'),
  trino_human_part(abs(n) % 86400 // 3600, 'hour'), trino_human_part(abs(n) % 3600 // 60, 'minute'),
  trino_human_part(abs(n) % 60, 'second')) ELSE '' END
"""

_UNITS: Final = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_OF_DATES: Final = ("day", "week", "month", "quarter", "year")


def zone_of(call: Call, value: Bound) -> str:
    """Return the zone that a literal names; errors for an unknown one, and for what is no literal."""
    if value.text is None:
        raise call.binder.fail("query.not_literal", value.written, name=call.name)
    return checked_zone(call, value.text)


def checked_zone(call: Call, name: str) -> str:
    """Return *name* if it is a time zone's."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise call.binder.fail("query.zone", call.node, zone=name) from None
    return name


def local(value: Bound) -> exp.Expr:
    """Return a date or timestamp as its own zone's clock shows it."""
    if value.type.name == "timestamp with time zone" and value.type.zone != "UTC":
        return sql("timezone", text(value.type.zone), sql("timezone", text("UTC"), value.node))
    return value.node


def instant(node: exp.Expr, zone: str) -> exp.Expr:
    """Return the instant (UTC) at which the clock of *zone* shows *node*."""
    return node if zone == "UTC" else sql("timezone", text("UTC"), sql("timezone", text(zone), node))


def _back(value: Bound, node: exp.Expr) -> exp.Expr:
    """Return what was reckoned in the zone of *value* as *value* is held."""
    return instant(node, value.type.zone) if value.type.name == "timestamp with time zone" else node


def _unit(call: Call, kind: Type) -> str:
    unit = call.arguments[0].text
    if unit is None:
        raise call.binder.fail("query.not_literal", call.arguments[0].written, name=call.name)
    known = _OF_DATES if kind == DATE else _UNITS
    if unit.lower() not in known:
        raise call.binder.fail("query.unit", call.arguments[0].written, unit=unit, known=", ".join(known))
    return unit.lower()


def _time_at(call: Call, place: int) -> Bound:
    value = call.arguments[place]
    if not value.type.is_time:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    return value


def _date_trunc(call: Call) -> Bound:
    call.takes(2)
    value = _time_at(call, 1)
    cut = sql("date_trunc", text(_unit(call, value.type)), local(value))
    return call.bound(exp.cast(cut, "DATE") if value.type == DATE else _back(value, cut), value.type)


def _date_add(call: Call) -> Bound:
    call.takes(3)
    value = _time_at(call, 2)
    unit = _unit(call, value.type)
    count = call.binder.coerce(call.arguments[1], BIGINT).node
    if unit == "quarter":
        unit, count = "month", exp.Mul(this=exp.paren(count), expression=exp.Literal.number(3))
    if unit in ("month", "year"):
        count = exp.cast(count, "INTEGER")
    step = sql(f"to_{unit}s", exp.cast(count, "INTEGER") if unit in ("day", "week") else count)
    # Only days and more follow the clock of the zone; smaller units are the same everywhere.
    clock = unit in _OF_DATES
    moved = exp.Add(this=local(value) if clock else value.node, expression=step)
    node = exp.paren(moved)
    if value.type == DATE:
        return call.bound(exp.cast(node, "DATE"), DATE)
    return call.bound(_back(value, node) if clock else node, value.type)


def _date_diff(call: Call) -> Bound:
    """Complete units between two times (DuckDB's own date_diff counts the boundaries between them)."""
    call.takes(3)
    one, other = _time_at(call, 1), _time_at(call, 2)
    kind = common(one.type, other.type)
    if kind is None:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    unit = _unit(call, kind)
    ends = [call.binder.coerce(value, kind) for value in (one, other)]
    nodes = [local(value) if unit in _OF_DATES else value.node for value in ends]
    return call.bound(sql("date_sub", text(unit), *nodes), BIGINT)


def _from_unixtime(call: Call) -> Bound:
    call.takes(1, 2)
    value = call.arguments[0]
    zone = zone_of(call, call.arguments[1]) if len(call.arguments) == 2 else "UTC"
    whole = value.type.is_integer
    node = call.binder.coerce(value, BIGINT if whole else DOUBLE).node
    return call.bound(
        sql("trino_from_unixtime" if whole else "trino_from_unixtime_part", node), Type(INSTANT.name, (3,), zone=zone)
    )


def _to_unixtime(call: Call) -> Bound:
    call.takes(1)
    value = _time_at(call, 0)
    return call.bound(
        sql("trino_to_unixtime", call.binder.coerce(value, TIMESTAMP if value.type == DATE else value.type).node),
        DOUBLE,
    )


def _pattern(call: Call, translate: Callable[[str], str]) -> str:
    pattern = call.arguments[1]
    if pattern.text is None:
        raise call.binder.fail("query.not_literal", pattern.written, name=call.name)
    try:
        return translate(pattern.text)
    except ValueError as error:
        raise call.binder.fail("query.pattern", pattern.written, pattern=str(error), name=call.name) from None


def _date_parse(call: Call) -> Bound:
    call.takes(2)
    value = call.binder.coerce(call.arguments[0], VARCHAR)
    pattern = patterns.parsing(_pattern(call, patterns.mysql if call.name == "date_parse" else patterns.joda))
    kind = TIMESTAMP if call.name == "date_parse" else INSTANT
    return call.bound(sql("trino_parse_date", value.node, text(pattern)), kind)


def _date_format(call: Call) -> Bound:
    call.takes(2)
    value = _time_at(call, 0)
    pattern = _pattern(call, patterns.mysql if call.name == "date_format" else patterns.joda)
    return call.bound(sql("strftime", local(value), text(pattern)), VARCHAR)


def _to_iso8601(call: Call) -> Bound:
    call.takes(1)
    value = _time_at(call, 0)
    if value.type == DATE:
        return call.bound(exp.cast(value.node, "VARCHAR"), VARCHAR)
    digits = value.type.numbers[0]
    shown = printed(local(value), digits, "T")
    if value.type.name == "timestamp with time zone":
        shown = exp.DPipe(this=shown, expression=offset(value, utc="Z"))
    return call.bound(exp.paren(shown), VARCHAR)


def printed(node: exp.Expr, digits: int, between: str = " ") -> exp.Expr:
    """Return a timestamp as text with *digits* of the second's fraction."""
    shown = sql("strftime", node, text(f"%Y-%m-%d{between}%H:%M:%S.%f"))
    length = 19 if digits == 0 else 20 + min(digits, 6)
    cut = exp.Anonymous(this="left", expressions=[shown, exp.Literal.number(length)])
    return cut if digits <= 6 else exp.DPipe(this=cut, expression=text("0" * (digits - 6)))


def offset(value: Bound, *, utc: str) -> exp.Expr:
    """Return the distance of the value's zone from UTC as "+09:00"."""
    if value.type.zone == "UTC":
        return text(utc)
    minutes = sql("date_sub", text("minute"), value.node.copy(), local(value).copy())
    sign = (
        exp.Case()
        .when(exp.LT(this=minutes, expression=exp.Literal.number(0)), text("-"), copy=False)
        .else_(text("+"), copy=False)
    )
    return exp.DPipe(this=sign, expression=sql("trino_offset", minutes.copy()))


def _from_iso8601_timestamp(call: Call) -> Bound:
    call.takes(1)
    return call.bound(sql("trino_iso8601", call.binder.coerce(call.arguments[0], VARCHAR).node), INSTANT)


def _at_timezone(call: Call) -> Bound:
    call.takes(2)
    value = call.arguments[0]
    if not becomes(value.type, INSTANT) and value.type.name != INSTANT.name:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    zone = zone_of(call, call.arguments[1])
    precision = value.type.numbers or (3,)
    held = call.binder.coerce(value, Type(INSTANT.name, precision)) if value.type.name != INSTANT.name else value
    return call.bound(held.node, Type(INSTANT.name, precision, zone=zone))


def _with_timezone(call: Call) -> Bound:
    call.takes(2)
    value = call.arguments[0]
    if value.type.name != "timestamp":
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    zone = zone_of(call, call.arguments[1])
    return call.bound(instant(value.node, zone), Type(INSTANT.name, value.type.numbers, zone=zone))


def _zone_part(call: Call) -> Bound:
    """timezone_hour, timezone_minute: of the distance from UTC at that time."""
    call.takes(1)
    value = call.arguments[0]
    if value.type.name != INSTANT.name:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    minutes = sql("date_sub", text("minute"), value.node, local(value).copy())
    sixty = exp.Literal.number(60)
    part = exp.IntDiv if call.name == "timezone_hour" else exp.Mod
    return call.bound(exp.paren(part(this=minutes, expression=sixty)), BIGINT)


def _date(call: Call) -> Bound:
    call.takes(1)
    return call.binder.cast(call.arguments[0], DATE)


def _now(call: Call) -> Bound:
    """The same instant everywhere in a question."""
    call.takes(0, 1)
    moment = call.binder.now.astimezone(UTC).replace(tzinfo=None)
    if call.name == "current_date":
        return call.bound(exp.cast(text(moment.date().isoformat()), "DATE"), DATE)
    node = exp.cast(text(moment.isoformat(" ", "milliseconds")), "TIMESTAMP")
    return call.bound(node, TIMESTAMP if call.name == "localtimestamp" else INSTANT)


def _current_timezone(call: Call) -> Bound:
    call.takes(0)
    return call.bound(text("UTC"), VARCHAR)


BUILDERS: Final = {
    "date_trunc": _date_trunc, "date_add": _date_add, "date_diff": _date_diff, "from_unixtime": _from_unixtime,
    "to_unixtime": _to_unixtime, "date_parse": _date_parse, "parse_datetime": _date_parse, "date_format": _date_format,
    "format_datetime": _date_format, "to_iso8601": _to_iso8601, "from_iso8601_timestamp": _from_iso8601_timestamp,
    "at_timezone": _at_timezone, "with_timezone": _with_timezone, "timezone_hour": _zone_part, "timezone_minute": _zone_part, "date": _date, "now": _now, "current_date": _now,
    "current_timestamp": _now, "localtimestamp": _now, "current_timezone": _current_timezone,
}  # fmt: skip
