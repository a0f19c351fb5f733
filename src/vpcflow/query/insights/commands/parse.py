"""`parse`: fields out of a text, by a glob, a regular expression, logfmt or CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights import kinds, regexes
from vpcflow.query.insights.adding import settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import JSON, TEXT, Value, call
from vpcflow.query.insights.syntax import Expr, Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

MAX_CSV: Final = 500
"""Columns that `csv` may name."""


@dataclass(frozen=True, slots=True)
class Parse(Stage):
    """mode: glob, regex, multi, logfmt or csv. pattern: of glob and regex. names: what the parts are called, places of their own."""

    operand: Expr
    mode: str
    pattern: str
    names: tuple[Field, ...]


def parse(parser: Parser, token: Token) -> Parse:
    """Read the operand, the pattern, and the names."""
    operand = _operand(parser, token)
    if parser.regex_next:
        return _regex(parser, token, operand)
    mode = parser.accept_word("logfmt", "csv")
    if mode is not None:
        parser.expect_word("as")
        names = _names(parser)
        if mode.lower == "logfmt" and len(names) != 1:
            raise parser.malformed("logfmt_names", names[1].start, names[-1].end)
        if len(names) > MAX_CSV:
            raise parser.malformed("too_many_names", names[0].start, names[-1].end, most=MAX_CSV)
        return Parse("parse", token.start, parser.end, operand, mode.lower, "", names)
    glob = parser.string()
    parser.expect_word("as")
    names = _names(parser)
    wanted = glob.value.count("*")
    if wanted != len(names):
        raise parser.malformed("glob_names", names[0].start, names[-1].end, stars=wanted, names=len(names))
    return Parse("parse", token.start, parser.end, operand, "glob", glob.value, names)


def _operand(parser: Parser, token: Token) -> Expr:
    if parser.regex_next or parser.peek().kind == "text":
        return Field(("@message",), token.start, token.end)
    if parser.peek().kind == "word" and parser.after().is_mark("("):
        return parser.call()
    return parser.field()


def _names(parser: Parser) -> tuple[Field, ...]:
    return tuple(Field((name.value,), name.start, name.end) for name in parser.names())


def _regex(parser: Parser, token: Token, operand: Expr) -> Parse:
    pattern = parser.regex()
    groups = regexes.read(pattern.value).groups
    if parser.accept_word("as"):
        names = _names(parser)
        if len(names) != len(groups):
            raise parser.malformed("group_names", names[0].start, names[-1].end, groups=len(groups), names=len(names))
    else:
        if not any(groups):
            raise parser.malformed("no_groups", pattern.start, pattern.end)
        names = tuple(Field((name,), pattern.start, pattern.end) for name in groups)
    mode = "multi" if parser.accept_word("multi") else "regex"
    return Parse("parse", token.start, parser.end, operand, mode, pattern.value, names)


def compile_(relation: Relation, stage: Parse) -> None:
    """Give the parts their names; a record that does not match stays, without them."""
    reading = Reading(relation)
    written = kinds.text(kinds.scalar(reading.value(stage.operand)))
    names = [name.name for name in stage.names]
    for place, name in enumerate(stage.names):
        if name.name and (name.name in relation.names or name.name in names[:place]):
            raise reading.fault("name_twice", name, name=name.name)
    if stage.mode == "logfmt":
        found = [Value(call("cwl_logfmt", written), JSON)]
    elif stage.mode == "csv":
        found = _csv(relation, written, len(names))
    elif stage.mode == "multi":
        found = _multi(relation, written, regexes.read(stage.pattern), len(names))
    else:
        pattern = regexes.read(stage.pattern) if stage.mode == "regex" else regexes.of_glob(stage.pattern)
        found = _groups(relation, written, pattern, len(names))
    for named, value in zip(names, found, strict=False):
        if named:
            reading.bind(named, value)


def _groups(relation: Relation, written: exp.Expr, pattern: regexes.Pattern, count: int) -> list[Value]:
    """Return what the groups match.

    The engine gives empty texts for no match. So all of the match is a group too: where it is empty, either nothing matched or the
    empty text did, and only then is asked which. Text and parts become columns: written out for each group, a line of the default
    format would be a query of 60 kB.
    """
    if not count:
        return []
    if not isinstance(written, exp.Column):
        (written,) = settled(relation, written)
    whole = exp.Literal.string(f"({pattern.text})")
    names = exp.Array(expressions=[exp.Literal.string(f"g{place}") for place in range(count + 1)])
    (parts,) = settled(relation, exp.Anonymous(this="regexp_extract", expressions=[written.copy(), whole, names]))
    matches = call("regexp_matches", written, exp.Literal.string(pattern.text))
    found = []
    for place in range(1, count + 1):
        part = call("struct_extract", parts, exp.Literal.string(f"g{place}"))
        there = exp.NEQ(this=call("struct_extract", parts, exp.Literal.string("g0")), expression=exp.Literal.string(""))
        found.append(Value(exp.case().when(there, part).when(matches.copy(), exp.Literal.string("")), TEXT))
    return found


def _csv(relation: Relation, written: exp.Expr, count: int) -> list[Value]:
    """Return the cells of one line of CSV."""
    key = relation.compiler.fresh()
    relation.nest(exp.alias_(call("cwl_csv", written), key, quoted=True))
    cells = exp.column(key, quoted=True)
    return [Value(call("list_extract", cells, exp.Literal.number(place)), TEXT) for place in range(1, count + 1)]


def _multi(relation: Relation, written: exp.Expr, pattern: regexes.Pattern, count: int) -> list[Value]:
    """Make a row of each match; a record without any stays, without the fields."""
    key = relation.compiler.fresh()
    lists = [
        call("regexp_extract_all", written, exp.Literal.string(pattern.text), exp.Literal.number(place))
        for place in range(count + 1)
    ]
    zipped = call("list_zip", *lists)
    some = exp.case().when(exp.GT(this=call("len", zipped), expression=exp.Literal.number(0)), zipped).else_(
        exp.Array(expressions=[exp.Null()])
    )  # fmt: skip
    relation.nest(exp.alias_(exp.Anonymous(this="unnest", expressions=[some]), key, quoted=True))
    row = exp.column(key, quoted=True)
    return [Value(call("struct_extract", row, exp.Literal.number(place + 1)), TEXT) for place in range(1, count + 1)]


HELPERS: Final = {
    # key=value key2="value with blanks" flag → a JSON object; the last of equal keys counts.
    "cwl_logfmt(s)": (
        "CASE WHEN s IS NOT NULL THEN CAST(to_json(map_from_entries(list_filter(list_transform("
        'regexp_extract_all(s, \'([^\\s="]+)(=("(\\\\.|[^"\\\\])*"|[^\\s]*))?\'), lambda p: '
        "{'k': split_part(p, '=', 1), 'v': cwl_unquoted(p[length(split_part(p, '=', 1)) + 2:])}), "
        "lambda e, i: NOT list_contains(list_transform(list_slice(regexp_extract_all(s, "
        "'([^\\s=\"]+)(=(\"(\\\\.|[^\"\\\\])*\"|[^\\s]*))?'), i + 1, 100000), lambda q: split_part(q, '=', 1)), e.k)))) "
        "AS VARCHAR) END"
    ),
    "cwl_unquoted(v)": (
        "CASE WHEN v LIKE '\"%\"' AND length(v) > 1 "
        "THEN replace(replace(replace(v[2:-2], '\\\\', chr(1)), '\\\"', '\"'), chr(1), '\\') ELSE v END"
    ),
    # One line of CSV → its cells; quotes may hold commas, and double quotes stand for one.
    "cwl_csv(s)": (
        'CASE WHEN s IS NOT NULL THEN list_transform(regexp_extract_all(\',\' || s, \',("([^"]|"")*"|[^,]*)\'), '
        "lambda c: CASE WHEN c LIKE ',\"%\"' AND length(c) > 2 THEN replace(c[3:-2], '\"\"', '\"') ELSE c[2:] END) END"
    ),
}
"""Macros of this command."""

COMMAND: Final = Command(
    "parse",
    (
        'parse [field] "glob with *" as name, …',
        "parse [field] /regular (?<name>expression)/",
        "parse [field] /regular (expression)/ as name, … [multi]",
        "parse field logfmt as name",
        "parse field csv as name, …",
    ),
    "Takes fields out of a text, `@message` unless another is named. In a glob each `*` is a field: the shortest text up to what stands "
    "behind it, the last one the rest of the text; the glob may match anywhere. In a regular expression (RE2) groups are fields, named "
    "by `(?<name>…)` or, in their order, by `as`. With `multi` each match makes a row. `logfmt` makes a map of `key=value` pairs, "
    "reached into as `name.key` from the next stage on, `csv` fields of the cells of one line. Records that do not match stay, without "
    "the fields. What is found is text that acts as a number where it looks like one.",
    parse,
    compile_,
    (
        Example(
            'parse @message "user=*, method:*, latency := *" as user, method, latency | display user, method, latency * 2',
            ({"@message": "at user=a, method:GET, latency := 12"}, {"@message": "no"}),
            "user | method | latency * 2\na | GET | 24\n |  | ",
        ),
        Example(
            "parse @message /(?<eni>eni-.*?) / | display eni",
            ({"@message": "2 123456789012 eni-0a1 10.0.0.1"},),
            "eni\neni-0a1",
        ),
        Example(
            "parse a /([a-z]+)([0-9]+)/ as word, number multi | display word, number",
            ({"a": "x1 yy22"},),
            "word | number\nx | 1\nyy | 22",
        ),
        Example(
            "parse a logfmt as m | display m.level, m.msg",
            ({"a": 'level=info msg="all is well"'},),
            "m.level | m.msg\ninfo | all is well",
        ),
        Example("parse a csv as x, y, z | display x, y, z", ({"a": '1,"b, ""c""",'},), 'x | y | z\n1 | b, "c" | '),
    ),
    narrows=True,
)
