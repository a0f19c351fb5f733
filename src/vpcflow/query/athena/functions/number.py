"""Numbers: Trino's "Mathematical functions and operators", "Bitwise functions"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.athena.call import sql
from vpcflow.query.athena.types import BIGINT, DOUBLE, REAL, decimal, duckdb

if TYPE_CHECKING:
    from vpcflow.query.athena.call import Bound, Call

FUNCTIONS: Final = r"""
sqrt(x double) double = CASE WHEN x < 0 THEN CAST('nan' AS DOUBLE) ELSE sqrt(x) END
cbrt(x double) double -> cbrt
exp(x double) double -> exp
ln(x double) double = CASE WHEN x > 0 THEN ln(x) WHEN x = 0 THEN CAST('-inf' AS DOUBLE) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END
log2(x double) double = CASE WHEN x > 0 THEN log2(x) WHEN x = 0 THEN CAST('-inf' AS DOUBLE) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END
log10(x double) double = CASE WHEN x > 0 THEN log10(x) WHEN x = 0 THEN CAST('-inf' AS DOUBLE) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END
log(base double, x double) double = trino_ln_0(x) / trino_ln_0(base)
power(x double, y double) double -> power
pow(x double, y double) double -> power
truncate(x double) double -> trunc
sin(x double) double -> sin
cos(x double) double -> cos
tan(x double) double -> tan
asin(x double) double -> asin
acos(x double) double -> acos
atan(x double) double -> atan
atan2(y double, x double) double -> atan2
sinh(x double) double -> sinh
cosh(x double) double -> cosh
tanh(x double) double -> tanh
from_base(x varchar, radix bigint) bigint = CASE WHEN radix NOT BETWEEN 2 AND 36 THEN error('Radix must be between 2 and 36')
  WHEN regexp_full_match(x, '[+-]?[0-9a-zA-Z]+') THEN CAST(CASE WHEN x[1] = '-' THEN -1 ELSE 1 END * list_sum(list_transform(
  string_split(ltrim(lower(x), '+-'), ''), lambda one, place: trino_digit(one, radix, x)
  * CAST(power(radix, length(ltrim(x, '+-')) - place) AS HUGEINT))) AS BIGINT)
  WHEN x IS NOT NULL THEN error('Not a valid base-' || radix || ' number: ' || x) END
internal digit(one varchar, radix bigint, whole varchar) bigint = CASE WHEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', one) <= radix
  THEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', one) - 1 ELSE error('Not a valid base-' || radix || ' number: ' || whole) END
wilson_interval_lower(hits bigint, trials bigint, z double) double = trino_wilson(hits, trials, z, -1)
wilson_interval_upper(hits bigint, trials bigint, z double) double = trino_wilson(hits, trials, z, 1)
internal wilson(hits double, trials double, z double, side double) double = (hits / trials + z * z / (2 * trials)
  + side * z * sqrt(hits / trials * (1 - hits / trials) / trials + z * z / (4 * trials * trials))) / (1 + z * z / trials)
radians(x double) double -> radians
degrees(x double) double -> degrees
pi() double -> pi
e() double = exp(1.0)
infinity() double = CAST('inf' AS DOUBLE)
nan() double = CAST('nan' AS DOUBLE)
is_nan(x double) boolean -> isnan
is_infinite(x double) boolean -> isinf
is_finite(x double) boolean -> isfinite
random() double -> random
rand() double -> random
bitwise_and(x bigint, y bigint) bigint = x & y
bitwise_or(x bigint, y bigint) bigint = x | y
bitwise_xor(x bigint, y bigint) bigint -> xor
bitwise_not(x bigint) bigint = ~x
bitwise_left_shift(x integer, n bigint) integer = CASE WHEN n >= 32 THEN 0 ELSE CAST(trino_shifted(x, n, 4294967296) AS INTEGER) END
bitwise_left_shift(x bigint, n bigint) bigint = CASE WHEN n >= 64 THEN 0 ELSE CAST(trino_shifted(x, n, 18446744073709551616) AS BIGINT) END
internal shifted(x bigint, n bigint, size decimal) decimal = trino_signed(((CAST(x AS HUGEINT) + CASE WHEN x < 0 THEN size ELSE 0 END)
  << CAST(n AS HUGEINT)) % size, size)
internal signed(x decimal, size decimal) decimal = CASE WHEN x >= size // 2 THEN x - size ELSE x END
bitwise_right_shift(x integer, n bigint) integer = CASE WHEN n >= 32 THEN 0 WHEN x >= 0 THEN x >> n WHEN n = 0 THEN x
  ELSE CAST((CAST(x AS BIGINT) + 4294967296) >> n AS INTEGER) END
