"""Resources of Terraform: state as `terraform show -json` or the state file has it, and plans.

What a plan does not know yet (ids, above all) is looked up in the plan's configuration: a reference to another resource stands
for the id that resource will have; here it gets one derived from its address.

Source: Terraform "JSON Output Format" (values, configuration, expression representations), state file format version 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc.document import Item
from vpcflow.vpc.ids import PREFIXES, derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEPTH: Final = 64
_KINDS: Final = {
    "aws_vpc": "vpc",
    "aws_default_vpc": "vpc",
    "aws_subnet": "subnet",
    "aws_default_subnet": "subnet",
    "aws_route_table": "route-table",
    "aws_default_route_table": "route-table",
    "aws_network_interface": "interface",
    "aws_instance": "instance",
    "aws_security_group": "security-group",
    "aws_default_security_group": "security-group",
    "aws_vpc_security_group_ingress_rule": "security-group-rule",
    "aws_vpc_security_group_egress_rule": "security-group-rule",
    "aws_network_acl": "network-acl",
    "aws_default_network_acl": "network-acl",
    "aws_ec2_managed_prefix_list": "prefix-list",
    "aws_internet_gateway": "igw",
    "aws_egress_only_internet_gateway": "eigw",
    "aws_nat_gateway": "nat",
    "aws_ec2_transit_gateway": "tgw",
    "aws_vpn_gateway": "vgw",
    "aws_vpc_endpoint": "vpce",
    "aws_vpc_peering_connection": "pcx",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. address: as Terraform writes it, with module and index. config: its expressions in a plan, else empty."""

    address: str
    type: str
    module: str
    index: object
    values: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    managed: bool = True
    unknown: object = False

    @property
    def id(self) -> str:
        """Its id; one derived from the address where a plan has none yet."""
        found = self.values.get("id")
        if isinstance(found, str) and found:
            return found
        kind = _KINDS.get(self.type)
        return derived(kind, self.address) if kind in PREFIXES else ""

    def is_unknown(self, name: str) -> bool:
        """Tell whether the plan does not know an attribute, or a part of it."""
        return isinstance(self.unknown, dict) and _has_true(self.unknown.get(name), 0)

    def is_computed(self, name: str) -> bool:
        """Tell whether nobody has written an attribute: rules that are written nowhere are none after `terraform apply`."""
        unknown = self.unknown.get(name) if isinstance(self.unknown, dict) else None
        return unknown is True and not self.config.get(name)


def resources(root: Item) -> list[Resource]:
    """Return the resources of a whole document."""
    if "resource_changes" in root.values or "planned_values" in root.values:
        return list(_planned(root))
    if "values" in root.values:
        return list(_shown(root.item("values").item("root_module"), ""))
    return list(_stored(root))


def _shown(module: Item, name: str, depth: int = 0) -> Iterator[Resource]:
    if depth > _DEPTH:
        raise RecordError("network.too_deep", file=module.file, place=name)
    for one in module.items("resources"):
        yield Resource(
            one.text("address"), one.text("type"), name, one.values.get("index"), one.item("values").values,
            managed=one.text("mode") != "data",
        )  # fmt: skip
    for child in module.items("child_modules"):
        yield from _shown(child, child.text("address"), depth + 1)


def _stored(root: Item) -> Iterator[Resource]:
    for one in root.items("resources"):
        module, managed = one.text("module"), one.text("mode") != "data"
        base = ".".join(filter(None, (module, "" if managed else "data", one.text("type"), one.text("name"))))
        for instance in one.items("instances"):
            index = instance.values.get("index_key")
            suffix = "" if index is None else f"[{index!r}]".replace("'", '"')
            yield Resource(
                base + suffix, one.text("type"), module, index, instance.item("attributes").values, managed=managed
            )


def _planned(root: Item) -> Iterator[Resource]:
    unknown = {
        one.text("address"): one.item("change").values.get("after_unknown") for one in root.items("resource_changes")
    }
    config = root.item("configuration").item("root_module")
    data = root.item("prior_state").item("values").item("root_module")
    for one in _shown(data, ""):
        if not one.managed:
            yield one
    for one in _shown(root.item("planned_values").item("root_module"), ""):
        expressions = _expressions(config, one)
        yield Resource(
            one.address, one.type, one.module, one.index, one.values, expressions, one.managed, unknown.get(one.address)
        )


def _expressions(config: Item, one: Resource) -> Mapping[str, Any]:
    module = module_config(config, one.module)
    if module is None:
        return {}
    plain = without_index(one.address.removeprefix(f"{one.module}."))
    return next(
        (found.item("expressions").values for found in module.items("resources") if found.text("address") == plain), {}
    )


def module_config(config: Item, name: str) -> Item | None:
    """Return the configuration of a module (`module.a[0].module.b`), None where the plan has none."""
    for word in re.findall(r"module\.([^.\[]+)", name):
        calls = config.item("module_calls").values
        if word not in calls:
            return None
        config = config.item("module_calls").item(word).item("module")
    return config


def without_index(address: str) -> str:
    """Return an address without the index of its instance."""
    return re.sub(r'\[(?:[0-9]+|"[^"]*")\]$', "", address)


def _has_true(value: object, depth: int) -> bool:
    if depth > _DEPTH:
        return True
    if isinstance(value, dict):
        return any(_has_true(one, depth + 1) for one in value.values())
    if isinstance(value, list):
        return any(_has_true(one, depth + 1) for one in value)
    return value is True
