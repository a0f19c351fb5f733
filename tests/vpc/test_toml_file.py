"""A network written by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc.networks import LAB, named, network
from vpcflow.errors import ConfigError
from vpcflow.vpc.rules import ANY, NetworkAclEntry
from vpcflow.vpc.toml_file import parse


def test_a_whole_file_is_read():
    found = network()
    assert {name: len(getattr(found, name)) for name in ("vpcs", "subnets", "interfaces", "network_acls")} == {
        "vpcs": 1,
        "subnets": 2,
        "interfaces": 4,
        "network_acls": 2,
    }
    web = named(found, "web")
    assert web.addresses == ("10.0.1.10", "10.0.1.11")
    assert web.ipv6 == ("fd00:10:0:1::10",)
    assert web.instance_id in found.instances
    assert found.subnets[web.subnet_id].az_id == "local-az1"
    nat = next(one for one in found.interfaces.values() if one.type == "nat_gateway")
    assert (nat.service, nat.instance_id) == ("NAT gateway", "")
    assert found.gateways[next(one for one in found.gateways if one.startswith("nat-"))].interface_id == nat.id


def test_ids_have_awss_form_and_stay_the_same():
    one, other = network(), network()
    assert one == other
    for part in (one.vpcs, one.subnets, one.interfaces, one.security_groups, one.network_acls, one.route_tables):
        for key in part:
            assert re.fullmatch(r"[a-z]+-[0-9a-f]{17}", key)
    assert all(
        re.fullmatch(r"sgr-[0-9a-f]{17}", rule.id) for one in one.security_groups.values() for rule in one.inbound
    )


def test_ids_that_are_written_are_kept():
    found = network(LAB.replace("[interface.web]\n", '[interface.web]\nid = "eni-0123456789abcdef0"\n'))
    assert named(found, "web").id == "eni-0123456789abcdef0"


def test_rules_are_read_as_the_api_has_them():
    found = network()
    https, ssh, echo, office = (
        named(found, "web").security_groups
        and next(group for group in found.security_groups.values() if group.name == "web").inbound
    )
    assert (https.protocol, https.from_port, https.to_port, https.peer) == (6, 443, 443, "0.0.0.0/0")
    assert ssh.peer == next(group.id for group in found.security_groups.values() if group.name == "bastion")
    assert (echo.protocol, echo.from_port, echo.to_port) == (1, 8, 0)
    assert (office.protocol, office.from_port, office.peer[:3]) == (ANY, ANY, "pl-")


def test_every_acl_ends_with_the_rule_that_refuses_the_rest():
    for acl in network().network_acls.values():
        for entries in (acl.inbound, acl.outbound):
            assert entries[-2:] == (
                NetworkAclEntry(32767, False, ANY, "0.0.0.0/0"),
                NetworkAclEntry(32767, False, ANY, "::/0"),
            )


def test_what_is_not_written_is_as_aws_makes_it():
    found = parse(
        '[vpc]\ncidr = "10.0.0.0/16"\n[subnet.a]\ncidr = "10.0.1.0/24"\n[interface.x]\nsubnet = "a"\naddress = "10.0.1.10"\n',
        "small.toml",
    )
    (acl,) = found.network_acls.values()
    assert acl.default
    assert acl.inbound[0] == NetworkAclEntry(100, True, ANY, "0.0.0.0/0")
    (group,) = found.security_groups.values()
    assert (group.name, group.inbound[0].peer, [rule.peer for rule in group.outbound]) == (
        "default",
        group.id,
        ["0.0.0.0/0"],
    )
    (table,) = found.route_tables.values()
    assert table.main
    assert [(route.destination, route.target) for route in table.routes] == [("10.0.0.0/16", "local")]


WRONG = (
    ("[vpc", "is not TOML"),
    (LAB.replace("443 from", "443 to"), 'security-group.web.inbound[0]: an inbound rule says "from"'),
    (LAB.replace("tcp 443", "tcp 70000"), "ports are one number or two"),
    (LAB.replace("tcp 443", "tcpp 443"), "no such protocol"),
    (LAB.replace("tcp 443", "gre 443"), "only TCP and UDP have ports"),
    (LAB.replace("icmp 8/0", "icmp 300"), "for ICMP write TYPE"),
    (LAB.replace("sg:bastion", "sg:bastoin"), "there is no security-group bastoin"),
    (LAB.replace("pl:office", "pl:home"), "there is no prefix-list home"),
    (LAB.replace("443 from 0.0.0.0/0", "443 from everybody"), "the other side is no CIDR block"),
    (LAB.replace('"90 deny', '"90 refuse'), "is not a rule of a network ACL"),
    (LAB.replace('"90 deny', '"32767 deny'), "from 1 to 32766"),
    (LAB.replace('"90 deny', '"100 deny'), "rule number 100 is there twice"),
    (LAB.replace("22 from 198.51.100.0/24", "22 from sg:web"), "knows CIDR blocks only"),
    (LAB.replace('"tcp 22 from sg:bastion"', '"tcp 443 from 0.0.0.0/0"'), "is there twice"),
    (LAB.replace("10.0.1.10", "10.0.9.10"), "does not lie in subnet public"),
    (LAB.replace("10.0.1.10", "10.0.1.3"), "AWS reserves 10.0.1.3"),
    (LAB.replace("10.0.1.10", "10.0.1.255"), "AWS reserves"),
    (LAB.replace("10.0.1.20", "10.0.1.11"), "belongs to web and to bastion"),
    (LAB.replace("10.0.1.20", "10.0.1"), "is not an IPv4 address"),
    (LAB.replace("10.0.2.0/24", "10.1.2.0/24"), "lies in none of the VPC's blocks"),
    (LAB.replace("10.0.2.0/24", "10.1.2.0/33"), "is not a CIDR block"),
    (LAB.replace("0.0.0.0/0 igw", "0.0.0.0/0 door"), "there is no gateway door"),
    (LAB.replace("0.0.0.0/0 igw", "0.0.0.0/0"), "is not a route"),
    (LAB.replace('kind = "igw"', 'kind = "door"'), "is none of: igw"),
    (LAB.replace('["bastion"]', "[]"), "at least one security group"),
    (LAB.replace('az = "local-az1"', "az = 1"), "text in quotes"),
    (LAB.replace('az = "local-az1"', 'azz = "local-az1"'), "subnet.public.azz: there is no such key"),
    (LAB.replace("[interface.db]\n", '[interface.db]\nid = "i-1"\n'), "does not begin with eni-"),
    ('[vpc]\nname = "x"\n', "vpc.cidr: this is needed"),
    ("vpc = 1", "vpc: a table was expected"),
    ("[vpc]\ncidr = [1]", "a list of texts was expected"),
)


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_mistake_is_refused_with_its_place(text, said):
    with pytest.raises(ConfigError) as refused:
        parse(text, "lab.toml")
    assert said in refused.value.message
    assert refused.value.message.startswith("lab.toml")


@given(st.data())
def test_whatever_is_written_is_read_or_refused_by_name(data):
    lines = LAB.splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    word = data.draw(
        st.sampled_from(['"', "0", "[", "]", "x = 1", "[vpc]", "[interface.web]", "\x00", "0.0.0.0/0", "", "-1"])
    )
    line = lines[place]
    cut = data.draw(st.integers(0, len(line)))
    lines[place] = data.draw(st.sampled_from([line[:cut] + word, line[:cut] + word + line[cut:], word]))
    try:
        parse("\n".join(lines), "lab.toml")
    except ConfigError as error:
        assert error.message  # noqa: PT017 - reading it is fine too
