"""What was read of a network, from whatever source, in the shape that the EC2 API's `Describe…` operations answer.

Every source (files of the AWS CLI, Terraform, CloudFormation, the API itself) ends up here; `vpc/describe.py` makes the
Network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc.addresses import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LISTS: Final = {
    "Vpcs": "describe-vpcs",
    "Subnets": "describe-subnets",
    "RouteTables": "describe-route-tables",
    "NetworkInterfaces": "describe-network-interfaces",
    "Reservations": "describe-instances",
    "SecurityGroups": "describe-security-groups",
    "SecurityGroupRules": "describe-security-group-rules",
    "NetworkAcls": "describe-network-acls",
    "PrefixLists": "describe-managed-prefix-lists, describe-prefix-lists",
    "Entries": "get-managed-prefix-list-entries",
    "InternetGateways": "describe-internet-gateways",
    "EgressOnlyInternetGateways": "describe-egress-only-internet-gateways",
    "NatGateways": "describe-nat-gateways",
    "TransitGateways": "describe-transit-gateways",
    "TransitGatewayAttachments": "describe-transit-gateway-attachments",
    "TransitGatewayVpcAttachments": "describe-transit-gateway-vpc-attachments",
    "VpnGateways": "describe-vpn-gateways",
    "VpcPeeringConnections": "describe-vpc-peering-connections",
    "VpcEndpoints": "describe-vpc-endpoints",
    "AutoScalingGroups": "describe-auto-scaling-groups (of aws autoscaling)",
}
"""Keys of the answers that are read, and the commands (of `aws ec2`, but for the last) that give them."""

UNRESOLVED: Final = "pl-unresolved"
"""The peer of a rule whose own could not be resolved: a prefix list that nobody knows, so that nothing is guessed of it."""


def whole(text: str) -> str:
    """Return *text* with U+FFFD for halves of characters, which an escape in JSON or YAML may stand for."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Item:
    """One JSON object. file, place: where it stands, for errors. What is missing reads as empty, null too."""

    def __init__(self, values: object, file: str, place: str) -> None:
        self.file, self.place = file, place
        if not isinstance(values, dict):
            raise self.wrong("", "object", values)
        self.values: Mapping[str, Any] = values

    def wrong(self, key: str, expected: str, value: object) -> RecordError:
        """Return the error that *key* is not what was *expected* (a word of ``error.network.document.…``)."""
        place = ".".join(filter(None, (self.place, key)))
        return RecordError(f"network.document.{expected}", file=self.file, place=place, value=repr(value)[:80])

    def text(self, key: str) -> str:
        """Return a string; a number is one too."""
        found = self.values.get(key)
        if found is None:
            return ""
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise self.wrong(key, "text", found)
        return str(found)

    def number(self, key: str) -> int | None:
        """Return a whole number, given as such or as text; None where there is none."""
        found = self.values.get(key)
        if found is None or found == "":
            return None
        if isinstance(found, float) and found.is_integer():
            return int(found)
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise self.wrong(key, "number", found)
        try:
            return int(found)
        except ValueError:
            raise self.wrong(key, "number", found) from None

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false; the words of them are as good."""
        found = self.values.get(key)
        if found is None:
            return default
        if found in ("true", "false"):
            return bool(found == "true")
        if not isinstance(found, bool):
            raise self.wrong(key, "flag", found)
        return found

    def item(self, key: str) -> Item:
        """Return an object in it; an empty one where there is none."""
        return Item(self.values.get(key) or {}, self.file, f"{self.place}.{key}")

    def items(self, key: str) -> Iterator[Item]:
        """Yield the objects of a list in it."""
        for place, one in enumerate(self._list(key)):
            yield Item(one, self.file, f"{self.place}.{key}[{place}]")

    def texts(self, key: str) -> list[str]:
        """Return the strings of a list in it."""
        found = self._list(key)
        for one in found:
            if not isinstance(one, str):
                raise self.wrong(key, "text", one)
        return found

    def cidr(self, key: str, written: str | None = None) -> str:
        """Return a CIDR block in canonical form: that of *key*, or *written*, which stands there."""
        found = self.text(key) if written is None else written
        try:
            return canonical(found)
        except ValueError:
            raise self.wrong(key, "cidr", found) from None

    def _list(self, key: str) -> list[Any]:
        found = self.values.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self.wrong(key, "list", found)
        return found


@dataclass(slots=True)
class Documents:
    """All that was read.

    told: which keys of `LISTS` were there at all, be it with nothing in them. partial: those of
    which a source never tells all. incomplete: what was not resolved, for
    people to read. unreadable: network ACLs of which a rule is not known, so that nothing may be answered from them.
    """

    lists: dict[str, list[Item]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)
    incomplete: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    region: str = ""
    account: str = ""

    def add(self, key: str, values: object, file: str, place: str) -> None:
        """Take one object of the list *key*."""
        self.told.add(key)
        self.lists.setdefault(key, []).append(Item(values, file, place))

    def all(self, key: str) -> list[Item]:
        """Return the objects of the list *key*."""
        return self.lists.get(key, [])
