"""The router's sets → FlowCounts.

Two ways to read without losing a packet: elements are set to zero as they are read (Linux 6.5), or packets are made to count in a
second generation of sets, then the first is read and emptied.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.errors import ConfigError
from vpcflow.lab.accounting import ACCOUNTS, GENERATIONS, TABLE, TIMEOUT_S, Account, emptied, lost_name, switch
from vpcflow.lab.programs import run
from vpcflow.lab.set_dump import SetReader
from vpcflow.record.flow_counts import ACCEPT, EGRESS, INGRESS, REJECT, ROW, FlowCounts, Gap, merged, no_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from vpcflow.lab.set_dump import Elements

_TCP: Final = 6
_UDP: Final = 17
_ACK: Final = 16
_SYN: Final = 2
_DHCP: Final = ((67, 68), (546, 547))
_SETTLE_S: Final = 0.01
"""How long a packet may still be at the set that was in use when it came."""


class Counters:
    """Drains the table's sets. interfaces: ifindex of a device of the router → interface id.

    swapping: do not set to zero, swap (older kernels; the table must have both generations). The thread that makes and drains it
    is in the router's namespace.
    """

    def __init__(self, interfaces: Mapping[int, str], *, swapping: bool = False) -> None:
        self._names = tuple(interfaces.values())
        self._place = np.full(max(interfaces, default=0) + 1, -1, np.int64)
        for place, index in enumerate(interfaces):
            self._place[index] = place
        self._swapping = swapping
        self._generation = GENERATIONS[0]
        self._socket = SetReader.open()
        self._reader = SetReader(self._socket, TABLE, TIMEOUT_S * 1000, reset=not swapping)
        self._drained_ns = time.time_ns()
        # What was read before a drain failed is in the next one: the kernel has it no more, unless sets are swapped.
        self._read: list[NDArray[Any]] = []

    @staticmethod
    def can_reset() -> bool:
        """Tell whether this kernel sets elements to zero as they are read: it says so of a set that is not there."""
        netlink = SetReader.open()
        try:
            SetReader(netlink, TABLE, 0).read("none")
        except ConfigError as error:
            return error.values["reason"] == "ENOENT"
        finally:
            netlink.close()
        return True

    def drain(self) -> FlowCounts:
        """Return what was counted since the last drain. Flows of the same key are one row, DHCP's are left out as AWS does."""
        generation = self._generation
        if self._swapping:
            self._generation = GENERATIONS[1 - GENERATIONS.index(generation)]
            run("nft", ["-f", "-"], switch(self._generation))
            time.sleep(_SETTLE_S)
        since, now = self._drained_ns, time.time_ns()
        if self._swapping:
            self._read.clear()
        for account in ACCOUNTS:
            found = self._reader.read(account.set_name(generation))
            if found is not None:
                self._read.append(self._rows(account, found, since, now))
        gaps = tuple(gap for direction in ("eg", "in") for gap in self._gaps(direction, generation, now))
        if self._swapping:
            run("nft", ["-f", "-"], emptied(generation))
        self._drained_ns = now
        rows = merged(np.concatenate(self._read)) if self._read else no_rows()
        self._read = []
        dhcp = _is_dhcp(rows)
        counts = FlowCounts(rows[~dhcp], self._names, gaps=gaps)
        if dhcp.any():
            counts.left_out["dhcp"] = int(rows["packets"][dhcp].sum())
        return counts

    def close(self) -> None:
        """Let go of the kernel."""
        self._socket.close()

    def _gaps(self, direction: str, generation: str, now: int) -> list[Gap]:
        found = self._reader.read(lost_name(direction, generation))
        if found is None:
            return []
        devices = self._place[np.ascontiguousarray(found.key[:, :4]).view("<u4")[:, 0]]
        pairs = zip(devices.tolist(), found.packets.tolist(), strict=True)
        return [Gap(place, now, packets) for place, packets in pairs if packets and place >= 0]

    def _rows(self, account: Account, found: Elements, since: int, now: int) -> NDArray[Any]:
        counted = found.packets > 0
        key = found.key[counted]
        words = _Words(key)
        device, protocol = words.native(), np.full(len(key), _TCP, np.uint8)
        if account.kind != "t":
            protocol = words.first_byte()
        source, target = words.address(account.version), words.address(account.version)
        ports = words.ports() if account.kind != "x" else np.zeros((len(key), 2), np.uint16)
        mark = words.native()
        rows = np.zeros(len(key), ROW)
        rows["src"], rows["dst"] = source, target
        rows["srcport"], rows["dstport"] = ports[:, 0], ports[:, 1]
        rows["protocol"], rows["version"] = protocol, account.version
        rows["direction"] = INGRESS if account.direction == "in" else EGRESS
        rows["layer"] = mark >> 16
        rows["rule"] = mark & 0xFFFF
        rows["action"] = np.where(rows["layer"] > 0, REJECT, ACCEPT)
        rows["interface"] = self._place[device]
        rows["packets"], rows["bytes"] = found.packets[counted], found.bytes[counted]
        rows["last"] = now - found.age_ms[counted] * 1_000_000
        # With one packet its time is known; of several the first came after the last drain.
        rows["first"] = np.where(rows["packets"] == 1, rows["last"], np.minimum(rows["last"], since))
        if account.kind == "t":
            rows["flags"] = _reported(words.first_byte())
        return rows


class _Words:
    """Reads the parts of keys one after another; each begins at a multiple of 4 bytes."""

    def __init__(self, key: NDArray[np.uint8]) -> None:
        self._key, self._at = key, 0

    def _take(self, count: int) -> NDArray[np.uint8]:
        taken = np.ascontiguousarray(self._key[:, self._at : self._at + count])
        self._at += (count + 3) & ~3
        return taken

    def native(self) -> NDArray[np.uint32]:
        return self._take(4).view(np.uint32)[:, 0]

    def first_byte(self) -> NDArray[np.uint8]:
        return self._take(1)[:, 0]

    def ports(self) -> NDArray[np.uint16]:
        return self._take(4).view(">u2").astype(np.uint16)

    def address(self, version: int) -> NDArray[np.uint64]:
        """Return both halves of each address, as `ROW` has them."""
        if version == 6:
            return self._take(16).view(">u8").astype(np.uint64)
        found = np.zeros((len(self._key), 2), np.uint64)
        found[:, 1] = self._take(4).view(">u4")[:, 0]
        return found


def _reported(flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what AWS tells of a packet's flags: FIN, SYN and RST, and ACK only beside SYN (18)."""
    both = (flags & (_SYN | _ACK)) == (_SYN | _ACK)
    return np.where(both, flags & 7 | _ACK, flags & 7).astype(np.uint8)


def _is_dhcp(rows: NDArray[Any]) -> NDArray[np.bool_]:
    found = np.zeros(len(rows), bool)
    for ports in _DHCP:
        found |= np.isin(rows["srcport"], ports) & np.isin(rows["dstport"], ports) & (rows["protocol"] == _UDP)
    return found
