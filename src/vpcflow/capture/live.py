"""Live capture: what every source of packets of a running host has in common.

A `Source` counts by itself; whoever asks it now and then gets what it has counted since. No packet comes to Python but in the
source that has nothing better (`af_packet`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from vpcflow.capture.exclusions import logged
from vpcflow.capture.identity import interface_id
from vpcflow.capture.links import LOOPBACK, Link, links
from vpcflow.errors import ConfigError
from vpcflow.record.flow_counts import INGRESS, FlowCounts, Gap

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from vpcflow.capture.backends import Backend

PASSING: Final = 3
"""Direction of packets to a host that is not this one, until it is known what they are."""

MAX_FLOWS: Final = 1 << 17
"""Flows between two drains that there is room for, by default."""


@dataclass(frozen=True, slots=True)
class Config:
    """What is captured.

    interfaces: by name; none for all but the loopback. machine: what ids of interfaces are made from, where name_of tells none.
    max_flows: partial flows between two drains that there is room for. keep_all: keep what AWS does not
    log. marks: the firewall's rules mark what they refuse with layer << 16 | rule number (codes of `record.flow_counts`).
    """

    interfaces: tuple[str, ...] = ()
    backend: Backend = "auto"
    interval_s: int = 60
    machine: str = ""
    name_of: Callable[[Link], str | None] | None = None
    max_flows: int = MAX_FLOWS
    keep_all: bool = False
    marks: bool = False


class Source(Protocol):
    """Something that counts the packets of interfaces.

    name: which kind it is. without: what it cannot tell, a word for each (`live.without.<word>`), and why.
    """

    name: str
    without: dict[str, str]

    @property
    def ids(self) -> dict[str, str]:
        """The interfaces that are there: id → name."""
        ...

    def drain(self, now_ns: int) -> FlowCounts:
        """Return what was counted since the last call; now_ns: ns since the epoch.

        Interfaces are those that are there, and those that rows are of. An interval is complete in the first drain after its end.
        """
        ...

    def close(self) -> None:
        """Stop counting, and leave nothing behind."""
        ...


class Interfaces:
    """The interfaces that are captured, as they come and go."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.here: dict[int, Link] = {}
        self._known: dict[int, Link] = {}
        self._ids: dict[int, str] = {}
        self.refresh()
        missing = [name for name in config.interfaces if name not in {link.name for link in self.here.values()}]
        if missing:
            there = ", ".join(sorted(link.name for link in links().values()))
            raise ConfigError("live.no_interface", name=missing[0], there=there)

    def refresh(self) -> None:
        """Look which are there."""
        wanted, before = self._config.interfaces, self.here
        self.here = {
            index: link for index, link in links().items() if (link.name in wanted if wanted else link.name != LOOPBACK)
        }
        self._known = before | self.here
        taken: set[str] = set()
        for index in sorted(self.here):
            link = self.here[index]
            given = self._config.name_of(link) if self._config.name_of else None
            # Interfaces made from another one (VLANs, bridges) may have its MAC; the first has its id.
            found = given if given and given not in taken else interface_id(self._config.machine, link.name)
            taken.add(found)
            self._ids[index] = found
        self._ids = {index: self._ids[index] for index in self._known}

    def id_of(self, index: int) -> str:
        """Return an interface's id: the one it has been given, else one made from machine and name."""
        return self._ids.get(index) or interface_id(self._config.machine, self.link(index).name)

    @property
    def ids(self) -> dict[str, str]:
        """Those that are there: id → name."""
        return {self.id_of(index): link.name for index, link in self.here.items()}

    def link(self, index: int) -> Link:
        """Return an interface that is there, or was when it was last looked."""
        return self._known.get(index) or Link(index, f"if{index}")

    def ports(self) -> list[int]:
        """Return those that belong to a bridge or the like: what passes them is theirs, whomever it is sent to."""
        return [index for index, link in self._known.items() if link.port]

    def numbered(self, indexes: NDArray[np.uint32], more: Mapping[int, object]) -> tuple[NDArray[np.uint32], list[int]]:
        """Return *indexes* as places in a list, and the list: all interfaces there are, and those of *indexes* and *more*."""
        listed = list(self.here)
        listed += sorted({*np.unique(indexes).tolist(), *more}.difference(listed))
        order = np.argsort(np.array(listed, np.int64), kind="stable")
        ordered = np.array(listed, np.int64)[order]
        return order[np.searchsorted(ordered, indexes)].astype(np.uint32), listed


def counted(
    rows: NDArray[Any],
    lost: dict[int, int | None],
    left_out: Counter[str],
    interfaces: Interfaces,
    config: Config,
    since_ns: int,
) -> FlowCounts:
    """Return the counts of *rows*, whose `interface` are still the kernel's numbers.

    lost: packets that were not counted (None: nobody knows how many), by the kernel's number. since_ns: when what was drained
    began to be counted.
    """
    if not config.keep_all:
        rows, left = logged(rows)
        left_out.update(left)
    rows["interface"], listed = interfaces.numbered(rows["interface"], lost)
    place = {index: number for number, index in enumerate(listed)}
    gaps = tuple(Gap(place[index], since_ns, count) for index, count in lost.items())
    ids = tuple(map(interfaces.id_of, listed))
    return FlowCounts(rows, ids, left_out, gaps)


def own_packets(rows: NDArray[Any], ports: list[int], left_out: Counter[str]) -> NDArray[Any]:
    """Return *rows* without packets to other hosts that an interface saw only because it is promiscuous; those are counted."""
    passing = rows["direction"] == PASSING
    if not passing.any():
        return rows
    theirs = passing & ~np.isin(rows["interface"], ports)
    rows["direction"][passing] = INGRESS
    if theirs.any():
        left_out["other_host"] += int(rows["packets"][theirs].sum())
        rows = rows[~theirs]
    return rows


def epoch_offset() -> int:
    """Return the ns between the time since boot and the time since the epoch."""
    found = []
    for _ in range(3):
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        now = time.time_ns()
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        found.append((after - before, now - (before + after) // 2))
    return min(found)[1]
