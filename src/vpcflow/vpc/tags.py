"""Tags as the EC2 API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpcflow.vpc.document import Item


def tags_of(one: Item, *keys: str) -> dict[str, str]:
    """Return the tags of an object, of the first of *keys* (by default ``Tags``) that it has."""
    for key in keys or ("Tags",):
        if one.values.get(key):
            return {tag.text("Key"): tag.text("Value") for tag in one.items(key)}
    return {}


def name_of(one: Item) -> str:
    """Return the value of the tag Name, empty where there is none."""
    return tags_of(one).get("Name", "")
