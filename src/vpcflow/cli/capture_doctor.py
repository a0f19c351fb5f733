"""What `vpcflow doctor` tells of capturing this host's traffic."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.app.capture_check import Check

_LACKING: Final = {
    "": "doctor.capture_none",
    "af_packet": "doctor.capture_af_packet",
    "ebpf_without_action": "doctor.capture_no_action",
}
"""What is told where capabilities are missing, by what works without them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. todo: what to do, empty when it is well."""

    what: str
    level: str
    found: str
    todo: str = ""


def capture_findings() -> Iterator[Finding]:
    """Yield what works of a live capture, and the command that mends what does not."""
    from vpcflow.app.capture_check import check

    found = check()
    what = t("doctor.capture")
    if found.able == "ebpf":
        yield Finding(what, "good", t("doctor.capture_ebpf"))
    elif found.missing:
        yield Finding(what, "warning", t(_LACKING[found.able], names=", ".join(found.missing)), _command(found))
    else:
        key = "doctor.capture_kernel" if found.kernel_types else "doctor.capture_no_types"
        able = found.able or t("doctor.capture_nothing")
        yield Finding(what, "warning", t(key, reason=found.reason, able=able), t("doctor.capture_todo"))
    if found.tracked and not found.may_read_tracked:
        yield Finding(what, "good", t("doctor.capture_wire_addresses"))


def _command(found: Check) -> str:
    """Return the command that captures with just what it takes. Never a file capability on Python: all scripts would have it."""
    program = shutil.which("vpcflow") or f"{sys.executable} -m vpcflow"
    capabilities = "CAP_NET_RAW CAP_BPF CAP_PERFMON"
    if os.geteuid() == 0:  # in a container
        added = " ".join(f"--cap-add={name.removeprefix('CAP_')}" for name in found.missing)
        return t("doctor.capture_container", options=added)
    if shutil.which("systemd-run") and Path("/run/systemd/system").is_dir():  # installed, and the one that runs
        user = shlex.quote(getpass.getuser())
        return (
            f"sudo systemd-run --pty --same-dir --uid={user} -p AmbientCapabilities='{capabilities}' "
            f"-p CapabilityBoundingSet='{capabilities}' {program} capture --all-interfaces"
        )
    words = "+net_raw,+bpf,+perfmon"
    return (
        f"sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups --inh-caps=-all,{words} --ambient-caps=-all,{words} "
        f"--bounding-set=-all,{words} {program} capture --all-interfaces"
    )
