"""Values of the tags that a flow log asks for: the first key of a kind of resource fills `…-tag`, the second `…-tag-2`.

They are plain here; writing a record percent-encodes them.

Source: EC2 API Reference `TagFieldSpecification`; VPC User Guide "Flow log records" (`instance-tag` and the fields after it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.enrich.columns import encoded, filled, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from vpcflow.types import FlowBatch
    from vpcflow.vpc.flow_logs import TagFieldSpecification
    from vpcflow.vpc.topology import Network

COLUMNS: Final = {
    "instance": ("instance_tag", "instance_tag_2"),
    "network-interface": ("interface_tag", "interface_tag_2"),
    "auto-scaling-group": ("asg_tag", "asg_tag_2"),
}

FILLS: Final = tuple(name for names in COLUMNS.values() for name in names)


class TagFields:
    """Fills the tag fields of one flow log."""

    def __init__(self, network: Network, specifications: Sequence[TagFieldSpecification]) -> None:
        self._network = network
        self._keys = {
            column: (one.resource_type, key)
            for one in specifications
            for column, key in zip(COLUMNS[one.resource_type], one.tag_keys, strict=False)
        }

    def __call__(self, batch: FlowBatch) -> FlowBatch:
        """Return *batch* with its tags."""
        new: dict[str, pa.Array] = {}
        ids, places = encoded(batch, "interface_id")
        for column, (kind, key) in self._keys.items():
            new[column] = words([self._tags(name or "", kind).get(key) for name in ids], places)
        return filled(batch, new)

    def _tags(self, interface_id: str, kind: str) -> Mapping[str, str]:
        interface = self._network.interfaces.get(interface_id)
        if interface is None:
            return {}
        if kind == "network-interface":
            return interface.tags
        instance = self._network.instances.get(interface.instance_id)
        if instance is None:
            return {}
        return instance.tags if kind == "instance" else self._network.asg_tags.get(instance.asg, {})
