"""Ids of interfaces that nobody has given one: of AWS's form, and the same each time."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Final

_MACHINE_ID: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
"""Man page machine-id(5): the same for the life of an installation."""


def interface_id(origin: str, name: str) -> str:
    """Return ``eni-`` and 17 hex digits for the interface *name* of *origin* (a machine, a capture file's name)."""
    digest = hashlib.sha256(f"{origin}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"eni-{digest[:17]}"


def machine_id() -> str:
    """Return what tells this machine from others, the same after a restart; its name where it has nothing better."""
    for path in _MACHINE_ID:
        try:
            found = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found
    return platform.node()
