"""Explanations against what the kernel decided: layer and rule known to it, and taken out of the records."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from analyze.asking import asker, fill
from lab.conftest import Shell, program
from vpcflow.analyze.explain import cases, find
from vpcflow.analyze.explain.cases import Pair
from vpcflow.analyze.explain.classify import classify
from vpcflow.analyze.explain.facts import gather
from vpcflow.analyze.explain.judge import Judge, Rules
from vpcflow.analyze.explain.verdict import CERTAINTIES, LAYERS, VERDICTS
from vpcflow.analyze.plan import Scope
from vpcflow.vpc.json_form import read

pytestmark = pytest.mark.slow

FIELDS = (
    "account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags "
    "flow-direction"
)
UNDIRECTED = FIELDS.removesuffix(" flow-direction")
V2 = UNDIRECTED.removesuffix(" tcp-flags")
KERNEL = {"security-group": "security_group", "network-acl": "network_acl"}


def rows_of(came):
    return [{"account_id": "123456789012", "log_status": "OK"} | row for row in came["records"]]


@pytest.fixture(scope="module")
def scenes(lab_here):
    came = program("explained", "scenarios")
    network = read(came["networks"][0][1], "kernel")
    by_name = {}
    for row in rows_of(came):
        by_name.setdefault(row["scenario"], []).append(row)
    return by_name, network


@pytest.fixture(scope="module")
def asking(scenes, tmp_path_factory):
    rows = [row for some in scenes[0].values() for row in some]
    with asker(fill(tmp_path_factory.mktemp("scenes"), rows, FIELDS)) as one:
        yield one


def refused(rows):
    return [row for row in rows if row["action"] == "REJECT"]


def ask(asking, row, judge):
    """Explain a refused record's conversation, the causes of its interface and direction alone."""
    pair = Pair((row["srcaddr"],), (row["dstaddr"],), row["dstport"], row["srcport"], row["protocol"])
    found = find.one(asking, Scope(), pair, judge)
    return [
        cause
        for cause in found.causes
        if cause.interface_id == row["interface_id"] and cause.direction in ("", row["flow_direction"])
        and not cause.verdict.startswith("accepted")
        and cause.first_s <= row["start"] <= cause.last_s
    ]  # fmt: skip


def test_there_are_enough_scenarios_and_each_layer_and_direction_refuses(scenes):
    by_name, _ = scenes
    kinds = Counter((row["flow_direction"], row["x_layer"]) for rows in by_name.values() for row in refused(rows))
    assert sum(bool(refused(rows)) for rows in by_name.values()) >= 20
    assert set(kinds) == {(way, layer) for way in ("ingress", "egress") for layer in KERNEL}
    assert {row["type"] for rows in by_name.values() for row in refused(rows)} == {"IPv4", "IPv6"}
    assert {row["protocol"] for rows in by_name.values() for row in refused(rows)} == {1, 6, 17}


def test_with_the_rules_layer_and_rule_are_those_of_the_kernel(scenes, asking):
    by_name, network = scenes
    judge = Judge((Rules(network),))
    for name, rows in by_name.items():
        for row in refused(rows):
            (cause,) = ask(asking, row, judge)
            rule = "" if row["x_layer"] == "security-group" else str(row["x_rule"])
            if cause.verdict == "late_packets":
                assert name == "a reset of no connection"
                continue
            assert (cause.layer, cause.rule) == (KERNEL[row["x_layer"]], rule), name
            # Where a rule is for one ICMP type, records leave open whether it is the packets'.
            assert cause.certainty == ("likely" if "icmp_type" in cause.why else "certain"), name
            assert "icmp_type" not in cause.why or row["protocol"] == 1
            assert cause.mend, name


@pytest.mark.parametrize("fields", [FIELDS, UNDIRECTED, V2], ids=["flags and direction", "flags", "version 2"])
def test_without_rules_no_layer_is_named_wrongly_and_answers_are_the_acls(scenes, fields, tmp_path):
    by_name, _ = scenes
    every = {"records": [row for rows in by_name.values() for row in rows]}
    answers = 0
    for (layer, _), case, into, place, verdicts, _ in judged(every, fields, tmp_path, ()):
        named, sure = LAYERS[verdicts.layer[place]], CERTAINTIES[verdicts.certainty[place]]
        assert named in ("", layer), case
        if case[
            "out_accept_records" if into else "in_accept_records"
        ]:  # the request got in: what is refused is its answer
            answers += 1
            assert (VERDICTS[verdicts.verdict[place]], named) == ("reply_refused", "network_acl"), case
            proven = case["protocol"] == 1 or (case["protocol"] == 6 and "tcp-flags" in fields)
            assert sure == ("certain" if proven else "likely"), case
    assert answers >= 5


# --- random rule sets ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chance(lab_here):
    return program("explained", "random", 8)


