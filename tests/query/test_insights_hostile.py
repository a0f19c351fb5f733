"""Queries that want too much, or to be something else than a query: refused, soon, with a place in the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.insights_golden import cases
from vpcflow.errors import MalformedQuery
from vpcflow.query.insights import regexes
from vpcflow.query.insights.parse import parse

DIGITS = "9" * 5000
WANTS_TOO_MUCH = {
    f"limit {DIGITS}": "insights.range",
    "limit " + "0" * 9000 + "1": "insights.range",
    f"fields a[{DIGITS}].b": None,
    "fields " + "a." * 4000 + "a": "insights.too_deep",
    "fields " + "a" + ".`b`" * 2000: "insights.too_deep",
    "fields " + "a" + "[0]" * 3000: "insights.too_deep",
    "filter a like /" + "[" * 9000 + "/": "insights.bad_regex",
    "filter a like /" + "[[:" * 3000 + "/": "insights.bad_regex",
    "filter a like /" + "[[:a:]" * 1500 + "/": "insights.bad_regex",
    "filter a like /((((a{30}){30}){30}){30})/": "insights.bad_regex",
}


@pytest.mark.parametrize(("text", "code"), WANTS_TOO_MUCH.items(), ids=range(len(WANTS_TOO_MUCH)))
def test_a_query_that_wants_too_much_is_refused_at_once(text, code):
    began = time.process_time()
    if code is None:
        parse(text)
    else:
        with pytest.raises(MalformedQuery) as raised:
            parse(text)
        assert raised.value.code == code
        assert len(str(raised.value.values.get("reason", ""))) < 400
    assert time.process_time() - began < 3


QUERIES = [case.query for case in cases()]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(QUERIES),
    st.sampled_from(QUERIES),
    st.tuples(*(st.floats(0, 1) for _ in range(3))),
    st.sampled_from(
        ["", "`", '"', "/", "(", "|", "[", "\\", "#", "\0", "\ud800", "\u202e", "٣", DIGITS, "e999", ";--", "${", "*/"]
    ),
)
def test_what_is_no_query_is_refused_with_its_place(one, other, cuts, between):
    begin, end, onward = (int(cut * len(text)) for cut, text in zip(cuts, (one, one, other), strict=True))
    text = one[:begin] + between + other[onward:] + one[end:]
    refused = None
    try:
        parse(text)
    except MalformedQuery as error:
        refused = error
    if refused is not None:
        assert 0 <= refused.start <= refused.end <= len(text) + 1
        assert str(refused)


@pytest.mark.parametrize("pattern", ["[]a]", "[^]a]", "[[:alpha:](]", r"[\]]", "[(", r"\Q[(\E", "a[b"])
def test_brackets_in_a_class_are_no_groups(pattern):
    try:
        assert regexes.read(f"{pattern}(?<x>.)").groups == ("x",)
    except regexes.BadPattern:
        assert pattern in ("[(", "a[b")
