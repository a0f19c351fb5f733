"""The tap: flows of interfaces counted in the kernel, refused packets by the kernel's own word.

A socket that gets no packets carries the program that sees them all; a tracepoint carries the one that sees what is dropped. Both
go when this process does, however it ends. Nothing of the host is changed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture.ebpf import bpf
from vpcflow.capture.ebpf.btf import NoTypesError, Types
from vpcflow.capture.ebpf.elf import MapShape, Object
from vpcflow.capture.ebpf.settings import settings
from vpcflow.capture.links import bind_packets
from vpcflow.capture.live import Interfaces, counted, epoch_offset, own_packets
from vpcflow.capture.reasons import REASONS
from vpcflow.capture.verdicts import Verdicts
from vpcflow.record.flow_counts import ROW, UNKNOWN, no_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vpcflow.capture.live import Config
    from vpcflow.record.flow_counts import FlowCounts

_KEY: Final = [
    ("src", "<u8", (2,)), ("dst", "<u8", (2,)), ("interface", "<u4"), ("interval", "<u4"), ("srcport", "<u2"), ("dstport", "<u2"),
    ("protocol", "u1"), ("version", "u1"), ("direction", "u1"), ("spare", "u1"),
]  # fmt: skip
KEY: Final = np.dtype(_KEY)
DROP_KEY: Final = np.dtype([*_KEY, ("rule", "<u2"), ("layer", "<u2"), ("more", "<u4")])
COUNT: Final = np.dtype(
    [("first", "<i8"), ("last", "<i8"), ("packets", "<u8"), ("bytes", "<u8"), ("flags", "<u4"), ("spare", "<u4")]
)
"""`struct key`, `struct drop_key` and `struct count` of flow.bpf.c."""

_STEP_NS: Final = 1_000_000
"""A clock that goes wrong by more has been set."""


class _Swapped:
    """A table that programs count in, and one that is empty; they change places when the counts are taken."""

    def __init__(self, outer: MapShape, table: MapShape, entries: int, key: np.dtype[Any]) -> None:
        shape = table._replace(max_entries=entries)
        self._used = bpf.Map(shape)
        self._idle = bpf.Map(shape)
        self.outer = bpf.Map(outer, inner=self._used)
        self.outer.set(bytes(4), struct.pack("=I", self._used.fd))
        self._keys, self._counts = np.zeros(entries, key), np.zeros(entries, COUNT)

    def take(self, offset_ns: int) -> NDArray[Any]:
        """Return what was counted, as rows with the kernel's interface numbers."""
        self.outer.set(bytes(4), struct.pack("=I", self._idle.fd))
        self._used, self._idle = self._idle, self._used
        count = self._idle.take(self._keys, self._counts)
        keys, counts = self._keys[:count], self._counts[:count]
        rows = np.zeros(count, ROW)
        for name in ("src", "dst", "interface", "interval", "srcport", "dstport", "protocol", "version", "direction"):
            rows[name] = keys[name]
        for name in ("packets", "bytes", "flags"):
            rows[name] = counts[name]
        for name in ("first", "last"):
            rows[name] = counts[name] + offset_ns
        if "layer" in (keys.dtype.names or ()):
            rows["layer"], rows["rule"] = keys["layer"], keys["rule"]
        return rows

    def close(self) -> None:
        for each in (self.outer, self._used, self._idle):
            each.close()


