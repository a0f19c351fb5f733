"""Files that describe no network but an attack: refused, within bounds, before anything else reads them."""

from __future__ import annotations

import json

import pytest

from vpc.networks import network
from vpcflow.errors import RecordError, VpcFlowError
from vpcflow.vpc.addresses import block, canonical
from vpcflow.vpc.json_form import dumps, loads
from vpcflow.vpc.load import load, load_document

OTHERS = (None, True, -1, 1.5, {}, [], [[]], [1], {"a": 1}, "x\nnetns add y", "fe80::%x; y/64")


@pytest.mark.parametrize("text", ["fe80::%x\nnetns add y", "fe80::%eth0/64", "::%a/0"])
def test_a_block_has_nothing_behind_a_percent_sign(text):
    for read in (canonical, block):
        with pytest.raises(ValueError, match="%"):
            read(text)


def places(value, at=()):
    """Yield the place of each value in a document."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*at, key)
        if isinstance(one, dict | list):
            yield from places(one, (*at, key))


def test_a_kept_network_with_any_value_of_another_kind_is_refused_or_still_one():
    whole = json.loads(dumps(network()))
    refused = 0
    for number, place in enumerate(places(whole)):
        document = json.loads(dumps(network()))
        at = document
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = OTHERS[number % len(OTHERS)]
        try:
            found = load_document(document, "f.json")
        except VpcFlowError:
            refused += 1
        else:
            assert loads(dumps(found), "f.json") == found
    assert refused > 100


@pytest.mark.parametrize("key", ["mac", "name"])
def test_texts_of_a_kept_network_are_texts(key):
    document = json.loads(dumps(network()))
    document["interfaces"][0][key] = 7
    with pytest.raises(RecordError) as raised:
        load_document(document, "f.json")
    assert raised.value.code == "network.bad_form"


def read(tmp_path, text):
    file = tmp_path / "t.yaml"
    file.write_text(text)
    return load([file])


def test_merges_of_merges_are_refused_before_they_are_made(tmp_path):
    lines = [f"  a{n}: &a{n}\n    <<: [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(RecordError) as raised:
        read(tmp_path, "\n".join(["Resources:", "  a0: &a0 {a: 1, b: 2}", *lines]))
    assert raised.value.code == "network.not_yaml"


def test_merges_of_ordinary_size_are_what_they_name(tmp_path):
    text = """
Base: &base {CidrBlock: 10.0.0.0/16}
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {<<: *base}}
"""
    (vpc,) = read(tmp_path, text).vpcs.values()
    assert vpc.cidrs == ("10.0.0.0/16",)


@pytest.mark.parametrize("start", ["x" * 1_000_000, "x"])
def test_texts_of_texts_of_texts_stay_unresolved_in_little_room(tmp_path, start):
    twice = [f'  C{n}: {{"Fn::Join": ["", [{{Condition: C{n - 1}}}, {{Condition: C{n - 1}}}]]}}' for n in range(1, 40)]
    text = ["Conditions:", f"  C0: {start}", *twice, "Resources:", "  V:", "    Type: AWS::EC2::VPC"]
    found = read(tmp_path, "\n".join([*text, "    Properties: {CidrBlock: {Condition: C39}}"]))
    assert not any(vpc.cidrs for vpc in found.vpcs.values())


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_halves_of_characters_become_replacement_characters(tmp_path, form):
    if form == "json":
        document = {"Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "\ud800x"}]}]}
        (tmp_path / "t.json").write_text(json.dumps(document))
        found = load([tmp_path / "t.json"])
    else:
        properties = 'Properties: {CidrBlock: 10.0.0.0/16, Tags: [{Key: Name, Value: "\\ud800x"}]}'
        found = read(tmp_path, f"Resources:\n  V: {{Type: 'AWS::EC2::VPC', {properties}}}")
    (vpc,) = found.vpcs.values()
    assert vpc.name == "\N{REPLACEMENT CHARACTER}x"
    assert dumps(found).encode()


@pytest.mark.parametrize("found", ["vpc-1\nx", "vpc 1", "vpc-\x1b[2J", ""])
def test_an_id_is_one_word(found):
    with pytest.raises(RecordError) as raised:
        load_document({"Vpcs": [{"VpcId": found}]}, "f.json")
    assert raised.value.code == "network.document.id"
