"""Tells a service manager how a service is. Source: man page sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(**told: object) -> None:
    """Send ``NAME=value`` lines (READY, STATUS, STOPPING …); nothing happens where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    text = "\n".join(f"{name}={value}" for name, value in told.items())
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
        contextlib.suppress(OSError),
    ):
        manager.sendto(text.encode(), "\0" + address[1:] if address[0] == "@" else address)
