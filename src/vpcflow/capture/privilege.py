"""Capabilities of this process: which it has, and letting go of those it does not need.

Source: man page capabilities(7); the kernel's include/uapi/linux/capability.h, prctl.h.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

DAC_OVERRIDE, NET_ADMIN, NET_RAW, PERFMON, BPF = 1, 12, 13, 38, 39
NAMES: Final = {
    NET_RAW: "CAP_NET_RAW",
    BPF: "CAP_BPF",
    PERFMON: "CAP_PERFMON",
    NET_ADMIN: "CAP_NET_ADMIN",
    DAC_OVERRIDE: "CAP_DAC_OVERRIDE",
}
NEEDED: Final = (NET_RAW, BPF, PERFMON)
"""What a capture by eBPF with verdicts takes. Kernels before 5.8 know no CAP_BPF: there it takes root."""

_SYS_ADMIN: Final = 21
_VERSION_3: Final = 0x20080522
_NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDS, _AMBIENT = 38, 24, 47
_CLEAR_ALL: Final = 4


def held() -> frozenset[int]:
    """Return the capabilities in force; with CAP_SYS_ADMIN those that came out of it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            found = {number for number in range(64) if bits >> number & 1}
            return frozenset(found | ({BPF, PERFMON} if _SYS_ADMIN in found else set()))
    return frozenset()


def missing(wanted: Collection[int] = NEEDED) -> list[str]:
    """Return the names of those of *wanted* that this process has not."""
    have = held()
    return [NAMES[number] for number in wanted if number not in have]


def drop_all_but(kept: Collection[int]) -> None:
    """Let go of all capabilities but *kept*, for this thread and all that it starts, with no way back.

    Threads that run already keep theirs: call it before there are any. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def control(*words: int) -> None:
        if libc.prctl(*map(ctypes.c_ulong, (*words, *(0,) * (5 - len(words))))) < 0:
            reason = ctypes.get_errno()
            raise OSError(reason, "prctl")

    control(_AMBIENT, _CLEAR_ALL)
    bits = sum(1 << number for number in kept if number in held())
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = struct.pack("=Ii", _VERSION_3, 0)
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    if libc.capset(header, data) < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, "capset")
    control(_NO_NEW_PRIVILEGES, 1)
