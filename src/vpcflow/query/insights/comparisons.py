"""`= != < <= > >=`, `in`, `like`: what they mean for values of each kind, as SQL that an engine can use.

A number and a text that acts as one compare as numbers, a number and any other text are unequal and in no order, two texts
compare by their code points. Null compares with nothing. A map or list compares with nothing (it is null here).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.kinds import NOTHING, NUMBERS, TEXT, Value, call, literal, number_of, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_NODES: Final[dict[str, type[exp.Binary]]] = {
    "=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
}  # fmt: skip
_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MACROS: Final = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_UNKNOWN: Final = "BOOLEAN"
_EXACT: Final = 15
"""Digits that a double holds exactly; longer whole numbers in texts are compared as texts."""


def compare(operator: str, one: Value, other: Value, *, loosely: bool) -> exp.Expr:
    """Return the condition. loosely: where null counts as false, so that a plain column may be tested alone."""
    one, other = kinds.scalar(one), kinds.scalar(other)
    if NOTHING in (one.kind, other.kind):
        return exp.cast(exp.Null(), _UNKNOWN)
    if one.const is not None and other.const is None:
        one, other, operator = other, one, _MIRRORED[operator]
    if one.kind in NUMBERS and other.kind in NUMBERS:
        return _NODES[operator](this=kinds.number(one), expression=kinds.number(other))
    if one.kind is TEXT and other.kind is TEXT:
        return _texts(operator, one, other, loosely=loosely)
    if one.kind is TEXT:
        one, other, operator = other, one, _MIRRORED[operator]
    return _number_text(operator, one, other)


def _number_text(operator: str, number: Value, words: Value) -> exp.Expr:
    if isinstance(words.const, str):
        found = number_of(words.const)
        if found is not None:
            return _NODES[operator](this=kinds.number(number), expression=literal(found).sql)
        return _known(kinds.number(number), answer=operator == "!=")
    if words.plain:
        both = exp.and_(kinds.present(words), kinds.present(number))
        return exp.case().when(both, exp.true() if operator == "!=" else exp.false())
    if isinstance(number.const, int) and not isinstance(number.const, bool) and abs(number.const) >= 10**_EXACT:
        return _texts(operator, words, literal(str(number.const)), loosely=False, mirrored=True)
    return call(f"cwl_number_{_MACROS[operator]}", kinds.real(number), text(words))


def _texts(operator: str, one: Value, other: Value, *, loosely: bool, mirrored: bool = False) -> exp.Expr:
    if mirrored:
        operator = _MIRRORED[operator]
    if isinstance(other.const, str):
        return _text_word(operator, one, other.const, loosely=loosely)
    if one.plain and other.plain:
        return _NODES[operator](this=text(one), expression=text(other))
    return call(f"cwl_text_{_MACROS[operator]}", text(one), text(other))


def _text_word(operator: str, one: Value, wanted: str, *, loosely: bool) -> exp.Expr:
    """Compare a text with one that is written out."""
    equality = operator in ("=", "!=")
    as_number = number_of(wanted)
    if as_number is not None and one.plain:
        return (
            _equal(one, wanted, loosely=loosely, equal=operator == "=") if equality else _known(text(one), answer=False)
        )
    if as_number is not None and (not equality or len(wanted.strip("+-").lstrip("0")) <= _EXACT):
        return call(f"cwl_number_{_MACROS[_MIRRORED[operator]]}", literal(float(as_number)).sql, text(one))
    if equality:
        return _equal(one, wanted, loosely=loosely, equal=operator == "=")
    if one.plain:
        return _NODES[operator](this=text(one), expression=exp.Literal.string(wanted))
    return call(f"cwl_word_{_MACROS[operator]}", text(one), exp.Literal.string(wanted))


def _equal(value: Value, wanted: str, *, loosely: bool, equal: bool) -> exp.Expr:
    """Test a text for equality with one that is no number (or too long a number)."""
    node = exp.EQ if equal else exp.NEQ
    literal_ = exp.Literal.string(wanted)
    if value.raw is None:
        return node(this=text(value), expression=literal_)
    raw = value.raw.copy()
    if wanted == "-" and value.total:
        null = exp.Is(this=raw, expression=exp.Null())
        return null if equal else exp.not_(null, copy=False)
    if wanted != "-" and equal and loosely:
        return exp.EQ(this=raw, expression=literal_)
    if wanted != "-" and value.total and not equal:
        return exp.NullSafeNEQ(this=raw, expression=literal_)
    return node(this=text(value), expression=literal_)


def _known(value: exp.Expr, *, answer: bool) -> exp.Expr:
    """Return *answer* where there is a value, null where there is none."""
    there = exp.not_(exp.Is(this=value.copy(), expression=exp.Null()), copy=False)
    return exp.case().when(there, exp.true() if answer else exp.false())


def among(value: Value, values: Sequence[str | int | float | bool], *, loosely: bool) -> exp.Expr:
    """Return whether *value* is one of *values*."""
    value = kinds.scalar(value)
    if value.kind is NOTHING:
        return exp.cast(exp.Null(), _UNKNOWN)
    if not values:
        return _known(value.sql, answer=False)
    plain = [wanted for wanted in values if isinstance(wanted, str) and wanted != "-"]
    texts = value.kind is TEXT and [w for w in plain if value.plain or number_of(w) is None]
    numbers = value.kind in NUMBERS and [w if not isinstance(w, str) else number_of(w) for w in values]
    tests: list[exp.Expr] = []
    if numbers:
        known = [
            literal(w).sql if not isinstance(w, bool) else exp.Literal.number(int(w)) for w in numbers if w is not None
        ]
        return exp.In(this=kinds.number(value), expressions=known) if known else _known(value.sql, answer=False)
    if texts:
        column = value.raw.copy() if value.raw is not None and (loosely or value.total) else text(value)
        found: exp.Expr = exp.In(this=column, expressions=[exp.Literal.string(w) for w in texts])
        if value.raw is not None and not loosely and value.total:
            found = exp.Coalesce(this=found, expressions=[exp.false()])
        tests.append(found)
    done = set(texts or ())
    tests += [
        compare("=", value, literal(w), loosely=loosely) for w in values if not (isinstance(w, str) and w in done)
    ]
    return exp.paren(exp.or_(*tests, copy=False), copy=False) if len(tests) > 1 else tests[0]


def like(value: Value, pattern: str, *, regex: bool, negated: bool, loosely: bool) -> exp.Expr:
    """Return whether *value* contains a text, or something that a pattern (RE2's) matches; or, *negated*, that it does not."""
    value = kinds.scalar(value)
    if value.kind is NOTHING:
        return exp.cast(exp.Null(), _UNKNOWN)
    name, literal_ = "regexp_matches" if regex else "contains", exp.Literal.string(pattern)
    if value.raw is not None and (loosely or value.total) and not _finds_dash(pattern, regex=regex):
        # Asked of the column itself, an engine looks at each text of its dictionary once.
        found: exp.Expr = exp.Anonymous(this=name, expressions=[value.raw.copy(), literal_])
        if not negated:
            return found if loosely else exp.Coalesce(this=found, expressions=[exp.false()])
        if value.total:
            missing = exp.Is(this=value.raw.copy(), expression=exp.Null())
            return exp.paren(exp.or_(missing, exp.not_(found, copy=False), copy=False), copy=False)
    found = exp.Anonymous(this=name, expressions=[text(value), literal_])
    return exp.not_(found, copy=False) if negated else found


def _finds_dash(pattern: str, *, regex: bool) -> bool:
    if not regex:
        return pattern in ("", "-")
    import pyarrow as pa  # noqa: PLC0415 - RE2 itself says
    import pyarrow.compute as pc  # noqa: PLC0415

    return bool(pc.match_substring_regex(pa.array(["-"]), pattern=pattern)[0].as_py())
