"""`ip` and `nft`: where they are, and running them with a text."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES: Final = {"ip": "iproute2", "nft": "nftables"}
_ADMIN: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where an ordinary user's PATH does not look."""

_TIMEOUT_S: Final = 60


def find(name: str) -> str | None:
    """Return where a program is."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_ADMIN]))


def check() -> None:
    """Raise a ConfigError that names the packages to install when a program is missing."""
    missing = [name for name in _PACKAGES if find(name) is None]
    if missing:
        packages = " ".join(_PACKAGES[name] for name in missing)
        raise ConfigError("lab.programs", programs=", ".join(missing), packages=packages)


def run(name: str, arguments: Sequence[str], text: str = "", *, handles: Sequence[int] = ()) -> str:
    """Run a program with *text* as its input, in the namespace this thread is in; return what it prints.

    handles: open files that it gets. ConfigError when it fails, with the first line it complains with.
    """
    try:
        done = subprocess.run(
            [find(name) or name, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            pass_fds=handles,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError("lab.program_failed", program=name, reason=str(error)) from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ConfigError("lab.program_failed", program=name, reason="; ".join(lines[:3])[:400] or str(done.returncode))
    return done.stdout
