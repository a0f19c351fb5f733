"""Ids of AWS's form for what a description gives none, the same each time."""

from __future__ import annotations

import hashlib
from typing import Final

PREFIXES: Final = {
    "vpc": "vpc",
    "subnet": "subnet",
    "route-table": "rtb",
    "interface": "eni",
    "instance": "i",
    "security-group": "sg",
    "security-group-rule": "sgr",
    "network-acl": "acl",
    "prefix-list": "pl",
    "igw": "igw",
    "eigw": "eigw",
    "nat": "nat",
    "tgw": "tgw",
    "vgw": "vgw",
    "vpce": "vpce",
    "pcx": "pcx",
}
"""What ids of each kind begin with."""


def derived(kind: str, name: str) -> str:
    """Return an id for *name*: the prefix of its kind and 17 hex digits of SHA-256."""
    digest = hashlib.sha256(f"{kind}\0{name}".encode()).hexdigest()
    return f"{PREFIXES[kind]}-{digest[:17]}"
