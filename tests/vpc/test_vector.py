"""Whole batches are decided as single flows are."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc.networks import named, network
from vpc.worlds import networks, records
from vpcflow.record.flow_counts import ACCEPT, EGRESS, INGRESS, NETWORK_ACL, REJECT
from vpcflow.vpc import policy
from vpcflow.vpc.address_columns import Addresses
from vpcflow.vpc.addresses import address
from vpcflow.vpc.decision import Decision, Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.outcomes import WHYS
from vpcflow.vpc.vector import Evaluator

COLUMNS = {
    "interface_id": pa.string(), "srcaddr": pa.string(), "dstaddr": pa.string(), "srcport": pa.int32(), "dstport": pa.int32(),
    "protocol": pa.int32(), "flow_direction": pa.string(),
}  # fmt: skip


def batch_of(rows, without=()):
    names = [name for name in COLUMNS if name not in without]
    return pa.RecordBatch.from_arrays([pa.array([row[name] for row in rows], COLUMNS[name]) for name in names], names)


def plain(found, row, tracked):
    if None in (row["srcaddr"], row["dstaddr"], row["protocol"]):
        return Decision("UNKNOWN", why="no_flow")
    flow = Flow(
        row["srcaddr"], row["dstaddr"], row["protocol"], row["srcport"], row["dstport"], row["interface_id"], row["flow_direction"],
    )  # fmt: skip
    return evaluate(found, flow, tracked=tracked)


def told(verdicts, place):
    outcome = verdicts.outcomes[verdicts.outcome[place]]
    rule = verdicts.rules[outcome.rule] if outcome.rule >= 0 else None
    return (
        {0: "UNKNOWN", ACCEPT: "ACCEPT", REJECT: "REJECT"}[outcome.action],
        outcome.layer,
        WHYS[outcome.why],
        rule.rule if rule else None,
        outcome.assumed,
    )


def deciding(decision):
    """The rule of the step that decides."""
    order = [step for action in ("REJECT", "UNKNOWN") for step in decision.steps if step.action == action]
    groups = [step for step in decision.steps if step.layer == 1]
    steps = order or groups
    return steps[0].rule if steps else None


@settings(max_examples=150, deadline=None)
@given(networks(), st.lists(records(), min_size=1, max_size=12), st.booleans(), st.booleans(), st.booleans())
def test_a_batch_is_decided_as_each_flow_is(found, rows, coded, ask_tracking, no_table):
    batch = batch_of(rows)
    if coded:
        batch = pa.RecordBatch.from_arrays(
            [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in batch.columns],
            batch.schema.names,
        )
    tracked = pa.array([row["tracked"] for row in rows]) if ask_tracking else None
    with pytest.MonkeyPatch.context() as patch:
        if no_table:
            patch.setattr(policy, "_MAX_CELLS", 0)
            patch.setattr(policy, "_AT_ONCE", 7)
        evaluator = Evaluator(found)
        verdicts = evaluator.decide(batch, tracked)
        again = evaluator.decide(batch, tracked)
    assert (again.outcome == verdicts.outcome).all()
    for place, row in enumerate(rows):
        decision = plain(found, row, ask_tracking and row["tracked"])
        expected = (decision.action, decision.layer, decision.why, deciding(decision), decision.assumed)
        assert told(verdicts, place) == expected, row
        steps = {step.layer: step.rule for step in decision.steps}
        outcome = verdicts.outcomes[verdicts.outcome[place]]
        for number, layer in ((outcome.group_rule, 1), (outcome.acl_entry, 2)):
            assert (verdicts.rules[number].rule if number >= 0 else None) == steps.get(layer)


@settings(max_examples=50, deadline=None)
@given(networks(), st.lists(records(), max_size=8))
def test_without_directions_addresses_tell_them(found, rows):
    rows = [{**row, "flow_direction": None} for row in rows]
    verdicts = Evaluator(found).decide(batch_of(rows, without=("flow_direction", "srcport")))
    for place, row in enumerate(rows):
        decision = plain(found, row, tracked=False)
        assert told(verdicts, place)[0] == decision.action
        if decision.direction and decision.steps:
            assert verdicts.direction[place] == {"ingress": INGRESS, "egress": EGRESS}[decision.direction]


@given(
    st.lists(
        st.ip_addresses().map(str)
        | st.text("0123456789.:abf ", max_size=18)
        | st.lists(st.integers(0, 300), min_size=3, max_size=5).map(lambda parts: ".".join(map(str, parts)))
        | st.sampled_from(["01.2.3.4", "1.2.3.4 ", "1.2.3.00", "1..2.3", ".1.2.3", "1.2.3.4.", "255.255.255.255", "0.0.0.0", "::1%eth0"])
        | st.none(),
    ),
    st.integers(0, 3),
)  # fmt: skip
def test_addresses_are_read_as_the_standard_library_reads_them(texts, cut):
    values = pa.array(texts, pa.string())[min(cut, len(texts)) :]
    found = Addresses.of(values)
    for place, text in enumerate(values.to_pylist()):
        expected = address(text) if text is not None else None
        assert found.version[place] == (expected.version if expected else 0), text
        if expected and expected.version == 4:
            assert int(found.four[place]) == expected.number
        elif expected:
            assert int.from_bytes(bytes(found.six[place]).ljust(16, b"\0"), "big") == expected.number
    assert found.version[-1] == 0, "null is no address"


def test_verdicts_are_columns():
    lab = network()
    web = named(lab, "web").id
    rows = [
        {"interface_id": web, "srcaddr": source, "dstaddr": "10.0.1.10", "srcport": 5, "dstport": port, "protocol": 6, "flow_direction": None}
        for source, port in (("198.51.100.9", 22), ("198.51.100.9", 443), ("198.51.99.9", 25), (None, 0))
    ]  # fmt: skip
    verdicts = Evaluator(lab).decide(batch_of(rows))
    assert verdicts.action.tolist() == [REJECT, ACCEPT, REJECT, 0]
    assert verdicts.layer.tolist() == [NETWORK_ACL, 0, 1, 0]
    assert verdicts.actions().to_pylist() == ["REJECT", "ACCEPT", "REJECT", None]
    assert verdicts.rules[verdicts.rule[0]].rule.number == 90
    assert verdicts.rules[verdicts.group_rule[1]].rule.from_port == 443
    assert verdicts.rules[verdicts.acl_entry[1]].rule.number == 100
    assert verdicts.direction.tolist() == [INGRESS, INGRESS, INGRESS, 0]
    assert verdicts.counts() == {"no_flow": 1}
    assert not verdicts.assumed.any()


def test_an_empty_batch_has_no_verdicts():
    verdicts = Evaluator(network()).decide(batch_of([]))
    assert len(verdicts.action) == 0
    assert len(verdicts.actions()) == 0


def test_tables_read_as_batches_do():
    lab = network()
    rows = [{"interface_id": named(lab, "web").id, "srcaddr": "192.0.2.1", "dstaddr": "10.0.1.10", "srcport": 5, "dstport": 443, "protocol": 6, "flow_direction": "ingress"}]  # fmt: skip
    one = batch_of(rows)
    table = pa.Table.from_batches([one, one])
    assert Evaluator(lab).decide(table).action.tolist() == [ACCEPT, ACCEPT]


def test_many_policies_are_told_apart():
    lab = network()
    ends = [(one.id, one.addresses[0]) for one in lab.interfaces.values()]
    rng = np.random.default_rng(1)
    sources = [str(ipaddress.ip_address(int(number))) for number in rng.integers(0, 1 << 32, 500)]
    rows = [
        {"interface_id": ends[place % 4][0], "srcaddr": source, "dstaddr": ends[place % 4][1], "srcport": 5, "dstport": int(port), "protocol": 6, "flow_direction": None}
        for place, (source, port) in enumerate(zip(sources, rng.choice([22, 443, 5432], 500), strict=True))
    ]  # fmt: skip
    verdicts = Evaluator(lab).decide(batch_of(rows))
    assert [told(verdicts, place)[0] for place in range(500)] == [plain(lab, row, tracked=False).action for row in rows]
