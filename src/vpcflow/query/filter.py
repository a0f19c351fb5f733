"""The filter language of box and `-f` → a condition in the plan's dialect.

    srcaddr = 10.0.0.0/8 and dstport in (22, 3389) and not action = ACCEPT   -- a comment

    expression  = all { "or" all }             all = term { "and" term }
    term        = "not" term | "(" expression ")" | comparison
    comparison  = field ( op operand | ["not"] "in" "(" value {"," value} ")" | ["not"] "like" value | "is" ["not"] "null" )
    op          = "=" "!=" "<>" "<" "<=" ">" ">="       operand = value | field

A value is a number, a quoted text, or a bare word (address, CIDR, name, time). Fields go by any of AWS's spellings. Nulls compare
as in SQL: neither `action = ACCEPT` nor its negation holds for a record without an action; `action = -` finds those.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NoReturn

from sqlglot import exp

from vpcflow.errors import QueryError
from vpcflow.query.schema import columns_of, nearest, resolve
from vpcflow.record.numbers import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vpcflow.query.schema import Kind

MAX_LENGTH: Final = 20_000
_MAX_DEPTH: Final = 100
_TOKENS: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<op><=|>=|!=|<>|==|=|<|>)
      | (?P<mark>[(),])
      | (?P<word>[^\s'"<>=!(),]+)""",
    re.VERBOSE,
)
_STRANGE: Final = re.compile("[\0\ud800-\udfff]")
"""No engine takes these in a text: NUL, and what was no UTF-8 when it came."""
_OPERATORS: Final[dict[str, type[exp.Binary]]] = {
    "=": exp.EQ, "==": exp.EQ, "!=": exp.NEQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
}  # fmt: skip
_COMPARABLE: Final[dict[Kind, str]] = {
    "address": "text", "text": "text", "number": "number", "time": "number", "timestamp": "timestamp", "date": "date",
}  # fmt: skip
"""Fields may be compared when these are equal."""
_WORDS: Final = {"and", "or", "not", "in", "like", "is", "null"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The token as a word of the language, lower case; empty for texts."""
        return "" if self.kind == "text" else self.text.lower()


def parse(text: str, table: str = "flows") -> exp.Expr | None:
    """Return the condition *text* states on *table* (one of `schema.FLOWS`); None for an empty filter.

    Raises QueryError with the place.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError("filter.too_long", length=len(text), limit=MAX_LENGTH)
    if strange := _STRANGE.search(text):
        shown = _STRANGE.sub("\N{REPLACEMENT CHARACTER}", text)
        place = strange.start()
        raise QueryError("filter.bad_character", text=shown, start=place, end=place + 1, character=shown[place])
    parser = _Parser(text, table)
    if parser.ended:
        return None
    condition = parser.expression()
    parser.expect_end()
    return condition


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        match = _TOKENS.match(text, place)
        if match is None:
            raise QueryError("filter.bad_character", text=text, start=place, end=place + 1, character=text[place])
        if match.lastgroup != "space":
            yield _Token(match.lastgroup or "", match.group(), match.start(), match.end())
        place = match.end()


class _Parser:
    def __init__(self, text: str, table: str) -> None:
        self._text, self._table = text, table
        self._columns = columns_of(table)
        self._list = list(_tokens(text))
        self._at = 0
        self._depth = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._list)

    def _peek(self) -> _Token:
        return self._list[self._at] if not self.ended else _Token("end", "", len(self._text), len(self._text) + 1)

    def _take(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        if self._peek().word == word:
            self._at += 1
            return True
        return False

    def _fail(self, code: str, token: _Token, **values: object) -> NoReturn:
        raise QueryError(code, text=self._text, start=token.start, end=token.end, **values)

    def _expect(self, word: str) -> None:
        token = self._peek()
        if not self._accept(word):
            self._fail("filter.expected", token, wanted=word, found=token.text or "…")

    def expect_end(self) -> None:
        if not self.ended:
            token = self._peek()
            self._fail("filter.expected", token, wanted="and, or", found=token.text)

    def expression(self) -> exp.Expr:
        parts = [self._all()]
        while self._accept("or"):
            parts.append(self._all())
        return exp.or_(*parts, copy=False) if len(parts) > 1 else parts[0]

    def _all(self) -> exp.Expr:
        parts = [self._term()]
        while self._accept("and"):
            parts.append(self._term())
        return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]

    def _term(self) -> exp.Expr:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail("filter.too_deep", self._peek(), limit=_MAX_DEPTH)
        try:
            if self._accept("not"):
                return exp.not_(self._term(), copy=False)
            if self._accept("("):
                inside = self.expression()
                self._expect(")")
                return exp.paren(inside, copy=False)
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> exp.Expr:
        name = self._take()
        column = self._column(name)
        if self._accept("is"):
            negated = self._accept("not")
            self._expect("null")
            null = exp.Is(this=_column(column), expression=exp.Null())
            return exp.not_(null, copy=False) if negated else null
        negated = self._accept("not")
        if self._accept("in"):
            found = self._in(column)
        elif self._accept("like"):
            found = self._like(column, name)
        elif negated:
            token = self._peek()
            self._fail("filter.expected", token, wanted="in, like", found=token.text or "…")
        else:
            return self._compared(column)
        return exp.not_(found, copy=False) if negated else found

    def _column(self, token: _Token) -> str:
        if token.kind != "word" or token.word in _WORDS:
            self._fail("filter.expected_field", token, found=token.text or "…")
        column = resolve(token.text, self._table)
        if column is None:
            near = nearest(token.text, self._table)
            code = "filter.unknown_field_near" if near else "filter.unknown_field"
            self._fail(code, token, name=token.text, near=near)
        return column

    def _value(self) -> _Token:
        token = self._take()
        if token.kind not in ("word", "text"):
            self._fail("filter.expected_value", token, found=token.text or "…")
        return token

    def _in(self, column: str) -> exp.Expr:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        tests = [(token, self._literal(column, token)) for token in values]
        plain = [value for token, value in tests if not _is_network(self._columns[column], token)]
        networks = [_contains(column, _plain(token)) for token, _ in tests if _is_network(self._columns[column], token)]
        found = [exp.In(this=_column(column), expressions=plain)] if plain else []
        both = [*found, *networks]
        return exp.paren(exp.or_(*both, copy=False), copy=False) if len(both) > 1 else both[0]

    def _like(self, column: str, name: _Token) -> exp.Expr:
        if self._columns[column] not in ("text", "address"):
            self._fail("filter.like_text", name, name=column)
        return exp.Like(this=_column(column), expression=exp.Literal.string(_plain(self._value())))

    def _compared(self, column: str) -> exp.Expr:
        token = self._take()
        operator = _OPERATORS.get(token.text) if token.kind == "op" else None
        if operator is None:
            self._fail("filter.expected", token, wanted="=, !=, <, <=, >, >=, in, like, is", found=token.text or "…")
        value = self._value()
        if value.kind == "word" and (other := resolve(value.text, self._table)) is not None:
            if _COMPARABLE[self._columns[column]] != _COMPARABLE[self._columns[other]]:
                self._fail("filter.not_comparable", value, name=column, other=other)
            return operator(this=_column(column), expression=_column(other))
        if _plain(value) == "-" and operator not in (exp.EQ, exp.NEQ):
            self._fail("filter.dash_order", token)
        if _is_network(self._columns[column], value):
            literal = self._literal(column, value)
            if operator not in (exp.EQ, exp.NEQ):
                self._fail("filter.network_order", token)
            inside = _contains(column, literal.name)
            return inside if operator is exp.EQ else exp.not_(inside, copy=False)
        return operator(this=_column(column), expression=self._literal(column, value))

    def _literal(self, column: str, token: _Token) -> exp.Expr:
        text = _plain(token)
        if text == "-":
            return exp.Literal.string("-")
        kind = self._columns[column]
        try:
            return _LITERALS[kind](column, text)
        except (ValueError, OverflowError):
            self._fail(f"filter.not_{kind}", token, name=column, value=text)


