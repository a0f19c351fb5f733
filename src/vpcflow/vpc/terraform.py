"""Terraform state and plans → documents in the shape of the EC2 API.

Interfaces that services make are in no state: they are missing, and `incomplete` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.errors import RecordError
from vpcflow.vpc import terraform_gateways, terraform_network, terraform_rules
from vpcflow.vpc.document import Documents, Item
from vpcflow.vpc.terraform_state import State
from vpcflow.vpc.terraform_values import resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.vpc.terraform_values import Resource

_TOLD: Final = ("Vpcs", "Subnets", "SecurityGroups", "NetworkAcls", "RouteTables", "VpcPeeringConnections")
_DATA: Final = frozenset(
    {"aws_vpc", "aws_subnet", "aws_prefix_list", "aws_ec2_managed_prefix_list", "aws_network_interface"}
)
"""Data sources that tell as much as the resource of their name."""

_READERS: Final[dict[str, Callable[[State, Resource], None]]] = {
    **terraform_network.READERS,
    **terraform_rules.READERS,
    **terraform_gateways.READERS,
}
"""Reader of each type of resource; they are read in this order, so that what others refer to is there."""


def read(document: object, file: str, into: Documents) -> None:
    """Take the network of a Terraform document; RecordError for what has not the form of one."""
    root = Item(document, file, "")
    found = resources(root)
    state = State(root, found, into)
    order = {name: place for place, name in enumerate(_READERS)}
    wanted = [one for one in found if one.type in order and (one.managed or one.type in _DATA)]
    for one in sorted(wanted, key=lambda one: order[one.type]):
        try:
            _READERS[one.type](state, one)
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            raise RecordError("network.bad_resource", file=file, place=one.address, reason=str(error)) from error
    state.finish()
    into.told.update(_TOLD)
    into.partial.add("NetworkInterfaces")
