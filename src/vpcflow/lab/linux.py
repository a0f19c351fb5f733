"""The few calls of Linux that Python 3.11 does not have: namespaces, mounts, offloads of network devices.

Source: unshare(2), setns(2), mount(2), user_namespaces(7); linux/ethtool.h, linux/sockios.h.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_MOUNT: Final = 0x00020000
NEW_USER: Final = 0x10000000
NEW_PID: Final = 0x20000000
NEW_NETWORK: Final = 0x40000000

_PRIVATE: Final = 1 << 18
_RECURSIVE: Final = 1 << 14
_BIND: Final = 1 << 12

_ETHTOOL: Final = 0x8946
_OFFLOADS: Final = {"transmit checksum": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""SIOCETHTOOL commands that set a value."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(kinds: int) -> None:
    """Leave namespaces for new ones; OSError when the kernel refuses."""
    _checked(_libc.unshare(ctypes.c_int(kinds)), "unshare")


def join(handle: int, kind: int) -> None:
    """Take this thread into the namespace that an open file is; a user namespace takes processes with one thread only."""
    _checked(_libc.setns(ctypes.c_int(handle), ctypes.c_int(kind)), "setns")


def become_root() -> None:
    """Map this user to root of the user namespace just made."""
    user, group = os.geteuid(), os.getegid()
    unshare(NEW_USER)
    process = Path("/proc/self")
    (process / "setgroups").write_text("deny")
    (process / "uid_map").write_text(f"0 {user} 1")
    (process / "gid_map").write_text(f"0 {group} 1")


def make_mounts_private() -> None:
    """Let nothing that is mounted here be seen outside."""
    _checked(_libc.mount(b"none", b"/", None, ctypes.c_ulong(_PRIVATE | _RECURSIVE), None), "mount /")


def show_own_processes() -> None:
    """Have /proc tell of the processes of this namespace; where the system hides parts of /proc, it may not be done."""
    with contextlib.suppress(OSError):
        _checked(_libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None), "mount /proc")


def bind(source: Path, target: Path) -> None:
    """Show the file *source* in place of *target*."""
    _checked(_libc.mount(bytes(source), bytes(target), None, ctypes.c_ulong(_BIND), None), f"mount {target}")


class NetworkNamespace:
    """A network namespace, held open. Closing lets go of it: with its last holder it ends, and its devices with it."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @classmethod
    def own(cls) -> NetworkNamespace:
        """Return the one this thread is in."""
        return cls(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def new(cls) -> NetworkNamespace:
        """Make one; this thread stays where it is."""
        here = cls.own()
        try:
            unshare(NEW_NETWORK)
            made = cls.own()
            here.join()
        finally:
            here.close()
        return made

    def join(self) -> None:
        """Take this thread into it."""
        join(self.handle, NEW_NETWORK)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it for a block: sockets made there, and programs started there, stay there."""
        here = NetworkNamespace.own()
        try:
            self.join()
            yield
        finally:
            here.join()
            here.close()

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Return a socket of this namespace."""
        with self.entered():
            return socket.socket(family, kind, protocol)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.handle)


def turn_offloads_off(device: str) -> None:
    """Make *device*, of the namespace this thread is in, send packets as they would be on a wire.

    Else one of 64 KB counts as one (measured: 33 times fewer packets than there were), and checksums are left open.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS.values():
            value = array.array("I", [command, 0])
            request = struct.pack("16sP16x", device.encode(), value.buffer_info()[0])
            fcntl.ioctl(control, _ETHTOOL, request)


def set_system(name: str, value: str) -> None:
    """Set a network setting (`net.…`) of the namespace this thread is in; one that this kernel lacks is left out."""
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/sys", *name.split("/")).write_text(value)