bitwise_right_shift(x bigint, n bigint) bigint = CASE WHEN n >= 64 THEN 0 WHEN x >= 0 THEN x >> n WHEN n = 0 THEN x
  ELSE CAST((CAST(x AS HUGEINT) + 18446744073709551616) // CAST(power(2, n) AS HUGEINT) AS BIGINT) END
bitwise_right_shift_arithmetic(x integer, n bigint) integer = CASE WHEN n >= 32 THEN CASE WHEN x < 0 THEN -1 ELSE 0 END ELSE x >> n END
bitwise_right_shift_arithmetic(x bigint, n bigint) bigint = CASE WHEN n >= 64 THEN CASE WHEN x < 0 THEN -1 ELSE 0 END ELSE x >> n END
bit_count(x bigint, bits bigint) bigint = CASE WHEN x >= 0 THEN CAST(bit_count(x) AS BIGINT) ELSE bits - CAST(bit_count(-x - 1) AS BIGINT) END
width_bucket(x double, low double, high double, n bigint) bigint = CASE WHEN n <= 0 THEN error('bucketCount must be greater than 0')
  WHEN low <= high THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 ELSE CAST(floor((x - low) * n / (high - low)) AS BIGINT) + 1 END
  ELSE CASE WHEN x > low THEN 0 WHEN x <= high THEN n + 1 ELSE CAST(floor((low - x) * n / (low - high)) AS BIGINT) + 1 END END
to_base(x bigint, radix bigint) varchar = CASE WHEN x < 0 THEN '-' ELSE '' END || lower(to_base(abs(x), CAST(radix AS INTEGER)))
internal divide_whole(x bigint, y bigint) bigint = CASE WHEN y = 0 THEN error('Division by zero') ELSE x // y END
internal modulo_whole(x bigint, y bigint) bigint = CASE WHEN y = 0 THEN error('Division by zero') ELSE x % y END
internal divide_double(x double, y double) double = CASE WHEN y <> 0 THEN x / y WHEN y = 0 THEN
  CASE WHEN x = 0 OR isnan(x) THEN CAST('nan' AS DOUBLE) WHEN x > 0 THEN CAST('inf' AS DOUBLE) WHEN x < 0 THEN CAST('-inf' AS DOUBLE) END END
internal modulo_double(x double, y double) double = CASE WHEN y <> 0 THEN x % y WHEN y = 0 AND x IS NOT NULL THEN CAST('nan' AS DOUBLE) END
internal divide_scaled(x number, y number) number = CASE WHEN y = 0 THEN error('Division by zero')
  WHEN abs(x) % abs(y) * 2 >= abs(y) THEN x // y + CASE WHEN (x < 0) = (y < 0) THEN 1 ELSE -1 END ELSE x // y END
"""


def _same(call: Call) -> Bound:
    """abs, sign: of the argument's own type."""
    call.takes(1)
    value = call.arguments[0]
    if not value.type.is_number:
        raise call.binder.fail("query.arguments", call.node, name=call.name, given=call.told)
    return call.bound(exp.cast(sql(call.name, value.node), duckdb(value.type), dialect="duckdb"), value.type)


def _whole(call: Call) -> Bound:
    """ceil, floor: whole numbers stay, decimals lose their scale."""
    call.takes(1)
    value = call.arguments[0]
    name = "floor" if call.name == "floor" else "ceil"
    if value.type.is_integer:
        return value
    if value.type.name == "decimal":
        precision, scale = value.type.numbers
        kind = decimal(precision - scale + (scale > 0), 0)
        return call.bound(exp.cast(sql(name, value.node), duckdb(kind), dialect="duckdb"), kind)
    kind = REAL if value.type == REAL else DOUBLE
    return call.bound(sql(name, call.binder.coerce(value, kind).node), kind)


def _round(call: Call) -> Bound:
    call.takes(1, 2)
    value = call.arguments[0]
    digits = [exp.cast(call.binder.coerce(one, BIGINT).node, "INTEGER") for one in call.arguments[1:]]
    kind = value.type
    if kind.is_integer and not digits:
        return value
    if kind.name == "decimal":
        precision, scale = kind.numbers
        kind = decimal(precision + 1, scale) if digits else decimal(precision - scale + (scale > 0), 0)
    elif not kind.is_number:
        kind = DOUBLE
    node = call.binder.coerce(value, kind).node if value.type.name != "decimal" else value.node
    return call.bound(exp.cast(sql("round", node, *digits), duckdb(kind), dialect="duckdb"), kind)


def _mod(call: Call) -> Bound:
    call.takes(2)
    return call.binder.call("%", *call.arguments)


BUILDERS: Final = {
    "abs": _same, "sign": _same, "ceil": _whole, "ceiling": _whole, "floor": _whole, "round": _round, "mod": _mod,
}  # fmt: skip