def judged(came, fields, tmp_path, rules):
    """Yield (kernel's layer, kernel's rule, judged row) for every refused direction of every conversation."""
    rows = rows_of(came)
    known = {}
    for row in rows:
        if row["action"] == "REJECT":
            key = (
                row["interface_id"],
                row["srcaddr"],
                row["srcport"],
                row["dstaddr"],
                row["dstport"],
                row["protocol"],
            )
            known.setdefault(key, {})[row["start"] // 1800] = (KERNEL[row["x_layer"]], row["x_rule"] or 0)
    judge = Judge(rules)
    with asker(fill(tmp_path, rows, fields)) as asking:
        facts = gather(asking, Scope(), judge.own_addresses())
        batches = list(asking.ask(cases.plan(Scope(), asking.schema(), facts.owned.addresses)).batches)
    for batch in batches:
        verdicts = classify(batch, skipdata=facts.skipdata(batch), accepts=facts.accepts(batch))
        held = judge.hold(batch, verdicts)
        table = batch.to_pylist()
        for place in range(len(verdicts.case)):
            case, into = table[verdicts.case[place]], bool(verdicts.into[place])
            own, far = (case["own"], case["own_port"]), (case["far"], case["far_port"])
            ends = (*far, *own) if into else (*own, *far)
            time = case["in_reject_first" if into else "out_reject_first"] // 1800
            told = known[case["interface_id"], *ends, case["protocol"]][time]
            yield told, case, into, place, verdicts, held


def test_random_rules_are_never_judged_certain_wrongly_and_mostly_rightly_from_records_alone(chance, tmp_path):
    two_sided, right, certain, provable = 0, 0, 0, 0
    for (layer, _), case, into, place, verdicts, _ in judged(chance, FIELDS, tmp_path, ()):
        named = LAYERS[verdicts.layer[place]]
        sure = CERTAINTIES[verdicts.certainty[place]]
        if sure == "certain":
            certain += 1
            assert named == layer, case
        back = case["out_accept_records" if into else "in_accept_records"]
        if back:
            two_sided += 1
            right += named == layer
            syn_ack = case["in_reject_flags" if into else "out_reject_flags"] & 16
            syn = case["out_accept_flags" if into else "in_accept_flags"] & 2
            if case["protocol"] == 6 and syn and syn_ack:
                provable += 1
                assert sure == "certain", case
    assert two_sided > 40
    assert provable > 15
    assert certain >= provable
    assert right >= 0.95 * two_sided, f"{right} of {two_sided}"


def test_random_rules_are_named_as_the_kernel_has_them(chance, tmp_path):
    networks = [(at, read(document, "kernel")) for at, document in chance["networks"]]
    rules = tuple(Rules(network, at - 1000, None) for at, network in networks)
    layers = Counter()
    for (layer, rule), case, _, place, _, held in judged(chance, FIELDS, tmp_path, rules):
        verdicts = held.verdicts
        sure, named = CERTAINTIES[verdicts.certainty[place]], LAYERS[verdicts.layer[place]]
        layers[layer, sure] += 1
        if sure == "certain":
            assert named == layer, (case, rule, verdicts.verdict[place], verdicts.why[place])
        elif sure == "undecided":
            # ICMP: a rule for one type may be another's than the packets', which no record tells.
            assert case["protocol"] in (1, 58), case
    wrong = sum(count for (_, sure), count in layers.items() if sure == "undecided")
    assert wrong < 0.1 * layers.total()
    assert min(layers["security_group", "certain"], layers["network_acl", "certain"]) > 60


# --- the lab as people use it --------------------------------------------------------------------------------------------


def test_the_labs_own_traffic_is_explained_as_it_was_decided(lab_here, tmp_path):
    shell = Shell(tmp_path / "lake")
    shell.run("lab", "up", "--interval", "5")
    try:
        shell.run(
            "lab",
            "traffic",
            "inbound-reject",
            "inbound-reply-reject",
            "outbound-reject",
            "outbound-reply-reject",
            "nat",
        )
        rows = [row for row in shell.records() if row["action"] == "REJECT"]
        told = json.loads(shell.run("explain", "--all", "-o", "json", "-n", "1000")[0])
        alone = json.loads(shell.run("explain", "--all", "-o", "json", "--network", "none")[0])
    finally:
        shell.run("lab", "down")
    kernel = Counter((KERNEL[row["x_layer"]], "" if row["x_rule"] is None else str(row["x_rule"])) for row in rows)
    found = Counter()
    for cause in told["causes"]:
        assert cause["certainty"] == "certain", cause
        found[cause["layer"], cause["rule"]] += cause["records"]
    assert found == kernel
    assert told["refused_records"] == len(rows)
    patterns = {(cause["verdict"], cause["direction"]) for cause in alone["causes"]}
    assert patterns >= {
        ("opening_refused", "ingress"), ("opening_refused", "egress"), ("reply_refused", "ingress"), ("reply_refused", "egress"),
    }  # fmt: skip
    for cause in alone["causes"]:
        if cause["verdict"] == "reply_refused":
            assert cause["layer"] == "network_acl"
