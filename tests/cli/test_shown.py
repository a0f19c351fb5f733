"""What is shown of foreign values."""

from __future__ import annotations

import json

import pytest

from vpcflow.cli.shown import json_text, printable

OBEYED = ["\x1b[2J", "\x9b31m", "\x7f", "\u202e", "\u2028", "\ud800", "\u2066"]


@pytest.mark.parametrize("value", OBEYED)
def test_json_is_the_same_value_without_anything_a_terminal_obeys(value):
    text = json_text({value: [value, "서울 😀"]}, 1)
    assert json.loads(text) == {value: [value, "서울 😀"]}
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "서울 😀" in text
    assert text.encode()
    assert printable(value) != value
