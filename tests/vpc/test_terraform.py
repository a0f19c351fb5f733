"""Terraform state and plans."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc.breaking import broken
from vpcflow.errors import RecordError, VpcFlowError
from vpcflow.vpc.decision import Flow
from vpcflow.vpc.evaluator import evaluate
from vpcflow.vpc.load import load_document
from vpcflow.vpc.rule_text import written, written_entry


def resource(address, values, mode="managed", index=None):
    kind = address.removeprefix("data.").split("[")[0].split(".")[-2]
    found = {"address": address, "mode": mode, "type": kind, "name": address.split(".")[-1], "values": values}
    return found if index is None else {**found, "index": index}


ALL = {"from_port": 0, "to_port": 0, "protocol": "-1", "self": False, "description": ""}
RESOURCES = [
    resource("aws_instance.web", {
        "id": "i-1", "subnet_id": "subnet-1", "private_ip": "10.0.1.10", "public_ip": "203.0.113.10",
        "primary_network_interface_id": "eni-1", "vpc_security_group_ids": ["sg-1"], "tags": {"Name": "web"},
    }),
    resource("aws_network_interface.db", {
        "id": "eni-2", "subnet_id": "subnet-2", "private_ip": "10.0.2.20", "private_ips": ["10.0.2.21", "10.0.2.20"],
        "security_groups": ["sg-2"], "mac_address": "0a:00:00:00:00:02", "interface_type": "interface",
    }),
    resource("aws_vpc.main", {
        "id": "vpc-1", "cidr_block": "10.0.0.0/16", "ipv6_cidr_block": "2001:db8::/56", "owner_id": "123456789012",
        "default_network_acl_id": "acl-d", "default_route_table_id": "rtb-d", "tags_all": {"Name": "main"},
    }),
    resource("aws_subnet.public", {"id": "subnet-1", "vpc_id": "vpc-1", "cidr_block": "10.0.1.0/24", "availability_zone": "eu-west-1a", "ipv6_cidr_block": ""}),
    resource("aws_subnet.private", {"id": "subnet-2", "vpc_id": "vpc-1", "cidr_block": "10.0.2.0/24"}),
    resource("aws_route_table.public", {"id": "rtb-1", "vpc_id": "vpc-1", "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1", "nat_gateway_id": ""}]}),
    resource("aws_route.nat", {"id": "r", "route_table_id": "rtb-d", "destination_cidr_block": "0.0.0.0/0", "nat_gateway_id": "nat-1"}),
    resource("aws_route_table_association.a", {"id": "x", "subnet_id": "subnet-1", "route_table_id": "rtb-1"}),
    resource("aws_security_group.web", {
        "id": "sg-1", "name": "web", "vpc_id": "vpc-1",
        "ingress": [
            {**ALL, "from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "ipv6_cidr_blocks": ["::/0"], "prefix_list_ids": [], "security_groups": []},
            {**ALL, "self": True, "cidr_blocks": [], "security_groups": []},
        ],
        "egress": [{**ALL, "cidr_blocks": ["0.0.0.0/0"]}],
    }),
    resource("aws_security_group.db", {"id": "sg-2", "name": "db", "vpc_id": "vpc-1", "ingress": [], "egress": []}),
    resource("aws_security_group_rule.db", {
        "id": "sgrule-1", "security_group_id": "sg-2", "type": "ingress", "from_port": 5432, "to_port": 5432, "protocol": "tcp",
        "source_security_group_id": "sg-1", "security_group_rule_id": "sgr-old",
    }),
    resource("aws_vpc_security_group_ingress_rule.db", {
        "id": "sgr-new", "security_group_rule_id": "sgr-new", "security_group_id": "sg-2", "ip_protocol": "icmp", "from_port": 8, "to_port": 0,
        "cidr_ipv4": "10.0.0.0/8",
    }),
    resource("aws_vpc_security_group_egress_rule.db", {"id": "sgr-out", "security_group_id": "sg-2", "ip_protocol": "-1", "prefix_list_id": "pl-1"}),
    resource("aws_network_acl.public", {
        "id": "acl-1", "vpc_id": "vpc-1", "subnet_ids": ["subnet-1"],
        "ingress": [{"rule_no": 100, "action": "allow", "protocol": "-1", "cidr_block": "0.0.0.0/0", "ipv6_cidr_block": "", "from_port": 0, "to_port": 0, "icmp_type": 0, "icmp_code": 0}],
        "egress": [],
    }),
    resource("aws_network_acl_rule.ssh", {
        "id": "n", "network_acl_id": "acl-1", "rule_number": 90, "egress": False, "protocol": "6", "rule_action": "deny",
        "cidr_block": "198.51.100.0/24", "from_port": 22, "to_port": 22,
    }),
    resource("aws_internet_gateway.gw", {"id": "igw-1", "vpc_id": "vpc-1"}),
    resource("aws_nat_gateway.nat", {"id": "nat-1", "subnet_id": "subnet-1", "private_ip": "10.0.1.5", "public_ip": "203.0.113.5", "network_interface_id": "eni-n"}),
    resource("aws_ec2_managed_prefix_list.office", {"id": "pl-1", "name": "office", "max_entries": 5, "entry": [{"cidr": "192.0.2.0/24"}]}),
    resource("aws_vpc_peering_connection.p", {"id": "pcx-1", "vpc_id": "vpc-1", "peer_vpc_id": "vpc-2", "accept_status": "active"}),
    resource("aws_vpc_endpoint.s3", {"id": "vpce-1", "vpc_id": "vpc-1", "service_name": "com.amazonaws.eu-west-1.s3", "prefix_list_id": "pl-s3", "cidr_blocks": ["52.218.0.0/17"]}),
    resource("data.aws_vpc.other", {"id": "vpc-9", "cidr_block": "10.9.0.0/16"}, mode="data"),
    resource("data.aws_security_group.x", {"id": "sg-9", "name": "x"}, mode="data"),
    resource("random_id.x", {"id": "1"}),
]  # fmt: skip


def shown(resources=RESOURCES):
    half = len(resources) // 2
    return {
        "format_version": "1.0",
        "terraform_version": "1.9.0",
        "values": {
            "root_module": {
                "resources": resources[:half],
                "child_modules": [{"address": "module.net", "resources": resources[half:]}],
            }
        },
    }


def stored():
    return {
        "version": 4,
        "terraform_version": "1.9.0",
        "serial": 3,
        "resources": [
            {
                "mode": one["mode"],
                "type": one["type"],
                "name": one["name"],
                "instances": [{"attributes": one["values"]}],
            }
            for one in RESOURCES
        ],
    }


@pytest.fixture(params=["shown", "stored"])
def state(request):
    return load_document(shown() if request.param == "shown" else stored(), "state.json")


def rules(group):
    return [written(rule, inbound=True) for rule in group.inbound], [
        written(rule, inbound=False) for rule in group.outbound
    ]


def test_a_state_is_read(state):
    assert set(state.vpcs) == {"vpc-1", "vpc-9"}
    assert state.vpcs["vpc-1"].cidrs == ("10.0.0.0/16", "2001:db8::/56")
    assert (state.account, state.region) == ("123456789012", "eu-west-1")
    assert {one.id: one.addresses for one in state.interfaces.values()} == {
        "eni-1": ("10.0.1.10",),
        "eni-2": ("10.0.2.20", "10.0.2.21"),
        "eni-n": ("10.0.1.5",),
    }
    assert (state.interfaces["eni-1"].name, state.interfaces["eni-1"].vpc_id) == ("web", "vpc-1")
    assert state.subnets["subnet-1"].network_acl == "acl-1"
    assert (state.subnets["subnet-2"].network_acl, state.subnets["subnet-2"].route_table) == ("acl-d", "rtb-d")


def test_rules_are_read_from_every_kind_of_resource(state):
    assert rules(state.security_groups["sg-1"]) == (
        ["tcp 443 from 0.0.0.0/0", "tcp 443 from ::/0", "all from sg-1"],
        ["all to 0.0.0.0/0"],
    )
    assert rules(state.security_groups["sg-2"]) == (["tcp 5432 from sg-1", "icmp 8/0 from 10.0.0.0/8"], ["all to pl-1"])
    assert [rule.id for rule in state.security_groups["sg-2"].inbound] == ["sgr-old", "sgr-new"]
    assert "sg-9" not in state.security_groups, "a data source tells no rules"
    entries = [written_entry(entry, inbound=True) for entry in state.network_acls["acl-1"].inbound]
    assert entries[:2] == ["90 deny tcp 22 from 198.51.100.0/24", "100 allow all from 0.0.0.0/0"]


def test_routes_begin_with_local_ones(state):
    routes = {key: [(one.destination, one.target) for one in table.routes] for key, table in state.route_tables.items()}
    local = [("10.0.0.0/16", "local"), ("2001:db8::/56", "local")]
    assert routes["rtb-1"] == [*local, ("0.0.0.0/0", "igw-1")]
    assert routes["rtb-d"] == [*local, ("0.0.0.0/0", "nat-1")]
    assert state.prefix_lists["pl-s3"].cidrs == ("52.218.0.0/17",)


def test_interfaces_of_services_are_missing_and_that_is_said(state):
    assert "network_interfaces" in state.incomplete
    assert evaluate(state, Flow("10.0.2.99", "10.0.2.20", 6, dstport=5432)).action == "UNKNOWN", (
        "may be a member of sg-1"
    )
    assert evaluate(state, Flow("10.0.1.10", "10.0.2.20", 6, dstport=5432, interface_id="eni-2")).action == "ACCEPT"


def expression(*references):
    return {"references": list(references)}


PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.9.0",
    "planned_values": {"root_module": {
        "resources": [
            resource("aws_vpc.main", {"cidr_block": "10.0.0.0/16"}),
            resource("aws_subnet.a[0]", {"cidr_block": "10.0.1.0/24"}, index=0),
            resource("aws_subnet.a[1]", {"cidr_block": "10.0.2.0/24"}, index=1),
            resource("aws_security_group.web", {"name": "web", "egress": []}),
            resource("aws_security_group.db", {"name": "db"}),
            resource("aws_vpc_security_group_ingress_rule.db", {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432}),
            resource("aws_network_interface.n", {"private_ip": "10.0.1.10", "private_ips": ["10.0.1.10"]}),
        ],
        "child_modules": [{"address": "module.acl", "resources": [
            resource("module.acl.aws_network_acl.x", {"egress": [], "ingress": [
                {"rule_no": 100, "action": "allow", "protocol": "-1", "cidr_block": "0.0.0.0/0", "from_port": 0, "to_port": 0}]}),
        ]}],
    }},
    "resource_changes": [
        {"address": "aws_security_group.web", "change": {"after_unknown": {"id": True, "vpc_id": True, "ingress": True}}},
        {"address": "aws_security_group.db", "change": {"after_unknown": {"id": True, "ingress": True, "egress": True}}},
        {"address": "aws_network_interface.n", "change": {"after_unknown": {"security_groups": True}}},
        {"address": "module.acl.aws_network_acl.x", "change": {"after_unknown": {"subnet_ids": True, "vpc_id": True}}},
    ],
    "configuration": {"root_module": {
        "resources": [
            {"address": "aws_subnet.a", "expressions": {"vpc_id": expression("aws_vpc.main.id", "aws_vpc.main")}},
            {"address": "aws_security_group.web", "expressions": {
                "vpc_id": expression("aws_vpc.main.id", "aws_vpc.main"),
                "ingress": [
                    {"protocol": {"constant_value": "tcp"}, "from_port": {"constant_value": 80}, "to_port": {"constant_value": 80},
                     "security_groups": expression("aws_security_group.db.id", "aws_security_group.db")},
                    {"protocol": {"constant_value": "tcp"}, "cidr_blocks": expression("data.http.ip.body", "data.http.ip")},
                ]}},
            {"address": "aws_security_group.db", "expressions": {"vpc_id": expression("aws_vpc.main.id", "aws_vpc.main")}},
            {"address": "aws_vpc_security_group_ingress_rule.db", "expressions": {
                "security_group_id": expression("aws_security_group.db.id", "aws_security_group.db"),
                "referenced_security_group_id": expression("aws_security_group.web.id", "aws_security_group.web")}},
            {"address": "aws_network_interface.n", "expressions": {
                "subnet_id": expression("aws_subnet.a[0].id", "aws_subnet.a[0]", "aws_subnet.a"),
                "security_groups": expression("aws_security_group.web.id", "aws_security_group.web")}},
        ],
        "module_calls": {"acl": {
            "expressions": {"vpc": expression("aws_vpc.main.id", "aws_vpc.main"), "subnets": expression("aws_subnet.a")},
            "module": {"resources": [{"address": "aws_network_acl.x", "expressions": {
                "vpc_id": expression("var.vpc"), "subnet_ids": expression("var.subnets")}}]},
        }},
    }},
}  # fmt: skip


def test_a_plan_is_read_by_its_references():
    plan = load_document(PLAN, "plan.json")
    (vpc,) = plan.vpcs.values()
    assert {subnet.vpc_id for subnet in plan.subnets.values()} == {vpc.id}
    assert len({subnet.network_acl for subnet in plan.subnets.values()}) == 1
    web, db = (next(one for one in plan.security_groups.values() if one.name == name) for name in ("web", "db"))
    assert web.vpc_id == vpc.id
    assert rules(web)[0] == [f"tcp 80 from {db.id}", "all from pl-unresolved"]
    assert rules(db) == ([f"tcp 5432 from {web.id}"], [])
    (interface,) = plan.interfaces.values()
    assert interface.security_groups == (web.id,)
    assert plan.subnets[interface.subnet_id].cidrs == ("10.0.1.0/24",)
    acl = plan.network_acls[plan.subnets[interface.subnet_id].network_acl]
    assert written_entry(acl.inbound[0], inbound=True) == "100 allow all from 0.0.0.0/0"


def test_what_a_plan_cannot_tell_is_unknown_and_named():
    plan = load_document(PLAN, "plan.json")
    assert "aws_security_group.web: a rule" in plan.incomplete
    assert evaluate(plan, Flow("192.0.2.1", "10.0.1.10", 6, dstport=443)).action == "UNKNOWN"


def test_an_acl_with_a_rule_that_is_not_known_answers_nothing():
    document = json.loads(json.dumps(PLAN))
    change = document["resource_changes"][3]["change"]
    change["after_unknown"]["ingress"] = [{"cidr_block": True}]
    plan = load_document(document, "plan.json")
    assert evaluate(plan, Flow("10.0.2.7", "10.0.1.10", 6, dstport=443)).steps[0].why == "unknown_acl"


@pytest.mark.parametrize("values", [{"private_ips": 7}, {"private_ips": [{}]}, {"security_groups": {"a": 1}}, {"ipv6_addresses": "x"}, {"tags": 3}])  # fmt: skip
def test_a_resource_that_is_none_is_refused_with_its_address(values):
    bad = resource("aws_network_interface.bad", {"id": "eni-x", "subnet_id": "subnet-1", **values})
    try:
        load_document(shown([*RESOURCES, bad]), "state.json")
    except RecordError as error:
        assert "aws_network_interface.bad" in error.message  # noqa: PT017


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([shown(), stored(), PLAN]), st.data())
def test_whatever_is_in_a_document_is_read_or_refused_by_name(document, data):
    document = broken(document, data)
    try:
        load_document(document, "x")
    except VpcFlowError as error:
        assert error.message  # noqa: PT017
