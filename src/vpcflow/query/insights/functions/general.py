"""What looks at values of any kind.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import BOOL, INT, NUMBERS, TEXT, Value, call

if TYPE_CHECKING:
    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call

MAX_BRANCHES: Final = 10
"""Of `case`. Source: CloudWatch Logs quotas."""


def _is_numeric(scope: Scope, node: Call, values: list[Value]) -> Value:
    del scope, node
    value = kinds.scalar(values[0])
    if value.kind in NUMBERS:
        return Value(kinds.present(value), BOOL)
    there = exp.Is(this=kinds.number(value), expression=exp.Null())
    return Value(exp.paren(exp.not_(there, copy=False)), BOOL)


def _coalesce(scope: Scope, node: Call, values: list[Value]) -> Value:
    del scope, node
    kind, taken, bits = kinds.united(values)
    return Value(exp.Coalesce(this=taken[0], expressions=taken[1:]), kind, bits=bits)


def _if(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    chosen = [scope.value(argument) for argument in node.arguments[1:]]
    kind, taken, bits = kinds.united(chosen)
    return Value(exp.case().when(scope.condition(node.arguments[0]), taken[0]).else_(taken[1]), kind, bits=bits)


def _case(scope: Scope, node: Call, values: list[Value]) -> Value:
    del values
    arguments = list(node.arguments)
    last = [arguments.pop()] if len(arguments) % 2 else []
    if len(arguments) // 2 > MAX_BRANCHES:
        raise scope.fault("branches", node, most=MAX_BRANCHES)
    kind, taken, bits = kinds.united([scope.value(one) for one in (*arguments[1::2], *last)])
    case = exp.case()
    for test, value in zip(arguments[::2], taken, strict=False):
        case = case.when(scope.condition(test), value, copy=False)
    return Value(case.else_(taken[-1]) if last else case, kind, bits=bits)


def _message_size(scope: Scope, node: Call, values: list[Value]) -> Value:
    del scope, node
    return Value(call("strlen", kinds.text(values[0])), INT)


FUNCTIONS: Final = (
    Function(
        "ispresent", "f: any", BOOL, "Whether a record has the field.",
        (("ispresent(a)", "1"), ("ispresent(missing)", "0"), ('ispresent("")', "1")),
        build=lambda _scope, _node, values: Value(kinds.present(values[0]), BOOL), given={"a": "x"},
    ),
    Function(
        "coalesce", "a: any, more...: any", TEXT, "The first value that is there.",
        (('coalesce(missing, a, "z")', "x"), ("coalesce(missing, 7)", "7"), ("coalesce(missing)", "")),
        build=_coalesce, given={"a": "x"},
    ),
    Function(
        "case", "condition1: condition, value1: any, more...: any", TEXT,
        "The value behind the first condition that is true, of 10 at most; else the last argument if it stands alone, else nothing.",
        (('case(n < 5, "few", n < 50, "some", "many")', "some"), ("case(n > 100, 1)", ""), ('case(missing = 1, "a", "b")', "b")),
        build=_case, lazy=True, given={"n": "12"},
    ),
    Function(
        "if", "condition: condition, then: any, otherwise: any", TEXT, "One of two values; *otherwise* too where the condition is unknown.",
        (('if(n = 12, "yes", "no")', "yes"), ('if(missing > 1, "yes", "no")', "no"), ("if(n > 1, n * 2, 0)", "24")),
        build=_if, lazy=True, given={"n": "12"},
    ),
    Function(
        "isNumeric", "f: any", BOOL, "Whether the value is a number, or a text that acts as one.",
        (('isNumeric("12.5")', "1"), ('isNumeric("-")', "0"), ("isNumeric(missing)", "0"), ('isNumeric("1 ")', "0")),
        build=_is_numeric,
    ),
    Function(
        "messageSize", "f: text", INT, "How many bytes the text takes in UTF-8.",
        (('messageSize("abc")', "3"), ('messageSize("서울")', "6"), ("messageSize(missing)", "")), build=_message_size,
    ),
)  # fmt: skip
