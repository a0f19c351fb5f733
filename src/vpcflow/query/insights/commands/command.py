"""What a command is: how it is read, what it does to a relation, its reference text and examples, which run as tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vpcflow.query.insights.lex import Token
    from vpcflow.query.insights.parse import Parser
    from vpcflow.query.insights.relation import Relation
    from vpcflow.query.insights.syntax import Stage


@dataclass(frozen=True, slots=True)
class Example:
    """A query on a few events and what it shows.

    events: name → value of each event, texts; `@timestamp` as shown, newest first where it is left out. output: the header and the
    rows, cells parted by ` | `, a missing one "".
    """

    query: str
    events: tuple[Mapping[str, str], ...]
    output: str
    groups: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    syntax: how it is written. text: what it does, in Markdown. parse: reads what follows the name (the token given) and returns
    the stage; compile: changes the relation in place and returns None, or returns another. narrows: it only leaves events out or
    adds fields, so that what comes out of it are still the events that matched. aliases: other names it is known by.
    """

    name: str
    syntax: tuple[str, ...]
    text: str
    parse: Callable[[Parser, Token], Stage]
    compile: Callable[[Relation, Any], Relation | None]
    examples: tuple[Example, ...]
    narrows: bool = False
    aliases: tuple[str, ...] = ()
