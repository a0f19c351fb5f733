"""All resources of one Terraform document, what they refer to, and the documents that they become."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vpcflow.vpc.ids import derived
from vpcflow.vpc.implied import add_local_routes
from vpcflow.vpc.terraform_values import Resource, module_config, without_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vpcflow.vpc.document import Documents, Item

Document: TypeAlias = "dict[str, Any]"
"""An object of the EC2 API on its way."""

_HOPS = 32


class State:
    """All resources of one document, by address, and what they refer to. Collects what several resources tell of one thing."""

    def __init__(self, root: Item, found: list[Resource], into: Documents) -> None:
        self.root, self.into, self.file = root, into, root.file
        self._by_plain: dict[str, list[Resource]] = {}
        for one in found:
            self._by_plain.setdefault(_no_indices(one.address), []).append(one)
        self.made: dict[tuple[str, str], Document] = {}

    def document(self, key: str, own: str, place: str, **values: Any) -> Document:  # noqa: ANN401 - JSON
        """Return the document of *own* in the list *key*, with *values* added; lists in it grow."""
        found = self.made.setdefault((key, own), {"@": place})
        found.update({name: value for name, value in values.items() if value not in (None, "")})
        return found

    def finish(self) -> None:
        """Hand all documents on."""
        vpcs = {own: values for (key, own), values in self.made.items() if key == "Vpcs"}
        add_local_routes([values for (key, _), values in self.made.items() if key == "RouteTables"], vpcs)
        for (key, _), values in self.made.items():
            place = values.pop("@")
            self.into.add(key, values, self.file, place)

    # --- attributes --------------------------------------------------------------------------------------------

    def ids(self, one: Resource, name: str) -> list[str]:
        """Return the ids in an attribute (a string or a list), those of a plan's references too."""
        value = one.values.get(name)
        known = [value] if isinstance(value, str) else [found for found in value or () if isinstance(found, str)]
        if known and not one.is_unknown(name):
            return [found for found in known if found]
        return list(dict.fromkeys([*filter(None, known), *self.referred(one, one.config.get(name))]))

    def id(self, one: Resource, name: str) -> str:
        """Return the id in an attribute; empty where there is none or it cannot be told."""
        found = self.ids(one, name)
        return found[0] if found else ""

    def referred(self, one: Resource, expression: object) -> list[str]:
        """Return the ids of the resources that an expression of *one*'s configuration refers to."""
        found = []
        for reference in references(expression):
            found += self._resolved(reference, one.module, one.index, 0)
        return list(dict.fromkeys(found))

    def _resolved(self, reference: str, module: str, index: object, hops: int) -> list[str]:
        if hops > _HOPS:
            return []
        words = reference.split(".")
        if words[0] == "var" and module:
            parent, call = _parent(self.root, module)
            given = call.item("expressions").values.get(words[1]) if call else None
            return [own for inner in references(given) for own in self._resolved(inner, parent, index, hops + 1)]
        if words[0] == "module" and len(words) > 2:
            inside = f"{module}.module.{words[1]}".lstrip(".")
            config = module_config(self.root.item("configuration").item("root_module"), inside)
            told = config.item("outputs").item(words[2].partition("[")[0]).values.get("expression") if config else None
            return [own for inner in references(told) for own in self._resolved(inner, inside, index, hops + 1)]
        start = 1 if words[0] == "data" else 0
        plain = without_index(".".join(words[: start + 2]))
        candidates = self._by_plain.get(".".join(filter(None, (_no_indices(module), plain))), [])
        exact = [found for found in candidates if found.address.endswith(".".join(words[: start + 2]))]
        same = [found for found in candidates if found.index is not None and found.index == index]
        chosen = exact if len(exact) == 1 else same if len(same) == 1 else candidates
        attribute = words[start + 2] if len(words) > start + 2 else "id"
        return [own for found in chosen if (own := _attribute_id(found, attribute))]

    def blocks(self, one: Resource, name: str) -> Iterator[Block]:
        """Yield the nested blocks of an attribute."""
        configured = one.config.get(name)
        configured = configured if isinstance(configured, list) else []
        if one.is_unknown(name):
            if not configured:
                yield Block(self, one, {}, {}, resolved=False)
            for expressions in configured:
                yield Block(self, one, {}, expressions if isinstance(expressions, dict) else {})
            return
        for values in one.values.get(name) or ():
            if isinstance(values, dict):
                yield Block(self, one, values, {})


@dataclass(frozen=True, slots=True)
class Block:
    """One nested block, by its values, or by the expressions of a plan's configuration.

    resolved: False for one that is wholly unknown.
    """

    state: State
    resource: Resource
    values: Mapping[str, Any]
    expressions: Mapping[str, Any]
    resolved: bool = True

    def value(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return an attribute; the ids that a reference stands for, as a list; None where there is none."""
        if name in self.values:
            return self.values[name]
        expression = self.expressions.get(name)
        if not isinstance(expression, dict):
            return None
        if "constant_value" in expression:
            return expression["constant_value"]
        return self.state.referred(self.resource, expression) or None

    def unresolved(self, name: str) -> bool:
        """Tell whether an attribute is there and its value cannot be told."""
        return name not in self.values and bool(references(self.expressions.get(name))) and self.value(name) is None


def references(expression: object) -> list[str]:
    """Return the references of an expression, those to attributes only where Terraform names their resources beside them."""
    if not isinstance(expression, dict):
        return []
    found = expression.get("references")
    found = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [one for one in found if not any(other.startswith(f"{one}.") for other in found)]


def _attribute_id(one: Resource, attribute: str) -> str:
    value = one.values.get(attribute)
    if isinstance(value, str) and value:
        return value
    if attribute.startswith("default_"):
        kind = attribute.removeprefix("default_").removesuffix("_id").replace("_", "-")
        return (
            derived(kind, f"{one.address} default") if kind in ("security-group", "network-acl", "route-table") else ""
        )
    return one.id if attribute in ("id", "security_group_id", "allocation_id") else ""


def _parent(root: Item, module: str) -> tuple[str, Item | None]:
    parent, _, name = module.rpartition("module.")
    parent = parent.rstrip(".")
    config = module_config(root.item("configuration").item("root_module"), parent)
    return parent, config.item("module_calls").item(without_index(name)) if config else None


def _no_indices(address: str) -> str:
    return re.sub(r'\[(?:[0-9]+|"[^"]*")\]', "", address)


# --- attributes that many have --------------------------------------------------------------------------------------


def common(one: Resource) -> Document:
    """Return what most resources have: owner and tags."""
    tags = one.values.get("tags_all") or one.values.get("tags")
    found: Document = {"OwnerId": one.values.get("owner_id")}
    if isinstance(tags, dict):
        found["Tags"] = [{"Key": key, "Value": str(value)} for key, value in tags.items()]
    return found


def first(value: object) -> object:
    """Return the first of a list, the value itself where it is none; None for nothing."""
    return value[0] if isinstance(value, list) and value else value or None


def vpc_of(state: State, subnet: str) -> str:
    """Return the VPC of a subnet, as far as it was read."""
    return str(state.made.get(("Subnets", subnet), {}).get("VpcId", ""))