def _column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=name in ("end", "date")))


def _plain(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


def _is_network(kind: Kind, token: _Token) -> bool:
    return kind == "address" and "/" in token.text


def _contains(column: str, network: str) -> exp.Expr:
    """State that an address lies in a network, the way Athena does: contains('10.0.0.0/8', TRY_CAST(x AS ipaddress))."""
    address = exp.TryCast(this=_column(column), to=exp.DataType.build("ipaddress", dialect="trino"), safe=True)
    return exp.ArrayContains(this=exp.Literal.string(network), expression=address)


def _address(_: str, text: str) -> exp.Expr:
    if "/" in text:
        return exp.Literal.string(str(ipaddress.ip_network(text, strict=False)))
    return exp.Literal.string(str(ipaddress.ip_address(text)))


def _number(column: str, text: str) -> exp.Expr:
    if column == "protocol" and text.lower() in BY_NAME:
        return exp.Literal.number(BY_NAME[text.lower()])
    return _integer(text)


def _integer(text: str) -> exp.Expr:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(text)
    return exp.Literal.number(int(text))


def _time(_: str, text: str) -> exp.Expr:
    with contextlib.suppress(ValueError):
        return _integer(text)
    when = _moment(text)
    if when.microsecond:
        raise ValueError(text)
    return exp.Literal.number(int(when.timestamp()))


def _timestamp(_: str, text: str) -> exp.Expr:
    written = _moment(text).replace(tzinfo=None).isoformat(" ")
    return exp.cast(exp.Literal.string(written), exp.DataType.Type.TIMESTAMP)


def _date(_: str, text: str) -> exp.Expr:
    return exp.cast(exp.Literal.string(datetime.fromisoformat(text).date().isoformat()), exp.DataType.Type.DATE)


def _moment(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


_LITERALS: Final[dict[Kind, Callable[[str, str], exp.Expr]]] = {
    "address": _address,
    "number": _number,
    "time": _time,
    "timestamp": _timestamp,
    "date": _date,
    "text": lambda _, text: exp.Literal.string(text),
}
