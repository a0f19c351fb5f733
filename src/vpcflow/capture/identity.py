"""Ids of interfaces that nobody has given one: of AWS's form, and the same each time."""

from __future__ import annotations

import hashlib


def interface_id(origin: str, name: str) -> str:
    """Return ``eni-`` and 17 hex digits for the interface *name* of *origin* (a machine, a capture file's name)."""
    digest = hashlib.sha256(f"{origin}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"eni-{digest[:17]}"
