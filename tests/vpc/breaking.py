"""Documents with one value replaced by another, anywhere in them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

_ODD = (
    None, True, 0, -1, 1.5, "", "x", "10.0.0.0/99", [], [None], ["x"], [{}], {}, {"a": 1}, {"Ref": "Nope"}, {"Fn::GetAtt": [1]},
    {"references": [1]}, [[]], {"Ref": "Vpc"}, {"Fn::Join": ["", 7]},
)  # fmt: skip


def broken(document, data):
    """A copy of *document* in which one value is another one. data: Hypothesis'."""
    document = json.loads(json.dumps(document))
    at, last = document, None
    for _ in range(data.draw(st.integers(1, 9))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        last = at, key
        if not isinstance(at[key], dict | list):
            break
        at = at[key]
    if last is not None:
        last[0][last[1]] = data.draw(st.sampled_from(_ODD))
    return document
