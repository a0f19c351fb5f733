"""`vpcflow network` as it is called."""

from __future__ import annotations

import json

import pytest

from vpc.networks import LAB


@pytest.fixture
def lab(place):
    (place / "lab.toml").write_text(LAB)
    (place / "later.toml").write_text(LAB.replace("tcp 443 from 0.0.0.0/0", "tcp 8443 from 0.0.0.0/0"))
    return place


SUMMARY = "1 VPC, 2 subnets, 4 interfaces, 3 security groups, 2 network ACLs"


def test_an_import_says_what_there_is_and_keeps_it(run, lab):
    ran = run("network", "import", "lab.toml", "--at", "2026-11-20")
    assert (ran.code, ran.lines) == (0, [SUMMARY])
    assert 'kept as "default", true from 2026-11-20 00:00:00 UTC on' in ran.err
    again = run("network", "import", "lab.toml", "--at", "2026-11-21")
    assert "nothing changed" in again.err
    listed = run("network", "list")
    assert listed.lines == [f"2026-11-20 00:00:00  default  {SUMMARY}  (lab.toml)"]


def test_old_times_have_old_rules(run, lab):
    run("network", "import", "lab.toml", "--at", "2026-11-20")
    run("network", "import", "later.toml", "--at", "2026-11-22")
    assert "tcp 443 from" in run("network", "show", "web", "--at", "2026-11-21").out
    assert "tcp 8443 from" in run("network", "show", "web").out
    early = run("network", "show", "web", "--at", "2026-01-01")
    assert "tcp 443 from" in early.out
    assert "nothing is kept for that time" in early.err


def test_a_diff_tells_rules_in_awss_words(run, lab):
    run("network", "import", "lab.toml", "--at", "2026-11-20")
    assert run("network", "diff").code == 2
    run("network", "import", "later.toml", "--at", "2026-11-22")
    ran = run("network", "diff")
    assert [line[:2] + line[23:] for line in ran.lines] == [
        "- (web)  inbound: tcp 443 from 0.0.0.0/0",
        "+ (web)  inbound: tcp 8443 from 0.0.0.0/0",
    ]
    assert run("network", "diff", "@2026-11-21", "later.toml").lines == ran.lines
    assert run("network", "diff", "lab.toml", "later.toml").lines == ran.lines
    change = run("network", "diff", "lab.toml", "@state", "-o", "json").json()[0]
    assert (change["kind"], change["part"], change["field"]) == ("removed", "security_groups", "inbound")
    assert "nothing changed" in run("network", "diff", "lab.toml", "lab.toml").err


def test_a_diff_tells_acls_routes_interfaces_and_whole_resources(run, lab):
    text = LAB.replace("90 deny tcp 22", "90 deny tcp 23").replace("0.0.0.0/0 igw", "0.0.0.0/0 blackhole")
    text = text.replace('["10.0.1.20"]', '["10.0.1.21"]').replace('az = "local-az1"', 'az = "local-az2"')
    text += '[security-group.new]\ninbound = ["all from 10.0.0.0/8"]\n'
    (lab / "much.toml").write_text(text)
    out = run("network", "diff", "lab.toml", "much.toml").out
    for said in (
        "- acl-", "inbound: 90 deny tcp 22 from 198.51.100.0/24", "+ rtb-", "routes: 0.0.0.0/0 blackhole",
        "(bastion)  addresses: 10.0.1.21",
        "~ subnet-", "az-id: local-az1 → local-az2", "(new)\n", "(new)  inbound: all from 10.0.0.0/8",
    ):  # fmt: skip
        assert said in out


def test_show_draws_a_network_or_gives_it_as_json(run, lab):
    shown = run("network", "show", "--network", "lab.toml")
    assert "203.0.113.10" in shown.out
    assert "NAT gateway" in shown.out
    (lab / "own.json").write_text(run("network", "show", "--network", "lab.toml", "-o", "json").out)
    assert run("network", "show", "--network", "own.json").out == shown.out
    (web,) = run("network", "show", "10.0.1.10", "--network", "lab.toml", "-o", "json").json()
    assert web["part"] == "interfaces"


def test_names_keep_accounts_apart_and_versions_can_be_removed(run, lab):
    run("network", "import", "lab.toml", "--at", "2026-11-20", "--name", "one")
    run("network", "import", "later.toml", "--at", "2026-11-20", "--name", "two")
    assert len(run("network", "list", "-o", "json").json()) == 2
    assert run("network", "remove", "2026-11-20", "--name", "one").code == 0
    assert run("network", "remove", "2026-11-20", "--name", "one").code == 2
    assert [one["name"] for one in run("network", "list", "-o", "json").json()] == ["two"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import",), 2, "name files, or give --live"),
        (("import", "lab.toml", "--live"), 2, "name files, or give --live"),
        (("import", "nowhere.json"), 4, "there is no nowhere.json"),
        (("import", "lab.toml", "--name", "a b"), 2, "is no name"),
        (("import", "lab.toml", "--parameter", "x"), 2, "is not KEY=VALUE"),
        (("show",), 2, "no network is kept"),
        (("show", "nobody", "--network", "lab.toml"), 2, 'nothing is called "nobody"'),
        (("show", "--network", "@yesterday"), 2, "is no time"),
        (("show", "--network", "lab.toml", "--at", "1h"), 2, "exclude each other"),
        (("diff",), 2, "there are 0 versions"),
        (("remove", "2026-11-20"), 2, "no version"),
    ],
)
def test_what_cannot_be_done_is_said(run, lab, words, code, said):
    ran = run("network", *words)
    assert (ran.code, said in ran.err) == (code, True), ran.err


def test_what_a_description_lacks_is_said(run, lab):
    (lab / "x.json").write_text(json.dumps({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/8"}]}))
    assert "not described: subnets, network_interfaces" in run("network", "import", "x.json").err
