"""Random queries on random events: the compiled query and a plain evaluation of the same tree give the same rows."""

from __future__ import annotations

import math
import random
import re

import pytest

from query.insights_plain import Time, answer
from query.insights_table import Table
from vpcflow.errors import QueryError
from vpcflow.query.insights.shown import texts

TEXTS = [
    "", "-", "0", "1", "01", "1.0", "2", "10", "-3", "2.5", "1e2", "x", "X", "x1", "x2", "x10", "eni-0a1", "abc def", "서울", "ä", "10.0.0.1",
    "10.1.2.3", "192.0.2.7", "2001:db8::1", "true", "12345678901234567890", "[1, 2]", '{"k": "v", "n": 3}', 'a=1 b="c d"', "%41", "0xff",
]  # fmt: skip
FIELDS = ["a", "b", "c", "n"]


class Maker:
    """Makes queries of one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *options):
        return self.random.choice(options)

    def events(self):
        found = []
        times = self.random.sample(range(1, 400_000), 12)
        for time in times:
            event = {"@timestamp": Time(1_794_823_200_000 + time * 977)}
            event["@message"] = f"{self.random.choice(TEXTS)} k={self.random.choice(TEXTS)};"
            for name in FIELDS:
                if self.random.random() < 0.8:
                    event[name] = (
                        self.random.choice(["1", "2", "3", "10", "2.5"]) if name == "n" else self.random.choice(TEXTS)
                    )
            found.append(event)
        return found

    def literal(self):
        if self.random.random() < 0.5:
            return self.pick("0", "1", "2", "2.5", "10", "-3", "100")
        return '"' + self.pick("x", "1", "10", "", "-", "x1", "abc", "2.5", "서울", "10.0.0.1") + '"'

    def field(self):
        return self.pick(*FIELDS, "a", "n", "missing")

    def value(self, depth=2):
        if depth == 0 or self.random.random() < 0.3:
            return self.pick(self.field(), self.field(), self.literal())
        inner = lambda: self.value(depth - 1)  # noqa: E731 - short
        form = self.pick(
            "({} {op} {})", "({} {op} {})", "strlen({})", "toupper({})", "concat({}, {})", "coalesce({}, {})", "abs({})", "floor({})",
            "ceil({})", "round({})", "greatest({}, {})", "least({}, {})", "toNumber({})", "toInt({})", "substr({}, 1, 3)", "trim({})",
            'trim({}, "x1")', 'replace({}, "1", "yy")', "isempty({})", "isblank({})", 'strcontains({}, "1")', "if({c}, {}, {})",
            "case({c}, {}, {c}, {}, {})", "tolower({})", "sqrt({})", "messageSize({})", "ipv4ToNumber({})", "startsWith({}, {})",
            "jsonArraySize({})", "isNumeric({})", "decToHex({})", "hexToDec({})", "toLong({})", "md5({})", "({} = {})", "({} < {})",
        )  # fmt: skip
        while "{c}" in form:
            form = form.replace("{c}", self.condition(0).replace("{", "{{").replace("}", "}}"), 1)
        form = form.replace("{op}", self.pick("+", "-", "*", "/", "%"))
        return form.format(*(inner() for _ in range(form.count("{}"))))

    def condition(self, depth=2):
        if depth > 0 and self.random.random() < 0.5:
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick(f"({one} and {other})", f"({one} or {other})", f"not ({one})", f"!({one})")
        field = self.value(1) if self.random.random() < 0.3 else self.field()
        return self.pick(
            f"{field} {self.pick('=', '!=', '<', '<=', '>', '>=')} {self.literal()}",
            f"{field} {self.pick('=', '!=', '<', '>=')} {self.field()}",
            f"{field} like {self.pick(chr(34) + 'x' + chr(34), '/^x[0-9]+$/', '/(?i)X/', chr(34) + '1' + chr(34))}",
            f"{field} not like /1/",
            f"{field} in [{self.literal()}, {self.literal()}]",
            f"{field} not in [{self.literal()}, {self.literal()}]",
            f"ispresent({field})",
            f'isIpv4InSubnet({field}, "10.0.0.0/8")',
            f"isValidIp({field})",
            f"isPrivateIP({field})",
            f"{field} =~ /a.c|1$/",
        )

    def stage(self):
        kind = self.random.random()
        if kind < 0.35:
            return f"filter {self.condition()}"
        if kind < 0.7:
            self.count = getattr(self, "count", 0) + 1
            return f"fields {self.field()}, {self.value()} as v{self.count}"
        if kind < 0.8:
            self.count = getattr(self, "count", 0) + 1
            return f'parse @message "*k=*;" as p{self.count}, q{self.count}'
        if kind < 0.9:
            self.count = getattr(self, "count", 0) + 1
            return f"parse {self.field()} /(?<r{self.count}>[0-9]+)/"
        return f"filter {self.value(1)}"

    def aggregate(self):
        return self.pick(
            "count(*)", f"count({self.field()})", f"sum({self.value(1)})", f"avg({self.field()})", f"min({self.field()})",
            f"max({self.value(1)})", f"count_distinct({self.field()})", f"pct({self.field()}, {self.pick(0, 10, 50, 90, 100)})",
            f"values({self.field()})", f"stddev({self.field()})", f"sum({self.field()}) / count(*) * 2", f"sortsFirst({self.field()})",
            f"sortsLast({self.field()})", f"latest({self.field()})", f"earliest({self.field()})", "max(n) - min(n)",
        )  # fmt: skip

    def query(self):
        stages = [self.stage() for _ in range(self.random.randrange(3))]
        end = self.random.random()
        if end < 0.45:
            by = self.pick(
                "",
                f" by {self.field()}",
                f" by {self.field()}, bin({self.pick('1m', '1h', '300s', '1d')})",
                f" by {self.value(1)} as g",
            )
            stages.append(f"stats {self.aggregate()} as s1, {self.aggregate()} as s2{by}")
            if self.random.random() < 0.3 and "values(" not in stages[-1]:
                stages.append(self.pick("filter s1 > 1", "sort s1 desc", "fields s1, s2, concat(s1, s2) as both"))
        else:
            stages.append(f"fields @timestamp, {self.value()} as last, {self.field()}")
            if self.random.random() < 0.5:
                stages.append(f"sort {self.field()}{self.pick('', ' asc', ' desc')}")
            if self.random.random() < 0.3:
                stages.append(f"dedup {self.field()}")
            if self.random.random() < 0.3:
                stages.append(f"limit {self.pick(1, 3, 5)}")
        return " | ".join(stages)


def same(one, other):
    """Tell whether two cells are the same, numbers up to what adding them in another order changes."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)
    except ValueError:
        return False


def key(row):
    """Return what rows are put in order by, the same for numbers that are the same."""
    return [
        f"{float(cell):.6g}" if cell and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", cell) else cell or "" for cell in row
    ]


@pytest.fixture(scope="module")
def table():
    table = Table()
    yield table
    table.close()


@pytest.mark.parametrize("seed", range(30))
def test_a_random_query_gives_what_its_plain_evaluation_gives(table, seed):
    maker = Maker(seed)
    for _ in range(12):
        events, query = maker.events(), maker.query()
        given = [
            {name: str(int(value)) if isinstance(value, Time) else value for name, value in event.items()}
            for event in events
        ]
        try:
            rows = table.ask(query, given)
        except QueryError as error:
            pytest.fail(f"{query}\n{error}")
        columns, expected = answer(query, events)
        got = texts(rows)
        assert [column.name for column in rows.columns] == list(columns), query
        if "stats" in query:
            got, expected = sorted(got, key=key), sorted(expected, key=key)
        assert len(got) == len(expected), query
        for mine, plain in zip(got, expected, strict=True):
            assert all(map(same, mine, plain)), f"{query}\n{mine}\n{plain}\n{events}"
