"""CAST and TRY_CAST: which type becomes which, and how. Source: Trino documentation, "Conversion functions"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from vpcflow.query.athena.call import sql, text
from vpcflow.query.athena.functions import time
from vpcflow.query.athena.types import BOOLEAN, DATE, DOUBLE, INSTANT, Type, duckdb

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound

FUNCTIONS: Final = r"""
internal whole(x varchar) bigint = CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN CAST(x AS BIGINT)
  WHEN x IS NOT NULL THEN error('Cannot cast ''' || x || ''' to BIGINT') END
internal try_whole(x varchar) bigint = CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN TRY_CAST(x AS BIGINT) END
internal double_pattern() varchar = '\s*[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?|NaN|Infinity)[fFdD]?\s*'
internal double_digits(x varchar) varchar = CASE WHEN regexp_matches(x, '[0-9.][fFdD]?\s*$') THEN rtrim(trim(x), 'fFdD') ELSE trim(x) END
internal double(x varchar) double = CASE WHEN regexp_full_match(x, trino_double_pattern()) THEN CAST(trino_double_digits(x) AS DOUBLE)
  WHEN x IS NOT NULL THEN error('Cannot cast ''' || x || ''' to DOUBLE') END
internal try_double(x varchar) double = CASE WHEN regexp_full_match(x, trino_double_pattern()) THEN CAST(trino_double_digits(x) AS DOUBLE) END
internal digits(x varchar) varchar = CASE WHEN regexp_full_match(x, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?') THEN x
  WHEN x IS NOT NULL THEN error('Cannot cast VARCHAR ''' || x || ''' to DECIMAL. Value is not a number.') END
internal try_digits(x varchar) varchar = CASE WHEN regexp_full_match(x, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?') THEN x END
internal truth(x varchar) boolean = CASE WHEN lower(x) IN ('true', 't', '1') THEN true WHEN lower(x) IN ('false', 'f', '0') THEN false
  WHEN x IS NOT NULL THEN error('Cannot cast ''' || x || ''' to BOOLEAN') END
internal try_truth(x varchar) boolean = CASE WHEN lower(x) IN ('true', 't', '1') THEN true WHEN lower(x) IN ('false', 'f', '0') THEN false END
internal day(x varchar) date = CASE WHEN regexp_full_match(x, '\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*') THEN CAST(trim(x) AS DATE)
  WHEN x IS NOT NULL THEN error('Value cannot be cast to date: ' || x) END
internal try_day(x varchar) date = CASE WHEN regexp_full_match(x, '\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*') THEN TRY_CAST(trim(x) AS DATE) END
internal moment_pattern() varchar = '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?'
internal moment_digits(x varchar) varchar = CASE WHEN regexp_full_match(x, '.* [0-9]{1,2}:[0-9]{1,2}') THEN x || ':00' ELSE x END
internal moment(x varchar) timestamp = CASE WHEN regexp_full_match(x, trino_moment_pattern()) THEN CAST(trino_moment_digits(x) AS TIMESTAMP)
  WHEN x IS NOT NULL THEN error('Value cannot be cast to timestamp: ' || x) END
internal try_moment(x varchar) timestamp = CASE WHEN regexp_full_match(x, trino_moment_pattern())
  THEN TRY_CAST(trino_moment_digits(x) AS TIMESTAMP) END
internal fitting(x varchar, size bigint) varchar = CASE WHEN length(x) > size
  THEN error('Value ' || x || ' cannot be represented as varchar(' || size || ')') ELSE x END
internal try_fitting(x varchar, size bigint) varchar = CASE WHEN length(x) <= size THEN x END
internal once double_text(x double) varchar = CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
  WHEN x = 0 THEN CASE WHEN CAST(x AS VARCHAR)[1] = '-' THEN '-' ELSE '' END || '0E0' ELSE trino_scientific(trino_shortest(x)) END
internal shortest(x double) varchar = CASE WHEN contains(CAST(x AS VARCHAR), 'e') THEN CAST(x AS VARCHAR) ELSE CAST(x AS VARCHAR) || 'e0' END
internal once scientific(x varchar) varchar = CASE WHEN starts_with(x, '-') THEN '-' ELSE '' END
  || trino_mantissa(replace(regexp_extract(x, '^-?([0-9.]+)e', 1), '.', '').ltrim('0').rtrim('0'))
  || 'E' || (CAST(split_part(x, 'e', 2) AS INTEGER) + trino_magnitude(regexp_extract(x, '^-?([0-9.]+)e', 1)))
internal once mantissa(digits varchar) varchar = digits[1] || '.' || CASE WHEN length(digits) > 1 THEN digits[2:] ELSE '0' END
internal once magnitude(x varchar) integer = CASE WHEN ltrim(split_part(x, '.', 1), '0') <> '' THEN length(ltrim(split_part(x, '.', 1), '0')) - 1
  ELSE -1 - (length(split_part(x, '.', 2)) - length(ltrim(split_part(x, '.', 2), '0'))) END
"""

_NAMES: Final = {
    exp.DataType.Type.BOOLEAN: "boolean", exp.DataType.Type.TINYINT: "tinyint", exp.DataType.Type.SMALLINT: "smallint",
    exp.DataType.Type.INT: "integer", exp.DataType.Type.BIGINT: "bigint", exp.DataType.Type.FLOAT: "real",
    exp.DataType.Type.DOUBLE: "double", exp.DataType.Type.DATE: "date", exp.DataType.Type.VARBINARY: "varbinary",
    exp.DataType.Type.JSON: "json", exp.DataType.Type.IPADDRESS: "ipaddress", exp.DataType.Type.IPPREFIX: "ipprefix",
    exp.DataType.Type.VARCHAR: "varchar", exp.DataType.Type.TEXT: "varchar", exp.DataType.Type.CHAR: "char",
    exp.DataType.Type.DECIMAL: "decimal", exp.DataType.Type.TIMESTAMP: "timestamp",
    exp.DataType.Type.TIMESTAMPTZ: "timestamp with time zone", exp.DataType.Type.ARRAY: "array", exp.DataType.Type.MAP: "map",
    exp.DataType.Type.STRUCT: "row",
}  # fmt: skip


def read_type(node: exp.DataType) -> Type | None:
    """Return the type that a question writes, None for one there is not here."""
    name = _NAMES.get(node.this)
    if name is None:
        return None
    if name in ("array", "map", "row"):
        inner, names = [], []
        for part in node.expressions:
            kind = part if isinstance(part, exp.DataType) else part.args.get("kind")
            found = read_type(kind) if isinstance(kind, exp.DataType) else None
            if found is None:
                return None
            inner.append(found)
            names.append("" if isinstance(part, exp.DataType) else part.name)
        return Type(name, inner=tuple(inner), names=tuple(names) if name == "row" else ())
    numbers = tuple(int(part.name) for part in node.expressions if part.name.isdecimal())
    if name == "decimal":
        numbers = (*numbers, 0)[:2] if numbers else (38, 0)
        return Type(name, numbers)
    if name.startswith("timestamp"):
        return Type(name, numbers[:1] or (3,))
    if name == "char":
        return Type("char", numbers[:1] or (1,))
    return Type(name, numbers[:1] if name == "varchar" else ())


def cast(value: Bound, wanted: Type, *, safe: bool) -> exp.Expr | None:
    """Return *value* as *wanted*, None where Trino (or we) know no way. safe: null instead of an error."""
    given, node = value.type, value.node
    if given == wanted:
        return node
    if given.name == "unknown":
        return exp.cast(exp.Null(), duckdb(wanted), dialect="duckdb")
    if wanted.name in ("varchar", "char"):
        return _to_text(value, wanted, safe=safe)
    if given.name in ("varchar", "char"):
        return _from_text(node, wanted, "try_" if safe else "")
    kind = (exp.TryCast if safe else exp.Cast)(this=node, to=exp.DataType.build(duckdb(wanted), dialect="duckdb"))
    if given.is_number and wanted.is_number:
        if given.name in ("double", "real") and (wanted.is_integer or wanted.name == "decimal"):
            digits = 0 if wanted.is_integer else wanted.numbers[1]
            kind.set("this", sql("round", node, exp.Literal.number(digits)))
        return kind
    if given == BOOLEAN and wanted.is_number:
        return kind
    if given.is_number and wanted == BOOLEAN:
        return exp.NEQ(this=exp.paren(node), expression=exp.Literal.number(0))
    if given.is_time and wanted.is_time:
        return _time(value, wanted)
    if wanted.name == "json" and given.name != "ipaddress":
        return sql("to_json", node)
    return _inner(value, wanted, kind, safe=safe)


def _inner(value: Bound, wanted: Type, kind: exp.Expr, *, safe: bool) -> exp.Expr | None:
    """Cast what collections hold, where the whole can be cast at once."""
    given = value.type
    if given.name == "json":
        if wanted.inner:
            return kind
        shown = sql("trino_json_extract_scalar_0", value.node, text("$"))
        return _from_text(shown, wanted, "try_" if safe else "") if wanted.is_number or wanted == BOOLEAN else None
    if given.name != wanted.name or len(given.inner) != len(wanted.inner) or not given.inner:
        return None
    if given.name == "array" and (safe or not _alike(given, wanted)):
        element = type(value)(exp.column("one"), given.inner[0], value.written)
        inner = cast(element, wanted.inner[0], safe=safe)
        if inner is None:
            return None
        return sql("list_transform", value.node, exp.Lambda(this=inner, expressions=[exp.to_identifier("one")]))
    if not all(_alike(a, b) for a, b in zip(given.inner, wanted.inner, strict=True)):
        return None
    if given.name == "row":
        fields = [
            sql("struct_extract_at", value.node.copy(), exp.Literal.number(place + 1))
            for place in range(len(given.inner))
        ]
        pairs = [
            exp.PropertyEQ(
                this=exp.to_identifier(name or f"field{place}", quoted=True),
                expression=exp.cast(field, duckdb(part), dialect="duckdb"),
            )
            for place, (field, part, name) in enumerate(zip(fields, wanted.inner, wanted.names, strict=True))
        ]
        return exp.Struct(expressions=pairs)
    return kind


def _alike(given: Type, wanted: Type) -> bool:
    if given.inner or wanted.inner:
        return given.name == wanted.name and all(_alike(a, b) for a, b in zip(given.inner, wanted.inner, strict=True))
    return given == wanted or given.name == "unknown" or (given.is_number and wanted.is_number and given.name not in ("double", "real")) \
        or {given.name, wanted.name} <= {"varchar", "char"}  # fmt: skip


def _to_text(value: Bound, wanted: Type, *, safe: bool) -> exp.Expr | None:
    given, node = value.type, value.node
    if given.name in ("varchar", "char"):
        shown: exp.Expr = node
    elif given.name == "double":
        shown = sql("trino_double_text", node)
    elif given.name == "real":
        shown = sql("trino_double_text", exp.cast(exp.cast(node, "VARCHAR"), "DOUBLE"))
    elif given.name == "timestamp":
        shown = time.printed(node, given.numbers[0])
    elif given.name == INSTANT.name:
        shown = exp.DPipe(this=time.printed(time.local(value), given.numbers[0]), expression=text(f" {given.zone}"))
    elif given.name == "ipaddress":
        shown = sql("trino_ip_text", node)
    elif given.name == "ipprefix":
        shown = sql("trino_prefix_text", node)
    elif given.name == "json":
        shown = sql("trino_json_extract_scalar_0", node, text("$"))
    elif given.is_number or given in (BOOLEAN, DATE):
        shown = exp.cast(node, "VARCHAR")
    else:
        return None
    if wanted.name == "char":
        return sql("rpad", shown, exp.Literal.number(wanted.numbers[0]), text(" "))
    if wanted.numbers:
        if given.name not in ("varchar", "char"):
            limit = exp.Literal.number(wanted.numbers[0])
            return sql("trino_try_fitting" if safe else "trino_fitting", shown, limit)
        return sql("left", shown, exp.Literal.number(wanted.numbers[0]))
    return shown


def _from_text(node: exp.Expr, wanted: Type, safe: str) -> exp.Expr | None:
    if wanted.is_integer:
        whole = sql(f"trino_{safe}whole", node)
        kind = exp.TryCast if safe else exp.Cast
        return (
            whole
            if wanted.name == "bigint"
            else kind(this=whole, to=exp.DataType.build(duckdb(wanted), dialect="duckdb"))
        )
    if wanted.name in ("double", "real"):
        found = sql(f"trino_{safe}double", node)
        return found if wanted == DOUBLE else exp.cast(found, "FLOAT", dialect="duckdb")
    if wanted.name == "decimal":
        kind = exp.TryCast if safe else exp.Cast
        return kind(this=sql(f"trino_{safe}digits", node), to=exp.DataType.build(duckdb(wanted), dialect="duckdb"))
    names = {"boolean": "truth", "date": "day", "timestamp": "moment", "ipaddress": "ip", "ipprefix": "prefix"}
    if wanted.name in names:
        return sql(f"trino_{safe}{names[wanted.name]}", node)
    if wanted.name == "varbinary":
        return sql("encode", node)
    if wanted.name == "json":
        return sql("to_json", node)
    return None


def _time(value: Bound, wanted: Type) -> exp.Expr:
    given, node = value.type, value.node
    if wanted == DATE:
        return exp.cast(time.local(value), "DATE")
    if wanted.name == "timestamp" and given.name == INSTANT.name:
        node = time.local(value)
    if given == DATE:
        return exp.cast(node, "TIMESTAMP")
    if given.numbers and wanted.numbers[0] < given.numbers[0]:
        return _rounded(node, wanted.numbers[0])
    return node


def _rounded(node: exp.Expr, digits: int) -> exp.Expr:
    """Round a timestamp to *digits* of its second's fraction."""
    if digits >= 6:
        return node
    step = exp.Literal.number(10 ** (6 - digits))
    micros = exp.Div(this=sql("epoch_us", node), expression=exp.cast(step, "DOUBLE"))
    return sql("make_timestamp", exp.Mul(this=exp.cast(sql("round", micros), "BIGINT"), expression=step.copy()))


_ZONED: Final = re.compile(r"\s*(\d{4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d+))?)?)?)(?: ?(\S+))?\s*")


def moment(value: Bound, wanted: Type) -> tuple[exp.Expr, Type] | None:
    """Read a literal's zone and digits: `TIMESTAMP '2026-11-23 10:00 Asia/Seoul'`; None for what is no such literal."""
    if value.text is None:
        return None
    match = _ZONED.fullmatch(value.text)
    if match is None:
        return None
    digits, zone = len(match[2] or ""), match[3]
    when = exp.cast(text(match[1] if match[1].count(":") != 1 else f"{match[1]}:00"), "TIMESTAMP")
    if zone is None:
        return (
            when,
            Type(wanted.name, (max(digits, wanted.numbers[0]) if wanted.name == INSTANT.name else wanted.numbers[0],)),
        )
    try:
        if zone not in ("Z", "UTC"):
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    zone = "UTC" if zone == "Z" else zone
    return time.instant(when, zone), Type(INSTANT.name, (digits,), zone=zone)
