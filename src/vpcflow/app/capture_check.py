"""What capturing this host's traffic takes, and what of it is there; nothing is captured."""

from __future__ import annotations

import errno
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. able: which way of counting works: `ebpf`, `ebpf_without_action`, `af_packet`, or none.

    missing: capabilities that would make it better. reason: why not the best, in the kernel's words. kernel_types: whether the
    kernel tells of its structures. translations: whether connections are tracked here, and may be read.
    """

    able: str
    missing: tuple[str, ...] = ()
    reason: str = ""
    kernel_types: bool = True
    tracked: bool = False
    may_read_tracked: bool = False


def check() -> Check:
    """Find out, by asking the kernel for all of it and letting go at once."""
    from vpcflow.capture import conntrack, privilege
    from vpcflow.capture.af_packet import Ring
    from vpcflow.capture.ebpf import bpf
    from vpcflow.capture.ebpf.btf import FOLDER
    from vpcflow.capture.ebpf.tap import Tap
    from vpcflow.capture.live import Config
    from vpcflow.errors import ConfigError

    config = Config(interfaces=("lo",), machine="doctor", max_flows=1024)
    able, reason = "", ""
    for name, kind in (("ebpf", Tap), ("af_packet", Ring)):
        if name == "ebpf" and not bpf.supported():
            continue
        try:
            source = kind(config)
        except (OSError, ConfigError) as error:
            reason = reason or _words(error)
            continue
        able = name
        if name == "ebpf" and source.without:
            able, reason = "ebpf_without_action", source.without["action"]
        source.close()
        break
    return Check(
        able,
        tuple(privilege.missing()),
        reason,
        (FOLDER / "vmlinux").exists(),
        conntrack.count() is not None,
        privilege.NET_ADMIN in privilege.held(),
    )


def _words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return (
        errno.errorcode.get(number, "") + ": " + (getattr(error, "strerror", "") or str(error))
        if number
        else str(error)
    )
