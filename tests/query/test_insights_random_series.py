"""Random queries with the commands that look at rows before and after, against their plain evaluation; the order of rows counts."""

from __future__ import annotations

import pytest

from query.insights_plain import Time, answer
from query.insights_table import Table
from query.test_insights_random import Maker, same
from vpcflow.errors import QueryError
from vpcflow.query.insights.shown import texts


class Series(Maker):
    """Makes queries that end in one or two of these commands."""

    def command(self, count):
        field = self.pick("a", "b", "c", "n", "n", "missing")
        number = self.pick("n", "n", "a")
        return self.pick(
            f"accum {number} as s{count}",
            f"accum {number}",
            f"autoregress {field} as r{count} p={self.pick(1, 2, 5)}",
            f"autoregress {field} as r{count} p=1-3",
            f"filldown {field} {self.pick('n', 'b', '')}",
            "filldown",
            "filldown last n*",
            f"sessionize {field} maxspan {self.pick('1m', '10m', '2h')} as v{count}x",
            f"sessionize n, {field} as v{count}x",
            f"outlier {self.pick('', 'param=0 ', 'param=1 uselower=true ')}n",
            f"outlier action=remove {self.pick('param=0 ', 'param=0.5 uselower=true ')}n, a",
            f"expand {field}",
            f"addtotals fieldname=t{count}",
            f"addtotals fieldname=t{count} n, {field}",
            "filter n > 1",
            "limit 7",
        )

    def query(self):
        stages = [self.stage() for _ in range(self.random.randrange(2))]
        if self.random.random() < 0.25:
            by = self.pick("bin(1h) as t", "bin(1h) as t, n")
            stages.append(f"stats count(*) as n0, max(n) as m by {by}")
            stages.append(self.pick("sort t", "sort t desc"))
            stages.append(self.pick("fillmissing", "fillmissing with 0 for n0", "fillmissing with 0 for n0, 'x' for m"))
            stages += self.pick([], ["accum n0"], ["autoregress m"], ["addtotals col=true n0, m"], ["filldown"])
            return " | ".join(stages)
        stages.append("fields @timestamp, a, b, n, concat(a, n) as last")
        stages.append(self.pick("sort @timestamp", "sort n", "sort a desc", "fields c"))
        stages += [self.command(count) for count in range(self.random.randrange(1, 4))]
        end = self.random.random()
        if end < 0.1:
            stages.append("addtotals row=false col=true n")
        elif end < 0.2:
            stages.append("appendcols ( fields b as other, n | limit 3 )")
        elif end < 0.3:
            stages.append("countFrequent a, n")
        return " | ".join(stages)


@pytest.fixture(scope="module")
def table():
    table = Table()
    yield table
    table.close()


@pytest.mark.parametrize("seed", range(20))
def test_a_random_series_gives_what_its_plain_evaluation_gives(table, seed):
    maker = Series(1000 + seed)
    for _ in range(15):
        events, query = maker.events(), maker.query()
        given = [
            {name: str(int(value)) if isinstance(value, Time) else value for name, value in event.items()}
            for event in events
        ]
        try:
            rows = table.ask(query, given)
        except QueryError as error:
            if error.code == "insights.name_twice":
                continue
            pytest.fail(f"{query}\n{error}")
        columns, expected = answer(query, events)
        got = texts(rows)
        assert [column.name for column in rows.columns] == list(columns), query
        assert len(got) == len(expected), f"{query}\n{got}\n{expected}"
        for mine, other in zip(got, expected, strict=True):
            assert all(map(same, mine, other)), f"{query}\n{mine}\n{other}\n{events}"
