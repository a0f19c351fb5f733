"""The system call bpf(2): maps and programs, as far as the tap needs them.

Every call raises OSError with the kernel's reason. Source: the kernel's include/uapi/linux/bpf.h; man page bpf(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.capture.ebpf.elf import MapShape

    Buffer = NDArray[Any] | ctypes.Array[ctypes.c_char]

_NUMBERS: Final = {"x86_64": 321, "aarch64": 280}
"""Number of the call: x86-64's own table, and the generic one of arm64."""

_MAP_CREATE, _LOOKUP, _UPDATE, _DELETE, _NEXT_KEY, _PROG_LOAD = range(6)
_RAW_TRACEPOINT_OPEN, _FREEZE, _LOOKUP_AND_DELETE_BATCH = 17, 22, 25

SOCKET_FILTER, RAW_TRACEPOINT = 1, 17
HASH, ARRAY, PERCPU_ARRAY, ARRAY_OF_MAPS = 1, 2, 6, 12
_READ_ONLY_FOR_PROGRAMS: Final = 1 << 7
_SO_ATTACH_BPF: Final = 50
_LOG_BYTES: Final = 1 << 20
_AT_ONCE: Final = 1 << 14
"""Entries asked for in one call."""


class ProgramRefusedError(OSError):
    """The kernel would not load a program. log: what its verifier said."""

    log = ""


def supported() -> bool:
    """Tell whether the call's number is known on this machine, and programs for its byte order are here."""
    return sys.platform == "linux" and platform.machine() in _NUMBERS and sys.byteorder == "little"


