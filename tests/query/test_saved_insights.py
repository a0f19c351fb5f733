"""Saved queries in a query: what their places and calls become, and what is refused where."""

from __future__ import annotations

import pytest

from vpcflow.errors import MalformedQuery, QueryError
from vpcflow.query.insights.parse import parse
from vpcflow.query.insights.predefined import PREDEFINED
from vpcflow.query.insights.saved import expanded, filled, places
from vpcflow.state.query_definitions import QueryDefinition, QueryParameter

SAVED = {
    "Plain": QueryDefinition("1", "Plain", "filter a = 1 # all\n"),
    "Of one": QueryDefinition("2", "Of one", 'filter a = "{{v}}" | limit {{ n }}', (), (QueryParameter("n", "5"),)),
    "Outer": QueryDefinition("3", "Outer", "$Plain"),
    "Long": QueryDefinition("4", "Long", f"filter a = '{'x' * 9990}'"),
}


def _expanded(text):
    return expanded(text, SAVED.get, lambda: list(SAVED))


def test_places_become_values_or_their_defaults():
    assert places("a {{b}} {{ c }} {{b}}") == ["b", "c"]
    assert filled(SAVED["Of one"], {"v": "x"}) == 'filter a = "x" | limit 5'
    assert filled(SAVED["Of one"], {"v": "{{n}}", "n": "7"}) == 'filter a = "{{n}}" | limit 7'


@pytest.mark.parametrize(
    ("values", "code"),
    [({}, "parameter_missing"), ({"v": "1", "w": "2"}, "parameter_unknown")],
)
def test_values_and_places_must_go_together(values, code):
    with pytest.raises(QueryError) as refused:
        filled(SAVED["Of one"], values)
    assert refused.value.code == f"insights.{code}"


@pytest.mark.parametrize("text", ["{{1}}", "{{a-b}}", "{{}}", "{{" + "x" * 129 + "}}"])
def test_a_place_has_a_name(text):
    with pytest.raises(QueryError) as refused:
        places(text)
    assert refused.value.code == "insights.parameter_name"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$Plain", "filter a = 1 # all\n"),
        ("$Plain | limit 3", "filter a = 1 # all\n | limit 3"),
        ("fields a |$Plain|limit 3", "fields a |filter a = 1 # all\n|limit 3"),
        ('$`Of one`(v="x y")', 'filter a = "x y" | limit 5\n'),
        ("$`Of one`( v = 'x', n = 9 ) | sort a", 'filter a = "x" | limit 9\n | sort a'),
        ("filter a in ($Plain)", "filter a in (filter a = 1 # all\n)"),
        ("\n # say\n| $Plain", "\n # say\n| filter a = 1 # all\n"),
    ],
)
def test_a_call_becomes_the_text_of_the_saved_query(text, wanted):
    assert _expanded(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "filter a = '|$Plain'",
        'filter a = "x | $Plain"',
        "filter a like /x|$Plain/",
        "filter a =~ /(|$Plain)/",
        "parse a /x|$Plain/",
        "parse /|$Plain/",
        "fields `a|$Plain`",
        "fields a # |$Plain",
    ],
)
def test_a_dollar_that_is_no_stage_stays(text):
    assert _expanded(text) == text


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("fields a | $Plian", "no_saved_near", (11, 17)),
        ("$Nothing", "no_saved", (0, 8)),
        ("$Outer", "saved_nested", (0, 6)),
        ("$`Of one`", "parameter_missing", (0, 9)),
        ("$Plain(a=1)", "parameter_unknown", (0, 11)),
        ("$Long | limit 10", "too_long", (0, 0)),
    ],
)
def test_a_call_that_cannot_be_is_underlined(text, code, place):
    with pytest.raises(MalformedQuery) as refused:
        _expanded(text)
    assert (refused.value.code, (refused.value.start, refused.value.end)) == (f"insights.{code}", place)


@pytest.mark.parametrize("text", ["$", "$ Plain", "$`x", "$Plain(", "$Plain(v", "fields a | $(x)"])
def test_what_is_no_call_is_left_to_the_parser(text):
    with pytest.raises(QueryError):
        parse(_expanded(text))


@pytest.mark.parametrize("name", PREDEFINED)
def test_each_query_that_is_there_from_the_start_can_be_read(name):
    values = {one.name: "10.0.0.0/8" if one.name == "subnet" else "x1" for one in PREDEFINED[name].parameters}
    parse(filled(PREDEFINED[name], values))
