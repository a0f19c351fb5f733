"""Every example of every command and function of Insights shows what it says: the reference is printed from them."""

from __future__ import annotations

import pytest

from query.insights_table import Table, drawn
from vpcflow.query.insights import commands, functions
from vpcflow.query.insights.shown import texts

FUNCTIONS = [one for family in functions.families().values() for one in family]


@pytest.fixture(scope="module")
def table():
    table = Table()
    yield table
    table.close()


@pytest.mark.parametrize("command", commands.all_commands().values(), ids=lambda one: one.name)
def test_the_examples_of_a_command_show_what_they_say(table, command):
    assert len(command.examples) >= 2
    for example in command.examples:
        rows = table.ask(example.query, example.events, example.groups, example.tables)
        assert drawn(rows) == example.output, example.query


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.name)
def test_the_examples_of_a_function_give_what_they_say(table, function):
    for call, expected in function.examples:
        if function.aggregate:
            got = aggregated(table, call)
        else:
            got = texts(table.ask(f"display {call}", [{"@message": "m", **function.given}]))[0][0]
        assert (got or "") == expected, call


AGGREGATED = [
    {"@timestamp": "3000", "a": "x10", "b": "y", "n": "4"},
    {"@timestamp": "2000", "a": "x2", "b": "y"},
    {"@timestamp": "1000", "n": "2.5", "c": "7"},
]
"""What the examples of aggregates are about; `n` of the second record is missing."""


def aggregated(table, call):
    over_time = "overtime" in call.lower().replace("_", "")
    rows = table.ask(f"stats {call}{' by bin(1h)' if over_time else ''}", AGGREGATED)
    return texts(rows)[0][-1]


def test_no_two_functions_or_commands_have_one_name():
    names = [name.lower() for name in functions.names()]
    assert len(names) == len(set(names))
    words = [word.lower() for word in commands.names()]
    assert len(words) == len(set(words))
