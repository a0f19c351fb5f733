"""Texts.

Source: CloudWatch Logs User Guide, "String functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds
from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.functions.time import text_of
from vpcflow.query.insights.kinds import INT, LIST, TEXT, Value, call
from vpcflow.query.insights.regexes import BadPattern, read

if TYPE_CHECKING:
    from vpcflow.query.insights.functions.function import Scope
    from vpcflow.query.insights.syntax import Call


def _concat(scope: Scope, node: Call, values: list[Value]) -> Value:
    """Join the texts; what is missing is left out (unconfirmed)."""
    del scope, node
    return Value(call("concat", *map(kinds.text, values)), TEXT)


def _regex_replace(scope: Scope, node: Call, values: list[Value]) -> Value:
    pattern = text_of(scope, node.arguments[1])
    try:
        found = read(pattern)
    except BadPattern as bad:
        raise scope.fault("bad_regex", node.arguments[1], reason=bad.args[0]) from None
    by = call("cwl_java_groups", kinds.text(values[2]))
    arguments = [kinds.text(values[0]), exp.Literal.string(found.text), by, exp.Literal.string("g")]
    return Value(call("regexp_replace", *arguments), TEXT)


HELPERS: Final = {
    # $1 is a group in the replacement, as in Java; a backslash stands for itself in RE2 only when doubled.
    "cwl_java_groups(s)": r"regexp_replace(replace(s, '\', '\\'), '\$([0-9])', '\\\1', 'g')",
    "cwl_blank(s)": r"s IS NULL OR regexp_full_match(s, '[\s\p{Z}]*')",
}
"""Macros of this family."""

FUNCTIONS: Final = (
    Function(
        "isempty", "s: text", INT, "1 if the text is empty or missing, else 0.",
        (('isempty("")', "1"), ("isempty(missing)", "1"), ('isempty(" ")', "0")),
        body="CAST(s IS NULL OR s = '' AS BIGINT)",
    ),
    Function(
        "isblank", "s: text", INT, "1 if the text is missing or has nothing but white space, else 0.",
        (('isblank("  ")', "1"), ("isblank(missing)", "1"), ('isblank(" a")', "0")),
        body="CAST(cwl_blank(s) AS BIGINT)",
    ),
    Function(
        "concat", "s: text, more...: text", TEXT, "The texts one after another; what is missing is left out.",
        (('concat("a", 1, "b")', "a1b"), ('concat("a", missing)', "a"), ('concat("서", "울")', "서울")), build=_concat,
    ),
    Function(
        "trim", "s: text, chars?: text", TEXT,
        "The text without white space at both ends, or without any of the characters of *chars* there.",
        (('trim("  a b ")', "a b"), ('trim("xyZxyfooxyxyZ", "xyZ")', "foo"), ('trim(" x ", "x")', " x ")),
        body=r"CASE WHEN chars IS NULL THEN regexp_replace(s, '^\s+|\s+$', '', 'g') ELSE trim(s, chars) END",
    ),
    Function(
        "ltrim", "s: text, chars?: text", TEXT, "As `trim`, at the begin only.",
        (('ltrim("  a ")', "a "), ('ltrim("xyZxyfooxyxyZ", "xyZ")', "fooxyxyZ"), ("ltrim(missing)", "")),
        body=r"CASE WHEN chars IS NULL THEN regexp_replace(s, '^\s+', '') ELSE ltrim(s, chars) END",
    ),
    Function(
        "rtrim", "s: text, chars?: text", TEXT, "As `trim`, at the end only.",
        (('rtrim(" a  ")', " a"), ('rtrim("xyZfooxyxyZ", "xyZ")', "xyZfoo"), ("rtrim(missing)", "")),
        body=r"CASE WHEN chars IS NULL THEN regexp_replace(s, '\s+$', '') ELSE rtrim(s, chars) END",
    ),
    Function(
        "strlen", "s: text", INT, "How many characters (Unicode code points) the text has.",
        (('strlen("서울")', "2"), ("strlen(12.50)", "4"), ("strlen(missing)", "")), body="length(s)",
    ),
    Function(
        "toupper", "s: text", TEXT, "The text in upper case.",
        (('toupper("aBc")', "ABC"), ('toupper("é")', "É"), ("toupper(missing)", "")), body="upper(s)",
    ),
    Function(
        "tolower", "s: text", TEXT, "The text in lower case.",
        (('tolower("aBc")', "abc"), ('tolower("É")', "é"), ("tolower(missing)", "")), body="lower(s)",
    ),
    Function(
        "substr", "s: text, i: int, n?: int", TEXT,
        "The text from character *i* on, the first being 0, *n* characters or all. A negative *i* is 0.",
        (('substr("xyZfooxyZ", 3)', "fooxyZ"), ('substr("xyZfooxyZ", 3, 3)', "foo"), ('substr("abc", 5)', ""), ('substr("abc", -1, 2)', "ab")),
        body=(
            "CASE WHEN n IS NULL THEN substring(s, greatest(least(i, 4294967294), 0) + 1) "
            "ELSE substring(s, greatest(least(i, 4294967294), 0) + 1, greatest(least(n, 4294967294), 0)) END"
        ),
    ),
    Function(
        "replace", "s: text, find: text, put: text", TEXT, "The text with each *find* replaced by *put*.",
        (('replace("a-b-c", "-", "+")', "a+b+c"), ('replace("a.c", ".", "x")', "axc"), ('replace("abc", "", "x")', "abc")),
        body="replace(s, find, put)",
    ),
    Function(
        "regexReplace", "s: text, pattern: text, put: text", TEXT,
        "The text with all that the regular expression (RE2, written out) matches replaced; `$1` is its first group.",
        (('regexReplace("a1b22", "[0-9]+", "#")', "a#b#"), ('regexReplace("ab", "(a)(b)", "$2$1")', "ba"),
         ('regex_replace("x", "y", "z")', "x")),
        build=_regex_replace, aliases=("regex_replace",),
    ),
    Function(
        "strcontains", "s: text, x: text, ci?: condition", INT,
        "1 if the text contains *x*, else 0; with true as third argument, whatever the case (on AWS seen without effect).",
        (('strcontains("abc", "b")', "1"), ('strcontains("abc", "B")', "0"), ('strcontains("abc", "B", true)', "1"),
         ('strcontains(missing, "b")', "")),
        body="CAST(CASE WHEN ci THEN contains(lower(s), lower(x)) ELSE contains(s, x) END AS BIGINT)",
    ),
    Function(
        "startsWith", "s: text, x: text", INT, "1 if the text begins with *x*, else 0.",
        (('startsWith("eni-1", "eni-")', "1"), ('startsWith("eni-1", "ENI")', "0"), ('startsWith(missing, "e")', "")),
        body="CAST(starts_with(s, x) AS BIGINT)",
    ),
    Function(
        "endsWith", "s: text, x: text", INT, "1 if the text ends with *x*, else 0.",
        (('endsWith("a.log", ".log")', "1"), ('endsWith("a.log", "a")', "0"), ('endsWith(missing, "e")', "")),
        body="CAST(ends_with(s, x) AS BIGINT)",
    ),
    Function(
        "split", "s: text, d: text", LIST, "The parts between the *d*s, as an array.",
        (('split("a,b,,c", ",")', '["a","b","","c"]'), ('split("abc", ";")', '["abc"]'), ('split(missing, ",")', "")),
        body="CASE WHEN s IS NOT NULL AND d IS NOT NULL THEN CAST(to_json(string_split(s, d)) AS VARCHAR) END",
    ),
)  # fmt: skip
