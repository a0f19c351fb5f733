"""What flow logs say of an interface, beside its traffic: owner, place, instance, container, tags."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from vpcflow.generate.network import ROLES, TIER_OF, TIERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.generate.config import Config
    from vpcflow.generate.network import Network
    from vpcflow.generate.rows import Ints

_DIRECTIONS: Final = ("north", "south", "central", "east", "west")
_TYPES: Final = {"nat": "nat_gateway", "lb": "network_load_balancer"}
_MANAGED: Final = frozenset(_TYPES)
_TEAMS: Final = {
    "bastion": "Platform / Access",
    "web": "Shop: Web (blue)",
    "app": "결제 & Orders",
    "db": "Data=1",
    "staging": "QA",
}


class _Interface:
    """One interface while its values are written; number: its place in the network."""

    def __init__(self, config: Config, network: Network, number: int, role: str) -> None:
        self.config, self.number, self.role = config, number, role
        self.zone, self.subnet = int(network.zone[number]), int(network.subnet[number])
        self.place = number - network.role[role].first
        self.containers = role == "app" and self.place % 2 == 1
        self.fargate = self.containers and self.place % 4 == 1
        self.service = ("orders", "payments", "search")[self.place % 3]

    def id(self, kind: str, digits: int, *, of: object = None) -> str:
        """Return an id's hex digits: the same for the same seed and place (or *of*)."""
        named = f"{self.config.seed}/{self.config.account}/{kind}/{self.number if of is None else of}"
        return hashlib.sha256(named.encode()).hexdigest()[:digits]

    def aws_id(self, kind: str, *, of: object = None) -> str:
        """Return an id as EC2 makes them: seventeen digits, the first one 0."""
        return f"{kind}-0{self.id(kind, 16, of=of)}"

    def arn(self, rest: str) -> str:
        """Return an ECS ARN in the interface's account and region."""
        return f"arn:aws:ecs:{self.config.region}:{self.config.account}:{rest}"


def _instance(i: _Interface) -> str | None:
    # Interfaces that AWS manages, and Fargate's, have no instance of the account's.
    return None if i.role in _MANAGED or i.fargate else i.aws_id("i")


def _ecs(write: Callable[[_Interface], str], *, on_instance: bool = False) -> Callable[[_Interface], str | None]:
    def of_task(i: _Interface) -> str | None:
        return write(i) if i.containers and not (on_instance and i.fargate) else None

    return of_task


def _tag(
    write: Callable[[_Interface], str], *, only: Callable[[_Interface], object] | None = None
) -> Callable[[_Interface], str | None]:
    def of_owned(i: _Interface) -> str | None:
        return write(i) if i.role not in _MANAGED and (only is None or only(i)) else None

    return of_owned


ATTRIBUTES: Final[dict[str, Callable[[_Interface], str | None]]] = {
    "account-id": lambda i: i.config.account,
    "interface-id": lambda i: i.aws_id("eni"),
    "vpc-id": lambda i: i.aws_id("vpc", of=""),
    "subnet-id": lambda i: i.aws_id("subnet", of=i.subnet),
    "instance-id": _instance,
    "region": lambda i: i.config.region,
    "az-id": lambda i: f"{_region_code(i.config.region)}-az{i.zone + 1}",
    "ecs-cluster-arn": _ecs(lambda i: i.arn("cluster/shop")),
    "ecs-cluster-name": _ecs(lambda _: "shop"),
    "ecs-container-instance-arn": _ecs(
        lambda i: i.arn(f"container-instance/shop/{i.id('host', 32)}"), on_instance=True
    ),
    "ecs-container-instance-id": _ecs(lambda i: i.id("host", 32), on_instance=True),
    "ecs-container-id": _ecs(lambda i: f"{i.id('task', 32)}-{1000000000 + i.number}"),
    "ecs-second-container-id": _ecs(lambda i: f"{i.id('task', 32)}-{2000000000 + i.number}", on_instance=True),
    "ecs-service-name": _ecs(lambda i: i.service),
    "ecs-task-definition-arn": _ecs(lambda i: i.arn(f"task-definition/{i.service}:7")),
    "ecs-task-arn": _ecs(lambda i: i.arn(f"task/shop/{i.id('task', 32)}")),
    "ecs-task-id": _ecs(lambda i: i.id("task", 32)),
    "instance-tag": _tag(lambda i: f"{i.role}-{i.place + 1:03d}", only=_instance),
    "instance-tag-2": _tag(lambda i: _TEAMS[i.role], only=_instance),
    "interface-tag": _tag(lambda i: f"{TIERS[TIER_OF[i.role]]} tier"),
    "interface-tag-2": _tag(lambda i: "prod" if i.role != "staging" else "test"),
    "asg-tag": _tag(lambda i: f"{i.role}-asg", only=lambda i: i.role == "web"),
    "asg-tag-2": _tag(lambda _: "spot/50%", only=lambda i: i.role == "web"),
    "interface-type": lambda i: _TYPES.get(i.role),
}
"""Fields that follow from the interface alone; None is null. ``next-hop-…`` reads the same of the hop's interface."""


def attribute(name: str, config: Config, network: Network) -> tuple[Ints, pa.Array]:
    """Return each interface's code of one field (-1 for null) and the values that codes stand for."""
    roles = np.repeat(np.array(ROLES), [network.role[role].count for role in ROLES])
    interfaces = (_Interface(config, network, number, str(role)) for number, role in enumerate(roles))
    written = pa.array([ATTRIBUTES[name](i) for i in interfaces], pa.string()).dictionary_encode()
    return written.indices.fill_null(-1).to_numpy(zero_copy_only=False), written.dictionary


def _region_code(region: str) -> str:
    """Return a region as AZ ids spell it: ``us-east-1`` is use1, ``ap-northeast-2`` is apne2."""
    area, _, rest = region.partition("-")
    direction, _, number = rest.rpartition("-")
    letters = "".join(part[0] for part in sorted(_DIRECTIONS, key=direction.find) if part in direction)
    return f"{area}{letters}{number}"
