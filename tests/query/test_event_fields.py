"""Fields of JSON events: found in the newest, reached by name in SQL, the same as the plain rule says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from lake import lakes
from vpcflow.lake.lake import Lake
from vpcflow.query import event_fields
from vpcflow.query.answer import Asker
from vpcflow.query.duckdb import DuckDBEngine
from vpcflow.record.json_fields import discovered
from vpcflow.record.log_events import Filing
from vpcflow.types import Limits, TimeRange


@pytest.fixture(scope="module")
def engine():
    engine = DuckDBEngine([], threads=1)
    yield engine
    engine.close()


def reached(engine, message, name):
    plan = exp.select(event_fields.field(name, exp.Literal.string(message)).as_("x"))
    found = list(engine.result(engine.submit(plan.sql("duckdb", identify=True), Limits())))
    return found[-1].column("x").to_pylist()[0]


@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        ('{"a":{"b":1}}', "a.b", "1"),
        ('{"a.b":"x"}', "a.b", "x"),
        ('{"a":{"b":"step"},"a.b":"key"}', "a.b", "step"),
        ('{"a":[{"b":true}]}', "a.0.b", "true"),
        ('{"a":{"0":"z"}}', "a.0", "z"),
        ('{"a":null}', "a", None),
        ('{"a":{"b":1}}', "a", None),
        ('{"a":[1]}', "a", None),
        ('{"@t":1}', "@@t", "1"),
        ('{"x/y~z":"\'quoted\'"}', "x/y~z", "'quoted'"),
        ('{"n":12345678901234567890}', "n", "12345678901234567890"),
        ("plain", "a", None),
        ("", "a", None),
        ('{"a":', "a", None),
    ],
)
def test_a_field_is_reached_by_its_name(engine, message, name, value):
    assert reached(engine, message, name) == value


TEXTS = st.characters(codec="utf-8", exclude_characters="\0")
KEYS = st.text(st.characters(codec="utf-8", exclude_characters=".\0"), min_size=1, max_size=4)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(TEXTS, max_size=6)


def _inside(inner):
    return st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)


DOCUMENTS = st.dictionaries(KEYS, st.recursive(LEAVES, _inside, max_leaves=6), max_size=4)


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_every_discovered_field_is_reached_with_its_value(engine, document):
    message = json.dumps(document)
    found = discovered(message)
    for name, value in list(found.items())[:5]:
        assert reached(engine, message, name) == value, name


def test_a_group_has_the_fields_of_its_newest_events_most_first(tmp_path):
    root = tmp_path / "lake"
    lines = [
        json.dumps({"time": 1_700_000_000 + n, "level": "x", **({"req": {"id": n}} if n % 4 == 0 else {})})
        for n in range(20)
    ]
    (tmp_path / "a.log").write_text("\n".join([*lines, "plain"]))
    (tmp_path / "b.log").write_text('{"other": 1, "time": 1700000000}\n')
    lakes.ingest(root, [tmp_path / "a.log"], filing=Filing("/a"))
    lakes.ingest(root, [tmp_path / "b.log"], filing=Filing("/b"))
    lake = Lake(root)
    engine = DuckDBEngine([root], threads=1)
    try:
        asker = Asker(engine, lake)
        found = event_fields.of_groups(asker, ["/a"])
        assert list(found) == ["level", "time", "req.id"]
        assert found["req.id"] == pytest.approx(100 * 5 / 21)
        assert list(event_fields.of_groups(asker, ["/b"])) == ["other", "time"]
        newest = event_fields.of_groups(asker, ["/a"], TimeRange(1_700_000_016, 1_700_000_018))
        assert newest == {"level": 100.0, "time": 100.0, "req.id": 50.0}
    finally:
        engine.close()
        lake.close()
