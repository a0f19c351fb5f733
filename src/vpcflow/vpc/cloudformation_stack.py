"""What the resources of one CloudFormation template come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vpcflow.vpc.implied import add_local_routes
from vpcflow.vpc.intrinsics import NOTHING, Template, UnresolvedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.vpc.document import Documents, Item

Document: TypeAlias = "dict[str, Any]"
"""An object of the EC2 API on its way."""


class Stack:
    """What the resources of one template come to."""

    def __init__(self, template: Template, file: str, into: Documents) -> None:
        self.template, self.file, self.into = template, file, into
        self.found: list[Resource] = []
        self.made: dict[tuple[str, str], Document] = {}

    def wanted(self, one: Item, logical: str) -> bool:
        """Tell whether a resource's condition holds; one that cannot be told is named, and taken."""
        condition = one.values.get("Condition")
        if condition is None:
            return True
        try:
            return self.template.condition(condition)
        except UnresolvedError as error:
            self.missing(f"Resources.{logical}.Condition", str(error))
            return True

    def missing(self, place: str, what: str) -> None:
        """Name something that the template does not tell."""
        self.into.incomplete.append(f"{place}: {what}")

    def document(self, key: str, own: str, place: str, **values: Any) -> Document:  # noqa: ANN401 - JSON
        """Return the document of *own* in the list *key*, with *values* added."""
        found = self.made.setdefault((key, own), {"@": f"Resources.{place}"})
        found.update({name: value for name, value in values.items() if value not in (None, "")})
        return found

    def finish(self) -> None:
        """Hand all documents on."""
        vpcs = {own: values for (key, own), values in self.made.items() if key == "Vpcs"}
        add_local_routes([values for (key, _), values in self.made.items() if key == "RouteTables"], vpcs)
        for (key, _), values in self.made.items():
            place = values.pop("@")
            self.into.add(key, values, self.file, place)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. name: its logical id."""

    stack: Stack
    name: str
    type: str
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id it is given here."""
        return self.stack.template.id_of(self.name)

    def get(self, key: str, *, quiet: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Return a property; None where there is none, or the template does not tell it: that is noted unless *quiet*."""
        try:
            return self.strict(key)
        except UnresolvedError as error:
            if not quiet:
                self.stack.missing(f"Resources.{self.name}.Properties.{key}", str(error))
            return None

    def strict(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """Return a property; UnresolvedError where the template does not tell it."""
        found = self.stack.template.resolve(self.properties.get(key))
        return None if found is NOTHING else found

    def tags(self) -> Document:
        """Return its tags, as far as they are told."""
        found = []
        tags = self.properties.get("Tags")
        for tag in tags if isinstance(tags, list) else ():
            try:
                told = self.stack.template.resolve(tag)
                found.append({"Key": str(told["Key"]), "Value": str(told["Value"])})
            except (UnresolvedError, TypeError, KeyError):
                continue
        return {"Tags": found}
