"""The lab, wired: its keeper is a process of its own that puts records into the lake; here is what doors ask of it.

A lab belongs to a lake, and lies beside its ledger: there is one for each lake.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import ConfigError
from vpcflow.lab import channel
from vpcflow.lab.home import Home
from vpcflow.lab.programs import check
from vpcflow.lab.traffic import HOSTS, SCENARIOS
from vpcflow.lab.visit import run_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpcflow.app import App
    from vpcflow.vpc.topology import Network

KEEPER: Final = "vpcflow.app.lab_keeper"
KEPT: Final = "lab"
"""The name under which networks of labs are kept."""

_PATIENCE_S: Final = 30
"""How long a keeper may take to write its last records, before it is killed."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Records that a lab has put into the lake, and packets that are in none (the kernel's tables were full)."""

    records: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0

    def since(self, before: Counted) -> Counted:
        """Return what came after *before*."""
        return Counted(
            self.records - before.records,
            self.accepted - before.accepted,
            self.refused - before.refused,
            self.lost - before.lost,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A lab that is up.

    hosts: name → addresses, each public one behind its private one. swapping: the kernel cannot reset counters. ipv6: it has
    IPv6. trouble: why records are not in the lake, "" when they are.
    """

    network: Network
    hosts: dict[str, str]
    since_s: float
    counted: Counted
    swapping: bool
    busy: bool
    trouble: str
    ipv6: bool


def default_text() -> str:
    """Return the TOML of the network that comes with the lab."""
    return resources.files("vpcflow.lab").joinpath("default.toml").read_text(encoding="utf-8")


def network(files: Sequence[str]) -> Network:
    """Return the network that *files* describe (all that `network import` reads), else the one that comes with the lab."""
    from vpcflow.app.networks import read
    from vpcflow.vpc import toml_file

    return read(files) if files else toml_file.parse(default_text(), "default.toml")


def home(app: App) -> Home:
    """Return where the lab of the lake of the settings can be found."""
    return Home(app.lake_home / "_vpcflow" / "lab")


def up(app: App, wanted: Network, interval_s: int, summary: str) -> bool:
    """Build the lab; True when it was up already and got the rules of *wanted*.

    summary: what lists of kept networks say of it.
    ConfigError when it is up and more than rules differs, when programs or privileges are missing, or when *wanted* cannot be
    built.
    """
    check()
    place = home(app)
    if place.is_alive():
        if not _ask(place, "rules", wanted):
            raise ConfigError("lab.other_shape")
        _keep(app, wanted, summary)
        return True
    place.clean()
    with app.lake(create=True):
        pass
    place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.check_owner()
    with (place.path / "log").open("ab") as log:
        process, line = channel.start(KEEPER, log=log, apart=True)
    with line:
        line.send((app.config, str(place.path.absolute()), wanted, interval_s))
        try:
            channel.taken(line)
        except EOFError as error:
            raise ConfigError("lab.died", log=str(place.path / "log")) from error
        except ConfigError:
            process.wait()
            place.clean()
            raise
        # Only now does the keeper know that somebody has heard of it, and stays.
        line.send("stay")
    _keep(app, wanted, summary)
    return False


def _keep(app: App, wanted: Network, summary: str) -> None:
    """Keep the network with its time, so that old records meet old rules."""
    from vpcflow.app.networks import keep

    keep(app, wanted, name=KEPT, since_s=int(time.time()), summary=summary, source="vpcflow lab up")


def standing(app: App) -> Standing:
    """Tell how the lab stands; ConfigError when there is none."""
    from vpcflow.lab.plan import make

    told = _ask(home(app), "status")
    plan = make(told["network"])
    outer = {inner: public for public, inner in plan.public.items()}
    hosts = {}
    for host in plan.hosts:
        own = [address for device in host.devices for address in (*device.interface.addresses, *device.interface.ipv6)]
        hosts[host.name] = " ".join(f"{address} ({outer[address]})" if address in outer else address for address in own)
    return Standing(
        told["network"],
        hosts,
        told["since_s"],
        Counted(**told["records"]),
        told["swapping"],
        told["busy"],
        told["trouble"],
        told["ipv6"],
    )


def flush(app: App) -> Counted:
    """Have everything that the lab has counted in the lake."""
    return Counted(**_ask(home(app), "flush"))


def traffic(app: App, scenario: str) -> Counted:
    """Run a scenario; return what it has put into the lake. ConfigError when the lab lacks a host it needs."""
    place = home(app)
    with place.connect() as line:
        hosts = set(channel.ask(line, "status")["handles"])
        missing = [name for name in HOSTS[scenario] if name not in hosts]
        if missing:
            raise ConfigError("lab.no_host_for", scenario=scenario, hosts=", ".join(missing))
        before = Counted(**channel.ask(line, "flush"))
        channel.ask(line, "traffic", scenario)
        return Counted(**channel.taken(line)).since(before)


def execute(app: App, host: str, words: Sequence[str]) -> int:
    """Run a program at a host of the lab, on this terminal; return its exit code. Its records are in the lake then."""
    place = home(app)
    told = _ask(place, "status")
    handle = told["handles"].get(host)
    if handle is None:
        raise ConfigError("lab.no_host", host=host, hosts=", ".join([*told["handles"]]))
    try:
        return run_inside(told["number"], handle, words)
    finally:
        if place.is_alive():
            flush(app)


def down(app: App) -> bool:
    """End the lab, its records in the lake; False when there was none, only what a killed one had left."""
    place = home(app)
    if not place.is_alive():
        place.clean()
        return False
    with contextlib.suppress(EOFError, ConnectionError), place.connect() as line:
        line.send(("down", ()))
        if line.poll(_PATIENCE_S):
            channel.taken(line)
    if not place.wait(_PATIENCE_S):
        place.kill()
    place.clean()
    return True


def lacking() -> ConfigError | None:
    """Return what a lab lacks on this machine, None when it lacks nothing."""
    try:
        check()
        process, line = channel.start("vpcflow.lab.enclosure", log=subprocess.DEVNULL)
        with line:
            channel.taken(line)
        process.wait()
    except ConfigError as error:
        return error
    return None


def scenarios() -> list[str]:
    """Return the names of all scenarios, in the order that they are run in."""
    return list(SCENARIOS)


def _ask(place: Home, command: str, *arguments: object) -> Any:  # noqa: ANN401 - each command has its own answer
    with place.connect() as line:
        try:
            return channel.ask(line, command, *arguments)
        except (EOFError, ConnectionError) as error:
            raise ConfigError("lab.died", log=str(place.path / "log")) from error
