"""Refusals told by counting twice: before the firewall and behind it, with rules of our own, where no eBPF is to be had.

Four sets count flows: what came in and what of it got to the host or was passed on; what was to go out and what went. What is
missing behind was refused (or lost on its way: no route counts as refused too). The rules decide nothing, and stand in a table
of our own that belongs to a program we started: the kernel removes it when that ends, however it ends. Before Linux 5.12, which
knows no such tables, it is removed at the end, and one that was left over at the next start.

The packets themselves are counted by the ring (`af_packet`); its counts are taken apart into accepted and refused.

Source: man page nft(8); the kernel's include/uapi/linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture import conntrack
from vpcflow.capture.af_packet import Ring
from vpcflow.capture.netlink import NETFILTER, attribute, attributes, dump
from vpcflow.capture.verdicts import Verdicts, with_details
from vpcflow.errors import ConfigError, SourceError
from vpcflow.record.flow_counts import EGRESS, INGRESS, ROW, merged, no_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vpcflow.capture.live import Config

_GET_ELEMENTS: Final = 10 << 8 | 13
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_KEY, _EXPRESSION, _DATA_VALUE = 1, 7, 1
_EXPRESSION_DATA, _COUNTER_BYTES, _COUNTER_PACKETS = 2, 1, 2
_INET: Final = 1
_WITH_PORTS: Final = "{ tcp, udp, sctp, dccp, udplite }"
_KEEP_S: Final = 20
_PREFIX: Final = "vpcflow_"
_BEGIN_S: Final = 5.0
_FIRST, _LAST = -390, 2_000_000_000
"""Priorities: behind the reassembly of fragments and before all else; behind all else."""

_SETS: Final = {
    "4p": ("ipv4", True, "@nh,96,64"),
    "4x": ("ipv4", False, "@nh,96,64"),
    "6p": ("ipv6", True, "@nh,64,256"),
    "6x": ("ipv6", False, "@nh,64,256"),
}
"""By what a key holds: IP version, whether there are ports, where both addresses lie."""

_POINTS: Final = {
    "in_before": ("iif", INGRESS, (("prerouting", _FIRST),)),
    "in_behind": ("iif", INGRESS, (("input", _LAST), ("forward", _LAST))),
    "out_before": ("oif", EGRESS, (("output", _FIRST), ("forward", _LAST - 1))),
    "out_behind": ("oif", EGRESS, (("postrouting", _LAST),)),
}
"""Where is counted: by which interface, in which direction, in which hooks."""


class Sandwich(Ring):
    """See `Source`. Raises ConfigError without the program nft; OSError where the kernel refuses (it takes CAP_NET_ADMIN too)."""

    name = "nft"

    def __init__(self, config: Config) -> None:
        self._table = f"{_PREFIX}{os.getpid()}"
        self._verdicts = Verdicts()
        self._before: dict[str, NDArray[Any]] = {}
        self._owed = no_rows()
        self._owner: subprocess.Popen[str] | None = None
        super().__init__(config)
        self.without = {"segments": ""}

    def _begin(self) -> None:
        self._program = shutil.which("nft") or next(iter(sorted(map(str, Path("/usr/sbin").glob("nft")))), "")
        if not self._program:
            raise ConfigError("live.no_nft")
        _remove_left_over(self._program)
        self._open.callback(self._end_rules)
        self._start_rules()
        super()._begin()

    # --- rules -------------------------------------------------------------------------------------------------

    def _start_rules(self) -> None:
        """Make the table, owned by a program that lives as long as we do."""
        self._owner = subprocess.Popen(  # noqa: S603 - found by its name, no shell
            [self._program, "-i"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,  # Ctrl-C is ours to answer
        )  # fmt: skip
        if self._owner.stdin:
            self._owner.stdin.write(_rules(self._table, "flags owner; ").replace("\n", " ") + "\n")
            self._owner.stdin.flush()
        deadline = time.monotonic() + _BEGIN_S
        while time.monotonic() < deadline and self._owner.poll() is None:
            if self._is_there():
                return
            time.sleep(0.02)
        self._end_owner()
        done = self._run("-f", "-", given=_rules(self._table, ""))
        if done.returncode:
            first = done.stderr.strip().splitlines()[:1]
            if "Operation not permitted" in done.stderr:
                raise PermissionError(1, "Operation not permitted")
            raise OSError(5, "".join(first))

    def _is_there(self) -> bool:
        try:
            next(self._elements("in_before_4p"), None)
        except OSError:
            return False
        return True

    def _run(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - found by its name, no shell
            [self._program, *words], input=given, capture_output=True, text=True, check=False, timeout=_BEGIN_S
        )

    def _end_owner(self) -> None:
        if self._owner is not None:
            with contextlib.suppress(OSError):
                if self._owner.stdin:
                    self._owner.stdin.close()
            self._owner.kill()
            self._owner.wait()
            self._owner = None

    def _end_rules(self) -> None:
        if self._owner is not None:
            self._end_owner()
        else:
            self._run("delete", "table", "inet", self._table)

    # --- counts ------------------------------------------------------------------------------------------------

    def _judged(self, seen: NDArray[Any], since_ns: int) -> NDArray[Any]:
        """Return *seen* taken apart into what was accepted and what was refused since then."""
        try:
            refused = self._refused(since_ns)
        except FileNotFoundError as error:
            raise SourceError("live.rules_gone") from error
        chosen = np.isin(refused["interface"], list(self._interfaces.here))
        return self._verdicts.settle(seen, with_details(refused[chosen], seen))

    def _refused(self, since_ns: int) -> NDArray[Any]:
        """Return what was missing behind the firewall since the last call. Before is read before behind: nothing is made up."""
        found = []
        for point, (_, direction, _) in _POINTS.items():
            for suffix, (version, ported, _) in _SETS.items():
                name = f"{point}_{suffix}"
                now = self._set(name, 4 if version == "ipv4" else 6, ported=ported, direction=direction)
                if ported and point in ("in_behind", "out_before"):
                    _as_on_the_wire(now, behind=point == "in_behind")
                new = _since(now, self._before.get(name))
                self._before[name] = now
                found.append(_negative(new) if point.endswith("behind") else new)
        every = merged(np.concatenate([self._owed, *found])).copy()
        every["interval"] = since_ns // (self._config.interval_s * 1_000_000_000)
        every["first"] = every["last"] = since_ns
        packets = every["packets"].view(np.int64)
        self._owed = every[packets < 0]
        self._owed["interval"] = 0
        return every[packets > 0]

    def _elements(self, name: str) -> Iterator[bytes]:
        body = struct.pack("!BBH", _INET, 0, 0) + attribute(_LIST_TABLE, self._table.encode() + b"\0")
        for message in dump(NETFILTER, _GET_ELEMENTS, body + attribute(_LIST_SET, name.encode() + b"\0")):
            for kind, value in attributes(message[4:]):
                if kind == _LIST_ELEMENTS:
                    yield from (element for _, element in attributes(value))

    def _set(self, name: str, version: int, *, ported: bool, direction: int) -> NDArray[Any]:
        """Return the counts of a set, since its elements were made."""
        found = list(self._elements(name))
        rows = np.zeros(len(found), ROW)
        for place, element in enumerate(found):
            parts = dict(attributes(element))
            key = dict(attributes(parts[_KEY]))[_DATA_VALUE]
            counter = dict(attributes(dict(attributes(parts[_EXPRESSION]))[_EXPRESSION_DATA]))
            row = rows[place]
            (row["interface"],) = struct.unpack_from("=I", key)
            row["protocol"] = key[4]
            if version == 4:
                row["src"][1], row["dst"][1] = struct.unpack_from("!II", key, 8)
            else:
                addresses = struct.unpack_from("!4Q", key, 8)
                row["src"], row["dst"] = addresses[:2], addresses[2:]
            if ported:
                row["srcport"], row["dstport"] = struct.unpack_from("!HH", key, 16 if version == 4 else 40)
            (row["packets"],) = struct.unpack("!Q", counter[_COUNTER_PACKETS])
            (row["bytes"],) = struct.unpack("!Q", counter[_COUNTER_BYTES])
        rows["version"], rows["direction"] = version, direction
        return rows


def _as_on_the_wire(rows: NDArray[Any], *, behind: bool) -> None:
    """Give rows of translated connections, counted on the host's side of the translation, the ends that the wire has."""
    if not len(rows) or not conntrack.count():
        return
    wire: dict[tuple[int, ...], tuple[int, ...]] = {}
    for found in conntrack.translated():
        client, asked, server, answered = (_numbers(end) for end in found[1:])
        before, after = (*client, *asked), (*answered, *server)  # the way there, before and after its translation
        pairs = ((before, after), ((*server, *answered), (*asked, *client)))
        for came, went in pairs:
            inside, outside = (went, came) if behind else (came, went)
            wire[found.protocol, *inside] = outside
    if not wire:
        return
    for row in rows:
        key = (*map(int, row["src"]), int(row["srcport"]), *map(int, row["dst"]), int(row["dstport"]))
        ends = wire.get((int(row["protocol"]), *key))
        if ends:
            row["src"], row["srcport"], row["dst"], row["dstport"] = ends[:2], ends[2], ends[3:5], ends[5]


