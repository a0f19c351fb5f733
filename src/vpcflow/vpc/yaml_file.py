"""YAML as CloudFormation writes it: `!Ref x`, `!GetAtt a.b` and the other short forms become the long ones."""

from __future__ import annotations

from typing import Any, Final

import yaml

from vpcflow.errors import RecordError
from vpcflow.vpc.document import whole

_NAMED: Final = {"Ref": "Ref", "Condition": "Condition"}
_MAX_BYTES: Final = 8 << 20
"""Of a template; CloudFormation takes 1 MB."""
_MAX_PAIRS: Final = 10_000
"""Keys of a mapping with what is merged into it: merges of merges grow tenfold a line."""
_MERGE: Final = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Plain values, and short forms."""

    def construct_scalar(self, node: yaml.ScalarNode) -> str:
        """Return the text of a scalar."""
        return whole(super().construct_scalar(node))

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put into a mapping what `<<` names, where that is not too much."""
        if _pairs(node, {}) > _MAX_PAIRS:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {_MAX_PAIRS:,} merged keys", node.start_mark
            )
        super().flatten_mapping(node)


def _pairs(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many keys a node has with all that is merged into it; of one within itself it is too many."""
    if id(node) not in known:
        known[id(node)] = _MAX_PAIRS + 1
        count = 0
        if isinstance(node, yaml.SequenceNode):
            count = sum(_pairs(one, known) for one in node.value)
        elif isinstance(node, yaml.MappingNode):
            count = sum(_pairs(value, known) if key.tag == _MERGE else 1 for key, value in node.value)
        known[id(node)] = count
    return known[id(node)]


def _short(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {_NAMED.get(name, f"Fn::{name}"): value}


_Loader.add_multi_constructor("!", _short)


def load(content: bytes, file: str) -> object:
    """Read a YAML document; RecordError for what is none."""
    if len(content) > _MAX_BYTES:
        raise RecordError("network.too_large", file=file, size=_MAX_BYTES >> 20)
    try:
        return yaml.load(content, _Loader)  # noqa: S506 - a SafeLoader with constructors for plain values
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RecordError("network.not_yaml", file=file, reason=reason) from error