def _call(command: int, attributes: bytearray) -> int:
    """Make a call; *attributes* are what the kernel left of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(attributes)).from_buffer(attributes)
    number = ctypes.c_long(_NUMBERS[platform.machine()])
    while True:
        found = int(libc.syscall(number, command, buffer, len(attributes)))
        if found >= 0:
            return found
        reason = ctypes.get_errno()
        if reason != errno.EINTR:
            raise OSError(reason, os.strerror(reason))


def _packed(layout: str, *values: int | bytes) -> bytearray:
    return bytearray(struct.pack(layout, *values))


def _address(data: Buffer | None) -> int:
    if data is None:
        return 0
    return int(data.ctypes.data) if isinstance(data, np.ndarray) else ctypes.addressof(data)


def _held(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(data, len(data))


def lift_memory_limit() -> None:
    """Let maps take memory where it counts as locked (before Linux 5.11); where that is not allowed, making them will tell."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Map:
    """A map. The kernel frees it once nothing holds it: not this object, no program, no other map.

    inner: what the entries of a map of maps look like.
    """

    def __init__(self, shape: MapShape, *, inner: Map | None = None, flags: int = 0) -> None:
        self.shape = shape
        sizes = (shape.kind, shape.key_size, shape.value_size, shape.max_entries)
        self.fd: int = _call(_MAP_CREATE, _packed("=6I", *sizes, flags, inner.fd if inner else 0))

    def set(self, key: bytes, value: bytes) -> None:
        """Set an entry. In a map of maps this returns when no program uses the entry before any more."""
        self._entry(_UPDATE, _held(key), _held(value))

    def get(self, key: bytes, size: int | None = None) -> bytes | None:
        """Return an entry's value, None if it is not there. size: bytes of it, where each processor has its own."""
        value = ctypes.create_string_buffer(size or self.shape.value_size)
        try:
            self._entry(_LOOKUP, _held(key), value)
        except FileNotFoundError:
            return None
        return value.raw

    def delete(self, key: bytes) -> None:
        """Remove an entry, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._entry(_DELETE, _held(key), None)

    def keys(self) -> list[bytes]:
        """Return all keys."""
        found: list[bytes] = []
        after = None
        with contextlib.suppress(FileNotFoundError):
            while True:
                key = ctypes.create_string_buffer(self.shape.key_size)
                self._entry(_NEXT_KEY, after, key)
                found.append(key.raw)
                after = key
        return found

    def _entry(self, command: int, key: Buffer | None, value: Buffer | None) -> None:
        _call(command, _packed("=IIQQQ", self.fd, 0, _address(key), _address(value), 0))

    def take(self, keys: NDArray[Any], values: NDArray[Any]) -> int:
        """Move all entries into *keys* and *values* (with room for `max_entries`); return how many there were.

        Nobody may use the map meanwhile. Kernels before 5.6 are asked entry by entry.
        """
        try:
            return self._take_batches(keys, values)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, 524):  # 524: the kernel's ENOTSUPP
                raise
            return self.take_singly(keys, values)

    def _take_batches(self, keys: NDArray[Any], values: NDArray[Any]) -> int:
        taken, more = 0, True
        here, following = np.zeros(16, np.uint8), np.zeros(16, np.uint8)
        while more and taken < len(keys):
            attributes = _packed(
                "=QQQQIIQQ",
                _address(here if taken else None), _address(following), _address(keys[taken:]), _address(values[taken:]),
                min(_AT_ONCE, len(keys) - taken), self.fd, 0, 0,
            )  # fmt: skip
            try:
                _call(_LOOKUP_AND_DELETE_BATCH, attributes)
            except FileNotFoundError:  # the last ones
                more = False
            taken += struct.unpack_from("=I", attributes, 32)[0]
            here[:] = following
        return taken

    def take_singly(self, keys: NDArray[Any], values: NDArray[Any]) -> int:
        """Do what `take` does, entry by entry."""
        found = self.keys()
        for place, key in enumerate(found):
            keys[place : place + 1].view(np.uint8)[:] = np.frombuffer(key, np.uint8)
            value = self.get(key) or bytes(self.shape.value_size)
            values[place : place + 1].view(np.uint8)[:] = np.frombuffer(value, np.uint8)
            self.delete(key)
        return len(found)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)


def constants(data: bytes, shape: MapShape) -> Map:
    """Return a map of one entry, *data*, that neither programs nor anybody else may change: the verifier knows its bytes."""
    made = Map(shape, flags=_READ_ONLY_FOR_PROGRAMS)
    made.set(bytes(4), data)
    _call(_FREEZE, _packed("=I", made.fd))
    return made


def load(kind: int, code: bytes, licence: bytes) -> int:
    """Load a program; return its file descriptor. Raises ProgramRefusedError."""
    held, words = _held(code), _held(licence + b"\0")

    def attempt(log: Buffer | None) -> int:
        size = _LOG_BYTES if log is not None else 0
        place = _address(log)
        layout = _packed(
            "=IIQQIIQ", kind, len(code) // 8, _address(held), _address(words), 1 if size else 0, size, place
        )
        return _call(_PROG_LOAD, layout)

    try:
        return attempt(None)
    except OSError as error:
        refused = ProgramRefusedError(error.errno, error.strerror)
        log = ctypes.create_string_buffer(_LOG_BYTES)
        with contextlib.suppress(OSError):
            os.close(attempt(log))
        refused.log = log.value.decode("utf-8", "replace")
        raise refused from error


def attach_to_socket(program: int, socket_fd: int) -> None:
    """Let *program* see what comes to a socket."""
    libc = ctypes.CDLL(None, use_errno=True)
    value = ctypes.c_int(program)
    if libc.setsockopt(socket_fd, 1, _SO_ATTACH_BPF, ctypes.byref(value), ctypes.sizeof(value)) < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason))


def attach_to_tracepoint(program: int, name: str) -> int:
    """Let *program* see a raw tracepoint; return the file descriptor that holds it there."""
    held = _held(name.encode() + b"\0")
    return _call(_RAW_TRACEPOINT_OPEN, _packed("=QII", _address(held), program, 0))


def processors() -> int:
    """Return the processors there may be: each has a value of its own in maps of that kind."""
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:  # noqa: PTH123 - a file of the kernel's
        last = file.read().strip().rpartition(",")[2].rpartition("-")[2]
    return int(last) + 1
