"""Texts of any kind either are queries or are refused with a place; nothing else comes of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpcflow.errors import MalformedQuery
from vpcflow.query.insights import commands, functions
from vpcflow.query.insights.parse import parse
from vpcflow.query.insights.regexes import of_glob, read
from vpcflow.query.insights.syntax import Binary, Field, Literal

WORDS = [
    *commands.names(), *functions.names(), "|", "|", ",", "(", ")", "[", "]", "=", "!=", "<", ">=", "+", "-", "*", "/", "%", "^", "!", "=~",
    "as", "by", "in", "like", "not", "and", "or", "asc", "desc", "a", "@message", "`x y`", "a.b[0]", "5", "2.5", "5m", "1d", '"t"', "'u'",
    "/re(x)/", "# c\n", "type", "left", "right", "where", "OUTPUT", "into", "with", "for", "p", ".", "{", "}", "$", ":", "now", "start",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_any_words_are_a_query_or_refused_with_a_place(text):
    _parse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_query_or_refused_with_a_place(text):
    _parse(text)
    _parse(f"filter a = {text}")
    _parse(f"parse a {text}")
    _parse(f"SOURCE {text}")


def _parse(text):
    fault = None
    try:
        query = parse(text)
    except MalformedQuery as error:
        fault = error
    if fault is None:
        assert query.stages
        assert query.end <= len(text)
    else:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert fault.message


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_glob_finds_what_is_between_its_literals(before, inside):
    import re  # noqa: PLC0415 - the pattern is held against another engine

    before, inside = (part.replace("*", "").replace("\0", "") for part in (before, inside))
    pattern = of_glob(f"{before}*")
    found = re.search(
        re.sub(r"\\x\{([0-9a-f]+)\}", lambda code: re.escape(chr(int(code[1], 16))), pattern.text), before + inside
    )
    assert found is not None
    assert found[1] == inside or before in inside + before


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (r"(?<a>x)(y)(?:z)(?P<b>w)", ("a", "", "b")),
        (r"\(x\)[(](?<@n>y)", ("@n",)),
        (r"[]()](?i)(x)", ("",)),
        (r"\Q(\E(x)[[:alpha:](]", ("",)),
    ],
)
def test_groups_are_counted_where_they_are(text, groups):
    assert read(text).groups == groups


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b.c", ("a", "b", "c")),
        ("js.`user.id`", ("js", "user.id")),
        ("@`aws.tag.aws:name`", ("@aws.tag.aws:name",)),
        ("items.0.id", ("items", "0", "id")),
        ("js.users[1].action", ("js", "users", 1, "action")),
        ("`a b`.`c d`[2]", ("a b", "c d", 2)),
        ("@@example.com", ("@@example", "com")),
    ],
)
def test_a_field_has_its_parts(text, parts):
    (stage,) = parse(f"fields {text}").stages
    assert isinstance(stage.items[0].expr, Field)
    assert stage.items[0].expr.parts == parts


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"),
        ("8 - 3 - 2", "((8 - 3) - 2)"),
        ("1 * 2 % 3 / 4", "(((1 * 2) % 3) / 4)"),
        ("1 + 2 < 3 - 4", "((1 + 2) < (3 - 4))"),
    ],
)
def test_operators_bind_as_they_should(text, tree):
    def drawn(node):
        if isinstance(node, Binary):
            return f"({drawn(node.left)} {node.operator} {drawn(node.right)})"
        assert isinstance(node, Literal)
        return str(node.value)

    (stage,) = parse(f"fields {text}").stages
    assert drawn(stage.items[0].expr) == tree
