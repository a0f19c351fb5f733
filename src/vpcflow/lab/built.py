"""A lab that stands: wiring, rules and counters together, and the traffic that runs in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from vpcflow.errors import ConfigError
from vpcflow.lab.accounting import GENERATIONS
from vpcflow.lab.counters import Counters
from vpcflow.lab.programs import run
from vpcflow.lab.ruleset import ruleset
from vpcflow.lab.wiring import Wiring

if TYPE_CHECKING:
    from vpcflow.lab.plan import Plan
    from vpcflow.record.flow_counts import FlowCounts

_ours: set[int] = set()


def ours() -> frozenset[int]:
    """Return the processes that somebody here waits for."""
    return frozenset(_ours)


class Built:
    """Builds *plan* in the namespaces this process is in. swapping: None for what the kernel can do."""

    def __init__(self, plan: Plan, *, swapping: bool | None = None) -> None:
        self.plan = plan
        self.swapping = not Counters.can_reset() if swapping is None else swapping
        self._generations = GENERATIONS if self.swapping else GENERATIONS[:1]
        # Rules first: nothing may pass before they hold.
        run("nft", ["-f", "-"], ruleset(plan, generations=self._generations))
        self.wiring = Wiring(plan)
        interfaces = {socket.if_nametoindex(device.name): device.interface.id for device in plan.devices}
        self._counters = Counters(interfaces, swapping=self.swapping)
        self._traffic: subprocess.Popen[str] | None = None

    @property
    def handles(self) -> dict[str, int]:
        """Open files of this process that are the namespaces, by host."""
        return {name: space.handle for name, space in self.wiring.spaces.items()}

    def change(self, plan: Plan) -> bool:
        """Put the rules of *plan* in place, in one step; False, and nothing done, when more than rules is new."""
        if plan.shape() != self.plan.shape():
            return False
        text = ruleset(plan, generations=self._generations)
        run("nft", ["-f", "-"], text)
        self.plan = plan
        return True

    def drain(self) -> FlowCounts:
        """Return what was counted since the last time."""
        return self._counters.drain()

    def start(self, scenario: str) -> None:
        """Start the traffic of a scenario."""
        self.stop()
        handles = self.handles
        told = {"handles": handles, "hosts": _told(self.plan), "public": dict(self.plan.public)}
        self._traffic = subprocess.Popen(
            [sys.executable, "-P", "-m", "vpcflow.lab.traffic", scenario, json.dumps(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=list(handles.values()),
        )
        _ours.add(self._traffic.pid)

    def goes_on(self) -> bool:
        """Tell whether traffic still runs; ConfigError when it broke."""
        if self._traffic is None:
            return False
        if self._traffic.poll() is None:
            return True
        _, said = self._traffic.communicate()
        code, self._traffic = self._traffic.returncode, None
        _ours.clear()
        if code != 0:
            lines = said.strip().splitlines() or [str(code)]
            raise ConfigError("lab.traffic_failed", reason=lines[-1][:300])
        return False

    def stop(self) -> None:
        """End the traffic that runs."""
        if self._traffic is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._traffic.pid, signal.SIGKILL)
            self._traffic.communicate()
            self._traffic = None
            _ours.clear()


def _told(plan: Plan) -> dict[str, Any]:
    return {
        host.name: {
            "addresses": [a for device in host.devices for a in device.interface.addresses],
            "ipv6": [a for device in host.devices for a in device.interface.ipv6],
        }
        for host in plan.hosts
    }
