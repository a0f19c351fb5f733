"""Text → `syntax.Query`. Expressions are read here; each command reads what follows its name (`commands/`).

Precedence, from the tightest: unary minus, `^` (right to left), `* / %`, `+ -`, comparisons, `not`, `and`, `or` (derived).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NoReturn

from vpcflow.query.insights import periods
from vpcflow.query.insights.faults import MAX_DEPTH, MAX_LENGTH, malformed, near, unexpected
from vpcflow.query.insights.lex import Lexer, Token
from vpcflow.query.insights.regexes import BadPattern, read
from vpcflow.query.insights.syntax import (
    Binary,
    Call,
    Expr,
    Field,
    In,
    Item,
    Junction,
    Like,
    Literal,
    Negative,
    Not,
    Period,
    Query,
    Stage,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from vpcflow.errors import MalformedQuery

_COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")
_MAX_TERMS: Final = 200
"""Of one sum or product; conditions joined by `and` or `or` may be as many as the text holds."""

_MAX_DIGITS: Final = 18


def parse(text: str) -> Query:
    """Read a whole query; MalformedQuery says where it is none."""
    if len(text) > MAX_LENGTH:
        raise malformed("too_long", text, 0, 0, length=len(text), limit=MAX_LENGTH)
    strange = next((place for place, sign in enumerate(text) if sign == "\0" or "\ud800" <= sign <= "\udfff"), None)
    if strange is not None:
        text = "".join("\N{REPLACEMENT CHARACTER}" if s == "\0" or "\ud800" <= s <= "\udfff" else s for s in text)
        raise unexpected(text, strange, strange + 1, "text")
    parser = Parser(text)
    query = parser.query()
    if parser.peek().kind != "end":
        parser.fail("| and a command")
    return query


class Parser:
    """Reads *text* from left to right. What commands use is public."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lexer = Lexer(text)
        self._at = 0
        self._depth = 0
        self._next: Token | None = None

    # --- tokens ------------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """Where the last token taken ends."""
        return self._at

    def peek(self) -> Token:
        """Return the next token and leave it."""
        if self._next is None:
            self._next = self._lexer.token(self._at)
        return self._next

    def take(self) -> Token:
        """Return the next token."""
        token = self.peek()
        self._at, self._next = token.end, None
        return token

    def after(self) -> Token:
        """Return the token behind the next one."""
        return self._lexer.token(self.peek().end)

    def accept(self, *marks: str) -> Token | None:
        """Take the next token if it is one of these marks."""
        return self.take() if self.peek().is_mark(*marks) else None

    def accept_word(self, *words: str) -> Token | None:
        """Take the next token if it is one of these words, in any case."""
        return self.take() if self.peek().lower in words else None

    def expect(self, mark: str) -> Token:
        """Take this mark."""
        return self.accept(mark) or self.fail(mark)

    def expect_word(self, *words: str) -> Token:
        """Take one of these words."""
        return self.accept_word(*words) or self.fail(", ".join(words))

    def fail(self, wanted: str, token: Token | None = None) -> NoReturn:
        """Say that the next token (or *token*) is out of place."""
        token = token or self.peek()
        raise unexpected(self.text, token.start, token.end, wanted)

    def refuse(self, code: str, token: Token, **values: object) -> NoReturn:
        """Say what is wrong with *token*: error `insights.<code>`."""
        raise malformed(code, self.text, token.start, token.end, **values)

    def malformed(self, code: str, start: int, end: int, **values: object) -> MalformedQuery:
        """Return error `insights.<code>` at a place."""
        return malformed(code, self.text, start, end, **values)

    def raw(self, form: re.Pattern[str]) -> Token | None:
        """Take what *form* matches next, whatever its tokens would be; None where nothing does."""
        start = self._lexer.skip(self._at)
        found = form.match(self.text, start)
        if found is None:
            return None
        self._at, self._next = found.end(), None
        return Token("text", found.group(), start, found.end())

    @property
    def stage_ends(self) -> bool:
        """Whether nothing more belongs to this command."""
        token = self.peek()
        return token.kind == "end" or token.is_mark("|", ")")

    # --- parts commands are made of ----------------------------------------------------------------------------

    def listed(self, one: Callable[[], Expr]) -> list[Expr]:
        """Return what *one* reads, again and again after commas."""
        found = [one()]
        while self.accept(","):
            found.append(one())
        return found

    def name(self) -> Token:
        """Return a name to be given: bare or in backticks; its value is without them."""
        token = self.peek()
        if token.kind not in ("word", "quoted"):
            self.fail("a name")
        field = self.field()
        return Token("word", field.name, field.start, field.end)

    def names(self) -> list[Token]:
        """Return names after commas."""
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        return found

    def items(self) -> tuple[Item, ...]:
        """Return expressions with or without `as name`, after commas."""
        found = [self.item()]
        while self.accept(","):
            found.append(self.item())
        return tuple(found)

    def item(self) -> Item:
        """Return one expression with or without `as name`."""
        start = self.peek().start
        expr = self.expression()
        if self.accept_word("as"):
            name = self.name()
            return Item(expr, name.value, True, start, name.end)
        name_of = expr.name if isinstance(expr, Field) else self.text[start : self._at]
        return Item(expr, name_of, False, start, self._at)

    def field(self) -> Field:
        """Return a field: names and backticks with dots between, indexes in brackets."""
        first = self.take()
        if first.kind not in ("word", "quoted"):
            self.fail("a field", first)
        parts: list[str | int] = [first.value] if first.kind == "quoted" else _split(first.value)
        spelled = first
        while True:
            token = self.peek()
            if token.start != spelled.end:
                break
            if token.kind == "quoted" and spelled.kind == "word" and spelled.value.endswith(("@", ".")):
                spelled = self.take()
                if parts[-1:] == ["@"]:
                    parts[-1] = f"@{token.value}"
                else:
                    parts.append(token.value)
            elif token.is_mark(".") and self.after().start == token.end and self.after().kind in ("word", "quoted"):
                self.take()
                spelled = self.take()
                parts += [spelled.value] if spelled.kind == "quoted" else _split(spelled.value)
            elif token.is_mark("[") and self.after().kind == "number" and self.after().value.isdigit():
                self.take()
                parts.append(_whole(self.take().value))
                spelled = self.expect("]")
            else:
                break
        if spelled.kind == "word" and spelled.value.endswith("."):
            self.fail("a name after the dot")
        if len(parts) > MAX_DEPTH:
            raise self.malformed("too_deep", first.start, spelled.end, limit=MAX_DEPTH)
        return Field(tuple(parts), first.start, spelled.end)

    def whole(self, most: int = 2**31) -> Token:
        """Return a whole number from 1 on."""
        token = self.take()
        if token.kind != "number" or not token.value.isdigit():
            self.fail("a whole number", token)
        if not 1 <= _whole(token.value) <= most:
            self.refuse("range", token, value=token.value, low=1, high=f"{most:,}")
        return token

    def string(self) -> Token:
        """Return a text in quotes."""
        token = self.take()
        if token.kind != "text":
            self.fail('"text"', token)
        return token

    def regex(self) -> Token:
        """Return a regular expression that RE2 takes, without its slashes."""
        token = self._lexer.regex(self._at)
        self._at, self._next = token.end, None
        try:
            read(token.value)
        except BadPattern as bad:
            self.refuse("bad_regex", token, reason=bad.args[0])
        return token

    @property
    def regex_next(self) -> bool:
        """Whether a slash comes next."""
        return self.text[self._lexer.skip(self._at) :][:1] == "/"

    def period(self) -> Period:
        """Return a length of time."""
        token = self.take()
        found = periods.read(token.value) if token.kind == "period" else None
        if found is None:
            self.fail("a period such as 5m, 1h or 1d", token)
        return Period(*found, token.start, token.end)

    # --- stages ------------------------------------------------------------------------------------------------

    def query(self) -> Query:
        """Return stages up to the end of the text, or to the bracket that closes a query inside another."""
        start = self.peek().start
        self.accept("|")
        stages: list[Stage] = []
        while True:
            stages.append(self._stage())
            if not self.accept("|"):
                break
            if self.peek().kind == "end":
                break
        if not self.stage_ends:
            self.fail("| and a command")
        return Query(tuple(stages), start, self._at)

    def inner_query(self) -> Query:
        """Return a query in brackets."""
        self.expect("(")
        self._enter()
        query = self.query()
        self._depth -= 1
        self.expect(")")
        return query

    def _stage(self) -> Stage:
        from vpcflow.query.insights import commands  # noqa: PLC0415 - commands are read with this parser

        token = self.take()
        found = commands.find(token.value) if token.kind == "word" or token.is_mark("$") else None
        if found is None:
            if token.kind != "word":
                self.fail("a command", token)
            close = near(token.value, commands.names())
            self.refuse("unknown_command_near" if close else "unknown_command", token, name=token.value, near=close)
        return found.parse(self, token)

    # --- expressions -------------------------------------------------------------------------------------------

    def expression(self) -> Expr:
        """Return an expression."""
        self._enter()
        found = self._junction("or", lambda: self._junction("and", self._not))
        self._depth -= 1
        return found

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.refuse("too_deep", self.peek(), limit=MAX_DEPTH)

    def _junction(self, word: str, one: Callable[[], Expr]) -> Expr:
        parts = [one()]
        while self.accept_word(word):
            parts.append(one())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts), parts[0].start, self._at)

    def _not(self) -> Expr:
        token = self.accept_word("not") or self.accept("!")
        if token is None:
            return self._test()
        self._enter()
        operand = self._not()
        self._depth -= 1
        return Not(operand, token.start, self._at)

    def _test(self) -> Expr:
        left = self._sum()
        while True:
            token = self.peek()
            if token.is_mark(*_COMPARISONS, "=="):
                self.take()
                operator = "=" if token.value == "==" else token.value
                left = Binary(operator, left, self._sum(), left.start, self._at)
                if self.peek().is_mark(*_COMPARISONS):
                    self.fail("and, or, |")
            elif token.is_mark("=~"):
                self.take()
                pattern = self.regex()
                left = Like(left, pattern.value, True, False, left.start, self._at)
            elif token.lower in ("like", "in") or (token.lower == "not" and self.after().lower in ("like", "in")):
                left = self._membership(left)
            else:
                return left

    def _membership(self, operand: Expr) -> Expr:
        negated = self.accept_word("not") is not None
        if self.take().lower == "like":
            regex = self.regex_next
            pattern = self.regex() if regex else self.string()
            return Like(operand, pattern.value, regex, negated, operand.start, self._at)
        if self.peek().is_mark("("):
            query = self.inner_query()
            return In(operand, query, negated, operand.start, self._at)
        self.expect("[")
        values: list[Literal] = []
        if not self.accept("]"):
            values.append(self.literal())
            while self.accept(","):
                values.append(self.literal())
            self.expect("]")
        return In(operand, tuple(values), negated, operand.start, self._at)

    def literal(self) -> Literal:
        """Return a text, a number with or without a minus, true or false."""
        minus = self.accept("-")
        token = self.take()
        start = minus.start if minus else token.start
        if token.kind == "number":
            value = _number(token.value)
            return Literal(-value if minus else value, start, token.end)
        if token.kind == "text" and not minus:
            return Literal(token.value, start, token.end)
        if token.lower in ("true", "false") and not minus:
            return Literal(token.lower == "true", start, token.end)
        return self.fail("a text or a number", token)

    def _sum(self) -> Expr:
        return self._chain(("+", "-"), lambda: self._chain(("*", "/", "%"), self._power))

    def _chain(self, operators: tuple[str, ...], one: Callable[[], Expr]) -> Expr:
        left = one()
        for _ in range(_MAX_TERMS):
            token = self.accept(*operators)
            if token is None:
                return left
            left = Binary(token.value, left, one(), left.start, self._at)
        return self.refuse("too_deep", self.peek(), limit=_MAX_TERMS)

    def _power(self) -> Expr:
        left = self._unary()
        if not self.accept("^"):
            return left
        self._enter()
        right = self._power()
        self._depth -= 1
        return Binary("^", left, right, left.start, self._at)

    def _unary(self) -> Expr:
        minus = self.accept("-")
        if minus is None:
            return self._primary()
        self._enter()
        operand = self._unary()
        self._depth -= 1
        return Negative(operand, minus.start, self._at)

    def _primary(self) -> Expr:  # noqa: PLR0911 - one way out for each kind of token
        token = self.peek()
        if token.kind in ("text", "number"):
            self.take()
            return Literal(token.value if token.kind == "text" else _number(token.value), token.start, token.end)
        if token.kind == "period":
            return self.period()
        if self.accept("("):
            inside = self.expression()
            self.expect(")")
            return inside
        if token.kind == "word" and self.after().is_mark("("):
            return self.call()
        if token.lower in ("true", "false"):
            return self.literal()
        if token.kind in ("word", "quoted") and token.lower not in ("and", "or", "not", "in", "like", "as", "by"):
            return self.field()
        return self.fail("a field or a value")

    def call(self) -> Call:
        """Return a call of a function."""
        name = self.take()
        self.expect("(")
        arguments: list[Expr] = []
        star = False
        if not self.accept(")"):
            star = self.accept("*") is not None
            if not star:
                arguments.append(self.expression())
                while self.accept(","):
                    arguments.append(self.expression())
            self.expect(")")
        return Call(name.value, tuple(arguments), star, name.start, self._at)


def _split(word: str) -> list[str | int]:
    return [part for part in word.split(".") if part] or [word]


def _number(text: str) -> int | float:
    """Return a number as written; what no double holds is the largest one."""
    if text.isdigit() and len(text) <= 18:
        return int(text)
    value = min(float(text), 1.7976931348623157e308)
    return int(value) if text.isdigit() and math.isfinite(value) and value < 2**63 else value


def _whole(digits: str) -> int:
    """Return a whole number; of more digits than any limit has, the greatest one that is told apart."""
    return int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
