"""Insights QL evaluated slowly, one event after another in plain Python: what the compiled queries are held against.

Written from AWS's pages and the reference, not from the compiler. Values are None, text, int, float, bool, `Time`, `Array` (what
`split`, `values` and `topk` give) and JSON (dicts, lists). `DASH` is a number that is "-" in a flow log's line: missing everywhere but
where rows are sorted.
"""

from __future__ import annotations

import base64
import calendar
import csv
import hashlib
import ipaddress
import json
import math
import re
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from zoneinfo import ZoneInfo

from vpcflow.query.insights.parse import parse
from vpcflow.query.insights.syntax import (
    Binary,
    Call,
    Field,
    In,
    Junction,
    Like,
    Literal,
    Negative,
    Not,
    Period,
    Query,
)


class Time(int):
    """Epoch milliseconds."""


class Array(list):
    """A list that a function made."""


class Dash:
    """See the module."""

    def __repr__(self):
        return "DASH"


DASH = Dash()
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
UNITS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
CAPS = {"millisecond": 1000, "second": 60, "minute": 60, "hour": 24}


@dataclass
class State:
    """Rows on their way. names: computed ones; shown: columns mentioned; display: the last `display`."""

    rows: list[dict]
    shown: list[str] = field(default_factory=list)
    display: list | None = None
    after_stats: bool = False
    default: list[str] = field(default_factory=list)
    groups: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    now: int = 0
    span: tuple[int, int] = (0, 0)


# --- values --------------------------------------------------------------------------------------------------------


def real(value):
    """Return a value as one function sees it: no dash, no structure."""
    return None if value is DASH or isinstance(value, (list, dict)) else value