class Tap:
    """See `Source`. Raises OSError where the kernel refuses the tap; without what only tells refusals it goes on without them."""

    name = "ebpf"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._interfaces = Interfaces(config)
        self._open = contextlib.ExitStack()
        self._sockets: dict[int, socket.socket] = {}
        self._verdicts = Verdicts()
        self._offset_ns = epoch_offset()
        self._lost: Counter[int] = Counter()
        self._told: Counter[int] = Counter()
        self._since_ns: int | None = None
        self._blind: set[int] = set()
        self.without: dict[str, str] = {}
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    # --- begin and end -----------------------------------------------------------------------------------------

    def _load(self) -> None:
        bpf.lift_memory_limit()
        found = Object.read(resources.files(__package__).joinpath("flow.bpf.o").read_bytes())
        maps = found.maps
        entries = self._config.max_flows
        self._flows = self._swapped(maps["flows"], maps["flow_table"], entries, KEY)
        self._drops = self._swapped(maps["drops"], maps["drop_table"], entries, DROP_KEY)
        self._maps = {name: self._held(bpf.Map(maps[name])) for name in ("epoch", "chosen", "lost", "reasons")}
        self._set_clock()
        refusals = self._refusals(found)
        program = self._program(found, "socket", bpf.SOCKET_FILTER, settings(self._config, None))
        self._tap_program = program
        self._attach()
        if refusals is not None:
            try:
                self._open.callback(os.close, bpf.attach_to_tracepoint(refusals, "kfree_skb"))
            except OSError as error:
                self._no_refusals(error)

    @property
    def ids(self) -> dict[str, str]:
        """See `Source`."""
        return self._interfaces.ids

    def _refusals(self, found: Object) -> int | None:
        """Load the program that sees refused packets; None where that is not possible."""
        try:
            return self._program(found, "raw_tp", bpf.RAW_TRACEPOINT, settings(self._config, Types.of_kernel()))
        except (NoTypesError, OSError) as error:
            self._no_refusals(error)
        return None

    def _no_refusals(self, error: Exception) -> None:
        self.without["action"] = getattr(error, "strerror", None) or str(error)

    def _swapped(self, outer: MapShape, table: MapShape, entries: int, key: np.dtype[Any]) -> _Swapped:
        made = _Swapped(outer, table, entries, key)
        self._open.callback(made.close)
        return made

    def _held(self, made: bpf.Map) -> bpf.Map:
        self._open.callback(made.close)
        return made

    def _program(self, found: Object, section: str, kind: int, constants: bytes) -> int:
        shape = MapShape(bpf.ARRAY, 4, len(found.constants), 1)
        frozen = self._held(bpf.constants(constants, shape))

        def map_fd(name: str) -> int:
            swapped = {"flows": self._flows, "drops": self._drops}
            return swapped[name].outer.fd if name in swapped else self._maps[name].fd

        program = bpf.load(kind, found.program(section, map_fd, frozen.fd), found.licence)
        self._open.callback(os.close, program)
        return program

    def close(self) -> None:
        """See `Source`."""
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()
        self._open.close()

    # --- interfaces --------------------------------------------------------------------------------------------

    def _attach(self) -> None:
        """Have a socket at each chosen interface, or one at all of them."""
        wanted = set(self._interfaces.here) if self._config.interfaces else {0}
        for index in set(self._sockets) - wanted:
            self._sockets.pop(index).close()
            self._maps["chosen"].delete(struct.pack("=I", index))
        for index in wanted - set(self._sockets):
            if index:
                self._maps["chosen"].set(struct.pack("=I", index), bytes(4))
            try:
                self._sockets[index] = self._socket(index)
            except OSError as error:
                if error.errno not in (errno.ENODEV, errno.ENXIO) or self._since_ns is None:
                    raise
                continue  # it is gone again
            if self._since_ns is not None:  # it was there for a while before we saw it
                self._blind.add(index)

    def _socket(self, index: int) -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        try:
            bpf.attach_to_socket(self._tap_program, made.fileno())
            bind_packets(made, index)
        except BaseException:
            made.close()
            raise
        return made

    # --- draining ----------------------------------------------------------------------------------------------

    def drain(self, now_ns: int) -> FlowCounts:
        """See `Source`."""
        offset = self._offset_ns
        seen = self._flows.take(offset)
        refused = self._drops.take(offset) if not self.without else no_rows()
        lost, left_out = self._new_losses(), self._new_reasons()
        since_ns, self._since_ns = self._since_ns if self._since_ns is not None else now_ns, now_ns
        seen = own_packets(seen, self._interfaces.ports(), left_out)
        if self.without:
            seen["action"] = UNKNOWN
            rows = seen
        else:
            rows = self._verdicts.settle(seen, refused)
        lost |= dict.fromkeys(self._blind - set(lost))
        self._blind.clear()
        answer = counted(rows, lost, left_out, self._interfaces, self._config, since_ns)
        self._interfaces.refresh()
        self._attach()
        self._set_clock()
        return answer

    def _set_clock(self) -> None:
        now = epoch_offset()
        if abs(now - self._offset_ns) > _STEP_NS or self._since_ns is None:
            self._offset_ns = now
            self._maps["epoch"].set(bytes(4), struct.pack("=q", now))

    def _new_losses(self) -> dict[int, int | None]:
        keys = self._maps["lost"].keys()
        now = Counter({struct.unpack("=I", key)[0]: _number(self._maps["lost"].get(key)) for key in keys})
        new = now - self._lost
        self._lost = now
        return dict(new)

    def _new_reasons(self) -> Counter[str]:
        size = bpf.processors() * 8
        now: Counter[int] = Counter()
        for number in range(1, len(REASONS)):
            raw = self._maps["reasons"].get(struct.pack("=I", number), size) or bytes(size)
            now[number] = int(np.frombuffer(raw, np.uint64).sum())
        new = now - self._told
        self._told = now
        return Counter({REASONS[number]: count for number, count in new.items()})


def _number(value: bytes | None) -> int:
    return int(struct.unpack("=Q", value)[0]) if value else 0
