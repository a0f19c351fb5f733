"""`SOURCE`: which log groups, and which time, instead of those that the question was put to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vpcflow.query.insights import periods
from vpcflow.query.insights.commands.command import Command, Example
from vpcflow.query.insights.syntax import Stage

if TYPE_CHECKING:
    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation

MAX_PREFIXES, MAX_ACCOUNTS, MAX_DATA_SOURCES, MAX_TAGS, MAX_VALUES = 5, 20, 10, 5, 5
_WORD: Final = re.compile(r"[\w./#-]+")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which log groups. tags: (key, values) of each filter. Empty parts leave nothing out."""

    prefixes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    data_sources: tuple[str, ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Source(Stage):
    """name: one log group; selector: many. since, until: epoch ms, or the milliseconds back from now, negative."""

    name: str
    selector: Selector
    since: int | None
    until: int | None


def parse(parser: Parser, token: Token) -> Source:
    """Read selectors, or a log group with or without times."""
    found = Selector()
    some = False
    while (word := parser.peek()).lower in ("loggroups", "datasource", "loggrouptags") and parser.after().is_mark("("):
        parser.take()
        parser.expect("(")
        found = _SELECTORS[word.lower](parser, found)
        parser.expect(")")
        some = True
    name = ""
    if not some:
        name = _group_name(parser)
    since, until = None, None
    while (word := parser.peek()).lower in ("start", "end"):
        parser.take()
        parser.expect("=")
        if word.lower == "start":
            since = _time(parser)
        else:
            until = _time(parser)
    return Source("SOURCE", token.start, parser.end, name, found, since, until)


def _group_name(parser: Parser) -> str:
    if parser.peek().kind in ("text", "quoted"):
        return parser.take().value
    token = parser.raw(_WORD)
    if token is None:
        parser.fail("a log group's name in quotes, logGroups(…), dataSource(…) or logGroupTags(…)")
    return token.value


def _time(parser: Parser) -> int:
    """Return epoch ms; a period is that long before now, told as a negative number, now as -1 ms."""
    minus = parser.accept("-")
    if minus is None and parser.accept_word("now"):
        return -1
    if parser.peek().kind == "period":
        period = parser.period()
        return -periods.milliseconds(period.number, period.unit)
    token = parser.take()
    if minus is not None or token.kind != "number" or not token.value.isdigit() or len(token.value) > 15:
        parser.fail("epoch milliseconds, a period such as -1d, or now", token)
    return int(token.value)


def _list(parser: Parser, most: int) -> tuple[str, ...]:
    opened = parser.expect("[")
    values = [parser.string().value]
    while parser.accept(","):
        values.append(parser.string().value)
    parser.expect("]")
    if len(values) > most:
        parser.refuse("too_many", opened, count=len(values), most=most)
    return tuple(values)


def _log_groups(parser: Parser, found: Selector) -> Selector:
    parts: dict[str, tuple[str, ...]] = {}
    while not parser.peek().is_mark(")"):
        word = parser.expect_word("nameprefix", "accountidentifier", "accountidentifiers", "class", "loggroupclass")
        parser.expect(":")
        name = {"nameprefix": "prefixes", "class": "classes", "loggroupclass": "classes"}.get(word.lower, "accounts")
        parts[name] = _list(parser, MAX_PREFIXES if name == "prefixes" else MAX_ACCOUNTS)
        if not parser.accept(","):
            break
    return Selector(
        parts.get("prefixes", ()), parts.get("accounts", ()), parts.get("classes", ()), found.data_sources, found.tags
    )


def _data_source(parser: Parser, found: Selector) -> Selector:
    sources = _list(parser, MAX_DATA_SOURCES)
    return Selector(found.prefixes, found.accounts, found.classes, sources, found.tags)


def _tags(parser: Parser, found: Selector) -> Selector:
    token = parser.raw(re.compile(r"\[(?:[^\"\]\[]|\"(?:\\.|[^\"\\])*\"|\[[^\]]*\])*\]"))
    try:
        filters = json.loads(token.value) if token is not None else None
        tags = tuple((str(one["key"]), tuple(map(str, one["values"]))) for one in filters or ())
    except (ValueError, KeyError, TypeError):
        tags = ()
    if token is None or not tags:
        parser.fail('[{"key": "…", "values": ["…"]}]', token)
    if len(tags) > MAX_TAGS or any(len(values) > MAX_VALUES for _, values in tags):
        parser.refuse("too_many", token, count=max(len(tags), *(len(values) for _, values in tags)), most=MAX_TAGS)
    return Selector(found.prefixes, found.accounts, found.classes, found.data_sources, tags)


_SELECTORS: Final = {"loggroups": _log_groups, "datasource": _data_source, "loggrouptags": _tags}


def compile_(relation: Relation, stage: Source) -> None:
    """Do nothing here: what is read was chosen before the first stage."""
    del relation, stage


COMMAND: Final = Command(
    "SOURCE",
    (
        "SOURCE logGroups([namePrefix: ['…'], accountIdentifier: ['…'], class: ['…']])",
        "SOURCE dataSource(['amazon_vpc.flow'])",
        'SOURCE logGroupTags([{"key": "k", "values": ["a", "b*", "!c"]}])',
        "SOURCE 'group' [START=time] [END=time]",
    ),
    "Says which log groups are read, in place of `--log-group`: all, by the begin of their names (5 at most), account (20), class; by "
    "data source (10), by tags (5 filters of 5 values: filters must all hold, one value of each must; `*` stands for anything, `!` for "
    "not), these one after another; or one by its name. A time is epoch milliseconds, `now`, or a period before now such as `-1d`.",
    parse,
    compile_,
    (
        Example("SOURCE 'other' | fields a", ({"a": "1"},), "a\n2", groups={"other": ({"a": "2"},)}),
        Example(
            "SOURCE logGroups(namePrefix: ['oth']) | fields a", ({"a": "1"},), "a\n2", groups={"other": ({"a": "2"},)}
        ),
        Example("fields a | SOURCE 'other'", ({"a": "1"},), "a\n2", groups={"other": ({"a": "2"},)}),
    ),
    narrows=True,
)