def number(value):
    value = real(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            return None
        plain = value.lstrip("+-")
        if plain.isdigit() and len(plain) <= 18:
            return int(value)
        found = float(value)
        return found if math.isfinite(found) else None
    return int(value) if isinstance(value, int) else value


def text(value):
    value = real(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return shown_number(value)
    return value if isinstance(value, str) else str(int(value))


def shown_number(value):
    if not math.isfinite(value):
        return None
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def finite(value):
    return value if value is None or math.isfinite(value) else None


def show(value):
    """Return a value as a cell of the answer."""
    if value is DASH or value is None:
        return None
    if isinstance(value, Time):
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d}"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text(value)


def compare(operator, one, other):
    one, other = real(one), real(other)
    if one is None or other is None:
        return None
    one_number, other_number = number(one), number(other)
    if one_number is not None and other_number is not None:
        pair = (
            (one, other)
            if all(isinstance(v, str) and len(v) > 15 for v in (one, other))
            else (one_number, other_number)
        )
    elif one_number is not None or other_number is not None:
        return operator == "!="
    else:
        pair = (one, other)
    left, right = pair
    return {
        "=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
    }[operator]  # fmt: skip


def truth(value):
    value = real(value)
    if isinstance(value, bool) or value is None:
        return value
    found = number(value)
    return None if found is None else found != 0


def natural(one, other):
    """Compare two values as `sort` does: texts before numbers; chunks of digits by length."""
    one_number, other_number = (None if v is DASH else number(v) for v in (one, other))
    if (one_number is None) != (other_number is None):
        return 1 if one_number is not None else -1
    if one_number is not None:
        return (one_number > other_number) - (one_number < other_number)
    chunks = [re.findall(r"[0-9]+|[^0-9]+", "-" if v is DASH else text(v)) for v in (one, other)]
    for a, b in zip(*chunks, strict=False):
        if a == b:
            continue
        if a[0].isascii() and a[0].isdigit() and b[0].isascii() and b[0].isdigit():
            return (len(a), a) > (len(b), b) or -1
        return 1 if a > b else -1
    return (len(chunks[0]) > len(chunks[1])) - (len(chunks[0]) < len(chunks[1]))


# --- expressions ---------------------------------------------------------------------------------------------------


class Row:
    """Where an expression is evaluated: one row, and what it may know beside."""

    def __init__(self, state, row, extra=None):
        self.state, self.row, self.extra = state, row, extra or {}

    def named(self, name):
        if name in self.extra:
            return self.extra[name], True
        if name in self.row:
            return self.row[name], True
        return None, False

    def field(self, node):
        for size in range(len(node.parts), 0, -1):
            value, found = self.named(Field(node.parts[:size], 0, 0).name)
            if found:
                for part in node.parts[size:]:
                    if isinstance(value, dict):
                        value = value.get(part)
                    elif isinstance(value, list) and not isinstance(value, Array) and isinstance(part, int):
                        value = value[part] if part < len(value) else None
                    else:
                        value = None
                return value
        return None

    def value(self, node):
        match node:
            case Literal():
                return node.value
            case Field():
                return self.field(node)
            case Negative():
                found = number(self.value(node.operand))
                return None if found is None else -found
            case Binary() if node.operator in "+-*/%^":
                return arithmetic(node.operator, number(self.value(node.left)), number(self.value(node.right)))
            case Binary():
                return compare(node.operator, self.value(node.left), self.value(node.right))
            case Junction():
                found = [self.condition(part) for part in node.parts]
                if node.word == "and":
                    return False if False in found else None if None in found else True
                return True if True in found else None if None in found else False
            case Not():
                found = self.condition(node.operand)
                return None if found is None else not found
            case Like():
                value = text(self.value(node.operand))
                if value is None:
                    return None
                found = bool(re.search(node.pattern, value)) if node.regex else node.pattern in value
                return found != node.negated
            case In():
                value = real(self.value(node.operand))
                if value is None:
                    return None
                if isinstance(node.values, Query):
                    return (text(value) in subquery(self.state, node.values)) != node.negated
                found = any(compare("=", value, one.value) for one in node.values)
                return found != node.negated
            case Call():
                return FUNCTIONS[node.key](self, *node.arguments)
        raise AssertionError(node)

    def condition(self, node):
        return truth(self.value(node))


def arithmetic(operator, one, other):
    if one is None or other is None:
        return None
    if operator == "+":
        return finite(one + other)
    if operator == "-":
        return finite(one - other)
    if operator == "*":
        return finite(one * other)
    if other == 0 and operator in "/%":
        return None
    if operator == "/":
        return finite(one / other)
    if operator == "%":
        if isinstance(one, float) or isinstance(other, float):
            return math.fmod(one, other)
        return abs(one) % abs(other) * (-1 if one < 0 else 1)
    try:
        found = float(one) ** float(other)
    except (OverflowError, ZeroDivisionError):
        return None
    return None if isinstance(found, complex) else finite(found)


def subquery(state, query):
    columns, rows = run(query, state.rows_of(query), state)
    assert len(columns) == 1
    return {row[0] for row in rows if row[0] is not None}


FUNCTIONS = {}


def function(*names, kinds=""):
    """Register a function of values. kinds: how each argument is taken: t(ext), n(umber), i(nteger), v(alue)."""

    def put(body):
        def call(row, *arguments):
            values = []
            for place, node in enumerate(arguments):
                kind = kinds[min(place, len(kinds) - 1)]
                value = row.value(node)
                value = {"t": text, "n": number, "i": whole, "v": lambda v: v}[kind](value)
                values.append(value)
            return body(*values)

        for name in names:
            FUNCTIONS[name.lower()] = call
        return body

    return put


def whole(value):
    found = number(value)
    if found is None or abs(found) >= 2**63:
        return None
    return math.trunc(found)


def strict(body):
    """Make None of a call in which any argument is None."""

    def call(*values):
        return None if any(value is None for value in values) else body(*values)

    return call


function("abs", kinds="n")(strict(abs))
function("ceil", kinds="n")(strict(lambda a: a if isinstance(a, int) else float(math.ceil(a))))
function("floor", kinds="n")(strict(lambda a: a if isinstance(a, int) else float(math.floor(a))))
function("sqrt", kinds="n")(strict(lambda a: math.sqrt(a) if a >= 0 else None))
function("log", kinds="n")(strict(lambda a: math.log(a) if a > 0 else None))
function("greatest", kinds="n")(strict(max))
function("least", kinds="n")(strict(min))
function("toNumber", kinds="n")(lambda a: a)
function("toDouble", kinds="n")(strict(float))
function("toLong", kinds="i")(lambda a: a)
function("toInt", kinds="i")(strict(lambda a: a if -(2**31) <= a < 2**31 else None))
function("isNumeric", kinds="v")(lambda a: number(a) is not None)
function("ispresent", kinds="v")(lambda a: a is not None and a is not DASH)
function("messageSize", kinds="t")(strict(lambda a: len(a.encode())))
function("isempty", kinds="t")(lambda a: int(a is None or a == ""))
function("isblank", kinds="t")(lambda a: int(a is None or not a.strip()))
function("concat", kinds="t")(lambda *a: "".join(one for one in a if one is not None))
function("strlen", kinds="t")(strict(len))
function("toupper", kinds="t")(strict(str.upper))
function("tolower", kinds="t")(strict(str.lower))
function("replace", kinds="t")(strict(lambda s, find, put: s.replace(find, put) if find else s))
function("startsWith", kinds="t")(strict(lambda s, x: int(s.startswith(x))))
function("endsWith", kinds="t")(strict(lambda s, x: int(s.endswith(x))))
function("split", kinds="t")(strict(lambda s, d: Array(s.split(d) if d else list(s))))
function("urlencode", kinds="t")(strict(lambda s: urllib.parse.quote(s, safe="-_.~")))
function("base64encode", kinds="t")(strict(lambda s: base64.b64encode(s.encode()).decode()))
function("md5", kinds="t")(strict(lambda s: hashlib.md5(s.encode()).hexdigest()))
function("sha256", kinds="t")(strict(lambda s: hashlib.sha256(s.encode()).hexdigest()))
function("hexToDec", kinds="t")(strict(lambda s: hexadecimal(s)))  # noqa: PLW0108 - it stands below
function("decToHex", kinds="i")(strict(lambda n: f"-0x{-n:x}" if n < 0 else f"0x{n:x}"))
function("fromMillis", kinds="i")(strict(Time))
function("toMillis", kinds="i")(strict(int))
function("isValidIp", kinds="t")(strict(lambda s: address(s) is not None))
function("isValidIpV4", kinds="t")(strict(lambda s: version(s) == 4))
function("isValidIpV6", kinds="t")(strict(lambda s: version(s) == 6))
function("isIpInSubnet", kinds="t")(strict(lambda s, n: inside(s, n, (4, 6))))
function("isIpv4InSubnet", kinds="t")(strict(lambda s, n: inside(s, n, (4,))))
function("isIpv6InSubnet", kinds="t")(strict(lambda s, n: inside(s, n, (6,))))
function("ipv4ToNumber", kinds="t")(strict(lambda s: int(address(s)) if version(s) == 4 else None))
function("isPrivateIP", kinds="t")(
    strict(lambda s: any(inside(s, n, (4, 6)) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
)


def hexadecimal(text_):
    found = int(text_, 16) if re.fullmatch("(0[xX])?[0-9a-fA-F]+", text_) else None
    return found if found is not None and found < 2**63 else None


def address(text_):
    try:
        return ipaddress.ip_address(text_)
    except ValueError:
        return None


def version(text_):
    found = address(text_)
    return found.version if found else 0


def inside(text_, network, versions):
    found, net = address(text_), ipaddress.ip_network(network, strict=False)
    return found is not None and found.version == net.version and net.version in versions and found in net


@function("round", kinds="n")
def _round(a, d=0):
    if a is None or d is None:
        return None
    scale = 10.0 ** int(d)
    scaled = abs(a) * scale
    found = math.floor(scaled + 0.5) / scale
    return math.copysign(found, a)


@function("substr", kinds="tii")
def _substr(s, i, *n):
    if s is None or i is None or None in n:
        return None
    start = max(i, 0)
    return s[start : start + max(n[0], 0)] if n else s[start:]


def _trimmed(left, right):
    def trim(s, *chars):
        if s is None or None in chars:
            return None
        given = chars[0] if chars else " \t\n\r\f\v"
        s = s.lstrip(given) if left else s
        return s.rstrip(given) if right else s

    return trim


function("trim", kinds="t")(_trimmed(left=True, right=True))
function("ltrim", kinds="t")(_trimmed(left=True, right=False))
function("rtrim", kinds="t")(_trimmed(left=False, right=True))


@function("strcontains", kinds="ttv")
def _strcontains(s, x, ci=None):
    if s is None or x is None:
        return None
    return int(x.lower() in s.lower() if truth(ci) else x in s)


@function("coalesce", kinds="v")
def _coalesce(*values):
    return next((value for value in values if value is not None and value is not DASH), None)


@function("jsonParse", kinds="t")
def _json_parse(s):
    try:
        found = json.loads(s) if s is not None else None
    except ValueError:
        return None
    return found if isinstance(found, (dict, list)) else None


function("jsonStringify", kinds="v")(lambda v: show(v) if isinstance(v, (dict, list)) else None)


def _array_of(value):
    if isinstance(value, list):
        return value
    found = _json_parse(text(value))
    return found if isinstance(found, list) else None


function("jsonArraySize", kinds="v")(lambda v: None if _array_of(v) is None else len(_array_of(v)))
function("jsonArrayContains", kinds="vt")(
    lambda v, x: int(x is not None and x in [json_text(one) for one in _array_of(v) or []])
)


def json_text(value):
    if isinstance(value, (dict, list)):
        return show(value)
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, (bool, str)) else str(value)


def lazy(*names):
    def put(body):
        for name in names:
            FUNCTIONS[name.lower()] = body
        return body

    return put


@lazy("if")
def _if(row, condition, one, other):
    return row.value(one if row.condition(condition) else other)


@lazy("case")
def _case(row, *arguments):
    pairs = list(arguments)
    last = pairs.pop() if len(pairs) % 2 else None
    for test, value in zip(pairs[::2], pairs[1::2], strict=True):
        if row.condition(test):
            return row.value(value)
    return row.value(last) if last is not None else None


def floored(moment, number_, unit):
    if unit in ("month", "quarter", "year"):
        months = {"month": 1, "quarter": 3, "year": 12}[unit] * number_
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
        count = (when.year * 12 + when.month - 1) // months * months
        return Time(calendar.timegm((count // 12, count % 12 + 1, 1, 0, 0, 0)) * 1000)
    length = UNITS[unit] * number_
    shift = 4 * 86_400_000 if unit == "week" else 0
    return Time((moment - shift) // length * length + shift)


def _period(node):
    assert isinstance(node, Period)
    return min(node.number, CAPS.get(node.unit, node.number)), node.unit


@lazy("bin")
def _bin(row, period):
    found, _ = row.named("@timestamp")
    return None if found is None else floored(found, *_period(period))


@lazy("datefloor")
def _datefloor(row, moment, period):
    found = whole(row.value(moment))
    return None if found is None else floored(found, *_period(period))


@lazy("dateceil")
def _dateceil(row, moment, period):
    found = whole(row.value(moment))
    if found is None:
        return None
    count, unit = _period(period)
    floor = floored(found, count, unit)
    if floor == found:
        return floor
    step = {"month": 31, "quarter": 31 * 3, "year": 366}.get(unit)
    return floored(floor + (step * count * 86_400_000 if step else UNITS[unit] * count), count, unit)


@lazy("formatDate", "strftime")
def _format_date(row, moment, pattern, zone=None):
    found = whole(row.value(moment))
    if found is None:
        return None
    name = row.value(zone) if zone is not None else "UTC"
    when = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=found)).astimezone(ZoneInfo(name))
    return when.strftime(row.value(pattern))


@lazy("regexReplace", "regex_replace")
def _regex_replace(row, value, pattern, put):
    given = text(row.value(value))
    by = text(row.value(put))
    if given is None or by is None:
        return None
    return re.sub(row.value(pattern), re.sub(r"\$([0-9])", r"\\\1", by.replace("\\", "\\\\")), given)


# --- aggregates ----------------------------------------------------------------------------------------------------


def _numbers(values):
    return [found for value in values if (found := number(value)) is not None]


def _there(values):
    return [value for value in values if value is not None and value is not DASH]


def _ranked(values):
    return sorted(values, key=cmp_to_key(natural))


def _extreme(last):
    def find(values):
        values = [value for value in map(real, values) if value is not None]
        numbers = [value for value in values if number(value) is not None]
        ranked = _ranked(numbers or values)
        return ranked[-1 if last else 0] if ranked else None

    return find


def _percentile(values, share):
    numbers = sorted(_numbers(values))
    return numbers[max(0, math.ceil(len(numbers) * share / 100) - 1)] if numbers else None


def _variance(values):
    numbers = _numbers(values)
    if not numbers:
        return None
    mean = sum(numbers) / len(numbers)
    return math.fsum((one - mean) ** 2 for one in numbers) / len(numbers)


def _total(values):
    numbers = _numbers(values)
    if not numbers:
        return None
    return sum(numbers) if all(isinstance(one, int) for one in numbers) else math.fsum(numbers)


def _distinct(values):
    known = {
        value if isinstance(value, (int, float)) and not isinstance(value, bool) else text(value)
        for value in map(real, values)
    }
    return known - {None}


AGGREGATES = {
    "sum": _total,
    "sumovertime": _total,
    "avg": lambda values: math.fsum(_numbers(values)) / len(_numbers(values)) if _numbers(values) else None,
    "min": _extreme(last=False),
    "max": _extreme(last=True),
    "stddev": lambda values: None if _variance(values) is None else math.sqrt(_variance(values)),
    "variance": _variance,
    "countdistinct": lambda values: len(_distinct(values)),
    "count_distinct": lambda values: len(_distinct(values)),
    "values": lambda values: Array(sorted({text(v) for v in values} - {None})) or None,
    "sortsfirst": lambda values: next(iter(_ranked([v for v in map(real, values) if v is not None])), None),
    "sortslast": lambda values: next(iter(_ranked([v for v in map(real, values) if v is not None])[::-1]), None),
}


def aggregate(state, rows, node, known):
    """Evaluate an item of `stats` over the rows of a group."""
    if isinstance(node, Call):
        key = node.key
        values = [Row(state, row).value(node.arguments[-1]) for row in rows] if node.arguments else []
        if key in ("count", "countovertime"):
            return len(rows) if not node.arguments else len(_there(values))
        if key == "pct":
            return _percentile([Row(state, row).value(node.arguments[0]) for row in rows], node.arguments[1].value)
        if key == "topk":
            count = Counter(text(v) for v in values if text(v) is not None)
            ranked = sorted(count, key=lambda one: (-count[one], one))
            return Array(ranked[: node.arguments[0].value]) or None
        if key in ("earliest", "latest"):
            timed = [row for row in rows if row.get("@timestamp") is not None]
            if not timed:
                return None
            chosen = (min if key == "earliest" else max)(timed, key=lambda row: row["@timestamp"])
            found = Row(state, chosen).value(node.arguments[0])
            return int(found) if isinstance(found, Time) else found
        if key in AGGREGATES:
            return AGGREGATES[key](values)
        inner = [aggregate(state, rows, one, known) for one in node.arguments]
        names = [Field((f"·{place}",), 0, 0) for place in range(len(inner))]
        row = Row(state, {f"·{place}": value for place, value in enumerate(inner)})
        return FUNCTIONS[key](row, *names)
    if isinstance(node, Binary) and node.operator in "+-*/%^":
        sides = [number(aggregate(state, rows, side, known)) for side in (node.left, node.right)]
        return arithmetic(node.operator, *sides)
    if isinstance(node, Negative):
        found = number(aggregate(state, rows, node.operand, known))
        return None if found is None else -found
    return Row(state, {}, known).value(node)


# --- commands ------------------------------------------------------------------------------------------------------


def _fields(state, stage):
    for item in stage.items:
        if item.name not in state.shown:
            state.shown.append(item.name)
    for row in state.rows:
        made = {}
        for item in stage.items:
            outer = {name: value for name, value in made.items() if not isinstance(value, (dict, list))}
            value = Row(state, row, outer).value(item.expr)
            if item.aliased or not isinstance(item.expr, Field):
                made[item.name] = value
        row.update(made)


def _display(state, stage):
    state.display = [item.name for item in stage.items]
    for row in state.rows:
        made = {}
        for item in stage.items:
            made[item.name] = Row(state, row, made).value(item.expr)
        row["·display"] = made


def _filter(state, stage):
    state.rows = [row for row in state.rows if Row(state, row).condition(stage.condition)]


def _sort(state, stage):
    for key in reversed(stage.keys):
        values = {id(row): Row(state, row).value(key.field) for row in state.rows}
        there = [
            row for row in state.rows if values[id(row)] is not None and not isinstance(values[id(row)], (dict, list))
        ]
        missing = [row for row in state.rows if row not in there]
        sign = -1 if key.descending else 1
        there.sort(key=cmp_to_key(lambda a, b, v=values, s=sign: s * natural(v[id(a)], v[id(b)])))
        state.rows = there + missing


def _limit(state, stage):
    state.rows = state.rows[: stage.rows]


def _dedup(state, stage):
    seen, kept = set(), []
    for row in state.rows:
        key = tuple(text(Row(state, row).value(one)) for one in stage.fields)
        if None in key or key not in seen:
            kept.append(row)
        seen.add(key)
    state.rows = kept


def _stats(state, stage):
    groups = {}
    for row in state.rows:
        values = [Row(state, row).value(item.expr) for item in stage.by]
        for place, item in enumerate(stage.by):
            if stage.offset is not None and isinstance(item.expr, Call) and item.expr.key == "bin":
                shift = stage.offset.number * UNITS[stage.offset.unit]
                found = row["@timestamp"] - shift
                values[place] = Time(floored(found, *_period(item.expr.arguments[0])) + shift)
        key = tuple("·dash" if value is DASH else value if isinstance(value, Time) else text(value) for value in values)
        groups.setdefault(key, (values, []))[1].append(row)
    if not stage.by:
        groups = {(): ([], state.rows)}
    made = []
    for values, rows in groups.values():
        known = dict(zip((item.name for item in stage.by), values, strict=True))
        for item in stage.items:
            known[item.name] = aggregate(state, rows, item.expr, known)
        made.append(known)
    binned = [item.name for item in stage.by if isinstance(item.expr, Call) and item.expr.key == "bin"]
    others = [item.name for item in stage.by if item.name not in binned]
    for name in reversed([*binned, *others]):
        # Groups come by what they are in the lake: numbers by value, texts by their characters, "-" and missing last.
        made.sort(key=lambda row, n=name: _group_key(row[n]))
    state.rows, state.after_stats, state.display = made, True, None
    state.default = [*(item.name for item in stage.by), *(item.name for item in stage.items)]
    state.shown = []


def _group_key(value):
    if value is None or value is DASH or value == "-":
        return (1, 0, "")
    if isinstance(value, str):
        return (0, 0, value)
    return (0, value, "")


def _parse(state, stage):
    names = [name.name for name in stage.names]
    made = []
    for row in state.rows:
        value = text(Row(state, row).value(stage.operand))
        if stage.mode == "logfmt":
            row[names[0]] = None if value is None else logfmt(value)
            made.append(row)
        elif stage.mode == "csv":
            cells = next(csv.reader([value]), []) if value is not None else []
            row.update({name: cells[place] if place < len(cells) else None for place, name in enumerate(names)})
            made.append(row)
        else:
            matches = _matches(stage, value)
            for found in (matches if stage.mode == "multi" else matches[:1]) or [None]:
                groups = found.groups() if found else [None] * len(names)
                new = dict(zip(names, ("" if found and one is None else one for one in groups), strict=True))
                made.append({**row, **{name: one for name, one in new.items() if name}})
    state.rows = made


def _matches(stage, value):
    if value is None:
        return []
    if stage.mode != "glob":
        return list(re.finditer(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", stage.pattern), value))
    parts = [re.escape(part) for part in stage.pattern.split("*")]
    ends = len(parts) > 1 and not parts[-1]
    pattern = "(.*?)".join(parts[:-1] if ends else parts) + ("(.*)" if ends else "")
    return list(re.finditer(pattern, value, re.DOTALL))


def logfmt(value):
    found = {}
    for key, rest, quoted in re.findall(r'([^\s="]+)(=("(?:\\.|[^"\\])*"|[^\s]*))?', value):
        part = quoted
        if len(part) > 1 and part[0] == part[-1] == '"':
            part = re.sub(r"\\([\\\"])", r"\1", part[1:-1])
        found.pop(key, None)
        found[key] = part if rest else ""
    return found


def _json(state, stage):
    for row in state.rows:
        value = Row(state, row).value(stage.field)
        value = value if isinstance(value, (dict, list)) else _json_parse(text(value))
        for name, place in re.findall(r'\."([^"]*)"|\[([0-9]+)\]', stage.path):
            if place:
                value = value[int(place)] if isinstance(value, list) and int(place) < len(value) else None
            else:
                value = value.get(name) if isinstance(value, dict) else None
        row[stage.name.name] = value


def _unmask(state, stage):
    state.shown += [one.name for one in stage.fields if one.name not in state.shown]


COMMANDS = {
    "fields": _fields,
    "display": _display,
    "filter": _filter,
    "sort": _sort,
    "limit": _limit,
    "dedup": _dedup,
    "stats": _stats,
    "parse": _parse,
    "json": _json,
    "unmask": _unmask,
    "SOURCE": lambda state, stage: None,
}


def run(query, events, parent=None):
    """Return the columns and the rows (cells as texts, None for what is missing) of *query* on *events* (name → value)."""
    state = State([dict(event) for event in events])
    if parent is not None:
        state.rows_of = parent.rows_of
    state.rows.sort(key=lambda row: -row["@timestamp"] if row.get("@timestamp") is not None else 0)
    for stage in query.stages:
        COMMANDS[stage.command](state, stage)
    columns = state.shown or state.default or ["@timestamp", "@message"]
    if state.display is not None:
        rows = [[show(row["·display"][name]) for name in state.display] for row in state.rows]
        return state.display, rows
    return columns, [[show(row.get(name)) for name in columns] for row in state.rows]


def answer(text_, events, groups=None):
    """Return what `run` does, of a query's text; groups: events by the names of log groups."""
    query = parse(text_)
    state = State([])
    known = {"": events, **(groups or {})}
    state.rows_of = lambda inner: known[_source(inner)]
    return run(query, known[_source(query)], state)


def _source(query):
    return next((stage.name for stage in query.stages if stage.command == "SOURCE"), "")


from query import insights_plain_series  # noqa: E402, F401 - the other commands; it needs what is above
