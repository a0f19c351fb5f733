"""The values of a CloudFormation template: intrinsic functions, parameters' defaults, mappings, conditions.

Source: AWS CloudFormation Template Reference, "Intrinsic function reference", "Pseudo parameters".
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from vpcflow.vpc.ids import PREFIXES, derived

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOTHING: Final = object()
"""What AWS::NoValue stands for."""

KINDS: Final = {
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::RouteTable": "route-table",
    "AWS::EC2::NetworkInterface": "interface",
    "AWS::EC2::Instance": "instance",
    "AWS::EC2::SecurityGroup": "security-group",
    "AWS::EC2::NetworkAcl": "network-acl",
    "AWS::EC2::PrefixList": "prefix-list",
    "AWS::EC2::InternetGateway": "igw",
    "AWS::EC2::EgressOnlyInternetGateway": "eigw",
    "AWS::EC2::NatGateway": "nat",
    "AWS::EC2::TransitGateway": "tgw",
    "AWS::EC2::VPNGateway": "vgw",
    "AWS::EC2::VPCEndpoint": "vpce",
    "AWS::EC2::VPCPeeringConnection": "pcx",
}
"""Types of resources that have an id, and its kind."""

_IDS: Final = frozenset(
    {
        "Id", "GroupId", "VpcId", "SubnetId", "RouteTableId", "NetworkAclId", "InternetGatewayId", "NatGatewayId", "InstanceId",
        "PrefixListId", "VPNGatewayId", "TransitGatewayId",
    }
)  # fmt: skip
_PROPERTIES: Final = {
    "CidrBlock": "CidrBlock",
    "PrivateIp": "PrivateIpAddress",
    "PrivateIpAddress": "PrivateIpAddress",
    "PrimaryPrivateIpAddress": "PrivateIpAddress",
    "AvailabilityZone": "AvailabilityZone",
}
_DEPTH: Final = 100
_STEPS: Final = 1_000_000
_STEP: Final = 100
"""Characters of text that count as a step: texts of texts grow too."""


class UnresolvedError(Exception):
    """A value that the template alone does not tell. The message is the function or name that does not."""


class Template:
    """One template. given: values of parameters, which beat the defaults."""

    def __init__(self, document: Mapping[str, Any], given: Mapping[str, str]) -> None:
        parts = ("Parameters", "Mappings", "Conditions", "Resources")
        self._parameters, self._mappings, self._conditions, self.resources = (
            _object(document.get(part)) for part in parts
        )
        self._given = given
        self._steps = 0
        self._functions: dict[str, Callable[[Any, int], Any]] = {
            "Ref": self._ref, "Fn::GetAtt": self._attribute, "Fn::Sub": self._sub, "Fn::Join": self._join,
            "Fn::Select": self._select, "Fn::Split": self._split, "Fn::FindInMap": self._find, "Fn::If": self._if,
            "Fn::Cidr": self._cidr, "Fn::Equals": self._equals, "Fn::And": self._and, "Fn::Or": self._or, "Fn::Not": self._not,
            "Condition": self._condition, "Fn::Base64": self._base64,
        }  # fmt: skip

    def resolve(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Return *value* without functions; UnresolvedError for what the template does not tell."""
        self._steps += 1
        if depth > _DEPTH or self._steps > _STEPS:
            raise UnresolvedError("…")
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name in self._functions:
                    return self._counted(self._functions[name](argument, depth + 1))
                if isinstance(name, str) and name.startswith("Fn::"):
                    raise UnresolvedError(name)
            pairs = ((key, self.resolve(one, depth + 1)) for key, one in value.items())
            return {key: one for key, one in pairs if one is not NOTHING}
        if isinstance(value, list):
            return [found for one in value if (found := self.resolve(one, depth + 1)) is not NOTHING]
        return self._counted(value)

    def _counted(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            self._steps += len(value) // _STEP
            if self._steps > _STEPS:
                raise UnresolvedError("…")
        return value

    def condition(self, name: object) -> bool:
        """Return what a condition comes to."""
        return self._truth(self._condition(name, 0))

    def id_of(self, logical: str) -> str:
        """Return the id that a resource will have, here derived from its logical id; UnresolvedError for types without one."""
        kind = KINDS.get(str(_object(self.resources.get(logical)).get("Type")))
        if kind is None or kind not in PREFIXES:
            raise UnresolvedError(f"Ref {logical}")
        return derived(kind, logical)

    # --- functions ---------------------------------------------------------------------------------------------

    def _ref(self, name: object, _depth: int) -> Any:  # noqa: ANN401
        if name == "AWS::NoValue":
            return NOTHING
        if not isinstance(name, str):
            raise UnresolvedError("Ref")
        if name in self._given:
            return self._typed(name, self._given[name])
        if name in self._parameters:
            told = _object(self._parameters[name])
            if "Default" not in told or str(told.get("Type", "")).startswith("AWS::SSM::Parameter"):
                raise UnresolvedError(f"parameter {name}")
            return self._typed(name, told["Default"])
        if name in self.resources:
            return self.id_of(name)
        raise UnresolvedError(name)

    def _typed(self, name: str, value: Any) -> Any:  # noqa: ANN401
        kind = str(_object(self._parameters.get(name)).get("Type", ""))
        if isinstance(value, str) and (kind == "CommaDelimitedList" or kind.startswith("List<")):
            return [part.strip() for part in value.split(",")]
        return value

    def _attribute(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        if isinstance(argument, str):
            argument = argument.split(".", 1)
        if not isinstance(argument, list) or len(argument) != 2 or not all(isinstance(one, str) for one in argument):
            raise UnresolvedError("Fn::GetAtt")
        logical, attribute = argument
        resource = _object(self.resources.get(logical))
        properties = _object(resource.get("Properties"))
        kind = resource.get("Type")
        if attribute == "VpcId" and kind != "AWS::EC2::VPC" and "VpcId" in properties:
            return self.resolve(properties["VpcId"], depth)
        if attribute in _IDS:
            return self.id_of(logical)
        if attribute in ("DefaultNetworkAcl", "DefaultSecurityGroup"):
            word = "network-acl" if attribute == "DefaultNetworkAcl" else "security-group"
            return derived(word, f"{logical} default")
        if (
            attribute == "CidrBlockAssociations"
            or attribute not in _PROPERTIES
            or _PROPERTIES[attribute] not in properties
        ):
            raise UnresolvedError(f"{logical}.{attribute}")
        return self.resolve(properties[_PROPERTIES[attribute]], depth)

    def _sub(self, argument: Any, depth: int) -> str:  # noqa: ANN401 - JSON
        text, names = (
            (argument, {})
            if isinstance(argument, str)
            else (argument[0], argument[1])
            if _pair(argument)
            else ("", None)
        )
        if not isinstance(text, str) or not isinstance(names, dict):
            raise UnresolvedError("Fn::Sub")

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in names:
                return str(self.resolve(names[name], depth))
            return str(self._counted(self._attribute(name, depth) if "." in name else self._ref(name, depth)))

        return re.sub(r"\$\{([^}]*)\}", value, text)

    def _join(self, argument: Any, depth: int) -> str:  # noqa: ANN401 - JSON
        if not _pair(argument):
            raise UnresolvedError("Fn::Join")
        parts = self.resolve(argument[1], depth)
        if not isinstance(parts, list):
            raise UnresolvedError("Fn::Join")
        return str(argument[0]).join(map(str, parts))

    def _split(self, argument: Any, depth: int) -> list[str]:  # noqa: ANN401 - JSON
        if not _pair(argument) or not argument[0]:
            raise UnresolvedError("Fn::Split")
        return str(self.resolve(argument[1], depth)).split(str(argument[0]))

    def _select(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        if not _pair(argument):
            raise UnresolvedError("Fn::Select")
        place, values = self.resolve(argument[0], depth), self.resolve(argument[1], depth)
        try:
            return values[int(place)]
        except (TypeError, ValueError, LookupError):
            raise UnresolvedError("Fn::Select") from None

    def _find(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(argument, list) or len(argument) < 3:
            raise UnresolvedError("Fn::FindInMap")
        name, first, second = (str(self.resolve(one, depth)) for one in argument[:3])
        found = _object(_object(self._mappings.get(name)).get(first)).get(second, NOTHING)
        if found is NOTHING:
            raise UnresolvedError(f"Fn::FindInMap {name}")
        return found

    def _if(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(argument, list) or len(argument) != 3:
            raise UnresolvedError("Fn::If")
        return self.resolve(argument[1 if self._truth(self._condition(argument[0], depth)) else 2], depth)

    def _condition(self, name: object, depth: int) -> Any:  # noqa: ANN401
        if not isinstance(name, str) or name not in self._conditions:
            raise UnresolvedError(f"condition {name}")
        return self.resolve(self._conditions[name], depth + 1)

    def _equals(self, argument: Any, depth: int) -> bool:  # noqa: ANN401 - JSON
        if not _pair(argument):
            raise UnresolvedError("Fn::Equals")
        one, other = (self.resolve(part, depth) for part in argument)
        return str(one) == str(other)

    def _and(self, argument: object, depth: int) -> bool:
        return all(self._truth(self.resolve(one, depth)) for one in _list(argument))

    def _or(self, argument: object, depth: int) -> bool:
        return any(self._truth(self.resolve(one, depth)) for one in _list(argument))

    def _not(self, argument: object, depth: int) -> bool:
        return not self._truth(self.resolve(_list(argument)[0], depth))

    def _truth(self, value: object) -> bool:
        if value in (True, "true"):
            return True
        if value in (False, "false"):
            return False
        raise UnresolvedError("its condition")

    def _base64(self, _argument: object, _depth: int) -> Any:  # noqa: ANN401
        raise UnresolvedError("Fn::Base64")

    def _cidr(self, argument: object, depth: int) -> list[str]:
        """Cut a block in *count* parts that have *bits* host bits each."""
        told = self.resolve(argument, depth)
        try:
            whole = ipaddress.ip_network(str(told[0]), strict=False)
            count, bits = int(told[1]), int(told[2]) if len(told) > 2 else None
            if bits is None:
                raise UnresolvedError("Fn::Cidr")
            prefix = whole.max_prefixlen - bits
            if not whole.prefixlen <= prefix <= whole.max_prefixlen or not 0 < count <= min(
                256, 2 ** (prefix - whole.prefixlen)
            ):
                raise UnresolvedError("Fn::Cidr")
            first = int(whole.network_address)
            kind = type(whole.network_address)
            return [f"{kind(first + (place << bits))}/{prefix}" for place in range(count)]
        except (TypeError, ValueError, LookupError):
            raise UnresolvedError("Fn::Cidr") from None


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    if not isinstance(value, list) or not value:
        raise UnresolvedError("its condition")
    return value


def _pair(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, list) and len(value) == 2
