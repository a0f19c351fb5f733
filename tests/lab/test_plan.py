"""What a network becomes in the lab, and what no lab can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpc.networks import network
from vpcflow.errors import ConfigError
from vpcflow.lab.plan import GATEWAY_DEVICE, SINK_DEVICE, make
from vpcflow.lab.ruleset import ruleset
from vpcflow.vpc.topology import Route, RouteTable


def hops(plan, name):
    device = next(one for one in plan.devices if one.host == name)
    return {hop.destination: (hop.device, hop.via) for hop in plan.tables[device.table]}


def routed(found, **targets):
    tables = {
        table_id: RouteTable(
            table.id, table.vpc_id, table.name, table.main, tuple(Route(*pair) for pair in targets["routes"])
        )
        for table_id, table in found.route_tables.items()
    }
    return replace(found, route_tables=tables)


def test_routes_lead_to_gateways_and_interfaces_and_all_else_to_nowhere():
    plan = make(network())
    public, private = hops(plan, "web"), hops(plan, "db")
    assert public["0.0.0.0/0"] == (GATEWAY_DEVICE, "")
    assert public["10.9.0.0/16"] == (SINK_DEVICE, "")
    assert public["10.0.0.0/16"] == ("", "")
    assert private["0.0.0.0/0"] == ("nat", "10.0.1.5")
    assert private["::/0"] == (SINK_DEVICE, "")


def test_a_route_to_an_interface_leads_there_and_a_blackhole_nowhere():
    found = network()
    bastion = next(one for one in found.interfaces.values() if one.name == "bastion")
    plan = make(routed(found, routes=[("10.0.2.0/24", bastion.id), ("192.0.2.0/24", "")]))
    assert hops(plan, "web")["10.0.2.0/24"] == ("bastion", "10.0.1.20")
    assert hops(plan, "web")["192.0.2.0/24"] == (SINK_DEVICE, "")


def test_a_public_address_stands_for_the_private_one_at_its_place():
    assert make(network()).public == {"203.0.113.10": "10.0.1.10", "203.0.113.5": "10.0.1.5"}


def test_names_that_no_device_can_have_are_changed_and_told_apart():
    found = network()
    names = ["Web Server (production, eu-west-1)", "router", "web server (production, eu-west-1)", "nat"]
    interfaces = {
        one.id: replace(one, name=name, instance_id="")
        for one, name in zip(found.interfaces.values(), names, strict=True)
    }
    plan = make(replace(found, interfaces=interfaces, instances={}))
    assert [host.name for host in plan.hosts] == [
        "web-server-production-eu-west-1", "router-2", "web-server-production-eu-west-1-2", "nat",
    ]  # fmt: skip
    assert [device.name for device in plan.devices] == ["eni1", "router-2", "eni3", "nat"]


def test_interfaces_of_an_instance_are_one_host():
    found = network()
    ids = list(found.interfaces)
    interfaces = {
        one.id: replace(one, instance_id="i-1") if one.id in ids[:2] else one for one in found.interfaces.values()
    }
    plan = make(replace(found, interfaces=interfaces))
    assert [(device.name, device.inner) for device in plan.hosts[0].devices] == [("web", "eth0"), ("web-1", "eth1")]


def test_other_rules_are_of_the_same_shape_and_other_addresses_are_not():
    found = network()
    assert make(replace(found, security_groups={})).shape() == make(found).shape()
    assert make(network(**{"10.0.1.20": "10.0.1.21"})).shape() != make(found).shape()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"interfaces": {}}, "lab.no_interfaces"),
        ({"subnets": {}}, "lab.no_subnet"),
    ],
)
def test_what_cannot_be_built_is_refused(change, code):
    with pytest.raises(ConfigError) as raised:
        make(replace(network(), **change))
    assert raised.value.code == code


def test_an_address_that_two_have_is_refused():
    found = network()
    one, two, *_ = found.interfaces.values()
    with pytest.raises(ConfigError) as raised:
        make(replace(found, interfaces={one.id: one, two.id: replace(two, addresses=one.addresses)}))
    assert raised.value.code == "lab.same_address"


def test_a_prefix_list_without_contents_is_refused_where_a_rule_needs_it():
    with pytest.raises(ConfigError) as raised:
        ruleset(make(replace(network(), prefix_lists={})))
    assert raised.value.code == "lab.no_prefix_list"


COMMAND = "\nnetns exec x sh"


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("mac", "lab.bad_mac"),
        ("address", "lab.bad_address"),
        ("public", "lab.bad_address"),
        ("gateway", "lab.bad_address"),
        ("vpc", "lab.bad_block"),
        ("subnet", "lab.bad_block"),
        ("route", "lab.bad_block"),
        ("peer", "lab.bad_block"),
        ("port", "lab.bad_number"),
        ("protocol", "lab.bad_number"),
    ],
)
def test_a_text_that_ip_or_nft_would_obey_is_refused(part, code):
    found = network()
    (key, interface), *others = found.interfaces.items()
    (group_id, group) = next((key, one) for key, one in found.security_groups.items() if one.inbound)
    rule = group.inbound[0]

    def first(kept, **changed):
        (key, one), *rest = kept.items()
        return {key: replace(one, **changed), **dict(rest)}

    def ruled(**changed):
        return {
            "security_groups": {**found.security_groups, group_id: replace(group, inbound=(replace(rule, **changed),))}
        }

    changes = {
        "mac": {"interfaces": {key: replace(interface, mac=f"02:00:00:00:00:01{COMMAND}"), **dict(others)}},
        "address": {"interfaces": {key: replace(interface, ipv6=(f"fd00::1%x{COMMAND}",)), **dict(others)}},
        "public": {"interfaces": {key: replace(interface, public=(f"192.0.2.1{COMMAND}",)), **dict(others)}},
        "gateway": {"gateways": first(found.gateways, public=(f"192.0.2.1{COMMAND}",))},
        "vpc": {"vpcs": first(found.vpcs, cidrs=(f"fd00::%x{COMMAND}/64",))},
        "subnet": {"subnets": first(found.subnets, cidrs=(f"10.0.0.0/16{COMMAND}",))},
        "route": {"route_tables": first(found.route_tables, routes=(Route(f"10.0.0.0/8{COMMAND}", "local"),))},
        "peer": ruled(peer=f"10.0.0.0/8{COMMAND}"),
        "port": ruled(from_port=f"443{COMMAND}"),
        "protocol": ruled(protocol=f"6{COMMAND}"),
    }
    with pytest.raises(ConfigError) as raised:
        ruleset(make(replace(found, **changes[part])))
    assert raised.value.code == code
