"""`filldown`: the last value there was, where there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from vpcflow.query.insights.adding import add, numbered, over, settled
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.expressions import Reading
from vpcflow.query.insights.kinds import Value, unlike
from vpcflow.query.insights.syntax import Field, Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

_WILD: Final = re.compile(r"[\w@.]*\*[\w@.*]*")


@dataclass(frozen=True, slots=True)
class Filldown(Stage):
    """`filldown a b*`. patterns: those with a `*`."""

    fields: tuple[Field, ...]
    patterns: tuple[str, ...]


def parse(parser: Parser, token: Token) -> Filldown:
    """Read fields and patterns, with or without commas."""
    fields: list[Field] = []
    patterns: list[str] = []
    while not parser.stage_ends:
        wild = parser.raw(_WILD)
        if wild is not None:
            patterns.append(wild.value)
        else:
            fields.append(parser.field())
        if parser.accept(",") and parser.stage_ends:
            parser.fail("a field")
    return Filldown("filldown", token.start, parser.end, tuple(fields), tuple(patterns))


def compile_(relation: Relation, stage: Filldown) -> None:
    """Carry values on to the rows after them."""
    reading = Reading(relation)
    shown = relation.compiler.outputs(relation)
    wanted: dict[str, Value] = {}
    for name, value in shown:
        pattern = not (stage.fields or stage.patterns) or any(fnmatchcase(name, one) for one in stage.patterns)
        if pattern:
            wanted[name] = value
    wanted |= {field.name: reading.field(field) for field in stage.fields}
    gappy = {name: value for name, value in wanted.items() if not value.total and value.const is None}
    order = numbered(relation)
    windows = [
        over(exp.IgnoreNulls(this=exp.LastValue(this=value.sql.copy())), order, so_far=True) for value in gappy.values()
    ]
    columns = settled(relation, *windows) if windows else []
    for (name, value), column in zip(gappy.items(), columns, strict=True):
        add(relation, name, replace(unlike(value), sql=column))


COMMAND: Final = Command(
    "filldown",
    ("filldown [field …]",),
    "Where a field is missing, takes the last value it had in the rows before, in the order there is. Fields are named one after another, "
    "or by a pattern in which `*` stands for anything: of the columns that are shown. Without any, all of these are filled. Before the "
    "first value nothing is filled in.",
    parse,
    compile_,
    (
        Example(
            "fields a, b, c | sort a | filldown b",
            ({"a": "1"}, {"a": "2", "b": "x", "c": "y"}, {"a": "3"}, {"a": "4", "b": "z"}),
            "a | b | c\n1 |  | \n2 | x | y\n3 | x | \n4 | z | ",
        ),
        Example(
            "fields a, cpu1, cpu2, d | sort a | filldown cpu*",
            ({"a": "1", "cpu1": "5", "cpu2": "6", "d": "7"}, {"a": "2"}),
            "a | cpu1 | cpu2 | d\n1 | 5 | 6 | 7\n2 | 5 | 6 | ",
        ),
        Example(
            "fields a, b | sort a desc | filldown",
            ({"a": "1"}, {"a": "2", "b": "x"}),
            "a | b\n2 | x\n1 | x",
        ),
    ),
    narrows=True,
)