def _numbers(end: tuple[str, int]) -> tuple[int, int, int]:
    number = int(ipaddress.ip_address(end[0]))
    return number >> 64, number & (1 << 64) - 1, end[1]


def _since(now: NDArray[Any], before: NDArray[Any] | None) -> NDArray[Any]:
    """Return what was counted between two readings of a set."""
    if before is None or not len(before):
        return now
    rows = merged(np.concatenate([now, _negative(before)])).copy()
    return rows[rows["packets"].view(np.int64) > 0]


def _negative(rows: NDArray[Any]) -> NDArray[Any]:
    found = rows.copy()
    for name in ("packets", "bytes"):
        found[name] = -rows[name].astype(np.int64)
    return found


def _rules(table: str, flags: str) -> str:
    lines = [f"table inet {table} {{ {flags}"]
    for point, (interface, _, _) in _POINTS.items():
        for suffix, (_, ported, addresses) in _SETS.items():
            key = f"meta {interface} . meta l4proto . {addresses}{' . @th,0,32' if ported else ''}"
            lines.append(
                f"set {point}_{suffix} {{ typeof {key} ; flags dynamic,timeout ; timeout {_KEEP_S}s ; size 65536 ; counter ; }} ;"
            )
    for point, (interface, _, hooks) in _POINTS.items():
        for hook, priority in hooks:
            lines.append(f"chain {point}_{hook} {{ type filter hook {hook} priority {priority} ;")
            for suffix, (version, ported, addresses) in _SETS.items():
                key = f"meta {interface} . meta l4proto . {addresses}{' . @th,0,32' if ported else ''}"
                which = f"meta nfproto {version} meta l4proto {'' if ported else '!= '}{_WITH_PORTS}"
                lines.append(f"{which} update @{point}_{suffix} {{ {key} }} ;")
            lines.append("} ;")
    return "\n".join([*lines, "}"]) + "\n"


def _remove_left_over(program: str) -> None:
    """Remove tables of captures that were killed before they could: their names carry the process's number."""
    listed = subprocess.run(  # noqa: S603 - found by its name, no shell
        [program, "list", "tables", "inet"], capture_output=True, text=True, check=False, timeout=_BEGIN_S
    ).stdout
    for line in listed.splitlines():
        name = line.split()[-1] if line.split() else ""
        owner = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            subprocess.run([program, "delete", "table", "inet", name], check=False, timeout=_BEGIN_S)  # noqa: S603
