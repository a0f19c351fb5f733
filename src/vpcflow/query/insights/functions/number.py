"""Numbers. A text that acts as a number is one; anything else is null, and so is what has no finite result.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import DOUBLE, INT, Value

if TYPE_CHECKING:
    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call


def _kept(name: str) -> object:
    """Return a builder of a function that leaves whole numbers whole."""

    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        del scope, node
        given = kinds.as_number(values[0])
        if given.kind is INT and name != "abs":
            return kinds.unlike(given)
        sql = kinds.call(
            name, given.sql if given.kind is DOUBLE or given.bits > 63 else exp.cast(given.sql.copy(), "HUGEINT")
        )
        return Value(sql, given.kind, bits=given.bits)

    return build


def _extreme(name: str) -> object:
    def build(scope: Scope, node: Call, values: list[Value]) -> Value:
        del scope, node
        numbers = [kinds.as_number(value) for value in values]
        kind, taken, bits = kinds.united(numbers)
        kind = DOUBLE if kind is kinds.NOTHING else kind
        missing = exp.or_(*(exp.Is(this=one.copy(), expression=exp.Null()) for one in taken))
        found = kinds.call(name, *taken)
        return Value(exp.case().when(missing, exp.Null()).else_(found), kind, bits=bits)

    return build


FUNCTIONS: Final = (
    Function(
        "abs", "a: number", DOUBLE, "The absolute value.",
        (("abs(-3)", "3"), ('abs("-2.5")', "2.5"), ('abs("x")', "")), build=_kept("abs"),  # type: ignore[arg-type]
    ),
    Function(
        "ceil", "a: number", DOUBLE, "The smallest whole number that is not below *a*.",
        (("ceil(2.1)", "3"), ("ceil(-2.1)", "-2"), ("ceil(7)", "7")), build=_kept("ceil"),  # type: ignore[arg-type]
    ),
    Function(
        "floor", "a: number", DOUBLE, "The largest whole number that is not above *a*.",
        (("floor(2.9)", "2"), ("floor(-2.1)", "-3"), ("floor(missing)", "")), build=_kept("floor"),  # type: ignore[arg-type]
    ),
    Function(
        "sqrt", "a: number", DOUBLE, "The square root; nothing for a negative number.",
        (("sqrt(16)", "4"), ("sqrt(2)", "1.4142135623730951"), ("sqrt(-1)", "")),
        body="CASE WHEN a >= 0 THEN sqrt(a) END",
    ),
    Function(
        "log", "a: number", DOUBLE, "The natural logarithm; nothing for 0 and below.",
        (("log(1)", "0"), ("log(10)", "2.302585092994046"), ("log(0)", "")),
        body="CASE WHEN a > 0 THEN ln(a) END",
    ),
    Function(
        "round", "a: number, d?: int", DOUBLE,
        "*a* to the nearest whole number, or to *d* digits behind the point; a half goes away from 0.",
        (("round(2.5)", "3"), ("round(-2.5)", "-3"), ("round(3.14159, 2)", "3.14"), ("round(1234, -2)", "1200")),
        body="cwl_finite(CASE WHEN coalesce(d, 0) > 300 THEN a ELSE round(a, CAST(greatest(coalesce(d, 0), -300) AS INTEGER)) END)",
    ),
    Function(
        "greatest", "a: number, more...: number", DOUBLE, "The largest of the numbers; nothing if one of them is missing.",
        (("greatest(1, 3, 2)", "3"), ("greatest(1, 2.5)", "2.5"), ("greatest(1, missing)", "")),
        build=_extreme("greatest"),  # type: ignore[arg-type]
    ),
    Function(
        "least", "a: number, more...: number", DOUBLE, "The smallest of the numbers; nothing if one of them is missing.",
        (("least(1, 3, 2)", "1"), ('least("9", 10)', "9"), ("least(missing, 1)", "")),
        build=_extreme("least"),  # type: ignore[arg-type]
    ),
    Function(
        "haversine", "lat1: number, lon1: number, lat2: number, lon2: number", DOUBLE,
        "The great-circle distance of two places in km, on a sphere of 6371 km; nothing for no such place.",
        (("round(haversine(52.52, 13.405, 48.8566, 2.3522))", "877"), ("haversine(0, 0, 0, 0)", "0"), ("haversine(91, 0, 0, 0)", "")),
        body=(
            "CASE WHEN abs(lat1) <= 90 AND abs(lat2) <= 90 AND abs(lon1) <= 360 AND abs(lon2) <= 360 THEN 2 * 6371 * asin(least(1, "
            "sqrt(power(sin(radians(lat2 - lat1) / 2), 2) + cos(radians(lat1)) * cos(radians(lat2)) "
            "* power(sin(radians(lon2 - lon1) / 2), 2)))) END"
        ),
    ),
    Function(
        "toNumber", "s: text", DOUBLE, "*s* as a number; nothing if it is none.",
        (('toNumber("12.5") + 1', "13.5"), ('toNumber("1e3")', "1000"), ('toNumber("12a")', "")),
        build=lambda _scope, _node, values: kinds.unlike(kinds.as_number(values[0])),
    ),
    Function(
        "toInt", "s: number", INT, "*s* as a whole number of 32 bits, what is behind the point cut off; nothing if it does not fit.",
        (('toInt("12.9")', "12"), ("toInt(-1.5)", "-1"), ("toInt(4294967296)", "")),
        body="CASE WHEN abs(s) < 2147483649 THEN CAST(TRY_CAST(trunc(s) AS INTEGER) AS BIGINT) END",
    ),
    Function(
        "toLong", "s: int", INT, "*s* as a whole number of 64 bits, what is behind the point cut off; nothing if it does not fit.",
        (('toLong("4294967296.7")', "4294967296"), ('toLong("1e30")', ""), ('toLong("x")', "")), body="s",
    ),
    Function(
        "toDouble", "s: number", DOUBLE, "*s* as a number with a point.",
        (('toDouble("0.10")', "0.1"), ("toDouble(7)", "7"), ('toDouble("")', "")), body="s",
    ),
)  # fmt: skip
