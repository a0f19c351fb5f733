"""Insights on a lake: random queries on flow logs of several formats give what their plain evaluation on the lines gives."""

from __future__ import annotations

import random

import pytest

from query.insights_lake import ADDRESSES, START, make
from query.insights_plain import answer
from query.test_insights_random import key, same
from vpcflow.app.insights import insights
from vpcflow.query.insights.ask import Question
from vpcflow.query.insights.records import Range
from vpcflow.query.insights.shown import texts

TEXT_FIELDS = [
    "srcAddr",
    "dstAddr",
    "action",
    "logStatus",
    "interfaceId",
    "pktSrcAddr",
    "vpcId",
    "accountId",
    "`x-rack`",
]
NUMBER_FIELDS = ["srcPort", "dstPort", "protocol", "bytes", "packets", "tcpFlags", "start", "endTime"]


@pytest.fixture(
    scope="module", params=[("default",), ("default", "custom", "small")], ids=["one-format", "three-formats"]
)
def world(request, tmp_path_factory):
    app, events = make(tmp_path_factory.mktemp("insights"), request.param)
    with app.lake() as lake, insights(app, lake) as asker:
        yield asker, events


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *options):
        return self.random.choice(options)

    def test(self):
        one, number = self.pick(*TEXT_FIELDS), self.pick(*NUMBER_FIELDS)
        value = self.pick("-", "ACCEPT", "REJECT", "OK", "NODATA", "eni-0a1", "7", "123456789012", "vpc-1", *ADDRESSES)
        figure = self.pick("22", "443", "6", "2147483648", "40.5", str(START + 3600))
        return self.pick(
            f'{one} = "{value}"', f'{one} != "{value}"', f'{one} in ["{value}", "-"]', f'{one} not in ["{value}", "OK"]',
            f'{one} like "{value[:4]}"', f'{one} not like "{value[:3]}"', f"{one} like /^(10|eni)/", f"{one} not like /-/",
            f'isIpv4InSubnet({one}, "10.0.0.0/{self.pick(8, 16, 25)}")', f'isIpInSubnet({one}, "2001:db8::/{self.pick(32, 112)}")',
            f"not isPrivateIP({one})", f"ispresent({one})", f"{number} > {figure}", f"{number} = {figure}", f'{number} != "{figure}"',
            f'{number} = "-"', f"ispresent({number})", f"{number} in [{figure}, 443]", f"{number} * 2 < {figure}",
            f'{one} < "{value}"', f"{one} = {self.pick(*TEXT_FIELDS)}", f"{number} != {self.pick(*NUMBER_FIELDS)}",
            '@message like "REJECT"', "accountId = 123456789012", "accountId = 12345678901", f"{one} > {figure}",
        )  # fmt: skip

    def condition(self, depth=2):
        if depth and self.random.random() < 0.5:
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick(f"({one} and {other})", f"({one} or {other})", f"not ({one})")
        return self.test()

    def query(self):
        stages = [f"filter {self.condition()}"] if self.random.random() < 0.8 else []
        if self.random.random() < 0.5:
            by = [*{self.pick(*TEXT_FIELDS, *NUMBER_FIELDS), self.pick(*TEXT_FIELDS, "bin(1h)", "bin(10m)")}]
            number = self.pick(*NUMBER_FIELDS)
            figure = self.pick(
                "count(*)", f"sum({number})", f"avg({number})", f"max({number})", f"min({self.pick(*TEXT_FIELDS)})", f"sum({number}) * 8",
                f"count({number})", f"count({self.pick(*TEXT_FIELDS)})", f"count_distinct({self.pick(*TEXT_FIELDS)})", f"pct({number}, 90)",
                f"max({number}) - min({number})", f"latest({self.pick(*TEXT_FIELDS)})",
            )  # fmt: skip
            stages.append(f"stats {figure} as figure by {', '.join(by)}")
            if self.random.random() < 0.4:
                stages.append(
                    f"filter {by[0] if '(' not in by[0] else 'figure'} {self.pick('!=', '=', '>')} {self.pick('22', chr(34) + '-' + chr(34))}"
                )
        else:
            stages.append(
                f"fields @timestamp, @message, {self.pick(*TEXT_FIELDS)}, {self.pick(*NUMBER_FIELDS)}, bytes % 1000 as rest"
            )
            if self.random.random() < 0.6:
                stages.append(f"sort {self.pick(*TEXT_FIELDS, *NUMBER_FIELDS)}{self.pick('', ' desc')}")
            if self.random.random() < 0.3:
                stages.append(f"dedup {self.pick(*TEXT_FIELDS)}, {self.pick(*NUMBER_FIELDS)}")
            stages.append(f"limit {self.pick(5, 40)}")
        return " | ".join(stages)


@pytest.mark.parametrize("seed", range(4))
def test_a_random_query_of_flow_logs_gives_what_its_plain_evaluation_gives(world, seed):
    asker, events = world
    maker = Maker(seed)
    for _ in range(20):
        query = maker.query()
        rows = asker.ask(Question(query, Range(), START))
        columns, expected = answer(query, events)
        got = texts(rows)
        assert [column.name for column in rows.columns] == list(columns), query
        if "stats" in query:
            got, expected = sorted(got, key=key), sorted(expected, key=key)
        assert len(got) == len(expected), query
        for mine, plain in zip(got, expected, strict=True):
            assert all(map(same, mine, plain)), f"{query}\n{mine}\n{plain}"
