"""The process that holds a lab: root of its own namespaces, with or without being root outside.

It is process 1 of its namespace of processes: when it ends, by whatever hand, the kernel ends everything that runs in the lab,
and with that its network. It ends by itself when nobody holds the other end of its channel. It never touches the lake or the
user's files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import ConfigError
from vpcflow.lab import channel, linux

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from vpcflow.lab.plan import Plan
    from vpcflow.vpc.topology import Network

_SWITCHES: Final = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ("/proc/sys/user/max_net_namespaces", "0", "user.max_net_namespaces=10000"),
)
"""Settings with which distributions take user namespaces from ordinary users: file, value that does, what to set."""


def enclose() -> None:
    """Take this process, which must have one thread, into namespaces of its own; ConfigError when the system refuses.

    Root needs no user namespace; root without privileges (in a container) gets one, if it may.
    """
    kinds = linux.NEW_MOUNT | linux.NEW_NETWORK
    try:
        if os.geteuid() == 0:
            with contextlib.suppress(PermissionError):
                linux.unshare(kinds)
                linux.make_mounts_private()
                return
        linux.become_root()
        linux.unshare(kinds)
        linux.make_mounts_private()
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EINVAL, errno.EUSERS):
            raise
        raise ConfigError("lab.no_namespaces", reason=error.strerror or str(error), command=_mend()) from error


def _mend() -> str:
    """Return the command that lets this user have namespaces."""
    for file, value, setting in _SWITCHES:
        with contextlib.suppress(OSError):
            if Path(file).read_text(encoding="ascii").strip() == value:
                return f"sudo sysctl -w {setting}"
    return "sudo vpcflow lab up"


_IPV6: Final = Path("/proc/sys/net/ipv6")
"""Is there where the kernel has IPv6."""


class Enclosure:
    """Answers the keeper: builds the lab, counts, changes rules, runs traffic."""

    def __init__(self) -> None:
        self._lab: Any = None

    def serve(self, keeper: Connection) -> None:
        """Answer until the other end is closed."""
        while True:
            try:
                command, arguments = keeper.recv()
            except (EOFError, ConnectionError):
                return
            channel.answer(keeper, lambda: getattr(self, f"do_{command}")(*arguments))  # noqa: B023 - used at once
            _reap()

    def do_build(self, network: Network, ways: tuple[bool, ...]) -> dict[str, Any]:
        """Build everything; return the handles of the namespaces by host, and how counters are read.

        ways: whether they are swapped; empty for what the kernel can do.
        """
        from vpcflow.lab.built import Built

        plan = _plan(network)
        _names(plan)
        self._lab = Built(plan, swapping=next(iter(ways), None))
        return {"handles": self._lab.handles, "swapping": self._lab.swapping, "ipv6": _IPV6.exists()}

    def do_rules(self, network: Network) -> bool:
        """Put other rules in place; False when more than rules has changed."""
        return bool(self._lab.change(_plan(network)))

    def do_drain(self) -> object:
        """Return what was counted since the last time."""
        return self._lab.drain()

    def do_traffic(self, scenario: str) -> None:
        """Start a scenario."""
        self._lab.start(scenario)

    def do_traffic_goes_on(self) -> bool:
        """Tell whether it still runs; ConfigError when it failed."""
        return bool(self._lab.goes_on())

    def do_stop_traffic(self) -> None:
        """End it."""
        self._lab.stop()


def _plan(network: Network) -> Plan:
    from vpcflow.lab.plan import make, without_ipv6

    return make(network if _IPV6.exists() else without_ipv6(network))


def _names(plan: Plan) -> None:
    """Let programs in the lab find its hosts by name, and not wait for a resolver that is not there."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    for host in plan.hosts:
        for device in host.devices[:1]:
            lines += [
                f"{address} {host.name}" for address in (*device.interface.addresses[:1], *device.interface.ipv6[:1])
            ]
    for target, text in (("/etc/hosts", "\n".join(lines) + "\n"), ("/etc/resolv.conf", "nameserver 127.0.0.1\n")):
        with contextlib.suppress(OSError), tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # The name goes when the block ends, what is bound stays.
            linux.bind(Path(file.name), Path(target).resolve())


def _reap() -> None:
    """Bury orphans, which come to process 1; children of ours are waited for by those who started them."""
    from vpcflow.lab.built import ours

    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None or dead.si_pid in ours():
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(dead.si_pid, 0)


def main() -> None:
    """Run the process: enclose, become process 1, serve."""
    keeper = channel.given()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)

    def begin() -> int:
        enclose()
        linux.unshare(linux.NEW_PID)
        return os.fork()

    try:
        process = begin()
    except ConfigError as error:
        keeper.send(("error", (error.code, error.values)))
        return
    except OSError as error:
        keeper.send(("error", ("lab.no_namespaces", {"reason": error.strerror, "command": _mend()})))
        return
    if process:
        keeper.send(("value", process))
        sys.stdout.flush()
        os._exit(0)
    linux.show_own_processes()
    Enclosure().serve(keeper)


if __name__ == "__main__":
    main()
